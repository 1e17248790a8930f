"""Builds without a common version part: the caller sends one empty frame, which authenticates it, and nothing else."""

from __future__ import annotations

from cellsync.core.errors import HandshakeFailed, NoCommonVersion
from cellsync.core.session.connection import Connection
from cellsync.core.session.events import Apart, Event
from cellsync.core.session.over import end
from cellsync.core.session.state import Phase, State


class Parting(Phase):
    state = State.PARTING

    def __init__(self, connection: Connection, proved: NoCommonVersion | None) -> None:
        """`proved`: the version mismatch, if the peer is authenticated. A caller is not, before its first frame."""
        super().__init__(connection)
        self._proved = proved

    def receive(self, data: bytes) -> tuple[Phase, list[Event]]:
        """The caller's first frame: it is live, and its claim of versions is its own. The content does not matter."""
        if self._proved is not None or not self.connection.secured().receive(data):
            return self, []  # a callee says nothing more, and hangs up
        theirs = self.connection.remote_versions
        if theirs is None:
            raise HandshakeFailed
        apart = self.connection.versions.apart(theirs)
        phase, ended = end(self.connection, apart)
        return phase, [*([] if apart is None else [Apart(apart)]), *ended]

    def late(self) -> tuple[Phase, list[Event]]:
        return end(self.connection, self._proved)
