"""A Noise conversation with fixed randomness, both sides at once, from protocol/10-crypto.md: handshake, then frames.

What is made here is a list of *pieces*: some bytes, each with a note that says what they are.
"""

from __future__ import annotations

import hmac
from hashlib import blake2b
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from protocol.generate.encapsulation import mlkem_encapsulated

CALLER, CALLEE = b"\x01", b"\x02"
CLASSES = (256, 1_024, 4_096, 16_384, 65_519)
PATTERNS = {"session": b"IKpsk0", "pairing": b"NNpsk0"}
HINTS = {"session": b"cs1 hint", "pairing": b"cs1 pair hint"}

Piece = tuple[bytes, str]
Pieces = list[Piece]


def h(label: bytes, data: bytes, key: bytes = b"", size: int = 32) -> bytes:
    return blake2b(data, digest_size=size, key=key, person=label).digest()


def joined(pieces: Pieces) -> bytes:
    return b"".join(part for part, _ in pieces)


def xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def x25519(secret: bytes, public: bytes | None = None) -> bytes:
    """The public key of a secret, or what it shares with another's."""
    key = X25519PrivateKey.from_private_bytes(secret)
    if public is None:
        return key.public_key().public_bytes_raw()
    return key.exchange(X25519PublicKey.from_public_bytes(public))


class Symmetric:
    """The SymmetricState of Noise. Both sides have the same, so one will do."""

    def __init__(self, name: bytes) -> None:
        self.hash = self.chain = name.ljust(64, b"\0")
        self.key, self.nonce = b"", 0

    def _hkdf(self, material: bytes, outputs: int) -> list[bytes]:
        key, results = hmac.digest(self.chain, material, "blake2b"), [b""]
        for number in range(1, outputs + 1):
            results.append(hmac.digest(key, results[-1] + bytes([number]), "blake2b"))
        return results[1:]

    def mix_hash(self, data: bytes) -> None:
        self.hash = blake2b(self.hash + data).digest()

    def mix_key(self, material: bytes) -> None:
        self.chain, key = self._hkdf(material, 2)
        self.key, self.nonce = key[:32], 0

    def mix_key_and_hash(self, material: bytes) -> None:
        self.chain, middle, key = self._hkdf(material, 3)
        self.mix_hash(middle)
        self.key, self.nonce = key[:32], 0

    def ephemeral(self, public: bytes) -> None:
        self.mix_hash(public)
        self.mix_key(public)  # because there is a psk

    def sealed(self, plaintext: bytes) -> bytes:
        nonce = bytes(4) + self.nonce.to_bytes(8, "little")
        ciphertext = ChaCha20Poly1305(self.key).encrypt(nonce, plaintext, self.hash)
        self.nonce += 1
        self.mix_hash(ciphertext)
        return ciphertext

    def split(self) -> tuple[bytes, bytes]:
        one, two = self._hkdf(b"", 2)
        return one[:32], two[:32]


class Drawn(NamedTuple):
    """What one side draws: its ephemeral key, then the seed of its ML-KEM key or the m of its encapsulation."""

    ephemeral: bytes
    kem: bytes
    padding: int


class Side:
    """One direction: frames under its cipher key."""

    def __init__(self, key: bytes) -> None:
        self.key, self.frame_key, self.number = key, h(b"cs1 frame key", b"", key), 0

    def frame(self, payload: Pieces) -> tuple[Pieces, Pieces]:
        """The plaintext of the next frame, and its bytes on the wire."""
        length = len(joined(payload))
        size = next(size for size in CLASSES if length + 2 <= size)
        zeros = size - length - 2
        plaintext = [(length.to_bytes(2, "big"), f"length of the payload: {length:,}"), *payload]
        plaintext.append((bytes(zeros), f"zeros, up to {size:,} bytes"))
        nonce = bytes(4) + self.number.to_bytes(8, "little")
        ciphertext = ChaCha20Poly1305(self.key).encrypt(nonce, joined(plaintext), b"")
        mask = h(b"cs1 frame mask", self.number.to_bytes(8, "big"), self.frame_key, 2)
        self.number += 1
        length_piece = (xor(len(ciphertext).to_bytes(2, "big"), mask), f"{len(ciphertext):,}, masked")
        return plaintext, [length_piece, (ciphertext, "ciphertext")]


class Conversation:
    """A handshake of kind `session` or `pairing`, and what follows from it."""

    def __init__(
        self, kind: str, psk: bytes, versions: bytes, caller: Drawn, callee: Drawn, statics: tuple[bytes, bytes] | None,
        carrier: bytes = b"lan", callees: bytes | None = None, claimed: bytes | None = None,
    ) -> None:  # fmt: skip
        """`statics`: the secret X25519 keys of the caller and of the callee, in a session.

        `callees`: its versions. `claimed`: in place of the caller's ML-KEM key.
        """
        suite = b"25519_ChaChaPoly_BLAKE2b"
        state = Symmetric(b"Noise_" + PATTERNS[kind] + b"_" + suite)
        self.prologue = b"cellsync/1 noise\0" + b"\x01" + suite + b"\0" + carrier
        state.mix_hash(self.prologue)
        if statics:
            state.mix_hash(x25519(statics[1]))

        kem = MLKEM768PrivateKey.from_seed_bytes(caller.kem)
        kem_public = kem.public_key().public_bytes_raw()
        one, two = x25519(caller.ephemeral), x25519(callee.ephemeral)

        state.mix_key_and_hash(psk)
        state.ephemeral(one)
        message: Pieces = []
        if statics:
            state.mix_key(x25519(caller.ephemeral, x25519(statics[1])))
            message.append((state.sealed(x25519(statics[0])), "the caller's static key, sealed"))
            state.mix_key(x25519(*(statics[0], x25519(statics[1]))))
        payload = (claimed or kem_public) + versions + bytes(caller.padding)
        message.append((state.sealed(payload), f"ML-KEM key, versions, {caller.padding} zeros; sealed"))
        self.opening = self._header(kind, psk, CALLER, b"", one, message)

        state.ephemeral(two)
        state.mix_key(x25519(callee.ephemeral, one))
        if statics:
            state.mix_key(x25519(callee.ephemeral, x25519(statics[0])))
        self.secret, self.ciphertext = mlkem_encapsulated(kem_public, callee.kem)
        assert kem.decapsulate(self.ciphertext) == self.secret
        payload = self.ciphertext + (versions if callees is None else callees) + bytes(callee.padding)
        message = [(state.sealed(payload), f"ML-KEM ciphertext, versions, {callee.padding} zeros; sealed")]
        self.reply = self._header(kind, psk, CALLEE, one, two, message)

        state.mix_key_and_hash(self.secret)
        self.hash = state.hash
        caller_key, callee_key = state.split()
        self.caller, self.callee = Side(caller_key), Side(callee_key)

    @staticmethod
    def _header(kind: str, psk: bytes, role: bytes, context: bytes, ephemeral: bytes, rest: Pieces) -> Pieces:
        key = h(b"cs1 hint key", b"", psk)
        plain = ephemeral + len(joined(rest)).to_bytes(2, "big")
        hint = h(HINTS[kind], role + context + plain, key, 8)
        mask = h(b"cs1 mask", role + context + hint, key, 34)
        return [(hint, "hint"), (xor(plain, mask), f"ephemeral key and u16({len(joined(rest)):,}), covered"), *rest]
