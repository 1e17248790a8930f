"""The view of a circle that a session gets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import Enum, auto
from typing import Protocol

from cellsync.core.crypto.ratchet import Branches
from cellsync.core.history.chain import Chain
from cellsync.core.history.serving import PeerHoldings, Served
from cellsync.core.history.withholding import Withheld
from cellsync.core.ids import CircleId, Day, DeviceId, EntryId, EpochId, SessionPublic
from cellsync.core.membership.epochs import SessionKey, WantedEpoch
from cellsync.core.wire.detached import Detached
from cellsync.core.wire.places import Frontier, Head, Line


class Extent(Enum):
    """What a peer is told of a circle (protocol/50-sync.md, Suspended and removed devices)."""

    NOTHING = auto()
    REMOVAL = auto()  # that it was removed, because somebody here wants it to know: nothing else, and no names
    CONTROLS = auto()  # who is a member, and nothing of cases: it is suspended
    ANSWER = auto()  # what was here when this device answered it, which had removed this one: so that it can be read
    ALL = auto()

    @property
    def withheld(self) -> Withheld:
        """What of entries that are served is left out."""
        return _WITHHELD.get(self, Withheld.NOTHING)


_WITHHELD = {Extent.REMOVAL: Withheld.CASES_AND_NAMES, Extent.CONTROLS: Withheld.CASES}


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

    def extent(self, key: SessionPublic) -> Extent:
        """What the devices with this session key are told. If all are targets of detached entries: nothing."""
        ...

    def last_told(self, key: SessionPublic) -> int:
        """The arrival up to which they are served, if they are not told all: what matters to them ends with it."""
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

    def own_chains(self, key: SessionPublic) -> Collection[Chain]:
        """What the devices with a session key have written, as far as it is held here."""
        ...

    def own_admission(self) -> int:
        """The arrival that brought this device's own introduction, 0 if it has not come yet; or its first entry."""
        ...

    def cursor_for(self, peer: PeerHoldings) -> int:
        """Where to start serving a peer."""
        ...

    def lacking(self, peer: PeerHoldings) -> int:
        """How many of the entries held here the peer would take and does not hold."""
        ...

    def serve(self, cursor: int, peer: PeerHoldings, until: int, withheld: Withheld = Withheld.NOTHING) -> Served: ...
