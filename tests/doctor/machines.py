"""Simulated machines for the doctor's checks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cellsync.doctor import Finding, Subject
from cellsync.doctor.clock import RELEASED
from cellsync.doctor.disk import MB
from cellsync.doctor.machine import Machine
from cellsync.doctor.subject import Visit
from cellsync.node.interfaces import Local

HERE = Local(2, "192.168.1.20", 24)
LATER = RELEASED.timestamp() + 1


def well(tmp_path: Path) -> Visit:
    """A profile where all is well, on a Linux machine where all is well."""
    profile = tmp_path / "profile"
    (profile / "vault").mkdir(mode=0o700, parents=True)
    profile.chmod(0o700)
    for file in (profile / "settings.json", profile / "vault" / "vault"):
        file.touch(0o600)
    root = tmp_path / "root"
    write(root / "proc/swaps", "Filename Type Size\n")
    write(root / "proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n")
    write(root / "proc/sys/kernel/core_pattern", "core\n")
    machine = Machine(
        root, "linux", now=lambda: LATER, free=lambda _: 10_000 * MB, is_synchronised=lambda: True,
        core_limit=lambda: 0, is_dumpable=lambda: False, present=lambda _: (HERE,), own=frozenset, ways_out=frozenset,
    )  # fmt: skip
    return Visit(Subject(profile, profile / "vault", mode="off"), machine)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


Look = Callable[[Visit], list[Finding]]


def one(look: Look, visit: Visit, **machine: Any) -> Finding:
    [found] = look(visit._replace(machine=visit.machine._replace(**machine)))
    return found
