"""ML-KEM-768's and X-Wing's encapsulation with given randomness, and HPKE's seal over it (protocol/10-crypto.md).

Libraries draw this randomness themselves. Vectors need it fixed, so it is written out here from FIPS 203, from
draft-connolly-cfrg-xwing-kem and from RFC 9180; in nothing but vectors. Each result is opened again with a library.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

Q, N, K = 3_329, 256, 3
Poly = list[int]

ZETAS = [pow(17, int(f"{i:07b}"[::-1], 2), Q) for i in range(128)]
GAMMAS = [pow(17, 2 * int(f"{i:07b}"[::-1], 2) + 1, Q) for i in range(128)]


# --- FIPS 203, section 4 --------------------------------------------------------------------------


def bits(data: bytes) -> list[int]:
    return [byte >> at & 1 for byte in data for at in range(8)]


def decoded(data: bytes, width: int) -> Poly:
    flat = bits(data)
    return [sum(flat[width * i + j] << j for j in range(width)) for i in range(N)]


def encoded(poly: Poly, width: int) -> bytes:
    number = sum(value << width * at for at, value in enumerate(poly))
    return number.to_bytes(N * width // 8, "little")


def compressed(poly: Poly, width: int) -> Poly:
    return [((value << width + 1) + Q) // (2 * Q) % (1 << width) for value in poly]


def sampled_uniform(seed: bytes) -> Poly:
    """SampleNTT."""
    stream, found, at = hashlib.shake_128(seed).digest(3 * 504), Poly(), 0
    while len(found) < N:
        one, two, three = stream[at : at + 3]
        found += [value for value in (one + 256 * (two % 16), two // 16 + 16 * three) if value < Q]
        at += 3
    return found[:N]


def sampled_small(seed: bytes, number: int) -> Poly:
    """SamplePolyCBD with η = 2, which is both η of ML-KEM-768."""
    flat = bits(hashlib.shake_256(seed + bytes([number])).digest(128))
    return [(flat[4 * i] + flat[4 * i + 1] - flat[4 * i + 2] - flat[4 * i + 3]) % Q for i in range(N)]


def ntt(poly: Poly) -> Poly:
    poly, number, length = poly[:], 1, 128
    while length >= 2:
        for start in range(0, N, 2 * length):
            for j in range(start, start + length):
                turned = ZETAS[number] * poly[j + length] % Q
                poly[j + length], poly[j] = (poly[j] - turned) % Q, (poly[j] + turned) % Q
            number += 1
        length //= 2
    return poly


def inverse_ntt(poly: Poly) -> Poly:
    poly, number, length = poly[:], 127, 2
    while length <= 128:
        for start in range(0, N, 2 * length):
            for j in range(start, start + length):
                one, other = poly[j], poly[j + length]
                poly[j], poly[j + length] = (one + other) % Q, ZETAS[number] * (other - one) % Q
            number -= 1
        length *= 2
    return [value * 3_303 % Q for value in poly]


def product(one: Poly, other: Poly) -> Poly:
    """MultiplyNTTs."""
    result = Poly()
    for i, gamma in enumerate(GAMMAS):
        (a0, a1), (b0, b1) = one[2 * i : 2 * i + 2], other[2 * i : 2 * i + 2]
        result += [(a0 * b0 + a1 * b1 * gamma) % Q, (a0 * b1 + a1 * b0) % Q]
    return result


def total(*polys: Poly) -> Poly:
    return [sum(values) % Q for values in zip(*polys, strict=True)]


# --- section 5 and 6 ------------------------------------------------------------------------------


def mlkem_encapsulated(public: bytes, m: bytes) -> tuple[bytes, bytes]:
    """The secret and the ciphertext, for 32 random bytes `m`."""
    both = hashlib.sha3_512(m + hashlib.sha3_256(public).digest()).digest()
    secret, r = both[:32], both[32:]
    rows, rho = [decoded(public[384 * i : 384 * i + 384], 12) for i in range(K)], public[384 * K :]
    y = [ntt(sampled_small(r, i)) for i in range(K)]
    u = [
        total(
            inverse_ntt(total(*(product(sampled_uniform(rho + bytes([i, j])), y[j]) for j in range(K)))),
            sampled_small(r, K + i),
        )
        for i in range(K)
    ]
    message = [bit * ((Q + 1) // 2) for bit in bits(m)]
    v = total(inverse_ntt(total(*(product(rows[i], y[i]) for i in range(K)))), sampled_small(r, 2 * K), message)
    return secret, b"".join(encoded(compressed(poly, 10), 10) for poly in u) + encoded(compressed(v, 4), 4)


def xwing_keys(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey, bytes]:
    """The two secret keys in an X-Wing seed, and the public key."""
    expanded = hashlib.shake_256(seed).digest(96)
    kem, curve = MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])
    return kem, curve, kem.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()


def sealed(public: bytes, info: bytes, plaintext: bytes, randomness: bytes) -> bytes:
    """HPKE, base mode, one message: for 64 random bytes, ML-KEM's m and an X25519 secret."""
    kem_secret, kem_ciphertext = mlkem_encapsulated(public[:1_184], randomness[:32])
    curve = X25519PrivateKey.from_private_bytes(randomness[32:])
    ephemeral, remote = curve.public_key().public_bytes_raw(), public[1_184:]
    shared = curve.exchange(X25519PublicKey.from_public_bytes(remote))
    joint = hashlib.sha3_256(kem_secret + shared + ephemeral + remote + b"\\.//^\\").digest()
    suite = b"HPKE" + bytes.fromhex("647a 0001 0003")

    def extract(label: bytes, material: bytes, salt: bytes = b"") -> bytes:
        return hmac.digest(salt, b"HPKE-v1" + suite + label + material, "sha256")

    def expand(key: bytes, label: bytes, context: bytes, size: int) -> bytes:
        return hmac.digest(key, size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context + b"\1", "sha256")[:size]

    context = b"\0" + extract(b"psk_id_hash", b"") + extract(b"info_hash", info)
    key = extract(b"secret", b"", salt=joint)
    cipher = ChaCha20Poly1305(expand(key, b"key", context, 32))
    return kem_ciphertext + ephemeral + cipher.encrypt(expand(key, b"base_nonce", context, 12), plaintext, b"")
