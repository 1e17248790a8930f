"""A seal to one device: HPKE (RFC 9180, base mode) with X-Wing, HKDF-SHA256 and ChaCha20-Poly1305.

A seal key is what lets a device that was away open the secret of an epoch (protocol/10-crypto.md). It is
renewed right after use, so that a device seized later opens little; hence it is a seed of 32 bytes, cheap to
make and to throw away. X-Wing joins ML-KEM-768 and X25519: what is sealed stays closed if either holds.

`info` says what is sealed and where (a label, then the ids it belongs to): bytes sealed for one place do not
open in another. Nothing says who sealed them; the signed entry around them does.
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
    """What was sealed to this key with this `info`. `Malformed` if it was not."""
    return hpke_open(secret, info, sealed)
