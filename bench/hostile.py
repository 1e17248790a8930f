"""A member gone bad: how much memory valid entries of one device can take, and how long they hold up the event loop.

The parent writes batches as only a hostile program would. A child that serves a profile takes them in as from a
session, and is then sent the usual requests: lists, one case, its log, its graph, exports, edits, and events, also
those of a client that was away.

All attacks meet the same vault, which is made once and copied; two attacks run side by side, each on its own processor.
The measures are the memory of a process, and the time in which that process was working.
"""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import struct
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time, thread_time
from typing import Any, Final, NamedTuple, Protocol

import trio

from bench.children import Child, run, tell
from bench.memory import forget_peak, memory, peak_memory
from bench.rows import Row
from bench.scale import QUICK_KDF
from cellsync.api import dispatch
from cellsync.api.contract.table import BY_NAME
from cellsync.api.feed import Feed
from cellsync.api.service import Service
from cellsync.casework import CaseFile
from cellsync.casework.exporting import NoConsent
from cellsync.cell.founding import found_cell
from cellsync.cell.opening import open_cell
from cellsync.core import caps
from cellsync.core.ids import CircleId, DeviceId, EntryId, Incarnation
from cellsync.core.membership.control import Role
from cellsync.core.replica.founding import device_secrets
from cellsync.core.wire import messages
from cellsync.core.wire.batches import Batch, BatchChain, BatchPart, encode_batch, extend
from cellsync.ledger.pause import collector_paused, spare
from cellsync.ledger.source import FromSession
from cellsync.profile.profile import Profile, Settings
from cellsync.testing.hostile.bombs import BOMBS, CASE, Bomb, batches
from cellsync.testing.hostile.forging import Root, Writer

GROWTH: Final = 64.0  # MB that one device may cost another
BLOCKED: Final = 50.0  # ms of work for which one device may hold up another's event loop
BYTES: Final = 8 << 20  # of each attack, at most
AT_ONCE: Final = 2  # attacks
PASSPHRASE: Final = "harbour pickle staircase moth"
SEED: Final = bytes(range(96))
SETTINGS: Final = Settings(lan="off", interfaces=("127.0.0.1",))
_SCHEDULED: Final = Path("/proc/thread-self/schedstat")
_PART: Final = struct.Struct(">I?")  # length of a part, and whether it is the last of its batch


def write(hello: Mapping[str, Any], path: Path, entries: Iterator[Bomb], most: int) -> None:
    """Write batches of these entries, as the hostile member, into a file, frame by frame."""
    circle, founder = CircleId(bytes.fromhex(hello["circle"])), Incarnation(bytes.fromhex(hello["incarnation"]))
    row = BatchChain(DeviceId(circle), founder, hello["length"] + 1, EntryId(bytes.fromhex(hello["head"])), None)
    writer = Writer(
        circle, DeviceId(bytes.fromhex(hello["device"])), Incarnation(b"hostile!"), device_secrets(SEED).signing,
        root=Root(row, hello["height"]),
    )  # fmt: skip
    with path.open("wb") as file:
        for batch in batches(writer, entries, most):
            parts = encode_batch(bytes(8), batch, caps.FRAME)
            for at, part in enumerate(parts):
                file.write(_PART.pack(len(part), at == len(parts) - 1) + part)


