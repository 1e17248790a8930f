"""The history of one case as a graph for people: who wrote what, when, and having seen what.

Rules:

1. Rows are the case's entries, newest first: a row is above everything its author had seen. The order is that of
   (height, id), hence the same on every device that holds the same entries.
2. A row's parents are the nearest entries of the case in its past. The path to them may lead through entries of other
   cases: an author who wrote in A after an entry of case B has seen everything that B's author had seen.
3. Nearest means that none of them is in the past of another.

For rule 2, the entries between the case's first and last that cite other chains are read once, in the order of height,
page by page: the others show their authors nothing new. Each chain carries a *view*: how far its author has seen the
case, as chain -> greatest sequence. A view changes only where the case does, so successive entries share one object,
and memory grows with the case, not with the history. (A parent's height is below its child's, so the inputs of a view
have been read before it.) A branch that leaves another one begins with the view at that point.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from heapq import merge
from itertools import islice, pairwise
from typing import Any, Final, NamedTuple

import trio

from cellsync.cell.summaries import GONE, Teller
from cellsync.cell.wrote import wrote
from cellsync.core.crdt.row import REMOVES
from cellsync.core.crdt.types import verb_of
from cellsync.core.errors import NotFound
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import Entry, chain_of, sequence_of, slot_of, unpack_slots
from cellsync.core.ids import REF_BYTES, CaseId, EntryId, Ref
from cellsync.core.schema.host import Bound
from cellsync.core.schema.values import moment
from cellsync.core.wire import operations
from cellsync.core.wire.operations import Operation, split_refs
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import OpenCircle

PAGE: Final = 1_024  # entries read before other tasks get their turn
ROWS: Final = 2_000  # the newest entries that are drawn
ROWS_BYTES: Final = 8 << 20  # of their contents, at most
TOLD: Final = 64  # operations told of one entry; "…" stands for the rest
REMOVED: Final = 4_096  # older entries read to say what was removed
SHORTEST: Final = 4  # minimum characters of a shown id


class Seeing(NamedTuple):
    """An entry, reduced to what its author had seen."""

    height: int
    slot: int
    parents: bytes


View = dict[int, int]
"""How far the case has been seen: chain -> greatest sequence of an entry of the case. Shared: never changed."""


class Row(NamedTuple):
    """One entry of the case."""

    id: EntryId
    short: str  # prefix of its id in hex, unique in this case
    author: str
    at: datetime  # by its device's clock, UTC; a claim
    did: tuple[str, ...]  # in words: "created", "status=closed", 'notes +"…"'; control characters are replaced
    parents: tuple[int, ...]  # rows further down; several: it merges concurrent entries
    counts: bool  # False: kept, but not shown in the case; its author lacked the right, or writes several histories

    def __repr__(self) -> str:
        return f"<row {self.short}>"  # no content


class Graph(NamedTuple):
    """The history of one case."""

    case: CaseId
    rows: list[Row]  # newest first
    older: int = 0  # the slot of the newest entry before them; 0: none

    @property
    def cut(self) -> bool:
        """Whether there are older entries."""
        return self.older != 0

    def __repr__(self) -> str:
        return f"<graph of {len(self.rows)} entries>"


async def graph_of(
    circle: OpenCircle, case: Bound, first: int = 0, limit: int = ROWS, named: Callable[[bytes], str] = lambda _: ""
) -> Graph:
    """The history of a case: `limit` entries of it, from slot `first` back, or the newest. Raises NotFound.

    `named`: gives the titles of linked cases.

    Time: one pass over the circle's entries since the oldest of these that cite other chains.
    """
    async with circle.lock:
        held = circle.replica.held
        head = first or held.heads.of(held.cases.find(case.id))
        entries, older = await circle.apart(lambda: _newest(circle, head, limit))
    if not entries:
        raise NotFound
    entries.sort(key=lambda entry: (entry.height, entry.id))
    parents = await _parents(circle, entries)
    async with circle.lock:
        teller = Teller(case, named)
        await circle.apart(lambda: teller.learn(_removed(circle, entries, older)))
        return Graph(case.id, await circle.apart(lambda: _rows(circle, teller, entries, parents)), older)


def _removed(circle: OpenCircle, entries: list[Entry], older: int) -> dict[Ref, Operation]:
    """What these entries remove but did not write themselves."""
    own = {entry.id[:8] for entry in entries}
    refs: set[Ref] = set()
    for entry in entries:
        for operation in operations.decode(entry.shape, entry.content):
            if verb_of(operation.tag) in REMOVES and isinstance(operation.detail, bytes):
                refs.update(ref for ref in split_refs(operation.detail[: GONE * REF_BYTES]) if ref[:8] not in own)
    return wrote(circle.store, older, refs, REMOVED)[0] if refs else {}


def _newest(circle: OpenCircle, head: int, limit: int) -> tuple[list[Entry], int]:
    """The entries of a case from this one back, and the slot of the next one; 0 if there are no more."""
    entries: list[Entry] = []
    size = 0
    while head and len(entries) < limit and size < ROWS_BYTES:
        page = circle.store.case_page(head, 0, min(limit - len(entries), 64))
        entries += (entry for entry in page if entry.kind == Kind.CASE)
        size += sum(len(entry.shape) + len(entry.content) for entry in page)
        head = page[-1].prior
    return entries, head


# --- who had seen what -----------------------------------------------------------------------------------


async def _parents(circle: OpenCircle, entries: list[Entry]) -> dict[int, list[int]]:
    """The nearest ancestors in the case, by slot. `entries`: the case's, by height.

    Beside the event loop: a member may write entries that have each seen hundreds of branches.
    """
    found: dict[int, list[int]] = {}
    async with circle.lock:
        steps = _look_back(circle, entries, list(circle.replica.held.chains.values()), found)
    more = True
    while more:
        async with circle.lock:
            more = await circle.apart(lambda: next(steps, False))
        await trio.lowlevel.checkpoint()
    return found


def _look_back(
    circle: OpenCircle, entries: list[Entry], chains: list[Chain], found: dict[int, list[int]]
) -> Iterator[bool]:
    """Fill `found`. True after each page: others get their turn."""
    own = {entry.slot for entry in entries}
    seen = _Seen(circle.replica.held.chains)
    views: dict[int, View] = {}
    for at, entry in enumerate(_between(circle, entries, chains), start=1):
        view = seen.before(entry)
        if entry.slot in own:
            found[entry.slot], views[entry.slot] = _nearest(view, views), view
            view = {**view, chain_of(entry.slot): sequence_of(entry.slot)}
        seen.note(entry.slot, view)
        if at % PAGE == 0:
            yield True


def _nearest(view: View, views: dict[int, View]) -> list[int]:
    """Of the newest entries in a view, those in no other's past. `views`: what each entry had seen."""
    slots = [slot_of(chain, sequence) for chain, sequence in view.items()]
    return [
        slot
        for slot in slots
        if not any(views[other].get(chain_of(slot), 0) >= sequence_of(slot) for other in slots if other != slot)
    ]


