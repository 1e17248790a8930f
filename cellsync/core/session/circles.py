"""The circles that both devices mention in a session, and the exchange of each.

A circle is mentioned only if the peer is active in our view of it. The one exception is the circle whose key opened the
session: a caller that we do not know yet may send us the entries that introduce it, and learns nothing.

A peer whose removal was announced (core/replica/detached.py) is sent nothing in a circle but acknowledgements, and
detached entries about others; one that is suspended gets no case entries (`Extent`). What it asks meanwhile is lost,
so once it may be told more the session begins anew (`renew`).
"""

from __future__ import annotations

from cellsync.core import caps
from cellsync.core.crypto import channel, labels, primitives
from cellsync.core.history.detached import detached_id
from cellsync.core.ids import CircleId, EntryId, Psk
from cellsync.core.membership.epochs import SessionKey
from cellsync.core.rule import Rule
from cellsync.core.session.connection import CALLEE, CALLER, FILL, HANDSHAKE_ENTROPY, Connection
from cellsync.core.session.exchange import Exchange, Unexpected
from cellsync.core.session.view import CircleView, Extent
from cellsync.core.wire import detached, messages
from cellsync.core.wire.detached import Detached
from cellsync.core.wire.forms import NAME_BYTES
from cellsync.core.wire.messages import OFFERS, TAG_BYTES


