"""Sessions back to back: faults of the wire, peers that stop, pings, where devices listen."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.errors import PeerError
from cellsync.core.ids import DeviceId
from cellsync.core.membership.control import Role
from cellsync.core.session.connection import UNSENT
from cellsync.core.session.events import Answered, Located
from cellsync.core.session.exchange import Unexpected
from cellsync.core.session.session import Session
from cellsync.core.session.silence import CALLER_WAITS, SILENCE_ENDS
from cellsync.core.session.state import State
from cellsync.core.session.talking import (
    ACKNOWLEDGE_WITHIN,
    LOCATED_AT_ONCE,
    LOCATED_EVERY,
)
from cellsync.core.wire import batches, frontiers, messages
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.frontiers import FrontierPart
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.places import Frontier
from tests.core.replicas import admitted, founded, pair
from tests.core.session.pairs import CASE, PLACES, agree, circles_of, newcomer, write
from tests.core.session.pumps import CARRIER, End, answerer, caller, entropy, recorded, run, sync

# --- what a session is for ------------------------------------------------------------------------


def test_both_ways_and_live() -> None:
    ana, bea = pair()
    write(ana, 30)
    write(bea, 20)
    ends = sync(ana, bea)
    assert agree(ana, bea)
    for writer in (ana, bea, ana):
        write(writer, 3)
        run(*ends)
        assert agree(ana, bea)
    assert ends[0].error is ends[1].error is None
    assert ends[0].opened
    assert ends[1].opened


def test_a_newcomer_calls_its_sponsor_and_gets_everything() -> None:
    ana = founded()
    write(ana, 20)
    bea = admitted(ana, "bea", 2)
    sync(bea, ana)
    assert agree(ana, bea)
    assert bea.replica.circle.is_active(bea.device)


def test_both_call_each_other_at_once() -> None:
    ana, bea = pair()
    write(ana, 40)
    write(bea, 40)
    first, second = (caller(ana, bea, 1), answerer(bea, 2)), (caller(bea, ana, 3), answerer(ana, 4))
    for _ in range(40):
        for one, other in (first, second):
            forth, back = one.give(), other.give()
            other.take(forth, 0)
            one.take(back, 0)
    assert agree(ana, bea)
    assert not any(end.error for end in (*first, *second))


def test_large_histories_go_in_several_batches() -> None:
    ana, bea = pair()
    write(ana, 60, 60_000)
    ends = sync(bea, ana)
    assert agree(ana, bea)
    assert ends[0].received >= 3


def test_nothing_new_costs_a_digest() -> None:
    ana, bea = pair()
    write(ana, 50)
    sync(ana, bea)
    assert agree(ana, bea)
    with recorded() as said:
        sync(ana, bea, seed=9)
    first = [payload for payload in said if isinstance(messages.decode(payload), messages.Offer | messages.Clock)]
    rest = [payload for payload in said if payload not in first]
    assert len(first) == 4
    assert len(rest) == 2
    assert all(isinstance(messages.decode(payload), messages.Digest) and len(payload) <= 128 for payload in rest)


def test_equal_digests_leave_the_first_frontier_to_be_answered_with_all() -> None:
    ana, bea = pair()
    write(ana, 5)
    sync(ana, bea)
    one, other = sync(ana, bea, seed=9)
    with recorded() as said:
        one.session.ping()
        run(one, other)
    heard = [messages.decode(payload) for payload in said]
    told = [message.frontier for message in heard if isinstance(message, FrontierPart)]
    nothing, everything = Frontier(frozenset()), ana.frontier()
    assert told == [nothing, everything, nothing, everything]
    assert [type(message) for message in heard if not isinstance(message, FrontierPart)] == [
        messages.Ping,
        messages.Pong,
    ]


# --- a bad wire -------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(st.integers(0, 1 << 32), st.integers(1, 3_000))
def test_chunks_may_be_cut_anywhere(seed: int, most: int) -> None:
    ana, bea = pair()
    write(ana, 8)
    write(bea, 8)
    source = random.Random(seed)
    ends = caller(ana, bea), answerer(bea)
    wires = [bytearray(), bytearray()]
    for _ in range(100_000):
        for at in (0, 1):
            wires[at] += ends[at].give()
        waiting = [at for at in (0, 1) if wires[at]]
        if not waiting:
            break
        at = source.choice(waiting)
        size = source.randint(1, most) if ends[1].session.state is State.TALKING else len(wires[at])
        ends[1 - at].take(bytes(wires[at][:size]), 0)
        del wires[at][:size]
    assert agree(ana, bea)


@settings(max_examples=25)
@given(st.data())
def test_a_connection_cut_at_any_byte_is_taken_up_by_the_next(data: st.DataObject) -> None:
    ana, bea = pair()
    write(ana, 12, 20_000)
    write(bea, 12, 20_000)
    for seed in range(10, 10 + 2 * data.draw(st.integers(1, 3)), 2):
        ends = caller(ana, bea, seed), answerer(bea, seed + 1)
        left = [data.draw(st.integers(0, 300_000)), data.draw(st.integers(0, 300_000))]
        for _ in range(200):
            for at in (0, 1):
                chunk = ends[at].give()[: left[at]]
                left[at] -= len(chunk)
                if chunk:
                    ends[1 - at].take(chunk, 0)
        assert not ends[0].error
        assert not ends[1].error
    sync(ana, bea, 100)
    assert agree(ana, bea)
    assert ana.replica.held.entries() == 2 + 24


@settings(max_examples=60)
@given(st.data())
def test_a_garbled_wire_ends_the_session_and_changes_nothing_else(data: st.DataObject) -> None:
    """Bytes flipped, left out, repeated or in another order: an error of the peer's, or silence; never wrong data."""
    ana, bea = pair()
    write(ana, 5)
    write(bea, 5)
    ends = caller(ana, bea), answerer(bea)
    strike = data.draw(st.integers(0, 6))
    fault = data.draw(st.sampled_from(["flip", "drop", "repeat", "swap", "insert"]))
    for turn in range(20):
        at = turn % 2
        chunk = ends[at].give()
        if turn == strike and chunk:
            where = data.draw(st.integers(0, len(chunk) - 1))
            match fault:
                case "flip":
                    chunk = chunk[:where] + bytes([chunk[where] ^ 1 << where % 8]) + chunk[where + 1 :]
                case "drop":
                    chunk = chunk[:where] + chunk[where + 1 :]
                case "repeat":
                    chunk = chunk + chunk
                case "swap":
                    chunk = chunk[where:] + chunk[:where]
                case _:
                    chunk = chunk[:where] + b"?" + chunk[where:]
        if chunk:
            ends[1 - at].take(chunk, 0)
    for end in ends:  # what is asked of a session that is over is not an error
        assert not end.ended or end.session.ping() > end.session.answered
    sync(ana, bea, 50)
    assert agree(ana, bea)
    assert ana.replica.held.entries() == 2 + 10


