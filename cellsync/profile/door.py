"""The door: the listening socket of a profile's daemon. Only the profile's owner can reach it."""

from __future__ import annotations

import socket
from typing import Final

from cellsync import system
from cellsync.core.errors import ExternalError
from cellsync.profile.profile import Profile
from cellsync.store.files import file_errors

BACKLOG: Final = 64


class NoDoor(ExternalError):
    """The daemon's socket cannot be made in this profile's folder."""

    code = "no_door"
    default_hint = "The folder must be yours alone, on a local disk, with a path that is not too long."


def listen(profile: Profile) -> socket.socket:
    """Open the door. The caller is the profile's holder, so an existing socket file is stale. Raises NoDoor."""
    profile.make_folders()
    with file_errors():
        profile.socket.unlink(missing_ok=True)
        private = system.files.is_private(profile.socket.parent)
    if not private:
        raise NoDoor
    try:
        return system.local_sockets.listen(profile.socket, BACKLOG)
    except OSError:
        raise NoDoor from None


def connect(profile: Profile, timeout: float) -> socket.socket:
    """Raises OSError."""
    return system.local_sockets.connect(profile.socket, timeout)


def take_over(descriptor: int) -> socket.socket:
    """The door that the previous program left open."""
    found = socket.socket(fileno=descriptor)
    found.setblocking(False)
    return found
