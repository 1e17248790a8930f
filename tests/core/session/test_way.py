"""The way of a session, found out from new entries, and what either side learns when it asks."""

from __future__ import annotations

import pytest

from cellsync.core.history.chain import Chain, head_of
from cellsync.core.ids import CaseId
from cellsync.core.session.balance import Balance
from cellsync.core.session.session import growth
from cellsync.core.session.silence import CALLER_WAITS, LACKING, WATCHED
from cellsync.core.session.untold import UNTOLD, UNTOLD_FOR, UNTOLD_WHILE
from cellsync.core.session.way import ON_ITS_WAY, Recent, Way
from cellsync.core.wire.frontiers import encode_frontier
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.places import Frontier
from tests.core.replicas import MemoryReplica, pass_on, three
from tests.core.session.pumps import End, run, sync

FRAME = 274  # bytes of the smallest
ASKED = CALLER_WAITS.usual.most  # seconds of silence after which a caller has asked


def write(device: MemoryReplica) -> None:
    device.edit(CaseId(b"c" * 32), Operation(7, "log", None, b"written"))


def written_by(device: MemoryReplica) -> Chain:
    chain = device.own()
    assert chain is not None
    return chain


def get(device: MemoryReplica, end: End, giver: MemoryReplica, now: float) -> Chain:
    """An entry from somebody else, of which the session is told."""
    pass_on(giver, device)
    [chain] = device.branches(written_by(giver).line)
    end.session.grew(device.id, [chain.number], now)
    end.session.note(device.id, [chain.number], now)
    return chain


def told_by_cat() -> tuple[tuple[MemoryReplica, ...], tuple[End, ...]]:
    """All three, and the session of the first two: since it began, both have got an entry from the third."""
    ana, bea, cat = three()
    one, other = sync(ana, bea)
    write(cat)
    get(ana, one, cat, 0)
    get(bea, other, cat, 0)
    return (ana, bea, cat), (one, other)


def batches(end: End, ripe: float) -> bool:
    """Whether there is something to serve."""
    found = False
    for building in end.session.pulling(ripe, []):
        building.build()
        found = found or bool(building.parts)
    return found


def carry(giver: End, taker: End, now: float) -> None:
    """All that waits to be said and answered, but no entries."""
    for _ in range(3):
        taker.take(giver.session.outgoing(), now)
        list(giver.session.pulling(0, []))
        giver.take(taker.session.outgoing(), now)
        list(taker.session.pulling(0, []))


def test_a_session_over_which_one_side_got_what_it_lacked_is_needed() -> None:
    ana, bea, _ = three()
    one, other = sync(ana, bea)
    assert one.session.way(ana.id) is other.session.way(bea.id) is Way.TRIED
    write(ana)
    run(one, other)
    assert one.session.way(ana.id) is other.session.way(bea.id) is Way.NEEDED


def test_a_session_whose_sides_have_the_same_from_elsewhere_is_spare() -> None:
    ana, bea, cat = three()
    one, other = sync(ana, bea)
    write(cat)
    chain = get(ana, one, cat, 0)
    get(bea, other, cat, 0)
    one.session.tell(ana.id, growth(Frontier(frozenset({head_of(chain)}))), 0)
    carry(one, other, 0)
    assert one.session.way(ana.id) is other.session.way(bea.id) is Way.SPARE


def test_what_was_held_already_is_said_before_it_is_acknowledged_so_that_it_is_not_sent_again() -> None:
    ana, bea, cat = three()
    one, other = sync(ana, bea)
    write(ana)
    run(one, other)
    assert one.session.way(ana.id) is Way.NEEDED
    write(cat)
    get(ana, one, cat, 0)
    get(bea, other, cat, 0)
    sent = one.give()  # before it has heard that the other one holds it
    assert one.session.delivered(ana.id)
    other.take(sent, 0)
    one.take(other.session.outgoing(), 0)
    run(one, other)
    assert one.session.way(ana.id) is other.session.way(bea.id) is Way.SPARE


def test_who_asks_hears_what_was_not_told_and_tells_the_same() -> None:
    [ana, bea, _], [one, other] = told_by_cat()
    before = one.session.balance(ana.id), other.session.balance(bea.id)
    assert all(balance is not None and balance.lacks == 1 for balance in before)
    number = one.session.ping()
    carry(one, other, 0)
    after = one.session.balance(ana.id), other.session.balance(bea.id)
    assert one.session.answered == number
    assert all(balance is not None and balance.level for balance in after)


def test_who_asks_is_served_what_the_other_side_held_back() -> None:
    ana, bea, cat = three()
    one, other = sync(ana, bea)
    write(cat)
    get(bea, other, cat, 0)
    held_back = bea.last_arrival() - 1
    for now, served in ((0.5, False), (2 * ON_ITS_WAY, True)):  # what has just come is probably on its way
        one.session.tick(now)
        one.session.ping()
        other.take(one.session.outgoing(), now)
        one.take(other.session.outgoing(), now)
        assert batches(other, held_back) is served
        one.take(other.session.outgoing(), now)


def test_who_is_asked_and_lacks_something_is_served_it_at_once() -> None:
    ana, bea, _ = three()
    one, other = sync(ana, bea)
    write(ana)
    held_back = ana.last_arrival() - 1
    assert not batches(one, held_back)
    one.session.ping()
    other.take(one.session.outgoing(), 0)
    list(other.session.pulling(0, []))
    one.take(other.session.outgoing(), 0)
    other.take(one.session.outgoing(), 0)
    assert batches(one, held_back)


