"""A process hands its state over to the one that replaces it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cellsync.daemon.rebirth import VARIABLE, Inherited, inherited
from tests.patience import PATIENCE

PROGRAM = """
import os, sys
from cellsync.daemon.rebirth import Inherited, inherited, rebirth
found = inherited()
if found is None:
    secret = os.pipe()                      # stands for a connection: it must not outlive the program
    os.write(secret[1], b"secret")
    keep = os.pipe()
    os.write(keep[1], b"kept")
    print(os.getpid(), secret[0], flush=True)
    rebirth(Inherited(keep[0], keep[1]))
pid, secret = sys.stdin.readline().split()
print(os.getpid(), os.read(found.holder, 9), os.get_inheritable(found.holder), "CELLSYNC_INHERITED" in os.environ)
try:
    print(os.read(int(secret), 9))
except OSError as error:
    print("closed", error.errno)
"""


def test_the_new_program_has_the_process_id_and_what_was_handed_over() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    rest, _ = process.communicate(first, timeout=PATIENCE)
    pid = first.split()[0]
    assert rest.splitlines() == [f"{pid} b'kept' False False", "closed 9"]
    assert int(pid) == process.pid


@pytest.mark.parametrize("given", ["", "1,2", "x,3,4", "1,3,4", "3,4"])
def test_what_does_not_come_from_this_process_is_not_believed(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, given)
    assert inherited() is None
    assert VARIABLE not in os.environ


def test_what_comes_from_this_process_is(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setenv(VARIABLE, f"{os.getpid()},{reading},{writing}")
    os.set_inheritable(reading, True)
    assert inherited() == Inherited(reading, writing)
    assert not os.get_inheritable(reading)
    os.close(reading)
    os.close(writing)
