"""A session: the handshake, then one exchange per shared circle. Bytes and time in; bytes, events, a deadline out.

    caller   Opening ──reply────────────────────────▶ Talking ──▶ Over
    callee   Listening ──opening──▶ Answering ──accept──▶ Talking ──▶ Over
                  └──stranger, replay──▶ Silent ──random deadline──▶ Over

    caller   Opening ──reply──▶ Parting ──the callee hangs up──▶ Over         builds without a common version
    callee   Answering ──accept──▶ Parting ──first frame──▶ Over

Each state is a class that defines what a session does in it (`state.Phase`), in `opening`, `listening`, `talking`,
`parting`, `over`. All of them share the `Connection`; `circles` has the circles that both sides speak of.

Rules (protocol/50-sync.md):
  1  A callee says nothing before it has verified an opening. To everyone else it says nothing at all: it swallows
     their bytes until a moment that was drawn when the connection began (`hang_up_at`), so neither bytes nor timing
     tell a stranger what failed.
  2  The ephemeral of an opening is committed before it is answered (`Called`, then `accept`): a replay gets nothing.
  3  Nothing is done for a caller before its first frame: only that proves its identity.
  4  A circle is spoken of only if the peer is active in it for us. The circle whose key opened the session is the
     one exception: a caller that we do not know yet may give us the entries that introduce it, and learns nothing.
  5  Builds without a common version of the protocol part: the caller sends one empty frame, which authenticates it,
     and nothing else. Both then know that the other is live, and whose program is older.
  6  The send queue is bounded; a peer that stops reading, stops acknowledging or falls silent is dropped.
  7  Both tell their clocks, to a device that they know and that has proved itself. The difference changes nothing in
     this session, whose day is that of its opening.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from cellsync.core.crypto import channel
from cellsync.core.crypto.channel import Initiator, Responder
from cellsync.core.errors import PeerError
from cellsync.core.ids import CircleId, DeviceId, Millis, SessionPublic, SessionSecret
from cellsync.core.membership.epochs import SessionKey
from cellsync.core.session.balance import Balance
from cellsync.core.session.building import Building
from cellsync.core.session.connection import Connection
from cellsync.core.session.events import Event
from cellsync.core.session.exchange import Exchange
from cellsync.core.session.listening import Listening, Silent
from cellsync.core.session.opening import Opening
from cellsync.core.session.over import end
from cellsync.core.session.state import Phase, State
from cellsync.core.session.view import CircleView
from cellsync.core.session.way import Way
from cellsync.core.versions import SPOKEN, Versions
from cellsync.core.wire import frontiers
from cellsync.core.wire.messages import Places
from cellsync.core.wire.places import Frontier, Gap, Head


def growth(grown: Frontier) -> list[bytes]:
    """Branches that have grown, in the form for `tell`: encoded once, however many peers there are."""
    return frontiers.encode_rows(grown, channel.MAX_PAYLOAD)


class Session:
    """One connection. Use `call` or `answer`; feed `receive` and `tick`; send what `outgoing` gives."""

    def __init__(self, phase: Phase) -> None:
        self._phase = phase
        self._connection: Final = phase.connection

    @classmethod
    def call(
        cls, circles: Sequence[CircleView], hinted: CircleId, peer: tuple[DeviceId, SessionPublic],
        secret: SessionSecret, carrier: bytes, entropy: bytes, now: float, *, clock: Millis,
        key: SessionKey | None = None, versions: Versions = SPOKEN,
    ) -> Session:  # fmt: skip
        """Call a device, under today's key of the circle `hinted`, or another `key` of it, if the clocks differ, say.

        `clock` is our clock at `now`.
        """
        connection = Connection(circles, entropy, now, clock, versions)
        connection.device, connection.remote = peer
        connection.hinted = hinted
        key = key or connection.views[hinted].session_keys()[0]
        connection.key, connection.day = key, key.day
        initiator = Initiator(
            channel.SESSION, key.key, entropy[: channel.OPENING_ENTROPY], channel.prologue(carrier),
            static=secret, remote_static=connection.remote, versions=versions,
        )  # fmt: skip
        return cls(Opening(connection, initiator))

    @classmethod
    def answer(
        cls, circles: Sequence[CircleView], secret: SessionSecret, carrier: bytes, entropy: bytes, now: float,
        hang_up: float, *, clock: Millis, versions: Versions = SPOKEN,
    ) -> Session:  # fmt: skip
        """Wait for an opening under any key that is accepted today; give up at `hang_up`, whatever arrives."""
        connection = Connection(circles, entropy, now, clock, versions, hang_up)
        candidates = [(key.key, (view.id, key)) for view in circles for key in view.session_keys()]
        responder = Responder(channel.SESSION, candidates, channel.prologue(carrier), static=secret, versions=versions)
        return cls(Listening(connection, responder))

    # --- whom we speak to ------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self._phase.state

    @property
    def closed(self) -> bool:
        return self.state is State.CLOSED

    @property
    def device(self) -> DeviceId | None:
        """The peer, if we know it."""
        return self._connection.device

    @property
    def remote(self) -> SessionPublic:
        """The peer's session key; empty until one has been shown."""
        return self._connection.remote

    @property
    def hinted(self) -> CircleId | None:
        """The circle whose key opened the session."""
        return self._connection.hinted

    @property
    def version(self) -> int | None:
        """Of the protocol, in use; known from the reply on."""
        return self._connection.version

    @property
    def remote_versions(self) -> Versions | None:
        """Known as soon as `version` is, even if there is none in common."""
        return self._connection.remote_versions

    @property
    def answered(self) -> int:
        """How many of our pings the peer has answered."""
        return self._connection.answered

    # --- time and bytes --------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When `tick` has something to do."""
        return self._phase.deadline

    def tick(self, now: float) -> list[Event]:
        self._connection.now = now
        return [] if self.closed or now < self.deadline else self._go(self._phase.late)

    def receive(self, data: bytes, now: float) -> list[Event]:
        """The events that these bytes cause. A peer's bytes never raise: they end the session with an `Ended`."""
        self._connection.now = now
        return self._go(lambda: self._phase.receive(data))

    def outgoing(self) -> bytes:
        """Take the bytes to send now."""
        return self._connection.take_outgoing()

    def accept(self) -> None:
        """Answer the opening; its ephemeral is committed. No effect if the session has ended meanwhile."""
        self._phase = self._phase.accept()

    def ignore(self) -> list[Event]:
        """Fall silent until it is time to hang up: a replay."""
        if not self.closed:
            self._phase = Silent(self._connection)
        return []

    def ping(self) -> int:
        """Ask the peer for a sign of life. It has answered once `answered` reaches the returned number.

        That never happens once the session is over: its link may still be processing what came before.
        """
        self._connection.pings += 1
        self._connection.wanted = self._connection.pings
        self._guard(self._phase.ping)
        return self._connection.pings

    # --- entries ---------------------------------------------------------------------------------------

    def committed(
        self,
        circle: CircleId,
        reached: Sequence[tuple[int, int] | None],
        refused: Collection[int],
        gaps: Collection[Gap] = (),
        *,
        news: bool = True,
    ) -> list[Event]:
        """A batch from `Received` is durable: by row, the branch and sequence up to which it is now held; the refused
        rows, the gaps among them, and whether it brought anything new. Reads the store."""
        return self._guard(lambda: self._phase.committed(circle, reached, refused, gaps, news))

    def pull(self, ripe: float = math.inf) -> list[Event]:
        """Queue what may be sent next: about one batch per call, and at most two per circle in flight.

        Entries that arrived after arrival `ripe` wait. Reads the stores; the rest of a session does not.
        """
        events: list[Event] = []
        for building in self.pulling(ripe, events):
            building.build()
        return events

    def pulling(self, ripe: float, events: list[Event], circle: CircleId | None = None) -> Iterator[Building]:
        """The same, but the caller builds each yielded batch before resuming; of one circle only, if it is given."""
        phase = self._phase
        for building in phase.pulling(ripe, events, circle):
            yield building
            if self._phase is not phase:  # the session ended meanwhile
                return

    @property
    def shared(self) -> list[CircleId]:
        """The circles that both sides speak of."""
        return [exchange.view.id for exchange in self._exchanges.values()]

    @property
    def offered(self) -> Collection[CircleId]:
        """The circles that we have offered, while both talk: those in which the peer was active when it began."""
        return self._phase.offered

    @property
    def restless(self) -> bool:
        """Whether more of the peer's claims are to be looked up: `pull` again, after other tasks had their turn."""
        return self._phase.restless

    def grew(self, circle: CircleId, numbers: Iterable[int], now: float) -> None:
        """These branches have grown here, from whatever source. Reads the store."""
        exchange = self._exchange_of(circle)
        if exchange is not None:
            exchange.grew(numbers, now)

    def tell(self, circle: CircleId, grown: Sequence[bytes], now: float) -> None:
        """Tell the peer that these branches have grown here, so it need not send what we have.

        `grown`: as `growth` encodes it.
        """
        self._connection.now = now
        self._phase.tell(circle, grown)

    def note(self, circle: CircleId, grown: Iterable[int], now: float) -> None:
        """These branches have grown here; the peer is told when either side asks."""
        exchange = self._exchange_of(circle)
        if exchange is not None:
            exchange.note(grown, now)

    def way(self, circle: CircleId) -> Way:
        """What this session has turned out to be for entries that come while it lasts."""
        exchange = self._exchange_of(circle)
        return Way.TRIED if exchange is None else exchange.way

    def watch(self, watched: bool) -> None:
        """Whether the peer is asked often what it holds."""
        self._connection.watched = watched

    def locate(self, circle: CircleId, places: Places) -> None:
        """Tell the peer where devices listen, once this circle is shared; before that, the newest call counts."""
        self._connection.places[circle] = places
        self._guard(lambda: self._phase.locate(circle))

    # --- what is known of the peer ---------------------------------------------------------------------

    def delivered(self, circle: CircleId) -> dict[int, int]:
        """Branch number -> sequence that the peer is known to hold."""
        exchange = self._exchange_of(circle)
        return {} if exchange is None else exchange.delivered

    def all_told(self, circle: CircleId) -> bool:
        """Whether the peer has told everything it held when the session began."""
        exchange = self._exchange_of(circle)
        return exchange is not None and exchange.is_live

    def confirmed(self, circle: CircleId, mark: Mapping[int, int]) -> bool:
        """Whether the peer is known to hold every branch up to the sequence in `mark`."""
        exchange = self._exchange_of(circle)
        return exchange is not None and exchange.confirmed(mark)

    def ahead(self, circle: CircleId) -> frozenset[Head]:
        """Heads that the peer has named and that are not known to be held here."""
        exchange = self._exchange_of(circle)
        return frozenset() if exchange is None else exchange.ahead

    def balance(self, circle: CircleId) -> Balance | None:
        """What each side holds that the other lacks; None while unknown."""
        exchange = self._exchange_of(circle)
        return None if exchange is None else exchange.balance

    # --- inside ----------------------------------------------------------------------------------------

    @property
    def _exchanges(self) -> Mapping[bytes, Exchange]:
        return self._phase.exchanges

    def _exchange_of(self, circle: CircleId) -> Exchange | None:
        return next((exchange for exchange in self._exchanges.values() if exchange.view.id == circle), None)

    def _go(self, act: Callable[[], tuple[Phase, list[Event]]]) -> list[Event]:
        """The events of `act`; the session continues in the phase it returns."""
        try:
            self._phase, events = act()
        except PeerError as error:
            self._phase, events = end(self._connection, error)
        return events

    def _guard(self, act: Callable[[], list[Event] | None]) -> list[Event]:
        """The events of `act`; a fault of the peer ends the session."""
        return self._go(lambda: (self._phase, act() or []))
