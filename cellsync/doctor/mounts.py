"""Mounts: which file system a folder is on. Locks and permissions do not work on all of them."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath
from typing import Final, NamedTuple

from cellsync.doctor.finding import Finding, bad, good, unknown, warning
from cellsync.doctor.machine import Machine
from cellsync.doctor.subject import Visit

CHECK: Final = "file_system"
LOCAL: Final = frozenset({
    "apfs", "bcachefs", "btrfs", "ecryptfs", "ext2", "ext3", "ext4", "f2fs", "fuse.cryfs", "fuse.encfs",
    "fuse.gocryptfs", "hfs", "jfs", "nilfs2", "overlay", "reiserfs", "ufs", "xfs", "zfs",
})  # fmt: skip
NETWORK: Final = frozenset({
    "9p", "afs", "ceph", "cifs", "coda", "davfs", "fuse.davfs", "fuse.glusterfs", "fuse.gvfsd-fuse", "fuse.rclone",
    "fuse.s3fs", "fuse.sshfs", "fuse.vmhgfs-fuse", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs", "vboxsf",
    "virtiofs",
})  # fmt: skip
WITHOUT_PERMISSIONS: Final = frozenset({"exfat", "fuse.exfat", "fuseblk", "msdos", "ntfs", "vfat"})
IN_MEMORY: Final = frozenset({"ramfs", "tmpfs"})
MOVE: Final = (
    "cellsync daemon stop, then move the profile to a folder on this machine's own disk, and name it from then on: "
    "cellsync --profile DIR unlock"
)


class Mount(NamedTuple):
    """A line of mountinfo."""

    point: PurePath
    kind: str


def file_system(visit: Visit) -> list[Finding]:
    mounts = mounted(visit.machine)
    if not mounts:
        return [unknown(CHECK, "On this system cellsync cannot tell which file system the vault is on.")]
    kinds = {kind_at(folder, mounts) for folder in (visit.subject.profile, visit.subject.vault)}
    return [_judged(kind) for kind in sorted(kinds)]


def _judged(kind: str) -> Finding:
    if kind in LOCAL:
        return good(CHECK, f"The vault is on this machine's own file system ({kind}).")
    if kind in NETWORK:
        return warning(CHECK, f"The vault is on a network file system ({kind}), where locks may not hold.", MOVE)
    if kind in WITHOUT_PERMISSIONS:
        return bad(CHECK, f"The vault is on a file system without permissions ({kind}): all users can read it.", MOVE)
    if kind in IN_MEMORY:
        return warning(CHECK, f"The vault is in memory only ({kind}): it is gone when this machine restarts.", MOVE)
    return unknown(CHECK, f"The vault is on a file system that cellsync does not know ({kind}).")


def mounted(machine: Machine) -> list[Mount]:
    """All mounts, later ones covering earlier ones. Empty where the system does not tell."""
    found = []
    for line in machine.read("proc/self/mountinfo").splitlines():
        before, dash, after = line.partition(" - ")
        if dash:
            found.append(Mount(PurePath(unescaped(before.split()[4])), after.split()[0]))
    return found


def kind_at(folder: Path, mounts: list[Mount]) -> str:
    """The file system that holds `folder`, or would hold it."""
    place = PurePath(os.path.realpath(folder))
    kind, depth = "none", 0
    for mount in mounts:
        if place.is_relative_to(mount.point) and len(mount.point.parts) >= depth:
            kind, depth = mount.kind, len(mount.point.parts)
    return kind


def unescaped(name: str) -> str:
    """A name from the kernel's list, where blanks and backslashes are octal escapes."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), name)
