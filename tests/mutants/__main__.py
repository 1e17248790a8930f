"""Mutate what everything rests on, and see whether tests notice: `python -m tests.mutants [PART…]`, and

    --minutes M   stop after M minutes; the next run goes on there, and tries again what lives
    --list        print the mutants that live and are not explained, and stop
    --count       count again what is there, and stop

The score goes into tests/mutants/score.md, what was tried stays in build/mutants. Exits with 1 if a score is too low.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests import profiles
from tests.mutants import score
from tests.mutants.explained import explained
from tests.mutants.parts import PARTS, Part
from tests.mutants.results import forget_the_living, mutants

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "build" / "mutants"
COPIED: Final = ("cellsync", "tests", "protocol", "docs", "examples", "pyproject.toml", "README.md")
_WITHOUT: Final = shutil.ignore_patterns("__pycache__", "node_modules", "build", ".hypothesis")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--count", action="store_true")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.names if name not in PARTS]:
        parser.error(f"there is no part {unknown[0]}; there are {', '.join(PARTS)}")
    chosen = [part for part in PARTS.values() if part.name in (given.names or PARTS)]
    if given.list:
        for part in chosen:
            _list(part)
        return 0
    until = time.monotonic() + 60 * given.minutes
    for part in chosen:
        if not given.count:
            _lay(part)
            _run(part, until)
    return max(_add(part) for part in chosen)


def _lay(part: Part) -> None:
    """A copy of the program and its tests as they are, beside what earlier runs found out of each function."""
    folder = FOLDER / part.name
    folder.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        source, to = ROOT / name, folder / name
        if source.is_dir():
            shutil.rmtree(to, ignore_errors=True)
            shutil.copytree(source, to, ignore=_WITHOUT)
        else:
            shutil.copy2(source, to)
    forget_the_living(folder)
    options = ("-q", "-x", "-p", "no:cacheprovider", f"--hypothesis-profile={profiles.MUTANTS}")
    (folder / "setup.cfg").write_text(
        "[mutmut]\nsource_paths=\n    cellsync/\n"
        + _listed("also_copy", [name for name in COPIED if name not in ("cellsync", "tests")])
        + _listed("only_mutate", part.modules)
        + _listed("pytest_add_cli_args_test_selection", part.tests)
        + _listed("pytest_add_cli_args", options),
        encoding="utf-8",
    )


def _listed(name: str, values: Sequence[str]) -> str:
    return "\n    ".join([f"{name}=", *values]) + "\n"


def _run(part: Part, until: float) -> None:
    """Let mutmut go on where it stopped, on one core."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1"]
    with subprocess.Popen(command, cwd=FOLDER / part.name, start_new_session=True) as running:
        try:
            running.wait(None if until == float("inf") else max(1.0, until - time.monotonic()))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            os.killpg(running.pid, signal.SIGINT)


def _add(part: Part) -> int:
    """Write the score of a part; returns 1 if it is too low."""
    counted = score.count(mutants(FOLDER / part.name), explained(), datetime.now(UTC).date().isoformat())
    if not counted.mutants:
        print(f"{part.name}: there are no mutants; `make mutants` installs what makes them")
        return 2
    text = score.DOCUMENT.read_text(encoding="utf-8")
    scores = score.read(text) | {part.name: counted}
    ordered = {name: scores[name] for name in PARTS if name in scores}
    score.DOCUMENT.write_text(score.write(text, ordered), encoding="utf-8")
    print(
        f"{part.name}: {counted.percent:.1f} % of {counted.mutants:,}, {counted.alive} live, {counted.untried} untried"
    )
    _list(part)
    return int(counted.percent < score.LEAST)


def _list(part: Part) -> None:
    reasons = explained()
    for mutant in mutants(FOLDER / part.name):
        if mutant.killed is False and str(mutant) not in reasons:
            print(f"  {mutant}")


if __name__ == "__main__":
    sys.exit(main())
