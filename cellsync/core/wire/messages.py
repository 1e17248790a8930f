"""The messages of a session, and the batch they exist to carry (protocol/50-sync.md, Messages).

    OFFER     [1, [tag 16, …]]                                   32 tags, sorted, most of them random
    DIGEST    [2, circle 8, digest 32]
    FRONTIER  [3, circle, last, [[device, incarnation, branch, length, head], …]]
    BATCH     [4, circle, last, chains, cases, entries]
    ACK       [5, circle, [row, …]]                              the rows of the batch's chains that were refused
    PING [6]  PONG [7]
    CLOCK    [11, clock]                                         what the sender's clock shows, ms since 1970 UTC

A frontier and a batch travel as parts of at most one frame each; their tables grow from part to part, the part with
`last` ends them. Within a batch

    chains    [device, incarnation, branch, first, previous, signature]
              first      sequence of the first entry sent (of the next one, if none is)
              previous   id of the entry before it, zeros before the first
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
from typing import Any, Final, NamedTuple

from cellsync.core import caps
from cellsync.core.errors import CapExceeded, Malformed
from cellsync.core.ids import (
    ID_BYTES,
    INCARNATION_BYTES,
    Branch,
    CaseId,
    DeviceId,
    EntryId,
    Incarnation,
    Millis,
    Signature,
)
from cellsync.core.wire import codec
from cellsync.core.wire.tags import Message

TAG_BYTES: Final = 16
NAME_BYTES: Final = 8
OFFERS: Final = caps.CIRCLES
SHORT_SHAPE: Final = 64  # bytes: such shapes are numbered in a batch
_PART_OVERHEAD: Final = 64  # bytes of a part besides its rows
_FRONTIER_ROW: Final = 1 + 34 + 10 + 34 + 9 + 34  # bytes of a frontier's row at most
_SEQUENCE_END: Final = 1 << 40
_CLOCK_END: Final = 1 << 63

ChainName = tuple[DeviceId, Incarnation, Branch]


class BatchChain(NamedTuple):
    device: DeviceId
    incarnation: Incarnation
    branch: Branch
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
    rows: dict[ChainName, tuple[int, EntryId]]


class BatchPart(NamedTuple):
    circle: bytes
    last: bool
    chains: list[Any]
    cases: list[Any]
    entries: list[Any]


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


AnyMessage = Offer | Digest | FrontierPart | BatchPart | Ack | Whereabouts | Ping | Pong | Clock


# --- writing ------------------------------------------------------------------------------------


def encode_offer(tags: Iterable[bytes]) -> bytes:
    return codec.encode([Message.OFFER, sorted(tags)])


def encode_digest(circle: bytes, digest: bytes) -> bytes:
    return codec.encode([Message.DIGEST, circle, digest])


def encode_frontier(circle: bytes, held: dict[ChainName, tuple[int, EntryId]], limit: int) -> list[bytes]:
    """The parts of a frontier, each at most `limit` bytes."""
    rows = [[*name, length, head] for name, (length, head) in held.items()]
    at_once = max(1, (limit - _PART_OVERHEAD) // _FRONTIER_ROW)
    starts = range(0, max(1, len(rows)), at_once)
    return [
        codec.encode([Message.FRONTIER, circle, start + at_once >= len(rows), rows[start : start + at_once]])
        for start in starts
    ]


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
    chains = [(*row[:5], row.signature or b"") for row in batch.chains]
    tables: tuple[Iterable[object], ...] = (chains, batch.cases, _with_numbered_shapes(batch.entries))
    for group, rows in enumerate(tables):
        packed_rows = groups[group]
        for row in rows:
            packed = codec.encode(row)
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


def decode(raw: bytes) -> AnyMessage:
    """One message. Raises Malformed or CapExceeded; the rows of a batch part are checked by `extend`."""
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
        case [Message.FRONTIER, bytes(circle), bool(last), [*rows]]:
            held = dict(_frontier_row(row) for row in rows)
            if len(held) < len(rows):
                raise Malformed("a frontier names a chain twice")
            return FrontierPart(_circle(circle), last, held)
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
    chains, cases = len(batch.chains), len(batch.cases)
    if cases > caps.ELEMENTS:
        raise CapExceeded("cases")
    entries, shapes, size = batch.entries, batch.shapes, batch.size
    for row in part.entries:
        # One check per element, spelt out: this loop is the hot path.
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
        if len(shape) + len(content) > caps.ENTRY:
            raise CapExceeded("entry")
        size += len(shape) + len(content) + 32 + 7 * len(parents)  # entry_size
        entries.append(BatchEntry._make(row))
    batch.size = size
    if size > caps.BATCH:
        raise CapExceeded("batch")


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


def _chain_name(row: Any) -> ChainName:
    match row:
        case [bytes(device), bytes(incarnation), bytes(branch)]:
            if len(device) == ID_BYTES and len(incarnation) == INCARNATION_BYTES and len(branch) in (0, ID_BYTES):
                return DeviceId(device), Incarnation(incarnation), Branch(branch)
    raise Malformed("a chain's name has the wrong form")


def _frontier_row(row: Any) -> tuple[ChainName, tuple[int, EntryId]]:
    match row:
        case [device, incarnation, branch, int(length), bytes(head)]:
            if type(length) is int and 0 < length < _SEQUENCE_END and len(head) == ID_BYTES:
                return _chain_name([device, incarnation, branch]), (length, EntryId(head))
    raise Malformed("a frontier has the wrong form")


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
        case [device, incarnation, branch, int(first), bytes(previous), bytes(signature)]:
            fits = len(previous) == ID_BYTES and len(signature) in (0, 64)
            if type(first) is int and 0 < first < _SEQUENCE_END and fits:
                name = _chain_name([device, incarnation, branch])
                return BatchChain(*name, first, EntryId(previous), Signature(signature) if signature else None)
    raise Malformed("a chain of a batch has the wrong form")
