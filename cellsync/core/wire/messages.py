"""The messages of a session, and the batch they exist to carry (protocol/50-sync.md, Messages).

    OFFER     [1, [tag 16, …]]                                   32 tags, sorted, most of them random
    DIGEST    [2, circle 8, digest 32]
    FRONTIER  [3, circle, last, heads, equivocators, gaps]       heads, gaps: [[device, incarnation, sequence, id], …]
    BATCH     [4, circle, last, chains, cases, entries]
    ACK       [5, circle, [row, …]]                              the rows of the batch's chains that were refused
    PING [6]  PONG [7]
    PATH      [8, circle, [[device, incarnation, [[sequence, id], …]], …]]
    CLOCK    [11, clock]                                         what the sender's clock shows, ms since 1970 UTC

A frontier and a batch travel as parts of at most one frame each; their tables grow from part to part, the part with
`last` ends them. Within a batch

    chains    [device, incarnation, first, previous, signature]
              first      sequence of the first entry sent (of the next one, if none is)
              previous   id of the entry before it, which says on which branch; zeros before the first
              signature  of the last entry sent; empty in a row that is there only to be cited by parents
    cases     id 32
    entries   [chain, case, parents, clock, kind, shape, content]
              chain, case   rows of the tables
              parents       chain, offset, chain, offset, …: `offset` before the next entry of that chain
              clock         difference to the entry before it in the batch, ms
              shape         bytes; or the number of one that was sent as bytes before in this batch: those of at
                            most 64 bytes are numbered, from 0, as they come (appends to a log all look the same)

Sequence, height, previous, hashes and lengths are not sent: the receiver computes them, and the signature tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any, Final, NamedTuple

from msgspec import Meta

from cellsync.core import caps
from cellsync.core.errors import CapExceeded, Malformed
from cellsync.core.ids import (
    ID_BYTES,
    INCARNATION_BYTES,
    CaseId,
    DeviceId,
    EntryId,
    Incarnation,
    Millis,
    Signature,
)
from cellsync.core.wire import codec
from cellsync.core.wire.places import Frontier, Head, Line
from cellsync.core.wire.tags import Message

TAG_BYTES: Final = 16
NAME_BYTES: Final = 8
OFFERS: Final = caps.CIRCLES
SHORT_SHAPE: Final = 64  # bytes: such shapes are numbered in a batch
_PART_OVERHEAD: Final = 64  # bytes of a part besides its rows
_HEAD_ROW: Final = 1 + 34 + 10 + 9 + 34  # bytes of a frontier's row at most
_SEQUENCE_END: Final = 1 << 40
_NO_PARENTS: Final[list[int]] = []  # of all entries that have none: a list of its own would take each 72 bytes
_CLOCK_END: Final = 1 << 63
PATH_STEPS: Final = 41  # the newest, then 1, 2, 4, … before it
PATHS: Final = 32  # of one message: together they fit into a frame


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
    kind: int
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


def entry_size(shape: bytes, content: bytes, parents: int) -> int:
    """What an entry counts towards the cap on batches: at least its bytes on the wire, the same for everyone."""
    return len(shape) + len(content) + 32 + 14 * parents


class Offer(NamedTuple):
    tags: list[bytes]


class Digest(NamedTuple):
    circle: bytes
    digest: bytes


class FrontierPart(NamedTuple):
    circle: bytes
    last: bool
    frontier: Frontier


class Path(NamedTuple):
    """Entries on the way to a branch's newest one, the newest first."""

    line: Line
    steps: list[tuple[int, EntryId]]  # sequence, id


class Paths(NamedTuple):
    circle: bytes
    paths: list[Path]


class BatchPart(NamedTuple):
    circle: bytes
    last: bool
    chains: list[Any]
    cases: list[Any]
    entries: list[Any]
    typed: bool = False  # whether rows of entries are tuples whose elements have the right types


class Ack(NamedTuple):
    circle: bytes
    refused: list[int]


Places = dict[DeviceId, list[tuple[bytes, int]]]
"""Where devices listen: address without scope, and port."""


class Whereabouts(NamedTuple):
    circle: bytes
    places: Places

    def __repr__(self) -> str:
        return "Whereabouts(hidden)"


class Ping(NamedTuple):
    pass


class Pong(NamedTuple):
    pass


class Clock(NamedTuple):
    clock: Millis


AnyMessage = Offer | Digest | FrontierPart | BatchPart | Ack | Whereabouts | Ping | Pong | Clock | Paths


