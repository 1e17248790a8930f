"""Followers: subscribers to what arrives and what is written here, field by field.

A follower is registered before its block is entered, so nothing is missed between reading and following. It never
slows down a writer: one that does not keep up gets a single "reset" in place of what it missed.

A cursor is `life:arrival`: a store's order of arrival, and a position in it; one for each circle, with commas. A cursor
without a position in a circle's store (the vault was joined again, the circle is new) also leads to a "reset". So does
a step that takes back what had counted, and a cursor from before such a step: no change of a field could express that.
What arrived together has one position: only its last change carries it, the others carry the position before. So a
follower that resumes after any change misses nothing, and may see a few twice."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Final

import trio

from cellsync.cell.backlog import Backlog
from cellsync.cell.cases import OpenCases
from cellsync.cell.changes import cause_of, change_size, readings, told, touched
from cellsync.core.case.fold import Stamp
from cellsync.core.history.entry import chain_of
from cellsync.core.ids import CaseId, CircleId
from cellsync.core.replica.stage import Plan
from cellsync.core.schema import host
from cellsync.core.schema.host import Bound, Cause, Change, Why
from cellsync.core.wire import operations
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.source import OwnHand, Source

BACKLOG: Final = 1_000  # changes that may wait for a follower
BACKLOG_BYTES: Final = 4 << 20  # of their values together
AT_ONCE: Final = 64  # changes told, or operations looked at, before other tasks get their turn
PAGE: Final = 256  # arrivals per read for a follower that resumes
_ELEMENTS: Final = 16  # bytes of an entry that are looked at as long as one operation: each may be an empty list
_LARGE: Final = 512  # bytes of values that are told as fast as one small change
_NUMBER: Final = re.compile("[0-9]{1,18}")
_STANDING: Final[Why] = "standing"
_EQUIVOCATOR: Final[Why] = "equivocator"


def work_of(change: Change) -> int:
    """How much it takes to tell this: its values are looked at element by element."""
    return 1 + change_size(change) // _LARGE


class Follower(AsyncIterator[Change]):
    """One subscription, to one case or to all of some circles. `cursor`: where these are now."""

    def __init__(self, case: Bound | None, cursor: Callable[[], str]) -> None:
        self.case = case
        self._cursor = cursor
        self._places: dict[CircleId, str] = {}  # how far it was told, in each circle
        self._backlog = Backlog(BACKLOG, BACKLOG_BYTES, change_size)
        self._last: Change | None = None

    def wants(self, case: CaseId) -> bool:
        return self.case is None or self.case.id == case

    def begin(self, circle: CircleId, place: str) -> None:
        """From here on it is told of a circle."""
        self._places[circle] = place

    def tell_all(self, changes: list[Change], circle: CircleId, before: str, after: str) -> Iterator[None]:
        """Tell what arrived together, between two places in a circle. Other tasks get their turn between the items."""
        work = 0
        for change in changes[:-1]:
            self.tell(change, circle, before)
            work += work_of(change)
            if work >= AT_ONCE:
                work = 0
                yield
        for change in changes[-1:]:
            self.tell(change, circle, after)

    def tell(self, change: Change, circle: CircleId, place: str) -> None:
        """Tell of a change; with it, or up to it, the follower knows what came up to this place."""
        self._places[circle] = place
        self._backlog.put(change._replace(circle=circle, cursor=",".join(self._places.values())))

    def miss(self) -> None:
        """The backlog is full: once the reader has drained it, it is told to read again."""
        self._backlog.miss()

    def close(self) -> None:
        """Told changes can still be read; then the iteration ends."""
        self._backlog.close()

    # A class, because a cancelled wait would end a generator for good: this one can be resumed.

    def __aiter__(self) -> Follower:
        return self

    async def __anext__(self) -> Change:
        if self._last is not None and self._backlog.take_miss():
            return self._last._replace(path="", value=None, before=None, cause="reset", cursor=self._cursor(), why="")
        change = await self._backlog.get()
        if change is None:
            raise StopAsyncIteration
        self._last = change
        return change


class _Share:
    """The changes of one step for one follower."""

    __slots__ = ("changes", "follower", "full", "size")

    def __init__(self, follower: Follower) -> None:
        self.follower = follower
        self.changes: list[Change] = []
        self.size = 0
        self.full = False  # there are more than may wait

    def add(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self.changes.append(change)
            self.size += change_size(change)
            if len(self.changes) > BACKLOG or self.size > BACKLOG_BYTES:
                self.full = True
                break


class Followers:
    """All followers of one circle. They and the cases with readers move forward together."""

    def __init__(self, circle: OpenCircle, cases: OpenCases) -> None:
        self._circle = circle
        self._cases = cases
        self._followers: list[Follower] = []
        self._told = self.cursor()

    def __len__(self) -> int:
        return len(self._followers)

    def cursor(self) -> str:
        """As `Cell.cursor`."""
        return self._place(self._circle.last_arrival())

    def _place(self, arrival: int) -> str:
        return f"{self._life}:{arrival}"

    @property
    def _life(self) -> str:
        return self._circle.life.hex()[:8]

    def prepare(self, follower: Follower, since: str | None) -> None:
        """Say where a follower begins, before it is told of anything in any circle."""
        known = None if since is None else self._place_in(since)
        follower.begin(self._circle.id, self.cursor() if known is None else self._place(known))

    async def begin(self, follower: Follower, since: str | None) -> None:
        """Tell it what has arrived after a cursor, and from now on what arrives."""
        async with self._circle.lock:
            if since is not None:
                await self._replay(follower, since)
            self._followers.append(follower)

    def end(self, follower: Follower) -> None:
        if follower in self._followers:
            self._followers.remove(follower)

    def close(self) -> None:
        for follower in self._followers:
            follower.close()

    # --- what has arrived before -------------------------------------------------------------------------

    async def _replay(self, follower: Follower, since: str) -> None:
        """Replay arrivals after a cursor, or reset if the cursor is not one of this store's. Hold the lock."""
        circle, place = self._circle, self._place_in(since)
        if place is None or not circle.refolded_at <= place <= circle.last_arrival():
            followed = CaseId(circle.id) if follower.case is None else follower.case.id
            cursor = self.cursor()
            follower.tell(Change(followed, "", None, None, "", False, "reset", cursor), circle.id, cursor)
            return
        share = _Share(follower)
        await circle.apart(lambda: self._read_behind(share, place))
        work = 0
        for change in share.changes:
            follower.tell(change, circle.id, change.cursor)
            work += work_of(change)
            if work >= AT_ONCE:
                work = 0
                await trio.lowlevel.checkpoint()
        if share.full:
            follower.miss()

    def _place_in(self, cursor: str) -> int | None:
        """The position in this circle that a cursor names, if it names one."""
        for part in cursor.split(","):
            life, _, number = part.partition(":")
            if life == self._life and _NUMBER.fullmatch(number):
                return int(number)
        return None

    def _read_behind(self, share: _Share, arrival: int) -> None:
        """Put together what has arrived behind this one, until there is more than may wait."""
        before = self._place(arrival)
        circle, follower = self._circle, share.follower
        held = circle.replica.held
        while arrivals := circle.store.arrivals(arrival, PAGE):
            for arrival, chain, sequence, _, _ in arrivals:
                device = held.chains[chain].device
                local, author = device == circle.device, circle.replica.name(device)
                told_already = len(share.changes)
                first = circle.store.arrived_before(chain, sequence) + 1
                for some in range(first, sequence + 1, PAGE):
                    for entry in circle.store.chain_slice(chain, some, min(some + PAGE - 1, sequence)):
                        case = held.case_ids[entry.case]
                        if held.shows(entry) and follower.wants(case):
                            written = operations.decode(entry.shape, entry.content)
                            changes = told(follower.case, case, written, {}, author, local, host.cause(local))
                            share.add(change._replace(cursor=before) for change in changes)
                            if share.full:
                                return
                before = self._place(arrival)
                if len(share.changes) > told_already:
                    share.changes[-1] = share.changes[-1]._replace(cursor=before)

    # --- what arrives ------------------------------------------------------------------------------------

    def committed(self, plan: Plan, source: Source) -> Iterator[Callable[[], None] | None]:
        """Called by the circle after every step."""
        yield from self._cases.refold(plan.refold)
        shares = [_Share(follower) for follower in self._followers]
        yield from self._bring_forward(plan, shares, cause_of(source), local=isinstance(source, OwnHand))
        before, self._told = self._told, self.cursor()
        resets = self._resets(plan, local=isinstance(source, OwnHand)) if shares and plan.refold else None
        for share in shares:
            if resets is not None and not share.full:
                share.changes += resets(share.follower)
            yield from share.follower.tell_all(share.changes, self._circle.id, before, self._told)
            if share.full:
                share.follower.miss()

    def _bring_forward(self, plan: Plan, shares: list[_Share], cause: Cause, *, local: bool) -> Iterator[None]:
        """Apply a step to the cases with readers, and note the changes for each follower."""
        circle, read = self._circle, self._cases.read
        # Without followers and with few cases being read, an arrival must cost next to nothing.
        steps = plan.changes if shares else plan.changes.of(read) if read else ()
        work = 0
        for entry, device, written in steps:
            work += 1 + len(written) + (len(entry.shape) + len(entry.content)) // _ELEMENTS
            if work > AT_ONCE:
                work = 0
                yield None
            case = circle.replica.held.case_ids[entry.case]
            wanting = [share for share in shares if not share.full and share.follower.wants(case)]
            names = touched(written) if wanting else []
            before = [readings(share.follower.case, names) for share in wanting]
            state = read.get(entry.case)
            if state is not None:
                state.apply(Stamp(entry.id, device, entry.clock, entry.height), written)
            author = circle.replica.name(device) if wanting else ""
            for share, earlier in zip(wanting, before, strict=True):
                share.add(told(share.follower.case, case, written, earlier, author, local, cause))

    def _resets(self, plan: Plan, *, local: bool) -> Callable[[Follower], list[Change]]:
        """The resets for followers when earlier entries of cases stop or start to count."""
        held = self._circle.replica.held
        refolded = [held.case_ids[number] for number in plan.refold]
        restood = {held.case_ids[entry.case] for entry in plan.restanding if entry.changes_case}
        deciding = {held.chains[chain_of(entry.slot)].device for entry in plan.controls}
        decided_by = self._circle.replica.name(next(iter(deciding))) if len(deciding) == 1 else ""
        whole = CaseId(self._circle.id)

        def reset(follower: Follower) -> list[Change]:
            if not any(map(follower.wants, refolded)):
                return []
            several = refolded[0] if len(refolded) == 1 else whole
            case = several if follower.case is None else follower.case.id
            stands_otherwise = bool(restood) if case == whole else case in restood
            author, why = (decided_by, _STANDING) if stands_otherwise else ("", _EQUIVOCATOR)
            return [Change(case, "", None, None, author, local, "reset", "", why=why)]

        return reset


@asynccontextmanager
async def following(
    circles: Iterable[Followers], cursor: Callable[[], str], case: Bound | None, since: str | None,
    among: set[Follower] | None = None,
) -> AsyncIterator[Follower]:  # fmt: skip
    """A follower of these circles. `cursor`: where they are now. `among`: where it is, for those that come later."""
    follower, first = Follower(case, cursor), list(circles)
    for one in first:
        one.prepare(follower, since)
    if among is not None:
        among.add(follower)
    try:
        for one in first:
            await one.begin(follower, since)
        yield follower
    finally:
        if among is not None:
            among.discard(follower)
        for one in circles:
            one.end(follower)
        follower.close()
