"""Daemons: whether one keeps this device in step."""

from __future__ import annotations

from cellsync.doctor.disk import is_read_only
from cellsync.doctor.finding import Finding, warning
from cellsync.doctor.subject import Visit


def daemon(visit: Visit) -> list[Finding]:
    if visit.subject.daemon is not False or is_read_only(visit):
        return []  # a daemon cannot run on a read-only disk
    text = "No daemon runs: this device is in step with the others only while a command works."
    return [warning("daemon", text, "cellsync daemon run, or at every login: cellsync daemon install")]
