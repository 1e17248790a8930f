"""One circle in one session: what the peer holds, what is in flight to it, what is coming from it.

    both        DIGEST                            equal: the peer holds what we hold
    if not      FRONTIER  <->  FRONTIER           now each knows what the other lacks
    forked      PATH      <->  PATH               where neither head is known to the other: how far both agree
    then        BATCH  <->  ACK                   at most two in flight each way, acknowledged after commit
    live        the same: what is committed here is served on from where the peer is

Catching up and being live use the same mechanism: a cursor into the order of arrival, and per branch what the peer
holds. The peer holds what it sent, so nothing is echoed. A device that commits entries from one peer tells its other
peers in a FRONTIER of the changed branches, and waits a moment before it passes the entries on: most peers already have
them.

If a device has many peers, most links need not carry new entries: `way` records what this link has turned out to be.
Over a spare link the peer is told of growth when either side asks, or after a while (`ask`, `tell_untold`, `tell_by`).

A head of the peer that is not held here is *ahead*. It may continue a branch of ours, or leave it at a fork before its
end; only a longer branch can show which. So a branch of ours is held back while its chain has heads ahead, until the
peer's path or entries show where the two part.

What the peer is told (`Extent`) is settled when the exchange begins. One that is suspended is served without case
entries. One that was removed, and is to know, is served its removal alone: its frontier is answered with what it has
named itself and is held here, so that it learns of nothing else.

A slice that does not attach at the receiver is refused, and offered again every minute: meanwhile the entries that it
rests on may have come from another peer, or another entry may have cited the refused ones.

The peer's messages are noted as they arrive; the store is read only in `settle`, `due`, `grew` and `Building.build`,
with the circle's lock held. A peer may say a great deal in one message, so it is looked up in pieces: `restless` tells
whether more is left.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from cellsync.core import caps
from cellsync.core.errors import CapExceeded, PeerError
from cellsync.core.history.chain import head_of
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.history.withholding import Withheld
from cellsync.core.ids import NO_ID, DeviceId, SessionPublic
from cellsync.core.rule import Rule
from cellsync.core.session.ahead import Ahead
from cellsync.core.session.balance import Balance
from cellsync.core.session.building import Building
from cellsync.core.session.handover import Handover
from cellsync.core.session.paths import PathsToShow
from cellsync.core.session.unattached import Unattached
from cellsync.core.session.untold import Untold
from cellsync.core.session.view import CircleView, Extent
from cellsync.core.session.way import ON_ITS_WAY, Recent, Way
from cellsync.core.wire import batches, frontiers, messages
from cellsync.core.wire.batches import Batch, BatchPart
from cellsync.core.wire.frontiers import FrontierPart, Path
from cellsync.core.wire.places import Frontier, Gap, Head, Line

OFFER_AGAIN: Final = 60.0  # seconds after which a refused branch is offered again


AT_ONCE: Final = 128  # heads looked up before other work gets its turn
PLACES_AT_ONCE: Final = 512  # places in branches compared before other work gets its turn; a path is not divided
STEPS: Final = 1 << 16  # of all paths that wait to be looked up


class Unexpected(PeerError):
    """The other device said something that has no place here."""

    code = "unexpected"


class Exchange:
    """The state of one circle in one session."""

    def __init__(self, view: CircleView, name: bytes, frame: int) -> None:
        self.view = view
        self.name: Final = name
        self.peer = SessionPublic(b"")
        self.extent = Extent.ALL
        self.delivered: dict[int, int] = {}  # branch number -> sequence that the peer has acknowledged or shown
        self.handover: Final = Handover(view, name)
        self._ahead = Ahead(view)
        self.frame: Final = frame
        self._known: dict[int, int] = {}  # as `delivered`, with what is in flight
        self._refused: set[int] = set()  # branches that the peer refused
        self.again_at = math.inf  # when they are offered again
        self.released = 0  # how often branches of ours that were held back were released
        self._unattached = Unattached(self._ahead)
        # These sets only grow, in place: a thousand frontiers may arrive together, each naming one more device.
        self._equivocators: set[DeviceId] = set()  # devices that the peer knows as equivocators
        self._named: frozenset[DeviceId] = frozenset()  # equivocators that the peer was told of
        self._shown: set[DeviceId] = set()  # equivocators of which the peer has named heads
        self._gaps: set[Head] = set()  # the peer's gaps
        self._cursor = 0
        self._recount = False  # the peer may lack entries before the cursor
        self._until: int | None = None  # while introducing: the last arrival to serve
        self._serving = False
        self._told_frontier = False
        self.greeted = False
        self.waiting_since = 0.0  # when the oldest batch in flight was sent, or the one before it acknowledged
        # per batch: what it reaches, branches by row, and the value of `released` when it was begun
        self._in_flight: deque[tuple[dict[int, int], Sequence[int], int]] = deque()
        self._arriving: Batch | None = None
        self._hearing = False  # the peer has said what it holds, and not all of that has been looked up
        self._heard: dict[Head, None] = {}  # heads still to look up
        self._paths: deque[Path] = deque()  # paths still to look up
        self._steps = 0  # in these paths
        self._to_show = PathsToShow(view)
        self._counted: Mapping[int, Head] = view.counted
        self._deliveries = 0  # how often `delivered` has changed
        self._lacked: tuple[object, Mapping[int, Head], int] | None = None
        self._greeted_back = False
        self._introducing = False
        self._told: tuple[set[Head], set[DeviceId], set[Head]] = set(), set(), set()  # a frontier that is arriving
        self._uncommitted = 0
        self.way = Way.TRIED
        self._untold = Untold()
        self._recent = Recent()
        self._asked = 0  # the arrival up to which the peer is served, since it has told us all that it holds

    # --- our messages ------------------------------------------------------------------------------

    def greet(self) -> bytes:
        """The first message about this circle."""
        return messages.encode_digest(self.name, NO_ID if self._is_reticent else self.view.digest())

    def introduce(self) -> None:
        """Serve, unasked, everything up to our own admission, which the peer has not heard of yet."""
        self._introducing = True

    def tell(self, grown: Sequence[bytes]) -> list[bytes]:
        """Say that these branches have grown here: a frontier made of these encoded rows."""
        return frontiers.addressed(self.name, grown) if self.is_live and not self._is_reticent else []

    def note(self, grown: Iterable[int], now: float) -> None:
        """Leave it for later to say that these branches have grown: until either side asks, or a while has passed."""
        self._untold.note(grown, now)

    @property
    def tell_by(self) -> float:
        """When the peer is told of that growth unasked."""
        return self._untold.tell_by

    @property
    def is_short(self) -> bool:
        """Whether this link is spare, and the peer has named something that no peer has brought yet."""
        return self.way is Way.SPARE and bool(self._ahead or self._heard)

    def tell_untold(self, *, all_of_it: bool) -> list[bytes]:
        """Say what has grown here and was not told. With `all_of_it`, also say if there is nothing."""
        if not self.is_live or self._is_reticent or not (self._untold or all_of_it):
            return []
        branches = self._untold.take()
        heads = frozenset(head_of(self.view.branch(number)) for number in branches or ())
        frontier = self.view.frontier() if branches is None else Frontier(heads)
        return frontiers.encode_frontier(self.name, frontier, self.frame)

    def ask(self, now: float, *, at_once: bool) -> None:
        """The peer has told us all that it holds, so it lacks everything else, and is served that.

        Unless `at_once`, entries that have only just come here are left out: they are probably on their way to it.
        """
        last = self.view.last_arrival()  # `due` knows how much of that the peer is told
        self._asked = max(self._asked, last if at_once else self._recent.before(now - ON_ITS_WAY, last))

    @property
    def _is_reticent(self) -> bool:
        """Whether the peer is told of nothing here that it has not named: it was removed, and is to know that."""
        return self.extent is Extent.REMOVAL

    @property
    def _last(self) -> int:
        """The arrival up to which the peer is served."""
        return self.view.last_arrival() if self.extent is Extent.ALL else self.view.last_told(self.peer)

    @property
    def is_live(self) -> bool:
        """Whether the frontiers were compared, so every later message is news."""
        return self._serving and self._until is None

    def settle(self) -> list[bytes] | None:
        """Look up what the peer has said. Returns the answer, None if there is none (yet). Reads the store."""
        if self._introducing:
            self._introducing, self._serving = False, True
            self._until = self.view.own_admission()
        if not self._hearing:
            return self._show_paths() if self._to_show else None
        self._look_some_up()
        if self._heard or self._paths:
            return None
        self._hearing = False
        self._to_show.add(self._ahead.just_parted())
        if not self.is_live:
            self._serving, self._until, self._recount = True, None, True
        return self._echo() if self._is_reticent else self._show_paths()

    def _show_paths(self) -> list[bytes]:
        paths = self._to_show.take(self._known)
        return [] if self._is_reticent else frontiers.encode_paths(self.name, paths)

    def _echo(self) -> list[bytes]:
        """A frontier of what is held here of that which the peer has named, and of what it wrote itself: once."""
        if self._told_frontier:
            return []
        self._told_frontier = True
        own = (chain for chain in self.view.own_chains(self.peer))
        places = {(chain.number, chain.length): chain.head for chain in own}
        for number, sequence in self.delivered.items():
            entry = self.view.entry_id(number, sequence)
            if entry is not None:
                places[number, sequence] = entry
        heads = frozenset(Head(*self.view.branch(number).line, at, entry) for (number, at), entry in places.items())
        return frontiers.encode_frontier(self.name, Frontier(heads), self.frame)

    def _look_some_up(self) -> None:
        """Look up heads, then paths. A head in a chain of many branches costs as much as several in chains of one."""
        places = 0
        for head in list(islice(self._heard, AT_ONCE)):
            del self._heard[head]
            self._look_up(head)
            places += self._compared_with(head.line)
            if places >= PLACES_AT_ONCE:
                return
        while self._paths and not self._heard and places < PLACES_AT_ONCE:
            path = self._paths.popleft()
            self._steps -= len(path.steps)
            self._look_up_path(path)
            places += len(path.steps) * self._compared_with(path.line)

    def _compared_with(self, line: Line) -> int:
        """With about how many branches a place in a chain is compared (`CircleView.find`)."""
        return min(1 + len(self.view.branches(line)), 2 * caps.BRANCHES)

    @property
    def restless(self) -> bool:
        """Whether there is more to look up or to show: call `settle` again after other work has had its turn."""
        return self._hearing or bool(self._to_show)

    def tell_equivocators(self) -> list[bytes]:
        """Name the equivocators of which the peer was not told yet; it has to hear of them before the next batch."""
        known = frozenset(self.view.equivocators)
        if not self._serving or self._is_reticent or known == self._named or self._until is not None:
            return []
        self._named = known
        self._forgive(known)
        return frontiers.encode_frontier(self.name, Frontier(frozenset(), known), self.frame)

    def due(self, ripe: float) -> Building | None:
        """The next batch to build for the peer, up to arrival `ripe`; None if there is none, or two are in flight.

        Reads the store. Once it is built, `send` it.
        """
        if not self._serving or not self.view.hands_out or len(self._in_flight) >= caps.UNACKNOWLEDGED:
            return None
        if self.view.counted is not self._counted:  # a branch that did not count before may lie before the cursor
            self._counted, self._recount = self.view.counted, True
        until = min(max(ripe, self._asked), self._last) if self._until is None else self._until
        if self._recount:
            self._recount = False
            return self._building(None, int(until))
        return None if self._cursor >= until else self._building(self._cursor, int(until))

    def _building(self, after: int | None, until: int) -> Building:
        return Building(
            self.view, self.name, self.frame, after, until, self._peer(), self.released, self.extent.withheld
        )

    def send(self, built: Building) -> list[bytes]:
        """The parts of a batch that was due; none if the peer lacks nothing of the arrivals that were looked at."""
        served = built.served
        self._cursor = served.cursor
        if served.batch is not None:
            self._known.update(served.reaches)
            self._are_told(served.reaches.items())
            self._in_flight.append((served.reaches, served.rows, built.released))
        return built.parts

    def committed(
        self, reached: Iterable[tuple[int, int] | None], refused: Collection[int], gaps: Iterable[Gap], *, news: bool
    ) -> bytes:
        """A batch from the peer is durable, except for refused rows, which left these gaps. Returns the answer.

        `news`: whether it brought anything new.
        """
        self._uncommitted -= 1
        for line, last in gaps:
            self._unattached.add(line, last)
        places = [place for place in reached if place is not None]
        for place in places:
            self._holds(*place)
            self._unattached.take(self.view.branch(place[0]).line, place[1])
        self.grew(number for number, _ in places)
        self._forgive(self.view.equivocators)
        self._are_told(places)
        if places:
            self.way = Way.NEEDED if news else Way.SPARE
        return messages.encode_ack(self.name, refused)

    def _are_told(self, places: Iterable[tuple[int, int]]) -> None:
        """The peer will know that we hold these places, because we send or acknowledge them."""
        for number, sequence in places if self._untold else ():
            if number in self._untold and sequence >= self.view.branch(number).length:
                self._untold.discard(number)

    def _are_alike(self, number: int, sequence: int) -> None:
        """Both sides hold this place."""
        if self.is_live and sequence > self.delivered.get(number, -1):  # otherwise it came over this session
            self.way = Way.SPARE

    def offer_again(self, now: float) -> None:
        """Offer refused branches again: what they rest on may have been released, or have come from another peer."""
        if now >= self.again_at:
            under_way = {number for reaches, _, _ in self._in_flight for number in reaches}
            for number in self._refused - under_way:
                self._known.pop(number, None)
                if number in self.delivered:
                    self._known[number] = self.delivered[number]
            self._refused &= under_way
            self._recount = True
            self.again_at = self.again_at if self._refused else math.inf

    def grew(self, numbers: Iterable[int], now: float = 0.0) -> None:
        """These branches have grown here, from any source: heads of the peer may be held now. Reads the store."""
        self._recent.note(now, self.view.last_arrival())
        if not self._ahead:
            return
        for number in numbers:
            for head in self._ahead.grew(number):
                self._are_alike(number, head.sequence)
                self._holds(number, head.sequence)
                self._has_come(head)

    @property
    def ahead(self) -> frozenset[Head]:
        """Heads of the peer that are not known to be held here, including those still to be looked up."""
        return frozenset(head for head in (*self._ahead, *self._heard) if not self._need_not_come(head.device))

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    @property
    def balance(self) -> Balance | None:
        """None until the frontiers were compared."""
        if not self.is_live:
            return None
        moving = bool(self._told[0] or self._hearing or self._arriving is not None or self._uncommitted)
        lacks = self._lacking()
        owes = self._ahead.entries(self._need_not_come)
        return Balance(lacks, owes, moving, self._unattached.open, len(self._gaps))

    def _lacking(self) -> int:
        """How many entries the peer lacks: counted again only after a change, however often it is asked for."""
        held_back, counted, arrival = self._held_back(), self.view.counted, self.view.last_arrival()
        now = self._deliveries, arrival, held_back, len(self._equivocators), len(self._shown)
        if self._lacked is None or self._lacked[0] != now or self._lacked[1] is not counted:
            peer = PeerHoldings(self.delivered, held_back, self._take_what_counts())
            self._lacked = now, counted, self.view.lacking(peer)
        return self._lacked[2]

    def confirmed(self, mark: Mapping[int, int]) -> bool:
        """Whether the peer has acknowledged or shown every branch up to the sequence in `mark`."""
        return all(self.delivered.get(number, 0) >= sequence for number, sequence in mark.items())

    # --- the peer's messages -------------------------------------------------------------------------

    def on_digest(self, digest: bytes) -> list[bytes]:
        if self._greeted_back:
            raise Unexpected(Rule.DIGEST_TWICE)
        self._greeted_back = True
        if digest == self.view.digest() and not self._is_reticent:
            self._hear(Frontier(frozenset(), frozenset(self.view.equivocators)))
            for place in self.view.agreed():
                self._holds(*place)
            return []
        return self._tell_frontier()

    def on_frontier(self, part: FrontierPart) -> list[bytes]:
        heads, equivocators, gaps = self._told
        heads |= part.frontier.heads
        equivocators |= part.frontier.equivocators
        gaps |= part.frontier.gaps
        if max(len(heads), len(equivocators), len(gaps)) > caps.CHAINS:  # per part: a frontier may never end
            raise CapExceeded(Rule.CAP_CHAINS)
        if not part.last:
            return []
        self._told = set(), set(), set()
        self._hear(Frontier(frozenset(heads), frozenset(equivocators), frozenset(gaps)))
        return self._tell_frontier()

    def on_paths(self, paths: list[Path]) -> None:
        self._paths += paths
        self._hearing = True
        self._steps += sum(len(path.steps) for path in paths)
        if self._steps > STEPS:
            raise CapExceeded(Rule.CAP_PATHS)

    def on_part(self, part: BatchPart) -> Batch | None:
        """A complete batch, once its last part is here. Raises PeerError."""
        if self._arriving is None:
            if self._uncommitted >= caps.UNACKNOWLEDGED:
                raise Unexpected(Rule.CAP_UNACKNOWLEDGED)
            self._arriving = Batch()
            self._uncommitted += 1
        batches.extend(self._arriving, part)
        if not part.last:
            return None
        batch, self._arriving = self._arriving, None
        return batch

    def on_ack(self, refused: list[int], now: float) -> None:
        if not self._in_flight:
            raise Unexpected(Rule.ACK_NOTHING)
        reaches, rows, released = self._in_flight.popleft()
        for row in refused:
            if row >= len(rows):
                raise Unexpected(Rule.ACK_ROW)
            reaches.pop(rows[row], None)
            self._refused.add(rows[row])
            # If a branch was released since, the refused one may cite it: each side of a fork may wait for the other.
            self.again_at = min(self.again_at, now + OFFER_AGAIN if released == self.released else now)
        self._judge(reaches)
        if self.extent.withheld is Withheld.NOTHING:  # else it holds no more than outlines of these
            for number, sequence in reaches.items():
                self._deliver(number, sequence)

    def _judge(self, reaches: Mapping[int, int]) -> None:
        """The peer has acknowledged these: it needed those that it did not claim, just before, to hold already."""
        claimed: dict[Line, int] = {}
        for head in self._heard:  # not looked up yet
            claimed[head.line] = max(head.sequence, claimed.get(head.line, 0))
        for number, sequence in reaches.items():
            if sequence > self.delivered.get(number, -1):
                self.way = Way.SPARE if sequence <= claimed.get(self.view.branch(number).line, 0) else Way.NEEDED

    def _tell_frontier(self) -> list[bytes]:
        if self._told_frontier or self._is_reticent:
            return []
        frontier = self.view.frontier()
        self._told_frontier, self._named = True, frontier.equivocators
        return frontiers.encode_frontier(self.name, frontier, self.frame)

    def _hear(self, frontier: Frontier) -> None:
        if self.is_live and not any(frontier):
            return  # the peer says only that it has nothing to tell
        self._hearing = True
        self._heard |= dict.fromkeys(frontier.heads)
        if not frontier.equivocators <= self._equivocators:
            self._equivocators |= frontier.equivocators
            self._release()
        self._gaps |= frontier.gaps
        heads = len(self._heard) + len(self._ahead)
        if max(heads, len(self._equivocators), len(self._gaps)) > caps.CHAINS:
            raise CapExceeded(Rule.CAP_CHAINS)

    # --- what the peer holds -------------------------------------------------------------------------

    def _need_not_come(self, device: DeviceId) -> bool:
        """Whether the peer knows a device as an equivocator, and no introduction of it is held here.

        If the device counts, its introduction comes with the heads of others; if not, the peer does not serve it.
        """
        return device in self._equivocators and not self.view.introduces(device)

    def _look_up(self, head: Head) -> None:
        """Find out whether a head of the peer is held here."""
        if head.device in self.view.equivocators:
            self._shown.add(head.device)
        number = self.view.find(head.line, head.sequence, head.id)
        if number is not None:
            self._are_alike(number, head.sequence)
            self._holds(number, head.sequence)
            self._has_come(head)
        elif head.device not in self.view.equivocators:
            self._ahead.add(head)

    def _has_come(self, head: Head) -> None:
        """A head has come; if it was ahead, it no longer is."""
        if self._ahead.take(head):
            self._recount = True  # it holds back no branch any more

    def _forgive(self, equivocators: Collection[DeviceId]) -> None:
        """Drop heads of equivocators: only cited entries of theirs are taken, and what cites them is ahead too."""
        if forgiven := self._ahead.forgive(equivocators):
            self._shown |= forgiven
            self._recount = True

    def _look_up_path(self, path: Path) -> None:
        """Of a path, both sides hold the newest entry that is held here, and all before it, and share nothing after it.

        Branches of an equivocator, which may be very many, are not held back, so there is nothing to release.
        """
        if path.line[0] not in self.view.equivocators:
            for chain in self.view.branches(path.line):
                if chain.number not in self._known:
                    self._release()
                self._holds(chain.number, 0)
            self._recount = True
        if self.view.branches(path.line):  # a path of a chain that the peer made up is not answered
            self._to_show.add([path.line])
        for sequence, entry in path.steps:
            number = self.view.find(path.line, sequence, entry)
            if number is not None:
                self._holds(number, sequence)
                return

    def _release(self) -> None:
        """A branch is no longer held back; refused branches may have cited it."""
        self.released += 1
        self._recount = True
        if self._refused:
            self.again_at = 0.0

    def _peer(self) -> PeerHoldings:
        """The facts that decide what is served: what the peer holds, what is on its way, and what is held back."""
        return PeerHoldings(self._known, self._refused | self._held_back(), self._take_what_counts())

    def _take_what_counts(self) -> Collection[DeviceId]:
        """Equivocators of which the peer is served only what counts: those that it knows as such, and hidden ones.

        A peer that holds nothing of a hidden one need not know of it: its introduction does not count and is not
        served, so its other entries would not attach.
        """
        hidden = self.view.hidden
        if not hidden:
            return self._equivocators
        unknown = (
            device for device in hidden if device not in self._shown and not self.view.holds_of(device, self.delivered)
        )
        return self._equivocators.union(unknown)

    def _held_back(self) -> set[int]:
        """Branches that may be the beginning of a longer one of the peer's, except those of equivocators."""
        return {
            chain.number
            for line in self._ahead.lines
            if line[0] not in self._equivocators
            for chain in self.view.branches(line)
            if chain.number not in self._known
        }

    def _holds(self, number: int, sequence: int) -> None:
        """The peer holds a branch up to there, and hence the branches that lead to it."""
        while min(self._known.get(number, -1), self.delivered.get(number, -1)) < sequence:  # otherwise already noted
            self._known[number] = max(sequence, self._known.get(number, 0))
            self._deliver(number, sequence)
            chain = self.view.branch(number)
            if not chain.base:
                return
            number, sequence = chain.base, min(sequence, chain.first - 1)

    def _deliver(self, number: int, sequence: int) -> None:
        if sequence > self.delivered.get(number, -1):
            self.delivered[number] = sequence
            self._deliveries += 1
