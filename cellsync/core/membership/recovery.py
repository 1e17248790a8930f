"""Recovery keys: made from a secret on paper, they speak for a circle and open what is sealed to it.

    Ed25519 = H("cs1 recovery", "sign", key = secret)          X-Wing = H("cs1 recovery", "seal", key = secret)

    recovery  shape [[Ed25519, X-Wing], [id, …]]    content salt ‖ nil
              the ids of the entries whose keys it replaces: the `found`, or other `recovery` entries

A `found` of the older form names an Ed25519 key alone, whose secret key is the secret on paper. Such a key has
authority, and opens nothing. (protocol/40-membership.md, Recovery keys)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Final, NamedTuple

from cellsync.core.crypto import labels, primitives
from cellsync.core.ids import (
    ID_BYTES,
    EntryId,
    RecoverySecret,
    SealPublic,
    SealSecret,
    SigningPublic,
    SigningSecret,
)
from cellsync.core.wire import codec

MOST_REPLACED: Final = 16
SEAL_PUBLIC_BYTES: Final = 1_216


class RecoveryKeys(NamedTuple):
    """The public halves of a recovery key."""

    signing: SigningPublic
    seal: SealPublic | None  # None in a `found` of the older form


class RecoverySecrets(NamedTuple):
    """The secret halves, from paper."""

    signing: SigningSecret
    seal: SealSecret


def from_paper(secret: RecoverySecret) -> RecoverySecrets:
    """The keys that a secret of 32 random bytes gives."""
    signing, seal = (primitives.blake2b(labels.RECOVERY, use, key=secret.reveal()) for use in (b"sign", b"seal"))
    return RecoverySecrets(SigningSecret(signing), SealSecret(seal))


class Recovery(NamedTuple):
    """The operation of a `recovery` entry."""

    keys: RecoveryKeys
    replaced: tuple[EntryId, ...]  # ascending

    def __repr__(self) -> str:
        return "<recovery>"


def encode(recovery: Recovery, salt: bytes) -> tuple[bytes, bytes]:
    """(shape, content) of a `recovery` entry."""
    return codec.encode([list(recovery.keys), sorted(recovery.replaced)]), salt + codec.encode(None)


def read(shape: object, content: object) -> Recovery | None:
    """The operation in a decoded shape and content; None if they lack the form."""
    match shape, content:
        case [[bytes(signing), bytes(seal)], [*replaced]], None if len(replaced) <= MOST_REPLACED:
            ids = [EntryId(one) for one in replaced if type(one) is bytes and len(one) == ID_BYTES]
            if len(ids) < len(replaced) or any(one >= other for one, other in pairwise(ids)):
                return None
            if are_keys(signing, seal):
                return Recovery(RecoveryKeys(SigningPublic(signing), SealPublic(seal)), tuple(ids))
    return None


def are_keys(signing: bytes, seal: bytes) -> bool:
    """Whether these bytes are the two public halves of a recovery key."""
    return primitives.is_signing_key(signing) and len(seal) == SEAL_PUBLIC_BYTES and primitives.is_seal_key(seal)


class Replacements:
    """Which entries brought in recovery keys, and which of those each replaces: ids and places only, no keys."""

    def __init__(self) -> None:
        self._brought: dict[EntryId, tuple[int, tuple[EntryId, ...]]] = {}  # entry -> (its slot, those it replaces)

    def take(self, entry: EntryId, slot: int, replaced: Iterable[EntryId] = ()) -> None:
        self._brought[entry] = slot, tuple(replaced)

    def in_force(self, counts: Callable[[int], bool]) -> list[int]:
        """The slots of the entries whose keys are in force, in order of arrival. `counts`: whether an entry counts."""
        counting = {entry: place for entry, place in self._brought.items() if counts(place[0])}
        gone = {one for _, replaced in counting.values() for one in replaced}
        return [slot for entry, (slot, _) in counting.items() if entry not in gone]