@settings(max_examples=40)
@given(st.data())
def test_a_member_that_talks_nonsense_is_only_ever_at_fault(data: st.DataObject) -> None:
    """The peer has the keys: any messages, in any order, whole or not."""
    ana, bea = pair()
    write(ana, 5)
    write(bea, 5)
    ends = caller(ana, bea), answerer(bea)
    run(*ends)
    name = next(iter(ends[1].session._exchanges))
    transport = ends[0].session._connection.transport
    assert transport is not None
    entries = ana.replica.held.entries()
    nonsense = st.one_of(
        st.binary(max_size=60),
        st.just(messages.PING_BYTES),
        st.builds(messages.encode_digest, st.just(name), st.binary(min_size=32, max_size=32)),
        st.builds(messages.encode_ack, st.just(name), st.lists(st.integers(0, 9), max_size=2)),
        st.sampled_from(frontiers.encode_frontier(name, ana.frontier(), 60_000)),
        st.sampled_from(frontiers.encode_frontier(name, Frontier(frozenset()), 60_000)),
        st.sampled_from(batches.encode_batch(name, Batch(), 60_000)),
        st.builds(messages.encode_offer, st.just([bytes(16)] * 32)),
        st.builds(messages.encode_digest, st.just(b"no name!"), st.just(bytes(32))),
        st.builds(messages.encode_whereabouts, st.sampled_from([name, b"no name!"]), st.just(PLACES)),
    )
    for payload in data.draw(st.lists(nonsense, max_size=6)):
        ends[1].take(transport.encrypt_frame(payload), 0)
        ends[1].give()
    assert ana.replica.held.entries() == entries
    assert isinstance(ends[1].error, PeerError | None)


