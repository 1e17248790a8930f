"""Whole histories in virtual time: devices of one cell and what befalls them, reproducible from a seed.

    async def scenario() -> None:
        world = World(MemoryNetwork(seed), ["ana", "ben", "cara"])     # whose vaults are there already
        async with world.running():
            await world.play(schedule(Random(seed), 200, [*World.HAPPENINGS, "edit"], 3))
            await world.in_step()

    simulate(scenario, seed)

`HAPPENINGS` befall any device. What people do is up to a test: it derives its world from `World`, adds a method for
each kind of step, and draws their names too.
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
    """One event: the method of the world that does it, the device it befalls, and one more random number."""

    what: str
    who: int
    how: int  # below 64


def schedule(random: Random, length: int, words: Sequence[str], devices: int) -> list[Happening]:
    """`length` steps, each drawn from `words`: a word listed twice is drawn twice as often."""
    return [Happening(random.choice(words), random.randrange(devices), random.randrange(64)) for _ in range(length)]


def simulate(scenario: Callable[[], Awaitable[T]], seed: int) -> T:
    """`trio.run` in virtual time, with the same scheduling for the same seed.

    trio shuffles tasks that are ready at the same moment, to keep code from relying on their order. Here the shuffling
    is seeded, so a failing example fails again. Founding draws randomness of its own (HPKE), on which all ids depend:
    so a reproducible scenario starts from copies of vaults made beforehand (`put_back`).
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

    `HAPPENINGS` lists the events that may befall any device, each as often as it is to be drawn: the methods below.
    """

    HAPPENINGS: Final = ("wait", "wait", "wait", "part", "part", "heal", "open", "close", "crash", "move", "spoil")

    def __init__(self, net: MemoryNetwork, names: Iterable[str]) -> None:
        self.net = net
        self.devices = [net.device(name) for name in names]
        self._nursery: trio.Nursery

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """All devices are open at first, and closed at the end."""
        async with trio.open_nursery() as self._nursery:
            await self.open_all()
            yield
            for device in self.devices:
                await device.close()

    async def play(self, steps: Iterable[tuple[str, int, int]]) -> None:
        """Carry out these steps in turn."""
        for what, who, how in steps:
            await getattr(self, what)(self.devices[who % len(self.devices)], how)

    async def open_all(self) -> list[Cell]:
        """Open all devices; returns their cells."""
        return [await device.open(self._nursery) for device in self.devices]

    async def in_step(self, within: float = 4000) -> list[Cell]:
        """Open every device on a working network; returns the cells once all hold and show the same."""
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
        """Its user comes back."""
        await device.open(self._nursery)

    async def close(self, device: SimulatedDevice, how: int) -> None:
        """Its user leaves."""
        await device.close()

    async def crash(self, device: SimulatedDevice, how: int) -> None:
        """Its power fails."""
        await device.crash()

    async def part(self, device: SimulatedDevice, how: int) -> None:
        """It is cut off from the first one or two of the others; one time in four silently."""
        others = [other.name for other in self.devices if other is not device]
        self.net.partition(device.name, others[: 1 + how % 2], silent=how % 4 == 3)

    async def heal(self, device: SimulatedDevice, how: int) -> None:
        """All devices reach each other, and nothing is spoilt."""
        self.net.heal()

    async def move(self, device: SimulatedDevice, how: int) -> None:
        """It gets another address."""
        self.net.host(device.name).change_address()

    async def spoil(self, device: SimulatedDevice, how: int) -> None:
        """From now on the network has some fault."""
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
