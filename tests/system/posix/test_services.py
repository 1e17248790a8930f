"""The files for systemd and launchd: what they start, and that the system accepts them; and notices to systemd."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cellsync.system.port import Unit
from cellsync.system.posix.services import launchd, notify, systemd

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


def test_without_a_service_manager_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/socket")
    notify("READY=1")
    assert os.environ["NOTIFY_SOCKET"] == "/nowhere/socket"
