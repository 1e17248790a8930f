"""The files for systemd and launchd: what they start, and that the system accepts them."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cellsync.core.errors import InvalidValue
from cellsync.daemon.units import Unit, launchd, systemd, unit_for_this_system
from cellsync.profile.profile import Profile

COMMAND = [sys.executable, "-m", "cellsync", "--profile", '/home/ana/a cell, 100% "hers" $x', "daemon", "run"]


def verify(unit: Unit, folder: Path) -> str:
    """What systemd has to say against it."""
    if shutil.which("systemd-analyze") is None:
        pytest.fail("this test needs systemd-analyze: apt-get install systemd")
    (folder / "run").mkdir(exist_ok=True)
    file = folder / "cellsync.service"
    file.write_text(unit.content)
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(file)],
        env=os.environ | {"XDG_RUNTIME_DIR": str(folder / "run")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return "".join(line for line in done.stderr.splitlines(keepends=True) if "cellsync.service" in line)


@pytest.mark.skipif(sys.platform != "linux", reason="systemd is there on Linux only")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = systemd([sys.executable, *COMMAND[1:]], "")
    assert verify(unit, tmp_path) == ""
    broken = Unit(unit.path, unit.content.replace("Type=notify", "Type=nonsense"), ())
    assert "nonsense" in verify(broken, tmp_path)


def test_a_unit_starts_what_it_was_told() -> None:
    content = systemd(COMMAND, "").content
    assert (
        f'ExecStart={sys.executable} -m cellsync --profile "/home/ana/a cell, 100%% \\"hers\\" $$x" daemon run'
        in content
    )
    assert plistlib.loads(launchd(COMMAND, "").content.encode())["ProgramArguments"] == COMMAND


def test_an_agent_starts_at_login_and_leaves_no_core() -> None:
    agent = plistlib.loads(launchd(COMMAND, "abcd").content.encode())
    assert agent["Label"] == "org.cellsync.daemon.abcd"
    assert (agent["RunAtLoad"], agent["Umask"], agent["HardResourceLimits"]) == (True, 0o077, {"Core": 0})


def test_each_profile_has_a_unit_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CELLSYNC_PROFILE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    names = {unit_for_this_system(Profile(tmp_path / name)).path.name for name in ("ana", "ben")}
    assert len(names) == 2
    assert all("ana" not in name and "ben" not in name for name in names)


def test_a_folder_that_could_add_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue):
        unit_for_this_system(Profile(tmp_path / "a\nExecStartPre=/bin/false"))


def test_installing_writes_the_file_and_says_if_it_could_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))  # where no systemctl is
    unit = systemd(COMMAND, "")
    assert not unit.install()
    assert unit.path.read_text() == unit.content
    assert unit.start == "systemctl --user daemon-reload && systemctl --user enable --now cellsync.service"


def test_installing_asks_the_system_to_start_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    program = tmp_path / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$@" >>{log}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert systemd(COMMAND, "").install()
    assert log.read_text() == "--user daemon-reload\n--user enable --now cellsync.service\n"
