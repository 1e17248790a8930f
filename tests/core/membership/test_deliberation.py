"""The rules of edition 2, all together, on histories that are drawn."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core.ids import DeviceId, EntryId
from cellsync.core.membership.deeds import Deed
from cellsync.core.membership.deliberation import Deliberation
from cellsync.core.membership.label import IN, OUT, UNDECIDED
from cellsync.core.wire.tags import Kind
from tests.core.deeds import Told, arrivals, judged
from tests.histories import reader
from tests.histories.drawing import draw
from tests.histories.forms import History, Id
from tests.models.membership import Membership


@st.composite
def histories(draws: st.DrawFn, steps: int) -> History:
    """Two to eight devices and more, which write whatever they like."""

    def number(below: int) -> int:
        return draws(st.integers(0, below - 1))

    return reader.parse(draw(number, 2 + number(5), 1 + number(steps)))


def at_random(seed: int, steps: int) -> History:
    random = Random(seed)
    return reader.parse(draw(random.randrange, 2 + random.randrange(5), 1 + random.randrange(steps)))


def agrees(history: History) -> None:
    for ids in reader.assignments(history, 1):
        assert judged(history, ids, history.entries) == Membership(history).verdict(frozenset(history.entries), ids)


@settings(max_examples=60, deadline=None)
@given(histories(12))
def test_the_rules_say_what_the_model_says(history: History) -> None:
    agrees(history)


def test_the_rules_say_what_the_model_says_of_many_histories() -> None:
    """Hypothesis draws small ones; these are larger, as are those of the search, which compares as well."""
    for seed in range(200):
        agrees(at_random(seed, 16))


def test_neither_ids_nor_the_order_of_arrival_nor_the_steps_change_what_is_said() -> None:
    """But for the choice among usable rotations, which is by (height, id)."""
    for seed in range(80):
        history = at_random(seed, 24)
        one, other = reader.assignments(history, 2)
        order = arrivals(history, frozenset(history.entries), Random(seed))
        first = judged(history, one, history.entries)
        assert judged(history, one, order, step_by_step=True) == first
        assert judged(history, other, order)._replace(epoch=first.epoch) == first


@settings(max_examples=30, deadline=None)
@given(histories(12), st.lists(st.integers(0, 30), max_size=4))
def test_what_is_decided_of_a_part_is_decided_of_nothing_else(history: History, left_out: list[int]) -> None:
    """What an equivocator wrote and what rests on it is held, and is not in the set that is judged."""
    is_judged_alone(history, left_out)


def test_what_is_decided_of_parts_of_larger_histories_is_decided_of_nothing_else() -> None:
    for seed in range(60):
        history = at_random(seed, 20)
        is_judged_alone(history, Random(seed).choices(range(3, len(history.entries) + 1), k=2))


def is_judged_alone(history: History, left_out: list[int]) -> None:
    names = list(history.entries)
    out = {names[number] for number in left_out if 0 < number < len(names)}
    part = [name for name in names if not out & (history.entries[name].past | {name})]
    told = Told(history, next(iter(reader.assignments(history, 1))))
    deliberation = Deliberation(told.deeds(names))
    deliberation.decide()
    within = sum(1 << bit for bit, name in enumerate(names) if name in part)
    some, alone = deliberation.decide(within), Deliberation(told.deeds(part)).decide()
    assert told.verdict(some, part) == told.verdict(alone, part)
    for name in part:
        entry = told.ids[name]
        assert some.grounds(entry) == alone.grounds(entry)
        assert some.seconds(entry) == alone.seconds(entry)
    assert (some.released, some.released_heads) == (alone.released, alone.released_heads)
    assert (some.troubled, some.statuses, some.roles) == (alone.troubled, alone.statuses, alone.roles)


def test_a_decision_knows_nothing_of_what_is_not_in_its_set() -> None:
    history = reader.histories()["01-cascade"]
    told = Told(history, next(iter(reader.assignments(history, 1))))
    decision = Deliberation(told.deeds(history.entries)).decide(within=1)
    assert set(decision.labels) == {told.ids[Id("f")]}
    for ask in (decision.label, decision.grounds, decision.is_final, decision.seconds):
        with pytest.raises(KeyError):
            ask(told.ids[Id("b")])


def test_what_is_void_does_nothing() -> None:
    history = reader.histories()["G1-grind"]
    ids = next(iter(reader.assignments(history, 1)))
    told = Told(history, ids)
    deeds = [deed._replace(void=deed.kind == Kind.REMOVE) for deed in told.deeds(history.entries)]
    decision = Deliberation(deeds).decide()
    assert {label.name for entry, label in decision.labels.items() if _is_removal(deeds, entry)} == {"OUT"}
    assert {decision.status(device).value for device in told.devices.values()} == {"active"}


def test_a_void_branch_freezes_nothing() -> None:
    history = reader.histories()["T1-case-entries-are-no-branch"]
    told = Told(history, next(iter(reader.assignments(history, 1))))
    branch = told.ids[Id("k")]
    deeds = told.deeds(history.entries)
    assert Deliberation(deeds).decide().label(told.ids[Id("s")]) == OUT
    deeds = [deed._replace(void=deed.id == branch) for deed in deeds]
    assert Deliberation(deeds).decide().label(told.ids[Id("s")]) == UNDECIDED


def _is_removal(deeds: list[Deed], entry: EntryId) -> bool:
    return any(deed.id == entry and deed.kind == Kind.REMOVE for deed in deeds)


def test_a_deed_that_is_no_ballot_costs_no_new_labels() -> None:
    """What it completes is a larger set, of which the rules say the same about all others."""
    history = reader.histories()["G1-grind"]
    told = Told(history, next(iter(reader.assignments(history, 1))))
    deliberation = Deliberation(told.deeds(history.entries))
    before = deliberation.decide()
    labelled = len(deliberation._labels)
    deed = Deed(
        EntryId(b"\xff" * 32),
        Kind.SEAL_KEY,
        DeviceId(told.ids[next(iter(history.entries))]),
        deliberation.deeds.all,
        99,
    )
    deliberation.add(deed)
    after = deliberation.decide()
    assert after.label(deed.id) == IN
    assert before.labels.items() <= after.labels.items()
    assert len(deliberation._labels) == labelled
