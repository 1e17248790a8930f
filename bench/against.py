"""Another build beside this one: `make bench AGAINST=PATH`, or `python -m bench --against PATH`.

PATH is a checkout with its own `.venv`. The other build, which is the older one, writes each history; both catch up
with copies of it, in turns, and take turns at beginning. Each build has opened its copies once before, since their
layouts of databases may differ. The measure is processor time, which other work on the machine disturbs least: that of
the receiver and of the giver, per entry, from when their modules are loaded until they have closed. The cases must have
the same digest at the end of every run. (The digest of entries held is not compared: builds whose protocols differ may
compute it differently.)

Both builds also import the same table, each into a vault of its own.

`bench/guest.py` also runs in the other checkout, with the modules there, so it imports only names that exist in old
benchmarks too.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench import children
from bench.catch_up import ENTRIES, SHAPES, Shape
from bench.importing import wide
from bench.rows import Row

ROUNDS: Final = 5
ROWS: Final = 4_000  # of the imported table
IMPORTS: Final = 3
HERE: Final = Path(__file__).resolve().parent.parent
_GUEST: Final = Path(__file__).resolve().parent / "guest.py"


class Run(NamedTuple):
    """The result of one catch-up of one build."""

    seconds: float
    receiver: float  # processor time, seconds
    giver: float
    digest: str  # of all cases, "" if it was not taken


def measure(folder: Path, other: Path, smaller: int) -> Iterator[Row]:
    yield from _imports(folder, other.resolve(), ROWS // smaller)
    yield from _catch_ups(folder, other.resolve(), ENTRIES // smaller)


def _imports(folder: Path, other: Path, rows: int) -> Iterator[Row]:
    table, work = folder / "table.csv", f"against the other build, an import of {rows:,} wide rows"
    table.write_bytes(wide(rows))
    runs: dict[Path, list[dict[str, float]]] = {HERE: [], other: []}
    for turn in range(IMPORTS):
        for build in (HERE, other) if turn % 2 else (other, HERE):
            vault = folder / "vault"
            runs[build].append(_ask(build, "bring_in", {"vault": str(vault), "table": str(table)}))
            assert runs[build][-1]["created"] == rows, "not all rows have arrived"
            shutil.rmtree(vault)
    for whose, build in (("this", HERE), ("the other", other)):
        spent = min(run["processor"] for run in runs[build])
        yield Row(f"{work}: {whose}, processor time", 1000 * spent / rows, "ms/row")
    pairs = list(zip(runs[HERE], runs[other], strict=True))
    for what, name in (("rate", "seconds"), ("work per processor second", "processor")):
        yield Row(f"{work}: {what}", statistics.median(they[name] / us[name] for us, they in pairs), "×")


def _catch_ups(folder: Path, other: Path, entries: int) -> Iterator[Row]:
    for shape in SHAPES:
        made = _ask(other, "make", {"folder": str(folder), "shape": list(shape), "entries": entries})
        laid = {build: _lay_out(build, folder / name, made) for build, name in ((HERE, "this"), (other, "other"))}
        runs: dict[Path, list[Run]] = {HERE: [], other: []}
        for turn in range(ROUNDS):
            for build in (HERE, other) if turn % 2 else (other, HERE):
                runs[build].append(_catch_up(build, folder, laid[build], last=turn == ROUNDS - 1))
        digests = {run.digest for both in runs.values() for run in both} - {""}
        assert len(digests) == 1, "the two builds differ"
        yield from _rows(runs[HERE], runs[other], shape, entries)
        for name in ("giver", "taker"):
            Path(made[name]["path"]).unlink()
        for jobs in laid.values():
            shutil.rmtree(Path(jobs["giver"]["path"]).parent)


def _lay_out(build: Path, folder: Path, made: dict[str, Any]) -> dict[str, Any]:
    """Copies of both databases, in this build's layout."""
    folder.mkdir()
    jobs = {}
    for name in ("giver", "taker"):
        jobs[name] = {**made[name], "path": str(folder / f"{name}.db")}
        shutil.copy(made[name]["path"], jobs[name]["path"])
        _ask(build, "lay_out", jobs[name])
    return jobs


def _rows(ours: list[Run], theirs: list[Run], shape: Shape, entries: int) -> Iterator[Row]:
    work = f"against the other build, {entries:,} entries, {shape.name}"
    for whose, runs in (("this", ours), ("the other", theirs)):
        yield Row(f"{work}: {whose}", entries / statistics.median(run.seconds for run in runs), "entries/s")
        for end in ("receiver", "giver"):
            spent = statistics.median(getattr(run, end) for run in runs)
            yield Row(f"{work}: {whose}, {end}'s processor time", spent / entries * 1e6, "µs/entry")
    pairs = list(zip(ours, theirs, strict=True))
    yield Row(f"{work}: rate", statistics.median(they.seconds / us.seconds for us, they in pairs), "×")
    for end in ("receiver", "giver"):
        ratio = statistics.median(getattr(they, end) / getattr(us, end) for us, they in pairs)
        yield Row(f"{work}: {end}'s work per processor second", ratio, "×")


def _catch_up(build: Path, folder: Path, made: dict[str, Any], *, last: bool) -> Run:
    """Run one catch-up; the last one also takes the digest of the receiver's cases."""
    jobs = {}
    for name in ("giver", "taker"):
        copy = folder / f"copy.{name}"
        shutil.copy(made[name]["path"], copy)
        jobs[name] = {**made[name], "path": str(copy)}
    giver = _start(build, "give", jobs["giver"])
    assert giver.stdin is not None
    assert giver.stdout is not None
    hello = json.loads(giver.stdout.readline())
    took, taken = _ask_lines(build, "take", {**jobs["taker"], **hello})
    giver.stdin.close()
    gave = json.loads(giver.stdout.readline())
    giver.stdout.close()
    assert giver.wait(children.LIMIT) == 0, "the giver has failed"
    assert took["digest"] == hello["digest"], "the two devices differ"
    digest = _ask(build, "cases", jobs["taker"])["digest"] if last else ""
    for path in folder.glob("copy.*"):
        path.unlink()
    return Run(took["seconds"], taken["processor"], gave["processor"], digest)


def _start(build: Path, function: str, job: dict[str, Any]) -> subprocess.Popen[str]:
    command = [str(build / ".venv/bin/python"), str(_GUEST), function]
    process = subprocess.Popen(command, cwd=build, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    process.stdin.write(json.dumps(job) + "\n")
    process.stdin.flush()
    return process


def _ask_lines(build: Path, function: str, job: dict[str, Any]) -> list[dict[str, Any]]:
    said, _ = _start(build, function, job).communicate()
    return [json.loads(line) for line in said.splitlines()]


def _ask(build: Path, function: str, job: dict[str, Any]) -> dict[str, Any]:
    return _ask_lines(build, function, job)[0]
