"""One circle in one session: what the peer holds, what is in flight to it, what is coming from it.

    both        DIGEST                            equal: the peer holds what we hold
    if not      FRONTIER  <->  FRONTIER           now each knows what the other lacks
    then        BATCH  <->  ACK                   at most two in flight each way, acknowledged after commit
    live        the same: what is committed here is served on from where the peer is

Catching up and being live are one thing: a cursor into the order of arrival, and per chain what the peer holds.
What the peer sent is held by it, so nothing is echoed. Whoever commits entries that somebody sent tells its other
peers so, in a FRONTIER of the changed chains, and waits a moment before it passes them on: most have them already.

What the peer says is noted as it comes; the store is read only in `settle` and `next_parts`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple, Protocol

from cellsync.core import caps
from cellsync.core.errors import CapExceeded, PeerError
from cellsync.core.history import frontier
from cellsync.core.ids import CircleId, Day, DeviceId, EntryId, SessionPublic
from cellsync.core.membership.epochs import SessionKey
from cellsync.core.serving import Served
from cellsync.core.wire import messages
from cellsync.core.wire.messages import Batch, BatchPart, ChainName, FrontierPart


class CircleView(Protocol):
    """What a session sees of a circle: enough to serve it, nothing to read a case with."""

    @property
    def id(self) -> CircleId: ...

    def session_keys(self) -> list[SessionKey]:
        """The keys under which a session may open, the one to call with first."""
        ...

    def keys_on(self, day: Day) -> list[SessionKey]:
        """The keys of one day, the newest epoch's first; none if its states are not held."""
        ...

    def device_with(self, key: SessionPublic) -> DeviceId | None:
        """A device, active in this circle, that has this session key; of several the one with the smallest id.

        A device has another id in each circle.
        """
        ...

    def frontier(self) -> dict[ChainName, tuple[int, EntryId]]: ...

    def chain_number(self, name: ChainName) -> int | None: ...

    def entry_id(self, chain: int, sequence: int) -> EntryId | None: ...

    def last_arrival(self) -> int: ...

    def own_admission(self) -> int:
        """The arrival that brought this device's own introduction, 0 if it has not come yet."""
        ...

    def cursor_for(self, known: Mapping[int, int]) -> int:
        """Where to start serving a peer that holds `known` (chain number -> sequence)."""
        ...

    def serve(self, cursor: int, known: Mapping[int, int], refused: Collection[int], until: int) -> Served: ...


class Unexpected(PeerError):
    """The other device said something that has no place here."""

    code = "unexpected"


class Balance(NamedTuple):
    """What each side is known to hold that the other lacks, in entries."""

    lacks: int  # the peer, of what is here
    owes: int  # the peer: it holds them, and they are not here
    moving: bool  # it has said or sent something that has not been dealt with yet

    @property
    def level(self) -> bool:
        """Whether both hold the same, as far as can be known here."""
        return self == (0, 0, False)


