"""Reaching the profile: a command that has to wait for another one says so immediately, and names it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from cellsync import __version__
from cellsync.api.client import SocketClient
from cellsync.cli import reach
from cellsync.cli.options import Options
from cellsync.cli.terminal import Terminal
from cellsync.profile.holder import Busy, Holder, held_by
from cellsync.profile.profile import Profile


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return Profile(tmp_path / "profile")


def test_who_waits_for_another_command_is_told_at_once(profile: Profile) -> None:
    said: list[str] = []
    with Holder(profile, command=True) as other:

        def hear(text: str) -> None:
            said.append(text)
            threading.Thread(target=other.close).start()  # the other command ends while this one waits for it

        assert reach.daemon_of(profile, say=hear) is None
        [text] = said
        assert text.startswith(f"Waiting for another command, 10 s at most: process {os.getpid()}, since ")
        os.dup2(os.open(os.devnull, os.O_RDONLY), other.descriptor)  # it is closed once more


def test_who_has_waited_long_enough_is_told_for_whom(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "STARTS_WITHIN", 0.0)
    with Holder(profile, command=True), pytest.raises(Busy, match=f"process {os.getpid()}, since"):
        reach.daemon_of(profile)


def test_a_daemon_that_starts_is_waited_for_in_silence(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "STARTS_WITHIN", 0.0)
    said: list[str] = []
    with Holder(profile), pytest.raises(Busy):
        reach.daemon_of(profile, say=said.append)
    assert said == []


@pytest.mark.parametrize("version", [__version__, "0.0.9\x1b"])
def test_a_daemon_from_before_an_update_is_named(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(SocketClient, "health", lambda _: {"v": 1, "state": "open", "version": version})
    said: list[str] = []
    assert reach.daemon_of(profile, say=said.append) is not None
    if version == __version__:
        assert said == []
    else:
        [text] = said
        assert text.startswith("⚠ The daemon is still cellsync 0.0.9")
        assert "\x1b" not in text
        assert "cellsync daemon stop" in text


@pytest.mark.parametrize(("command", "written"), [(False, b"%d"), (True, b"%d command")])
def test_the_holder_says_whether_it_is_a_command(profile: Profile, command: bool, written: bytes) -> None:
    with Holder(profile, command=command):
        assert profile.holder.read_bytes() == written % os.getpid()
        assert held_by(profile) == (os.getpid(), command)


@pytest.mark.parametrize(("looks", "said"), [(False, "1 circle wiped just now"), (True, "1 circle not shown")])
def test_who_finds_a_circle_missing_learns_why(capsys: pytest.CaptureFixture[str], *, looks: bool, said: str) -> None:
    reach._say_wiped(0, Terminal(Options()), looks=looks)
    assert capsys.readouterr().err == ""
    reach._say_wiped(1, Terminal(Options()), looks=looks)
    assert said in capsys.readouterr().err
