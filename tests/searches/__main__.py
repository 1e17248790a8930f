"""Look for counterexamples: `python -m tests.searches`, and

    --minutes M        share M minutes among the searches; each continues after the last seed of all earlier runs, and
                       the sums go into protocol/search.md
    --gate             try the seeds that every change has to pass
    NAME --seed N      try seed N of this search again

Names before --minutes choose among the searches.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Final

from tests.searches import sums, worker
from tests.searches.registry import SEARCHES, Search
from tests.searches.run import Reached, search
from tests.searches.sums import Sum

STRETCH: Final = 120.0  # seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 1 if there is a counterexample, 130 if it was interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.searches", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SEARCHES))
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--gate", action="store_true")
    parser.add_argument("--seed", type=int)
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.names if name not in SEARCHES]:
        parser.error(f"there is no search {unknown[0]}; there are {', '.join(SEARCHES)}")
    chosen = [one for one in SEARCHES.values() if one.name in (given.names or SEARCHES)]
    with temporary_files():
        if given.seed is not None:
            if len(chosen) != 1:
                parser.error("--seed needs the name of one search")
            return repeat(chosen[0], given.seed)
        if given.gate:
            return gate([one for one in chosen if one.gate])
        if given.minutes is not None:
            return share(chosen, given.minutes)
    parser.print_help()
    return 2


@contextmanager
def temporary_files() -> Iterator[None]:
    """A folder for the temporary files of all processes, deleted with everything that they leave behind."""
    before = os.environ.get("TMPDIR")
    with tempfile.TemporaryDirectory(prefix="cellsync-searches-", ignore_cleanup_errors=True) as folder:
        os.environ["TMPDIR"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = before


def share(chosen: Sequence[Search], minutes: float) -> int:
    """Share the minutes; time that a search does not need, because it has found something, goes to those after it.

    A search runs in stretches of two minutes, each of which adds to the sums, so a run that is killed keeps what it
    reached.
    """
    end = time.monotonic() + 60 * minutes
    code = 0
    for number, one in enumerate(chosen):
        began = time.monotonic()
        until = began + max(0.0, end - began) / (len(chosen) - number)
        whole, after = _stretch(one, until)
        while time.monotonic() < until and not whole.counterexample and not whole.interrupted:
            reached, after = _stretch(one, until)
            whole = whole.then(reached)
        tell(one, whole, time.monotonic() - began, f"; {after.histories:,} in all runs")
        code = max(code, bool(whole.counterexample))
        if whole.interrupted:
            return 130
    return code


def _stretch(one: Search, until: float) -> tuple[Reached, Sum]:
    before = sums.read(sums.DOCUMENT.read_text(encoding="utf-8")).get(one.name, Sum(one.tries))
    reached = search(partial(worker.attempt, one.name), before.next, until=min(until, time.monotonic() + STRETCH))
    return reached, _add(one, reached)


def _add(one: Search, reached: Reached) -> Sum:
    """Read the sums again and write them immediately: a run that is cut off keeps what it reached."""
    text = sums.DOCUMENT.read_text(encoding="utf-8")
    known = sums.read(text)
    day = datetime.now(UTC).date().isoformat()
    after = known.get(one.name, Sum(one.tries)).plus(
        one.tries, reached.histories, reached.seeds, bool(reached.counterexample), day
    )
    everything = known | {one.name: after}
    in_order = {name: everything.pop(name) for name in SEARCHES if name in everything} | everything
    sums.DOCUMENT.write_text(sums.write(text, in_order), encoding="utf-8")
    return after


def gate(chosen: Sequence[Search]) -> int:
    code = 0
    for one in chosen:
        began = time.monotonic()
        reached = search(partial(worker.attempt, one.name), 0, seeds=one.gate)
        tell(one, reached, time.monotonic() - began)
        code = max(code, bool(reached.counterexample))
        if reached.interrupted:
            return 130
    return code


def repeat(one: Search, seed: int) -> int:
    began = time.monotonic()
    reached = search(partial(worker.attempt, one.name), seed, seeds=1)
    tell(one, reached, time.monotonic() - began)
    return int(bool(reached.counterexample))


def tell(one: Search, reached: Reached, seconds: float, more: str = "") -> None:
    which = f"seeds {reached.first} to {reached.next - 1}" if reached.seeds else "no seed"
    print(f"{one.name}: {reached.histories:,} histories in {seconds:,.0f} s, {which}{more}", flush=True)
    if reached.counterexample:
        print(
            f"{reached.counterexample}\n{one.name}: SEED {reached.next} IS A COUNTEREXAMPLE. Once more:\n"
            f"  .venv/bin/python -m tests.searches {one.name} --seed {reached.next}\n",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
