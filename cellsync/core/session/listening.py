"""The callee before it talks: it waits for an opening, has verified one, or keeps a stranger waiting.

It says nothing before it has verified an opening. To everyone else it says nothing at all, until a moment that was
drawn when the connection began: neither bytes nor timing tell a stranger what failed.
"""

from __future__ import annotations

from cellsync.core.crypto import channel
from cellsync.core.crypto.channel import Responder
from cellsync.core.errors import HandshakeFailed, PeerError
from cellsync.core.ids import CircleId
from cellsync.core.membership.epochs import SessionKey
from cellsync.core.session.connection import Connection
from cellsync.core.session.events import Called, Event
from cellsync.core.session.over import end
from cellsync.core.session.parting import Parting
from cellsync.core.session.state import Phase, State
from cellsync.core.session.talking import Talking


class Listening(Phase):
    """No opening has been verified yet."""

    state = State.LISTENING

    def __init__(self, connection: Connection, responder: Responder[tuple[CircleId, SessionKey]]) -> None:
        super().__init__(connection)
        self._responder = responder

    def receive(self, data: bytes) -> tuple[Phase, list[Event]]:
        connection, responder = self.connection, self._responder
        try:
            if not responder.receive(data):
                return self, []
            remote = responder.remote_static
            if remote is None:
                raise HandshakeFailed
            circle, key = responder.tag
        except PeerError:
            return Silent(connection), []
        connection.hinted = circle
        view = connection.views[circle]
        known = view.device_with(remote)
        if not view.accepts(key.epoch, remote):
            return Silent(connection), []
        connection.device, connection.remote = known, remote
        connection.key, connection.day = key, key.day
        return Answering(connection, responder), [Called(known, responder.ephemeral, key.day)]

    def late(self) -> tuple[Phase, list[Event]]:
        return end(self.connection, None)


class Answering(Phase):
    """An opening was verified; its ephemeral is being committed. Bytes that arrive before our reply are at fault."""

    state = State.CALLED

    def __init__(self, connection: Connection, responder: Responder[tuple[CircleId, SessionKey]]) -> None:
        super().__init__(connection)
        self._responder = responder

    def receive(self, data: bytes) -> tuple[Phase, list[Event]]:
        return Silent(self.connection), []

    def accept(self) -> Phase:
        connection = self.connection
        try:
            reply, connection.transport = self._responder.accept(connection.entropy[: channel.REPLY_ENTROPY])
        except PeerError:  # a key in the opening is invalid
            return Silent(connection)
        connection.send_raw(reply)
        apart = connection.agree(self._responder.remote_versions)
        return Talking(connection) if apart is None else Parting(connection, None)

    def late(self) -> tuple[Phase, list[Event]]:
        return end(self.connection, None)


class Silent(Phase):
    """A stranger, or a replay: its bytes are swallowed until it is time to hang up."""

    state = State.SILENT

    def receive(self, data: bytes) -> tuple[Phase, list[Event]]:
        return self, []

    def late(self) -> tuple[Phase, list[Event]]:
        return end(self.connection, None)
