"""Scale: what a command costs at 1,000, 10,000 and 50,000 cases, as multiples of what it costs at 100.

What a command costs has to depend on what it shows, and not on what the cell holds. Each command is one question to a
daemon over its socket, so the start of Python, which is the same everywhere, does not hide what grows. Without a daemon
it is a whole process, less the derivation of the key, which is slow on purpose.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from time import perf_counter, process_time, sleep
from typing import Any, Final

import trio

from bench import children
from bench.memory import resident
from bench.rows import Row
from cellsync.api.client import NoDaemon, SocketClient
from cellsync.api.profile import Profile, Settings
from cellsync.api.stopping import stop
from cellsync.casework import CaseFile, Consent, Episode, Link, Relation
from cellsync.casework.consent import Scope
from cellsync.cell.cell import Cell
from cellsync.cell.founding import found_cell
from cellsync.cell.opening import open_cell
from cellsync.core.case.schema import creation
from cellsync.core.errors import WrongPassphrase
from cellsync.core.ids import ID_BYTES, CaseId
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from cellsync.store.passphrases import forms
from cellsync.store.vault import Vault

SIZES: Final = (100, 1_000, 10_000, 50_000)
LONG: Final = (100, 10_000)  # entries of one case
TIMES: Final = 1.5  # what a command may cost more than at 100 cases
TIMES_LONG: Final = 2.0
ALONE: Final = 0.5  # seconds of a command without a daemon, beside the key
MEMORY: Final = 150.0  # MB of the daemon
RUNS: Final = 40
PASSPHRASE: Final = "kettle orbit lantern maple"
_SETTINGS: Final = Settings(lan="off", interfaces=("127.0.0.1",))
_AT_ONCE: Final = 500
_CONSENTING: Final = 10  # one of so many cases may be exported
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
    few, *more = SIZES
    least = of_many(folder / "scale", few)
    for cases in more:
        held = max(few, cases // scale)
        found = of_many(folder / "scale", held)
        for name, took in found.pop("asked").items():
            yield Row(f"{name}, at {held:,} cases against {few}", took / least["asked"][name], "×", TIMES, 1.0)
        for name, took in found["alone"].items():
            yield Row(f"{name} without a daemon, beside the key: {held:,} cases", took, "s", ALONE)
        yield Row(f"the daemon's memory: {held:,} cases", found["memory"], "MB", MEMORY)
        yield Row(
            f"the daemon's memory after an export of all: {held:,}", found["memory after an export"], "MB", MEMORY
        )
        yield Row(f"first status after unlocking: {held:,} cases", 1000 * found["first"], "ms")
        each = found["export"] / held / (least["export"] / few)
        yield Row(f"export of all as CSV, for each case: {held:,} against {few}", each, "×", TIMES, 1.0)
    yield from _long(folder / "scale")


def of_many(folder: Path, cases: int) -> dict[str, Any]:
    """What the commands of every day take in a cell of so many cases, in seconds."""
    profile = _filled(folder / f"{cases}", "fill", {"cases": cases})
    took: dict[str, Any] = {}
    with _daemon(profile) as (client, process):
        took["first"] = _once(partial(client.call, "status"))
        took["asked"] = {name: _quickest(ask) for name, ask in _every_day(client).items()}
        took["memory"] = resident(process)
        took["export"] = _once(partial(client.call, "export", format="csv", audience="internal"))
        took["memory after an export"] = resident(process)
    took["alone"] = {name: _alone(profile, *command) for name, command in _ALONE.items()}
    return took


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
    """Each time another text, else there is nothing to write."""
    texts = map(str, range(1 << 30))
    return lambda: client.call("case.edit", case=case, set={"summary": next(texts)})


def _long(folder: Path) -> Iterator[Row]:
    profile = _filled(folder / "long", "fill_long", {})
    with _daemon(profile) as (client, _):
        for name in ("edit", "show", "log", "graph"):
            took = [
                _quickest(
                    _editing(client, case.hex())
                    if name == "edit"
                    else partial(client.call, f"case.{name}", case=case.hex())
                )
                for case in _LONG.values()
            ]
            yield Row(
                f"{name} of a case of {LONG[1]:,} entries, against one of {LONG[0]}",
                took[1] / took[0],
                "×",
                TIMES_LONG,
                1.0,
            )


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


def _alone(profile: Profile, *command: str) -> float:
    """Seconds of the processor that a command takes without a daemon, as a whole process, beside its key."""
    keys, whole = [], []
    for _ in range(5):
        began = process_time()
        _derive(profile)
        keys.append(process_time() - began)
        whole.append(_whole(profile, *command))
    return statistics.median(whole) - statistics.median(keys)


def _whole(profile: Profile, *command: str) -> float:
    """The passphrase comes on stdin."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    program = [sys.executable, "-m", "cellsync", "--profile", str(profile.folder), "--passphrase-fd", "0", *command]
    subprocess.run(program, input=PASSPHRASE + "\n", text=True, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _derive(profile: Profile) -> None:
    """A wrong passphrase costs its key, and nothing else."""
    with suppress(WrongPassphrase):
        Vault.open(profile.vault, forms("wrong"), entropy=os.urandom)


def _once(ask: Callable[[], Any]) -> float:
    began = perf_counter()
    ask()
    return perf_counter() - began


def _quickest(ask: Callable[[], Any]) -> float:
    """What it takes where nothing else disturbs it: multiples of anything else would be of the machine's other work."""
    ask()
    return min(_once(ask) for _ in range(RUNS))


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
    home = profile.home(_SETTINGS)
    await found_cell(home, "bench", name="bench", passphrase=PASSPHRASE)
    async with open_cell(home, passphrase=PASSPHRASE) as cell:
        await write(cell)
        await cell.catalogue.ready()


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
