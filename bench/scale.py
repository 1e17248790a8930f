"""Scale: the cost of a command at 1,000, 10,000 and 50,000 cases, as a multiple of its cost at 100.

The cost of a command must depend on what it shows, and not on what the cell holds. Each command is one request to a
daemon over its socket, so the start of Python, which costs the same everywhere, does not hide any growth. Without a
daemon it is a whole process, less the derivation of the key: that is slow on purpose, so these vaults have a quick one.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter, process_time, sleep
from typing import Any, Final

import trio

from bench import children
from bench.memory import resident
from bench.rows import Row
from cellsync.api.client import NoDaemon, SocketClient
from cellsync.api.stop import stop
from cellsync.casework import CaseFile, Consent, Episode, Link, Relation
from cellsync.casework.documents.consent import Scope
from cellsync.cell.cell import Cell
from cellsync.cell.founding import found_cell
from cellsync.cell.opening import open_cell
from cellsync.core.errors import WrongPassphrase
from cellsync.core.ids import ID_BYTES, CaseId
from cellsync.core.schema.schema import creation
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from cellsync.profile.profile import Profile, Settings
from cellsync.store.header import Kdf
from cellsync.store.passphrases import forms
from cellsync.store.vault import Vault

SIZES: Final = (100, 1_000, 10_000, 50_000)
LONG: Final = (100, 10_000)  # entries of one case
TIMES: Final = 1.5  # what a command may cost, as a multiple of its cost at 100 cases
TIMES_LONG: Final = 2.0
ALONE: Final = 0.5  # seconds of a command without a daemon, beside the key
MEMORY: Final = 150.0  # MB of the daemon
RUNS: Final = 40
FEWER: Final = 10  # runs, if everything is measured at a fraction of the size
ALONE_RUNS: Final = 5
ALONE_FEWER: Final = 3
PASSPHRASE: Final = "harbour pickle staircase moth"
_SETTINGS: Final = Settings(lan="off", interfaces=("127.0.0.1",))
QUICK_KDF: Final = Kdf(3, 64 << 20)  # the quickest that a vault may have
_AT_ONCE: Final = 500
_CONSENTING: Final = 10  # one case in so many may be exported
_SHOWN: Final = CaseId(b"\xfe" * ID_BYTES)
_TITLE: Final = "The case that is shown"
_LONG: Final = {entries: CaseId(bytes([number]) * ID_BYTES) for number, entries in enumerate(LONG, start=1)}
_ALONE: Final = {
    "status": ("status",),
    "case show": ("case", "show", _TITLE),
    "case edit": ("case", "edit", _TITLE, "--append", "timeline=what was noted"),
}

Asked = dict[str, Callable[[], Any]]


def measure(folder: Path, scale: int = 1) -> Iterator[Row]:
    few = SIZES[0]
    runs = RUNS if scale == 1 else FEWER
    sizes = list(dict.fromkeys(max(few, cases // scale) for cases in SIZES))
    profiles = {cases: _filled(folder / "scale" / f"{cases}", "fill", {"cases": cases}) for cases in sizes}
    with ExitStack() as stack:
        daemons = {cases: stack.enter_context(_daemon(profile)) for cases, profile in profiles.items()}
        yield from _beside_one_another({cases: client for cases, (client, _) in daemons.items()}, runs)
        each: dict[int, float] = {}
        for cases, (client, process) in daemons.items():
            yield Row(f"the daemon's memory: {cases:,} cases", resident(process), "MB", MEMORY)
            each[cases] = _once(partial(client.call, "export", format="csv", audience="internal")) / cases
            yield Row(f"the daemon's memory after an export of all: {cases:,}", resident(process), "MB", MEMORY)
        for cases in sizes[1:]:
            times = each[cases] / each[few]
            yield Row(f"export of all as CSV, for each case: {cases:,} against {few}", times, "×", TIMES, 1.0)
    for cases in (sizes[0], sizes[-1]):
        for name, command in _ALONE.items():
            took = _alone(profiles[cases], ALONE_RUNS if scale == 1 else ALONE_FEWER, *command)
            yield Row(f"{name} without a daemon, beside the key: {cases:,} cases", took, "s", ALONE)
    yield from _long(folder / "scale", runs)


def _beside_one_another(clients: Mapping[int, SocketClient], runs: int) -> Iterator[Row]:
    """The cost of everyday commands in cells of different sizes, against the smallest."""
    few = min(clients)
    for cases, client in clients.items():
        yield Row(f"first status after unlocking: {cases:,} cases", 1000 * _once(partial(client.call, "status")), "ms")
    asked = {cases: _every_day(client) for cases, client in clients.items()}
    for name in asked[few]:
        took = _quickest({cases: ask[name] for cases, ask in asked.items()}, runs)
        yield Row(f"{name}: {few} cases", 1000 * took[few], "ms")
        for cases in list(took)[1:]:
            yield Row(f"{name}: {cases:,} cases against {few}", took[cases] / took[few], "×", TIMES, 1.0)


def _every_day(client: SocketClient) -> Asked:
    call, identity = client.call, _SHOWN.hex()
    new = {"title": "A new case"}
    asked: Asked = {
        "status": partial(call, "status"),
        "case list, one page": partial(call, "case.list", limit=100),
        "case list --conflicts": partial(call, "case.list", conflicts=True, limit=100),
        "case list --find": partial(call, "case.list", find="that is shown"),
        "case new": partial(call, "case.new", kind="case", set=new),
        "case graph": partial(call, "case.graph", case=identity),
        "export of one case": partial(call, "export", cases=[identity], format="csv", audience="internal"),
    }
    short = call("case.show", case=identity)["short"]
    ways = {"id": identity, "short id": short, "title": _TITLE, "part of its title": _TITLE[9:]}
    for way, named in ways.items():
        asked[f"case show, by {way}"] = partial(call, "case.show", case=named)
        asked[f"case edit, by {way}"] = _editing(client, named)
    return asked


def _editing(client: SocketClient, case: str) -> Callable[[], Any]:
    """An edit with a different text each time; the same text again would write nothing."""
    texts = map(str, range(1 << 30))
    return lambda: client.call("case.edit", case=case, set={"summary": next(texts)})


def _long(folder: Path, runs: int) -> Iterator[Row]:
    few, many = LONG
    with _daemon(_filled(folder / "long", "fill_long", {})) as (client, _):
        for name in ("edit", "show", "log", "graph"):
            ask: dict[int, Callable[[], Any]] = {
                entries: partial(client.call, f"case.{name}", case=case.hex()) for entries, case in _LONG.items()
            }
            if name == "edit":
                ask = {entries: _editing(client, case.hex()) for entries, case in _LONG.items()}
            took = _quickest(ask, runs)
            times = took[many] / took[few]
            yield Row(f"{name} of a case of {many:,} entries, against one of {few}", times, "×", TIMES_LONG, 1.0)


# --- daemons and processes ------------------------------------------------------------------------------------


@contextmanager
def _daemon(profile: Profile) -> Iterator[tuple[SocketClient, int]]:
    """A daemon of this profile, unlocked, and its process id."""
    command = [sys.executable, "-m", "cellsync", "--profile", str(profile.folder), "daemon", "run"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            client = SocketClient(profile)
            _until_there(client)
            client.call("unlock", passphrase=PASSPHRASE)
            yield client, process.pid
        finally:
            stop(profile)


def _until_there(client: SocketClient) -> None:
    began = perf_counter()
    while perf_counter() - began < 20:
        with suppress(NoDaemon):
            client.health()
            return
        sleep(0.05)
    raise TimeoutError("the daemon did not start")


def _alone(profile: Profile, runs: int, *command: str) -> float:
    """The processor seconds of a command without a daemon, as a whole process, without deriving its key."""
    keys, whole = [], []
    for _ in range(runs):
        began = process_time()
        _derive(profile)
        keys.append(process_time() - began)
        whole.append(_whole(profile, *command))
    return statistics.median(whole) - statistics.median(keys)


def _whole(profile: Profile, *command: str) -> float:
    """Run a command as a whole process, with the passphrase on stdin."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    program = [sys.executable, "-m", "cellsync", "--profile", str(profile.folder), "--passphrase-fd", "0", *command]
    subprocess.run(program, input=PASSPHRASE + "\n", text=True, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _derive(profile: Profile) -> None:
    """Try a wrong passphrase, which costs deriving the key and nothing else."""
    with suppress(WrongPassphrase):
        Vault.open(profile.vault, forms("wrong"), entropy=os.urandom)


def _once(ask: Callable[[], Any]) -> float:
    began = perf_counter()
    ask()
    return perf_counter() - began


def _quickest(asked: Mapping[int, Callable[[], Any]], runs: int) -> dict[int, float]:
    """The least time of each: any other measure would include the machine's other work.

    They run in turns, again and again, so other work on the machine disturbs all of them alike.
    """
    took: dict[int, list[float]] = {which: [] for which in asked}
    for _ in range(1 + runs):
        for which, ask in asked.items():
            took[which].append(_once(ask))
    return {which: min(each[1:]) for which, each in took.items()}


# --- a child that writes the cases ----------------------------------------------------------------------------


def _filled(folder: Path, function: str, job: dict[str, Any]) -> Profile:
    profile = Profile(folder)
    profile.save(_SETTINGS)
    children.run("scale", function, {"folder": str(folder), **job})
    return profile


def fill(job: Mapping[str, Any]) -> None:
    trio.run(_fill, Profile(Path(job["folder"])), partial(_many, cases=job["cases"]))
    children.tell({})


def fill_long(job: Mapping[str, Any]) -> None:
    trio.run(_fill, Profile(Path(job["folder"])), _few_long)
    children.tell({})


async def _fill(profile: Profile, write: Callable[[Cell], Any]) -> None:
    home = replace(profile.home(_SETTINGS), kdf=QUICK_KDF)
    await found_cell(home, "bench", name="bench", passphrase=PASSPHRASE)
    async with open_cell(home, passphrase=PASSPHRASE) as cell:
        await write(cell)
        await cell.first.catalogue.ready()


async def _many(cell: Cell, cases: int) -> None:
    await cell.write([(_SHOWN, creation(CaseFile, {"title": _TITLE})), _consent(_SHOWN), _episode(_SHOWN)])
    for first in range(0, cases, _AT_ONCE):
        some = [_case(number) for number in range(first, min(cases, first + _AT_ONCE))]
        await cell.write([*some, *(_consent(case) for case, _ in some[::_CONSENTING])])


async def _few_long(cell: Cell) -> None:
    for entries, case in _LONG.items():
        await cell.write([(case, creation(CaseFile, {"title": f"A case of {entries} entries"}))])
        for first in range(0, entries, _AT_ONCE):
            await cell.write([(case, [_line(number)]) for number in range(first, min(entries, first + _AT_ONCE))])


def _case(number: int) -> tuple[CaseId, list[Operation]]:
    title = f"Case number {number} of the bench, Anton Kovalenko {number % 97}"
    return CaseId(os.urandom(ID_BYTES)), creation(CaseFile, {"title": title, "external_id": f"B-{number}"})


def _consent(case: CaseId) -> tuple[CaseId, list[Operation]]:
    return CaseId(os.urandom(ID_BYTES)), [*creation(Consent, {"scope": Scope.INTERNAL}), _link(case)]


def _episode(case: CaseId) -> tuple[CaseId, list[Operation]]:
    return CaseId(os.urandom(ID_BYTES)), [*creation(Episode, {}), _link(case)]


def _line(number: int) -> Operation:
    return Operation(int(Op.APPEND), "legal_notes", None, f"What was noted, line {number}")


def _link(case: CaseId) -> Operation:
    return Operation(int(Op.ADD), "links", None, list(Link(bytes(case), Relation.PART_OF)))
