"""Sessions with strangers, replays, and callers that are not known yet."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from cellsync.core.crypto import channel
from cellsync.core.ids import MILLIS_PER_DAY, KemPublic, Millis
from cellsync.core.replica.replica import Replica
from cellsync.core.session.connection import HANDSHAKE_WITHIN
from cellsync.core.session.events import Event
from cellsync.core.session.talking import (
    Talking,
)
from cellsync.core.wire import frontiers, messages
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.places import Frontier
from tests.core.noise import any_bytes
from tests.core.replicas import START, founded, pair
from tests.core.session.pairs import CASE, PLACES, agree, circles_of, newcomer, write
from tests.core.session.pumps import End, answerer, caller, run, sync


def listens_in_silence(end: End, data: bytes) -> None:
    deadline = end.session.deadline
    for at in range(0, len(data), 97):
        end.take(data[at : at + 97], 0)
        assert end.give() == b""
    assert end.session.deadline == deadline  # when it hangs up says nothing about what arrived
    assert (end.ended, end.error) == (False, None)
    end.handle(end.session.tick(deadline))
    assert (end.ended, end.error) == (True, None)
    assert HANDSHAKE_WITHIN <= deadline <= 2 * HANDSHAKE_WITHIN


@given(any_bytes(3_000))
@settings(max_examples=30)
def test_strangers_get_zero_bytes(data: bytes) -> None:
    listens_in_silence(answerer(founded()), data)


def test_a_member_of_another_circle_gets_zero_bytes() -> None:
    ana, _ = pair()
    zoe = founded("zoe", 77)
    listens_in_silence(answerer(ana), caller(zoe, ana).give())


def test_a_replay_gets_zero_bytes_also_after_a_restart() -> None:
    ana, bea = pair()
    one, other = caller(bea, ana), answerer(ana)
    opening = one.give()
    other.take(opening, 0)
    assert other.give()
    listens_in_silence(answerer(ana, 5), opening)
    ana.replica = Replica(ana.id, ana.store)
    listens_in_silence(answerer(ana, 6), opening)


def test_a_replayed_opening_alone_starts_nothing() -> None:
    """Before its first frame a caller has not proved who it is: nothing is said to it but the reply."""
    ana, bea = pair()
    write(ana, 5)
    one, other = caller(bea, ana), answerer(ana)
    other.take(one.give(), 0)
    assert len(other.give()) < 1_700
    assert not other.opened
    assert other.give() == b""


def test_a_caller_that_does_not_go_on_is_left_as_a_stranger_is() -> None:
    """No ping, no patience: until its first frame it may be anybody who repeats what a member said."""
    ana, bea = pair()
    one, other = caller(bea, ana), answerer(ana)
    moment = other.session.deadline
    other.take(one.give(), 0)
    assert other.give()
    for now in (1.0, 20.0, moment - 0.1):
        other.handle(other.session.tick(now))
        assert other.give() == b""
        assert other.session.deadline == moment
    other.handle(other.session.tick(moment))
    assert (other.ended, other.error) == (True, None)


def test_bytes_after_an_opening_are_no_opening() -> None:
    ana, bea = pair()
    listens_in_silence(answerer(ana), caller(bea, ana).give() + b"x")


def test_a_bad_key_in_an_opening_is_met_with_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    ana, bea = pair()
    monkeypatch.setattr(channel, "kem_public", lambda _: KemPublic(b"\xff" * 1_184))
    listens_in_silence(answerer(ana), caller(bea, ana).give())


@pytest.mark.parametrize(("days", "heard"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clocks_a_day_apart(days: int, heard: bool) -> None:
    ana, bea = pair()
    ana.now = Millis(START + 5 * MILLIS_PER_DAY)
    bea.now = Millis(ana.now + days * MILLIS_PER_DAY)
    one, other = caller(bea, ana), answerer(ana)
    if not heard:
        listens_in_silence(other, one.give())
        return
    run(one, other)
    assert one.opened
    assert other.opened
    bea.edit(CASE, Operation(1, "f", b"", 1))
    run(one, other)
    assert agree(ana, bea)


def test_a_clock_that_fell_back_years_breaks_nothing() -> None:
    ana, bea = pair()
    bea.now = Millis(START - 900 * MILLIS_PER_DAY)
    run(caller(bea, ana), answerer(ana))
    run(caller(ana, bea, 5), answerer(bea, 6))
    assert agree(ana, bea)


def test_an_unknown_caller_introduces_itself() -> None:
    _, bea, eva = newcomer()
    write(eva, 3)
    ends = sync(eva, bea)
    assert agree(bea, eva)
    assert ends[0].opened
    assert ends[1].opened


def test_nothing_is_revealed_before_the_introduction_is_committed() -> None:
    _, bea, eva = newcomer()
    one, other = caller(eva, bea), answerer(bea)
    other.commits = False
    heard: list[messages.AnyMessage] = []
    original = Talking._hear

    def listen(self: Talking, message: messages.AnyMessage) -> list[Event]:
        if self is one.session._phase:
            heard.append(message)
        return original(self, message)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Talking, "_hear", listen)
        run(one, other)
    assert [type(message) for message in heard] == [messages.Offer]
    assert not circles_of(other.session).own_tags
    assert one.received == 0


@pytest.mark.parametrize("question", ["digest", "frontier", "offer", "whereabouts"])
def test_an_unknown_caller_may_not_ask(question: str) -> None:
    """It holds the circle's key, and is not (or no longer) a member for us."""
    _, bea, eva = newcomer()
    one, other = caller(eva, bea), answerer(bea)
    other.commits = False
    run(one, other)
    transport = one.session._connection.transport
    name = next(iter(other.session._exchanges))
    assert transport is not None
    asked = {
        "digest": [messages.encode_digest(name, bytes(32))],
        "frontier": frontiers.encode_frontier(name, Frontier(frozenset()), 60_000),
        "offer": [messages.encode_offer([bytes([at]) * 16 for at in range(32)])],
        "whereabouts": [messages.encode_whereabouts(name, PLACES)],
    }[question]
    for payload in asked:
        other.take(transport.encrypt_frame(payload), 0)
        assert other.give() == b""
    assert other.ended
