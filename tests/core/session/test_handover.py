"""Handing over: who lacks the chosen epoch is given its states of today, checked, once, and by nobody unasked."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cellsync.core.crypto import ratchet
from cellsync.core.crypto.ratchet import Branches
from cellsync.core.errors import Malformed
from cellsync.core.ids import Day, EpochId, EpochSecret, Millis, day_of
from cellsync.core.membership.epochs import WantedEpoch
from cellsync.core.rule import Rule
from cellsync.core.session.events import Entrusted, Event, HandedOver
from cellsync.core.session.handover import MOST, Unwanted
from cellsync.core.session.session import Session
from cellsync.core.session.view import Extent
from cellsync.core.wire import messages
from cellsync.core.wire.messages import HandedStates
from tests.core.replicas import START, MemoryReplica, admitted, pair, pass_on, three
from tests.core.session.pairs import circles_of
from tests.core.session.pumps import End, answerer, caller, met, recorded, run

EPOCH = EpochId(b"e" * 32)
BEGINS = Day(day_of(START) - 3)
STATES = ratchet.branches(EpochSecret(b"r" * 32), BEGINS)
WANTED = WantedEpoch(EPOCH, ratchet.ends(STATES), BEGINS, Day(day_of(START) + 1))
ONE_DAY = 86_400_000


class Told(End):
    """An end that keeps what it is told of epochs, as a driver does."""

    def __init__(self, session: Session, device: MemoryReplica) -> None:
        super().__init__(session, device)
        self.told: list[Event] = []

    def handle(self, events: Sequence[Event]) -> None:
        self.told += [one for one in events if isinstance(one, Entrusted | HandedOver)]
        super().handle(events)


def with_epoch() -> tuple[MemoryReplica, MemoryReplica]:
    """Ana holds the chosen epoch, and Bea its rotation only."""
    ana, bea = pair()
    ana.epochs.add(EPOCH, STATES)
    ana.chosen = bea.chosen = EPOCH
    bea.wanted = WANTED
    ana.holders.note(bea.device, EpochId(ana.id), day_of(START), {EpochId(ana.id): (1, bytes(ana.id))}.get)
    return ana, bea


def told(giver: MemoryReplica, taker: MemoryReplica) -> tuple[Told, Told]:
    """Two ends that have opened a session, and have said nothing of epochs yet."""
    wanted, taker.wanted = taker.wanted, None
    giving, lacking = (Told(end.session, end.device) for end in met(giver, taker))
    taker.wanted = wanted
    return giving, lacking


def talk(one: MemoryReplica, other: MemoryReplica) -> tuple[Told, Told]:
    ends = Told(caller(one, other).session, one), Told(answerer(other).session, other)
    run(*ends)
    return ends


@pytest.mark.parametrize("lacking_calls", [True, False])
def test_todays_states_are_handed_over_to_who_lacks_them(lacking_calls: bool) -> None:
    ana, bea = with_epoch()
    first = ana.epochs.keys_on(day_of(START))[-1]
    if lacking_calls:
        lacking, giving = talk(bea, ana)
    else:
        giving, lacking = Told(caller(ana, bea, key=first).session, ana), Told(answerer(bea).session, bea)
        run(giving, lacking)
    [given] = lacking.told
    assert isinstance(given, Entrusted)
    assert (given.circle, given.epoch) == (ana.id, EPOCH)
    assert given.states.encode() == STATES.at(day_of(START)).encode(), "of today, and of no earlier day"
    assert giving.told == [HandedOver(ana.id, EPOCH)]
    assert lacking.error is giving.error is None


def test_states_are_given_as_soon_as_the_epoch_is_chosen_there_and_once() -> None:
    ana, bea = with_epoch()
    ana.chosen = None
    giving, lacking = told(ana, bea)
    run(giving, lacking)
    assert not lacking.told
    ana.chosen = EPOCH
    run(giving, lacking)
    assert len(lacking.told) == 1
    lacking.session._connection.send(messages.encode_wanted(next(iter(circles_of(lacking.session).exchanges)), EPOCH))
    run(lacking, giving)
    assert len(lacking.told) == 1
    assert giving.error is None


def test_states_are_not_given_below_the_floor_nor_to_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("hands_out", False), ("extent", lambda self, key: Extent.NOTHING)):
        ana, bea = with_epoch()
        with monkeypatch.context() as patch:
            patch.setattr(type(ana), name, value, raising=False)
            giving, lacking = told(ana, bea)
            run(giving, lacking)
        assert not lacking.told, name


def test_states_of_a_day_that_is_far_ahead_are_dropped_without_a_word() -> None:
    ana, bea = with_epoch()
    ana.now = Millis(START + 2 * ONE_DAY)
    giving, lacking = told(ana, bea)
    run(giving, lacking)
    assert not lacking.told
    assert lacking.error is None
    assert not lacking.ended


def says(giving: End, lacking: End, message: bytes) -> None:
    giving.session._connection.send(message)
    lacking.take(giving.session.outgoing(), 1.0)


@pytest.mark.parametrize("asked", [True, False])
def test_false_states_and_such_as_nobody_wanted_end_the_session(asked: bool) -> None:
    ana, bea = with_epoch()
    ana.chosen = None
    bea.wanted = WANTED if asked else None
    giving, lacking = met(ana, bea)
    name = next(iter(circles_of(giving.session).exchanges))
    false = ratchet.branches(EpochSecret(b"x" * 32), BEGINS).at(day_of(START)) if asked else STATES
    says(giving, lacking, messages.encode_states(HandedStates(name, EPOCH, *false)))
    assert lacking.ended
    assert lacking.error is not None
    assert isinstance(lacking.error, Malformed if asked else Unwanted)
    assert lacking.error.rule is (Rule.EPOCH_COMMITMENT if asked else Rule.EPOCH_UNASKED)


def test_whoever_asks_too_often_is_at_fault() -> None:
    ana, bea = pair()
    asking, asked = met(bea, ana)
    name = next(iter(circles_of(asking.session).exchanges))
    for number in range(MOST):
        says(asking, asked, messages.encode_wanted(name, EpochId(bytes([number]) * 32)))
    assert not asked.ended
    says(asking, asked, messages.encode_wanted(name, EPOCH))
    assert asked.error is not None
    assert asked.error.rule is Rule.EPOCH_OFTEN


def test_in_a_circle_of_one_epoch_nothing_is_said_of_it() -> None:
    ana, bea = pair()
    with recorded() as said:
        met(ana, bea)
    kinds = {messages.decode(payload).__class__.__name__ for payload in said}
    assert not {"WantedStates", "HandedStates"} & kinds


# --- under which epochs a callee answers --------------------------------------------------------------------------


def older_branch(device: MemoryReplica, absent: MemoryReplica, states: Branches) -> EpochId:
    """An epoch that is kept for one absent device, behind three recent ones."""
    old = EpochId(b"o" * 32)
    ranks = {old: (5, bytes(old)), EpochId(device.id): (1, bytes(device.id))}
    for number in range(3):
        epoch = EpochId(bytes([number]) * 32)
        ranks[epoch] = (10 + number, bytes(epoch))
        device.epochs.add(epoch, ratchet.branches(EpochSecret(bytes([number]) * 32), BEGINS))
    device.epochs.take(old, states)
    device.holders.note(absent.device, old, day_of(START), ranks.get)
    device.epochs.decide(None, ranks.get, device.holders.least)
    assert list(device.epochs.older) == [old]
    return old


def test_an_epoch_that_is_kept_for_one_device_opens_to_this_one_alone() -> None:
    ana, bea, eva = three()
    old = older_branch(ana, bea, STATES)
    for device in (bea, eva):
        device.epochs.add(old, STATES)
        key = device.epochs.calling_keys([day_of(START)], [old])[0]
        assert key.epoch == old
        calling, answering = caller(device, ana, key=key), answerer(ana)
        run(calling, answering)
        assert calling.opened == answering.opened == (device is bea)


def test_a_device_that_is_not_known_opens_only_under_the_epoch_in_use() -> None:
    ana, bea, _ = three()
    older_branch(bea, ana, STATES)
    dan = admitted(ana, "dan", 9)
    pass_on(ana, dan)
    for epoch in bea.epochs.recent:
        dan.epochs.add(epoch, ratchet.branches(EpochSecret(epoch), BEGINS))
        key = dan.epochs.calling_keys([day_of(START)], [epoch])[0]
        calling, answering = caller(dan, bea, key=key), answerer(bea)
        run(calling, answering)
        assert bool(answering.sent) == (epoch == bea.epochs.newest)
