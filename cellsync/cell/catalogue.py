"""The catalogue of a cell: which cases there are, what they are called, how they stand, and what points at what.

Rules:

1. Nobody reads all cases to answer a question about one of them, or about a page of them. What the answers need of a
   case is its listing, and stands in the database with an index for each question; a question costs what it shows.
2. A listing is a cache. A commit makes the listings of its cases stale, and nothing more: what arrives costs the same,
   however large a case is. They are made again when the next question needs them, or when it has been quiet for a
   moment.
3. An answer is always up to date. What is stale is described, in slices, before anybody is answered.
4. A short id is as long as it has to be to tell a case from its two neighbours in the order of ids; so only these are
   looked at.

`Catalogue` computes and waits for nothing; `OpenCatalogue` is one beside an event loop, in slices.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Final, TypeVar

import trio

from cellsync.cell import description
from cellsync.core.errors import DiskFull, StorageFailed
from cellsync.core.history.holdings import OWN_CASE
from cellsync.core.history.store import CaseListing, Listings, Store
from cellsync.core.ids import ID_BYTES, CaseId
from cellsync.core.replica.replica import Replica
from cellsync.core.replica.stage import Plan
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.source import Source

AT_ONCE: Final = 64  # cases that are described before others get their turn
DURABLE: Final = 1_024  # described cases that are written to the disk together
QUIET: Final = 0.3  # seconds without a commit, after which what is stale is described
LONGEST: Final = 5.0  # seconds after which it is described also if it never is quiet
SHORTEST: Final = 4  # digits of a short id, at least

T = TypeVar("T")


class Catalogue:
    """The listings of one circle. All of it is for those who hold the circle's lock."""

    def __init__(self, replica: Replica, store: Store) -> None:
        self._replica = replica
        self._store = store
        store.listings.begin(description.VERSION)
        self._stale = dict.fromkeys(number for number in store.listings.stale() if number != OWN_CASE)
        self._staged: set[int] = set()  # described, and not known to be durable
        self._lost = store.lost
        self._shorts = ShortIds(replica.held.case_ids)

    def note(self, plan: Plan) -> None:
        """A step has been taken."""
        numbers = [*(case.number for case in plan.commit.cases), *plan.refold]
        self._stale.update(dict.fromkeys(number for number in numbers if number != OWN_CASE))

    @property
    def stale(self) -> int:
        """How many cases are to be described."""
        self._notice_loss()
        return len(self._stale)

    @property
    def staged(self) -> int:
        """How many are described, and not known to be durable."""
        return len(self._staged)

    def fresh(self) -> Listings:
        """The listings, up to date."""
        self.describe(self.stale)
        return self._store.listings

    def describe(self, most: int) -> None:
        """Describe so many of the cases that changed."""
        self._notice_loss()
        heads, state = self._replica.held.heads, self._replica.states.get
        known = description.Sought()
        some = islice(self._stale, most)
        self._put([description.describe(number, heads[number], state(number), known) for number in some])

    def describe_written(self, plan: Plan) -> None:
        """Describe the cases of a step that has just been taken: what begins with it, without folding it."""
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
        self._put(listings)

    def _put(self, listings: list[CaseListing]) -> None:
        if listings:
            self._store.listings.put(listings)
            for listing in listings:
                del self._stale[listing.number]
                self._staged.add(listing.number)

    def settled(self) -> None:
        """The store has been flushed."""
        if self._store.lost == self._lost:
            self._staged.clear()

    def _notice_loss(self) -> None:
        """A step that failed takes along all that was staged with it."""
        if self._store.lost != self._lost:
            self._stale.update(dict.fromkeys(self._staged))
            self._staged.clear()
            self._lost = self._store.lost

    # --- ids -------------------------------------------------------------------------------------

    def short(self, case: CaseId) -> str:
        """The shortest beginning of a case's id that no other case has."""
        return self._shorts.short(case)

    def title(self, case: bytes) -> str:
        """What a case is called; "" if it is not here."""
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
        """Told of every step by the circle."""
        self.note(plan)

    async def look(self, ask: Callable[[Replica, Listings], T]) -> T:
        """The answer to a question about the cases as they are now. It is asked in a thread, with the lock held."""
        await self.ready()
        async with self._circle.lock:
            return await self._circle.apart(lambda: ask(self._replica, self.fresh()))

    async def ready(self) -> None:
        """Describe what is stale, but for so little that `fresh` is quick."""
        with suppress(DiskFull, StorageFailed):
            await self._catch_up(AT_ONCE)

    def keep_up(self, plan: Plan) -> None:
        """Describe the cases of a step, right after it is durable. Hold the lock.

        For those who write thousands of cases, step by step: what they say is still at hand, where later each would be
        read and folded (half of an import's time); and what is described becomes durable with the next step.
        """
        self.settled()
        with suppress(DiskFull, StorageFailed):  # else it is described when somebody asks
            self.describe_written(plan)

    async def run(self) -> None:
        """Describe what is stale whenever nothing has changed for a moment."""
        while True:
            await self._changed.wait()
            self._changed = trio.Event()
            began, seen = trio.current_time(), -1
            while seen != self._commits and trio.current_time() - began < LONGEST:
                seen = self._commits
                await trio.sleep(QUIET)
            with suppress(DiskFull, StorageFailed):  # else it is described when somebody asks
                await self._catch_up(0)
                async with self._circle.lock:
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
        """Take in the cases that are new. They are numbered as they come, behind the circle's own."""
        new = range(len(self._order) + OWN_CASE + 1, len(self._ids) + 1)
        if len(new) < AT_ONCE:
            for number in new:
                self._order.insert(self._place(self._ids[number]), number)
        else:
            self._order = array("I", sorted(range(OWN_CASE + 1, len(self._ids) + 1), key=self._ids.__getitem__))


def _alike(one: str, other: str) -> int:
    """How many digits two ids have in common at their beginnings."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b), len(one))
