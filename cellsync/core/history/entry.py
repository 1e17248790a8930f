"""Entries: what is hashed, what is signed, and how an entry is stored.

    header    = version ‖ circle ‖ device ‖ incarnation ‖ sequence ‖ previous ‖ height ‖ clock ‖ kind
                ‖ H(shape) ‖ H(content) ‖ lengths ‖ parents
    id        = BLAKE2b-256("cs1 entry", header)
    signature = Ed25519(device, SIGN_ENTRY ‖ id)

The header has a fixed layout instead of msgpack: it never travels (the receiver rebuilds it), so it only has to be
injective, and packing it costs half as much. Circle and device are not repeated per entry on the wire: a wrong
one yields a different id, which no signature covers.

An entry is authentic if and only if a valid signature of its device covers it through `previous`.
(protocol/30-history.md)
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from cellsync.core.crypto import labels, primitives
from cellsync.core.ids import (
    NO_ID,
    CaseId,
    CircleId,
    DeviceId,
    EntryId,
    Incarnation,
    Millis,
    Signature,
    SigningPublic,
    SigningSecret,
)
from cellsync.core.wire.mark import EntryForm
from cellsync.core.wire.tags import ENTRY_VERSION

# version 1, circle 32, device 32, incarnation 8: the same for a whole chain
_PREFIX: Final = struct.Struct(">B32s32s8s")
# sequence 8, previous 32, height 8, clock 8, kind 1, H(shape) 32, H(content) 32, their lengths 4 + 4, parents 1
_REST: Final = struct.Struct(">Q32sQQB32s32sIIB")

# A started hash is copied for each use: a third cheaper than starting one with its label.
_ENTRY: Final = blake2b(digest_size=32, person=labels.ENTRY)
_SHAPE: Final = blake2b(digest_size=32, person=labels.SHAPE)
_CONTENT: Final = blake2b(digest_size=32, person=labels.CONTENT)

# For who hashes thousands of entries in one loop (`planner`): the steps of `entry_id_of`.
begin_content: Final = _CONTENT.copy
begin_header: Final = _ENTRY.copy
pack_header: Final = struct.Struct(">73s" + _REST.format.removeprefix(">")).pack  # behind the prefix; parents follow

SLOT_BITS: Final = 40
LAST_SEQUENCE: Final = (1 << SLOT_BITS) - 1


class Standing:
    """An entry's standing: a label, and a flag if a coordinator released it (protocol/40-membership.md).

    Stores keep the numbers.
    """

    IN: Final = 0
    VOID: Final = 1  # OUT for ever, by its own past alone: such a grant introduces nobody
    OUT: Final = 2  # because of what others wrote, so it may change
    UNDECIDED: Final = 3
    RELEASED: Final = 4  # a flag beside the label, of case entries only


class Entry(NamedTuple):
    """One entry as held by this device. The numbers of chains, cases and pasts are local to its store."""

    slot: int  # chain number << 40 | sequence; sequences start at 1
    case: int  # number of its case; control entries belong to the circle's own case
    prior: int  # slot of the entry of the same case that arrived before it, 0 if none
    id: EntryId
    height: int  # 1 + the greatest height among previous and parents
    clock: Millis  # as its device claimed
    kind: int  # tags.Kind
    past: int  # number of its control past; a control entry is in its own
    standing: int  # Standing
    parents: bytes  # slots of its parents, 8 bytes each
    shape: bytes  # without the case id in front
    content: bytes
    signature: Signature | None  # its own, if we hold it; else a later one in its chain covers it
    form: int = EntryForm.FULL  # EntryForm

    @property
    def has_effect(self) -> bool:
        """Whether its standing lets it count."""
        return has_effect(self.standing)

    @property
    def in_quarantine(self) -> bool:
        """Whether it is a case entry that is held but hidden until it is IN or released."""
        return not self.kind and not has_effect(self.standing)

    def __repr__(self) -> str:
        return f"Entry({self.id.hex()[:8]})"  # never what it says


def has_effect(standing: int) -> bool:
    """Whether an entry of this standing counts: it is IN, or released."""
    return standing == Standing.IN or standing >= Standing.RELEASED


class Judgement(NamedTuple):
    """The verdict on an entry of rules that look beyond its own past."""

    slot: int
    label: int  # IN, OUT or UNDECIDED
    released: bool

    def standing(self, kind: int, was: int) -> int:
        """An entry's resulting standing. A void entry stays void, and control entries are never released (rule 13)."""
        label = Standing.VOID if was & ~Standing.RELEASED == Standing.VOID else self.label
        return label | Standing.RELEASED if self.released and not kind else label


