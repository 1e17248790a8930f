from __future__ import annotations

from random import Random

import trio
from trio.testing import MockClock

from cellsync.testing import Happening, MemoryNetwork, SimulatedDevice, World, schedule, simulate
from tests.cell.cells import Visit
from tests.cell.template import NAMES, Template


class Diary(World):
    """Devices whose people write."""

    def __init__(self, net: MemoryNetwork) -> None:
        super().__init__(net, NAMES)
        self.written: list[str] = []

    async def write(self, device: SimulatedDevice, how: int) -> None:
        if device.is_open:
            self.written.append(f"{device.name} {how}")
            await device.cell.create(Visit, title=self.written[-1])


def test_a_schedule_is_that_of_its_seed() -> None:
    one, again, other = (schedule(Random(seed), 50, World.HAPPENINGS, 3) for seed in (1, 1, 2))
    assert one == again != other
    assert {step.who for step in one} == {0, 1, 2}
    assert {step.what for step in one} <= set(World.HAPPENINGS)


def test_tasks_take_turns_as_the_seed_says() -> None:
    def order(seed: int) -> list[int]:
        turns: list[int] = []

        async def task(number: int) -> None:
            for _ in range(5):
                await trio.lowlevel.checkpoint()
                turns.append(number)

        async def scenario() -> None:
            async with trio.open_nursery() as nursery:
                for number in range(5):
                    nursery.start_soon(task, number)

        simulate(scenario, seed)
        return turns

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(5)}) > 1


def test_everything_that_may_happen_may_happen(template: Template) -> None:
    net = MemoryNetwork(5)
    template.copy_to(net)
    world = Diary(net)
    steps = [
        step
        for number, what in enumerate(World.HAPPENINGS)
        for step in (Happening(what, number, number), Happening("write", number, number + 1))
    ]

    async def scenario() -> None:
        async with world.running():
            assert all(device.is_open for device in world.devices)
            await world.play(steps)
            for cell in await world.in_step():
                assert {case.title for case in await cell.cases(Visit)} == {"in the beginning", *world.written}
        assert not any(device.is_open for device in world.devices)

    simulate(scenario, 5)
    assert world.written
    assert set(World.HAPPENINGS) <= set(dir(World))


async def test_who_is_parted_does_not_reach_the_first_of_the_others(autojump_clock: MockClock) -> None:
    world = World(MemoryNetwork(), NAMES)
    await world.part(world.devices[0], 0)
    assert [world.net.reaches("ana", other) for other in ("ben", "cara")] == [False, True]
    await world.part(world.devices[0], 1)
    assert [world.net.reaches("ana", other) for other in ("ben", "cara")] == [False, False]
    await world.heal(world.devices[0], 0)
    assert world.net.reaches("ana", "ben")
