"""One type per meaning: ids are `NewType`s over bytes, secrets are classes that hide in `repr`.

An id is public inside the cell and costs nothing to make; a secret compares in constant time and is
taken out of its wrapper only where a primitive needs the bytes.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final, NewType, final

EntryId = NewType("EntryId", bytes)  # 32 bytes: BLAKE2b-256 of the header
CircleId = NewType("CircleId", bytes)  # 32 bytes: the id of the circle's `found` entry
DeviceId = NewType("DeviceId", bytes)  # 32 bytes: the id of the entry that introduced the device
MemberId = NewType("MemberId", bytes)  # 32 bytes: the id of the member's `admit` or `found` entry
CaseId = NewType("CaseId", bytes)  # 32 bytes: random, or derived from an external id
EpochId = NewType("EpochId", bytes)  # 32 bytes: the id of the `found` or `rotate` entry
Incarnation = NewType("Incarnation", bytes)  # 8 bytes: random, one per life of a device's store
Ref = NewType("Ref", bytes)  # 10 bytes: first 8 of an entry's id, then an operation's index (big-endian)

SigningPublic = NewType("SigningPublic", bytes)  # 32 bytes, Ed25519
SessionPublic = NewType("SessionPublic", bytes)  # 32 bytes, X25519
SealPublic = NewType("SealPublic", bytes)  # 1,216 bytes, X-Wing
KemPublic = NewType("KemPublic", bytes)  # 1,184 bytes, ML-KEM-768, of one handshake
Signature = NewType("Signature", bytes)  # 64 bytes, Ed25519
Wrap = NewType("Wrap", bytes)  # 1,168 bytes: the root of an epoch, sealed to one X-Wing key

Millis = NewType("Millis", int)  # ms since 1970 UTC: a claim, never an authority
Day = NewType("Day", int)  # UTC days since 1970

ID_BYTES: Final = 32
INCARNATION_BYTES: Final = 8
REF_BYTES: Final = 10
NO_ID: Final = bytes(ID_BYTES)

MILLIS_PER_DAY: Final = 86_400_000


def day_of(clock: Millis) -> Day:
    """The UTC day that a clock reading falls on."""
    return Day(clock // MILLIS_PER_DAY)


class Secret:
    """Bytes that must not be shown: hidden in `repr`, compared in constant time, not hashable."""

    __slots__ = ("_bytes",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, secret: bytes) -> None:
        self._bytes = bytes(secret)

    def reveal(self) -> bytes:
        """The bytes themselves, for a primitive. Never log, print or raise them."""
        return self._bytes

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return hmac.compare_digest(self._bytes, other._bytes)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(hidden)"

    def __reduce__(self) -> str:
        raise TypeError("secrets are not pickled")


@final
class SigningSecret(Secret):
    """Ed25519 seed of a device, 32 bytes."""

    __slots__ = ("_expanded",)

    def expanded(self, derive: Callable[[bytes], bytes]) -> bytes:
        """The form that signs, which `derive` makes of the seed: once, because it takes as long as a signature.

        It is kept here, so it lives as long as the secret does, and no longer.
        """
        try:
            return self._expanded
        except AttributeError:
            self._expanded: bytes = derive(self._bytes)
            return self._expanded


@final
class SessionSecret(Secret):
    """X25519 secret key of a device, 32 bytes."""


@final
class SealSecret(Secret):
    """X-Wing secret key of a device in one circle."""


@final
class KemSecret(Secret):
    """ML-KEM-768 seed of one handshake, 64 bytes."""


@final
class Psk(Secret):
    """The pre-shared key of one conversation, 32 bytes: of a circle on a day, or of a pairing."""


@final
class RecoverySecret(Secret):
    """Ed25519 seed of a circle's recovery key, 32 bytes; printed once, never stored."""


@final
class EpochSecret(Secret):
    """The root of an epoch, 32 bytes; deleted as soon as its four branches are derived."""


@final
class BranchState(Secret):
    """One branch of an epoch at one day, 32 bytes; ratchets one way."""


@final
class PairingSecret(Secret):
    """The 128-bit secret of one invitation."""


@final
class MasterKey(Secret):
    """The vault's random master key, 32 bytes, wrapped by each key slot."""


@final
class LockKey(Secret):
    """What a circle's own passphrase is derived to, 32 bytes: it opens that circle's lock in the header."""


@final
class DatabaseKey(Secret):
    """The raw key of one circle's database, 32 bytes."""


@final
class Passphrase(Secret):
    """A passphrase, UTF-8 of its NFC form."""
