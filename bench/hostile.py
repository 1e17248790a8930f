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
from cellsync.core.history.entry import chain_prefix, entry_id, sign
from cellsync.core.ids import NO_ID, CaseId, CircleId, DeviceId, EntryId, Incarnation, SigningSecret
from cellsync.core.membership.control import Role
from cellsync.core.replica.founding import device_secrets
from cellsync.core.wire import codec, messages, operations
from cellsync.core.wire.batches import Batch, BatchChain, BatchEntry, BatchPart, encode_batch, entry_size, extend
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind, Op
from cellsync.ledger.pause import collector_paused, spare
from cellsync.ledger.source import FromSession
from cellsync.profile.profile import Profile, Settings

GROWTH: Final = 64.0  # MB that one device may cost another
BLOCKED: Final = 50.0  # ms of work for which one device may hold up another's event loop
BYTES: Final = 8 << 20  # of each attack, at most
AT_ONCE: Final = 2  # attacks
MANY: Final = 100_000
PASSPHRASE: Final = "harbour pickle staircase moth"
SEED: Final = bytes(range(96))
CASE: Final = CaseId(b"c" * 32)
_SETTINGS: Final = Settings(lan="off", interfaces=("127.0.0.1",))
_SALT: Final = bytes(16)
_SCHEDULED: Final = Path("/proc/thread-self/schedstat")
_PART: Final = struct.Struct(">I?")  # length of a part, and whether it is the last of its batch
_KIND: Final = "cellsync.case"


class Entry(NamedTuple):
    """One entry to write, as its two halves."""

    case: CaseId
    shape: bytes
    content: bytes
    kind: int = Kind.CASE


Attack = Callable[[], Iterator[Entry]]


def said(case: CaseId, *done: Operation) -> Entry:
    return Entry(case, operations.encode_shape(done), operations.encode_content(_SALT, done))


def raw(shape: bytes, value: bytes, case: CaseId = CASE) -> Entry:
    """An entry of one operation whose value is given in bytes."""
    return Entry(case, shape, _SALT + b"\x91" + value)


def _set(field: str = "title", refs: bytes = b"") -> bytes:
    return codec.encode([[int(Op.SET), field, refs]])


def array(element: bytes, count: int) -> bytes:
    return codec.array_header(count) + element * count


def elements(element: bytes, count: int) -> Iterator[Entry]:
    entry = raw(_set(), array(element, count))
    return itertools.repeat(entry)


def tables(count: int) -> Iterator[Entry]:
    """Maps of the codec as values."""
    packed = codec.encode({f"{number:03x}": [] for number in range(count)})
    return itertools.repeat(raw(_set(), packed))


def crowded(op: Op, detail: bytes | None, count: int, case: CaseId = CASE) -> Iterator[Entry]:
    """Entries of `count` operations, each with a value, key or counter of its own."""
    for number in itertools.count():
        own = range(number * count, number * count + count)
        if op is Op.COUNT:
            yield said(case, *(Operation(int(op), f"c{at:x}", detail, 1) for at in own))
        else:
            yield said(case, *(Operation(int(op), "f", detail, [at, 1] if op is Op.PUT else at) for at in own))


def fields(op: Op, count: int, detail: Callable[[int], Any] = lambda _: None) -> Iterator[Entry]:
    """Entries of `count` operations, each in a field of its own."""
    for number in itertools.count():
        own = range(number * count, number * count + count)
        value = (lambda at: [at, 1]) if op is Op.PUT else (lambda at: at)
        yield said(CASE, *(Operation(int(op), f"{at:x}", detail(at), value(at)) for at in own))


def a_ref(at: int) -> bytes:
    """A ref to an operation that is not held."""
    return at.to_bytes(10, "big")


def single(operation: Callable[[int], Operation]) -> Iterator[Entry]:
    """Entries of one operation each, all on one case."""
    return (said(CASE, operation(number)) for number in itertools.count())


def every_case(count: int) -> Iterator[Entry]:
    """Entries that each create a case."""
    for number in range(count):
        case = CaseId(number.to_bytes(32, "big"))
        yield said(case, Operation(int(Op.CREATE), _KIND, 1, None), Operation(int(Op.SET), "title", b"", f"t{number}"))


