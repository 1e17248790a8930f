"""The caller has sent its opening and waits for the reply."""

from __future__ import annotations

from cellsync.core.crypto.channel import Initiator
from cellsync.core.errors import HandshakeFailed
from cellsync.core.session.connection import Connection
from cellsync.core.session.events import Apart, Event, Opened
from cellsync.core.session.over import end
from cellsync.core.session.parting import Parting
from cellsync.core.session.state import Phase, State
from cellsync.core.session.talking import Talking


class Opening(Phase):
    state = State.OPENING

    def __init__(self, connection: Connection, initiator: Initiator) -> None:
        super().__init__(connection)
        self._initiator = initiator
        connection.send_raw(initiator.opening)

    def receive(self, data: bytes) -> tuple[Phase, list[Event]]:
        connection = self.connection
        opened = self._initiator.receive(data)
        if opened is None:
            return self, []
        if connection.device is None:
            raise HandshakeFailed
        connection.transport, surplus = opened
        apart = connection.agree(self._initiator.remote_versions)
        if apart is not None:
            connection.send(b"")
            return Parting(connection, apart), [Apart(apart)]
        talking = Talking(connection)
        talking.introduce_ourselves()
        return talking, [Opened(connection.device), *talking.hear(surplus)]

    def late(self) -> tuple[Phase, list[Event]]:
        return end(self.connection, None)
