"""Clocks of the system."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from cellsync.system.posix import clock


def test_sleep_is_the_time_that_one_clock_stood_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "clock_gettime", lambda _: 100.0)
    monkeypatch.setattr(time, "monotonic", lambda: 60.0)
    monkeypatch.setattr(time, "CLOCK_BOOTTIME", 7, raising=False)
    assert clock.since_boot() == 100.0
    assert clock.asleep() == 40.0
    monkeypatch.delattr(time, "CLOCK_BOOTTIME")
    assert clock.since_boot() == 60.0
    assert clock.asleep() == 0.0


def test_a_start_of_the_machine_has_a_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert clock.boot() == clock.boot() != b""
    monkeypatch.setattr(clock, "_BOOT_ID", tmp_path / "nowhere")
    assert clock.boot() == clock.boot() != b"", "that of this process, where the system tells none"


def test_the_system_says_whether_its_clock_is_right_or_nothing() -> None:
    assert clock.is_synchronised() in (True, False, None)
