"""How much others may see of a process that holds keys, and how many files it may open."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from cellsync.system.posix import process

HARDENED = """
import os, resource
from cellsync.system.posix import process
process.harden()
print(process.core_limit(), process.is_dumpable(), oct(os.umask(0)), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""
LARGEST = resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def test_a_hardened_process_leaves_no_core_and_is_read_by_nobody() -> None:
    done = subprocess.run([sys.executable, "-c", HARDENED], capture_output=True, text=True, check=True)
    core, dumpable, mask, files = done.stdout.split()
    assert (core, mask) == ("0", "0o77")
    assert dumpable == ("False" if sys.platform == "linux" else "None")
    assert int(files) >= (min(4096, LARGEST) if LARGEST != resource.RLIM_INFINITY else 4096)


@pytest.mark.parametrize(("soft", "allowed"), [(256, 256), (9999, 4096), (resource.RLIM_INFINITY, 4096)])
def test_as_many_descriptors_as_the_limit_says_up_to_many(
    monkeypatch: pytest.MonkeyPatch, soft: int, allowed: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, resource.RLIM_INFINITY))
    assert process.descriptors() == allowed


def test_few_descriptors_where_nobody_says(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_: int) -> tuple[int, int]:
        raise OSError

    monkeypatch.setattr(resource, "getrlimit", silent)
    assert process.descriptors() == 256


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_time_of_a_process_that_is_there() -> None:
    assert (process.working_time(os.getpid()) or 0) > 0
    assert process.working_time(2**22 + 1) is None
