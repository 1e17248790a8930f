"""The store as the core sees it: Protocols, and the one thing ever written, a `Commit`.

session.receive(bytes)  -> Batch
replica.plan(batch)     -> Commit       pure; reads through `Store`
store.write(commit); store.flush()      the only write
replica.advance(commit)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol

from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import Entry, Restanding
from cellsync.core.ids import CaseId, EntryId, Signature


class Case(NamedTuple):
    """One row of the dense table of cases."""

    number: int  # local, from 1; number 1 is the circle's own case
    id: CaseId
    head: int  # slot of its newest entry, 0 if none
    folded: int  # slot of the newest entry in its snapshot, 0 if none


class Arrival(NamedTuple):
    """A commit brought one chain up to `sequence`, a signed entry.

    Arrivals are served in this order: after every commit all chain heads are signed and all parents are held, so
    a batch may end at each boundary between commits (protocol/50-sync.md, Serving).
    """

    number: int  # ascending, from 1
    chain: int
    sequence: int
    size: int  # bytes of shape and content of the entries it brought
    last: bool  # the last arrival of its commit


class StandingRow(NamedTuple):
    """What an entry's standing depends on, apart from what others wrote."""

    slot: int
    id: EntryId
    kind: int
    past: int
    standing: int


Outgoing = tuple[int, int, int, int, int, bytes, bytes, bytes, Signature | None]
"""One entry as a batch needs it, a plain tuple so that nothing is looked up by name between the store and a peer:
height, slot, case, clock, kind, slots of its parents, shape, content, signature."""


class Commit(NamedTuple):
    """Everything one step writes, atomically."""

    entries: Sequence[Entry]  # new, parents first
    chains: Sequence[Chain]  # new or advanced
    cases: Sequence[Case]  # new or advanced; `folded` is ignored here
    pasts: Sequence[tuple[int, bytes]]  # newly interned control pasts: number, bit set
    arrivals: Sequence[Arrival]
    refolded: Sequence[int] = ()  # cases whose snapshots and listings no longer match the entries that count
    restanding: Sequence[Restanding] = ()  # entries held before whose standing changed
    judged_anew: Sequence[tuple[int, int, int]] | None = None  # slot, past and standing of all entries: `pasts` are all


ANYTHING: Final = b""
"""In place of a link: this case points at more than is listed, so possibly at any case."""


class CaseListing(NamedTuple):
    """What lists and searches need of one case, as of its entry `upto`."""

    number: int
    upto: int  # slot of the newest entry included
    shown: bool  # whether anything in it counts
    kind: str
    title: str
    status: str
    conflicts: int
    called: frozenset[tuple[str, bool]]  # folded texts it is found by; whether each is its external id
    links: frozenset[bytes]  # ids of the cases that it points at


PUT_AWAY: Final = "archived"
"""The status of a case that lists leave out, unless it has conflicts."""


class ListedCase(NamedTuple):
    """What a list shows of one case."""

    number: int
    kind: str
    title: str
    status: str
    conflicts: int


class Wanted(NamedTuple):
    """The filter of a list of cases."""

    kinds: Sequence[str] | None = None  # only these kinds
    besides: Sequence[str] = ()  # excluding these kinds
    conflicts: bool = False  # only cases with conflicts
    put_away: bool | None = None  # only cases put away, or only cases not put away
    parts: Sequence[str] = ()  # only cases with a name or external id that contains all of these; folded
    target: bytes = b""  # only cases that point at this one, judging by their listings
    among: Sequence[int] | None = None  # only these cases


class Listings(Protocol):
    """A cache of the names and links of cases. Reads see earlier `put`s; `flush` makes them durable."""

    def begin(self, version: bytes) -> None:
        """Forget all listings if they were made by other rules."""
        ...

    def stale(self) -> list[int]:
        """The numbers of the cases whose listing is missing, or lacks entries."""
        ...

    def put(self, listings: Iterable[CaseListing]) -> None: ...

    def get(self, numbers: Iterable[int]) -> list[ListedCase]: ...

    def page(self, wanted: Wanted, after: int, limit: int) -> list[ListedCase]:
        """Ordered by number, starting above `after`."""
        ...

    def count(self, wanted: Wanted) -> int: ...

    def counts(self) -> list[tuple[str, int, int]]:
        """(kind, number of cases, number of those with conflicts)."""
        ...

    def put_away(self) -> int:
        """The number of cases put away."""
        ...

    def of_kind(self, kind: str) -> list[int]: ...

    def called(self, name: str) -> list[tuple[int, bool]]:
        """(number, whether by external id) of the cases with exactly this folded name."""
        ...

    def called_partly(self, parts: Sequence[str]) -> list[int]:
        """The numbers of the cases with a name or external id that contains all of these, in any order."""
        ...

    def links(self, number: int) -> list[bytes]:
        """The ids of the cases that this one points at, as far as listed."""
        ...

    def linking(self, target: bytes) -> list[int]:
        """The numbers of the cases that point at this one, or may (`ANYTHING`)."""
        ...


