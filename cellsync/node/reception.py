"""Reception: incoming connections. A guest is handed on, a member gets a session, and a stranger gets nothing.

A stranger's bytes are read and never answered, and its connection is closed at a moment that was drawn when it began.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import trio

from cellsync.core.crypto import channel
from cellsync.core.ids import SessionSecret
from cellsync.core.session.connection import ENTROPY, HANG_UP_ENTROPY, hang_up_at
from cellsync.core.session.events import Called
from cellsync.core.session.session import Session
from cellsync.core.session.state import State
from cellsync.core.versions import Versions
from cellsync.node.circles import Circles
from cellsync.node.links import Links
from cellsync.node.network import BROKEN, Network
from cellsync.node.strangers import Strangers

CHUNK: Final = 4096  # bytes per read from a stranger

Guest = Callable[[trio.abc.Stream, bytes, float], Awaitable[None]]
"""Takes a connection that does not open a session, with the bytes already read, and when to hang up if it fails."""


class Reception:
    """Answers connections, under the keys of all circles."""

    def __init__(
        self, circles: Circles, secret: SessionSecret, network: Network, versions: Versions, links: Links
    ) -> None:
        self._circles, self._secret, self._network, self._versions = circles, secret, network, versions
        self._links = links
        self._guests: list[tuple[Callable[[bytes], bool], Guest]] = []
        self.strangers = Strangers()

    @contextmanager
    def expecting(self, matches: Callable[[bytes], bool], guest: Guest) -> Iterator[None]:
        """Within the block, connections whose header `matches` go to `guest`."""
        entry = (matches, guest)
        self._guests.append(entry)
        try:
            yield
        finally:
            self._guests.remove(entry)

    async def receive(self, stream: trio.abc.Stream) -> None:
        """Handle a connection until it is over."""
        hang_up = hang_up_at(self._circles.surroundings.entropy(HANG_UP_ENTROPY), trio.current_time())
        with self.strangers.waiting(stream), suppress(*BROKEN):
            await self._answer(stream, hang_up)

    async def _answer(self, stream: trio.abc.Stream, hang_up: float) -> None:
        """Dispatch a connection; a stranger's is closed at `hang_up`, whatever failed."""
        guest: Guest | None = None
        session: Session | None = None
        with trio.move_on_at(hang_up):
            header = await _header(stream)
            guest = next((guest for matches, guest in self._guests if matches(header[: channel.HEADER_BYTES])), None)
            if guest is None and (session := await self._opened(stream, header, hang_up)) is None:
                await _swallow(stream)
        if guest is not None:
            self.strangers.proved(stream)
            await guest(stream, header, hang_up)
        elif session is not None:
            self.strangers.called(stream, None if session.device is None else session.remote)
            await self._links.run(self._links.link(session, stream))

    async def _opened(self, stream: trio.abc.Stream, data: bytes, hang_up: float) -> Session | None:
        """The session opened by these bytes and further ones, with its answer ready. None if they open none."""
        surroundings = self._circles.surroundings
        session = Session.answer(
            list(self._circles), self._secret, self._network.carrier, surroundings.entropy(ENTROPY),
            trio.current_time(), hang_up, clock=surroundings.now(), versions=self._versions,
        )  # fmt: skip
        while data and session.state is State.LISTENING:
            for event in session.receive(data, trio.current_time()):
                if isinstance(event, Called) and session.hinted is not None:
                    if await self._circles[session.hinted].accept_ephemeral(event.day, event.device, event.ephemeral):
                        session.accept()
                    else:
                        session.ignore()
            if session.state is State.LISTENING:
                data = bytes(await stream.receive_some(CHUNK))
        return session if session.state in (State.TALKING, State.PARTING) else None


async def _header(stream: trio.abc.Stream) -> bytes:
    """The first bytes of a connection: the header of an opening and perhaps more, or less if no more arrives."""
    header = b""
    while len(header) < channel.HEADER_BYTES and (data := await stream.receive_some(CHUNK)):
        header += data
    return header


async def _swallow(stream: trio.abc.Stream) -> None:
    """Read and discard until the other side gives up."""
    while await stream.receive_some(CHUNK):
        pass