def leaving() -> Iterator[Entry]:
    """A case with every two entries, the other of which consents to its export to anyone; and one more case to show."""
    for number in itertools.count():
        consent, case = (CaseId((2 * number + one).to_bytes(32, "big")) for one in range(2))
        created = Operation(int(Op.CREATE), _KIND, 1, None)
        texts = (Operation(int(Op.SET), one, b"", f"t{number}") for one in ("title", "summary"))
        permitted = about(consent, "cellsync.consent", case, Operation(int(Op.SET), "scope", b"", "public"))
        yield permitted if number else said(CASE, created)
        yield said(case, created, *texts)


def about(document: CaseId, kind: str, case: CaseId, *more: Operation) -> Entry:
    """The entry that makes a document part of a case."""
    link = Operation(int(Op.ADD), "links", None, [case, "part_of"])
    return said(document, Operation(int(Op.CREATE), kind, 1, None), link, *more)


def beside_one() -> Iterator[Entry]:
    """Tasks and consents without end, all of one case."""
    yield said(CASE, Operation(int(Op.CREATE), _KIND, 1, None), Operation(int(Op.SET), "summary", b"", "t"))
    for number in itertools.count():
        task, consent = (CaseId((2 * number + one).to_bytes(32, "big")) for one in range(2))
        yield about(task, "cellsync.task", CASE, Operation(int(Op.SET), "title", b"", "t"))
        yield about(consent, "cellsync.consent", CASE, Operation(int(Op.SET), "scope", b"", "public"))


def fat_cases() -> Iterator[Entry]:
    """Cases that are all large."""
    for number in itertools.count():
        case = CaseId(number.to_bytes(32, "big"))
        yield raw(_set(), array(b"\x90", 1_000), case)


def control() -> Iterator[Entry]:
    """Entries of a kind that this version does not know."""
    return itertools.repeat(Entry(CaseId(NO_ID), array(b"\x90", 60_000), _SALT + b"\x90", 99))


ATTACKS: Final[dict[str, Attack]] = {
    "60,000 empty arrays each": lambda: elements(b"\x90", 60_000),
    "1,000 empty arrays each": lambda: elements(b"\x90", 1_000),
    "100 nested arrays each": lambda: elements(b"\x91\x91\x91\x90", 100),
    "maps of 1,000 keys each": lambda: tables(1_000),
    "5,000 set elements each": lambda: crowded(Op.ADD, None, 5_000),
    "200 set elements each": lambda: crowded(Op.ADD, None, 200),
    "200 keys of a map each": lambda: crowded(Op.PUT, b"", 200),
    "200 counters each": lambda: crowded(Op.COUNT, None, 200),
    "200 log items each": lambda: crowded(Op.APPEND, None, 200),
    "6,000 refs to nothing each": lambda: itertools.repeat(raw(_set("f", bytes(range(250)) * 240), b"\xc0")),
    "long names of fields": lambda: single(lambda at: Operation(1, f"{at:032}" * 1_900, b"", 1)),
    "long keys of a map": lambda: single(lambda at: Operation(4, "f", b"", [f"{at:032}" * 1_900, 1])),
    "values of 60 kB": lambda: single(lambda at: Operation(1, "f", b"", f"{at:032}" * 1_900)),
    "log items of 60 kB": lambda: single(lambda at: Operation(7, "f", None, f"{at:032}" * 1_900)),
    "100,000 values of one register": lambda: itertools.islice(single(lambda at: Operation(1, "title", b"", at)), MANY),
    "100,000 items of one log": lambda: itertools.islice(single(lambda at: Operation(7, "timeline", None, "x")), MANY),
    "100,000 corrections of one log": lambda: itertools.islice(
        single(lambda at: Operation(8, "timeline", at.to_bytes(10, "big"), "x")), MANY
    ),
    "corrections of 60 kB": lambda: single(lambda at: Operation(8, "f", at.to_bytes(10, "big"), f"{at:032}" * 1_900)),
    "100,000 keys of one map": lambda: itertools.islice(single(lambda at: Operation(4, "f", b"", [at, 1])), MANY),
    "131,072 fields": lambda: fields(Op.SET, 200, lambda _: b""),
    "131,072 fields that replace": lambda: fields(Op.SET, 200, a_ref),
    "131,072 sets": lambda: fields(Op.ADD, 200),
    "131,072 counters": lambda: fields(Op.COUNT, 200),
    "131,072 logs": lambda: fields(Op.APPEND, 200),
    "131,072 imported logs": lambda: fields(Op.APPEND, 200, lambda at: at.to_bytes(16, "big")),
    "131,072 corrections": lambda: fields(Op.CORRECT, 200, a_ref),
    "131,072 retractions": lambda: fields(Op.RETRACT, 200, a_ref),
    "131,072 maps": lambda: fields(Op.PUT, 200, lambda _: b""),
    "100,000 cases": lambda: every_case(MANY),
    "cases that may leave": leaving,
    "what is beside one case": beside_one,
    "heavy cases": fat_cases,
    "control entries": control,
}


