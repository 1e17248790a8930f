"""A link: one session over one stream, and the pump that drives it.

feed what arrives  ->  commit what it brings  ->  send what that calls for  ->  wait for bytes, news or the deadline
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import trio

from cellsync.core.errors import CellsyncError
from cellsync.core.ids import CircleId, DeviceId
from cellsync.core.session.session import (
    Acknowledged,
    Called,
    Ended,
    Event,
    Forked,
    Opened,
    Received,
    Session,
    State,
)
from cellsync.node.circle import OpenCircle
from cellsync.node.network import Address
from cellsync.node.pause import collector_paused

CHUNK: Final = 256 << 10  # bytes read at once
SEND_WITHIN: Final = 60.0  # seconds for 64 KiB: slower than that, nobody is reading
_SLICE: Final = 64 << 10


class Link:
    """Runs one session until it ends. `outcome` says why, if somebody or something is at fault."""

    def __init__(
        self, session: Session, stream: trio.abc.Stream, circles: Mapping[CircleId, OpenCircle],
        report: Callable[[Link, Event], None],
    ) -> None:  # fmt: skip
        self.session = session
        self.called = session.state is State.OPENING  # by us
        self.address: Address | None = None  # where we called
        self.outcome: CellsyncError | None = None
        self.sent = 0
        self.received = 0
        self._stream = stream
        self._circles = circles
        self._report = report
        self._wake = trio.Event()
        self._wake.set()  # a caller has something to say at once
        self._scope = trio.CancelScope()

    @property
    def device(self) -> DeviceId | None:
        return self.session.device

    def news(self) -> None:
        """Something was committed here: there may be something to send."""
        self._wake.set()

    def close(self) -> None:
        self._scope.cancel()

    async def run(self, already: bytes = b"") -> None:
        """Drive the session; `already` was read from the stream before. Closes the stream."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write)
                    await self._read(already)
                    nursery.cancel_scope.cancel()
        except* CellsyncError as group:
            self.outcome = next((error for error in group.exceptions if isinstance(error, CellsyncError)), None)
        except* (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError, trio.TooSlowError):
            pass
        finally:
            await trio.aclose_forcefully(self._stream)

    async def _read(self, data: bytes) -> None:
        while not self.session.closed:
            if data:
                self.received += len(data)
                async with self._locked():
                    with collector_paused():
                        events = self.session.receive(data, trio.current_time())
                await self._handle(events)
                self._wake.set()
            if not self.session.closed:
                data = bytes(await self._stream.receive_some(CHUNK))
                if not data:
                    return

    async def _write(self) -> None:
        while not self.session.closed:
            with trio.move_on_at(self.session.deadline):
                await self._wake.wait()
            self._wake = trio.Event()
            await self._handle(self.session.tick(trio.current_time()))
            while True:
                async with self._locked():
                    self.session.pull()
                data = self.session.outgoing()
                if not data:
                    break
                self.sent += len(data)
                for at in range(0, len(data), _SLICE):
                    with trio.fail_after(SEND_WITHIN):
                        await self._stream.send_all(data[at : at + _SLICE])
        self.close()

    async def _handle(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Received(of, batch):
                    plan = await self._circles[of].ingest(batch)
                    await self._handle(self.session.committed(of, batch, plan.refused))
                case Called(device, ephemeral, day):
                    circle = self.session.hinted
                    caller = device or self.session.remote
                    if circle and await self._circles[circle].accept_ephemeral(day, caller, ephemeral):
                        self.session.accept()
                    else:
                        self.session.ignore()
                case Ended(error):
                    self.outcome = error
                case Opened() | Acknowledged() | Forked():
                    pass
            self._report(self, event)

    def _locked(self) -> trio.Lock:
        # One circle for now: with several, a lock of the whole vault.
        return next(iter(self._circles.values())).lock
