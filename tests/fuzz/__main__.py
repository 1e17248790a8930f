"""Fuzz what comes from outside, guided by the code that is reached: `python -m tests.fuzz [NAME…]`, and

    --count N      N cases of each type
    --minutes M    share M minutes among the types
    --case FILE    read one case again (of one type)

The sums go into protocol/fuzz.md, and what was learnt stays in build/fuzz. Exits with 1 if there is a finding.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.fuzz import table
from tests.fuzz.registry import TYPES, seeds
from tests.fuzz.table import Tried
from tests.fuzz.wire_type import WireType

FOLDER: Final = Path(__file__).parents[2] / "build" / "fuzz"
_COUNTS: Final = 16  # bytes: `guided.COUNTS`
_EDGES: Final = re.compile(r"^#\d+\s.*\bcov: (\d+)", re.MULTILINE)
_OPTIONS: Final = ("-print_final_stats=1", "-rss_limit_mb=2048", "-timeout=120", "-len_control=0")
_MISSING: Final = "the fuzzer is missing: `make fuzz` installs it, where there is a build of it (Linux on x86-64)"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(TYPES))
    parser.add_argument("--count", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--case", type=Path)
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.names if name not in TYPES]:
        parser.error(f"there is no type {unknown[0]}; there are {', '.join(TYPES)}")
    chosen = [one for one in TYPES.values() if one.name in (given.names or TYPES)]
    if given.case is not None:
        if len(chosen) != 1:
            parser.error("--case needs the name of one type")
        print("read" if chosen[0].accepts(given.case.read_bytes()) else "refused")
        return 0
    if given.count is not None:
        limit = f"-runs={given.count}"
    elif given.minutes is not None:
        limit = f"-max_total_time={max(1, round(60 * given.minutes / len(chosen)))}"
    else:
        parser.print_help()
        return 2
    return max(fuzz(one, limit) for one in chosen)


def fuzz(one: WireType, limit: str) -> int:
    """Give cases of one type to the fuzzer, and add what came of it to the table."""
    corpus, findings, counts = FOLDER / "corpus" / one.name, FOLDER / "findings" / one.name, FOLDER / "counts"
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    for number, case in enumerate(seeds(one)):
        (corpus / f"seed-{number}").write_bytes(case)
    counts.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.fuzz.guided", one.name, str(counts), limit, f"-max_len={one.most}"]
    ended = subprocess.run(
        [*command, f"-artifact_prefix={findings}/", *_OPTIONS, str(corpus)], capture_output=True, text=True, check=False
    )
    said = ended.stdout + ended.stderr
    if "No module named 'atheris'" in said:
        print(_MISSING)
        return 2
    tried = counts.read_bytes() if counts.exists() else b""
    cases, read = (int.from_bytes(tried[at : at + 8], "little") for at in (0, 8))
    edges = int((_EDGES.findall(said) or ["0"])[-1])
    run = Tried(cases, read, edges, int(ended.returncode != 0), datetime.now(UTC).date().isoformat())
    _add(one, run)
    print(f"{one.name}: {cases:,} cases, {read:,} of them read, {edges:,} edges", flush=True)
    if ended.returncode:
        print(f"{said[-4_000:]}\n{one.name}: A FINDING, in {findings}. Once more:\n"
              f"  .venv/bin/python -m tests.fuzz {one.name} --case FILE", flush=True)  # fmt: skip
    return int(ended.returncode != 0)


def _add(one: WireType, run: Tried) -> None:
    """Read the table again and write it at once: a run that is cut off keeps what it reached."""
    text = table.DOCUMENT.read_text(encoding="utf-8")
    known = table.read(text)
    rows = known | {one.name: known.get(one.name, Tried()).plus(run)}
    ordered = {name: rows[name] for name in TYPES if name in rows}
    tries = {name: of.tries for name, of in TYPES.items()}
    table.DOCUMENT.write_text(table.write(text, ordered, tries), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
