"""A batch: slices of chains on their way to a peer, in parts of at most one frame each (protocol/50-sync.md, Batches).

    chains    [device, incarnation, first, previous, signature]
              first      sequence of the first entry sent (of the next one, if none is)
              previous   id of the entry before it, which says on which branch; zeros before the first
              signature  of the last entry sent; empty in a row that is there only to be cited by parents
    cases     id 32
    entries   [chain, case, parents, clock, marked kind, shape, content]
              chain, case   rows of the tables; a skeleton has no case
              parents       chain, offset, chain, offset, …: `offset` before the next entry of that chain
              clock         difference to the entry before it in the batch, ms
              marked kind   the kind, and which form of the entry this is (`mark`): nearly always the full one
              shape         bytes; or the number of one that was sent as bytes before in this batch: those of at
                            most 64 bytes are numbered, from 0, as they come (appends to a log all look the same)
              content       bytes; of an erased entry its hash and length, as of a skeleton the shape too

The tables grow from part to part. Sequence, height, previous, hashes and lengths are not sent: the receiver computes
them, and the signature tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, NamedTuple

from msgspec import Meta

from cellsync.core import caps
from cellsync.core.errors import CapExceeded, Malformed
from cellsync.core.ids import ID_BYTES, CaseId, DeviceId, EntryId, Incarnation, Signature
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.core.wire.forms import NAME_BYTES, PART_OVERHEAD, SEQUENCE_END, line_of
from cellsync.core.wire.mark import HASHED_BYTES, KINDS, MARKED_END, EntryForm, Hashed, form_of, kind_of, version_of
from cellsync.core.wire.tags import ENTRY_VERSION, Kind, Message

SHORT_SHAPE: Final = 64  # bytes: such shapes are numbered in a batch
NO_CASE: Final = -1  # of a skeleton, which does not say its case
_NEVER_SKELETONS: Final = frozenset({int(Kind.FOUND), int(Kind.ADMIT)})  # their shapes say who is a member
_NO_PARENTS: Final[list[int]] = []  # of all entries that have none: a list of its own would take each 72 bytes


class BatchChain(NamedTuple):
    device: DeviceId
    incarnation: Incarnation
    first: int
    previous: EntryId
    signature: Signature | None


class BatchEntry(NamedTuple):
    chain: int
    case: int
    parents: list[int]
    clock: int
    kind: int  # marked
    shape: bytes
    content: bytes

    def __repr__(self) -> str:
        return "BatchEntry(hidden)"


@dataclass(slots=True)
class Batch:
    """Slices of chains in an order that puts parents first. `size` is the sum of `entry_size`."""

    chains: list[BatchChain] = field(default_factory=list)
    cases: list[CaseId] = field(default_factory=list)
    entries: list[BatchEntry] = field(default_factory=list)
    size: int = 0
    shapes: list[bytes] = field(default_factory=list, compare=False)  # the short ones, as they came
    newer: bool = field(default=False, compare=False)  # whether an entry has a version that this build does not know


class BatchPart(NamedTuple):
    circle: bytes
    last: bool
    chains: list[Any]
    cases: list[Any]
    entries: list[Any]
    typed: bool = False  # whether rows of entries are tuples whose elements have the right types


def entry_size(shape: bytes, content: bytes, parents: int) -> int:
    """What an entry counts towards the cap on batches: at least its bytes on the wire, the same for everyone.

    In another form it counts no more: so what fitted into a batch fits into one whatever is withheld of it.
    """
    return len(shape) + len(content) + 32 + 14 * parents


# --- writing ------------------------------------------------------------------------------------


def encode_batch(circle: bytes, batch: Batch, limit: int) -> list[bytes]:
    """The parts of a batch, each at most `limit` bytes and as full as its rows allow: a frame is padded anyway."""
    parts: list[bytes] = []
    groups: list[list[bytes]] = [[], [], []]
    room = limit - PART_OVERHEAD
    chains = [(*row[:4], row.signature or b"") for row in batch.chains]
    tables: tuple[Iterable[object], ...] = (chains, batch.cases, _with_numbered_shapes(batch.entries))
    for group, rows in enumerate(tables):
        packed_rows = groups[group]
        for row in rows:
            packed = codec.encode_known(row)
            room -= len(packed)
            if room < 0:
                parts.append(_part(circle, False, groups))
                groups = [[], [], []]
                packed_rows = groups[group]
                room = limit - PART_OVERHEAD - len(packed)
            packed_rows.append(packed)
    parts.append(_part(circle, True, groups))
    return parts


def _with_numbered_shapes(entries: Iterable[BatchEntry]) -> Iterator[object]:
    numbers: dict[bytes, int] = {}
    for row in entries:
        chain, case, parents, clock, kind, shape, content = row
        if kind >= KINDS and form_of(kind) == EntryForm.SKELETON:
            yield chain, None, parents, clock, kind, shape, content
            continue
        number = numbers.get(shape)
        if number is not None:
            yield chain, case, parents, clock, kind, number, content
            continue
        if len(shape) <= SHORT_SHAPE:
            numbers[shape] = len(numbers)
        yield row


def _part(circle: bytes, last: bool, groups: list[list[bytes]]) -> bytes:
    # Rows were packed one by one, to know their sizes exactly; here only the array headers around them are added.
    packed = [codec.array_header(6), codec.encode(int(Message.BATCH)), codec.encode(circle), codec.encode(last)]
    for rows in groups:
        packed.append(codec.array_header(len(rows)))
        packed += rows
    return b"".join(packed)


# --- reading ------------------------------------------------------------------------------------

_MOST: Final = Meta(max_length=caps.FRAME // 26)  # rows of a message: none is shorter
_EntryRow = tuple[int, int, Annotated[list[int], Meta(max_length=2 * caps.PARENTS)], int, int, bytes | int, bytes]
_PartRows = tuple[
    int,
    bytes,
    bool,
    Annotated[list[tuple[bytes, bytes, int, bytes, bytes]], _MOST],
    Annotated[list[bytes], _MOST],
    Annotated[list[_EntryRow], _MOST],
]
_read_part: Final = codec.reader(_PartRows)
_BATCH_BEGINS: Final = codec.array_header(6) + codec.encode(int(Message.BATCH))


def read_typed(raw: bytes) -> BatchPart | None:
    """A part whose rows of entries have elements of the right types; None if it is not one, whatever else it is."""
    if raw[:2] == _BATCH_BEGINS and len(raw) <= caps.FRAME:
        found = _read_part(raw)
        if found is not None and len(found[1]) == NAME_BYTES:
            _, circle, last, chains, cases, entries = found
            return BatchPart(circle, last, chains, cases, entries, typed=True)
    return None


def extend(batch: Batch, part: BatchPart) -> None:
    """Add a part to the batch it belongs to, checking every row. Raises Malformed or CapExceeded."""
    batch.chains += [_batch_chain(row) for row in part.chains]
    if len(batch.chains) > caps.CHAINS:
        raise CapExceeded(Rule.CAP_CHAINS)
    for case in part.cases:
        if type(case) is not bytes or len(case) != ID_BYTES:
            raise Malformed(Rule.BATCH_CASE)
    batch.cases += part.cases
    if len(batch.cases) > caps.ELEMENTS:
        raise CapExceeded(Rule.CAP_CASES)
    size = batch.size + (_take_typed if part.typed else _take)(batch, part.entries)
    batch.size = size
    if size > caps.BATCH:
        raise CapExceeded(Rule.CAP_BATCH)


def _take_typed(batch: Batch, rows: list[_EntryRow]) -> int:
    """Add rows of entries whose elements have the right types; what they count. Raises Malformed or CapExceeded.

    Spelt out for speed: with the reading by `_read_part`, 0.7 µs an entry of 1.3. `_take` is the plain version.
    """
    chains, cases = len(batch.chains), len(batch.cases)
    append, shapes, size = batch.entries.append, batch.shapes, 0
    new: Any = tuple.__new__
    for chain, case, parents, clock, kind, shape, content in rows:
        if not (0 <= chain < chains and 0 <= case < cases and 0 <= kind < KINDS):
            if kind < KINDS:
                raise Malformed(Rule.BATCH_ENTRY)
            size += _take_row(batch, [chain, case, parents, clock, kind, shape, content])
            continue
        if isinstance(shape, int):
            if not 0 <= shape < len(shapes):
                raise Malformed(Rule.BATCH_ENTRY)
            shape = shapes[shape]
        elif len(shape) <= SHORT_SHAPE:
            shapes.append(shape)
        if parents:
            _check_parents(parents, chain, chains)
        else:
            parents = _NO_PARENTS
        length = len(shape) + len(content)
        if length > caps.ENTRY:
            raise CapExceeded(Rule.CAP_ENTRY)
        size += length + 32 + 7 * len(parents)  # entry_size
        append(new(BatchEntry, (chain, case, parents, clock, kind, shape, content)))
    return size


def _take(batch: Batch, rows: list[Any]) -> int:
    """The same with rows of which nothing is known."""
    return sum(_take_row(batch, row) for row in rows)


def _take_row(batch: Batch, row: Any) -> int:
    """Add one row of which nothing is known; what it counts. Raises Malformed or CapExceeded."""
    if type(row) is not list or len(row) != 7:
        raise Malformed(Rule.BATCH_ENTRY)
    chain, case, parents, clock, kind, shape, content = row
    chains, shapes = len(batch.chains), batch.shapes
    is_skeleton = type(kind) is int and 0 <= kind < MARKED_END and form_of(kind) == EntryForm.SKELETON
    if is_skeleton and type(shape) is int:
        raise Malformed(Rule.ENTRY_FORM)
    if type(shape) is int and 0 <= shape < len(shapes):
        shape = shapes[shape]
    elif type(shape) is bytes and len(shape) <= SHORT_SHAPE and not is_skeleton:
        shapes.append(shape)
    if (
        type(chain) is not int
        or not 0 <= chain < chains
        or (case is not None and (type(case) is not int or not 0 <= case < len(batch.cases)))
        or type(parents) is not list
        or type(clock) is not int
        or type(kind) is not int
        or not 0 <= kind < MARKED_END
        or type(shape) is not bytes
        or type(content) is not bytes
    ):
        raise Malformed(Rule.BATCH_ENTRY)
    if form_of(kind) == EntryForm.DETACHED:
        raise Malformed(Rule.ENTRY_MARK)
    if (case is None) is not is_skeleton:
        raise Malformed(Rule.ENTRY_FORM)
    if parents:
        _check_parents(parents, chain, chains)
    if version_of(kind) != ENTRY_VERSION:
        batch.newer = True
        length = len(shape) + len(content)
    else:
        length = _length(kind, shape, content)
    if length > caps.ENTRY:
        raise CapExceeded(Rule.CAP_ENTRY)
    counted = min(length, len(shape) + len(content))  # hashes may take more than few words
    case, parents = NO_CASE if case is None else case, parents or _NO_PARENTS
    batch.entries.append(BatchEntry(chain, case, parents, clock, kind, shape, content))
    return counted + 32 + 7 * len(parents)  # entry_size


def _length(kind: int, shape: bytes, content: bytes) -> int:
    """The length of an entry's shape and content, whichever of them are here. Raises Malformed."""
    match form_of(kind):
        case EntryForm.FULL:
            return len(shape) + len(content)
        case EntryForm.ERASED if len(content) == HASHED_BYTES:
            return len(shape) + Hashed.read(content).length
        case EntryForm.SKELETON if len(shape) == len(content) == HASHED_BYTES and kind_of(kind) not in _NEVER_SKELETONS:
            return Hashed.read(shape).length + Hashed.read(content).length
    raise Malformed(Rule.ENTRY_FORM)


def _check_parents(parents: list[Any], own: int, chains: int) -> None:
    if len(parents) > 2 * caps.PARENTS:
        raise CapExceeded(Rule.CAP_PARENTS)
    if len(parents) % 2:
        raise Malformed(Rule.ENTRY_PARENTS)
    for at in range(0, len(parents), 2):
        chain, offset = parents[at], parents[at + 1]
        if (
            type(chain) is not int
            or not 0 <= chain < chains
            or chain == own
            or type(offset) is not int
            or not 0 < offset < SEQUENCE_END
        ):
            raise Malformed(Rule.ENTRY_PARENTS)


def _batch_chain(row: Any) -> BatchChain:
    match row:
        case [device, incarnation, int(first), bytes(previous), bytes(signature)]:
            fits = len(previous) == ID_BYTES and len(signature) in (0, 64)
            if type(first) is int and 0 < first < SEQUENCE_END and fits:
                line = line_of(device, incarnation)
                return BatchChain(*line, first, EntryId(previous), Signature(signature) if signature else None)
    raise Malformed(Rule.BATCH_CHAIN)
