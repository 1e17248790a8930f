"""What `bench/against.py` runs in each of two checkouts: `python guest.py FUNCTION`, with a job on stdin.

It stands in one checkout and works with the modules of the one it is started in. The bytecode is not compared: modules
are loaded before the clock starts.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import process_time

sys.path[0] = str(Path.cwd())

from bench import catch_up  # noqa: E402


def main() -> None:
    job = json.loads(sys.stdin.readline())
    if sys.argv[1] == "make":
        _make(job)
        return
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


if __name__ == "__main__":
    main()
