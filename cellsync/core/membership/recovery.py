"""Recovery keys: made from a secret on paper, they speak for a circle and open what is sealed to it.

    Ed25519 = H("cs1 recovery", "sign", key = secret)          X-Wing = H("cs1 recovery", "seal", key = secret)

    recovery  shape [[Ed25519, X-Wing], [[id, signature], …]]    content salt ‖ nil
              the ids of the entries whose keys it replaces (the `found`, or other `recovery` entries), each with a
              signature by the key that is replaced

A coordinator alone can only add a key: who holds the paper decides about the paper.

A `found` of the older form names an Ed25519 key alone, whose secret key is the secret on paper. Such a key has
authority, and opens nothing. (protocol/40-membership.md, Recovery keys)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from cellsync.core.crypto import labels, primitives
from cellsync.core.ids import (
    CircleId,
    DeviceId,
    EntryId,
    RecoverySecret,
    SealPublic,
    SealSecret,
    Signature,
    SigningPublic,
    SigningSecret,
)
from cellsync.core.membership.rows import is_id, table
from cellsync.core.wire import codec
from cellsync.core.wire.tags import Kind

MOST_REPLACED: Final = 16
SEAL_PUBLIC_BYTES: Final = 1_216
SIGNATURE_BYTES: Final = 64


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


def signing_secrets(secret: RecoverySecret) -> tuple[SigningSecret, SigningSecret]:
    """The keys with which a paper may sign: that of this form, and that of a `found` of the older form."""
    return from_paper(secret).signing, SigningSecret(secret.reveal())


WRITES: Final = frozenset(
    {
        Kind.ADMIT, Kind.SET_ROLE, Kind.REMOVE, Kind.ENDORSE, Kind.ROTATE, Kind.REWRAP, Kind.RELEASE, Kind.REQUIRE,
        Kind.RECOVERY, Kind.SETTINGS,
    }
)  # fmt: skip
"""The kinds that whoever has the paper may write with it, without a grant; from edition 2 on."""


def device(signing: SigningPublic) -> DeviceId:
    """The id under which a recovery key writes. What introduces it is the entry that brought the key in."""
    return DeviceId(primitives.blake2b(labels.RECOVERY, b"name" + signing))


class Replaced(NamedTuple):
    """A recovery key that gives way to another."""

    entry: EntryId  # which brought it in
    signature: Signature  # by it


class Recovery(NamedTuple):
    """The operation of a `recovery` entry."""

    keys: RecoveryKeys
    replaced: tuple[Replaced, ...] = ()  # ascending

    def __repr__(self) -> str:
        return "<recovery>"


def replace(circle: CircleId, entry: EntryId, by: SigningSecret, new: RecoveryKeys) -> Replaced:
    """Let the key that an entry brought in give way. `by`: its own secret."""
    return Replaced(entry, primitives.sign(by, _giving_way(circle, entry, new)))


def _giving_way(circle: CircleId, entry: EntryId, new: RecoveryKeys) -> bytes:
    return labels.SIGN_RECOVERY + circle + entry + new.signing + (new.seal or b"")


def encode(recovery: Recovery, salt: bytes) -> tuple[bytes, bytes]:
    """(shape, content) of a `recovery` entry."""
    rows = [list(row) for row in sorted(recovery.replaced)]
    return codec.encode([list(recovery.keys), rows]), salt + codec.encode(None)


def read(shape: object, content: object) -> Recovery | None:
    """The operation in a decoded shape and content; None if they lack the form."""
    match shape, content:
        case [[bytes(signing), bytes(seal)], replaced], None if are_keys(signing, seal):
            rows = table(replaced, is_id, _is_signature, 0, MOST_REPLACED)
            keys = RecoveryKeys(SigningPublic(signing), SealPublic(seal))
            return None if rows is None else Recovery(keys, tuple(Replaced(*row) for row in rows.items()))
    return None


def _is_signature(value: object) -> bool:
    return type(value) is bytes and len(value) == SIGNATURE_BYTES


def are_keys(signing: bytes, seal: bytes) -> bool:
    """Whether these bytes are the two public halves of a recovery key."""
    return primitives.is_signing_key(signing) and is_seal_public(seal)


def is_seal_public(seal: bytes) -> bool:
    """Whether something can be sealed to these bytes."""
    return len(seal) == SEAL_PUBLIC_BYTES and primitives.is_seal_key(seal)


def gives_way(circle: CircleId, known: Mapping[EntryId, RecoveryKeys], row: Replaced, new: RecoveryKeys) -> bool:
    """Whether a key that is known says itself that it gives way to a new one."""
    old = known.get(row.entry)
    return old is not None and primitives.verify(old.signing, row.signature, _giving_way(circle, row.entry, new))


def in_force(circle: CircleId, brought: Mapping[EntryId, Recovery]) -> dict[EntryId, RecoveryKeys]:
    """The recovery keys in force, in the order of `brought`: every entry that counts and brought one in."""
    gone = {
        row.entry
        for new in brought.values()
        for row in new.replaced
        if (old := brought.get(row.entry)) is not None
        and primitives.verify(old.keys.signing, row.signature, _giving_way(circle, row.entry, new.keys))
    }
    return {entry: operation.keys for entry, operation in brought.items() if entry not in gone}
