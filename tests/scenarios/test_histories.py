"""Whole cells against a naive model: three devices, any edits, partitions, faults, closings and crashes, in virtual
time. In the end everything that was acknowledged is on every device, and every conflict can be read.

A script of steps is drawn; each example runs it in a world of its own. The vaults are made once and copied.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.cell.own_entries import OwnEntries
from cellsync.core.ids import CaseId
from cellsync.testing import Happening, MemoryNetwork, SimulatedDevice, World, schedule, simulate
from tests.cell.cells import Visit
from tests.cell.template import NAMES, Template

TAGS = ["x", "y", "z"]


@dataclass
class Model:
    """The writes that people were told of."""

    titles: dict[str, set[str]] = field(default_factory=dict)  # of the shared case -> titles that its writer saw
    notes: set[str] = field(default_factory=set)
    parcels: int = 0
    added: set[tuple[str, str]] = field(default_factory=set)  # (tag, the edit that added it)
    removed: set[tuple[str, str]] = field(default_factory=set)
    cases: set[str] = field(default_factory=set)

    def live_titles(self) -> set[str]:
        return self.titles.keys() - {old for seen in self.titles.values() for old in seen}

    def tags(self) -> set[str]:
        return {tag for tag, _ in self.added - self.removed}


class Cases(World):
    """Three devices that share a case, the edits in it, and the model's view of them."""

    def __init__(self, net: MemoryNetwork, shared: CaseId) -> None:
        super().__init__(net, NAMES)
        self.shared = shared
        self.model = Model({"in the beginning": set()})
        self._numbers = count()

    async def edit(self, device: SimulatedDevice, what: int) -> None:
        if not device.is_open:
            return
        word = f"{device.name} {next(self._numbers)}"
        case = await device.cell.get(Visit, self.shared)
        tag = TAGS[what % 3]
        known, seen, shown = set(case.notes), {said.value for said in case.said("title")}, set(case.tags)
        async with case.edit() as draft:
            draft.notes.append(word)
            if what & 4:
                draft.title = word
            if what & 8:
                draft.parcels.increment(what)
            if what & 16:
                draft.tags.add(tag)
            elif what & 32:
                draft.tags.discard(tag)
        self.model.notes.add(word)
        if what & 4:
            self.model.titles[word] = seen
        if what & 8:
            self.model.parcels += what
        if what & 16 and tag not in shown:
            self.model.added.add((tag, word))
        elif what & 32 and not what & 16:
            self.model.removed |= {added for added in self.model.added if added[0] == tag and added[1] in known}

    async def create(self, device: SimulatedDevice, _: int) -> None:
        if device.is_open:
            title = f"{device.name} {next(self._numbers)}"
            await device.cell.create(Visit, title=title)
            self.model.cases.add(title)

    async def check(self) -> None:
        """Check that all devices hold what the model says."""
        for cell in await self.in_step():
            case = await cell.get(Visit, self.shared)
            assert set(case.notes) == self.model.notes
            assert len(case.notes) == len(self.model.notes)
            assert {said.value for said in case.said("title")} == self.model.live_titles()
            assert len(case.conflicts()) == (len(self.model.live_titles()) > 1)
            for conflict in case.conflicts():
                assert {said.value for said in conflict.values} == self.model.live_titles()
            assert case.parcels == self.model.parcels
            assert set(case.tags) == self.model.tags()
            assert {one.title for one in await cell.cases(Visit) if one.id != self.shared} == self.model.cases
            assert list(cell.flags) == []


def play(template: Template, steps: list[Happening], seed: int) -> None:
    async def scenario() -> None:
        net = MemoryNetwork(seed)
        net.latency(0.02)
        template.copy_to(net)
        world = Cases(net, template.shared)
        async with world.running():
            await world.play(steps)
            await world.check()

    simulate(scenario, seed)


WORDS = [*["edit"] * 6, "create", *World.HAPPENINGS]
STEPS = st.lists(st.builds(Happening, st.sampled_from(WORDS), st.integers(0, 2), st.integers(0, 63)), max_size=40)


@settings(max_examples=40)
@given(STEPS, st.integers(0, 3))
def test_nothing_acknowledged_is_ever_lost(template: Template, steps: list[Happening], seed: int) -> None:
    play(template, steps, seed)


@pytest.mark.parametrize("seed", range(6))
def test_long_histories(template: Template, seed: int) -> None:
    play(template, schedule(Random(seed), 150, WORDS, 3), seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200))
def test_many_long_histories(template: Template, seed: int) -> None:
    play_long(template, seed)


def play_long(template: Template, seed: int) -> None:
    play(template, schedule(Random(f"long {seed}"), 400, WORDS, 3), seed)


def test_a_session_that_has_just_failed_can_be_asked_when_the_network_changes(template: Template) -> None:
    """That once ended the cell: the link of a session lives until everything received before is taken in."""
    play_long(template, 88)


def test_the_model_can_fail(template: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that forgets is found out."""
    write = OwnEntries.write_locked

    async def forgetful(entries: OwnEntries, edits: list) -> object:  # type: ignore[type-arg]
        return await write(entries, edits[:-1])

    monkeypatch.setattr(OwnEntries, "write_locked", forgetful)
    with pytest.raises(BaseExceptionGroup):
        play(template, [Happening("edit", 0, 4), Happening("wait", 0, 3)], 0)
