"""Mesh: one edit in a cell of devices that are all connected, against a star, in which each is connected to one only.

All devices run in one process, over a network in memory: what is counted is what they send and what all of them
compute. They write in turn, one edit when the one before it has reached everybody.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from typing import Final

import trio

from bench import children
from bench.catch_up import KEY
from bench.ground import Device, Ground
from bench.history import began_before
from bench.live import Editor
from bench.rows import Row, percentile
from cellsync.core.replica.stage import Plan
from cellsync.node.node import Node
from cellsync.store.sqlite import SqliteStore
from cellsync.testing.network import MemoryNetwork

SIZES: Final = (10, 47)
EDITS: Final = 100
TIMES: Final = 3.0  # what an edit may cost in a mesh, against a star
REACHES: Final = 250.0  # ms until it has reached all, of 95 edits in 100
LOOK_EVERY: Final = 0.1  # seconds, until all are connected and in step
SETTLES: Final = 15.0  # seconds after which all have been told where all listen


@dataclass(frozen=True)
class Cost:
    """What edits took, one with another."""

    kb: float
    ms: float  # of processor time
    reached: list[float]  # ms until it was everywhere, of each


def measure(folder: Path, smaller: int = 1) -> Iterator[Row]:
    edits = max(20, EDITS // smaller)
    for devices in SIZES if smaller == 1 else SIZES[:1]:
        star, mesh = (_made(folder / f"{shape}-{devices}", devices, edits, shape) for shape in ("star", "mesh"))
        name = f"an edit among {devices}"
        yield Row(f"{name}, a star: on the wire", star.kb, "kB")
        yield Row(f"{name}, all connected: on the wire", mesh.kb, "kB", TIMES * star.kb, star.kb)
        yield Row(f"{name}, a star: processor time of all", star.ms, "ms")
        yield Row(f"{name}, all connected: processor time of all", mesh.ms, "ms", TIMES * star.ms, star.ms)
        yield Row(f"{name}, all connected, until all have it: p50", percentile(mesh.reached, 50), "ms")
        yield Row(f"{name}, all connected, until all have it: p95", percentile(mesh.reached, 95), "ms", REACHES)


def _made(folder: Path, devices: int, edits: int, shape: str) -> Cost:
    folder.mkdir()
    return trio.run(_cost, folder, devices, edits, shape == "star")


async def _cost(folder: Path, devices: int, edits: int, star: bool) -> Cost:
    net = MemoryNetwork(seed=1)
    async with _cell(net, folder, devices, star) as cell:
        editors = [Editor(device, number) for number, device in enumerate(cell)]
        for editor in editors[:2]:  # so that each link has shown what it is
            await _edit(cell, editor)
        sent, began = sum(net.bytes_sent.values()), process_time()
        reached = [await _edit(cell, editors[number * 7 % devices]) for number in range(edits)]
        cost = process_time() - began
        return Cost((sum(net.bytes_sent.values()) - sent) / edits / 1000, 1000 * cost / edits, reached)


async def _edit(cell: list[Device], editor: Editor) -> float:
    """Milliseconds until all have it."""
    waiting = len(cell)
    everybody = trio.Event()

    def committed(plan: Plan, source: object) -> None:
        nonlocal waiting
        waiting -= bool(plan.commit.arrivals)
        if not waiting:
            everybody.set()

    for device in cell:
        device.circle.watch(committed)
    began = perf_counter()
    await editor.edit()
    with trio.fail_after(children.LIMIT):
        await everybody.wait()
    took = 1000 * (perf_counter() - began)
    for device in cell:
        device.circle.unwatch(committed)
    return took


@asynccontextmanager
async def _cell(net: MemoryNetwork, folder: Path, devices: int, star: bool) -> AsyncIterator[list[Device]]:
    """So many devices that are connected, and hold the same."""
    store = SqliteStore.create(folder / "0.db", KEY)
    ground = Ground(store, devices, began_before(devices), Random(1))
    seats = ground.authors
    store.close()
    for number, seat in enumerate(seats[1:], start=1):
        ground.seat(seat, folder / f"{number}.db", KEY)
    opened = [Device.open(ground.job(seat, folder / f"{number}.db", KEY)) for number, seat in enumerate(seats)]
    names = [f"device {number}" for number in range(devices)]
    nodes = [Node(one.circle, one.session, net.host(name)) for one, name in zip(opened, names, strict=True)]
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
        yield opened
    for one in opened:
        one.store.close()


def _in_step(cell: list[Device]) -> bool:
    return len({one.circle.digest() for one in cell}) == 1
