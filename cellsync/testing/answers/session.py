"""`session`: what a session makes of a message, after what both sides have said."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from cellsync.core.crypto.channel import ChannelKey, Transport
from cellsync.core.crypto.noise import CipherState
from cellsync.core.crypto.ratchet import Branches
from cellsync.core.errors import PeerError
from cellsync.core.history.chain import Chain
from cellsync.core.history.serving import PeerHoldings, Served
from cellsync.core.history.withholding import Withheld
from cellsync.core.ids import CircleId, Day, DeviceId, EntryId, EpochId, Millis, Psk, SessionPublic
from cellsync.core.membership.epochs import SessionKey, WantedEpoch
from cellsync.core.session.building import Building
from cellsync.core.session.connection import ENTROPY, HANDSHAKE_WITHIN, Connection
from cellsync.core.session.exchange import Exchange
from cellsync.core.session.talking import Talking
from cellsync.core.session.view import Extent
from cellsync.core.versions import SPOKEN
from cellsync.core.wire import batches, messages
from cellsync.core.wire.batches import Batch, BatchPart
from cellsync.core.wire.detached import Detached
from cellsync.core.wire.places import Frontier, Head, Line
from cellsync.testing.answers.question import Answer, BadQuestion, Given, ok

_PEER: Final = DeviceId(bytes(32))
_CALLS: Final = {"caller": True, "callee": False}
_NOTHING: Final = PeerHoldings({}, (), ())


class _Plain(Transport):
    """Frames are not what is asked about: a payload travels as it is."""

    def __init__(self, handshake_hash: bytes) -> None:
        super().__init__(CipherState(bytes(32)), CipherState(bytes(32)), handshake_hash)

    def encrypt_frame(self, payload: bytes) -> bytes:
        return payload

    def receive(self, data: Any) -> list[bytes]:
        return [bytes(data)]


class _AnyStates(WantedEpoch):
    """What an epoch commits to is not what is asked about."""

    def fits(self, states: Branches) -> bool:
        return True


class _Circle:
    """A circle of which nothing is held but a key, and whether the peer is active."""

    hands_out: Final = True
    counted: Final[Mapping[int, Head]] = {}
    equivocators: Final[Collection[DeviceId]] = ()
    hidden: Final[Collection[DeviceId]] = ()

    def __init__(self, circle: CircleId, psk: Psk, *, active: bool) -> None:
        self.id: Final = circle
        self.active = active
        self.key: Final = SessionKey(ChannelKey(psk), EpochId(bytes(32)), Day(0))

    def session_keys(self) -> list[SessionKey]:
        return [self.key]

    def keys_on(self, day: Day) -> list[SessionKey]:
        return [self.key]

    def device_with(self, key: SessionPublic) -> DeviceId | None:
        return _PEER if self.active else None

    def offer_key(self, day: Day, peer: SessionPublic) -> SessionKey:
        return self.key

    def accepts(self, epoch: EpochId, caller: SessionPublic) -> bool:
        return True

    def wanted_epoch(self) -> WantedEpoch | None:
        return None

    def handed_over(self, epoch: EpochId) -> Branches | None:
        return None

    def extent(self, key: SessionPublic) -> Extent:
        return Extent.ALL

    def last_told(self, key: SessionPublic) -> int:
        return 0

    def own_chains(self, key: SessionPublic) -> Collection[Chain]:
        return ()

    def to_tell(self, key: SessionPublic) -> Sequence[tuple[EntryId, Detached]]:
        return ()

    def digest(self) -> bytes:
        return bytes(32)

    def frontier(self) -> Frontier:
        return Frontier(frozenset())

    def agreed(self) -> list[tuple[int, int]]:
        return []

    def introduces(self, device: DeviceId) -> bool:
        return False

    def holds_of(self, device: DeviceId, known: Mapping[int, int]) -> bool:
        return False

    def branches(self, line: Line) -> list[Chain]:
        return []

    def branch(self, number: int) -> Chain:
        raise KeyError(number)

    def find(self, line: Line, sequence: int, entry: EntryId) -> int | None:
        return None

    def entry_id(self, branch: int, sequence: int) -> EntryId | None:
        return None

    def last_arrival(self) -> int:
        return 0

    def own_admission(self) -> int:
        return 0

    def cursor_for(self, peer: PeerHoldings) -> int:
        return 0

    def lacking(self, peer: PeerHoldings) -> int:
        return 0

    def serve(self, cursor: int, peer: PeerHoldings, until: int, withheld: Withheld = Withheld.NOTHING) -> Served:
        return Served(None, 0, {}, [])


class _Conversation:
    """A session that says what the question gives, and hears the rest."""

    def __init__(self, given: Given) -> None:
        self._circles: Final = [
            _Circle(CircleId(each.raw("circle", 32)), Psk(each.raw("psk", 32)), active=each.truth("active"))
            for each in given.each("circles")
        ]
        self._calls: Final = given.one_of("role", _CALLS)
        hang_up = None if self._calls else 2 * HANDSHAKE_WITHIN
        self._connection: Final = Connection(self._circles, bytes(ENTROPY), 0.0, Millis(0), SPOKEN, hang_up)
        self._connection.transport = _Plain(given.raw("hash", 64))
        self._connection.hinted = hinted = CircleId(given.raw("hinted", 32))
        if hinted not in self._connection.views:
            raise BadQuestion("hinted is none of the circles")
        self._talking: Final = Talking(self._connection)
        self._sent: dict[bytes, Batch] = {}  # of ours, by circle, until its last part
        self._offered = False

    def replay(self, said: list[tuple[bool, bytes]]) -> None:
        """What was said, each with whether it is ours. Raises PeerError."""
        known = {circle.id: circle.active for circle in self._circles}
        offered = next((tags for ours, payload in said if ours for tags in _tags(payload)), None)
        hinted = self._connection.hinted
        for circle in self._circles:  # whom we hold to be active when we offer, which a callee does by itself
            tag = self._talking.circles.tag(circle.key, b"caller" if self._calls else b"callee", circle.id)
            circle.active = offered is not None and tag in offered
            if circle.id == hinted and (known[circle.id] if offered is None else circle.active):
                self._connection.device = _PEER
        for ours, payload in said:
            if ours:
                self._say(messages.decode(payload))
            else:
                self.hear(payload)
        for circle in self._circles if offered is not None else ():
            circle.active = known[circle.id]

    def hear(self, payload: bytes) -> None:
        """Raises PeerError."""
        self._talking.hear(payload)
        self._connection.take_outgoing()

    def names(self) -> list[tuple[bytes, CircleId]]:
        return sorted((name, exchange.view.id) for name, exchange in self._talking.exchanges.items())

    def _say(self, message: messages.AnyMessage) -> None:
        """What we say changes what the peer may say next: offers, batches, acknowledgements."""
        circles = self._talking.circles
        match message:
            case messages.Offer(tags) if self._calls or self._offered:
                for circle in self._circles:
                    tag = circles.tag(circle.key, self._connection.role, circle.id)
                    circle.active = tag in tags
                circles.offer()
                circles.share_known()
            case messages.Offer():
                self._offered = True  # it went out with the caller's first frame
            case BatchPart():
                batch = self._sent.setdefault(message.circle, Batch())
                batches.extend(batch, message)
                if message.last:
                    self._send(circles.named(message.circle), self._sent.pop(message.circle))
            case messages.WantedStates(name, epoch):
                circles.shared(name).handover.expect(_AnyStates(epoch, b"", Day(0), Day(1 << 32)))
            case messages.Ack(name, refused):
                circles.named(name).committed([], refused, (), news=False)

    def _send(self, exchange: Exchange, batch: Batch) -> None:
        building = Building(exchange.view, exchange.name, exchange.frame, 0, 0, _NOTHING, exchange.released)
        building.served = Served(batch, 0, {}, list(range(len(batch.chains))))
        exchange.send(building)


def _tags(payload: bytes) -> Iterator[list[bytes]]:
    match messages.decode(payload):
        case messages.Offer(tags):
            yield tags


def answer(given: Given) -> Answer:
    talk = _Conversation(given)
    try:
        talk.replay([said for row in given.values("said") for said in _said(row)])
    except PeerError:
        raise BadQuestion("what was said is at fault") from None
    talk.hear(given.raw("message"))
    return ok(names=talk.names())


def _said(row: Any) -> list[tuple[bool, bytes]]:
    if type(row) is not list or len(row) != 3:
        raise BadQuestion("what was said has another form")
    one = Given(dict(zip(("who", "payload", "times"), row, strict=True)))
    ours: bool = one.one_of("who", {"ours": True, "theirs": False})
    return [(ours, one.raw("payload"))] * one.number("times")
