"""The view of a circle that a session gets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from cellsync.core.crypto.ratchet import Branches
from cellsync.core.history.chain import Chain
from cellsync.core.history.serving import PeerHoldings, Served
from cellsync.core.ids import CircleId, Day, DeviceId, EntryId, EpochId, SessionPublic
from cellsync.core.membership.epochs import SessionKey, WantedEpoch
from cellsync.core.wire.detached import Detached
from cellsync.core.wire.places import Frontier, Head, Line


class CircleView(Protocol):
    """A circle as a session sees it: enough to serve its entries, and nothing that could read a case."""

    @property
    def id(self) -> CircleId: ...

    def session_keys(self) -> list[SessionKey]:
        """The keys under which a session may open; the first is the one to call with."""
        ...

    def keys_on(self, day: Day) -> list[SessionKey]:
        """The keys of one day, the newest epoch's first; none if its states are not held."""
        ...

    def device_with(self, key: SessionPublic) -> DeviceId | None:
        """The device, active in this circle, with this session key; if there are several, the one with the smallest id.

        A device has another id in each circle.
        """
        ...

    def offer_key(self, day: Day, peer: SessionPublic) -> SessionKey:
        """The key under which to offer this circle to a peer: of the day, if its states are held, in the newest epoch
        that the peer is known to hold, if it is held here, else in the one in use."""
        ...

    def accepts(self, epoch: EpochId, caller: SessionPublic) -> bool:
        """Whether a caller with this session key may open a session under an epoch: any active device under a recent
        one, a device under the older one that is kept for it, anybody else only under the one in use."""
        ...

    def wanted_epoch(self) -> WantedEpoch | None:
        """The chosen epoch, if its states are lacking and may be handed over."""
        ...

    def handed_over(self, epoch: EpochId) -> Branches | None:
        """Today's states of an epoch, if it is the chosen one and its states are held."""
        ...

    @property
    def hands_out(self) -> bool:
        """Whether entries of this circle may be sent: not by a build that is below its floor."""
        ...

    def is_target(self, key: SessionPublic) -> bool:
        """Whether all devices with this session key are targets of detached entries: they are sent nothing."""
        ...

    def to_tell(self, key: SessionPublic) -> Sequence[tuple[EntryId, Detached]]:
        """The detached entries, with their ids, of which a peer with this session key is told."""
        ...

    def digest(self) -> bytes: ...

    def frontier(self) -> Frontier: ...

    def agreed(self) -> list[tuple[int, int]]:
        """What a peer with the same digest certainly holds: the sequence up to which each branch counts, by number."""
        ...

    @property
    def counted(self) -> Mapping[int, Head]:
        """What counts of equivocators, by branch: a different mapping object after every change."""
        ...

    @property
    def equivocators(self) -> Collection[DeviceId]:
        """Devices of which more branches are held than an honest one has."""
        ...

    @property
    def hidden(self) -> Collection[DeviceId]:
        """Equivocators whose introduction does not count."""
        ...

    def introduces(self, device: DeviceId) -> bool:
        """Whether an introduction of a device that counts is held."""
        ...

    def holds_of(self, device: DeviceId, known: Mapping[int, int]) -> bool:
        """Whether a peer that holds each branch up to the sequence in `known` holds anything of a device."""
        ...

    def branches(self, line: Line) -> list[Chain]:
        """The branches of a chain that are held."""
        ...

    def branch(self, number: int) -> Chain: ...

    def find(self, line: Line, sequence: int, entry: EntryId) -> int | None:
        """The number of the branch that holds this entry, None if it is not held."""
        ...

    def entry_id(self, branch: int, sequence: int) -> EntryId | None:
        """The id of the entry at a place on the way to a branch's head."""
        ...

    def last_arrival(self) -> int: ...

    def own_admission(self) -> int:
        """The arrival that brought this device's own introduction, 0 if it has not come yet; or its first entry."""
        ...

    def cursor_for(self, peer: PeerHoldings) -> int:
        """Where to start serving a peer."""
        ...

    def lacking(self, peer: PeerHoldings) -> int:
        """How many of the entries held here the peer would take and does not hold."""
        ...

    def serve(self, cursor: int, peer: PeerHoldings, until: int) -> Served: ...
