"""Values, and the messages of a session and of a pairing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cellsync.core import caps
from cellsync.core.crypto.channel import MAX_PAYLOAD
from cellsync.core.errors import Malformed, PeerError
from cellsync.core.history.detached import targets
from cellsync.core.ids import BranchState, CaseId, Day, DeviceId, EntryId, EpochId, Incarnation, Millis, Signature
from cellsync.core.pairing import messages as pairing
from cellsync.core.pairing.messages import Done, Nonce, PairingVerdict
from cellsync.core.rule import Rule
from cellsync.core.wire import batches, codec, detached, forms, frontiers, messages
from cellsync.core.wire.batches import NO_CASE, Batch, BatchChain, BatchEntry, BatchPart
from cellsync.core.wire.detached import Detached as DetachedBody
from cellsync.core.wire.detached import DetachedEntry
from cellsync.core.wire.frontiers import FrontierPart, Path, Paths
from cellsync.core.wire.mark import EntryForm, Hashed, marked
from cellsync.core.wire.messages import Ack, Clock, Digest, HandedStates, Offer, Ping, Pong, WantedStates, Whereabouts
from cellsync.core.wire.places import Frontier, Head
from cellsync.core.wire.tags import Kind, Message
from tests.core.pairing.pairs import CLOCK, HELLO, REVEAL, WELCOME
from tests.fuzz.wire_type import WireType

CIRCLE: Final = b"circle 8"
LINE: Final = DeviceId(bytes(32)), Incarnation(bytes(8))
_WHOLE: Final = 2 * caps.FRAME  # a limit that no part reaches


def read_value(raw: bytes) -> None:
    value = codec.decode(raw, caps.FRAME, Rule.CAP_FRAME)
    assert codec.encode(value) == raw
    assert 0 <= codec.nesting(raw) <= caps.NESTING
    assert codec.elements(raw, len(raw), len(raw)) <= len(raw)


def read_message(raw: bytes) -> None:
    message = messages.decode(raw)
    assert codec.encode(codec.decode_message(raw)) == raw
    match message:
        case BatchPart():
            read_batch(raw)
        case Ack(circle, refused):
            assert messages.decode(messages.encode_ack(circle, refused)) == Ack(circle, sorted(refused))
        case FrontierPart(circle, _, frontier):
            [again] = frontiers.encode_frontier(circle, frontier, _WHOLE)
            assert messages.decode(again) == FrontierPart(circle, True, frontier)
            assert len(again) == len(raw)
        case DetachedEntry(_, None):
            pass  # of a version to come: nothing of it is kept
        case _:
            assert _written(message) == raw


def _written(message: messages.AnyMessage) -> bytes:
    match message:
        case Offer(tags):
            return messages.encode_offer(tags)
        case Digest(circle, digest):
            return messages.encode_digest(circle, digest)
        case Paths(circle, paths):
            [again] = frontiers.encode_paths(circle, paths)
            return again
        case Whereabouts(circle, places):
            return messages.encode_whereabouts(circle, places)
        case Clock(clock):
            return messages.encode_clock(clock)
        case WantedStates(circle, epoch):
            return messages.encode_wanted(circle, epoch)
        case HandedStates():
            return messages.encode_states(message)
        case DetachedEntry(circle, DetachedBody() as entry):
            targets(entry)
            return detached.encode(circle, entry)
        case Ping():
            return messages.PING_BYTES
        case Pong():
            return messages.PONG_BYTES
    raise AssertionError(type(message))


def read_batch(raw: bytes) -> Batch:
    """A part of a batch, alone; by the reader of typed parts and by the plain one, which say the same of it."""
    typed = batches.read_typed(raw)
    plain = _outcome(_plain_part, raw)
    if typed is None:
        if isinstance(plain, PeerError):
            raise plain
        return plain
    batch = _outcome(lambda _: typed, raw)
    if isinstance(batch, PeerError) or isinstance(plain, PeerError):
        assert type(batch) is type(plain)
        assert str(batch) == str(plain)
        raise batch if isinstance(batch, PeerError) else AssertionError
    assert batch == plain
    again = Batch()
    for written in batches.encode_batch(typed.circle, batch, MAX_PAYLOAD):
        part = messages.decode(written)
        assert isinstance(part, BatchPart)
        batches.extend(again, part)
    assert again == batch
    return batch


def _outcome(part_of: Any, raw: bytes) -> Batch | PeerError:
    batch = Batch()
    try:
        batches.extend(batch, part_of(raw))
    except PeerError as error:
        return error
    return batch


def _plain_part(raw: bytes) -> BatchPart:
    match codec.decode_message(raw):
        case [tag, *_] if type(tag) is not int:
            pass
        case [Message.BATCH, bytes(circle), bool(last), [*chains], [*cases], [*entries]]:
            return BatchPart(forms.circle_name(circle), last, chains, cases, entries)
    raise Malformed(Rule.MESSAGE)


def read_pairing(raw: bytes) -> None:
    assert pairing.encode(pairing.decode(raw)) == raw


# --- good ones ----------------------------------------------------------------------------------


def values() -> Iterator[bytes]:
    numbers = [0, 127, 128, 255, 256, 65_535, 65_536, 2**32, 2**64 - 1, -1, -32, -33, -128, -129, -(2**63)]
    single: list[Any] = [None, True, 1.5, "", "лес", "x" * 40, b"", bytes(300), [], [[[[1]]]], {"a": {"b": []}}]
    yield from map(codec.encode, numbers + single)
    yield codec.encode([*numbers, {"k": [None, False, 0.0, "text", b"bytes"]}] * 3)
    yield b"\x91" * caps.NESTING + b"\xc0"


def _batches() -> Iterator[bytes]:
    row = BatchChain(*LINE, 1, EntryId(bytes(32)), Signature(bytes(64)))
    plain = BatchEntry(0, 0, [], 5, 0, b"\x91\x93\x07\xa1f\xc0", bytes(17))
    erased = plain._replace(kind=marked(0, EntryForm.ERASED), content=Hashed(bytes(32), 17).pack())
    skeleton = erased._replace(kind=marked(0, EntryForm.SKELETON), case=NO_CASE, shape=erased.content)
    newer = plain._replace(kind=marked(7, EntryForm.FULL, 2))
    entries = [plain, plain, BatchEntry(0, 1, [1, 1, 1, 2], -5, 2, b"s" * 70, b"c"), erased, newer]
    yield from batches.encode_batch(CIRCLE, Batch([row, row._replace(signature=None)], [], []), MAX_PAYLOAD)
    whole = Batch([row, row._replace(first=300)], [CaseId(bytes(32)), CaseId(b"c" * 32)], entries)
    yield from batches.encode_batch(CIRCLE, whole, MAX_PAYLOAD)
    yield from batches.encode_batch(CIRCLE, Batch([row], [], [skeleton]), MAX_PAYLOAD)


def _frontiers() -> Iterator[bytes]:
    heads = [Head(*LINE, sequence, EntryId(bytes([sequence % 256]) * 32)) for sequence in (1, 300, 1 << 39)]
    for held in (Frontier(frozenset()), Frontier(frozenset(heads), frozenset([LINE[0]]), frozenset(heads[:1]))):
        yield from frontiers.encode_frontier(CIRCLE, held, MAX_PAYLOAD)


def _paths() -> Iterator[bytes]:
    steps = [(sequence, EntryId(bytes(32))) for sequence in (900, 20, 1)]
    yield from frontiers.encode_paths(CIRCLE, [Path(LINE, steps), Path(LINE, steps[:1])])


def _detached() -> Iterator[bytes]:
    first = DetachedBody(
        *LINE, 1, EntryId(bytes(32)), 1, Millis(5), Kind.REMOVE, codec.encode([[bytes(32)]]), Hashed(bytes(32), 17), (),
        Signature(bytes(64)),
    )  # fmt: skip
    parents = EntryId(bytes(32)), EntryId(b"p" * 32)
    later = first._replace(
        sequence=300, previous=EntryId(b"e" * 32), height=9, kind=200, shape=b"\xc0", parents=parents
    )
    yield from (detached.encode(CIRCLE, entry) for entry in (first, later))
    newer = [marked(5, EntryForm.DETACHED, 2), b"", bytes(32), 0, [], b""]
    yield codec.encode([*codec.decode_message(detached.encode(CIRCLE, first))[:8], *newer])


def session_messages() -> dict[Message, list[bytes]]:
    """By tag. A test holds that there is one of each."""
    places = [(bytes(4), 1), (bytes(16), 65_535)]
    return {
        Message.OFFER: [messages.encode_offer(bytes([byte]) * 16 for byte in range(32))],
        Message.DIGEST: [messages.encode_digest(CIRCLE, bytes(32))],
        Message.FRONTIER: list(_frontiers()),
        Message.BATCH: list(_batches()),
        Message.ACK: [messages.encode_ack(CIRCLE, rows) for rows in ([], [0], [1, 200, 16_000])],
        Message.PING: [messages.PING_BYTES],
        Message.PONG: [messages.PONG_BYTES],
        Message.PATH: list(_paths()),
        Message.WHEREABOUTS: [
            messages.encode_whereabouts(CIRCLE, {DeviceId(bytes([at]) * 32): places for at in range(at)})
            for at in (0, 1, 3)
        ],
        Message.DETACHED: list(_detached()),
        Message.WANTED: [messages.encode_wanted(CIRCLE, EpochId(bytes([at]) * 32)) for at in range(3)],
        Message.STATES: [
            messages.encode_states(HandedStates(CIRCLE, EpochId(bytes(32)), Day(day), *4 * [BranchState(b"b" * 32)]))
            for day in (0, 20_000, (1 << 32) - 1)
        ],
        Message.CLOCK: [messages.encode_clock(Millis(clock)) for clock in (0, 5, (1 << 63) - 1)],
    }


def _pairing() -> list[bytes]:
    said = (HELLO, Nonce(bytes(32), CLOCK), REVEAL, PairingVerdict(True), PairingVerdict(False), WELCOME, Done())
    return [pairing.encode(message) for message in said]


def _of(tag: Message, tries: str, most: int = 600) -> WireType:
    good = session_messages()[tag]
    return WireType(tag.name.lower(), tries, read_message, lambda: good, good[0][:2], most)


TYPES: Final = (
    WireType("value", "any bytes as one value of the codec", read_value, values),
    WireType(
        "message", "any bytes as a message of a session", read_message,
        lambda: [raw for good in session_messages().values() for raw in good],
    ),
    _of(Message.OFFER, "an OFFER"),
    _of(Message.DIGEST, "a DIGEST", 200),
    _of(Message.FRONTIER, "a part of a FRONTIER"),
    _of(Message.BATCH, "a part of a BATCH, with its rows: typed and plain reading say the same"),
    _of(Message.ACK, "an ACK"),
    _of(Message.PATH, "a PATH"),
    _of(Message.WHEREABOUTS, "WHEREABOUTS"),
    _of(Message.CLOCK, "a CLOCK", 200),
    _of(Message.WANTED, "a WANTED", 200),
    _of(Message.STATES, "a STATES", 400),
    _of(Message.DETACHED, "a DETACHED, with whom it is about"),
    WireType("pairing", "any bytes as a message of a pairing", read_pairing, _pairing, most=1_400),
)  # fmt: skip
