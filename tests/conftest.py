"""What holds for every test: the same examples each time, signals as from a terminal, a place among the workers."""

from __future__ import annotations

import os
import signal
from typing import Final

from hypothesis import settings

from tests import profiles

settings.load_profile(profiles.FAST)

# A runner that was started with `nohup` or in the background of a script ignores these, and what is ignored stays so in
# every program that it starts: none of them could be ended by Ctrl-C. What is handled does not; so we go on ignoring
# them, and our programs start as from a terminal.
for _number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)

# Most of what takes long here waits for a process, a network or the kernel: with three workers on a core it is busy.
WORKERS_PER_CORE: Final = 3


def pytest_xdist_auto_num_workers() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return WORKERS_PER_CORE * cores
