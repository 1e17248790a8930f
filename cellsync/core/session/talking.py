"""Both talk: messages are received and answered, batches sent, and a peer that stops reading or answering dropped."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from cellsync.core import caps
from cellsync.core.ids import CircleId, Millis
from cellsync.core.membership import clocks
from cellsync.core.membership.clocks import Difference
from cellsync.core.rule import Rule
from cellsync.core.session.building import Building
from cellsync.core.session.circles import SharedCircles
from cellsync.core.session.connection import CALLEE, Connection
from cellsync.core.session.events import (
    Acknowledged,
    Answered,
    Entrusted,
    Event,
    Forewarned,
    HandedOver,
    Located,
    Measured,
    Opened,
    Received,
)
from cellsync.core.session.exchange import Exchange, Unexpected
from cellsync.core.session.over import end
from cellsync.core.session.silence import SILENCE_ENDS
from cellsync.core.session.state import Phase, State
from cellsync.core.session.view import Extent
from cellsync.core.session.way import ON_ITS_WAY
from cellsync.core.wire import messages
from cellsync.core.wire.batches import BatchPart
from cellsync.core.wire.detached import DetachedEntry
from cellsync.core.wire.frontiers import FrontierPart, Paths
from cellsync.core.wire.messages import Places
from cellsync.core.wire.places import Gap

# Seconds.
ACKNOWLEDGE_WITHIN: Final = 120.0
SESSION_LASTS: Final = 6 * 3600.0  # then a new one, under a new key
LOCATED_AT_ONCE: Final = 16  # messages of whereabouts, and one more for each LOCATED_EVERY seconds
LOCATED_EVERY: Final = 5.0


class Talking(Phase):
    """The handshake is over. A callee says nothing before the caller's first frame: only that proves the caller."""

    state = State.TALKING

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.circles: Final = SharedCircles(connection)
        self._proved = False
        self._pinged = False  # because of the silence, which has not ended yet
        self._told = False  # the peer's last message was a frontier
        self._named_at = -math.inf  # when the peer was last told of something new here
        self._short_at = math.inf  # when to ask the peer for what it has named, unless it has come by then
        self._difference: Difference | None = None
        self._located = 0.0  # whereabouts that the peer has sent, less those forgiven over time
        self._located_at = connection.started

    @property
    def exchanges(self) -> Mapping[bytes, Exchange]:
        return self.circles.exchanges

    @property
    def offered(self) -> Collection[CircleId]:
        return self.circles.own_tags.keys()

    def introduce_ourselves(self) -> None:
        """To a device that we know and that has proved itself: our circles, and our clock."""
        self.circles.offer()
        self._tell_clock()

    # --- time ------------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        if self._is_unproven:
            return self.connection.hang_up
        offer_again = min((exchange.again_at for exchange in self.exchanges.values()), default=math.inf)
        late = self._unacknowledged() + ACKNOWLEDGE_WITHIN
        return min(self._silence, self._short_at, late, offer_again, self._lasts_until)

    @property
    def _is_unproven(self) -> bool:
        """We have answered, and the caller has sent nothing since: perhaps a stranger that replays an opening."""
        return self.connection.role == CALLEE and not self._proved

    @property
    def _silence(self) -> float:
        """Until when the peer may stay silent."""
        connection = self.connection
        if self._pinged:
            return connection.heard + SILENCE_ENDS
        return connection.silence.ask_at(connection.heard, self._due_at, watched=connection.watched)

    @property
    def _due_at(self) -> float:
        """When the peer is to be told, unasked, what has come here."""
        return min((exchange.tell_by for exchange in self.exchanges.values()), default=math.inf)

    @property
    def _lasts_until(self) -> float:
        return self.connection.started + SESSION_LASTS

    def _unacknowledged(self) -> float:
        """Since when the peer owes us an acknowledgement."""
        return min(
            (exchange.waiting_since for exchange in self.exchanges.values() if exchange.in_flight), default=math.inf
        )

    def late(self) -> tuple[Phase, list[Event]]:
        now = self.connection.now
        if self._is_unproven or now >= self._lasts_until:
            return end(self.connection, None)
        if now >= self._unacknowledged() + ACKNOWLEDGE_WITHIN:
            raise Unexpected(Rule.ACK_LATE)
        if self.circles.renew:
            return end(self.connection, None)
        for exchange in self.exchanges.values():
            exchange.offer_again(now)
        if now >= self._short_at:
            self._short_at = math.inf
            if any(exchange.is_short for exchange in self.exchanges.values()):
                self.connection.pings += 1
                self._ping(asks=True)
        if now < self._silence:
            return self, []
        if self._pinged:
            return end(self.connection, None)
        self._pinged = True
        self._ping_in_silence()
        return self, []

    def ping(self) -> None:
        self._ping(asks=True)

    def _ping_in_silence(self) -> None:
        """Ask only whether the peer is alive, unless it is watched, or something is due to be told to it."""
        self.connection.pings += 1
        self.connection.silence.draw()
        self._ping(asks=self.connection.watched)

    def _ping(self, *, asks: bool) -> None:
        self._tell_before(asks)
        self.connection.send(messages.PING_BYTES)

    def _pong(self, *, asked: bool) -> None:
        self._tell_before(asked)
        self.connection.send(messages.PONG_BYTES)

    def _tell_before(self, asks: bool) -> None:
        """Send what goes before a PING or PONG: everything untold, for a question or its answer, or if it is due.

        Directly after a frontier, a PING or PONG is taken for one of these, even if the frontier was sent for another
        reason and long ago. Everything then has to be told as well, or the peer would send us what we hold.
        """
        if asks or self.connection.telling or self._due_at <= self.connection.now:
            self._tell_untold(all_of_it=asks)

    def _tell_untold(self, *, all_of_it: bool) -> None:
        """Tell what we hold and have not told; with `all_of_it`, even if there is nothing.

        Followed by a PING or PONG, it means that we lack everything else.
        """
        for view in self.connection.views.values():
            exchange = self.circles.quiet(view.id)
            if exchange is not None:
                self._name(exchange.tell_untold(all_of_it=all_of_it))

    def _ask(self, *, at_once: bool = False) -> None:
        """The peer has told everything it holds: serve it what it lacks."""
        for exchange in self.exchanges.values():
            exchange.ask(self.connection.now, at_once=at_once)

    # --- what the peer says ----------------------------------------------------------------------------

    def receive(self, data: bytes) -> tuple[Phase, list[Event]]:
        return self, self.hear(data)

    def hear(self, data: bytes) -> list[Event]:
        connection = self.connection
        events: list[Event] = []
        for payload in connection.secured().receive(data):
            connection.heard = connection.now
            self._pinged = False
            if not self._proved:
                self._proved = True
                if connection.role == CALLEE:
                    self.circles.offer()
                    if connection.device is not None:
                        self._tell_clock()
                        events.append(Opened(connection.device))
            events += self._hear(messages.decode(payload))
        return events

    def _hear(self, message: messages.AnyMessage) -> list[Event]:
        connection, circles = self.connection, self.circles
        told, self._told = self._told, isinstance(message, FrontierPart)
        match message:
            case BatchPart():
                exchange = circles.named(message.circle)
                batch = exchange.on_part(message)
                return [] if batch is None else [Received(exchange.view.id, batch)]
            case messages.Ack():
                exchange = circles.named(message.circle)
                exchange.on_ack(message.refused, connection.now)
                exchange.waiting_since = connection.now
                return [Acknowledged(exchange.view.id)]
            case messages.Digest():
                asked = circles.answering(message.circle)
                connection.send_all([] if asked is None else asked.on_digest(message.digest))
            case FrontierPart():
                asked = circles.answering(message.circle)
                connection.send_all([] if asked is None else asked.on_frontier(message))
                if message.frontier.heads and self._short_at == math.inf:
                    self._short_at = connection.now + connection.silence.lacking()
            case Paths():
                asked = circles.answering(message.circle)
                if asked is not None:
                    asked.on_paths(message.paths)
            case DetachedEntry(name, entry):
                circle = circles.forewarned(name, entry)
                return [] if entry is None else [Forewarned(circle, entry)]
            case messages.Offer():
                circles.hear_offer(message.tags)
            case messages.Whereabouts():
                exchange = circles.shared(message.circle)
                located = self._hear_whereabouts(exchange, message.places)
                return located if exchange.extent is Extent.ALL else []  # nobody else sends us anywhere
            case messages.WantedStates(name, epoch):
                asked = circles.answering(name)
                if asked is not None:
                    asked.handover.on_wanted(epoch)
            case messages.HandedStates():
                exchange = circles.shared(message.circle)
                states = exchange.handover.on_states(message)
                return [] if states is None else [Entrusted(exchange.view.id, message.epoch, states)]
            case messages.Ping():
                if told:
                    self._ask(at_once=connection.now <= self._named_at + ON_ITS_WAY)
                self._pong(asked=told)
            case messages.Clock(clock):
                return self._compare(clock)
            case messages.Pong() if connection.answered < connection.pings:
                connection.answered += 1  # in order
                if told:
                    self._ask(at_once=connection.answered <= connection.wanted)
                return [Answered()]
        return []

    def _hear_whereabouts(self, exchange: Exchange, places: Places) -> list[Event]:
        forgiven = (self.connection.now - self._located_at) / LOCATED_EVERY
        self._located = max(0.0, self._located - forgiven) + 1
        self._located_at = self.connection.now
        if self._located > LOCATED_AT_ONCE:
            raise Unexpected(Rule.WHEREABOUTS_OFTEN)
        return [Located(exchange.view.id, places)]

    # --- batches ---------------------------------------------------------------------------------------

    def committed(
        self,
        circle: CircleId,
        reached: Sequence[tuple[int, int] | None],
        refused: Collection[int],
        gaps: Collection[Gap],
        news: bool,
    ) -> list[Event]:
        exchange = self.circles.of(circle)
        if exchange is None:
            return []
        if not news:
            self._tell_untold(all_of_it=False)  # before the acknowledgement, so the peer learns that we already held it
        self.connection.send(exchange.committed(reached, refused, gaps, news=news))
        return [Acknowledged(circle), *(self._meet(circle) if self.connection.device is None else [])]

    def _meet(self, circle: CircleId) -> list[Event]:
        """The caller was unknown: perhaps the entries it gave us introduce it."""
        connection = self.connection
        connection.device = connection.views[circle].device_with(connection.remote)
        if connection.device is None:
            return []
        self.introduce_ourselves()
        self.circles.share_known()
        measured = [] if self._difference is None else [Measured(self._difference)]
        return [Opened(connection.device), *measured]

    def pulling(self, ripe: float, events: list[Event], circle: CircleId | None) -> Iterator[Building]:
        connection = self.connection
        if connection.outgoing:
            return
        self.circles.forewarn()
        for exchange in list(self.exchanges.values()):
            if circle is not None and exchange.view.id != circle:
                continue
            if not self.circles.is_served(exchange):
                continue  # rights are checked here, when something leaves, not when it was queued
            if exchange.greeted and exchange.extent is Extent.ALL:
                events += self._hand_over(exchange)
            answers = exchange.settle()
            if answers is not None:
                connection.send_all(answers)
                events.append(Acknowledged(exchange.view.id))
            if not exchange.in_flight:
                exchange.waiting_since = connection.now
            exchange.offer_again(connection.now)
            told = exchange.tell_equivocators()
            connection.send_all(told)
            building = None if told else exchange.due(ripe)
            if building is not None:
                yield building
                connection.send_all(exchange.send(building))
            if connection.unsent >= caps.BATCH:
                return

    def _hand_over(self, exchange: Exchange) -> list[Event]:
        """Ask for the epoch that is lacking here, and give the one that the peer lacks. Only today's states leave, and
        as everything else only to a device that is active now."""
        asking = exchange.handover.ask()
        if asking is not None:
            self.connection.send(asking)
        given = exchange.handover.give() if exchange.view.hands_out else None
        if given is None:
            return []
        self.connection.send(given[1])
        return [HandedOver(exchange.view.id, given[0])]

    @property
    def restless(self) -> bool:
        return any(exchange.restless and self.circles.is_served(exchange) for exchange in self.exchanges.values())

    # --- what we tell aside ----------------------------------------------------------------------------

    def tell(self, circle: CircleId, grown: Sequence[bytes]) -> None:
        exchange = self.circles.quiet(circle)
        if exchange is not None:
            self._name(exchange.tell(grown))

    def _name(self, frontier: list[bytes]) -> None:
        """Tell the peer what has grown here: if it asks for that now, nobody else has brought it."""
        if frontier:
            self._named_at = self.connection.now
            self.connection.send_all(frontier)

    def locate(self, circle: CircleId) -> None:
        self.circles.send_places(circle)

    def _tell_clock(self) -> None:
        self.connection.send(messages.encode_clock(self.connection.wall()))

    def _compare(self, clock: Millis) -> list[Event]:
        """Compare the peer's clock, read after we began to wait for it."""
        connection = self.connection
        if self._difference is not None:
            raise Unexpected(Rule.CLOCK_TWICE)
        self._difference = clocks.compare(clock, connection.wall(), connection.now - connection.asked)
        return [Measured(self._difference)] if connection.device is not None else []
