"""The holder: one process at a time, and no process is ended because of a stale process id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cellsync import system
from cellsync.api import stop
from cellsync.api.panic import panic
from cellsync.profile.holder import Busy, Holder, kill, pid_of
from cellsync.profile.profile import Profile

HOLDS = """
import sys
from pathlib import Path
from cellsync.profile.holder import Holder
from cellsync.profile.profile import Profile

with Holder(Profile(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(profile: Profile) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the profile until its input ends."""
    command = [sys.executable, "-c", HOLDS, str(profile.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
            yield process
        finally:
            process.kill()


def test_there_is_one(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "profile")
    assert pid_of(profile) is None
    with Holder(profile):
        assert pid_of(profile) == os.getpid()
        with pytest.raises(Busy):
            Holder(profile)
        assert pid_of(profile) == os.getpid()  # whoever came second has not written over it
        with Holder(Profile(tmp_path / "another")):
            pass
    assert pid_of(profile) is None
    assert profile.holder.read_bytes() == b""
    with Holder(profile):
        pass


def test_nobody_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        profile = Profile(tmp_path / "profile")
        with Holder(profile):
            modes = [path.stat().st_mode & 0o777 for path in (profile.folder, profile.holder.parent, profile.holder)]
    finally:
        os.umask(before)
    assert modes == [0o700, 0o700, 0o600]


def test_a_lock_that_was_handed_over_is_not_taken_anew(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "profile")
    first = Holder(profile)
    with Holder(profile, os.dup(first.descriptor)):
        os.close(first.descriptor)
        with pytest.raises(Busy):
            Holder(profile)
    with Holder(profile):
        pass


@pytest.mark.parametrize("written", [b"", b"12", b"-1", b"nobody", b"\xff" * 40])
def test_what_lies_there_unlocked_ends_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: bytes) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _: ended.append(pid))
    profile = Profile(tmp_path / "profile")
    profile.make_folders()
    profile.holder.write_bytes(written)
    assert not kill(profile)
    assert not stop.stop(profile)
    panic(profile)
    assert ended == []
    assert profile.holder.read_bytes() == written  # looking changes nothing


@pytest.mark.parametrize("written", [b"", b"0", b"-1", b"nobody", b"\xff" * 40])
def test_what_is_no_process_id_ends_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: bytes) -> None:
    """0 would be the whole process group of whoever asks."""
    ended: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _: ended.append(pid))
    profile = Profile(tmp_path / "profile")
    with Holder(profile):
        profile.holder.write_bytes(written)
        assert not kill(profile)
    assert ended == []


def test_nobody_ends_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("it would have"))
    with Holder(profile := Profile(tmp_path / "profile")):
        assert not kill(profile)


def test_looking_for_the_holder_keeps_no_other_from_becoming_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To look, one takes the lock for a moment: whoever comes in that moment tries again."""
    profile = Profile(tmp_path / "profile")
    profile.make_folders()
    looking = os.open(profile.holder, os.O_RDWR | os.O_CREAT)
    assert system.files.lock(looking)
    monkeypatch.setattr(time, "sleep", lambda _: os.close(looking))
    with Holder(profile):
        assert pid_of(profile) == os.getpid()


@pytest.mark.e2e
def test_the_lock_goes_with_its_process(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "profile")
    with another_process(profile) as process:
        assert pid_of(profile) == process.pid
        with pytest.raises(Busy):
            Holder(profile)
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        assert profile.holder.read_text() == str(process.pid)  # it had no time to tidy up
        assert pid_of(profile) is None
        assert not kill(profile)
        with Holder(profile):
            assert pid_of(profile) == os.getpid()


@pytest.mark.e2e
def test_kill_ends_the_holder_and_nobody_else(tmp_path: Path) -> None:
    one, other = Profile(tmp_path / "one"), Profile(tmp_path / "other")
    with another_process(one) as held, another_process(other) as bystander:
        two = Profile(tmp_path / "two")
        two.make_folders()
        two.holder.write_text(str(bystander.pid))  # as a dead holder would leave it
        assert not kill(two)
        assert kill(one)
        assert held.wait(20) == -signal.SIGKILL
        assert bystander.poll() is None
        panic(other)
        assert bystander.wait(20) == -signal.SIGKILL
