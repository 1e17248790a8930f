"""Sessions between clocks that differ."""

from __future__ import annotations

import pytest

from cellsync.core.crypto import channel
from cellsync.core.ids import Day, Millis
from cellsync.core.session.exchange import Unexpected
from cellsync.core.wire import messages
from tests.core.replicas import START, admitted, pair
from tests.core.session.pairs import agree, write
from tests.core.session.pumps import answerer, caller, run, sync

ONE_DAY = 86_400_000


@pytest.mark.parametrize("ahead", [0, 90_000, -3_600_000, ONE_DAY])
def test_both_sides_learn_what_the_other_clock_shows(ahead: int) -> None:
    ana, bea = pair()
    bea.now = Millis(ana.now + ahead)
    one, other = caller(ana, bea), answerer(bea)
    opening = one.give()
    other.take(opening, 2.0)  # each way takes two seconds
    one.take(other.give(), 4.0)
    other.take(one.give(), 6.0)
    one.take(other.give(), 8.0)
    assert one.measured is not None
    assert other.measured is not None
    for end, expected in ((one, ahead - 2_000), (other, 2_000 - ahead)):  # the ends began two seconds apart
        assert end.measured is not None
        assert abs(end.measured.ahead - expected) <= end.measured.within <= 2_000
    run(one, other, 8.0)
    assert agree(ana, bea)


def test_a_clock_is_told_once() -> None:
    ana, bea = pair()
    one, other = sync(ana, bea)
    transport = one.session._connection.transport
    assert transport is not None
    other.take(transport.encrypt_frame(messages.encode_clock(Millis(5))), 0)
    assert isinstance(other.error, Unexpected)


def test_who_is_not_known_yet_hears_no_clock() -> None:
    """Before it has been introduced; then it does, and is heard."""
    ana, bea = pair()
    eva = admitted(ana, "eva", 3)
    sync(eva, ana)
    one, other = caller(eva, bea), answerer(bea)
    told: list[bytes] = []
    original = channel.Transport.encrypt_frame

    def record(self: channel.Transport, payload: bytes) -> bytes:
        if self is other.session._connection.transport:
            told.append(payload)
        return original(self, payload)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(channel.Transport, "encrypt_frame", record)
        other.take(one.give(), 0)
        one.take(other.give(), 0)
        other.take(one.give(), 0)
        said = [messages.decode(payload) for payload in told]
        assert not any(isinstance(message, messages.Clock) for message in said)
        assert other.measured is None
        run(one, other)
    assert [end.measured is not None for end in (one, other)] == [True, True]
    assert agree(eva, bea)


@pytest.mark.parametrize("days", [2, 3, 40, -2, -3, -40])
@pytest.mark.parametrize("caller_knows", [True, False])
def test_a_session_across_days(days: int, caller_knows: bool) -> None:
    """The caller opens under the callee's day, or the callee accepts the caller's: whichever of them knows."""
    ana, bea = pair()
    write(ana, 3)
    write(bea, 3)
    ana.now = Millis(START + 50 * ONE_DAY)
    bea.now = Millis(ana.now + days * ONE_DAY)
    there = Day(ana.epochs.day(ana.now) + days)
    key = None
    if caller_knows:
        (key,) = ana.epochs.calling_keys([there])
    else:
        bea.other_days = [ana.epochs.day(ana.now)]
    one, other = caller(ana, bea, key=key), answerer(bea)
    run(one, other)
    assert agree(ana, bea)
    assert one.measured is not None
    assert one.measured.ahead == days * ONE_DAY


def test_without_either_knowing_there_is_no_session() -> None:
    ana, bea = pair()
    bea.now = Millis(ana.now + 3 * ONE_DAY)
    one, other = caller(ana, bea), answerer(bea)
    other.take(one.give(), 0)
    assert other.give() == b""
