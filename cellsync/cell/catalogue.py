"""The catalogue of a cell: its cases with their titles, status and links.

Rules:

1. A question about one case, or about a page of cases, never reads all cases. The answers come from the listing of
   each case, kept in the database with an index for each question; a question costs what it shows.
2. A listing is a cache. A commit marks the listings of its cases stale, and does nothing more: an arrival costs the
   same however large its case is. Stale listings are remade when the next question needs them, or after a moment of
   quiet.
3. An answer is always up to date: stale cases are described first, in slices.
   What was described and is not in the database yet goes there before any answer.
4. A short id is just long enough to tell a case from its two neighbours in the order of ids; so only these are
   looked at.

`Catalogue` computes and never waits; `OpenCatalogue` does the same in slices, beside an event loop.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from itertools import islice
from threading import Lock
from typing import Final, TypeVar

import trio

from cellsync.cell import description
from cellsync.core.errors import DiskFull, StorageFailed
from cellsync.core.history.holdings import OWN_CASE
from cellsync.core.history.store import CaseListing, Listings, Store
from cellsync.core.ids import ID_BYTES, CaseId
from cellsync.core.marks import Marks
from cellsync.core.replica.replica import Replica
from cellsync.core.replica.stage import Plan
from cellsync.core.runs import by_id
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.source import Source

AT_ONCE: Final = 64  # cases described before other tasks get their turn
DURABLE: Final = 1_024  # described cases written to the disk together
TOGETHER: Final = 8_192  # described cases of one writer that are put together: 20 MB of memory, and pages, at once
QUIET: Final = 0.3  # seconds without a commit after which stale cases are described
LONGEST: Final = 5.0  # seconds after which they are described even without quiet
SHORTEST: Final = 4  # minimum digits of a short id

T = TypeVar("T")


class Catalogue:
    """The listings of one circle. Callers hold the circle's lock."""

    def __init__(self, replica: Replica, store: Store) -> None:
        self._replica = replica
        self._store = store
        store.listings.begin(description.VERSION)
        self._stale = Marks(number for number in store.listings.stale() if number != OWN_CASE)
        self._unput: dict[int, CaseListing] = {}  # described, and not put into the database yet
        self._staged: set[int] = set()  # put there, but not known to be durable
        self._lost = store.lost
        self._shorts = ShortIds(replica.held.case_ids)

    def note(self, plan: Plan) -> None:
        """Note a step that has been taken."""
        numbers = [*(case.number for case in plan.commit.cases), *plan.refold]
        self._stale.update(number for number in numbers if number != OWN_CASE)

    @property
    def stale(self) -> int:
        """The number of cases to describe."""
        self._notice_loss()
        return len(self._stale)

    @property
    def staged(self) -> int:
        """The number of cases described, but not known to be durable."""
        return len(self._unput) + len(self._staged)

    def fresh(self) -> Listings:
        """The listings, up to date."""
        self.describe(self.stale)
        self.put()
        return self._store.listings

    def describe(self, most: int) -> None:
        """Describe up to `most` of the stale cases, and put them into the database."""
        self._notice_loss()
        heads, state = self._replica.held.heads, self._replica.states.get
        known = description.Sought()
        some = islice(self._stale, most)
        self._described([description.describe(number, heads[number], state(number), known) for number in some])
        self.put()

    def describe_written(self, plan: Plan) -> None:
        """Describe the cases of a step that has just been taken, without folding those that begin with it.

        They are put into the database with the next others, or before the next answer.
        """
        self._notice_loss()
        heads, state = self._replica.held.heads, self._replica.states.get
        known = description.Sought()
        begun = {change.entry.case: change for change in plan.changes if not change.entry.prior}
        listings: list[CaseListing] = []
        for number in [case.number for case in plan.commit.cases if case.number in self._stale]:
            head, change = heads[number], begun.get(number)
            only = change is not None and change.entry.slot == head
            told = description.said_first(change.operations) if change is not None and only else None
            if told is None:
                listings.append(description.describe(number, head, state(number), known))
            else:
                listings.append(description.describe_said(number, head, told, known))
        self._described(listings)

    def _described(self, listings: list[CaseListing]) -> None:
        for listing in listings:
            self._stale.discard(listing.number)
            self._unput[listing.number] = listing

    def put(self) -> None:
        """Put what was described into the database."""
        if self._unput:
            self._store.listings.put(self._unput.values())
            self._staged.update(self._unput)
            self._unput.clear()

    def settled(self) -> None:
        """The store has been flushed."""
        if self._store.lost == self._lost:
            self._staged.clear()

    def _notice_loss(self) -> None:
        """A failed step loses everything that was staged with it."""
        if self._store.lost != self._lost:
            self._stale.update(self._staged)
            self._staged.clear()
            self._lost = self._store.lost

    # --- ids -------------------------------------------------------------------------------------

    def short(self, case: CaseId) -> str:
        """The shortest prefix of a case's id that no other case shares."""
        return self._shorts.short(case)

    def title(self, case: bytes) -> str:
        """The title of a case; "" if it is not here."""
        number = self._replica.held.cases.get(CaseId(case))
        found = [] if number is None else self.fresh().get([number])
        return found[0].title if found else ""

    def beginning(self, digits: str) -> list[CaseId]:
        """The cases whose ids begin with these hexadecimal digits, in order."""
        return self._shorts.beginning(digits)