# --- peers that stop ----------------------------------------------------------------------------------


def test_a_peer_that_stops_reading_holds_little_memory() -> None:
    ana, bea = pair()
    write(ana, 150, 60_000)
    one, other = caller(bea, ana), answerer(ana)
    other.take(one.give(), 0)
    one.take(other.give(), 0)
    other.take(one.give(), 0)
    one.take(other.give(), 0)
    other.take(one.give(), 0)
    for _ in range(20):
        other.session.pull()  # nobody takes what is outgoing
    assert 0 < other.session._connection.unsent <= UNSENT
    ping = one.session._connection.transport
    assert ping is not None
    for _ in range(UNSENT // 250):
        other.take(ping.encrypt_frame(messages.PING_BYTES), 0)
    assert other.ended
    assert other.error is not None


def test_a_peer_that_never_acknowledges_is_left() -> None:
    ana, bea = pair()
    write(ana, 5)
    one, other = caller(bea, ana), answerer(ana)
    one.commits = False
    run(one, other)
    now = 0.0
    while not other.ended and now < 10 * ACKNOWLEDGE_WITHIN:
        now += 5.0
        for end, peer in ((one, other), (other, one)):
            end.handle(end.session.tick(now))
            data = end.give()
            if data:
                peer.take(data, now)
    assert other.error is not None
    assert now <= ACKNOWLEDGE_WITHIN + 10


def test_at_most_two_batches_are_in_flight() -> None:
    ana, bea = pair()
    write(ana, 120, 60_000)
    one, other = caller(bea, ana), answerer(ana)
    one.commits = False
    run(one, other)
    assert one.received == caps.UNACKNOWLEDGED


def test_more_than_two_batches_unasked_are_at_fault() -> None:
    ana, bea = pair()
    one, other = sync(bea, ana)
    other.commits = False
    transport, name = one.session._connection.transport, next(iter(other.session._exchanges))
    assert transport is not None
    for count in range(1, 4):
        for part in batches.encode_batch(name, Batch(), 60_000):
            other.take(transport.encrypt_frame(part), 0)
        assert other.ended == (count > caps.UNACKNOWLEDGED)


def test_silence_ends_and_pings_keep() -> None:
    ana, bea = pair()
    one, other = sync(ana, bea)
    for now in range(0, 600, 5):
        for end in (one, other):
            end.handle(end.session.tick(float(now)))
        run(one, other, float(now))
    assert (one.ended, other.ended) == (False, False)
    one.handle(one.session.tick(600 + SILENCE_ENDS))
    one.give()
    one.handle(one.session.tick(601 + 2 * SILENCE_ENDS))
    assert (one.ended, one.error) == (True, None)


# --- pings ------------------------------------------------------------------------------------------------


def test_pings_are_answered_in_order() -> None:
    ana, bea = pair()
    one, other = sync(ana, bea)
    numbers = [one.session.ping(), one.session.ping()]
    assert one.session.answered < numbers[0]
    other.take(one.give(), 0)
    events = one.session.receive(other.give(), 0)
    assert events == [Answered(), Answered()]
    assert one.session.answered == numbers[1] == numbers[0] + 1


def test_the_answer_to_an_earlier_ping_is_not_taken_for_that_to_a_later_one() -> None:
    ana, bea = pair()
    one, other = sync(ana, bea)
    one.handle(one.session.tick(CALLER_WAITS.usual.most))  # because of the silence
    before = one.give()
    number = one.session.ping()
    other.take(before, 0)
    one.take(other.give(), 0)
    assert one.session.answered < number
    run(one, other)
    assert one.session.answered == number


def test_who_pings_and_gets_no_answer_still_ends_in_time() -> None:
    ana, bea = pair()
    one, other = sync(ana, bea)
    now = 0.0
    while not one.ended and now < 10 * SILENCE_ENDS:
        now += 1.0
        one.session.ping()
        one.handle(one.session.tick(now))
        one.give()
    assert (now, one.error) == (SILENCE_ENDS, None)
    assert not other.ended


def test_an_answer_that_nobody_asked_for_means_nothing() -> None:
    ana, bea = pair()
    one, other = sync(ana, bea)
    transport = other.session._connection.transport
    assert transport is not None
    assert one.session.receive(transport.encrypt_frame(messages.PONG_BYTES), 0) == []
    assert one.session.answered == 0
    assert not one.ended


# --- where devices listen --------------------------------------------------------------------------


def test_whereabouts_wait_until_the_circle_is_shared_and_the_newest_counts() -> None:
    ana, bea = pair()
    one, other = caller(ana, bea), answerer(bea)
    one.session.locate(ana.id, {DeviceId(b"o" * 32): [(bytes(4), 1)]})
    one.session.locate(ana.id, PLACES)
    other.session.locate(ana.id, {})
    run(one, other)
    assert other.located == [Located(ana.id, PLACES)]
    assert one.located == []  # nothing to say is not said
    other.session.locate(ana.id, PLACES)
    run(one, other)
    assert one.located == [Located(ana.id, PLACES)]
    assert other.located == [Located(ana.id, PLACES)]


def test_a_removed_device_is_not_told_where_the_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    ana, bea = pair()
    one, _ = sync(ana, bea)
    monkeypatch.setattr(one.session._connection, "is_active", lambda _: False)
    one.session.locate(ana.id, PLACES)
    assert one.give() == b""


def test_an_unknown_caller_gives_its_whereabouts_once_it_is_known() -> None:
    _, bea, eva = newcomer()
    one, other = caller(eva, bea), answerer(bea)
    one.session.locate(eva.id, PLACES)
    other.session.locate(eva.id, PLACES)
    run(one, other)
    assert one.located == other.located == [Located(eva.id, PLACES)]


def test_whereabouts_that_come_too_often_are_at_fault() -> None:
    ana, bea = pair()
    one, other = sync(ana, bea)

    def tell(now: float) -> None:
        one.session.locate(ana.id, PLACES)
        other.take(one.give(), now)

    now = 0.0
    for _ in range(LOCATED_AT_ONCE):
        tell(now)
    for _ in range(30):
        now += LOCATED_EVERY
        tell(now)
    assert not other.ended
    assert len(other.located) == LOCATED_AT_ONCE + 30
    tell(now)
    assert isinstance(other.error, Unexpected)


@pytest.mark.parametrize(("calls", "allowed"), [(True, 1), (False, 2)])
def test_offers_are_told_once_and_by_a_callee_once_more(calls: bool, allowed: int) -> None:
    """Once it knows the caller. Each costs a hash for each key of each day: they came without end."""
    ana, bea = pair()
    ends = sync(ana, bea)
    one, other = ends if calls else ends[::-1]
    transport = one.session._connection.transport
    assert transport is not None
    for number in range(1, 3):
        assert other.ended == (number > allowed)
        tags = [circles_of(one.session).tag(key, b"caller", ana.id) for key in ana.session_keys()]
        other.take(
            transport.encrypt_frame(
                messages.encode_offer([*tags, *(bytes([fill]) * 16 for fill in range(32 - len(tags)))])
            ),
            0,
        )
        assert len(other.session._exchanges) == (number < allowed)
    assert isinstance(other.error, Unexpected)


def test_a_circle_that_is_not_shared_is_never_named() -> None:
    ana, bea = pair()
    other_circle = founded("ana", 40)
    other_circle.secrets = ana.secrets
    calling = Session.call(
        [ana, other_circle], ana.id, (bea.device, bea.secrets.public.session), ana.secrets.session, CARRIER,
        entropy(1), 0.0, clock=ana.now,
    )  # fmt: skip
    one, other = End(calling, ana), answerer(bea)
    run(one, other)
    assert list(circles_of(calling).own_tags) == [ana.id]
    assert len(calling._exchanges) == len(other.session._exchanges) == 1


def test_a_reader_is_served_and_its_void_entries_are_held_alike() -> None:
    ana, bea = pair()
    eva = admitted(ana, "eva", 3, Role.READER)
    sync(eva, ana)
    eva.edit(CASE, Operation(1, "f", b"", "no"))
    sync(eva, ana, 5)
    sync(ana, bea, 7)
    assert agree(ana, bea, eva)
    assert CASE in bea.replica.held.cases
    assert bea.replica.read(CASE) is None, "nothing in it counts"
    assert list(bea.replica.states.read(bea.replica.held.cases[CASE]).fields()) == []