class Writer:
    """A hostile program with a member's key, which writes arbitrary valid entries."""

    def __init__(self, hello: Mapping[str, Any]) -> None:
        self.circle = CircleId(bytes.fromhex(hello["circle"]))
        self.device = DeviceId(bytes.fromhex(hello["device"]))
        self._founder = BatchChain(
            DeviceId(self.circle), Incarnation(bytes.fromhex(hello["incarnation"])),
            hello["length"] + 1, EntryId(bytes.fromhex(hello["head"])), None,
        )  # fmt: skip
        self._height = hello["height"]
        self._secret = SigningSecret(device_secrets(SEED).signing.reveal())
        self._incarnation = Incarnation(b"hostile!")
        self._sequence, self._previous = 0, EntryId(NO_ID)

    def batches(self, entries: Iterator[Entry], most: int) -> Iterator[Batch]:
        """Full batches of these entries, until `most` bytes were written."""
        sent = 0
        waiting: list[Entry] = []
        size = 0
        for entry in entries:
            grown = entry_size(entry.shape, entry.content, 1)
            if size + grown > caps.BATCH:
                yield self._batch(waiting, size)
                sent += size
                waiting, size = [], 0
                if sent >= most:
                    return
            waiting.append(entry)
            size += grown
        if waiting:
            yield self._batch(waiting, size)

    def write(self, path: Path, entries: Iterator[Entry], most: int) -> None:
        """Write the same batches into a file, frame by frame."""
        with path.open("wb") as file:
            for batch in self.batches(entries, most):
                parts = encode_batch(bytes(8), batch, caps.FRAME)
                for at, part in enumerate(parts):
                    file.write(_PART.pack(len(part), at == len(parts) - 1) + part)

    def _batch(self, entries: list[Entry], size: int) -> Batch:
        prefix = chain_prefix(self.circle, self.device, self._incarnation)
        first, before, clock = self._sequence + 1, self._previous, 1_790_000_000_000
        cases: dict[CaseId, int] = {}
        rows: list[BatchEntry] = []
        for at, (case, shape, content, kind) in enumerate(entries):
            own = CaseId(self.circle) if kind else case
            parents, parent_ids = [], b""
            if not self._sequence:  # its first entry cites its admission
                parents, parent_ids = [1, 1], bytes(self._founder.previous)
            self._sequence += 1
            self._height += 1
            self._previous = entry_id(
                prefix, self._sequence, self._previous, self._height, clock, kind, own, shape, content, parent_ids
            )
            rows.append(
                BatchEntry(0, cases.setdefault(own, len(cases)), parents, 0 if at else clock, kind, shape, content)
            )
        signature = sign(self._secret, self._previous)
        chains = [BatchChain(self.device, self._incarnation, first, before, signature)]
        return Batch([*chains, self._founder] if first == 1 else chains, list(cases), rows, size)


def measure(folder: Path, scale: int) -> Iterator[Row]:
    """All attacks; in a quick run every third, since setting up and ending any attack takes a second or two."""
    victim = Victim.made(folder)
    names = list(itertools.islice(ATTACKS, 0, None, 1 if scale == 1 else 3))
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
    writer = Writer(victim.hello)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        copy, path = shutil.copytree(victim.folder, Path(place) / "profile"), Path(place) / "batches"
        writer.write(path, ATTACKS[name](), most)
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
    profile.save(_SETTINGS)
    home = replace(profile.home(_SETTINGS), kdf=QUICK_KDF)
    await found_cell(home, "Mill Street", name="ana", passphrase=PASSPHRASE)
    async with open_cell(home, passphrase=PASSPHRASE) as cell:
        circle = cell.circle
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
        service = Service(Profile(folder), _SETTINGS, nursery)
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
    held = service.cell.circle.replica.held
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
    circle = service.cell.circle
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