class OpenCatalogue(Catalogue):
    """The catalogue of an open circle."""

    def __init__(self, circle: OpenCircle) -> None:
        super().__init__(circle.replica, circle.store)
        self._circle = circle
        self._commits = 0
        self._changed = trio.Event()
        if self.stale:
            self._changed.set()

    def note(self, plan: Plan) -> None:
        super().note(plan)
        if self.stale:
            self._commits += 1
            self._changed.set()

    def committed(self, plan: Plan, _: Source) -> None:
        """Called by the circle after every step."""
        self.note(plan)

    async def look(self, ask: Callable[[Replica, Listings], T]) -> T:
        """Answer a question about the cases as they are now. `ask` runs in a thread, with the lock held."""
        await self.ready()
        async with self._circle.lock:
            return await self._circle.apart(lambda: ask(self._replica, self.fresh()))

    async def ready(self) -> None:
        """Describe stale cases, leaving so few that `fresh` is quick."""
        with suppress(DiskFull, StorageFailed):
            if len(self._unput) > AT_ONCE:
                async with self._circle.lock:
                    await self._circle.apart(self.put)
            await self._catch_up(AT_ONCE)

    def keep_up(self, plan: Plan) -> None:
        """Describe the cases of a step, right after it is durable. Hold the lock.

        For writers of thousands of cases, step by step: the operations are still at hand, whereas later each case would
        have to be read and folded (half of an import's time). Call `written` at the end.

        Names and ids come in any order, so what is put goes to as many pages of the database as it has rows, until
        there are more rows than pages. Put step by step, a row of a table among 50,000 cost 0.24 ms more than one among
        1,000: thousands are put together.
        """
        self.settled()
        with suppress(DiskFull, StorageFailed):  # else they are described when needed
            self.describe_written(plan)
            if len(self._unput) >= TOGETHER or not self._store.spacious:
                self._put_durably()

    async def written(self) -> None:
        """The writer of thousands has finished. Hold the lock."""
        with suppress(DiskFull, StorageFailed):  # else they are put when needed
            await self._circle.apart(self._put_durably)

    def _put_durably(self) -> None:
        """Put what was described, and flush: in a thread, and with no step to wait for it."""
        if self._unput:
            self.put()
            self._store.flush()
            self.settled()

    async def run(self) -> None:
        """Describe stale cases whenever nothing has changed for a moment."""
        while True:
            await self._changed.wait()
            self._changed = trio.Event()
            began, seen = trio.current_time(), -1
            while seen != self._commits and trio.current_time() - began < LONGEST:
                seen = self._commits
                await trio.sleep(QUIET)
            with suppress(DiskFull, StorageFailed):  # else they are described when needed
                await self._catch_up(0)
                async with self._circle.lock:
                    await self._circle.apart(self._put_durably)
                    await self._settle()

    async def _catch_up(self, left: int) -> None:
        most, before = AT_ONCE, self.stale
        while self.stale > left:
            async with self._circle.lock:
                await self._circle.apart(partial(self.describe, most))
                if self._replica.states.crowded():
                    await self._circle.make_room()
                if self.staged >= DURABLE:
                    await self._settle()
            if self.stale >= before:  # an import writes faster than that: a question must not wait for its end
                most = min(2 * most, DURABLE)
            before = self.stale

    async def _settle(self) -> None:
        if self.staged:
            await self._circle.make_durable()
            self.settled()


class ShortIds:
    """The cases of a roll in the order of their ids."""

    def __init__(self, ids: Mapping[int, CaseId]) -> None:
        self._ids = ids
        self._order = array("I")  # their numbers
        self._learning = Lock()  # other circles ask as well, each in its thread

    def short(self, case: CaseId) -> str:
        self._learn()
        digits, at = case.hex(), self._place(case)
        beside = [*self._order[max(0, at - 1) : at], *self._order[at : at + 2]]
        alike = (_alike(digits, near.hex()) for near in map(self._ids.__getitem__, beside) if near != case)
        return digits[: max(SHORTEST, 1 + max(alike, default=0))]

    def beginning(self, digits: str) -> list[CaseId]:
        self._learn()
        lowest = bytes.fromhex(digits.ljust(2 * ID_BYTES, "0"))
        highest = bytes.fromhex(digits.ljust(2 * ID_BYTES, "f"))
        last = bisect_right(self._order, highest, key=self._ids.__getitem__)
        return [self._ids[number] for number in self._order[self._place(lowest) : last]]

    def _place(self, case: bytes) -> int:
        return bisect_left(self._order, case, key=self._ids.__getitem__)

    def _learn(self) -> None:
        """Take in new cases. They are numbered in order of arrival, after the circle's own."""
        with self._learning:
            new = range(len(self._order) + OWN_CASE + 1, len(self._ids) + 1)
            if len(new) < AT_ONCE:
                for number in new:
                    self._order.insert(self._place(self._ids[number]), number)
            else:
                self._order = array("I", by_id(self._ids, range(OWN_CASE + 1, len(self._ids) + 1)))


def _alike(one: str, other: str) -> int:
    """The length of the common prefix of two ids, in digits."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b), len(one))
