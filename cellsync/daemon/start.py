"""The start: be the holder first, and load the rest of the program then.

Right after `cellsync daemon run &` comes the next command. It looks for the holder, and waits for a daemon that still
loads; one that holds nothing yet is not there.
"""

from __future__ import annotations

from collections.abc import Callable

from cellsync import system
from cellsync.daemon import logs
from cellsync.daemon.rebirth import inherited
from cellsync.profile.holder import Holder
from cellsync.profile.profile import Profile, Settings


def run(profile: Profile, settings: Settings, idle: float | None, verbosity: int, ready: Callable[[str], None]) -> None:
    """Until a signal ends it. Raises Busy, NoDoor.

    `idle`: seconds after which an unused cell is locked. `ready` is called with the state, once it can be asked.
    """
    system.process.harden()
    logs.start(verbosity)
    before = inherited()
    with Holder(profile, None if before is None else before.holder) as holder:
        from cellsync.daemon.work import work

        work(profile, settings, idle, holder, before, ready)
