"""A seal to one device: HPKE (RFC 9180, base mode) with X-Wing, HKDF-SHA256 and ChaCha20-Poly1305.

A device that was away opens an epoch's secret with its seal key (protocol/10-crypto.md). The key is renewed
right after use, so a device seized later opens little; hence it is a 32-byte seed, cheap to make and to throw
away. X-Wing combines ML-KEM-768 and X25519: a seal holds as long as either does.

`info` binds the seal to its purpose and place (a label, then the ids it belongs to): bytes sealed for one place do
not open in another. The seal does not authenticate its sender; the signed entry around it does.
"""

from __future__ import annotations

from cellsync.core.crypto.primitives import KEY_BYTES, hpke_open, hpke_seal, xwing_public
from cellsync.core.errors import InvalidValue
from cellsync.core.ids import SealPublic, SealSecret


def seal_keypair(entropy: bytes) -> tuple[SealSecret, SealPublic]:
    """A seal key from 32 random bytes: the secret is the X-Wing seed, the public half has 1,216 bytes."""
    if len(entropy) != KEY_BYTES:
        raise InvalidValue("a seal key is made from 32 bytes")
    secret = SealSecret(entropy)
    return secret, xwing_public(secret)


def seal(public: SealPublic, info: bytes, plaintext: bytes) -> bytes:
    """`plaintext` sealed to `public`, 1,136 bytes longer. `Malformed` if `public` is not a key."""
    return hpke_seal(public, info, plaintext)


def unseal(secret: SealSecret, info: bytes, sealed: bytes) -> bytes:
    """The plaintext sealed to this key with this `info`. `Malformed` if it was not."""
    return hpke_open(secret, info, sealed)