class _Seen:
    """The views after each entry: per chain, the sequences at which the view changed, and its value from there on."""

    def __init__(self, chains: Mapping[int, Chain]) -> None:
        self._known = chains
        self._chains: dict[int, tuple[list[int], list[View]]] = {}

    def before(self, entry: Seeing) -> View:
        """The view of an entry's author: that of its previous and of its parents, merged."""
        view: View = self._after(entry.slot - 1)
        for parent in unpack_slots(entry.parents) if entry.parents else ():
            after = self._after(parent)
            if after is view or all(view.get(chain, 0) >= sequence for chain, sequence in after.items()):
                continue
            view = {chain: max(view.get(chain, 0), after.get(chain, 0)) for chain in view.keys() | after.keys()}
        return view

    def note(self, slot: int, view: View) -> None:
        sequences, views = self._chains.setdefault(chain_of(slot), ([], []))
        if not views or views[-1] is not view:
            sequences.append(sequence_of(slot))
            views.append(view)

    def _after(self, slot: int) -> View:
        sequences, views = self._chains.get(chain_of(slot), ((), ()))
        at = bisect_right(sequences, sequence_of(slot))
        if at:
            return views[at - 1]
        chain = self._known[chain_of(slot)]
        return self._after(slot_of(chain.base, chain.first - 1)) if chain.base else _NOTHING


_NOTHING: Final[View] = {}


def _between(circle: OpenCircle, entries: list[Entry], chains: list[Chain]) -> Iterator[Seeing]:
    """These entries, which are ordered by height, and all between them that cite other chains; by height."""
    own = [Seeing(entry.height, entry.slot, entry.parents) for entry in entries]
    slots = {entry.slot for entry in entries}
    readers = [_citing(circle, chain, own[0].height, own[-1].height, slots) for chain in chains]
    return merge(own, *readers, key=lambda entry: entry.height)


def _citing(circle: OpenCircle, chain: Chain, lowest: int, highest: int, besides: set[int]) -> Iterator[Seeing]:
    """A branch's entries with parents between two heights, which rise along it, except `besides`. Lazy: iterate with
    the lock held."""
    number, first, length = chain.number, _first_above(circle, chain, lowest), chain.length
    while first <= length:
        page = circle.store.citing(number, first, length, 256)
        for slot, height, parents in page:
            if height > highest:
                return
            if slot not in besides:
                yield Seeing(height, slot, parents)
        if len(page) < 256:
            return
        first = sequence_of(page[-1][0]) + 1


def _first_above(circle: OpenCircle, chain: Chain, lowest: int) -> int:
    """The sequence of a branch's first entry of at least this height."""
    first, beyond = chain.first, chain.length + 1
    while first < beyond:
        middle = (first + beyond) // 2
        entry = circle.store.entry_at(slot_of(chain.number, middle))
        if entry is None or entry.height < lowest:
            first = middle + 1
        else:
            beyond = middle
    return first


# --- rows --------------------------------------------------------------------------------------------------


def _rows(circle: OpenCircle, teller: Teller, entries: list[Entry], parents: dict[int, list[int]]) -> list[Row]:
    held, name = circle.replica.held, circle.replica.name
    short_ids = shorts([entry.id.hex() for entry in entries])
    places = {entry.slot: place for place, entry in enumerate(reversed(entries))}
    rows: list[Row] = []
    for entry, short in zip(entries, short_ids, strict=True):
        decoded: Any = operations.decode(entry.shape, entry.content)
        rows.append(
            Row(
                entry.id,
                short,
                name(held.chains[chain_of(entry.slot)].device),
                moment(entry.clock),
                _told(teller.tell(entry.id, decoded)),
                tuple(sorted(places[slot] for slot in parents[entry.slot])),
                held.shows(entry),
            )
        )
    return rows[::-1]


def _told(said: Iterator[str]) -> tuple[str, ...]:
    first = tuple(islice(said, TOLD))
    return first if next(said, None) is None else (*first, "…")


def shorts(ids: list[str]) -> list[str]:
    """The shortest prefixes that tell ids apart, of at least four characters."""
    order = sorted(ids)
    alike = dict.fromkeys(ids, SHORTEST - 1)
    for left, right in pairwise(order):
        same = next((at for at, (a, b) in enumerate(zip(left, right, strict=True)) if a != b), len(left))
        alike[left], alike[right] = max(alike[left], same), max(alike[right], same)
    return [digits[: alike[digits] + 1] for digits in ids]
