"""The program that `bench/against.py` runs in each of two checkouts: `python guest.py FUNCTION`, with a job on stdin.

The file lies in one checkout and imports the modules of the one in which it is started. Compiling them is not measured:
modules are loaded before the clock starts.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from time import perf_counter, process_time

import trio

sys.path[0] = str(Path.cwd())

from bench import catch_up  # noqa: E402
from bench.ground import Device  # noqa: E402
from cellsync.casework.importing import import_cases  # noqa: E402
from cellsync.cell.founding import found_cell  # noqa: E402
from cellsync.cell.home import Home  # noqa: E402
from cellsync.cell.opening import open_cell  # noqa: E402
from cellsync.node.lan import open_lan  # noqa: E402
from cellsync.store.header import Kdf  # noqa: E402


def main() -> None:
    job = json.loads(sys.stdin.readline())
    if sys.argv[1] in _ASIDE:
        _ASIDE[sys.argv[1]](job)
        return
    _spare()
    began = process_time()
    getattr(catch_up, sys.argv[1])(job)
    print(json.dumps({"processor": process_time() - began}), flush=True)


def _make(job: dict[str, object]) -> None:
    told: list[object] = job["shape"]  # type: ignore[assignment]
    shape = catch_up.Shape(*told[: len(catch_up.Shape._fields)])  # type: ignore[arg-type]  # an older one is told less
    folder = Path(str(job["folder"]))
    made = catch_up.make(folder, shape, int(str(job["entries"])))
    target = folder / "receiver.db"
    ground = made.ground
    ground.seat_receiver(target, catch_up.KEY)
    jobs = {
        "giver": ground.job(ground.founder, made.path, catch_up.KEY),
        "taker": ground.job(ground.receiver, target, catch_up.KEY),
    }
    print(json.dumps(jobs), flush=True)


def _lay_out(job: dict[str, object]) -> None:
    device = Device.open(job)
    if device.store.kept("seal secret") is None:  # old benchmarks leave it out, and a step about members needs it
        device.store.keep("seal secret", bytes(range(32)))
        device.store.flush()
    device.store.close()
    print(json.dumps({}), flush=True)


def _bring_in(job: dict[str, object]) -> None:
    """Import a table; deriving the key and opening the cell are not measured."""
    home = Home(Path(str(job["vault"])), partial(open_lan, ["127.0.0.1"], mode="off"), kdf=Kdf.CHEAP)

    async def bring_in() -> dict[str, float]:
        await found_cell(home, "bench", name="bench", passphrase="bench")
        async with open_cell(home, passphrase="bench") as cell:
            began, spent = perf_counter(), process_time()
            report = await import_cases(cell, Path(str(job["table"])))
            return {"created": report.created, "seconds": perf_counter() - began, "processor": process_time() - spent}

    _spare()
    print(json.dumps(trio.run(bring_in)), flush=True)


def _spare() -> None:
    """Do as a daemon does after its start; older builds have nothing of the kind."""
    with suppress(ImportError, AttributeError):
        import_module("cellsync.ledger.pause").spare()


def _cases(job: dict[str, object]) -> None:
    device = Device.open(job)
    print(json.dumps({"digest": device.circle.replica.state_digest().hex()}), flush=True)
    device.store.close()


_ASIDE = {"make": _make, "lay_out": _lay_out, "cases": _cases, "bring_in": _bring_in}

if __name__ == "__main__":
    main()