class Store(Protocol):
    """One circle at rest. Every read sees earlier writes; nothing is durable before `flush`."""

    lost: int  # how often a failure has lost what was staged

    @property
    def spacious(self) -> bool:
        """Whether one commit may have any number of pages."""
        ...

    @property
    def listings(self) -> Listings: ...

    def chains(self) -> list[Chain]: ...

    def cases(self) -> Iterator[Case]: ...

    def pasts(self) -> Iterator[tuple[int, bytes]]: ...

    def arrivals(self, after: int, limit: int) -> list[Arrival]:
        """Arrivals with numbers above `after`, ascending."""
        ...

    def last_arrival(self) -> int:
        """The greatest arrival number, 0 if there is none."""
        ...

    def first_arrival(self, chain: int, sequence: int) -> int:
        """The number of the arrival that brought this entry, 0 if it is not held."""
        ...

    def signed_at(self, chain: int, sequence: int) -> int:
        """The first sequence, from this one on, where an arrival ends and so a signature is held; 0 if none."""
        ...

    def arrived_before(self, chain: int, sequence: int) -> int:
        """The length of a chain before the arrival that ends at `sequence`, 0 if that was its first."""
        ...

    def entry_at(self, slot: int) -> Entry | None: ...

    def ids_at(self, slots: Sequence[int]) -> list[tuple[int, EntryId]]:
        """(slot, id) of each of these entries that is held."""
        ...

    def chain_slice(self, chain: int, first: int, last: int) -> list[Entry]:
        """The entries of a chain from sequence `first` to `last` inclusive, ascending."""
        ...

    def standings(self, chain: int, first: int, last: int, *, aside: bool = False) -> list[StandingRow]:
        """The same entries, without what they say. `aside`: only those that are not IN."""
        ...

    def outgoing(self, chain: int, first: int, last: int) -> list[Outgoing]:
        """The same entries, reduced to what goes into a batch."""
        ...

    def case_entries(self, head: int, folded: int) -> list[Entry]:
        """The entries of a case from slot `head` back along `prior` until slot `folded` (excluded), newest first."""
        ...

    def case_page(self, head: int, folded: int, limit: int) -> list[Entry]:
        """The first `limit` of these. Continue from the `prior` of the last."""
        ...

    def case_beginning(self, head: int, begins: Sequence[str], limit: int) -> list[int]:
        """The slots of a case's first `limit` entries, from slot `head` back, whose ids begin with one of `begins`.

        `begins`: hexadecimal prefixes, all of one length. Continue from the `prior` of the last.
        """
        ...

    def cases_between(self, first: int, last: int) -> list[int]:
        """The numbers of the cases to which the entries from slot `first` to `last` belong."""
        ...

    def cases_changed(self, chain: int, first: int, last: int) -> list[tuple[int, int]]:
        """(case, number of entries) of a chain from sequence `first` to `last`, the newest first."""
        ...

    def citing(self, chain: int, first: int, last: int, limit: int) -> list[tuple[int, int, bytes]]:
        """(slot, height, slots of parents) of the first `limit` entries with parents from `first` to `last`."""
        ...

    def citations(self) -> list[tuple[int, bytes]]:
        """(slot, slots of its parents) of every entry that has parents."""
        ...

    def snapshot(self, case: int) -> tuple[int, bytes] | None:
        """(slot folded up to, snapshot) of a case, None if none was saved."""
        ...

    def write(self, commit: Commit) -> None:
        """Stage a commit. If it raises DiskFull or StorageFailed, nothing of it is kept."""
        ...

    def save_snapshots(self, snapshots: Iterable[tuple[int, int, bytes]]) -> None:
        """Stage (case number, folded slot, snapshot)."""
        ...

    def tidying(self) -> AbstractContextManager[None]:
        """While it lasts, the store may put itself in order in a thread of its own. Who asks it then may wait."""
        ...

    def flush(self) -> None:
        """Make everything staged durable (fsync). If it raises DiskFull or StorageFailed, nothing staged is kept."""
        ...

    def keep(self, name: str, value: bytes) -> None:
        """Stage a small named value (keys, branch states, addresses), replacing an older one."""
        ...

    def kept(self, name: str) -> bytes | None: ...

    def forget(self, name: str) -> None: ...

    def accept_ephemeral(self, day: int, device: bytes, ephemeral: bytes) -> bool:
        """Stage that a handshake's ephemeral was accepted; False if it was seen before, or the day's cap is reached.

        `device`: b"" for all unknown devices together. An ephemeral accepted from those counts against every device.
        """
        ...

    def forget_ephemerals(self, before: int) -> None: ...

    def close(self) -> None: ...
