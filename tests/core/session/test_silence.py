"""Silence: when a peer is asked, how seldom two peers without news ask each other, and when dead links are found."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from itertools import pairwise

from cellsync.core.ids import CaseId
from cellsync.core.session.silence import (
    CALLEE_WAITS,
    CALLER_WAITS,
    KEY_BYTES,
    SILENCE_ENDS,
    WATCHED,
    Silence,
    Wait,
    Waits,
)
from cellsync.core.session.untold import UNTOLD_FOR
from cellsync.core.wire.operations import Operation
from tests.core.replicas import MemoryReplica, admitted, founded, pass_on
from tests.core.session.pumps import End, sync

FRAME = 274  # bytes of the smallest
NEVER = float("inf")
HOUR = 3600.0


def drawn(waits: Waits, key: bytes = bytes(KEY_BYTES), *, due: float = NEVER, watched: bool = False) -> Iterator[float]:
    """The waits of one session after a peer was heard at 0."""
    silence = Silence(waits, key)
    while True:
        yield silence.ask_at(0.0, due, watched=watched)
        silence.draw()


def fill(wait: Wait, waits: list[float]) -> bool:
    """Whether they are in its range, and reach into each tenth of it."""
    tenths = {int(10 * (one - wait.least) / wait.spread) for one in waits}
    return all(wait.least <= one < wait.most for one in waits) and tenths == set(range(10))


def test_waits_are_drawn_from_their_range() -> None:
    for waits in (CALLER_WAITS, CALLEE_WAITS):
        assert fill(waits.usual, list(itertools.islice(drawn(waits), 200)))
        assert fill(waits.due, list(itertools.islice(drawn(waits, due=0.0), 200)))
        assert fill(WATCHED, list(itertools.islice(drawn(waits, watched=True), 200)))


def test_no_two_sessions_wait_alike() -> None:
    seen = {tuple(itertools.islice(drawn(CALLER_WAITS, bytes([number]) * KEY_BYTES), 5)) for number in range(100)}
    assert len(seen) == 100


def test_the_callee_asks_later_than_the_caller_and_leaves_time_for_an_answer() -> None:
    assert CALLER_WAITS.usual.most <= CALLEE_WAITS.usual.least
    assert CALLER_WAITS.due.most <= CALLEE_WAITS.due.least
    assert CALLEE_WAITS.usual.most <= SILENCE_ENDS - 15  # TCP sends again after 1, 2, 4 and 8 s


def test_who_is_due_to_be_told_is_asked_then_and_not_before() -> None:
    for due in (0.0, 14.0, 21.0, 28.0):
        for wait in itertools.islice(drawn(CALLER_WAITS, due=due), 50):
            assert max(due, CALLER_WAITS.due.least) <= wait < max(due, CALLER_WAITS.due.least) + CALLER_WAITS.due.spread
    assert list(itertools.islice(drawn(CALLER_WAITS, due=HOUR), 50)) == list(itertools.islice(drawn(CALLER_WAITS), 50))


# --- two sessions -----------------------------------------------------------------------------------------------


def two() -> tuple[End, End]:
    ana = founded()
    bea = admitted(ana, "bea", 2)
    pass_on(ana, bea)
    return sync(ana, bea)


def passes(one: End, other: End, until: float, since: float = 0.0) -> list[tuple[float, str, int]]:
    """What is said while time passes: when, by whom, how many bytes."""
    said: list[tuple[float, str, int]] = []
    names = {id(one): "caller", id(other): "callee"}
    now = since
    while now < until:
        now = min(one.session.deadline, other.session.deadline)
        for end in (one, other):
            end.handle(end.session.tick(now))
        moving = True
        while moving:
            moving = False
            for end, peer in ((one, other), (other, one)):
                end.handle(end.session.pull(0))
                data = end.session.outgoing()
                if data:
                    moving = True
                    said.append((now, names[id(end)], len(data)))
                    peer.take(data, now)
    return said


def test_two_who_have_nothing_to_say_send_one_frame_each_in_half_a_minute() -> None:
    """Both asked after 20 s, at the same moment, and both were answered: 1.7 kB/s at each of 47 devices."""
    one, other = two()
    said = passes(one, other, HOUR)
    asked = [when for when, name, _ in said if name == "caller"]
    assert len(said) == 2 * len(asked)
    assert {size for _, _, size in said} == {FRAME}
    assert HOUR / CALLER_WAITS.usual.most <= len(asked) <= 1 + HOUR / CALLER_WAITS.usual.least
    assert fill(CALLER_WAITS.usual, [after - before for before, after in pairwise(asked)])
    assert (one.ended, other.ended) == (False, False)


def test_the_dead_are_found_in_a_minute_by_either_side() -> None:
    for dead in (0, 1):
        ends = two()
        alive, now = ends[1 - dead], 0.0
        while not alive.ended:
            now = alive.session.deadline
            assert now <= SILENCE_ENDS
            alive.handle(alive.session.tick(now))
            alive.give()
        assert (now, alive.error) == (SILENCE_ENDS, None)


def get(device: MemoryReplica, end: End, giver: MemoryReplica, now: float) -> None:
    """An entry from somebody else, of which the session is told."""
    pass_on(giver, device)
    chain = giver.own()
    assert chain is not None
    [number] = [one.number for one in device.branches(chain.line)]
    end.session.grew(device.id, [number], now)
    end.session.note(device.id, [number], now)


def test_the_callee_is_heard_as_well_when_it_alone_has_something_to_tell() -> None:
    """It does not ask as long as the caller does: so what is due goes before its answer."""
    for teller in (0, 1):
        ana = founded()
        bea, cat = admitted(ana, "bea", 2), admitted(ana, "cat", 3)
        pass_on(ana, bea)
        pass_on(ana, cat)
        ends = sync(ana, bea)
        cat.edit(CaseId(b"c" * 32), Operation(7, "log", None, b"written"))
        get((ana, bea)[teller], ends[teller], cat, 0.0)
        passes(*ends, until=UNTOLD_FOR + CALLEE_WAITS.due.most)
        assert ana.digest() == bea.digest()