# --- writing ------------------------------------------------------------------------------------

_FRONTIER_BEGINS: Final = codec.array_header(6) + codec.encode(int(Message.FRONTIER))


def encode_offer(tags: Iterable[bytes]) -> bytes:
    return codec.encode([Message.OFFER, sorted(tags)])


def encode_digest(circle: bytes, digest: bytes) -> bytes:
    return codec.encode([Message.DIGEST, circle, digest])


def encode_frontier(circle: bytes, frontier: Frontier, limit: int) -> list[bytes]:
    """The parts of a frontier, each at most `limit` bytes."""
    return addressed(circle, encode_rows(frontier, limit))


def encode_rows(frontier: Frontier, limit: int) -> list[bytes]:
    """The same but for the circle's name, which each session has its own of: one frontier is told to many peers."""
    everything: tuple[list[Any], ...] = tuple(map(sorted, frontier))
    rows = [(table, row) for table, rows in enumerate(everything) for row in rows]
    at_once = max(1, (limit - _PART_OVERHEAD) // _HEAD_ROW)
    parts: list[bytes] = []
    for start in range(0, max(1, len(rows)), at_once):
        tables: list[list[object]] = [[], [], []]
        for table, row in rows[start : start + at_once]:
            tables[table].append(row)
        parts.append(b"".join(map(codec.encode, (start + at_once >= len(rows), *tables))))
    return parts


def addressed(circle: bytes, parts: Iterable[bytes]) -> list[bytes]:
    """The parts of a frontier whose rows are encoded, under a circle's name in one session."""
    beginning = _FRONTIER_BEGINS + codec.encode(circle)
    return [beginning + part for part in parts]


def is_frontier(message: bytes) -> bool:
    """Whether a message that we have encoded is a part of a frontier."""
    return message.startswith(_FRONTIER_BEGINS)


def encode_paths(circle: bytes, paths: list[Path]) -> list[bytes]:
    """Paths, as many to a message as it may hold."""
    rows = [[*path.line, path.steps] for path in paths]
    return [codec.encode([Message.PATH, circle, rows[start : start + PATHS]]) for start in range(0, len(rows), PATHS)]


def encode_ack(circle: bytes, refused: Iterable[int]) -> bytes:
    return codec.encode([Message.ACK, circle, sorted(refused)])


def encode_whereabouts(circle: bytes, places: Places) -> bytes:
    rows = [[device, [list(place) for place in listed]] for device, listed in places.items()]
    return codec.encode([Message.WHEREABOUTS, circle, rows])


PING_BYTES: Final = codec.encode([Message.PING])
PONG_BYTES: Final = codec.encode([Message.PONG])


def encode_clock(clock: Millis) -> bytes:
    return codec.encode([Message.CLOCK, clock])


def encode_batch(circle: bytes, batch: Batch, limit: int) -> list[bytes]:
    """The parts of a batch, each at most `limit` bytes and as full as its rows allow: a frame is padded anyway."""
    parts: list[bytes] = []
    groups: list[list[bytes]] = [[], [], []]
    room = limit - _PART_OVERHEAD
    chains = [(*row[:4], row.signature or b"") for row in batch.chains]
    tables: tuple[Iterable[object], ...] = (chains, batch.cases, _with_numbered_shapes(batch.entries))
    for group, rows in enumerate(tables):
        packed_rows = groups[group]
        for row in rows:
            packed = codec.encode_row(row)
            room -= len(packed)
            if room < 0:
                parts.append(_part(circle, False, groups))
                groups = [[], [], []]
                packed_rows = groups[group]
                room = limit - _PART_OVERHEAD - len(packed)
            packed_rows.append(packed)
    parts.append(_part(circle, True, groups))
    return parts


def _with_numbered_shapes(entries: Iterable[BatchEntry]) -> Iterator[object]:
    numbers: dict[bytes, int] = {}
    for row in entries:
        chain, case, parents, clock, kind, shape, content = row
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


def decode(raw: bytes) -> AnyMessage:
    """One message. Raises Malformed or CapExceeded; the rows of a batch part are checked by `extend`."""
    if raw[:2] == _BATCH_BEGINS and len(raw) <= caps.FRAME:
        found = _read_part(raw)
        if found is not None and len(found[1]) == NAME_BYTES:
            _, circle, last, chains, cases, entries = found
            return BatchPart(circle, last, chains, cases, entries, typed=True)
    match codec.decode_message(raw):
        case [tag, *_] if type(tag) is not int:  # 4.0 and True equal numbers, too
            pass
        case [Message.BATCH, bytes(circle), bool(last), [*chains], [*cases], [*entries]]:
            return BatchPart(_circle(circle), last, chains, cases, entries)
        case [Message.ACK, bytes(circle), [*refused]]:
            if all(type(row) is int and 0 <= row < caps.CHAINS for row in refused):
                return Ack(_circle(circle), refused)
        case [Message.DIGEST, bytes(circle), bytes(digest)] if len(digest) == 32:
            return Digest(_circle(circle), digest)
        case [Message.FRONTIER, bytes(circle), bool(last), [*heads], [*devices], [*gaps]]:
            found = Frontier(_heads(heads), frozenset(map(_device, devices)), _heads(gaps))
            if len(found.equivocators) < len(devices):
                raise Malformed("a frontier names a device twice")
            return FrontierPart(_circle(circle), last, found)
        case [Message.PATH, bytes(circle), [*paths]] if 0 < len(paths) <= PATHS:
            return Paths(_circle(circle), [_path(path) for path in paths])
        case [Message.OFFER, [*tags]] if len(tags) == OFFERS:
            if all(type(tag) is bytes and len(tag) == TAG_BYTES for tag in tags):
                return Offer(tags)
        case [Message.WHEREABOUTS, bytes(circle), [*rows]]:
            if len(rows) > caps.DEVICES:
                raise CapExceeded("whereabouts")
            places = dict(_places(row) for row in rows)
            if len(places) < len(rows):
                raise Malformed("whereabouts name a device twice")
            return Whereabouts(_circle(circle), places)
        case [Message.PING]:
            return Ping()
        case [Message.PONG]:
            return Pong()
        case [Message.CLOCK, int(clock)] if type(clock) is int and 0 <= clock < _CLOCK_END:
            return Clock(Millis(clock))
    raise Malformed("not a message of this protocol")


def extend(batch: Batch, part: BatchPart) -> None:
    """Add a part to the batch it belongs to, checking every row. Raises Malformed or CapExceeded."""
    batch.chains += [_batch_chain(row) for row in part.chains]
    if len(batch.chains) > caps.CHAINS:
        raise CapExceeded("chains")
    for case in part.cases:
        if type(case) is not bytes or len(case) != ID_BYTES:
            raise Malformed("a case id has the wrong form")
    batch.cases += part.cases
    if len(batch.cases) > caps.ELEMENTS:
        raise CapExceeded("cases")
    size = batch.size + (_take_typed if part.typed else _take)(batch, part.entries)
    batch.size = size
    if size > caps.BATCH:
        raise CapExceeded("batch")


def _take_typed(batch: Batch, rows: list[_EntryRow]) -> int:
    """Add rows of entries whose elements have the right types; what they count. Raises Malformed or CapExceeded.

    Spelt out for speed: with the reading by `_read_part`, 0.7 µs an entry of 1.3. `_take` is the plain version.
    """
    chains, cases = len(batch.chains), len(batch.cases)
    append, shapes, size = batch.entries.append, batch.shapes, 0
    new: Any = tuple.__new__
    for chain, case, parents, clock, kind, shape, content in rows:
        if isinstance(shape, int):
            if not 0 <= shape < len(shapes):
                raise Malformed("an entry has the wrong form")
            shape = shapes[shape]
        elif len(shape) <= SHORT_SHAPE:
            shapes.append(shape)
        if not (0 <= chain < chains and 0 <= case < cases and 0 <= kind < 256):
            raise Malformed("an entry has the wrong form")
        if parents:
            _check_parents(parents, chain, chains)
        else:
            parents = _NO_PARENTS
        length = len(shape) + len(content)
        if length > caps.ENTRY:
            raise CapExceeded("entry")
        size += length + 32 + 7 * len(parents)  # entry_size
        append(new(BatchEntry, (chain, case, parents, clock, kind, shape, content)))
    return size


def _take(batch: Batch, rows: list[Any]) -> int:
    """The same with rows of which nothing is known."""
    chains, cases = len(batch.chains), len(batch.cases)
    entries, shapes, size = batch.entries, batch.shapes, 0
    for row in rows:
        if type(row) is not list or len(row) != 7:
            raise Malformed("an entry has the wrong form")
        chain, case, parents, clock, kind, shape, content = row
        if type(shape) is int and 0 <= shape < len(shapes):
            row[5] = shape = shapes[shape]
        elif type(shape) is bytes and len(shape) <= SHORT_SHAPE:
            shapes.append(shape)
        if (
            type(chain) is not int
            or not 0 <= chain < chains
            or type(case) is not int
            or not 0 <= case < cases
            or type(parents) is not list
            or type(clock) is not int
            or type(kind) is not int
            or not 0 <= kind < 256
            or type(shape) is not bytes
            or type(content) is not bytes
        ):
            raise Malformed("an entry has the wrong form")
        if parents:
            _check_parents(parents, chain, chains)
        else:
            row[2] = _NO_PARENTS
        if len(shape) + len(content) > caps.ENTRY:
            raise CapExceeded("entry")
        size += len(shape) + len(content) + 32 + 7 * len(parents)  # entry_size
        entries.append(BatchEntry(*row))
    return size


def _check_parents(parents: list[Any], own: int, chains: int) -> None:
    if len(parents) > 2 * caps.PARENTS:
        raise CapExceeded("parents")
    if len(parents) % 2:
        raise Malformed("an entry's parents have the wrong form")
    for at in range(0, len(parents), 2):
        chain, offset = parents[at], parents[at + 1]
        if (
            type(chain) is not int
            or not 0 <= chain < chains
            or chain == own
            or type(offset) is not int
            or not 0 < offset < _SEQUENCE_END
        ):
            raise Malformed("an entry's parents have the wrong form")


def _circle(name: bytes) -> bytes:
    if len(name) != NAME_BYTES:
        raise Malformed("a circle's name has the wrong form")
    return name


def _device(row: Any) -> DeviceId:
    if type(row) is not bytes or len(row) != ID_BYTES:
        raise Malformed("a device's id has the wrong form")
    return DeviceId(row)


def _line(device: Any, incarnation: Any) -> Line:
    if type(incarnation) is not bytes or len(incarnation) != INCARNATION_BYTES:
        raise Malformed("an incarnation has the wrong form")
    return _device(device), Incarnation(incarnation)


def _step(sequence: Any, entry: Any) -> tuple[int, EntryId]:
    if type(sequence) is int and 0 < sequence < _SEQUENCE_END and type(entry) is bytes and len(entry) == ID_BYTES:
        return sequence, EntryId(entry)
    raise Malformed("a place in a chain has the wrong form")


def _heads(rows: list[Any]) -> frozenset[Head]:
    heads: set[Head] = set()
    for row in rows:
        match row:
            case [device, incarnation, sequence, entry]:
                heads.add(Head(*_line(device, incarnation), *_step(sequence, entry)))
            case _:
                raise Malformed("a frontier has the wrong form")
    if len(heads) < len(rows):
        raise Malformed("a frontier names an entry twice")
    return frozenset(heads)


def _path(row: Any) -> Path:
    match row:
        case [device, incarnation, [_, *_] as steps] if len(steps) <= PATH_STEPS:
            found = [_step(*step) for step in steps if isinstance(step, list) and len(step) == 2]
            descending = all(one[0] > other[0] for one, other in pairwise(found))
            if len(found) == len(steps) and descending:
                return Path(_line(device, incarnation), found)
    raise Malformed("a path has the wrong form")


def _places(row: Any) -> tuple[DeviceId, list[tuple[bytes, int]]]:
    match row:
        case [bytes(device), [_, *_] as listed] if len(device) == ID_BYTES:
            if len(listed) > caps.ADDRESSES:
                raise CapExceeded("whereabouts")
            return DeviceId(device), [_place(place) for place in listed]
    raise Malformed("whereabouts have the wrong form")


def _place(place: Any) -> tuple[bytes, int]:
    match place:
        case [bytes(address), port] if type(port) is int and 0 < port < 1 << 16 and len(address) in (4, 16):
            return address, port
    raise Malformed("whereabouts have the wrong form")


def _batch_chain(row: Any) -> BatchChain:
    match row:
        case [device, incarnation, int(first), bytes(previous), bytes(signature)]:
            fits = len(previous) == ID_BYTES and len(signature) in (0, 64)
            if type(first) is int and 0 < first < _SEQUENCE_END and fits:
                line = _line(device, incarnation)
                return BatchChain(*line, first, EntryId(previous), Signature(signature) if signature else None)
    raise Malformed("a chain of a batch has the wrong form")
