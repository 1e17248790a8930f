"""Catch-up: a newly admitted device gets everything from another process, over loopback TCP.

The time runs from the call to the last snapshot on disk. The session, its frames and acknowledgements are real, but
nothing is announced: the address is known. The receiver is a whole cell without followers, as in a daemon.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from typing import Any, Final, NamedTuple

import trio

from bench import children, floor
from bench.children import Child, tell, until_dismissed
from bench.ground import Device, Ground
from bench.history import CHARACTERS, History, began_before
from bench.memory import peak_memory
from bench.rows import Row
from cellsync.core import caps
from cellsync.core.ids import DatabaseKey
from cellsync.core.replica.stage import Plan
from cellsync.core.session.exchange import Exchange
from cellsync.core.wire import forms, messages
from cellsync.node.lan import open_lan
from cellsync.node.network import Address
from cellsync.node.node import Node
from cellsync.store.sqlite import SqliteStore

ENTRIES: Final = 100_000
RUNS: Final = 3
KEY: Final = DatabaseKey(bytes(range(32)))  # of throw-away databases; randomness of the key makes no difference in time
LOOPBACK: Final = "127.0.0.1"


class Shape(NamedTuple):
    """Who wrote the history, and how fast it must be caught up with."""

    name: str
    authors: int
    burst: int
    budget: float  # entries per second
    times: float  # the greatest multiple of the chained floor


SHAPES: Final = (
    Shape("one author", 1, 1, 60_000, 1.8),
    Shape("5 devices in bursts of 6", 5, 6, 60_000, 2.2),
    Shape("5 devices taking turns", 5, 1, 40_000, 2.2),
    # a circle has at most 48 devices, and one of them is the receiver
    Shape(f"{caps.DEVICES - 1} devices taking turns", caps.DEVICES - 1, 1, 40_000, 2.5),
)


class Made(NamedTuple):
    """A history in its founder's database."""

    ground: Ground
    path: Path


def make(folder: Path, shape: Shape, entries: int) -> Made:
    path = folder / f"{shape.authors}-{shape.burst}.db"
    store = SqliteStore.create(path, KEY)
    ground = Ground(store, shape.authors, began_before(entries), Random(1))
    History(ground, shape.burst).write(entries)
    store.close()
    return Made(ground, path)


def measure(made: Made, shape: Shape, entries: int) -> Iterator[Row]:
    caught: list[dict[str, Any]] = []
    floors: list[float] = []
    target = made.path.with_suffix(".receiver")
    for _ in range(RUNS):
        _remove(target)
        made.ground.seat_receiver(target, KEY)
        caught.append(catch_up(made, target))
        beside = made.path.with_suffix(".floor")
        floors.append(floor.chained(made.path, KEY, beside))
        _remove(beside)
    rate = statistics.median(run["entries"] / run["seconds"] for run in caught)
    lowest = statistics.median(floors)
    work = f"catch-up of {entries:,} entries, {shape.name}"
    yield Row(work, rate, "entries/s", shape.budget, lowest, at_least=True)
    ratios = [beside * run["seconds"] / run["entries"] for beside, run in zip(floors, caught, strict=True)]
    yield Row(f"{work}: times the chained floor", statistics.median(ratios), "×", shape.times, 1.0)
    wire = statistics.median(run["bytes"] / run["entries"] for run in caught)
    yield Row(f"{work}: wire above content", wire - CHARACTERS, "B/entry", 60)
    if shape is SHAPES[0]:
        yield Row(f"{work}: receiver's peak memory", max(run["peak"] for run in caught), "MB", 100)
        yield Row(f"{work}: of it, above the idle receiver", max(run["growth"] for run in caught), "MB")
        yield from _nothing_new(made, target)
    _remove(target)


def catch_up(made: Made, target: Path) -> dict[str, Any]:
    ground = made.ground
    with Child("catch_up", "give", ground.job(ground.founder, made.path, KEY)) as giver:
        hello = giver.hear()
        job = {**ground.job(ground.receiver, target, KEY), **hello}
        with Child("catch_up", "take", job) as taker:
            result = taker.hear()
    assert result["digest"] == hello["digest"], "the two devices differ"
    return result


def _nothing_new(made: Made, target: Path) -> Iterator[Row]:
    ground = made.ground
    said = children.run(
        "catch_up",
        "greet",
        {
            "giver": ground.job(ground.founder, made.path, KEY),
            "taker": ground.job(ground.receiver, target, KEY),
        },
    )
    yield Row("nothing new, per circle each way, before padding", said["bytes"], "B", 128)
    yield Row("nothing new: round trips after the handshake", said["round trips"], "", 1)


def _remove(database: Path) -> None:
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()


# --- children -----------------------------------------------------------------------------------


def give(job: Mapping[str, Any]) -> None:
    trio.run(_give, job)


async def _give(job: Mapping[str, Any]) -> None:
    device = Device.open(job)
    async with open_lan([LOOPBACK], mode="off") as network:
        node = Node([device.circle], device.session, network)
        async with node.running():
            held = device.circle.replica
            tell({"port": node.port, "entries": held.held.entries(), "digest": held.digest().hex()})
            await until_dismissed()
    device.store.close()


def take(job: Mapping[str, Any]) -> None:
    trio.run(_take, job)


async def _take(job: Mapping[str, Any]) -> None:
    device = Device.open(job)
    circle, founder = device.circle, device.founder
    everything = trio.Event()

    def committed(plan: Plan, source: object) -> None:
        if circle.replica.held.entries() >= job["entries"]:
            everything.set()

    circle.watch(committed)
    async with open_lan([LOOPBACK], mode="off") as network, trio.open_nursery() as nursery:
        node = Node([circle], device.session, network)
        async with node.running():
            with device.cell(node, nursery):
                idle = peak_memory()
                began, spent = perf_counter(), process_time()
                nursery.start_soon(node.calls.call, founder, Address(LOOPBACK, job["port"]))
                with trio.fail_after(children.LIMIT):
                    while founder not in node.links:
                        await node.links.changed.wait()
                    link = node.links[founder]
                    handshake = link.received
                    await everything.wait()
                await circle.tidy()
                seconds, spent = perf_counter() - began, process_time() - spent
                peak = peak_memory()
                result = {
                    "seconds": seconds,
                    "processor": spent,
                    "entries": job["entries"],
                    "bytes": link.received - handshake,
                    "peak": peak,
                    "growth": peak - idle,
                    "digest": circle.replica.digest().hex(),
                }
        nursery.cancel_scope.cancel()
    device.store.close()
    tell(result)


def greet(job: Mapping[str, Any]) -> None:
    """The messages that two devices holding the same exchange about a circle, without their frames."""
    both = [Device.open(job["giver"]), Device.open(job["taker"])]
    name = bytes(forms.NAME_BYTES)
    exchanges = [Exchange(device.circle, name, caps.FRAME) for device in both]
    said = [exchange.greet() for exchange in exchanges]
    bytes_each, round_trips = max(map(len, said)), 0
    while any(said):
        round_trips += 1
        heard = [messages.decode(message) for message in said]
        replies: list[list[bytes]] = []
        for exchange, message in zip(exchanges, reversed(heard), strict=True):
            assert isinstance(message, messages.Digest)
            reply = exchange.on_digest(message.digest)
            exchange.settle()
            replies.append(reply)
            building = exchange.due(math.inf)
            if building is not None:  # the peer's position is looked up first, even if nothing is to be sent
                building.build()
                assert not exchange.send(building), "something was new"
        assert not any(replies), "something was new"
        said = []
    for device in both:
        device.store.close()
    tell({"bytes": bytes_each, "round trips": round_trips})