class Exchange:
    """The state of one circle in one session."""

    def __init__(self, view: CircleView, name: bytes, frame: int) -> None:
        self.view = view
        self.name: Final = name
        self.forked: list[ChainName] = []  # chains on which the peer and we disagree, for the events
        self.delivered: dict[int, int] = {}  # chain number -> sequence that the peer has acknowledged or shown
        self._frame = frame
        self._known: dict[int, int] = {}  # the same, with what is in flight
        self._ahead: dict[ChainName, int] = {}  # chains of which the peer held more when it said so
        self._refused: set[int] = set()  # by the peer, or chains that fork
        self._declined: set[ChainName] = set()  # refused by us
        self._cursor = 0
        self._until: int | None = None  # serve no further than this arrival: an introduction
        self._serving = False
        self._told_frontier = False
        self.greeted = False
        self.waiting_since = 0.0  # when the oldest batch in flight was sent, or the one before it acknowledged
        self._in_flight: deque[tuple[dict[int, int], list[int | None]]] = deque()  # what it reaches; chains by row
        self._arriving: Batch | None = None
        self._heard: dict[ChainName, tuple[int, EntryId]] | None = None  # what the peer holds, not yet looked up
        self._introducing = False
        self._told: dict[ChainName, tuple[int, EntryId]] = {}  # a frontier that is arriving
        self._uncommitted = 0

    # --- what we say -------------------------------------------------------------------------------

    def greet(self) -> bytes:
        """The first message about this circle."""
        return messages.encode_digest(self.name, frontier.digest(self.view.frontier()))

    def introduce(self) -> None:
        """Serve, unasked, everything up to our own admission: the peer has not heard of it yet."""
        self._introducing = True

    def tell(self, rows: dict[ChainName, tuple[int, EntryId]]) -> list[bytes]:
        """That these chains have grown here."""
        return messages.encode_frontier(self.name, rows, self._frame) if self._serving else []

    def settle(self) -> bool:
        """Look up what the peer has said that it holds; whether there was anything. Reads the store."""
        if self._introducing:
            self._introducing, self._serving = False, True
            self._until = self.view.own_admission()
        if self._heard is None:
            return False
        rows, self._heard = self._heard, None
        self._start_from(rows)
        return True

    def next_parts(self, ripe: float) -> list[bytes]:
        """The next batch for the peer, up to arrival `ripe`, in parts; nothing if it lacks nothing or two are in
        flight. Reads the store."""
        if not self._serving or len(self._in_flight) >= caps.UNACKNOWLEDGED:
            return []
        until = min(ripe, self.view.last_arrival()) if self._until is None else self._until
        if self._cursor >= until:
            return []
        served = self.view.serve(self._cursor, self._known, self._refused, int(until))
        self._cursor = served.cursor
        if served.batch is None:
            return []
        self._known.update(served.reaches)
        rows = [self.view.chain_number(row[:3]) for row in served.batch.chains]
        self._in_flight.append((served.reaches, rows))
        return messages.encode_batch(self.name, served.batch, self._frame)

    def committed(self, batch: Batch, refused: list[ChainName]) -> bytes:
        """A batch from the peer is durable (or parts of it were refused): the acknowledgement."""
        self._uncommitted -= 1
        counts = Counter(entry.chain for entry in batch.entries)
        names = set(refused)
        rows: list[int] = []
        for row, chain in enumerate(batch.chains):
            number = self.view.chain_number(chain[:3])
            if chain[:3] in names:
                rows.append(row)
            elif number is not None and counts[row]:
                self._holds(number, chain.first + counts[row] - 1)
        self._declined |= names
        if len(self._declined) > caps.CHAINS:
            raise CapExceeded("chains")
        return messages.encode_ack(self.name, rows)

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    @property
    def balance(self) -> Balance | None:
        """None until the frontiers were compared. Leaves out chains that one side refused: they will not move."""
        if not self._serving or self._until is not None:
            return None
        here = {name: length for name, (length, _) in self.view.frontier().items()}
        lacks = owes = 0
        for name in here.keys() | self._ahead.keys():
            number = self.view.chain_number(name) or 0
            if name not in self._declined and number not in self._refused:
                there = max(self._ahead.get(name, 0), self.delivered.get(number, 0))
                more = here.get(name, 0) - there
                lacks, owes = lacks + max(more, 0), owes + max(-more, 0)
        moving = bool(self._told or self._heard is not None or self._arriving is not None or self._uncommitted)
        return Balance(lacks, owes, moving)

    # --- what the peer says --------------------------------------------------------------------------

    def on_digest(self, digest: bytes) -> list[bytes]:
        mine = self.view.frontier()
        if digest == frontier.digest(mine):
            self._hear(mine)
            return []
        return self._tell_frontier()

    def on_frontier(self, part: FrontierPart) -> list[bytes]:
        self._told.update(part.rows)
        if len(self._told) > caps.CHAINS:
            raise CapExceeded("chains")
        if not part.last:
            return []
        rows, self._told = self._told, {}
        self._hear(rows)
        return self._tell_frontier()

    def on_part(self, part: BatchPart) -> Batch | None:
        """A complete batch, once its last part is here. Raises PeerError."""
        if self._arriving is None:
            if self._uncommitted >= caps.UNACKNOWLEDGED:
                raise Unexpected("more batches than were acknowledged")
            self._arriving = Batch()
            self._uncommitted += 1
        messages.extend(self._arriving, part)
        if not part.last:
            return None
        batch, self._arriving = self._arriving, None
        return batch

    def on_ack(self, refused: list[int]) -> None:
        if not self._in_flight:
            raise Unexpected("an acknowledgement of nothing")
        reaches, rows = self._in_flight.popleft()
        for row in refused:
            number = rows[row] if row < len(rows) else None
            if number is None:
                raise Unexpected("a chain was refused that was not sent")
            reaches.pop(number, None)
            self._refused.add(number)
        for number, sequence in reaches.items():
            self.delivered[number] = max(sequence, self.delivered.get(number, 0))

    def _tell_frontier(self) -> list[bytes]:
        if self._told_frontier:
            return []
        self._told_frontier = True
        return messages.encode_frontier(self.name, self.view.frontier(), self._frame)

    def _hear(self, rows: dict[ChainName, tuple[int, EntryId]]) -> None:
        self._heard = rows if self._heard is None else {**self._heard, **rows}
        if len(self._heard.keys() | self._ahead.keys()) > caps.CHAINS:
            raise CapExceeded("chains")

    def _start_from(self, rows: dict[ChainName, tuple[int, EntryId]]) -> None:
        """The peer holds this: serve it what it lacks, from the first arrival that it lacks anything of."""
        for name, (length, head) in rows.items():
            number = self.view.chain_number(name)
            ours = None if number is None else self.view.entry_id(number, length)
            if number is None or ours is None:
                self._ahead[name] = max(length, self._ahead.get(name, 0))
                if number is not None:  # whether it is our chain that it goes on with cannot be seen from here
                    self._known[number] = max(length, self._known.get(number, 0))
            elif ours != head:  # two entries in one place: the chain forks
                self.forked.append(name)
                self._refused.add(number)
            else:
                self._holds(number, length)
        if not self._serving or self._until is not None:
            self._cursor = self.view.cursor_for({**self._known, **dict.fromkeys(self._refused, 1 << 40)})
        self._serving, self._until = True, None

    def _holds(self, number: int, sequence: int) -> None:
        self._known[number] = max(sequence, self._known.get(number, 0))
        self.delivered[number] = max(sequence, self.delivered.get(number, 0))