class Restanding(NamedTuple):
    """The change of standing, in one step, of an entry held before it."""

    slot: int
    case: int
    kind: int
    was: int
    standing: int

    @property
    def changes_case(self) -> bool:
        """Whether its case now reads differently: the entry moved into quarantine, or out of it."""
        return not self.kind and has_effect(self.was) != has_effect(self.standing)


def slot_of(chain: int, sequence: int) -> int:
    return chain << SLOT_BITS | sequence


def chain_of(slot: int) -> int:
    return slot >> SLOT_BITS


def sequence_of(slot: int) -> int:
    return slot & LAST_SEQUENCE


def pack_slots(slots: list[int]) -> bytes:
    return b"".join([slot.to_bytes(8, "big") for slot in slots])


def unpack_slots(packed: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(packed) // 8}Q", packed)


def chain_prefix(circle: CircleId, device: DeviceId, incarnation: Incarnation) -> bytes:
    """The part of the header that all entries of one chain share."""
    return _PREFIX.pack(ENTRY_VERSION, circle, device, incarnation)


def founding_prefix(incarnation: Incarnation) -> bytes:
    """The prefix of a `found` entry: circle and device are named after its id, so they cannot be in it."""
    return _PREFIX.pack(ENTRY_VERSION, NO_ID, NO_ID, incarnation)


def entry_id(
    prefix: bytes,
    sequence: int,
    previous: EntryId,
    height: int,
    clock: int,
    kind: int,
    case: CaseId,
    shape: bytes,
    content: bytes,
    parents: bytes,
) -> EntryId:
    """The id of an entry. `parents`: their ids concatenated, in ascending order."""
    return entry_id_of(
        prefix, sequence, previous, height, clock, kind, hash_shape(case, shape), len(shape), content, parents
    )


def hash_shape(case: CaseId, shape: bytes) -> bytes:
    """The hash of a shape, as in a header. Hashed apart because many entries of a case share one shape."""
    shape_hash = _SHAPE.copy()
    shape_hash.update(case + shape)
    return shape_hash.digest()


def entry_id_of(
    prefix: bytes,
    sequence: int,
    previous: EntryId,
    height: int,
    clock: int,
    kind: int,
    shape_hash: bytes,
    shape_length: int,
    content: bytes,
    parents: bytes,
) -> EntryId:
    """The id of an entry whose shape is already hashed."""
    content_hash, header = _CONTENT.copy(), _ENTRY.copy()
    content_hash.update(content)
    rest = _REST.pack(
        sequence, previous, height, clock, kind,
        shape_hash, content_hash.digest(), shape_length, len(content), len(parents) // 32,
    )  # fmt: skip
    header.update(prefix + rest + parents)
    identity: Any = header.digest()  # Any spares a call of EntryId: 0.1 µs of 1
    return identity  # type: ignore[no-any-return]


class Outline(NamedTuple):
    """An entry without its contents: enough to compute its id from the previous one."""

    height: int
    clock: int
    kind: int
    shape_hash: bytes
    content_hash: bytes
    shape_length: int
    content_length: int
    parents: tuple[EntryId, ...]  # ascending

    def identity(self, prefix: bytes, sequence: int, previous: EntryId) -> EntryId:
        """The id of an entry with this outline, as `entry_id`."""
        rest = _REST.pack(sequence, previous, *self[:-1], len(self.parents))
        header = _ENTRY.copy()
        header.update(prefix + rest + b"".join(self.parents))
        return EntryId(header.digest())


def outline(entry: Entry, case: CaseId, parents: Iterable[EntryId]) -> Outline:
    """The outline of an entry. `case` as it is hashed: zeros for a `found`."""
    return Outline(
        entry.height, entry.clock, entry.kind, hash_shape(case, entry.shape), hash_content(entry.content),
        len(entry.shape), len(entry.content), tuple(sorted(parents)),
    )  # fmt: skip


def hash_content(content: bytes) -> bytes:
    """The hash of a content, as in a header."""
    content_hash = _CONTENT.copy()
    content_hash.update(content)
    return content_hash.digest()


def sign(secret: SigningSecret, entry: EntryId) -> Signature:
    return signer(secret)(entry)


def signer(secret: SigningSecret) -> Callable[[EntryId], Signature]:
    """A function that signs the entries of one step."""
    signed = primitives.signer(secret)
    return lambda entry: signed(labels.SIGN_ENTRY + entry)


def verify(device: SigningPublic, signature: Signature, entry: EntryId) -> bool:
    return primitives.verify(device, signature, labels.SIGN_ENTRY + entry)
