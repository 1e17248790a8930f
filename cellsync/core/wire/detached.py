"""A detached entry as it travels: a control entry alone, out of its chain (protocol/50-sync.md, Detached entries).

    DETACHED  [12, circle 8, device 32, incarnation 8, sequence, previous 32, height, clock, marked kind, shape,
               H(content) 32, length of content, [parent id 32, …], signature 64]

Unlike an entry of a batch it brings its whole header, because its reader may hold nothing that it rests on.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Final, NamedTuple

from cellsync.core import caps
from cellsync.core.errors import CapExceeded, Malformed
from cellsync.core.ids import ID_BYTES, NO_ID, DeviceId, EntryId, Incarnation, Millis, Signature
from cellsync.core.rule import Rule
from cellsync.core.wire import codec, operations
from cellsync.core.wire.forms import line_of, step_of
from cellsync.core.wire.mark import MARKED_END, EntryForm, Hashed, form_of, kind_of, marked, version_of
from cellsync.core.wire.places import Line
from cellsync.core.wire.tags import ENTRY_VERSION, Kind, Message

FIELDS: Final = 12  # of the message, behind the circle
_INTEGER_END: Final = 1 << 63  # of heights and clocks
_SIGNATURE_BYTES: Final = 64
_NEVER: Final = frozenset({int(Kind.CASE), int(Kind.FOUND)})


class Detached(NamedTuple):
    """A control entry without its content, and its own signature."""

    device: DeviceId
    incarnation: Incarnation
    sequence: int
    previous: EntryId
    height: int
    clock: Millis
    kind: int
    shape: bytes
    content: Hashed
    parents: tuple[EntryId, ...]  # ascending
    signature: Signature

    @property
    def line(self) -> Line:
        return self.device, self.incarnation

    def __repr__(self) -> str:
        return f"Detached({self.device.hex()[:8]})"  # never what it says


class DetachedEntry(NamedTuple):
    """The message. `entry` is None if it has a version that this build does not know."""

    circle: bytes
    entry: Detached | None


def encode(circle: bytes, entry: Detached) -> bytes:
    """The message of a detached entry."""
    return codec.encode([Message.DETACHED, circle, *to_fields(entry)])


def to_fields(entry: Detached) -> list[Any]:
    """What the message says of the entry, in its order."""
    *places, kind, shape, content, parents, signature = entry
    return [*places, marked(kind, EntryForm.DETACHED), shape, *content, list(parents), signature]


def of_fields(fields: Iterable[Any]) -> Detached | None:
    """The entry of such fields; None if it has a version that this build does not know.

    Raises Malformed or CapExceeded.
    """
    match list(fields):
        case [
            device, incarnation, sequence, bytes(previous), height, clock, kind, bytes(shape), bytes(hashed), length,
            [*parents], bytes(signature),
        ] if (
            _are_integers(sequence, height, clock, kind, length)
            and kind < MARKED_END
            and _are_ids(previous, hashed, *parents)
        ):  # fmt: skip
            line = line_of(device, incarnation)
            if len(parents) > caps.PARENTS:
                raise CapExceeded(Rule.CAP_PARENTS)
            if len(shape) + length > caps.ENTRY:
                raise CapExceeded(Rule.CAP_ENTRY)
            if form_of(kind) != EntryForm.DETACHED:
                raise Malformed(Rule.ENTRY_MARK)
            if version_of(kind) != ENTRY_VERSION:
                return None
            place = step_of(sequence, previous)
            if (
                (sequence == 1) is (previous == NO_ID)
                and 0 < height < _INTEGER_END
                and clock < _INTEGER_END
                and kind_of(kind) not in _NEVER
                and all(one < other for one, other in pairwise(parents))
                and len(signature) == _SIGNATURE_BYTES
            ):
                if not operations.is_opaque(shape, b""):
                    codec.decode(shape, caps.ENTRY, Rule.CAP_ENTRY)
                return Detached(
                    *line, *place, height, Millis(clock), kind_of(kind), shape,
                    Hashed(hashed, length), tuple(parents), Signature(signature),
                )  # fmt: skip
    raise Malformed(Rule.DETACHED)


def _are_integers(*values: Any) -> bool:
    return all(type(value) is int and value >= 0 for value in values)


def _are_ids(*values: Any) -> bool:
    return all(type(value) is bytes and len(value) == ID_BYTES for value in values)
