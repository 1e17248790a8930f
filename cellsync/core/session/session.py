"""A session: the handshake, then one exchange per shared circle. Bytes and time in; bytes, events, a deadline out.

    caller   Opening ──reply──────────────────────▶ Talking ──▶ Closed
    callee   Listening ──opening──▶ Called ──accept──▶ Talking ──▶ Closed
                  └──stranger, replay──▶ Silent ──random deadline──▶ Closed

    caller   Opening ──reply──▶ Parting ──the callee hangs up──▶ Closed         builds without a common version
    callee   Called ──accept──▶ Parting ──first frame──▶ Closed

Rules (protocol/50-sync.md):
  1  A callee says nothing before it has verified an opening. To everyone else it says nothing at all: it swallows
     what comes until a moment that was drawn when the connection began (`hang_up_at`), so that neither bytes nor time
     tell a stranger what failed.
  2  The ephemeral of an opening is committed before it is answered (`Called`, then `accept`): a replay gets nothing.
  3  Nothing is done for a caller before its first frame: only that proves that it is whom it claims to be.
  4  A circle is spoken of only if the peer is active in it for us. The circle whose key opened the session is the
     one exception: a caller that we do not know yet may give us the entries that introduce it, and learns nothing.
  5  Builds that have no version of the protocol in common part: the caller sends one empty frame, which proves it, and
     nothing else is said. Both then know that the other lives, and whose program is older.
  6  What waits to be sent is bounded; a peer that stops reading, stops acknowledging or falls silent is left.
  7  Both say what their clocks show, to a device that they know and that has proved itself. The difference changes
     nothing in this session, whose day is that of its opening.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from cellsync.core import caps
from cellsync.core.crypto import channel, labels, primitives
from cellsync.core.crypto.channel import Initiator, Responder, Transport
from cellsync.core.errors import CapExceeded, HandshakeFailed, NoCommonVersion, PeerError
from cellsync.core.ids import CircleId, Day, DeviceId, Millis, SessionPublic, SessionSecret
from cellsync.core.membership import clocks
from cellsync.core.membership.clocks import Difference
from cellsync.core.membership.epochs import SessionKey
from cellsync.core.session.exchange import Balance, Building, CircleView, Exchange, Unexpected
from cellsync.core.versions import SPOKEN, Versions
from cellsync.core.wire import messages
from cellsync.core.wire.messages import NAME_BYTES, OFFERS, TAG_BYTES, Batch, Places
from cellsync.core.wire.places import Frontier, Gap, Head

# Seconds. A slow laptop needs one for a handshake; a bad link loses a few packets in twenty.
HANDSHAKE_WITHIN: Final = 20.0
PING_AFTER: Final = 20.0
SILENCE_ENDS: Final = 60.0
ACKNOWLEDGE_WITHIN: Final = 120.0
SESSION_LASTS: Final = 6 * 3600.0  # then a new one, under a new key
LOCATED_AT_ONCE: Final = 16  # messages of whereabouts, and one more for each LOCATED_EVERY seconds
LOCATED_EVERY: Final = 5.0
UNSENT: Final = 4 << 20  # bytes that may wait for a peer that does not read
ENTROPY: Final = 128 + OFFERS * TAG_BYTES
HANG_UP_ENTROPY: Final = 4

_CALLER: Final = b"caller"
_CALLEE: Final = b"callee"


def hang_up_at(entropy: bytes, began: float) -> float:
    """When to leave a connection that proves to be a stranger's. Draw it when the connection begins, and once."""
    return began + HANDSHAKE_WITHIN * (1 + int.from_bytes(entropy[:HANG_UP_ENTROPY], "big") / (1 << 32))


class State(Enum):
    OPENING = auto()
    LISTENING = auto()
    CALLED = auto()
    SILENT = auto()
    TALKING = auto()
    PARTING = auto()
    CLOSED = auto()


class Called(NamedTuple):
    """A member calls. Commit the ephemeral, then `accept`; if it was seen before, `ignore`."""

    device: DeviceId | None  # None: nobody whom we know, but the holder of a current key
    ephemeral: bytes
    day: Day


class Opened(NamedTuple):
    """Both sides have proved who they are."""

    device: DeviceId


class Apart(NamedTuple):
    """Both sides have proved who they are, and their builds have no version in common. Nothing follows but the end."""

    error: NoCommonVersion


class Received(NamedTuple):
    """A batch to plan and commit; then call `committed`."""

    circle: CircleId
    batch: Batch


