"""What the core asks of a store, as Protocols, and the one thing it gives to it: a `Commit`.

session.receive(bytes)  -> Batch
replica.plan(batch)     -> Commit       pure; reads through `Store`
store.write(commit); store.flush()      the only write
replica.advance(commit)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import Entry, Restanding
from cellsync.core.ids import CaseId, EntryId, Signature


class Case(NamedTuple):
    """One row of the dense table of cases."""

    number: int  # local, from 1; number 1 is the circle's own case
    id: CaseId
    head: int  # slot of its newest entry, 0 if none
    folded: int  # slot of the newest entry that its snapshot contains, 0 if none


class Arrival(NamedTuple):
    """That a commit brought one chain up to `sequence`, a signed entry.

    Served in this order: after every commit all chain heads are signed and all parents are held, so each
    boundary between commits is a point where a batch may end (protocol/50-sync.md, Serving).
    """

    number: int  # ascending, from 1
    chain: int
    sequence: int
    size: int  # bytes of shape and content of the entries it brought
    last: bool  # the last arrival of its commit


Outgoing = tuple[int, int, int, int, int, bytes, bytes, bytes, Signature | None]
"""What a batch says of one entry, as it is read, for nothing is looked up by name on the way from the store to a peer:
height, slot, case, clock, kind, slots of its parents, shape, content, signature."""


class Commit(NamedTuple):
    """All that one step writes, atomically."""

    entries: Sequence[Entry]  # new, parents first
    chains: Sequence[Chain]  # new or advanced
    cases: Sequence[Case]  # new or advanced; `folded` is ignored here
    pasts: Sequence[tuple[int, bytes]]  # newly interned control pasts: number, bit set
    arrivals: Sequence[Arrival]
    refolded: Sequence[int] = ()  # cases whose snapshots and listings say something else than what counts now
    restanding: Sequence[Restanding] = ()  # entries held before that stand otherwise now


ANYTHING: Final = b""
"""In place of a link: this case points at more than is listed, perhaps at any case that somebody asks about."""


class CaseListing(NamedTuple):
    """What lists and searches need of one case, as its entries up to `upto` have it."""

    number: int
    upto: int  # slot of its newest entry that is in this
    shown: bool  # whether anything in it counts
    kind: str
    title: str
    status: str
    conflicts: int
    called: frozenset[tuple[str, bool]]  # what it may be found by, folded; whether that is its external id
    links: frozenset[bytes]  # ids of the cases that it points at


PUT_AWAY: Final = "archived"
"""The status of a case that lists leave out, unless people contradict each other there."""


class ListedCase(NamedTuple):
    """What a list shows of one case."""

    number: int
    kind: str
    title: str
    status: str
    conflicts: int


class Wanted(NamedTuple):
    """Which cases a list is of."""

    kinds: Sequence[str] | None = None  # of these kinds only
    besides: Sequence[str] = ()  # not of these
    conflicts: bool = False  # only those where people contradict each other
    put_away: bool | None = None  # only those that are put away, or only those that are not
    parts: Sequence[str] = ()  # only those with a name or external id that contains all of these; folded
    target: bytes = b""  # only those that point at this case, by what is listed of them
    among: Sequence[int] | None = None  # only these


class Listings(Protocol):
    """A cache of what cases are called and point at. Reads see what was put before; `flush` makes it durable."""

    def begin(self, version: bytes) -> None:
        """Forget them all if they were made by other rules."""
        ...

    def stale(self) -> list[int]:
        """The numbers of the cases whose listing is missing, or lacks entries."""
        ...

    def put(self, listings: Iterable[CaseListing]) -> None: ...

    def get(self, numbers: Iterable[int]) -> list[ListedCase]: ...

    def page(self, wanted: Wanted, after: int, limit: int) -> list[ListedCase]:
        """By number, from the first above `after` on."""
        ...

    def count(self, wanted: Wanted) -> int: ...

    def counts(self) -> list[tuple[str, int, int]]:
        """(kind, how many cases, how many of them with conflicts)."""
        ...

    def put_away(self) -> int:
        """How many cases are put away."""
        ...

    def of_kind(self, kind: str) -> list[int]: ...

    def called(self, name: str) -> list[tuple[int, bool]]:
        """(number, whether by its external id) of the cases of exactly this folded name."""
        ...

    def called_partly(self, parts: Sequence[str]) -> list[int]:
        """The numbers of the cases with a name or external id that contains all of these, in whatever order."""
        ...

    def links(self, number: int) -> list[bytes]:
        """The ids of the cases that this one points at, as far as they are listed."""
        ...

    def linking(self, target: bytes) -> list[int]:
        """The numbers of the cases that point at this one, and of those that may (`ANYTHING`)."""
        ...


class Store(Protocol):
    """One circle at rest. Every read sees what was written before it; nothing is durable before `flush`."""

    lost: int  # how often what was staged has been lost, because something failed

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
        """The first sequence from this one on at which an arrival ends, hence a signature is held; 0 if none."""
        ...

    def arrived_before(self, chain: int, sequence: int) -> int:
        """Up to which sequence a chain reached before the arrival that ends at `sequence`, 0 if nowhere."""
        ...

    def entry_at(self, slot: int) -> Entry | None: ...

    def ids_at(self, slots: Sequence[int]) -> list[tuple[int, EntryId]]:
        """(slot, id) of those of these entries that are held."""
        ...

    def chain_slice(self, chain: int, first: int, last: int) -> list[Entry]:
        """The entries of a chain from sequence `first` to `last`, both included, ascending."""
        ...

    def outgoing(self, chain: int, first: int, last: int) -> list[Outgoing]:
        """The same, of each only what goes into a batch."""
        ...

    def case_entries(self, head: int, folded: int) -> list[Entry]:
        """The entries of a case from slot `head` back along `prior` until slot `folded` (excluded), newest first."""
        ...

    def case_page(self, head: int, folded: int, limit: int) -> list[Entry]:
        """The first so many of these. Goes on from the `prior` of the last."""
        ...

    def case_beginning(self, head: int, begins: Sequence[str], limit: int) -> list[int]:
        """The slots of the first so many of a case's entries, from slot `head` back, whose ids begin with one of these.

        `begins`: hexadecimal digits, of all equally many. Goes on from the `prior` of the last.
        """
        ...

    def cases_between(self, first: int, last: int) -> list[int]:
        """The numbers of the cases to which the entries from slot `first` to `last` belong."""
        ...

    def cases_changed(self, chain: int, first: int, last: int) -> list[tuple[int, int]]:
        """(case, how many) of the entries of a chain from sequence `first` to `last`, the newest first."""
        ...

    def citing(self, chain: int, first: int, last: int, limit: int) -> list[tuple[int, int, bytes]]:
        """(slot, height, slots of its parents) of the first entries with parents from sequence `first` to `last`."""
        ...

    def citations(self) -> list[tuple[int, bytes]]:
        """(slot, slots of its parents) of every entry that has parents."""
        ...

    def snapshot(self, case: int) -> tuple[int, bytes] | None:
        """(slot folded up to, snapshot) of a case, None if none was saved."""
        ...

    def write(self, commit: Commit) -> None:
        """Stage a commit. Raises DiskFull or StorageFailed, and then nothing of it is kept."""
        ...

    def save_snapshots(self, snapshots: Iterable[tuple[int, int, bytes]]) -> None:
        """Stage (case number, folded slot, snapshot)."""
        ...

    def flush(self) -> None:
        """Make everything staged durable (fsync). Raises DiskFull or StorageFailed; then nothing staged is kept."""
        ...

    def keep(self, name: str, value: bytes) -> None:
        """Stage a small named value (keys, branch states, addresses); it replaces an older one."""
        ...

    def kept(self, name: str) -> bytes | None: ...

    def forget(self, name: str) -> None: ...

    def accept_ephemeral(self, day: int, device: bytes, ephemeral: bytes) -> bool:
        """Stage that a handshake's ephemeral was accepted; False if it was before, or the day's cap is reached.

        `device`: b"" for all that are not known, together. What was accepted of them counts for every device.
        """
        ...

    def forget_ephemerals(self, before: int) -> None: ...

    def close(self) -> None: ...
