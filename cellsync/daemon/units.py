"""Units: letting the system start the daemon when its user logs in. It starts locked, and needs no privileges.

A profile other than the default one has a unit of its own, named by a hash of its folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from typing import Final

from cellsync import system
from cellsync.core.errors import InvalidValue
from cellsync.profile.profile import Profile, chosen
from cellsync.store.files import file_errors
from cellsync.system.port import Unit

_WITHIN: Final = 30.0  # seconds for each command of the system


def unit_for_this_system(profile: Profile) -> Unit:
    """Raises InvalidValue for a folder whose name cannot be written in a unit file."""
    if any(ord(character) < 32 or ord(character) == 127 for character in str(profile.folder)):
        raise InvalidValue("the folder's name has control characters", hint="Choose another folder.")
    command = [sys.executable, "-m", "cellsync", "--profile", str(profile.folder), "daemon", "run"]
    usual = profile.folder == chosen(None).folder and "CELLSYNC_PROFILE" not in os.environ
    mark = "" if usual else sha256(os.fsencode(profile.folder)).hexdigest()[:8]
    return system.services.unit(command, mark)


def install(unit: Unit) -> bool:
    """Write the file and start the daemon; returns whether it started. Raises StorageFailed, DiskFull."""
    with file_errors():
        unit.path.parent.mkdir(parents=True, exist_ok=True)
        unit.path.write_text(unit.content)
    return all(_done(command) for command in unit.commands)


def _done(command: tuple[str, ...]) -> bool:
    program = shutil.which(command[0])
    if program is None:
        return False
    try:
        outcome = subprocess.run(  # noqa: S603 (a fixed program of the system)
            [program, *command[1:]], stdin=subprocess.DEVNULL, capture_output=True, timeout=_WITHIN, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return outcome.returncode == 0