class Acknowledged(NamedTuple):
    """The peer now holds what `delivered` says; `balance` has changed."""

    circle: CircleId


class Measured(NamedTuple):
    """The peer has said what its clock shows."""

    difference: Difference


class Answered(NamedTuple):
    """The peer has answered one more ping: so many now as `answered` says."""


class Located(NamedTuple):
    """The peer says where it, and other devices of this circle, listen. A claim: what it is worth is for the node."""

    circle: CircleId
    places: Places


class Ended(NamedTuple):
    """The session is over; close the connection. `error` is None if nobody is at fault."""

    error: PeerError | None


Event = Called | Opened | Apart | Received | Acknowledged | Measured | Answered | Located | Ended


def growth(grown: Frontier) -> list[bytes]:
    """Branches that have grown, as every session may be told: encoded once, however many peers there are."""
    return messages.encode_rows(grown, channel.MAX_PAYLOAD)


class Session:
    """One connection. Use `call` or `answer`; feed `receive` and `tick`; send what `outgoing` gives."""

    def __init__(
        self, circles: Sequence[CircleView], entropy: bytes, now: float, clock: Millis, versions: Versions
    ) -> None:
        if len(entropy) != ENTROPY:
            raise ValueError(f"a session takes {ENTROPY} random bytes")
        self._views = {view.id: view for view in circles}
        self._entropy = entropy
        self._now = now
        self._started = now
        self._clock = clock  # what ours showed then
        self._asked = now  # from when on the peer may have read its own
        self._difference: Difference | None = None
        self._day = Day(0)  # of the key that opened this session
        self._heard = now
        self._pinged = False  # because of the silence, and it has not ended yet
        self._pings = 0
        self.answered = 0  # of these pings
        self._outgoing: list[bytes] = []
        self._unsent = 0
        self._transport: Transport | None = None
        self._initiator: Initiator | None = None
        self._responder: Responder[tuple[CircleId, SessionKey]] | None = None
        self._role = _CALLER
        self.hinted: CircleId | None = None
        self.remote = SessionPublic(b"")
        self._hang_up = now
        self._exchanges: dict[bytes, Exchange] = {}
        self._own_tags: dict[CircleId, bytes] = {}
        self._peer_tags: dict[CircleId, bytes] = {}
        self._places: dict[CircleId, Places] = {}  # to be told as soon as the circle is shared
        self._located = 0.0  # messages of whereabouts that the peer has sent, less those that time has forgiven
        self._located_at = now
        self._proved = False
        self.device: DeviceId | None = None
        self.version: int | None = None  # of the protocol, in use; known from the reply on
        self.remote_versions: Versions | None = None  # as soon as `version` is known, also if there is none in common
        self._versions = versions
        self._apart: NoCommonVersion | None = None
        self.state = State.LISTENING

    @classmethod
    def call(
        cls, circles: Sequence[CircleView], hinted: CircleId, peer: tuple[DeviceId, SessionPublic],
        secret: SessionSecret, carrier: bytes, entropy: bytes, now: float, *, clock: Millis,
        key: SessionKey | None = None, versions: Versions = SPOKEN,
    ) -> Session:  # fmt: skip
        """Call a device, under today's key of the circle `hinted`, or another `key` of it: the clocks differ, say.

        `clock` is what ours shows `now`.
        """
        session = cls(circles, entropy, now, clock, versions)
        session.device, session.remote = peer
        session.hinted = hinted
        session._role = _CALLER
        key = key or session._views[hinted].session_keys()[0]
        session._day = key.day
        session._initiator = Initiator(
            channel.SESSION, key.key, entropy[: channel.OPENING_ENTROPY], channel.prologue(carrier),
            static=secret, remote_static=session.remote, versions=versions,
        )  # fmt: skip
        session._send_raw(session._initiator.opening)
        session.state = State.OPENING
        return session

    @classmethod
    def answer(
        cls, circles: Sequence[CircleView], secret: SessionSecret, carrier: bytes, entropy: bytes, now: float,
        hang_up: float, *, clock: Millis, versions: Versions = SPOKEN,
    ) -> Session:  # fmt: skip
        """Wait for an opening under any key that is accepted today; give up, whatever arrives, at `hang_up`."""
        session = cls(circles, entropy, now, clock, versions)
        session._role = _CALLEE
        session._hang_up = hang_up
        candidates = [(key.key, (view.id, key)) for view in circles for key in view.session_keys()]
        session._responder = Responder(
            channel.SESSION, candidates, channel.prologue(carrier), static=secret, versions=versions
        )
        return session

    @property
    def closed(self) -> bool:
        return self.state is State.CLOSED

    # --- time ----------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When `tick` has something to do."""
        if self.state is State.TALKING and not self._is_unproven:
            again = min((one.again_at for one in self._exchanges.values()), default=math.inf)
            late = self._unacknowledged() + ACKNOWLEDGE_WITHIN
            return min(self._silence, late, again, self._started + SESSION_LASTS)
        return self._started + HANDSHAKE_WITHIN if self._role == _CALLER else self._hang_up

    @property
    def _silence(self) -> float:
        """Until when the peer may be silent as it is."""
        return self._heard + (SILENCE_ENDS if self._pinged else PING_AFTER)

    @property
    def _is_unproven(self) -> bool:
        """We have answered, and the caller has said nothing since: perhaps a stranger that repeats an opening."""
        return self._role == _CALLEE and not self._proved

    def tick(self, now: float) -> list[Event]:
        self._now = now
        if now < self.deadline or self.state is State.CLOSED:
            return []
        if self.state is State.TALKING and not self._is_unproven and now < self._started + SESSION_LASTS:
            if now >= self._unacknowledged() + ACKNOWLEDGE_WITHIN:
                return self._end(Unexpected("a batch was not acknowledged in time"))
            for exchange in self._exchanges.values():
                exchange.offer_again(now)
            if now < self._silence:
                return []
            if not self._pinged:
                self._pinged = True
                return self._guard(self._send_ping)
        return self._end(self._apart)

    def ping(self) -> int:
        """Ask the peer for a sign of life. It has given it when `answered` has reached what this returns.

        That is never once the session is over: its link may still be taking in what came before.
        """
        self._guard(self._send_ping)
        return self._pings

    def _send_ping(self) -> None:
        self._pings += 1
        if self.state is State.TALKING:
            self._send(messages.PING_BYTES)

    # --- bytes ---------------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> list[Event]:
        """What these bytes mean. A peer's bytes never raise: they end the session with an `Ended`."""
        self._now = now
        if self.state is State.TALKING:
            return self._guard(lambda: self._talk(data))
        if self.state is State.OPENING:
            return self._guard(lambda: self._open(data))
        if self.state in (State.LISTENING, State.CALLED):
            return self._guard(lambda: self._listen(data))
        if self.state is State.PARTING and self._role == _CALLEE:
            return self._guard(lambda: self._part(data))
        return []

    def _guard(self, act: Callable[[], list[Event] | None]) -> list[Event]:
        """What `act` gives; a fault of the peer ends the session."""
        try:
            return act() or []
        except PeerError as error:
            return self._end(error)

    def outgoing(self) -> bytes:
        """The bytes to send now; they are not kept."""
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        self._unsent = 0
        return data

    def _send_raw(self, data: bytes) -> None:
        self._outgoing.append(data)
        self._unsent += len(data)
        if self._unsent > UNSENT:
            raise CapExceeded("unsent bytes")

    def _send(self, message: bytes) -> None:
        if self._transport is not None:
            self._send_raw(self._transport.encrypt_frame(message))

    # --- the handshake ---------------------------------------------------------------------------------

    def _open(self, data: bytes) -> list[Event]:
        if self._initiator is None or self.device is None:
            raise HandshakeFailed
        opened = self._initiator.receive(data)
        if opened is None:
            return []
        self._transport, surplus = opened
        self._heard = self._asked = self._now
        apart = self._agree(self._initiator.remote_versions)
        if apart is not None:
            self._send(b"")
            self._apart = apart
            return [Apart(apart)]
        self._send_offer()
        self._tell_clock()
        return [Opened(self.device), *self._talk(surplus)]

    def _listen(self, data: bytes) -> list[Event]:
        if self._responder is None:
            raise HandshakeFailed
        try:
            if self.state is State.CALLED or not self._responder.receive(data):
                if self.state is State.CALLED:
                    raise HandshakeFailed
                return []
            remote = self._responder.remote_static
            if remote is None:
                raise HandshakeFailed
            circle, key = self._responder.tag
        except PeerError:
            return self.ignore()
        self.hinted = circle
        known = self._views[circle].device_with(remote)
        if known is None and key.epoch != self._views[circle].session_keys()[0].epoch:
            return self.ignore()  # whoever we do not know must at least hold the newest epoch
        self.device = known
        self.remote = remote
        self._day = key.day
        self.state = State.CALLED
        return [Called(known, self._responder.ephemeral, key.day)]

    def accept(self) -> None:
        """Answer the opening; its ephemeral is committed. Nothing happens if the session ended meanwhile."""
        if self._responder is None or self.state is not State.CALLED:
            return
        try:
            reply, self._transport = self._responder.accept(self._entropy[: channel.REPLY_ENTROPY])
        except PeerError:  # a key in the opening is no key
            self.ignore()
            return
        self._send_raw(reply)
        self._heard = self._asked = self._now
        self._agree(self._responder.remote_versions)

    def _agree(self, theirs: Versions | None) -> NoCommonVersion | None:
        """Both payloads are read: talk in the version in use, or part."""
        if theirs is None:
            raise HandshakeFailed
        self.remote_versions = theirs
        self.version = self._versions.common(theirs)
        self.state = State.PARTING if self.version is None else State.TALKING
        return self._versions.apart(theirs)

    def _part(self, data: bytes) -> list[Event]:
        """The caller's first frame: it lives, and its claim of versions is its own. What it says does not matter."""
        if self._transport is None or self.remote_versions is None:
            raise HandshakeFailed
        if not self._transport.receive(data):
            return []
        self._apart = self._versions.apart(self.remote_versions)
        events: list[Event] = [] if self._apart is None else [Apart(self._apart)]
        return events + self._end(self._apart)

    def ignore(self) -> list[Event]:
        """Fall silent until it is time to hang up: a stranger, or a replay."""
        self._responder = None
        if self.state is not State.CLOSED:
            self.state = State.SILENT
        return []

    # --- talking ---------------------------------------------------------------------------------------

    def _talk(self, data: bytes) -> list[Event]:
        if self._transport is None:
            raise HandshakeFailed
        events: list[Event] = []
        for payload in self._transport.receive(data):
            self._heard = self._now
            self._pinged = False
            if not self._proved:
                self._proved = True
                if self._role == _CALLEE:
                    self._send_offer()
                    if self.device is not None:
                        self._tell_clock()
                        events.append(Opened(self.device))
            events += self._hear(messages.decode(payload))
        return events

    def _hear(self, message: messages.AnyMessage) -> list[Event]:
        match message:
            case messages.BatchPart():
                exchange = self._exchange(message.circle)
                batch = exchange.on_part(message)
                return [] if batch is None else [Received(exchange.view.id, batch)]
            case messages.Ack():
                exchange = self._exchange(message.circle)
                exchange.on_ack(message.refused, self._now)
                exchange.waiting_since = self._now
                return [Acknowledged(exchange.view.id)]
            case messages.Digest():
                exchange = self._shared(message.circle)
                self._send_all(exchange.on_digest(message.digest))
            case messages.FrontierPart():
                exchange = self._shared(message.circle)
                self._send_all(exchange.on_frontier(message))
            case messages.Paths():
                self._shared(message.circle).on_paths(message.paths)
            case messages.Offer():
                self._hear_offer(message.tags)
            case messages.Whereabouts():
                return self._hear_whereabouts(self._shared(message.circle), message.places)
            case messages.Ping():
                self._send(messages.PONG_BYTES)
            case messages.Clock(clock):
                return self._compare(clock)
            case messages.Pong() if self.answered < self._pings:
                self.answered += 1  # in order
                return [Answered()]
        return []

    def committed(
        self,
        circle: CircleId,
        reached: Sequence[tuple[int, int] | None],
        refused: Collection[int],
        gaps: Collection[Gap] = (),
    ) -> list[Event]:
        """A batch from `Received` is durable: by row, the branch and sequence up to which it is held now; and the rows
        that were refused, and which gaps are among them. Reads the store."""
        return self._guard(lambda: self._acknowledge(circle, reached, refused, gaps))

    def _acknowledge(
        self,
        circle: CircleId,
        reached: Sequence[tuple[int, int] | None],
        refused: Collection[int],
        gaps: Collection[Gap],
    ) -> list[Event]:
        exchange = self._exchange_of(circle)
        if exchange is None:  # the session ended meanwhile
            return []
        self._send(exchange.committed(reached, refused, gaps))
        return [Acknowledged(circle), *(self._meet(circle) if self.device is None else [])]

    def pull(self, ripe: float = math.inf) -> list[Event]:
        """Take up what may be sent next: about a batch at once, and at most two per circle in flight.

        Entries that arrived after arrival `ripe` wait. Reads the stores; the rest of a session does not.
        """
        events: list[Event] = []
        for building in self.pulling(ripe, events):
            building.build()
        return events

    def pulling(self, ripe: float, events: list[Event]) -> Iterator[Building]:
        """The same, where each batch is built by the caller before it goes on."""
        if self.state is not State.TALKING or self._outgoing:
            return
        for exchange in list(self._exchanges.values()):
            if not self._is_active(exchange.view):
                continue  # rights are checked here, when something leaves, not when it was queued
            answers = exchange.settle()
            if answers is not None:
                self._send_all(answers)
                events.append(Acknowledged(exchange.view.id))
            if not exchange.in_flight:
                exchange.waiting_since = self._now
            exchange.offer_again(self._now)
            told = exchange.tell_equivocators()
            self._send_all(told)
            building = None if told else exchange.due(ripe)
            if building is not None:
                yield building
                if self._exchange_of(building.circle) is not exchange:  # the session ended meanwhile
                    return
                self._send_all(exchange.send(building))
            if self._unsent >= caps.BATCH:
                return

    @property
    def restless(self) -> bool:
        """Whether more of what the peer has said is to be looked up: `pull` again, after others had their turn."""
        return self.state is State.TALKING and any(
            one.restless and self._is_active(one.view) for one in self._exchanges.values()
        )

    def grew(self, circle: CircleId, numbers: Iterable[int]) -> None:
        """These branches have grown here, whoever brought it. Reads the store."""
        exchange = self._exchange_of(circle)
        if exchange is not None:
            exchange.grew(numbers)

    def tell(self, circle: CircleId, grown: Sequence[bytes]) -> None:
        """Tell the peer that these branches have grown here, so that it need not send what we have.

        `grown`: as `growth` encodes it.
        """
        exchange = self._exchange_of(circle)
        quiet = self.state is State.TALKING and self._unsent < caps.BATCH
        if exchange is not None and quiet and self._is_active(exchange.view):
            self._send_all(exchange.tell(grown))

    def locate(self, circle: CircleId, places: Places) -> None:
        """Tell the peer where devices listen, once this circle is shared; before that, the newest call counts."""
        self._places[circle] = places
        self._guard(lambda: self._send_places(circle))

    def _send_places(self, circle: CircleId) -> None:
        exchange = self._exchange_of(circle)
        quiet = self.state is State.TALKING and self._unsent < caps.BATCH
        if exchange is not None and exchange.greeted and quiet and self._is_active(exchange.view):
            places = self._places.pop(circle, None)
            if places:
                self._send(messages.encode_whereabouts(exchange.name, places))

    def _hear_whereabouts(self, exchange: Exchange, places: Places) -> list[Event]:
        forgiven = (self._now - self._located_at) / LOCATED_EVERY
        self._located = max(0.0, self._located - forgiven) + 1
        self._located_at = self._now
        if self._located > LOCATED_AT_ONCE:
            raise Unexpected("whereabouts too often")
        return [Located(exchange.view.id, places)]

    def delivered(self, circle: CircleId) -> dict[int, int]:
        """Branch number -> sequence that the peer is known to hold."""
        exchange = self._exchange_of(circle)
        return {} if exchange is None else exchange.delivered

    def confirmed(self, circle: CircleId, mark: Mapping[int, int]) -> bool:
        """Whether the peer is known to hold every branch up to the sequence in `mark`."""
        exchange = self._exchange_of(circle)
        return exchange is not None and exchange.confirmed(mark)

    def ahead(self, circle: CircleId) -> frozenset[Head]:
        """What the peer has named and is not held here."""
        exchange = self._exchange_of(circle)
        return frozenset() if exchange is None else exchange.ahead

    def balance(self, circle: CircleId) -> Balance | None:
        """What each side holds that the other lacks; None as long as that is not known."""
        exchange = self._exchange_of(circle)
        return None if exchange is None else exchange.balance

    def _send_all(self, parts: list[bytes]) -> None:
        for part in parts:
            self._send(part)

    def _unacknowledged(self) -> float:
        """Since when the peer owes us an acknowledgement."""
        return min((one.waiting_since for one in self._exchanges.values() if one.in_flight), default=math.inf)

    # --- whose clock shows what --------------------------------------------------------------------------

    def _wall(self) -> Millis:
        return Millis(self._clock + round((self._now - self._started) * 1000))

    def _tell_clock(self) -> None:
        self._send(messages.encode_clock(self._wall()))

    def _compare(self, clock: Millis) -> list[Event]:
        """The peer's clock, read since it was our turn to wait for it."""
        if self._difference is not None:
            raise Unexpected("a clock, told twice")
        self._difference = clocks.compare(clock, self._wall(), self._now - self._asked)
        return [Measured(self._difference)] if self.device is not None else []

    # --- which circles we share ------------------------------------------------------------------------

    def _send_offer(self) -> None:
        """32 tags: those of the circles in which the peer is active for us, hidden among random ones.

        Of the opening's day: whatever the clocks show, both sides know that one.
        """
        for view in self._views.values():
            if self._is_active(view):
                key = next(iter(view.keys_on(self._day)), None) or view.session_keys()[0]
                self._own_tags[view.id] = self._tag(key, self._role, view.id)
        tags = list(self._own_tags.values())
        fill = self._entropy[128:]
        tags += [fill[at : at + TAG_BYTES] for at in range(0, (OFFERS - len(tags)) * TAG_BYTES, TAG_BYTES)]
        self._send(messages.encode_offer(tags))

    def _hear_offer(self, tags: list[bytes]) -> None:
        other = _CALLEE if self._role == _CALLER else _CALLER
        for view in self._views.values():
            for key in dict.fromkeys([*view.keys_on(self._day), *view.session_keys()]):
                tag = self._tag(key, other, view.id)
                if tag in tags:
                    self._peer_tags.setdefault(view.id, tag)  # one name per circle, also if the peer offers several
        for circle, tag in self._own_tags.items():
            if circle in self._peer_tags:
                self._share(circle, tag if self._role == _CALLER else self._peer_tags[circle])
        hinted = self.hinted
        if hinted is None or self._exchange_of(hinted) is not None:
            return
        if self._role == _CALLER and hinted in self._own_tags:
            # The callee holds this circle's key, yet does not speak of it: it has not heard of our admission.
            exchange = self._add_exchange(hinted, self._own_tags[hinted])
            exchange.introduce()
        elif self._role == _CALLEE and self.device is None and hinted in self._peer_tags:
            self._add_exchange(hinted, self._peer_tags[hinted])

    def _share(self, circle: CircleId, caller_tag: bytes) -> None:
        exchange = self._exchanges.get(caller_tag[:NAME_BYTES]) or self._add_exchange(circle, caller_tag)
        if not exchange.greeted:
            exchange.greeted = True
            self._send(exchange.greet())
            self._send_places(circle)

    def _add_exchange(self, circle: CircleId, caller_tag: bytes) -> Exchange:
        name = caller_tag[:NAME_BYTES]
        exchange = self._exchanges[name] = Exchange(self._views[circle], name, channel.MAX_PAYLOAD)
        return exchange

    def _meet(self, circle: CircleId) -> list[Event]:
        """The caller was unknown: perhaps what it gave us introduces it."""
        self.device = self._views[circle].device_with(self.remote)
        if self.device is None:
            return []
        self._send_offer()
        self._tell_clock()
        for known, tag in self._peer_tags.items():
            if known in self._own_tags:
                self._share(known, tag)
        measured = [] if self._difference is None else [Measured(self._difference)]
        return [Opened(self.device), *measured]

    def _tag(self, key: SessionKey, role: bytes, circle: CircleId) -> bytes:
        if self._transport is None:
            raise HandshakeFailed
        data = role + self._transport.handshake_hash + circle
        return primitives.blake2b(labels.OFFER, data, key=key.key.psk.reveal(), size=TAG_BYTES)

    def _is_active(self, view: CircleView) -> bool:
        """Whether the peer is active in a circle for us."""
        return view.device_with(self.remote) is not None

    def _exchange_of(self, circle: CircleId) -> Exchange | None:
        return next((one for one in self._exchanges.values() if one.view.id == circle), None)

    def _shared(self, name: bytes) -> Exchange:
        """An exchange in which we may say what we hold: the peer is active in it for us."""
        exchange = self._exchange(name)
        if not self._is_active(exchange.view):
            raise Unexpected("a question about a circle in which the peer is not active")
        return exchange

    def _exchange(self, name: bytes) -> Exchange:
        exchange = self._exchanges.get(name)
        if exchange is None:
            raise Unexpected("a circle that we do not share")
        return exchange

    def _end(self, error: PeerError | None) -> list[Event]:
        self.state = State.CLOSED
        self._exchanges.clear()
        self._outgoing.clear()
        return [Ended(error)]
