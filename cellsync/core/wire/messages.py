"""The messages of a session (protocol/50-sync.md, Messages).

    OFFER     [1, [tag 16, …]]                                   32 tags, sorted, most of them random
    DIGEST    [2, circle 8, digest 32]
    FRONTIER  [3, circle, last, …]                               `frontiers`
    BATCH     [4, circle, last, …]                               `batches`
    ACK       [5, circle, [row, …]]                              rows of the batch's chains that were refused, ascending
    PING [6]  PONG [7]
    PATH      [8, circle, …]                                     `frontiers`
    WHEREABOUTS [10, circle, [[device, [[address, port], …]], …]]
    CLOCK     [11, clock]                                        what the sender's clock shows, ms since 1970 UTC
    DETACHED  [12, circle, …]                                    `detached`
    WANTED    [13, circle, epoch]                                whose states the sender lacks
    STATES    [14, circle, epoch, day, session, spool, discovery, bundle]

A frontier and a batch travel as parts of at most one frame each; their tables grow from part to part, the part with
`last` ends them.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Final, NamedTuple

from cellsync.core import caps
from cellsync.core.errors import CapExceeded, Malformed
from cellsync.core.ids import ID_BYTES, BranchState, Day, DeviceId, EpochId, Millis
from cellsync.core.rule import Rule
from cellsync.core.wire import batches, codec, detached, forms, frontiers
from cellsync.core.wire.batches import BatchPart
from cellsync.core.wire.detached import DetachedEntry
from cellsync.core.wire.frontiers import FrontierPart, Paths
from cellsync.core.wire.tags import Message

TAG_BYTES: Final = 16
OFFERS: Final = caps.CIRCLES
BRANCHES: Final = 4  # of an epoch
_CLOCK_END: Final = 1 << 63
_DAYS: Final = 1 << 32


class Offer(NamedTuple):
    tags: list[bytes]


class Digest(NamedTuple):
    circle: bytes
    digest: bytes


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


class WantedStates(NamedTuple):
    circle: bytes
    epoch: EpochId


class HandedStates(NamedTuple):
    circle: bytes
    epoch: EpochId
    day: Day
    session: BranchState
    spool: BranchState
    discovery: BranchState
    bundle: BranchState


AnyMessage = (
    Offer | Digest | FrontierPart | BatchPart | Ack | Whereabouts | Ping | Pong | Clock | Paths | DetachedEntry
    | WantedStates | HandedStates
)  # fmt: skip


# --- writing ------------------------------------------------------------------------------------


def encode_offer(tags: Iterable[bytes]) -> bytes:
    return codec.encode([Message.OFFER, sorted(tags)])


def encode_digest(circle: bytes, digest: bytes) -> bytes:
    return codec.encode([Message.DIGEST, circle, digest])


def encode_ack(circle: bytes, refused: Iterable[int]) -> bytes:
    return codec.encode([Message.ACK, circle, sorted(set(refused))])


def encode_whereabouts(circle: bytes, places: Places) -> bytes:
    rows = [[device, [list(place) for place in listed]] for device, listed in places.items()]
    return codec.encode([Message.WHEREABOUTS, circle, rows])


PING_BYTES: Final = codec.encode([Message.PING])
PONG_BYTES: Final = codec.encode([Message.PONG])


def encode_clock(clock: Millis) -> bytes:
    return codec.encode([Message.CLOCK, clock])


def encode_wanted(circle: bytes, epoch: EpochId) -> bytes:
    return codec.encode([Message.WANTED, circle, epoch])


def encode_states(said: HandedStates) -> bytes:
    circle, epoch, day, *states = said
    return codec.encode([Message.STATES, circle, epoch, day, *(state.reveal() for state in states)])


# --- reading ------------------------------------------------------------------------------------


def decode(raw: bytes) -> AnyMessage:
    """One message. Raises Malformed or CapExceeded; the rows of a batch part are checked by `batches.extend`."""
    part = batches.read_typed(raw)
    if part is not None:
        return part
    match codec.decode_message(raw):
        case [tag, *_] if type(tag) is not int:  # 4.0 and True equal numbers, too
            pass
        case [Message.BATCH, bytes(circle), bool(last), [*chains], [*cases], [*entries]]:
            return BatchPart(forms.circle_name(circle), last, chains, cases, entries)
        case [Message.ACK, bytes(circle), [*refused]]:
            if all(type(row) is int and 0 <= row < caps.CHAINS for row in refused):
                name = forms.circle_name(circle)
                if any(row >= other for row, other in pairwise(refused)):
                    raise Malformed(Rule.ACK_ORDER)
                return Ack(name, refused)
        case [Message.DIGEST, bytes(circle), bytes(digest)] if len(digest) == 32:
            return Digest(forms.circle_name(circle), digest)
        case [Message.FRONTIER, bytes(circle), bool(last), [*heads], [*devices], [*gaps]]:
            return FrontierPart(forms.circle_name(circle), last, frontiers.frontier_of(heads, devices, gaps))
        case [Message.PATH, bytes(circle), [*paths]] if 0 < len(paths) <= frontiers.PATHS:
            return Paths(forms.circle_name(circle), [frontiers.path_of(path) for path in paths])
        case [Message.OFFER, [*tags]] if len(tags) == OFFERS:
            if all(type(tag) is bytes and len(tag) == TAG_BYTES for tag in tags):
                if any(one >= other for one, other in pairwise(tags)):
                    raise Malformed(Rule.OFFER_ORDER)
                return Offer(tags)
        case [Message.WHEREABOUTS, bytes(circle), [*rows]]:
            name = forms.circle_name(circle)
            if len(rows) > caps.DEVICES:
                raise CapExceeded(Rule.CAP_WHEREABOUTS)
            places = dict(_places(row) for row in rows)
            if len(places) < len(rows):
                raise Malformed(Rule.WHEREABOUTS_TWICE)
            return Whereabouts(name, places)
        case [Message.DETACHED, bytes(circle), *fields] if len(fields) == detached.FIELDS:
            return DetachedEntry(forms.circle_name(circle), detached.of_fields(fields))
        case [Message.PING]:
            return Ping()
        case [Message.PONG]:
            return Pong()
        case [Message.CLOCK, int(clock)] if type(clock) is int and 0 <= clock < _CLOCK_END:
            return Clock(Millis(clock))
        case [Message.WANTED, bytes(circle), bytes(epoch)] if len(epoch) == ID_BYTES:
            return WantedStates(forms.circle_name(circle), EpochId(epoch))
        case [Message.STATES, bytes(circle), bytes(epoch), int(day), *states] if len(states) == BRANCHES:
            if type(day) is int and 0 <= day < _DAYS and all(map(_is_id, (epoch, *states))):
                name = forms.circle_name(circle)
                return HandedStates(name, EpochId(epoch), Day(day), *map(BranchState, states))
    raise Malformed(Rule.MESSAGE)


def _is_id(value: Any) -> bool:
    return type(value) is bytes and len(value) == ID_BYTES


def _places(row: Any) -> tuple[DeviceId, list[tuple[bytes, int]]]:
    match row:
        case [bytes(device), [_, *_] as listed] if len(device) == ID_BYTES:
            if len(listed) > caps.ADDRESSES:
                raise CapExceeded(Rule.CAP_WHEREABOUTS)
            return DeviceId(device), [_place(place) for place in listed]
    raise Malformed(Rule.WHEREABOUTS_ROW)


def _place(place: Any) -> tuple[bytes, int]:
    match place:
        case [bytes(address), port] if type(port) is int and 0 < port < 1 << 16 and len(address) in (4, 16):
            return address, port
    raise Malformed(Rule.WHEREABOUTS_ROW)
