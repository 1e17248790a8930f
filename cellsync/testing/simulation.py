"""Whole histories in virtual time: devices of one cell, what befalls them, and all of it again from the same seed.

    async def scenario() -> None:
        world = World(MemoryNetwork(seed), ["ana", "ben", "cara"])     # whose vaults are there already
        async with world.running():
            await world.play(schedule(Random(seed), 200, [*World.HAPPENINGS, "edit"], 3))
            await world.in_step()

    simulate(scenario, seed)

`HAPPENINGS` befall any device. What people do is for a test to say: it derives its world from `World`, with a method
for each kind of step, and draws the names of those too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Final, NamedTuple, TypeVar

import trio
from trio.testing import MockClock

from cellsync.cell.cell import Cell
from cellsync.testing.device import SimulatedDevice, level
from cellsync.testing.network import MemoryNetwork

T = TypeVar("T")

_WAITS: Final = (0, 0.02, 0.5, 3, 40, 400)  # seconds


class Happening(NamedTuple):
    """One thing that happens: the method of the world that does it, to which device, and what else it draws."""

    what: str
    who: int
    how: int  # below 64


def schedule(random: Random, length: int, words: Sequence[str], devices: int) -> list[Happening]:
    """So many steps, each drawn from `words`: one that is there twice is drawn twice as often."""
    return [Happening(random.choice(words), random.randrange(devices), random.randrange(64)) for _ in range(length)]


def simulate(scenario: Callable[[], Awaitable[T]], seed: int) -> T:
    """`trio.run` in virtual time, scheduled alike for the same seed.

    trio shuffles tasks that are ready at the same moment, so that nobody relies on their order. Here the shuffling is
    seeded, so that an example that fails fails again. A founding draws randomness of its own (HPKE), on which all ids
    rest: so a scenario that has to be the same starts from copies of vaults that were made once (`put_back`).
    """
    internal: Any = trio._core._run
    before = internal._ALLOW_DETERMINISTIC_SCHEDULING
    internal._r.seed(seed)
    internal._ALLOW_DETERMINISTIC_SCHEDULING = True
    try:
        return trio.run(scenario, clock=MockClock(autojump_threshold=0))
    finally:
        internal._ALLOW_DETERMINISTIC_SCHEDULING = before


class World:
    """The devices of one cell on one network, and what happens to them.

    `HAPPENINGS` names what may happen to any device, as often as it is to be drawn: the methods at the end.
    """

    HAPPENINGS: Final = ("wait", "wait", "wait", "part", "part", "heal", "open", "close", "crash", "move", "spoil")

    def __init__(self, net: MemoryNetwork, names: Iterable[str]) -> None:
        self.net = net
        self.devices = [net.device(name) for name in names]
        self._nursery: trio.Nursery

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """All are open at first, and closed in the end."""
        async with trio.open_nursery() as self._nursery:
            await self.open_all()
            yield
            for device in self.devices:
                await device.close()

    async def play(self, steps: Iterable[tuple[str, int, int]]) -> None:
        """Let these happen, one after the other."""
        for what, who, how in steps:
            await getattr(self, what)(self.devices[who % len(self.devices)], how)

    async def open_all(self) -> list[Cell]:
        """The cells of all."""
        return [await device.open(self._nursery) for device in self.devices]

    async def in_step(self, within: float = 4000) -> list[Cell]:
        """Every device again, and a network that works: the cells, once all hold and show the same."""
        self.net.heal()
        cells = await self.open_all()
        await level(cells, within)
        self.net.check_failures()
        return cells

    # --- what may happen to any device ----------------------------------------------------------------

    async def wait(self, device: SimulatedDevice, how: int) -> None:
        """Some time passes."""
        await trio.sleep(_WAITS[how % len(_WAITS)])

    async def open(self, device: SimulatedDevice, how: int) -> None:
        """Its person is there again."""
        await device.open(self._nursery)

    async def close(self, device: SimulatedDevice, how: int) -> None:
        """Its person goes."""
        await device.close()

    async def crash(self, device: SimulatedDevice, how: int) -> None:
        """Its power fails."""
        await device.crash()

    async def part(self, device: SimulatedDevice, how: int) -> None:
        """It does not reach the first one or two of the others; one time in four nobody notices that."""
        others = [other.name for other in self.devices if other is not device]
        self.net.partition(device.name, others[: 1 + how % 2], silent=how % 4 == 3)

    async def heal(self, device: SimulatedDevice, how: int) -> None:
        """All reach each other, and nothing is spoilt."""
        self.net.heal()

    async def move(self, device: SimulatedDevice, how: int) -> None:
        """It gets another address."""
        self.net.host(device.name).change_address()

    async def spoil(self, device: SimulatedDevice, how: int) -> None:
        """From now on something is wrong with what is sent."""
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
