"""Settings for every test: the same examples each time, signals as from a terminal, a place among the workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import lru_cache
from inspect import iscoroutinefunction, signature
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings

from cellsync.core.crypto import primitives
from cellsync.ledger.pause import spare
from tests import isolation, profiles
from tests.faults import logged_below, none_survived

pytest_plugins = ["tests.costs", "cellsync.testing.fixtures", "tests.cell.template"]

settings.load_profile(profiles.FAST)

if "PYTEST_XDIST_WORKER" in os.environ:
    isolation.leave_shared_network()

# A runner that was started with `nohup` or in the background of a script ignores these signals. Programs inherit that,
# so Ctrl-C could not end any that the tests start. Handlers are not inherited: with one that does nothing we still
# ignore the signals, and our programs start as from a terminal.
for _number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)

# Whether a public key is usable depends on its bytes alone, and takes an exchange with it: histories of thousands of
# examples introduce the same few.
for _check in (primitives.is_session_key, primitives.is_seal_key):
    setattr(primitives, _check.__name__, lru_cache(4096)(_check))

# Most slow tests wait for a process, a network or the kernel: three workers per core keep it busy.
WORKERS_PER_CORE: Final = 3


def pytest_xdist_auto_num_workers() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return WORKERS_PER_CORE * cores


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each worker begin with its part of the tests that wait for processes and networks: at the end of the run some
    workers would be left waiting for them. All get equally many tests, and those that finish take over from others.
    """
    lanes: list[list[pytest.Item]] = [[] for _ in range(int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))]
    modules: dict[Path, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.path, []).append(item)
    waiting = [module for module in modules.values() if any(item.get_closest_marker("e2e") for item in module)]
    others = [module for module in modules.values() if module not in waiting]
    if len(lanes) > 1:
        for module in [*waiting, *others]:
            min(lanes, key=len).extend(module)
        items[:] = [item for lane in lanes for item in lane]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Refuse a test that would wait in real time: virtual time counts only for a test that asks for it itself."""
    if not isinstance(item, pytest.Function) or not iscoroutinefunction(item.function):
        return
    if "autojump_clock" in {*item.fixturenames} - {*signature(item.function).parameters}:
        raise pytest.UsageError(f"{item.nodeid} has to ask for autojump_clock itself")


def pytest_collection_finish() -> None:
    """Let the collector go through what tests make, as in a daemon, and not through ten thousand collected tests."""
    spare()


@pytest.fixture(autouse=True)
def umask_of_each_test() -> Iterator[None]:
    """Restore the umask after each test: one that plays a process with keys hardens itself as such a process does."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(autouse=True)
def survived(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Our own faults that were logged as errors; a test that causes some on purpose removes them."""
    folder: Path | None = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    with none_survived() as said:
        yield said
        said += logged_below(folder) if folder and folder.is_dir() else []
