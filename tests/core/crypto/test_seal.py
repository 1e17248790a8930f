"""A sealed secret opens only with its key and in its place."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import example, given
from hypothesis import strategies as st

from cellsync.core.crypto.primitives import SEAL_OVERHEAD
from cellsync.core.crypto.seal import seal, seal_keypair, unseal
from cellsync.core.errors import InvalidValue, Malformed
from tests.core.noise import any_bytes

SECRET, PUBLIC = seal_keypair(b"\x01" * 32)
OTHER, _ = seal_keypair(b"\x02" * 32)
SEALED = seal(PUBLIC, b"place", b"sixteen byte key")


@given(st.binary(max_size=200), st.binary(max_size=100))
def test_round_trip(plaintext: bytes, info: bytes) -> None:
    sealed = seal(PUBLIC, info, plaintext)
    assert len(sealed) == len(plaintext) + SEAL_OVERHEAD
    assert unseal(SECRET, info, sealed) == plaintext


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
@example(1_119, 0x80)  # the bit that X25519 ignores: X-Wing hashes it all the same
def test_no_changed_byte_opens(place: int, change: int) -> None:
    changed = bytearray(SEALED)
    changed[place] ^= change
    with pytest.raises(Malformed):
        unseal(SECRET, b"place", bytes(changed))


@given(any_bytes(1_300))
def test_random_bytes_do_not_open(sealed: bytes) -> None:
    with pytest.raises(Malformed):
        unseal(SECRET, b"place", sealed)


def test_another_key_or_place_does_not_open_it() -> None:
    for secret, info in ((OTHER, b"place"), (SECRET, b"elsewhere"), (SECRET, b"")):
        with pytest.raises(Malformed):
            unseal(secret, info, SEALED)


def test_sealing_twice_differs_but_the_key_comes_from_the_entropy() -> None:
    assert seal(PUBLIC, b"place", b"x") != seal(PUBLIC, b"place", b"x")
    assert seal_keypair(b"\x01" * 32) == (SECRET, PUBLIC)


def test_a_key_is_made_from_32_bytes() -> None:
    with pytest.raises(InvalidValue):
        seal_keypair(bytes(31))


# --- from the specification ---------------------------------------------------------------------------


_LABEL = b"\\.//^\\"


def hpke_opened(seed: bytes, public: bytes, info: bytes, sealed: bytes) -> bytes:
    """HPKE base mode, from RFC 9180 and the numbers in protocol/10-crypto.md, over X-Wing as its draft has it."""
    expanded = hashlib.shake_256(seed).digest(96)
    encapsulated, ciphertext = sealed[:1_120], sealed[1_120:]
    secret = MLKEM768PrivateKey.from_seed_bytes(expanded[:64]).decapsulate(encapsulated[:1_088])
    remote = X25519PublicKey.from_public_bytes(encapsulated[1_088:])
    shared = X25519PrivateKey.from_private_bytes(expanded[64:]).exchange(remote)
    joint = hashlib.sha3_256(secret + shared + encapsulated[1_088:] + public[1_184:] + _LABEL).digest()
    suite = b"HPKE" + bytes.fromhex("647a 0001 0003")

    def extract(salt: bytes, label: bytes, material: bytes) -> bytes:
        return hmac.digest(salt, b"HPKE-v1" + suite + label + material, "sha256")

    def expand(key: bytes, label: bytes, context: bytes, size: int) -> bytes:
        labelled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context
        return hmac.digest(key, labelled + b"\1", "sha256")[:size]

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    key = extract(joint, b"secret", b"")
    aead = ChaCha20Poly1305(expand(key, b"key", context, 32))
    return aead.decrypt(expand(key, b"base_nonce", context, 12), ciphertext, b"")


def test_what_the_specification_says_opens_what_we_seal() -> None:
    seed = bytes(range(32))
    _, public = seal_keypair(seed)
    assert hpke_opened(seed, public, b"info", seal(public, b"info", b"root" * 8)) == b"root" * 8
