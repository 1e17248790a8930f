"""Direct: without a daemon, a command works with the profile itself, in a thread of its own.

The main thread stays free to ask people things; meanwhile the service goes on talking to other devices. A command that
only reads or writes opens no network.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import datetime
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, Self, TypeVar

import msgspec
import trio

from cellsync import system
from cellsync.api import dispatch
from cellsync.api.client import Answer, check_named
from cellsync.api.contract.table import BY_NAME
from cellsync.api.feed import Feed
from cellsync.api.service import Service
from cellsync.cell.lone_error import the_only
from cellsync.core.errors import Interrupted
from cellsync.ledger.pause import rarely
from cellsync.profile.holder import Holder
from cellsync.profile.profile import Profile

LINGER: Final = 1.5  # seconds: the others may still be comparing what they hold with what is here

T = TypeVar("T")


class DirectClient:
    """A `Client` that is its own service. While it is entered, it is the profile's holder."""

    def __init__(self, profile: Profile, *, online: bool, as_of: datetime | None = None) -> None:
        self._profile = profile
        self._online = online
        self._as_of = as_of
        self._settings = profile.settings()
        self._thread = Thread(target=self._run, name="cellsync")
        self._ready: SimpleQueue[BaseException | None] = SimpleQueue()
        self._left = trio.Event()
        self._token: trio.lowlevel.TrioToken
        self._service: Service

    def __enter__(self) -> Self:
        """Raises Busy."""
        system.process.harden()
        rarely()
        self._holder = Holder(self._profile, command=True)
        self._thread.start()
        self._ready.get()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._left.set)
        self._thread.join()
        self._holder.close()

    def call(self, name: str, /, **given: Any) -> Answer:
        check_named(BY_NAME[name], given)

        async def perform() -> Answer:
            ask = dispatch.taken(BY_NAME[name], given)
            return dispatch.plain(await dispatch.perform(self._service, name, ask))

        return self._in_thread(perform)

    def events(self, since: str) -> Iterator[Answer]:
        async def follow() -> Feed:
            return self._service.follow(since)

        feed = self._in_thread(follow)
        while event := self._in_thread(feed.next):
            yield msgspec.to_builtins(event)

    def _in_thread(self, work: Callable[[], Awaitable[T]]) -> T:
        try:
            return trio.from_thread.run(work, trio_token=self._token)
        except (trio.RunFinishedError, trio.Cancelled):
            raise Interrupted from None

    def _run(self) -> None:
        trio.run(self._serve)

    async def _serve(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        try:
            async with trio.open_nursery() as nursery:
                self._service = Service(self._profile, self._settings, nursery, online=self._online, as_of=self._as_of)
                self._ready.put(None)
                await self._left.wait()
                if self._service.connected:
                    await trio.sleep(LINGER)
                await self._service.lock()
                nursery.cancel_scope.cancel()
        except BaseException as error:
            raise the_only(error) from None
