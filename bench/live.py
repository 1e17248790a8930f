"""Live: the time from an edit until it is durable here, and until it is durable, folded and shown in another process.

Both processes read the same clock: the system's monotonic one.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from time import monotonic, perf_counter
from typing import Any, Final

import trio
from nacl.signing import SigningKey

from bench import children
from bench.catch_up import KEY, LOOPBACK
from bench.children import Child, tell, until_dismissed
from bench.floor import Database
from bench.ground import Device, Ground
from bench.history import Edits, History, began_before
from bench.rows import Row, percentile
from cellsync.core.ids import EntryId
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.stage import Plan
from cellsync.core.wire import operations
from cellsync.core.wire.operations import SALT_BYTES
from cellsync.core.wire.tags import Kind
from cellsync.node.lan import open_lan
from cellsync.node.network import Address
from cellsync.node.node import Node
from cellsync.store.sqlite import SqliteStore

BEFORE: Final = 2_000  # entries held at the beginning
EDITS: Final = 500
PAUSE: Final = 0.004  # seconds between edits, so that each travels alone
ROW: Final = 250  # bytes of an entry's row, about
LOCAL_TIMES: Final = 1.5


def measure(folder: Path, edits: int) -> Iterator[Row]:
    path, target = folder / "live.db", folder / "live.receiver"
    store = SqliteStore.create(path, KEY)
    ground = Ground(store, 1, began_before(BEFORE), Random(1))
    History(ground).write(BEFORE)
    store.close()
    ground.seat_receiver(target, KEY)
    job = {**ground.job(ground.founder, path, KEY), "edits": edits}
    with Child("live", "give", job) as giver:
        local = giver.hear()
        with Child("live", "take", {**ground.job(ground.receiver, target, KEY), **local}) as taker:
            edited = giver.hear()["edited"]
            shown = taker.hear()["shown"]
    signing, commit = local["sign and commit"], local["commit"]
    ms = [1000 * (shown[entry] - when) for entry, when in edited.items()]
    budget = 2 * commit + 1
    yield Row("edit here, durable and shown there: p50", statistics.median(ms), "ms", budget, 2 * commit)
    yield Row("edit here, durable and shown there: p99", percentile(ms, 99), "ms", None, 2 * commit)
    yield Row("durable local edit: p50", local["local"], "ms", LOCAL_TIMES * signing, signing)
    yield Row("durable local edit: p99", local["local p99"], "ms")
    yield Row("one row made durable (FULL commit): p50", commit, "ms")


class Editor:
    """A person who writes at a device."""

    def __init__(self, device: Device, seed: int = 2) -> None:
        self.device = device
        self._edits = Edits(Random(seed))

    async def edit(self) -> EntryId:
        edit = self._edits.next()
        shape = operations.encode_shape([edit.operation])
        content = operations.encode_content(os.urandom(SALT_BYTES), [edit.operation])
        intention = Intention(Kind.CASE, edit.case, shape, content)
        plan = await self.device.circle.write(self.device.signing, [intention])
        identity = plan.commit.entries[0].id
        self._edits.written(edit, operations.ref(identity, 0))
        return identity


# --- children -----------------------------------------------------------------------------------


def give(job: Mapping[str, Any]) -> None:
    trio.run(_give, job)


async def _give(job: Mapping[str, Any]) -> None:
    device = Device.open(job)
    editor = Editor(device)
    signer = SigningKey(device.signing.reveal())
    beside = Database(Path(job["path"]).with_suffix(".floor"), os.urandom(32))
    local, signing, commits = [], [], []
    for _ in range(job["edits"]):
        began = perf_counter()
        identity = await editor.edit()
        local.append(perf_counter() - began)
        began = perf_counter()
        signer.sign(identity)
        signed = perf_counter() - began
        commits.append(beside.commit_seconds(ROW))
        signing.append(signed + commits[-1])
        await trio.lowlevel.checkpoint()
    beside.close()
    async with open_lan([LOOPBACK], mode="off") as network:
        node = Node([device.circle], device.session, network)
        async with node.running():
            tell(
                {
                    "port": node.port,
                    "entries": device.circle.replica.held.entries(),
                    "edits": job["edits"],
                    "local": 1000 * statistics.median(local),
                    "local p99": 1000 * percentile(local, 99),
                    "sign and commit": 1000 * statistics.median(signing),
                    "commit": 1000 * statistics.median(commits),
                }
            )
            await _follow(device, node)
            edited: dict[str, float] = {}
            for _ in range(job["edits"]):
                when = monotonic()
                identity = await editor.edit()
                edited[identity.hex()] = when
                await trio.sleep(PAUSE)
            tell({"edited": edited})
            await until_dismissed()
    device.store.close()


async def _follow(device: Device, node: Node) -> None:
    """Wait until the receiver holds everything that we have written."""
    with trio.fail_after(children.LIMIT):
        while device.circle.own_length not in node.others.delivered.values():
            await node.links.changed.wait()


def take(job: Mapping[str, Any]) -> None:
    trio.run(_take, job)


async def _take(job: Mapping[str, Any]) -> None:
    device = Device.open(job)
    replica = device.circle.replica
    everything = trio.Event()
    shown: dict[str, float] = {}

    def committed(plan: Plan, source: object) -> None:
        for entry in plan.commit.entries:
            for register in replica.states.get(entry.case).registers.values():
                assert register.shown is not None
            shown[entry.id.hex()] = monotonic()
        if replica.held.entries() == job["entries"] + job["edits"]:
            everything.set()

    async with open_lan([LOOPBACK], mode="off") as network, trio.open_nursery() as nursery:
        node = Node([device.circle], device.session, network)
        device.circle.watch(committed)
        async with node.running():
            nursery.start_soon(node.calls.call, device.founder, Address(LOOPBACK, job["port"]))
            with trio.fail_after(children.LIMIT):
                await everything.wait()
            tell({"shown": shown})
            await until_dismissed()
        nursery.cancel_scope.cancel()
    device.store.close()
