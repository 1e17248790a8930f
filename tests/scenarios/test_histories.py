"""Whole cells against a naive model: three devices, any edits, partitions, faults, closings and crashes, in virtual
time. In the end everything that was acknowledged is on every device, and every conflict can be read.

A script of steps is drawn; each example runs it in a world of its own. The vaults are made once and copied.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync import Cell
from cellsync.cell.own_entries import OwnEntries
from cellsync.core.ids import CaseId
from cellsync.testing import MemoryNetwork
from tests.cell.cells import Visit, check_failures, level, opened
from tests.cell.same import NAMES, Template, run_the_same

TAGS = ["x", "y", "z"]


@dataclass
class Model:
    """What people were told is written."""

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


class Device:
    """One device: open or closed. Closing it by force leaves on disk what was there at that moment."""

    def __init__(self, net: MemoryNetwork, name: str, nursery: trio.Nursery) -> None:
        self.name = name
        self.home = net.home(name)
        self.cell: Cell | None = None
        self._nursery = nursery
        self._close = trio.Event()
        self._gone = trio.Event()

    async def open(self) -> Cell:
        if self.cell is None:
            self._close, self._gone = trio.Event(), trio.Event()
            await self._nursery.start(self._live)
        assert self.cell is not None
        return self.cell

    async def close(self) -> None:
        if self.cell is not None:
            self._close.set()
            await self._gone.wait()

    async def crash(self) -> None:
        if self.cell is not None:
            with tempfile.TemporaryDirectory() as folder:
                image = shutil.copytree(self.home.path, Path(folder) / "vault")
                await self.close()
                shutil.rmtree(self.home.path)
                shutil.copytree(image, self.home.path)

    async def _live(self, task_status: trio.TaskStatus[None]) -> None:
        try:
            async with opened(self.home) as self.cell:
                task_status.started()
                await self._close.wait()
        finally:
            self.cell = None
            self._gone.set()


class World:
    """Three devices that share a case, and what the model says of them."""

    def __init__(self, net: MemoryNetwork, shared: CaseId, nursery: trio.Nursery) -> None:
        self.net = net
        self.devices = [Device(net, name, nursery) for name in NAMES]
        self.shared = shared
        self.model = Model({"in the beginning": set()})
        self._numbers = count()

    async def do(self, step: tuple[str, int, int]) -> None:
        name, one, other = step
        await getattr(self, name)(self.devices[one % 3], other)

    async def edit(self, device: Device, what: int) -> None:
        if device.cell is None:
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

    async def create(self, device: Device, _: int) -> None:
        if device.cell is not None:
            title = f"{device.name} {next(self._numbers)}"
            await device.cell.create(Visit, title=title)
            self.model.cases.add(title)

    async def wait(self, _: Device, length: int) -> None:
        await trio.sleep([0, 0.02, 0.5, 3, 40, 400][length % 6])

    async def open(self, device: Device, _: int) -> None:
        await device.open()

    async def close(self, device: Device, _: int) -> None:
        await device.close()

    async def crash(self, device: Device, _: int) -> None:
        await device.crash()

    async def part(self, device: Device, how: int) -> None:
        others = [name for name in NAMES if name != device.name]
        self.net.partition(device.name, others[: 1 + how % 2], silent=how % 4 == 3)

    async def heal(self, _: Device, __: int) -> None:
        self.net.heal()

    async def move(self, device: Device, _: int) -> None:
        self.net.host(device.name).change_address()

    async def spoil(self, _: Device, how: int) -> None:
        match how % 5:
            case 0:
                self.net.drop(0.2)
            case 1:
                self.net.duplicate()
            case 2:
                self.net.reorder(how)
            case 3:
                self.net.garble(how, 0.1)
            case 4:
                self.net.cut_after(how * 97)

    async def check(self) -> None:
        """Every device again, and a network that works: then all hold what the model says."""
        self.net.heal()
        among = [await device.open() for device in self.devices]
        await level(among)
        for cell in among:
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
        check_failures(self.net)


def play(template: Template, steps: list[tuple[str, int, int]], seed: int) -> None:
    async def scenario() -> None:
        net = MemoryNetwork(seed)
        net.latency(0.02)
        template.copy_to(net)
        async with trio.open_nursery() as nursery:
            world = World(net, template.shared, nursery)
            for device in world.devices:
                await device.open()
            for step in steps:
                await world.do(step)
            with trio.fail_after(4000):
                await world.check()
            for device in world.devices:
                await device.close()

    run_the_same(scenario, seed)


OTHERS = ["create", "wait", "wait", "wait", "part", "part", "heal", "open", "close", "crash", "move", "spoil"]
WORDS = ["edit"] * 6 + OTHERS
STEPS = st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 2), st.integers(0, 63)), max_size=40)


@settings(max_examples=40)
@given(STEPS, st.integers(0, 3))
def test_nothing_acknowledged_is_ever_lost(template: Template, steps: list[tuple[str, int, int]], seed: int) -> None:
    play(template, steps, seed)


@pytest.mark.parametrize("seed", range(6))
def test_long_histories(template: Template, seed: int) -> None:
    random = Random(seed)
    steps = [(random.choice(WORDS), random.randrange(3), random.randrange(64)) for _ in range(150)]
    play(template, steps, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200))
def test_many_long_histories(template: Template, seed: int) -> None:
    play_long(template, seed)


def play_long(template: Template, seed: int) -> None:
    random = Random(f"long {seed}")
    steps = [(random.choice(WORDS), random.randrange(3), random.randrange(64)) for _ in range(400)]
    play(template, steps, seed)


def test_a_session_that_has_just_failed_can_be_asked_when_the_network_changes(template: Template) -> None:
    """It ended the cell: the link of a session is there until what came before is taken in."""
    play_long(template, 88)


def test_the_model_can_fail(template: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that forgets is found out."""
    write = OwnEntries.write_locked

    async def forgetful(entries: OwnEntries, edits: list) -> object:  # type: ignore[type-arg]
        return await write(entries, edits[:-1])

    monkeypatch.setattr(OwnEntries, "write_locked", forgetful)
    with pytest.raises(BaseExceptionGroup):
        play(template, [("edit", 0, 4), ("wait", 0, 3)], 0)
