"""Another build beside this one: `make bench AGAINST=PATH`, or `python -m bench --against PATH`.

PATH is a checkout with its own `.venv`. The other build, being the older, writes each history; both catch up with
copies of it, in turns, and who begins changes. Each build has opened its copies once before, for it may lay out
databases otherwise. What is compared is processor time, which other work on the machine disturbs least: of the receiver
and of the giver, per entry, from when their modules are loaded until they have closed. The cases of all must end with
one digest. (That of what is held is no measure of it: builds whose protocols differ may digest that otherwise.)

Both import the same table, too, each into a vault of its own.

`bench/guest.py` runs in the other checkout, with what is there: so it imports only names that old benchmarks have, too.
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
ROWS: Final = 4_000  # of a table that is imported
IMPORTS: Final = 3
HERE: Final = Path(__file__).resolve().parent.parent
_GUEST: Final = Path(__file__).resolve().parent / "guest.py"


class Run(NamedTuple):
    """One catch-up of one build."""

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
    """Copies of both databases, as this build lays them out."""
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
    """One catch-up; the digest of the receiver's cases is taken in the last."""
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
