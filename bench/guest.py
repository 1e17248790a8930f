"""What `bench/against.py` runs in each of two checkouts: `python guest.py FUNCTION`, with a job on stdin.

It stands in one checkout and works with the modules of the one it is started in. The bytecode is not compared: modules
are loaded before the clock starts.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from time import process_time

sys.path[0] = str(Path.cwd())

from bench import catch_up  # noqa: E402
from bench.ground import Device  # noqa: E402


def main() -> None:
    job = json.loads(sys.stdin.readline())
    if sys.argv[1] in _ASIDE:
        _ASIDE[sys.argv[1]](job)
        return
    # As a daemon does when it has started; an older build's did nothing of the kind.
    with suppress(ImportError, AttributeError):
        import_module("cellsync.ledger.pause").spare()
    began = process_time()
    getattr(catch_up, sys.argv[1])(job)
    print(json.dumps({"processor": process_time() - began}), flush=True)


def _make(job: dict[str, object]) -> None:
    shape = catch_up.Shape(*job["shape"])  # type: ignore[misc]
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
    Device.open(job).store.close()
    print(json.dumps({}), flush=True)


def _cases(job: dict[str, object]) -> None:
    device = Device.open(job)
    print(json.dumps({"digest": device.circle.replica.state_digest().hex()}), flush=True)
    device.store.close()


_ASIDE = {"make": _make, "lay_out": _lay_out, "cases": _cases}

if __name__ == "__main__":
    main()
