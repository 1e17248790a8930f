"""Units: one per profile, written where the system looks for them, and started."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cellsync.core.errors import InvalidValue
from cellsync.daemon.units import install, unit_for_this_system
from cellsync.profile.profile import Profile
from cellsync.system.posix.services import systemd

COMMAND = [sys.executable, "-m", "cellsync", "--profile", '/home/ana/a cell, 100% "hers" $x', "daemon", "run"]


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
    assert not install(unit)
    assert unit.path.read_text() == unit.content
    assert unit.start == "systemctl --user daemon-reload && systemctl --user enable --now cellsync.service"


def test_installing_asks_the_system_to_start_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    program = tmp_path / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$@" >>{log}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert install(systemd(COMMAND, ""))
    assert log.read_text() == "--user daemon-reload\n--user enable --now cellsync.service\n"
