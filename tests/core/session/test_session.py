"""Sessions back to back: faults of the wire, strangers, replays, callers that are not known yet."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.crypto import channel
from cellsync.core.errors import PeerError
from cellsync.core.ids import MILLIS_PER_DAY, CaseId, Day, DeviceId, EntryId, KemPublic, Millis
from cellsync.core.membership.control import Role
from cellsync.core.replica.replica import Replica
from cellsync.core.session.balance import Balance
from cellsync.core.session.circles import SharedCircles
from cellsync.core.session.connection import HANDSHAKE_WITHIN, UNSENT
from cellsync.core.session.events import Acknowledged, Answered, Event, Located, Received
from cellsync.core.session.exchange import Unexpected
from cellsync.core.session.session import Session, growth
from cellsync.core.session.silence import CALLER_WAITS, SILENCE_ENDS
from cellsync.core.session.state import State
from cellsync.core.session.talking import (
    ACKNOWLEDGE_WITHIN,
    LOCATED_AT_ONCE,
    LOCATED_EVERY,
    Talking,
)
from cellsync.core.wire import batches, frontiers, messages
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.places import Frontier, Head
from tests.core.replicas import START, MemoryReplica, admitted, founded, pass_on
from tests.core.session.pumps import CARRIER, End, answerer, caller, entropy, run, sync

CASE = CaseId(b"c" * 32)
PLACES = {DeviceId(b"d" * 32): [(bytes([10, 0, 0, 7]), 51_234)]}


def write(device: MemoryReplica, count: int, size: int = 10) -> None:
    for number in range(count):
        device.edit(CASE, Operation(7, "log", None, device.random.randbytes(size)))
        device.now = Millis(START + number)


def pair() -> tuple[MemoryReplica, MemoryReplica]:
    ana = founded()
    bea = admitted(ana, "bea", 2)
    pass_on(ana, bea)
    return ana, bea


def circles_of(session: Session) -> SharedCircles:
    assert isinstance(session._phase, Talking)
    return session._phase.circles


def agree(*devices: MemoryReplica) -> bool:
    return len({device.replica.digest() + device.replica.state_digest() for device in devices}) == 1


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
    said: list[bytes] = []
    original = channel.Transport.encrypt_frame

    def record(self: channel.Transport, payload: bytes) -> bytes:
        said.append(payload)
        return original(self, payload)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(channel.Transport, "encrypt_frame", record)
        sync(ana, bea, seed=9)
    first = [payload for payload in said if isinstance(messages.decode(payload), messages.Offer | messages.Clock)]
    rest = [payload for payload in said if payload not in first]
    assert len(first) == 4
    assert len(rest) == 2
    assert all(isinstance(messages.decode(payload), messages.Digest) and len(payload) <= 128 for payload in rest)


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


# --- who holds what -----------------------------------------------------------------------------------------


def balances(one: End, other: End) -> tuple[Balance | None, Balance | None]:
    return one.session.balance(one.device.id), other.session.balance(other.device.id)


def balance(lacks: int, owes: int, *, moving: bool = False, declined: bool = False) -> Balance:
    return Balance(lacks, owes, moving, declined, 0)


LEVEL = balance(0, 0)


def test_the_balance_says_what_is_still_to_go() -> None:
    ana, bea = pair()
    write(ana, 4)
    write(bea, 3)
    one, other = caller(ana, bea), answerer(bea)
    assert balances(one, other) == (None, None)
    one.commits = other.commits = False
    run(one, other)
    assert balances(one, other) == (balance(4, 3, moving=True), balance(3, 4, moving=True))
    ends = sync(ana, bea, 5)
    assert balances(*ends) == (LEVEL, LEVEL)
    assert LEVEL.level
    write(ana, 2)
    assert balances(*ends) == (balance(2, 0), LEVEL)
    run(*ends)
    assert balances(*ends) == (LEVEL, LEVEL)


def test_who_holds_the_same_is_level_after_one_digest() -> None:
    ana, bea = pair()
    sync(ana, bea)
    assert balances(*sync(ana, bea, 5)) == (LEVEL, LEVEL)


def test_whoever_waits_is_told_of_a_batch_that_brought_nothing_new() -> None:
    ana, bea = pair()
    one, other = sync(ana, bea)
    write(ana, 1)
    pass_on(ana, bea)
    [received] = other.session.receive(one.give(), 0)
    assert isinstance(received, Received)
    assert balances(one, other)[1] == balance(1, 0, moving=True)  # who sends it holds it; counted once committed
    plan = bea.receive(received.batch)
    assert not plan.commit.entries
    assert other.session.committed(ana.id, plan.reached, plan.refused) == [Acknowledged(ana.id)]
    assert balances(one, other)[1] == LEVEL


def test_an_unknown_caller_is_level_once_it_has_introduced_itself() -> None:
    _, bea, eva = newcomer()
    one, other = caller(eva, bea), answerer(bea)
    other.commits = False
    run(one, other)
    assert balances(one, other) == (None, None)
    assert balances(*sync(eva, bea, 5)) == (LEVEL, LEVEL)


def test_what_a_third_brought_counts() -> None:
    ana, bea, eva = newcomer()
    pass_on(ana, bea)
    ends = sync(ana, bea)
    write(eva, 5)
    sync(eva, ana, 7)
    assert balances(*ends) == (balance(5, 0), LEVEL)
    sync(eva, bea, 9)
    ends[1].session.tell(bea.id, growth(eva.frontier()), 0)
    ends[0].take(ends[1].session.outgoing(), 0)
    ends[0].session.pull()
    assert balances(*ends) == (LEVEL, balance(5, 0))  # ana has said nothing yet
    run(*ends)
    assert balances(*ends) == (LEVEL, LEVEL)


def twins() -> tuple[MemoryReplica, MemoryReplica, MemoryReplica]:
    """Ana, Bea, and Bea's vault put back from an older copy; each of these has written since."""
    ana, bea = pair()
    twin = MemoryReplica(bea.id, bea.secrets, bea.device, bea.line[1], 9)
    twin.epochs, twin.sponsor = bea.epochs, bea.sponsor
    pass_on(ana, twin)
    write(bea, 3)
    write(twin, 1)
    return ana, bea, twin


