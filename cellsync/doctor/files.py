"""Files: the profile's and the vault's folder exist, belong to us, and are closed to other users."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from cellsync.doctor.finding import Finding, bad, good, warning
from cellsync.doctor.subject import Visit

ENTRIES: Final = 10_000  # looked at in one folder
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
BEGIN: Final = "cellsync init CELL, or to enter a cell that exists: cellsync join"


def profile_folder(visit: Visit) -> list[Finding]:
    return _folder(visit, visit.subject.profile, "profile_folder", "profile")


def vault_folder(visit: Visit) -> list[Finding]:
    if not visit.subject.profile.exists():
        return []  # already reported for the profile
    return _folder(visit, visit.subject.vault, "vault_folder", "vault")


def _folder(visit: Visit, folder: Path, check: str, what: str) -> list[Finding]:
    named, user = visit.named(folder), visit.machine.user()
    try:
        found = folder.stat()
    except FileNotFoundError:
        return [warning(check, f"There is no {what} here yet.", BEGIN)]
    if not stat.S_ISDIR(found.st_mode):
        return [
            bad(check, f"Where the {what}'s folder should be is something else.", f"Look what it is: ls -ld {named}")
        ]
    if found.st_uid != user:
        return [bad(check, f"The {what}'s folder belongs to another user of this machine.", _chown(named))]
    if found.st_mode & stat.S_IRWXU != stat.S_IRWXU:
        return [bad(check, f"The {what}'s folder cannot be read or written.", f"chmod u+rwx {named}")]
    if found.st_mode & OTHERS:
        return [bad(check, f"Other users of this machine can look into the {what}'s folder.", _chmod(named))]
    skipped = None if folder == visit.subject.vault else visit.subject.vault
    entries = [entry.lstat() for entry in islice(_below(folder, skipped), ENTRIES)]
    if any(entry.st_uid != user for entry in entries):
        return [bad(check, f"Some files of the {what} belong to another user of this machine.", _chown(named))]
    if any(entry.st_mode & OTHERS for entry in entries if not stat.S_ISLNK(entry.st_mode)):
        return [bad(check, f"Some files of the {what} are open to other users of this machine.", _chmod(named))]
    return [good(check, f"Only you can open the {what}'s folder.")]


def _below(folder: Path, skipped: Path | None) -> Iterator[Path]:
    for place, folders, files in os.walk(folder, onerror=_fail):
        here = Path(place)
        folders[:] = [name for name in folders if here / name != skipped]
        yield from (here / name for name in [*folders, *files])


def _fail(error: OSError) -> None:
    raise error


def _chmod(named: str) -> str:
    return f"chmod -R go= {named}"


def _chown(named: str) -> str:
    return f'sudo chown -R "$(id -un)" {named}'