def measure(folder: Path, scale: int) -> Iterator[Row]:
    """All attacks; in a quick run every third, since setting up and ending any attack takes a second or two."""
    victim = Victim.made(folder)
    names = list(itertools.islice(BOMBS, 0, None, 1 if scale == 1 else 3))
    with ThreadPoolExecutor(min(AT_ONCE, os.cpu_count() or 1)) as lanes:
        attempts = lanes.map(lambda name: attempt(name, victim, folder, BYTES // scale), names)
        for name, phases in zip(names, attempts, strict=True):
            work = f"a hostile member writes {name}"
            yield Row(f"{work}: growth", max(one["growth"] for one in phases), "MB", GROWTH)
            yield Row(f"{work}: event loop held up", max(one["blocked"] for one in phases), "ms", BLOCKED)


class Victim(NamedTuple):
    """A profile whose vault is copied for each attack, and what the hostile member knows of its circle."""

    folder: Path
    hello: Mapping[str, Any]

    @classmethod
    def made(cls, folder: Path) -> Victim:
        place = folder / "victim"
        return cls(place, run("hostile", "prepare", {"folder": str(place)}))


def attempt(name: str, victim: Victim, folder: Path, most: int) -> list[dict[str, Any]]:
    """Run one attack in a child of its own. Returns the cost of each phase."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        copy, path = shutil.copytree(victim.folder, Path(place) / "profile"), Path(place) / "batches"
        write(victim.hello, path, BOMBS[name](), most)
        with Child("hostile", "suffer", {"folder": str(copy), "batches": str(path)}) as child:
            return list(iter(child.hear, {}))


# --- the child ----------------------------------------------------------------------------------


class Watch:
    """The cost of each phase, beyond the memory that the process took before the first of them.

    Of the time in which the event loop did not turn, only that part counts in which this process worked and its thread
    did not wait for a processor: on a busy machine other programs took the rest.
    """

    def __init__(self) -> None:
        self.before = memory()
        self.blocked = 0.0
        self.collected = 0.0  # the longest pass of the collector: nothing else runs meanwhile
        self._began = 0.0
        gc.callbacks.append(self._pass)

    def _pass(self, stage: str, _: object) -> None:
        if stage == "start":
            self._began = thread_time()
        else:
            self.collected = max(self.collected, thread_time() - self._began)

    @asynccontextmanager
    async def over(self, phase: str, *, growth: bool = True) -> AsyncIterator[None]:
        gc.collect()
        forget_peak()
        self.blocked = self.collected = 0.0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._beat)
            await trio.sleep(0.02)
            yield
            await trio.sleep(0.02)
            nursery.cancel_scope.cancel()
        grown = peak_memory() - self.before if growth else 0.0
        tell({"phase": phase, "growth": grown, "blocked": 1000 * self.blocked, "collected": 1000 * self.collected})

    async def _beat(self) -> None:
        with waiting() as waited:
            last, worked = perf_counter() - waited(), process_time()
            while True:
                await trio.sleep(0.001)
                now, working = perf_counter() - waited(), process_time()
                self.blocked = max(self.blocked, min(now - last, working - worked) - 0.001)
                last, worked = now, working


@contextmanager
def waiting() -> Iterator[Callable[[], float]]:
    """Asks how long this thread was ready but waited for a processor; 0 where the system does not tell.

    Each call of the system gives the interpreter up to a worker for a while, so there is one for each question.
    """
    try:
        file = os.open(_SCHEDULED, os.O_RDONLY)
    except OSError:
        yield lambda: 0.0
        return
    try:
        yield lambda: int(os.pread(file, 64, 0).split()[1]) / 1e9
    finally:
        os.close(file)


def prepare(job: Mapping[str, Any]) -> None:
    tell(trio.run(_prepare, Profile(Path(job["folder"]))))


async def _prepare(profile: Profile) -> dict[str, Any]:
    """Make a vault with one honest case, and admit the hostile member. Returns what that member knows."""
    profile.save(SETTINGS)
    home = replace(profile.home(SETTINGS), kdf=QUICK_KDF)
    await found_cell(home, "Mill Street", name="ana", passphrase=PASSPHRASE)
    async with open_cell(home, passphrase=PASSPHRASE) as cell:
        circle = cell.first.circle
        await cell.create(CaseFile, title="honest")
        device = await circle.admit(cell.secrets.signing, device_secrets(SEED).public, "mal", Role.WRITER)
        chain = circle.own_branches()[0]
        return {
            "circle": circle.id.hex(), "device": device.hex(), "incarnation": chain.incarnation.hex(),
            "length": chain.length, "head": chain.head.hex(), "height": chain.height,
        }  # fmt: skip


def suffer(job: Mapping[str, Any]) -> None:
    trio.run(_suffer, Path(job["folder"]), Path(job["batches"]))


async def _suffer(folder: Path, batches: Path) -> None:
    dispatch.load()  # as a daemon does: later imports would hold up the loop whatever is written
    spare()
    async with served(folder) as service:
        gc.collect()
        await go_through(service, batches, Watch)
    tell({})


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Service]:
    """An open service of this profile, locked at the end."""
    async with trio.open_nursery() as nursery:
        service = Service(Profile(folder), SETTINGS, nursery)
        await service.unlock(PASSPHRASE)
        yield service
        await service.lock()
        nursery.cancel_scope.cancel()


class Watching(Protocol):
    def over(self, phase: str, *, growth: bool = True) -> AbstractAsyncContextManager[None]:
        """Watch the block; its growth only if that is to count."""


async def go_through(service: Service, batches: Path, begin: Callable[[], Watching]) -> None:
    """Take in these batches, and send the usual requests. `begin` watching after everything else is set up."""
    for name in ("case.list", "status"):
        await ask(service, name)
    before, watch = service.cell.cursor(), begin()
    async with watch.over("arrival"):
        feed = service.follow("")
        await _take_in(service, batches)
    async with watch.over("events"):
        await _read(feed)
    async with watch.over("events since"):
        feed = service.follow(before)
        await feed.registered()
        await _read(feed)
    async with watch.over("case list"):
        await ask(service, "case.list")
    async with watch.over("status"):
        await ask(service, "status")
    held = service.cell.first.circle.replica.held
    case = CASE if CASE in held.cases else held.case_ids[max(number for number in held.case_ids)]
    for name in ("case.show", "case.log", "case.graph"):
        async with watch.over(name):
            await ask(service, name, case=case.hex())
    async with watch.over("edit"):
        await ask(service, "case.edit", case=case.hex(), set={"status": "closed"})
    async with watch.over("export"):
        with suppress(NoConsent):  # the export may be empty
            made = await ask(service, "export", format="json", audience="public")
            fetched, after = made["export"], made["next"]
            del made
            while after:
                after = (await ask(service, "export.read", export=fetched, after=after))["next"]
    async with watch.over("lock"):
        await service.lock()
    async with watch.over("unlock", growth=False):  # the passphrase alone takes 64 MB for a moment
        await service.unlock(PASSPHRASE)
    async with watch.over("opened again"):
        await ask(service, "case.list")


async def _read(feed: Feed) -> None:
    with trio.move_on_after(0.2):
        while True:
            await feed.next()
    feed.end()


async def ask(service: Service, name: str, **given: Any) -> dict[str, Any]:
    return dispatch.plain(await dispatch.perform(service, name, dispatch.taken(BY_NAME[name], given)))


async def _take_in(service: Service, path: Path) -> None:
    """Take in as a link does: frame by frame, and a batch when it is complete."""
    circle = service.cell.first.circle
    batch = Batch()
    with path.open("rb") as file:
        while True:
            head = file.read(_PART.size)
            if not head:
                return
            length, last = _PART.unpack(head)
            with collector_paused():
                part = messages.decode(file.read(length))
                assert isinstance(part, BatchPart)
                extend(batch, part)
                del part
            if last:
                with collector_paused():
                    whole, batch = batch, Batch()
                    await circle.ingest(whole, FromSession(None, 0))
                    del whole
            await trio.lowlevel.checkpoint()