@pytest.mark.parametrize("brought", [False, True])
def test_what_a_spare_session_names_is_asked_for_there_if_nobody_brings_it(brought: bool) -> None:
    """Soon, and it is served at once, though it is new: on its way it is not."""
    [ana, bea, cat], [one, other] = told_by_cat()
    one.session.ping()
    carry(one, other, 0)
    assert one.session.way(ana.id) is other.session.way(ana.id) is Way.SPARE
    for end in (one, other):
        end.session.tick(5)
    write(cat)
    chain = get(ana, one, cat, 10)
    one.session.tell(ana.id, growth(Frontier(frozenset({head_of(chain)}))), 10)
    carry(one, other, 10)
    assert ana.digest() != bea.digest()
    asks = other.session.deadline
    assert LACKING.least <= asks - 10 <= LACKING.most
    if brought:
        get(bea, other, cat, asks)
    before = one.session.answered, other.session.answered
    other.session.tick(asks)
    run(one, other, asks)
    assert ana.digest() == bea.digest()
    assert (one.session.answered, other.session.answered) == (before[0], before[1] + (not brought))


def test_a_ping_in_silence_asks_nothing_unless_it_is_time() -> None:
    [ana, _, _], [one, other] = told_by_cat()
    one.session.tick(ASKED)
    carry(one, other, ASKED)
    assert one.session.answered == 1
    balance = one.session.balance(ana.id)
    assert balance is not None
    assert balance.lacks == 1
    one.session.tick(UNTOLD_FOR + ASKED)
    carry(one, other, UNTOLD_FOR + ASKED)
    balance = one.session.balance(ana.id)
    assert balance is not None
    assert balance.level


@pytest.mark.parametrize("told_by", ["who pings", "who answers"])
def test_a_frontier_of_long_ago_makes_no_question_of_a_ping_after_which_all_would_be_sent_again(told_by: str) -> None:
    """Among 47 each peer was then sent all that had come since, which it held: 16 kB each, 58 times an edit."""
    [ana, bea, cat], [one, other] = told_by_cat()
    for _ in range(2):  # each has told all, and the last that it said is no frontier
        one.session.ping()
        carry(one, other, 0)
    other.session.ping()
    carry(one, other, 0)
    held_back = ana.last_arrival(), bea.last_arrival()
    teller, hearer = (one, other) if told_by == "who pings" else (other, one)
    write(cat)
    chain = get(ana, one, cat, 0)
    get(bea, other, cat, 0)
    teller.session.tell(ana.id, growth(Frontier(frozenset({head_of(chain)}))), 0)
    hearer.take(teller.session.outgoing(), 0)
    list(hearer.session.pulling(0, []))
    write(cat)
    get(ana, one, cat, 0)
    get(bea, other, cat, 0)
    one.session.tick(ASKED)
    other.take(one.session.outgoing(), ASKED)
    one.take(other.session.outgoing(), ASKED)
    assert one.session.answered == 3
    assert not batches(one, held_back[0])
    assert not batches(other, held_back[1])


def test_however_much_is_written_a_peer_is_told_once_in_a_while_of_each_chain_that_has_grown() -> None:
    ana, bea, cat = three()
    one, other = sync(ana, bea)
    for _ in range(2):  # what both held before is told
        one.session.ping()
        carry(one, other, 0)
    told: list[tuple[float, int]] = []
    every = 40.0  # seconds between two entries: less than until it is told that nothing more has come
    now = every
    while now <= 2 * UNTOLD_WHILE:
        write(cat)
        get(ana, one, cat, now)
        get(bea, other, cat, now)
        one.session.tick(now)
        said = one.session.outgoing()
        if len(said) > FRAME:
            told.append((now, len(said)))
        other.take(said, now)
        carry(one, other, now)
        now += every
    assert [when for when, _ in told] == [every + UNTOLD_WHILE]
    assert {size for _, size in told} == {2 * FRAME}  # a FRONTIER and a PING, as for one entry


def test_what_waits_to_be_told_is_bounded_and_takes_no_more_than_a_frontier() -> None:
    ana, bea, cat = three()
    one, other = sync(ana, bea)
    [exchange] = one.session._exchanges.values()
    write(cat)
    get(ana, one, cat, 0)
    for first in range(2, 10_000, 100):  # an equivocator has as many branches as it likes
        one.session.note(ana.id, range(first, first + 100), 0)
        assert len(exchange._untold) <= UNTOLD
    one.session.ping()
    said = one.session.outgoing()
    assert len(said) <= FRAME * (1 + len(encode_frontier(bytes(8), ana.frontier(), FRAME)))
    other.take(said, 0)
    carry(one, other, 0)
    assert other.session.balance(ana.id) == Balance(0, 1, moving=False, declined=False, gaps=0)
    one.session.ping()
    assert len(one.session.outgoing()) == 2 * FRAME  # nothing is told twice


def test_a_peer_that_is_watched_is_asked_sooner() -> None:
    ana, bea, _ = three()
    one, _ = sync(ana, bea)
    assert CALLER_WAITS.usual.least <= one.session.deadline < CALLER_WAITS.usual.most
    one.session.watch(True)
    assert WATCHED.least <= one.session.deadline < WATCHED.most


def test_what_had_come_by_a_moment_is_known_to_two_seconds() -> None:
    recent = Recent()
    for tenth in range(1, 101):
        recent.note(tenth / 10, tenth)
        settled = recent.before(tenth / 10 - ON_ITS_WAY, tenth)
        assert tenth - 21 <= settled <= max(0, tenth - 10)
    assert recent.before(10.0, 100) == 100
