"""The circle as the node sees it: enough to find its devices and to carry entries.

The node sends bytes, and nothing in it can read a case: it knows this Protocol, and no replica.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import trio

from cellsync.core.crypto.ratchet import Branches
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import Entry
from cellsync.core.history.store import Arrival
from cellsync.core.ids import Day, DeviceId, EpochId, Incarnation, SessionPublic
from cellsync.core.membership.clocks import Clocks, Difference
from cellsync.core.membership.epochs import Epochs, SessionKey
from cellsync.core.membership.settings import Setting
from cellsync.core.session.building import Building
from cellsync.core.session.view import CircleView
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.detached import Detached
from cellsync.core.wire.places import Gap
from cellsync.ledger.source import Source
from cellsync.ledger.surroundings import Surroundings


class Committed(Protocol):
    """The durable part of one step."""

    @property
    def arrivals(self) -> Sequence[Arrival]: ...

    @property
    def chains(self) -> Sequence[Chain]: ...


class Step(Protocol):
    """One atomic change of a circle: a batch, or something written here."""

    @property
    def commit(self) -> Committed: ...

    @property
    def controls(self) -> Sequence[Entry]:
        """The new entries that are about members and keys."""
        ...

    @property
    def reached(self) -> Sequence[tuple[int, int] | None]:
        """By row of the batch: up to where its branch is held now."""
        ...

    @property
    def refused(self) -> Sequence[int]:
        """The rows of the batch that were not taken."""
        ...

    @property
    def gaps(self) -> Sequence[Gap]: ...


Watcher = Callable[[Step, Source], None]
"""Called with every step, once durable, and its source."""


class Drawers(Protocol):
    """Small values that a store keeps under names."""

    def kept(self, name: str) -> bytes | None: ...

    def keep(self, name: str, value: bytes) -> None: ...


class SharedCircle(CircleView, Protocol):
    """A circle that is open on this device: what a session sees of it, and what finding and calling take."""

    @property
    def device(self) -> DeviceId: ...

    @property
    def life(self) -> Incarnation:
        """The life of this store: it distinguishes its order of arrival from every other."""
        ...

    @property
    def lock(self) -> trio.Lock:
        """Held while a part of the program plans, reads the store or commits."""
        ...

    @property
    def surroundings(self) -> Surroundings: ...

    @property
    def store(self) -> Drawers: ...

    @property
    def epochs(self) -> Epochs: ...

    @property
    def clocks(self) -> Clocks: ...

    def choice(self, setting: Setting) -> int | None:
        """What the members have chosen together; None: each device for itself."""
        ...

    # --- its devices -----------------------------------------------------------------------------------

    def others(self) -> list[DeviceId]:
        """The active devices except this one."""
        ...

    def key_of(self, device: DeviceId) -> SessionPublic | None: ...

    def devices_with(self, key: SessionPublic) -> tuple[DeviceId, ...]:
        """The active devices with this session key; more than one only if a member cheats."""
        ...

    @property
    def own_length(self) -> int:
        """How many entries this device has written."""
        ...

    def own_held(self, known: Mapping[int, int]) -> int:
        """How many of them a device holds that holds each branch up to the sequence in `known`."""
        ...

    # --- days and clocks -------------------------------------------------------------------------------

    def calling_keys(self, device: DeviceId, guess: int | None) -> list[SessionKey]:
        """The keys under which to call a device, the likeliest first. `guess`: ms by which its clock seems ahead."""
        ...

    def older_keys(self, device: DeviceId) -> list[SessionKey]:
        """Keys of older epochs, to be tried when nobody answers under these."""
        ...

    def further_keys(self, device: DeviceId) -> list[SessionKey]:
        """Keys of days on which a device may be without our knowing, the likeliest first."""
        ...

    def shown_by(self, devices: Iterable[DeviceId], day: Day, *, asked: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """The keys under which these devices show themselves while their clocks show a day: (key, device).

        `asked`: a user waits for them.
        """
        ...

    def difference(self, device: DeviceId) -> Difference | None:
        """How far another device's clock is from ours, as it was when the two last spoke."""
        ...

    def shift(self) -> int | None:
        """By how many ms the others' clocks are ahead of ours, if at least two other members have told theirs."""
        ...

    async def accept_ephemeral(self, day: Day, caller: DeviceId | None, ephemeral: bytes) -> bool:
        """Remember an opening durably; False if it was seen before, or the caller has used up its daily share."""
        ...

    # --- entries ---------------------------------------------------------------------------------------

    async def ingest(self, batch: Batch, source: Source) -> Step:
        """Verify and store a batch from `source`. Raises PeerError, DiskFull, StorageFailed: nothing of it is kept."""
        ...

    async def entrust(self, epoch: EpochId, states: Branches) -> None:
        """Keep the states of the chosen epoch, which a member has handed over."""

    async def note_holder(self, device: DeviceId, epoch: EpochId) -> None:
        """A device was given the states of an epoch."""

    async def forewarn(self, entry: Detached) -> bool:
        """Whether a peer's detached entry is new here, and heeded. Raises BadSignature, DiskFull, StorageFailed."""
        ...

    async def build(self, building: Building) -> None:
        """Build a batch for a peer. Hold the lock."""
        ...

    def watch(self, watcher: Watcher) -> None: ...

    def unwatch(self, watcher: Watcher) -> None: ...

    # --- keeping ---------------------------------------------------------------------------------------

    async def keep(self, name: str, value: bytes) -> None:
        """Make a small named value durable. Raises DiskFull or StorageFailed."""
        ...

    async def make_durable(self) -> None:
        """Flush everything staged, with the lock held. Raises DiskFull or StorageFailed."""

    async def tidy(self) -> None:
        """Write snapshots that make the next opening quick, and forget what is no longer needed."""
        ...