class SharedCircles:
    """The exchanges of one session, and how they begin."""

    def __init__(self, connection: Connection) -> None:
        self.exchanges: dict[bytes, Exchange] = {}
        self.own_tags: dict[CircleId, bytes] = {}
        self.peer_tags: dict[CircleId, bytes] = {}
        self._connection = connection
        self._heard = 0  # how many offers the peer has made
        self._shared: dict[CircleId, set[EntryId]] = {}  # detached entries that both know of, in circles both offered

    # --- offers ----------------------------------------------------------------------------------------

    def offer(self) -> None:
        """Send 32 tags: those of the circles in which we hold the peer to be active, hidden among random ones.

        The tags are of the day of the opening, which both sides know whatever their clocks show.
        """
        connection = self._connection
        for view in connection.views.values():
            if connection.is_active(view):
                self.own_tags[view.id] = self.tag(self._offer_key(view), connection.role, view.id)
        tags = list(self.own_tags.values())
        fill = connection.entropy[HANDSHAKE_ENTROPY : HANDSHAKE_ENTROPY + FILL]
        tags += [fill[at : at + TAG_BYTES] for at in range(0, (OFFERS - len(tags)) * TAG_BYTES, TAG_BYTES)]
        connection.send(messages.encode_offer(tags))

    def _offer_key(self, view: CircleView) -> SessionKey:
        """The key that opened the session, for the circle of that key: both have it. For another circle one of the same
        day, in the newest epoch that the peer is known to hold there."""
        connection = self._connection
        if connection.key is not None and view.id == connection.hinted:
            return connection.key
        return view.offer_key(connection.day, connection.remote)

    def hear_offer(self, tags: list[bytes]) -> None:
        connection = self._connection
        calling = connection.role == CALLER
        self._heard += 1
        if self._heard > (2 if calling else 1):  # a callee offers again once it knows the caller
            raise Unexpected(Rule.OFFER_TWICE)
        for view in connection.views.values():
            for key in dict.fromkeys([*view.keys_on(connection.day), *view.session_keys()]):
                tag = self.tag(key, CALLEE if calling else CALLER, view.id)
                if tag in tags:
                    self.peer_tags.setdefault(view.id, tag)  # one name per circle, also if the peer offers several
        for circle, tag in self.own_tags.items():
            if circle in self.peer_tags:
                self._share(circle, tag if calling else self.peer_tags[circle])
        hinted = connection.hinted
        if hinted is None or self.of(hinted) is not None:
            return
        if calling and hinted in self.own_tags:
            # The callee holds this circle's key but did not offer the circle: it has not heard of our admission.
            exchange = self._add(hinted, self.own_tags[hinted])
            exchange.introduce()
        elif not calling and connection.device is None and hinted in self.peer_tags:
            self._add(hinted, self.peer_tags[hinted])

    def share_known(self) -> None:
        """The caller is known now: share the circles that both have offered."""
        for circle, tag in self.peer_tags.items():
            if circle in self.own_tags:
                self._share(circle, tag)

    def tag(self, key: SessionKey, role: bytes, circle: CircleId) -> bytes:
        return offered(role, self._connection.secured().handshake_hash, circle, key.key.psk)

    def _share(self, circle: CircleId, caller_tag: bytes) -> None:
        exchange = self.exchanges.get(caller_tag[:NAME_BYTES]) or self._add(circle, caller_tag)
        self._shared.setdefault(circle, set())
        self.forewarn()
        exchange.extent = self._connection.extent(exchange.view)
        if exchange.extent is not Extent.NOTHING and not exchange.greeted:
            exchange.greeted = True
            self._connection.send(exchange.greet())
            self.send_places(circle)

    def _add(self, circle: CircleId, caller_tag: bytes) -> Exchange:
        name = caller_tag[:NAME_BYTES]
        exchange = self.exchanges[name] = Exchange(self._connection.views[circle], name, channel.MAX_PAYLOAD)
        exchange.peer, exchange.extent = self._connection.remote, self._connection.extent(exchange.view)
        return exchange

    # --- detached entries ------------------------------------------------------------------------------

    def forewarn(self) -> None:
        """Tell the peer of detached entries that it was not told of in this session, as far as there is room."""
        connection = self._connection
        for exchange in self.exchanges.values():
            told = self._shared.get(exchange.view.id)
            if told is None or not connection.is_active(exchange.view) or exchange.extent is Extent.REMOVAL:
                continue
            for identity, entry in exchange.view.to_tell(connection.remote):
                if identity not in told and connection.unsent < caps.BATCH:
                    told.add(identity)
                    message = detached.encode(exchange.name, entry)
                    if len(message) <= exchange.frame:
                        connection.send(message)

    def forewarned(self, name: bytes, entry: Detached | None) -> CircleId:
        """The peer has told of a detached entry: it need not be told of it. Raises Unexpected."""
        circle = self.shared(name).view.id
        told = self._shared[circle]
        if entry is not None and len(told) < caps.CHAINS:  # it may tell of any number
            told.add(detached_id(circle, entry))
        return circle

    # --- exchanges -------------------------------------------------------------------------------------

    def of(self, circle: CircleId) -> Exchange | None:
        return next((exchange for exchange in self.exchanges.values() if exchange.view.id == circle), None)

    def named(self, name: bytes) -> Exchange:
        """The exchange that the peer names. Raises Unexpected."""
        exchange = self.exchanges.get(name)
        if exchange is None:
            raise Unexpected(Rule.CIRCLE_SHARED)
        return exchange

    def shared(self, name: bytes) -> Exchange:
        """The same, if we may say in it what we hold: the peer is active there, and has offered it. Raises Unexpected.

        A callee that has not heard of our admission has not: until it offers again, it only acknowledges.
        """
        exchange = self.named(name)
        if not self._connection.is_active(exchange.view):
            raise Unexpected(Rule.CIRCLE_ACTIVE)
        if exchange.view.id not in self._shared:
            raise Unexpected(Rule.CIRCLE_SHARED)
        return exchange

    def answering(self, name: bytes) -> Exchange | None:
        """The same; None if the peer gets no answer there, because its removal was announced. Raises Unexpected."""
        exchange = self.shared(name)
        if self.is_served(exchange):
            return exchange
        exchange.extent = Extent.NOTHING
        return None

    def is_served(self, exchange: Exchange) -> bool:
        """Whether the peer may be told something, and no more and no less than when the exchange began."""
        return exchange.extent is not Extent.NOTHING and exchange.extent is self._connection.extent(exchange.view)

    @property
    def renew(self) -> bool:
        """Whether the peer may be told something of a circle, and not what it was told so far in this session."""
        shared = (exchange for exchange in self.exchanges.values() if exchange.view.id in self._shared)
        extents = ((exchange.extent, self._connection.extent(exchange.view)) for exchange in shared)
        return any(now is not Extent.NOTHING and now is not before for before, now in extents)

    def quiet(self, circle: CircleId) -> Exchange | None:
        """The exchange for an extra message about a circle; None if it is not shared, or too much waits to be sent."""
        exchange = self.of(circle)
        if exchange is None or self._connection.unsent >= caps.BATCH or not self.is_served(exchange):
            return None
        return exchange

    def send_places(self, circle: CircleId) -> None:
        """Tell the peer where devices listen, once this circle is shared."""
        exchange = self.quiet(circle)
        if exchange is not None and exchange.greeted and exchange.extent is Extent.ALL:
            places = self._connection.places.pop(circle, None)
            if places:
                self._connection.send(messages.encode_whereabouts(exchange.name, places))


def offered(role: bytes, handshake_hash: bytes, circle: CircleId, psk: Psk) -> bytes:
    """The tag by which one side of a conversation offers a circle (protocol/50-sync.md, Offers)."""
    return primitives.blake2b(labels.OFFER, role + handshake_hash + circle, key=psk.reveal(), size=TAG_BYTES)
