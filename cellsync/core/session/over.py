"""The session is over: nothing more is received or sent."""

from __future__ import annotations

from cellsync.core.errors import PeerError
from cellsync.core.session.connection import Connection
from cellsync.core.session.events import Ended, Event
from cellsync.core.session.state import Phase, State


class Over(Phase):
    state = State.CLOSED

    def receive(self, data: bytes) -> tuple[Phase, list[Event]]:
        return self, []

    def late(self) -> tuple[Phase, list[Event]]:
        return self, []


def end(connection: Connection, error: PeerError | None) -> tuple[Phase, list[Event]]:
    """End the session; queued bytes stay unsent. `error` is None if nobody is at fault."""
    connection.outgoing.clear()
    return Over(connection), [Ended(error)]
