"""Disk: whether it can be written to, and has room for what others wrote and what you will write."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cellsync.doctor.finding import Finding, bad, good, warning
from cellsync.doctor.subject import Visit

CHECK: Final = "disk_space"
MB: Final = 1_000_000
TOO_LITTLE: Final = 50 * MB
LITTLE: Final = 500 * MB
_COPY: Final = "Make it writable; or put a copy on another disk: cellsync --profile NEW restore DIR"


def disk_space(visit: Visit) -> list[Finding]:
    if is_read_only(visit):
        return [warning(CHECK, "The disk is read-only: the cell can be read there, and nothing else.", _COPY)]
    free = min(visit.machine.free(_existing(folder)) for folder in (visit.subject.profile, visit.subject.vault))
    if free >= LITTLE:
        return [good(CHECK, "There is room on the disk.")]
    text, hint = f"Only {free // MB} MB are free on the disk.", "Delete what you do not need, and empty the trash."
    return [bad(CHECK, text, hint) if free < TOO_LITTLE else warning(CHECK, text, hint)]


def is_read_only(visit: Visit) -> bool:
    """Whether the disk of the profile or of its vault is read-only."""
    return any(visit.machine.is_read_only(_existing(folder)) for folder in (visit.subject.profile, visit.subject.vault))


def _existing(folder: Path) -> Path:
    """The folder, or the nearest existing one above it."""
    return next((place for place in (folder, *folder.parents) if place.exists()), folder)
