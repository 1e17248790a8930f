"""Pairing: one conversation, driven over one stream."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio

from cellsync.core.pairing.conversation import Conversation

CHUNK: Final = 16 << 10
SEND_WITHIN: Final = 20.0

Handle = Callable[[Any], Awaitable[None]]
"""Handles one event of the machine; may take as long as a person does."""


class Pairing:
    """Feeds a machine, hands out its events in a task each, and sends its output."""

    def __init__(self, machine: Conversation[Any], stream: trio.abc.Stream, handle: Handle) -> None:
        self._machine = machine
        self._stream = stream
        self._handle = handle
        self._sending = trio.Lock()
        self._turn = trio.Event()
        self._nursery: trio.Nursery | None = None

    async def run(self, already: bytes = b"") -> None:
        """Run until the conversation is over and every event is handled. Closes the stream."""
        try:
            async with trio.open_nursery() as handling:
                self._nursery = handling
                await self.step([])  # a joiner speaks first
                async with trio.open_nursery() as pumping:
                    pumping.start_soon(self._read, already, pumping.cancel_scope)
                    pumping.start_soon(self._keep_time, pumping.cancel_scope)
        finally:
            await trio.aclose_forcefully(self._stream)

    async def step(self, events: list[Any]) -> None:
        """Hand out the events of a call of the machine, and send its output."""
        for event in events:
            if self._nursery is not None:
                self._nursery.start_soon(self._handle, event)
        async with self._sending:
            data = self._machine.outgoing()
            if data:
                try:
                    with trio.fail_after(SEND_WITHIN):
                        await self._stream.send_all(data)
                except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
                    pass  # the reader will notice that the other side is gone
        self._turn.set()
        self._turn = trio.Event()

    async def _read(self, data: bytes, scope: trio.CancelScope) -> None:
        while True:
            if data:
                await self.step(self._machine.receive(data, trio.current_time()))
            if self._machine.over:
                break
            try:
                data = bytes(await self._stream.receive_some(CHUNK))
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                data = b""
            if not data:
                await self.step(self._machine.lost(trio.current_time()))
                break
        scope.cancel()

    async def _keep_time(self, scope: trio.CancelScope) -> None:
        while not self._machine.over:
            turn = self._turn
            with trio.move_on_at(self._machine.deadline):
                await turn.wait()
            await self.step(self._machine.tick(trio.current_time()))
        await self.step([])  # the reader may be sending the last output: let it finish
        scope.cancel()
