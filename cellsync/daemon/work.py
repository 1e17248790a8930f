"""The work: from start-up to a clean shutdown.

    door  ->  service (empty or locked)  ->  API  ->  READY
    SIGTERM, SIGINT, SIGHUP (if not ignored)  ->  no new requests  ->  lock, in good order  ->  end

The daemon starts locked. However it ends, the vault is intact: every confirmed change is on the disk.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import closing
from functools import partial
from importlib import import_module
from typing import Any, Final

import trio
from hypercorn.trio import serve

from cellsync import system
from cellsync.api import dispatch
from cellsync.api.service import Service
from cellsync.api.web import application, configuration
from cellsync.cell.lone_error import the_only
from cellsync.daemon.rebirth import Inherited, rebirth
from cellsync.ledger.pause import spare
from cellsync.profile import door
from cellsync.profile.holder import Holder
from cellsync.profile.profile import Profile, Settings

LOOK_EVERY: Final = 2.0  # seconds
ANSWERED_WITHIN: Final = 0.3  # seconds for the last answers before the program starts over

log = logging.getLogger(__name__)


def work(
    profile: Profile, settings: Settings, idle: float | None, holder: Holder, before: Inherited | None,
    ready: Callable[[str], None],
) -> None:  # fmt: skip
    """Run until a signal ends it. `before`: handed over by an earlier program of this process. Raises NoDoor."""
    socket = door.listen(profile) if before is None else door.take_over(before.door)
    with closing(socket):
        kept = Inherited(holder.descriptor, socket.fileno())
        try:
            trio.run(partial(_serve, profile, settings, idle, kept, ready))
        except BaseException as error:
            raise the_only(error) from None
        finally:
            system.services.notify("STOPPING=1")
            profile.socket.unlink(missing_ok=True)


async def _serve(
    profile: Profile, settings: Settings, idle: float | None, kept: Inherited, ready: Callable[[str], None]
) -> None:
    _load(settings)
    locked, ending = trio.Event(), trio.Event()
    async with trio.open_nursery() as nursery:
        service = Service(profile, settings, nursery, idle)
        # Heard before anybody is told that we are there: whoever is told may end us at once.
        with trio.open_signal_receiver(*system.signals.that_end(at_keyboard=True)) as signals:
            service.on_lock = locked.set
            service.on_panic = lambda: rebirth(kept)
            await nursery.start(_answer, service, kept.door, ending)
            nursery.start_soon(service.keep_watch)
            nursery.start_soon(_start_anew_when, locked, ending, kept)
            nursery.start_soon(_end_when_gone, profile, kept)
            spare()
            log.info("ready: %s", service.state)
            system.services.notify(f"READY=1\nSTATUS={service.state}")
            ready(service.state)
            async for _ in signals:
                break
        log.info("ending")
        system.services.notify("STOPPING=1")
        service.on_lock = lambda: None
        ending.set()
        service.end()
        await service.lock()
        nursery.cancel_scope.cancel()


def _load(settings: Settings) -> None:
    """Import lazy modules now: if an update replaces the files later, old and new code must not mix."""
    dispatch.load()
    if settings.lan != "off":
        import_module("cellsync.node.discovery")


async def _start_anew_when(locked: trio.Event, ending: trio.Event, kept: Inherited) -> None:
    """New connections queue on the socket for the restarted process; open ones still get an answer."""
    await locked.wait()
    ending.set()
    await trio.sleep(ANSWERED_WITHIN)
    rebirth(kept)


async def _end_when_gone(profile: Profile, kept: Inherited) -> None:
    """End if the folder was moved or deleted: further changes would be written where they are never found."""
    held = os.fstat(kept.holder)
    while True:
        await trio.sleep(LOOK_EVERY)
        try:
            gone = not os.path.samestat(held, profile.holder.stat())
        except OSError:
            gone = True
        if gone:
            log.error("the profile's folder was moved or deleted")
            system.signals.end(os.getpid())
            return


async def _answer(service: Service, opened: int, ending: trio.Event, task_status: trio.TaskStatus[list[str]]) -> None:
    """Serve the API on a duplicate of the listening socket, which is closed with the server."""
    copy = os.dup(opened)
    config = configuration(copy)

    class Started:
        """hypercorn makes its sockets inheritable; a duplicate that outlived this program would never be closed."""

        def started(self, bound: list[str] | None = None) -> None:
            os.set_inheritable(copy, False)
            task_status.started(bound or [])

    app: Any = application(service)
    await serve(app, config, shutdown_trigger=ending.wait, task_status=Started(), mode="asgi")
