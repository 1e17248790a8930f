"""The holder: the one process that works with a profile, a daemon or a single command.

It holds a lock on `run/holder`, where it has written its process id and whether it is a command, which will soon be
over. The kernel releases the lock with the process, however it ends, so an id is believed only while the lock is held:
no other process is ever killed in its place.
"""

from __future__ import annotations

import errno
import os
import re
import time
from contextlib import suppress
from typing import Final, NamedTuple, Self

from cellsync import system
from cellsync.core.errors import ExternalError
from cellsync.profile.profile import Profile
from cellsync.store.files import file_errors

_WRITTEN: Final = re.compile(rb"([0-9]{1,20})( command)?")
_LONGEST: Final = 40  # bytes, more than are ever written
_GONE_WITHIN: Final = 1.0  # seconds: the kernel needs some time to end a large process
_LOOKED_WITHIN: Final = 1.0  # seconds: `pid_of` holds the lock for less, even on a busy machine
_LOOK_AGAIN: Final = 0.01


class Busy(ExternalError):
    """Another cellsync is working with this profile."""

    code = "busy"
    default_hint = "Wait until it is done, or end it: cellsync panic. A daemon would serve both: cellsync daemon run"


class Holder:
    """The role of holder, until `close`. Raises Busy, StorageFailed."""

    def __init__(self, profile: Profile, inherited: int | None = None, *, command: bool = False) -> None:
        profile.make_folders()
        if inherited is not None:
            self.descriptor = inherited
            return
        with file_errors():
            self.descriptor = system.files.open_private(profile.holder, new=False)
        try:
            with file_errors():
                began = time.monotonic()
                while not system.files.lock(self.descriptor):  # another program may just be checking who holds it
                    if time.monotonic() - began > _LOOKED_WITHIN:
                        raise Busy
                    time.sleep(_LOOK_AGAIN)
                os.ftruncate(self.descriptor, 0)
                os.write(self.descriptor, f"{os.getpid()}{' command' * command}".encode())
        except BaseException:
            os.close(self.descriptor)
            raise

    def close(self) -> None:
        with suppress(OSError):
            os.ftruncate(self.descriptor, 0)
        os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def pid_of(profile: Profile) -> int | None:
    """The holder's process id; None if there is none. Raises StorageFailed."""
    held = held_by(profile)
    return None if held is None else held.pid


class HeldBy(NamedTuple):
    """The holder's identity."""

    pid: int
    command: bool  # else it is a daemon, which may not be listening yet


def held_by(profile: Profile) -> HeldBy | None:
    """The holder; None if there is none. Raises StorageFailed."""
    with file_errors():
        try:
            descriptor = _to_look(profile)
        except FileNotFoundError:
            return None
        try:
            if system.files.lock(descriptor):  # released on close
                return None
            written = os.read(descriptor, _LONGEST)
        finally:
            os.close(descriptor)
    parsed = _WRITTEN.fullmatch(written)
    if parsed is None or not int(parsed[1]):  # 0 would signal a whole process group
        return None
    return HeldBy(int(parsed[1]), parsed[2] is not None)


def _to_look(profile: Profile) -> int:
    try:
        return os.open(profile.holder, os.O_RDWR)  # network file systems require it for locking
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        return os.open(profile.holder, os.O_RDONLY)


def since(profile: Profile) -> float:
    """When the holder began, in seconds since 1970. Raises StorageFailed."""
    with file_errors():
        return profile.holder.stat().st_mtime


def working_time(profile: Profile) -> int | None:
    """For how long the holder has used a processor or waited for one, in nanoseconds; None if unknown."""
    pid = pid_of(profile)
    return None if pid is None else system.process.working_time(pid)


def kill(profile: Profile) -> bool:
    """Kill the holder, whatever it is doing; returns, once it is gone, whether there was one."""
    pid = pid_of(profile)
    if pid is None or pid == os.getpid():
        return False
    with suppress(ProcessLookupError):
        system.signals.kill(pid)
    began = time.monotonic()
    while pid_of(profile) == pid and time.monotonic() - began < _GONE_WITHIN:  # the lock is released last
        time.sleep(0.002)
    return True
