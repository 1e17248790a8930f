"""Messages of a session: all that are written are read back; any other form is a PeerError, and no other error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.crypto.channel import MAX_PAYLOAD
from cellsync.core.errors import CapExceeded, Malformed
from cellsync.core.ids import DeviceId, Millis
from cellsync.core.rule import Rule
from cellsync.core.wire import codec, messages
from cellsync.core.wire.tags import Message
from tests.core.noise import any_bytes
from tests.core.wire.sent import CIRCLE, fixed, gives_peer_errors_only, otherwise


@given(st.lists(st.integers(0, caps.CHAINS - 1), unique=True, max_size=20))
def test_an_acknowledgement_comes_back(refused: list[int]) -> None:
    assert messages.decode(messages.encode_ack(CIRCLE, refused)) == messages.Ack(CIRCLE, sorted(refused))


@pytest.mark.parametrize("refused", [[1, 0], [0, 0], [0, 2, 1], [5, 7, 7]])
def test_an_acknowledgement_has_one_order(refused: list[int]) -> None:
    assert messages.decode(messages.encode_ack(CIRCLE, refused)) == messages.Ack(CIRCLE, sorted(set(refused)))
    with pytest.raises(Malformed) as caught:
        messages.decode(codec.encode([Message.ACK, CIRCLE, refused]))
    assert caught.value.rule is Rule.ACK_ORDER


@pytest.mark.parametrize("at", [0, 30])
@pytest.mark.parametrize("other", [lambda one, two: (two, one), lambda one, two: (one, one)])
def test_an_offer_has_one_order(at: int, other: Callable[[bytes, bytes], tuple[bytes, bytes]]) -> None:
    tags = [bytes([byte]) * 16 for byte in range(32)]
    tags[at : at + 2] = other(*tags[at : at + 2])
    with pytest.raises(Malformed) as caught:
        messages.decode(codec.encode([Message.OFFER, tags]))
    assert caught.value.rule is Rule.OFFER_ORDER


def test_the_others_come_back() -> None:
    tags = [bytes([byte]) * 16 for byte in range(32)]
    assert messages.decode(messages.encode_offer(reversed(tags))) == messages.Offer(tags)
    assert messages.decode(messages.encode_digest(CIRCLE, bytes(32))) == messages.Digest(CIRCLE, bytes(32))
    assert messages.decode(messages.PING_BYTES) == messages.Ping()
    assert messages.decode(messages.PONG_BYTES) == messages.Pong()


@given(
    st.dictionaries(
        fixed(32).map(DeviceId),
        st.lists(st.tuples(fixed(4) | fixed(16), st.integers(1, 65_535)), min_size=1, max_size=caps.ADDRESSES),
        max_size=5,
    )
)
def test_whereabouts_come_back(places: messages.Places) -> None:
    assert messages.decode(messages.encode_whereabouts(CIRCLE, places)) == messages.Whereabouts(CIRCLE, places)


def test_whereabouts_are_capped_and_the_most_fit_into_a_frame() -> None:
    most = {DeviceId(bytes([at]) * 32): [(bytes(16), 65_535)] * caps.ADDRESSES for at in range(caps.DEVICES)}
    assert len(messages.encode_whereabouts(CIRCLE, most)) <= MAX_PAYLOAD
    more = most | {DeviceId(b"x" * 32): [(bytes(4), 1)]}
    longer = {DeviceId(b"x" * 32): [(bytes(4), 1)] * (caps.ADDRESSES + 1)}
    for places in (more, longer):
        with pytest.raises(CapExceeded, match="whereabouts"):
            messages.decode(messages.encode_whereabouts(CIRCLE, places))


def test_whereabouts_hide_what_they_say() -> None:
    assert "10" not in repr(messages.Whereabouts(CIRCLE, {DeviceId(bytes(32)): [(bytes([10, 0, 0, 1]), 10)]}))


ROW = [bytes(32), bytes(8), 1, bytes(32)]
NOT_MESSAGES: list[Any] = [
    None, 5, [], [0], [8], [99], [True], [6.0], ["6"], [6, 6], [7, None], {"6": 6}, [[6]],
    [True, [bytes(16)] * 32], [1], [1, []], [1, [bytes(16)] * 31], [1, [bytes(16)] * 33], [1, [bytes(15)] * 32],
    [1, ["x" * 16] * 32], [1.0, [bytes(16)] * 32],
    [2, CIRCLE], [2, CIRCLE, bytes(31)], [2, b"short", bytes(32)], [2, "circle 8", bytes(32)], [2.0, CIRCLE, bytes(32)],
    [3, CIRCLE, [], [], []], [3, CIRCLE, 1, [], [], []], [3, CIRCLE, True, [[]], [], []], [3, CIRCLE, True, [], []],
    [3, CIRCLE, True, [ROW, ROW], [], []], [3, b"", True, [], [], []], [3, CIRCLE, True, [], [bytes(32)] * 2, []],
    [3, CIRCLE, True, [], [bytes(31)], []], [3, CIRCLE, True, [], [], [ROW, ROW]], [3, CIRCLE, True, [], [], [None]],
    *[[3, CIRCLE, True, [[*ROW[:at], wrong, *ROW[at + 1:]]], [], []] for at, wrong in
      [(0, bytes(31)), (1, bytes(9)), (2, 0), (2, -1), (2, 1 << 40), (2, True), (2, 1.0), (3, bytes(33)), (3, None)]],
    [3, CIRCLE, True, [[*ROW, 1]], [], []],
    [4, CIRCLE, True, [], []], [4, CIRCLE, 1, [], [], []], [4, CIRCLE, None, [], [], []], [4, CIRCLE, True, {}, [], []],
    [4, b"", True, [], [], []], [4, CIRCLE, True, [], [], [], []],
    [10], [10, CIRCLE], [10, CIRCLE, 7], [10, b"", []], [10, CIRCLE, [[bytes(32), []]]], [10, CIRCLE, [[bytes(32)]]],
    [10, CIRCLE, [[bytes(31), [[bytes(4), 1]]]]], [10, CIRCLE, [[bytes(32), [[bytes(4), 1]], 1]]],
    *[[10, CIRCLE, [[bytes(32), [[bytes(4), 1], wrong]]]] for wrong in
      [None, [], [bytes(4)], [bytes(5), 1], [b"", 1], ["10.0.0.1", 1], [bytes(4), 0], [bytes(4), 1 << 16],
       [bytes(4), True], [bytes(4), 1.0], [bytes(4), 1, 1]]],
    [10, CIRCLE, [[bytes(32), [[bytes(4), 1]]]] * 2],
    [5, CIRCLE], [5, CIRCLE, [-1]], [5, CIRCLE, [True]], [5, CIRCLE, [caps.CHAINS]], [5, CIRCLE, [b""]], [5, b"", []],
]  # fmt: skip


@pytest.mark.parametrize("message", NOT_MESSAGES, ids=range(len(NOT_MESSAGES)))
def test_what_is_not_a_message(message: Any) -> None:
    with pytest.raises(Malformed):
        messages.decode(codec.encode(message))


json = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 300) | st.floats() | st.binary(max_size=33) | fixed(32)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=8), max_leaves=20,
)  # fmt: skip


GOOD: list[Any] = [
    codec.decode_message(raw)
    for raw in (
        messages.encode_ack(CIRCLE, [1, 2]),
        messages.encode_offer(bytes([byte]) * 16 for byte in range(32)),
        messages.encode_digest(CIRCLE, bytes(32)),
        messages.encode_whereabouts(CIRCLE, {DeviceId(bytes(32)): [(bytes(4), 1), (bytes(16), 2)]}),
        messages.encode_clock(Millis(5)),
        messages.PING_BYTES,
        codec.encode([4, CIRCLE, True, [[*ROW, None]], [bytes(32)], [[0, 0, [], 5, 0, b"", b""]]]),
    )
]


@given(st.integers(0, 12), st.lists(json | st.just(CIRCLE) | st.booleans(), max_size=5))
def test_random_arrays_give_peer_errors_only(tag: int, rest: list[Any]) -> None:
    gives_peer_errors_only(codec.encode([tag, *rest]))


@pytest.mark.parametrize("message", GOOD, ids=lambda message: message[0])
@settings(max_examples=50)
@given(st.data())
def test_messages_with_one_part_that_is_another_give_peer_errors_only(message: list[Any], data: st.DataObject) -> None:
    gives_peer_errors_only(codec.encode(data.draw(otherwise(message))))


def test_these_are_messages() -> None:
    for array in GOOD:
        messages.decode(codec.encode(array))


@given(any_bytes(100))
def test_random_bytes_give_peer_errors_only(raw: bytes) -> None:
    gives_peer_errors_only(raw)


@given(st.integers(0, (1 << 63) - 1).map(Millis))
def test_a_clock_comes_back(clock: Millis) -> None:
    assert messages.decode(messages.encode_clock(clock)) == messages.Clock(clock)


@pytest.mark.parametrize(
    "row", [[11], [11, -1], [11, 1 << 63], [11, True], [11, 1.0], [11, b"1"], [11, 1, 1], [11, None]]
)
def test_no_other_clock_is_read(row: list[Any]) -> None:
    with pytest.raises(Malformed):
        messages.decode(codec.encode(row))
