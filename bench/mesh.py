"""Mesh: one edit in a cell whose devices are all connected, against a star, in which each is connected to only one.

All devices run in one process, over a network in memory and in virtual time. The measures are the bytes they send, the
processor time of all of them, and how long an edit is on its way if each hop takes 2 ms and computing takes none. The
devices write in turn, each edit after the previous one has reached every device; then several together.

Where all are connected, most peers are told only later of entries that came another way. That is measured separately,
as the cost of asking every peer once after all edits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import process_time
from typing import Final, NamedTuple

import trio
from trio.testing import MockClock

from bench import children
from bench.catch_up import KEY
from bench.ground import Device, Ground
from bench.history import began_before
from bench.live import Editor
from bench.rows import Row, percentile
from cellsync.core.ids import EntryId, Millis
from cellsync.core.replica.stage import Plan
from cellsync.ledger.surroundings import REAL, Surroundings
from cellsync.node.node import Node
from cellsync.store.sqlite import SqliteStore
from cellsync.testing.network import MemoryNetwork

SIZES: Final = (10, 47)
EDITS: Final = 100
AT_ONCE: Final = 8  # edits on their way together, under load
HOP: Final = 0.002  # seconds
TIMES: Final = 3.0  # what an edit may cost in a mesh, as a multiple of a star
REACHES: Final = 250.0  # ms within which 95 of 100 edits reach all devices
LOOK_EVERY: Final = 0.1  # seconds between checks whether all are connected and in step
SETTLES: Final = 15.0  # seconds after which every device has been told where the others listen
RESTS: Final = 120.0  # seconds without edits
AT_REST: Final = 1.1  # kB/s that each device may send while all are connected and there are no edits


@dataclass(frozen=True)
class Cost:
    """The mean cost of edits."""

    kb: float
    ms: float  # of processor time
    reached: list[float]  # for each edit, ms until it was everywhere
    computed: list[float]  # for each edit, ms of processor time of all devices until then


class Costs(NamedTuple):
    """The costs of the edits of one cell."""

    in_turn: Cost
    at_once: Cost
    told: Cost  # of telling all peers afterwards of entries that came another way
    at_rest: float  # kB/s that each device sends


def measure(folder: Path, smaller: int = 1) -> Iterator[Row]:
    edits = max(20, EDITS // smaller)
    for devices in SIZES if smaller == 1 else SIZES[:1]:
        star, mesh = (_made(folder / f"{shape}-{devices}", devices, edits, shape) for shape in ("star", "mesh"))
        for load, one, other in (
            ("", star.in_turn, mesh.in_turn),
            (f", {AT_ONCE} at once", star.at_once, mesh.at_once),
        ):
            name = f"an edit among {devices}{load}"
            yield Row(f"{name}, a star: on the wire", one.kb, "kB")
            yield Row(f"{name}, all connected: on the wire", other.kb, "kB", TIMES * one.kb, one.kb)
            yield Row(f"{name}, a star: processor time of all", one.ms, "ms")
            yield Row(f"{name}, all connected: processor time of all", other.ms, "ms", TIMES * one.ms, one.ms)
            yield Row(f"{name}, all connected: on its way, p95", percentile(other.reached, 95), "ms", REACHES)
        name = f"an edit among {devices}, all connected"
        yield Row(
            f"{name}: until all have it, if one processor does it all, p50", percentile(mesh.in_turn.computed, 50), "ms"
        )
        yield Row(f"{name}: the same, p95", percentile(mesh.in_turn.computed, 95), "ms", REACHES)
        yield Row(f"{name}: telling it to those who got it another way, on the wire", mesh.told.kb, "kB")
        yield Row(f"{name}: the same, processor time of all", mesh.told.ms, "ms")
        yield Row(f"{devices} devices, all connected, at rest: each sends", mesh.at_rest, "kB/s", AT_REST)


def _made(folder: Path, devices: int, edits: int, shape: str) -> Costs:
    folder.mkdir()
    return trio.run(_costs, folder, devices, edits, shape == "star", clock=MockClock(autojump_threshold=0))


async def _costs(folder: Path, devices: int, edits: int, star: bool) -> Costs:
    net = MemoryNetwork(seed=1)
    net.latency(HOP)
    async with _cell(net, folder, devices, star) as (cell, nodes):
        writing = Writing([Editor(device, number) for number, device in enumerate(cell)], net, edits)
        for editor in writing.editors[:2]:  # so each link has found its way
            await writing.edit(editor)
        await _ask(nodes)
        in_turn = await writing.cost(1)
        at_once = await writing.cost(AT_ONCE)
        with writing.spent() as told:
            await _ask(nodes)
        await trio.sleep(SETTLES)
        with writing.spent() as resting:
            await trio.sleep(RESTS)
        return Costs(in_turn, at_once, told.cost(2 * edits), resting.cost(devices).kb / RESTS)


async def _ask(nodes: list[Node]) -> None:
    """Ask over every link, so both sides tell what they have not told each other yet."""
    for node in nodes:
        for link in node.links.all():
            if link.called:
                link.ask()
    await trio.sleep(1)


class Spent:
    """Bytes and processor time spent since this was made, or until it was stopped."""

    def __init__(self, net: MemoryNetwork) -> None:
        self._net = net
        self._sent, self._began = self._now()
        self.reached: list[float] = []
        self.computed: list[float] = []

    def _now(self) -> tuple[int, float]:
        return sum(self._net.bytes_sent.values()), process_time()

    def end(self) -> None:
        sent, now = self._now()
        self._sent, self._began = sent - self._sent, now - self._began

    def cost(self, edits: int) -> Cost:
        return Cost(self._sent / edits / 1000, 1000 * self._began / edits, self.reached, self.computed)


class Writing:
    """Makes edits, and notes when each has reached all devices."""

    def __init__(self, editors: list[Editor], net: MemoryNetwork, edits: int) -> None:
        self.editors, self._net, self._edits = editors, net, edits
        self._reached: Counter[EntryId] = Counter()  # how many devices hold each entry
        self._everywhere: dict[EntryId, trio.Event] = {}
        for editor in editors:
            editor.device.circle.watch(self._committed)

    def _committed(self, plan: Plan, source: object) -> None:
        for entry in plan.commit.entries:
            self._reached[entry.id] += 1
            if self._reached[entry.id] == len(self.editors) and entry.id in self._everywhere:
                self._everywhere[entry.id].set()

    async def edit(self, editor: Editor) -> tuple[float, float]:
        """Make an edit. Returns the ms on the network and of processor time until all have it."""
        began, began_here = trio.current_time(), process_time()
        entry = await editor.edit()
        everywhere = self._everywhere[entry] = trio.Event()
        if self._reached[entry] < len(self.editors):
            with trio.fail_after(children.LIMIT):
                await everywhere.wait()
        return 1000 * (trio.current_time() - began), 1000 * (process_time() - began_here)

    async def cost(self, at_once: int) -> Cost:
        waiting = [self.editors[number * 7 % len(self.editors)] for number in range(self._edits)]

        async def write() -> None:
            while waiting:
                reached, computed = await self.edit(waiting.pop())
                spent.reached.append(reached)
                spent.computed.append(computed)

        with self.spent() as spent:
            async with trio.open_nursery() as nursery:
                for _ in range(at_once):
                    nursery.start_soon(write)
        return spent.cost(self._edits)

    @contextmanager
    def spent(self) -> Iterator[Spent]:
        """The cost of the block."""
        spent = Spent(self._net)
        yield spent
        spent.end()


@asynccontextmanager
async def _cell(
    net: MemoryNetwork, folder: Path, devices: int, star: bool
) -> AsyncIterator[tuple[list[Device], list[Node]]]:
    """A cell of devices that are connected and hold the same."""
    store = SqliteStore.create(folder / "0.db", KEY)
    ground = Ground(store, devices, began_before(devices), Random(1))
    seats = ground.authors
    store.close()
    for number, seat in enumerate(seats[1:], start=1):
        ground.seat(seat, folder / f"{number}.db", KEY)
    began = REAL.now()
    virtual = Surroundings(lambda: Millis(began + int(1000 * trio.current_time())), REAL.entropy, threads=False)
    jobs = [ground.job(seat, folder / f"{number}.db", KEY) for number, seat in enumerate(seats)]
    opened = [Device.open(job, virtual) for job in jobs]
    names = [f"device {number}" for number in range(devices)]
    nodes = [Node([one.circle], one.session, net.host(name)) for one, name in zip(opened, names, strict=True)]
    if star:
        for at, name in enumerate(names[1:], start=1):
            net.partition(name, names[at + 1 :])
    links = 2 * (devices - 1) if star else devices * (devices - 1)
    async with AsyncExitStack() as stack:
        for node in nodes:
            await stack.enter_async_context(node.running())
        with trio.fail_after(children.LIMIT):
            while sum(len(node.links) for node in nodes) < links or not _in_step(opened):  # noqa: ASYNC110
                await trio.sleep(LOOK_EVERY)
        await trio.sleep(SETTLES)
        yield opened, nodes
    for one in opened:
        one.store.close()


def _in_step(cell: list[Device]) -> bool:
    return len({one.circle.digest() for one in cell}) == 1
