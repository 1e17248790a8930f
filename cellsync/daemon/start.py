"""The start: become the holder first, then load the rest of the program.

A command often follows right after `cellsync daemon run &`. It looks for the holder, and waits for a daemon that is
still loading; a daemon that holds nothing yet would be invisible to it.
"""

from __future__ import annotations

from collections.abc import Callable

from cellsync import system
from cellsync.daemon import logs
from cellsync.daemon.rebirth import inherited
from cellsync.profile.holder import Holder
from cellsync.profile.profile import Profile, Settings


def run(profile: Profile, settings: Settings, idle: float | None, verbosity: int, ready: Callable[[str], None]) -> None:
    """Run until a signal ends it. Raises Busy, NoDoor.

    `idle`: seconds after which an unused cell is locked. `ready` is called with the state once the API answers.
    """
    system.process.harden()
    logs.start(verbosity)
    before = inherited()
    with Holder(profile, None if before is None else before.holder) as holder:
        from cellsync.daemon.work import work

        work(profile, settings, idle, holder, before, ready)
