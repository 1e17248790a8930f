"""One circle in one session: what the peer holds, what is in flight to it, what is coming from it.

    both        DIGEST                            equal: the peer holds what we hold
    if not      FRONTIER  <->  FRONTIER           now each knows what the other lacks
    forked      PATH      <->  PATH               where neither head is known to the other: how far both agree
    then        BATCH  <->  ACK                   at most two in flight each way, acknowledged after commit
    live        the same: what is committed here is served on from where the peer is

Catching up and being live are one thing: a cursor into the order of arrival, and per branch what the peer holds.
What the peer sent is held by it, so nothing is echoed. A device that commits entries of another tells its other
peers so, in a FRONTIER of the changed branches, and waits a moment before it passes them on: most have them already.

Where a device has many peers, most links need not carry what is new: `way` says what this one has shown itself to be.
The peer is told over it of what came here when either side asks, or after a while (`ask`, `tell_untold`, `tell_by`).

A head of the peer that is not held here is *ahead*. It may go on from a branch of ours, or from a fork before its end;
only a longer branch can tell. So a branch of ours is held back while its chain has heads ahead, until the peer's path
or its entries say where they part.

What does not attach where it comes is refused, and offered again after a minute, and so on: meanwhile what it rests on
may have come from somebody else, or somebody may have cited what was refused.

What the peer says is noted as it comes; the store is read only in `settle`, `due`, `grew` and `Building.build`. What
a peer has said at once may be much, so it is looked up in pieces: `restless` says that there is more.
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
from cellsync.core.ids import DeviceId
from cellsync.core.session.ahead import Ahead
from cellsync.core.session.balance import Balance
from cellsync.core.session.building import Building
from cellsync.core.session.paths import PathsToShow
from cellsync.core.session.unattached import Unattached
from cellsync.core.session.untold import Untold
from cellsync.core.session.view import CircleView
from cellsync.core.session.way import ON_ITS_WAY, Recent, Way
from cellsync.core.wire import batches, frontiers, messages
from cellsync.core.wire.batches import Batch, BatchPart
from cellsync.core.wire.frontiers import FrontierPart, Path
from cellsync.core.wire.places import Frontier, Gap, Head, Line

OFFER_AGAIN: Final = 60.0  # seconds after which a branch that was refused is offered once more


AT_ONCE: Final = 128  # heads that are looked up before others get their turn
PLACES_AT_ONCE: Final = 512  # places in branches that are compared before others get their turn, or one path
STEPS: Final = 1 << 16  # of paths that wait to be looked up


class Unexpected(PeerError):
    """The other device said something that has no place here."""

    code = "unexpected"


class Exchange:
    """The state of one circle in one session."""

    def __init__(self, view: CircleView, name: bytes, frame: int) -> None:
        self.view = view
        self.name: Final = name
        self.delivered: dict[int, int] = {}  # branch number -> sequence that the peer has acknowledged or shown
        self._ahead = Ahead(view)
        self.frame: Final = frame
        self._known: dict[int, int] = {}  # as `delivered`, with what is in flight
        self._refused: set[int] = set()  # branches, by the peer
        self.again_at = math.inf  # when they are offered again
        self.released = 0  # how many of our branches were held back and are not any more
        self._unattached = Unattached(self._ahead)
        # They only grow, and in place: a frontier may name one more, and a thousand of them may come at once.
        self._equivocators: set[DeviceId] = set()  # that the peer knows as such
        self._named: frozenset[DeviceId] = frozenset()  # equivocators that the peer was told of
        self._shown: set[DeviceId] = set()  # equivocators of which it has named heads
        self._gaps: set[Head] = set()  # of the peer
        self._cursor = 0
        self._recount = False  # what the peer lacks may begin before the cursor
        self._until: int | None = None  # serve no further than this arrival: an introduction
        self._serving = False
        self._told_frontier = False
        self.greeted = False
        self.waiting_since = 0.0  # when the oldest batch in flight was sent, or the one before it acknowledged
        # of each: what it reaches, branches by row, and `released` when it was begun
        self._in_flight: deque[tuple[dict[int, int], Sequence[int], int]] = deque()
        self._arriving: Batch | None = None
        self._hearing = False  # the peer has said what it holds, and not all of it was looked up
        self._heard: dict[Head, None] = {}  # of that
        self._paths: deque[Path] = deque()  # of that
        self._steps = 0  # of these
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
        self._asked = 0  # the arrival up to which the peer is served now: it has told us all that it holds

    # --- what we say -------------------------------------------------------------------------------

    def greet(self) -> bytes:
        """The first message about this circle."""
        return messages.encode_digest(self.name, self.view.digest())

    def introduce(self) -> None:
        """Serve, unasked, everything up to our own admission: the peer has not heard of it yet."""
        self._introducing = True

    def tell(self, grown: Sequence[bytes]) -> list[bytes]:
        """That these branches have grown here: a frontier, its rows encoded."""
        return frontiers.addressed(self.name, grown) if self.is_live else []

    def note(self, grown: Iterable[int], now: float) -> None:
        """That they have grown is told later: when either side asks, or after a while."""
        self._untold.note(grown, now)

    @property
    def tell_by(self) -> float:
        """When the peer is told of these unasked."""
        return self._untold.tell_by

    @property
    def is_short(self) -> bool:
        """Whether the peer, over whom nothing comes unasked, has named something that nobody has brought yet."""
        return self.way is Way.SPARE and bool(self._ahead or self._heard)

    def tell_untold(self, *, all_of_it: bool) -> list[bytes]:
        """All that has grown here and was not told; if it is to be `all_of_it`, also that there is nothing."""
        if not self.is_live or not (self._untold or all_of_it):
            return []
        branches = self._untold.take()
        heads = frozenset(head_of(self.view.branch(number)) for number in branches or ())
        frontier = self.view.frontier() if branches is None else Frontier(heads)
        return frontiers.encode_frontier(self.name, frontier, self.frame)

    def ask(self, now: float, *, at_once: bool) -> None:
        """The peer has told all that it holds: what it did not name it lacks, and is served.

        Unless it is to be `at_once`, what has only just come here is left out: it is probably on its way to the peer.
        """
        last = self.view.last_arrival()
        self._asked = max(self._asked, last if at_once else self._recent.before(now - ON_ITS_WAY, last))

    @property
    def is_live(self) -> bool:
        """Whether the frontiers were compared, so that all that comes from now on is news."""
        return self._serving and self._until is None

    def settle(self) -> list[bytes] | None:
        """Look up what the peer has said: what to answer, None if it has said nothing. Reads the store."""
        if self._introducing:
            self._introducing, self._serving = False, True
            self._until = self.view.own_admission()
        if not self._hearing:
            return frontiers.encode_paths(self.name, self._to_show.take(self._known)) if self._to_show else None
        self._look_some_up()
        if self._heard or self._paths:
            return None
        self._hearing = False
        self._to_show.add(self._ahead.just_parted())
        if not self.is_live:
            self._serving, self._until, self._recount = True, None, True
        return frontiers.encode_paths(self.name, self._to_show.take(self._known))

    def _look_some_up(self) -> None:
        """Heads first; of a chain with many branches each costs as much as of several with one."""
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
        """With how many branches a place in a chain is compared (`CircleView.find`), about."""
        return min(1 + len(self.view.branches(line)), 2 * caps.BRANCHES)

    @property
    def restless(self) -> bool:
        """Whether there is more to look up, or to show: `settle` again, after others had their turn."""
        return self._hearing or bool(self._to_show)

    def tell_equivocators(self) -> list[bytes]:
        """Equivocators of which the peer was not told yet: it hears of them before the next batch."""
        known = frozenset(self.view.equivocators)
        if not self._serving or known == self._named or self._until is not None:
            return []
        self._named = known
        self._forgive(known)
        return frontiers.encode_frontier(self.name, Frontier(frozenset(), known), self.frame)

    def due(self, ripe: float) -> Building | None:
        """The next batch to build for the peer, up to arrival `ripe`; None if there is none, or two are in flight.

        Reads the store. Once it is built, `send` it.
        """
        if not self._serving or len(self._in_flight) >= caps.UNACKNOWLEDGED:
            return None
        if self.view.counted is not self._counted:  # a branch that the peer did not want may lie before the cursor
            self._counted, self._recount = self.view.counted, True
        until = min(max(ripe, self._asked), self.view.last_arrival()) if self._until is None else self._until
        if self._recount:
            self._recount = False
            return self._building(None, int(until))
        return None if self._cursor >= until else self._building(self._cursor, int(until))

    def _building(self, after: int | None, until: int) -> Building:
        return Building(self.view, self.name, self.frame, after, until, self._peer(), self.released)

    def send(self, built: Building) -> list[bytes]:
        """A batch that was due, in parts; nothing if the peer lacks nothing of what was looked at."""
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
        """A batch from the peer is durable, but for the rows that were refused, with these gaps: the answer.

        `news`: it brought something.
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
        """The peer knows that we hold these: we send them to it, or acknowledge them."""
        for number, sequence in places if self._untold else ():
            if number in self._untold and sequence >= self.view.branch(number).length:
                self._untold.discard(number)

    def _are_alike(self, number: int, sequence: int) -> None:
        """The peer says that it holds this, and so do we."""
        if self.is_live and sequence > self.delivered.get(number, -1):  # else it has come over this session
            self.way = Way.SPARE

    def offer_again(self, now: float) -> None:
        """What the peer refused it may take now: what it rests on has been released, or has come from somebody else."""
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
        """These branches have grown here, whoever brought it: heads of the peer may be held now. Reads the store."""
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
        """Heads of the peer that are not known to be held here: also what it has just named and is still to look up."""
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
        """How many entries the peer lacks: counted again when something has changed, and not whenever somebody asks."""
        held_back, counted, arrival = self._held_back(), self.view.counted, self.view.last_arrival()
        now = self._deliveries, arrival, held_back, len(self._equivocators), len(self._shown)
        if self._lacked is None or self._lacked[0] != now or self._lacked[1] is not counted:
            peer = PeerHoldings(self.delivered, held_back, self._take_what_counts())
            self._lacked = now, counted, self.view.lacking(peer)
        return self._lacked[2]

    def confirmed(self, mark: Mapping[int, int]) -> bool:
        """Whether the peer holds every branch up to the sequence in `mark`, by what it acknowledged or showed."""
        return all(self.delivered.get(number, 0) >= sequence for number, sequence in mark.items())

    # --- what the peer says --------------------------------------------------------------------------

    def on_digest(self, digest: bytes) -> list[bytes]:
        if self._greeted_back:
            raise Unexpected("a digest, told twice")
        self._greeted_back = True
        if digest == self.view.digest():
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
        if max(len(heads), len(equivocators), len(gaps)) > caps.CHAINS:  # also of one that never ends
            raise CapExceeded("chains")
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
            raise CapExceeded("paths")

    def on_part(self, part: BatchPart) -> Batch | None:
        """A complete batch, once its last part is here. Raises PeerError."""
        if self._arriving is None:
            if self._uncommitted >= caps.UNACKNOWLEDGED:
                raise Unexpected("more batches than were acknowledged")
            self._arriving = Batch()
            self._uncommitted += 1
        batches.extend(self._arriving, part)
        if not part.last:
            return None
        batch, self._arriving = self._arriving, None
        return batch

    def on_ack(self, refused: list[int], now: float) -> None:
        if not self._in_flight:
            raise Unexpected("an acknowledgement of nothing")
        reaches, rows, released = self._in_flight.popleft()
        for row in refused:
            if row >= len(rows):
                raise Unexpected("a branch was refused that was not sent")
            reaches.pop(rows[row], None)
            self._refused.add(rows[row])
            # It may have cited a branch that was held back then: in a fork neither side gets on without the other.
            self.again_at = min(self.again_at, now + OFFER_AGAIN if released == self.released else now)
        self._judge(reaches)
        for number, sequence in reaches.items():
            self._deliver(number, sequence)

    def _judge(self, reaches: Mapping[int, int]) -> None:
        """The peer has acknowledged these: it lacked them, or said just before that it held some already."""
        claimed: dict[Line, int] = {}
        for head in self._heard:  # not looked up yet
            claimed[head.line] = max(head.sequence, claimed.get(head.line, 0))
        for number, sequence in reaches.items():
            if sequence > self.delivered.get(number, -1):
                self.way = Way.SPARE if sequence <= claimed.get(self.view.branch(number).line, 0) else Way.NEEDED

    def _tell_frontier(self) -> list[bytes]:
        if self._told_frontier:
            return []
        frontier = self.view.frontier()
        self._told_frontier, self._named = True, frontier.equivocators
        return frontiers.encode_frontier(self.name, frontier, self.frame)

    def _hear(self, frontier: Frontier) -> None:
        if self.is_live and not any(frontier):
            return  # only that there is nothing
        self._hearing = True
        self._heard |= dict.fromkeys(frontier.heads)
        if not frontier.equivocators <= self._equivocators:
            self._equivocators |= frontier.equivocators
            self._release()
        self._gaps |= frontier.gaps
        heads = len(self._heard) + len(self._ahead)
        if max(heads, len(self._equivocators), len(self._gaps)) > caps.CHAINS:
            raise CapExceeded("chains")

    # --- what the peer holds -------------------------------------------------------------------------

    def _need_not_come(self, device: DeviceId) -> bool:
        """Whether the peer knows a device as an equivocator, and nothing introduces it here.

        If it counts, what introduces it comes with the heads of others; and if not, the peer does not serve it.
        """
        return device in self._equivocators and not self.view.introduces(device)

    def _look_up(self, head: Head) -> None:
        """Whether a head of the peer is held here."""
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
        """A head is not ahead any more, if it was."""
        if self._ahead.take(head):
            self._recount = True  # what was held back because of it is not any more

    def _forgive(self, equivocators: Collection[DeviceId]) -> None:
        """Nothing of these is taken but what others cite, and the heads of others are ahead as well."""
        if forgiven := self._ahead.forgive(equivocators):
            self._shown |= forgiven
            self._recount = True

    def _look_up_path(self, path: Path) -> None:
        """The newest entry of a path that is held here is held by both, and all before it; of the rest nothing is.

        Of an equivocator, which may have very many, nothing is held back here.
        """
        if path.line[0] not in self.view.equivocators:
            for chain in self.view.branches(path.line):
                if chain.number not in self._known:
                    self._release()
                self._holds(chain.number, 0)
            self._recount = True
        if self.view.branches(path.line):  # else there is none to show, whatever chains a peer makes up
            self._to_show.add([path.line])
        for sequence, entry in path.steps:
            number = self.view.find(path.line, sequence, entry)
            if number is not None:
                self._holds(number, sequence)
                return

    def _release(self) -> None:
        """Something that was held back is not any more: what was refused may have cited it."""
        self.released += 1
        self._recount = True
        if self._refused:
            self.again_at = 0.0

    def _peer(self) -> PeerHoldings:
        """What decides what is served: what it holds or is on its way, and what is held back."""
        return PeerHoldings(self._known, self._refused | self._held_back(), self._take_what_counts())

    def _take_what_counts(self) -> Collection[DeviceId]:
        """Equivocators of which the peer is served only what counts: those that it knows as such.

        And those of which nobody who holds nothing of them need know: what introduces them does not count, and is not
        served, so the rest would not attach.
        """
        hidden = self.view.hidden
        if not hidden:
            return self._equivocators
        unknown = (
            device for device in hidden if device not in self._shown and not self.view.holds_of(device, self.delivered)
        )
        return self._equivocators.union(unknown)

    def _held_back(self) -> set[int]:
        """Branches that may be the beginning of one of which the peer has more. Not of an equivocator."""
        return {
            chain.number
            for line in self._ahead.lines
            if line[0] not in self._equivocators
            for chain in self.view.branches(line)
            if chain.number not in self._known
        }

    def _holds(self, number: int, sequence: int) -> None:
        """The peer holds a branch up to there, hence what it leaves."""
        while min(self._known.get(number, -1), self.delivered.get(number, -1)) < sequence:  # else noted
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