def test_a_twin_does_not_take_what_the_other_wrote_for_its_own() -> None:
    """What it has written since is nowhere else."""
    ana, bea, twin = twins()
    sync(bea, ana)
    one, other = sync(twin, ana, 5)
    assert balances(one, other) == (LEVEL, LEVEL)
    assert twin.replica.digest() == ana.replica.digest()
    forks = [[fork for plan in end.plans for fork in plan.forks] for end in (one, other)]
    assert [[(fork.line, fork.sequence) for fork in found] for found in forks] == [[(bea.line, 1)]] * 2
    lengths = [sorted(chain.length for chain in device.branches(bea.line)) for device in (ana, twin)]
    assert lengths == [[1, 3], [1, 3]]


def test_what_cites_either_side_of_a_fork_goes_on() -> None:
    ana, bea, twin = twins()
    eva = admitted(ana, "eva", 3)
    sync(eva, ana)
    pass_on(ana, twin)
    sync(eva, twin, 3)
    write(eva, 1)
    sync(bea, ana, 5)
    ends = sync(eva, ana, 7)
    assert balances(*ends) == (LEVEL, LEVEL)
    assert ana.replica.digest() == eva.replica.digest()
    sync(bea, eva, 9)
    assert bea.replica.digest() == eva.replica.digest()
    assert bea.replica.state_digest() == eva.replica.state_digest()


@pytest.mark.parametrize("common", [0, 1, 5, 40])
@pytest.mark.parametrize(("longer", "shorter"), [(1, 1), (2, 1), (30, 7)])
def test_both_find_out_where_a_chain_parts(common: int, longer: int, shorter: int) -> None:
    """Each holds one side only, and the shorter one cannot tell that it is no beginning of the longer."""
    ana, bea = pair()
    write(bea, common)
    twin = MemoryReplica(bea.id, bea.secrets, bea.device, bea.line[1], 9)
    twin.epochs, twin.sponsor = bea.epochs, bea.sponsor
    pass_on(bea, twin)
    sync(bea, ana)
    write(bea, longer)
    write(twin, shorter)
    sync(bea, ana, 3)
    ends = sync(twin, ana, 5)
    assert balances(*ends) == (LEVEL, LEVEL)
    assert twin.replica.digest() == ana.replica.digest()
    batches = [message for end in ends for message in end.plans]
    assert sum(len(plan.commit.entries) for plan in batches) == longer + shorter
    sent = sum(len(plan.reached) for plan in batches)
    assert sent <= 4  # rows: each side came in one piece


def test_a_false_frontier_slanders_nobody_and_is_not_in_step() -> None:
    """A head that nobody holds: no fork is seen, the chain's owner writes on, and whoever claims it is not level."""
    ana, bea = pair()
    write(bea, 2)
    one, other = sync(ana, bea)
    transport, name = one.session._connection.transport, next(iter(other.session._exchanges))
    assert transport is not None
    for sequence in (1, 2, 3, 1_000):
        false = Frontier(frozenset({Head(*bea.line, sequence, EntryId(bytes([sequence % 251]) * 32))}))
        for part in frontiers.encode_frontier(name, false, 60_000):
            other.take(transport.encrypt_frame(part), 0)
    run(one, other)
    assert not any(plan.forks for plan in other.plans)
    found = other.session.balance(bea.id)
    assert found is not None
    assert found.owes == 1 + 1 + 1 + 998
    assert not found.level
    write(bea, 1)
    run(one, other)
    assert ana.replica.digest() == bea.replica.digest()


def test_a_frontier_is_bounded_also_in_pieces() -> None:
    ana, bea = pair()
    one, other = sync(ana, bea)
    transport, name = one.session._connection.transport, next(iter(other.session._exchanges))
    assert transport is not None
    for piece in range(3):
        heads = frozenset(
            Head(DeviceId(number.to_bytes(32, "big")), bea.line[1], 1, EntryId(bytes(32)))
            for number in range(piece * caps.CHAINS // 2, (piece + 1) * caps.CHAINS // 2)
        )
        for part in frontiers.encode_frontier(name, Frontier(heads), 60_000):
            other.take(transport.encrypt_frame(part), 0)
        other.session.pull()
        other.session.outgoing()
        assert other.ended == (piece == 2)


# --- strangers and replays ------------------------------------------------------------------------------


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


@given(st.binary(max_size=3_000))
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


# --- callers that we do not know yet -----------------------------------------------------------------------


def newcomer() -> tuple[MemoryReplica, MemoryReplica, MemoryReplica]:
    """`bea` has not heard that `ana` admitted `eva`."""
    ana, bea = pair()
    write(bea, 10)
    eva = admitted(ana, "eva", 3)
    pass_on(ana, eva)
    return ana, bea, eva


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
        other.take(transport.encrypt_frame(messages.encode_offer([*tags, *[bytes(16)] * (32 - len(tags))])), 0)
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


# --- clocks -----------------------------------------------------------------------------------------

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
