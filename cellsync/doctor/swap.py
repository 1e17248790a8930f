"""Swap: contents of memory, including keys, may be written there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cellsync.doctor.finding import Finding, good, unknown, warning
from cellsync.doctor.mounts import unescaped
from cellsync.doctor.subject import Visit

CHECK: Final = "swap"
DEEPEST: Final = 8  # levels of devices made of devices
OFF: Final = "sudo swapoff -a, until this machine's disk is encrypted"


def swap(visit: Visit) -> list[Finding]:
    if visit.machine.system == "darwin":
        return [good(CHECK, "This system encrypts its swap.")]
    if visit.machine.system != "linux":
        return [unknown(CHECK, "On this system cellsync cannot tell whether swap is encrypted.")]
    areas = [line.split()[:2] for line in visit.machine.read("proc/swaps").splitlines()[1:]]
    names = [(_device(visit.machine.root, unescaped(name)), kind) for name, kind in areas]
    if any(kind != "file" and not is_safe(visit.machine.root, name) for name, kind in names):
        return [warning(CHECK, "Swap is not encrypted: keys may end up on the disk.", OFF)]
    if any(kind == "file" for _, kind in names):
        return [unknown(CHECK, "Swap is a file: it is only as safe as the disk that it is on.", OFF)]
    return [good(CHECK, "Swap is encrypted, or stays in memory." if names else "There is no swap.")]


def is_safe(root: Path, name: str, deep: int = 0) -> bool:
    """Whether a block device stays in memory, is encrypted, or consists of devices that are."""
    if name.startswith("zram"):
        return True
    device = root / "sys/block" / name
    uuid = device / "dm/uuid"
    if uuid.exists() and uuid.read_text().startswith("CRYPT"):
        return True
    below = device / "slaves"
    parts = [part.name for part in below.iterdir()] if below.exists() and deep < DEEPEST else []
    return bool(parts) and all(is_safe(root, part, deep + 1) for part in parts)


def _device(root: Path, name: str) -> str:
    """Its name in /sys/block: /dev/mapper has links to it."""
    path = root / name.lstrip("/")
    return path.readlink().name if path.is_symlink() else path.name
