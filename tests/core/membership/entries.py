"""Entries for tests of epochs: those of one cell in the order in which they were written, and what the rules say of
those that a device holds.

A set of entries is an int: entry n of the cell is in it if bit n is set. Who is active, and which rotation is chosen,
is what the rules of edition 2 say of that set (`Deliberation`), which other tests hold against a naive model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from cellsync.core.ids import Day, DeviceId, EntryId, EpochId, MemberId, SealPublic
from cellsync.core.membership.control import FirstRotation, Role
from cellsync.core.membership.deeds import Deed, each, has
from cellsync.core.membership.deliberation import Decision, Deliberation
from cellsync.core.membership.epochs import Rank
from cellsync.core.membership.holders import HeldRotation
from cellsync.core.membership.keyring import ActiveDevice
from cellsync.core.membership.outcome import Followed, IntroducedSealKey
from cellsync.core.membership.rotation import Reject, Rewrap, Rotation
from cellsync.core.membership.seal_key import SealKey
from cellsync.core.membership.standing import DeviceStatus
from cellsync.core.wire.tags import Kind


@dataclass(frozen=True)
class Admission:
    """Of a coordinator's device, by the entry that bears it; of a founder, with the first rotation."""

    seal: SealPublic
    rotation: FirstRotation | None = None


@dataclass(frozen=True)
class Removal:
    device: DeviceId
    rotation: Rotation | None = None


@dataclass(frozen=True)
class Endorsement:
    entry: EntryId


Said = Admission | Removal | Endorsement | Rotation | Rewrap | Reject | SealKey


@dataclass(frozen=True)
class Entry:
    id: EntryId
    author: DeviceId
    bit: int
    height: int
    day: Day
    past: int  # itself included
    said: Said

    @property
    def rotation(self) -> Rotation | FirstRotation | None:
        """That it is, or carries."""
        begun = self.said.rotation if isinstance(self.said, Admission | Removal) else self.said
        return begun if isinstance(begun, Rotation | FirstRotation) else None

    @property
    def deed(self) -> Deed:
        """As the rules see it."""
        author = None if isinstance(self.said, Admission) and self.said.rotation else self.author
        begun = self.rotation
        deed = Deed(self.id, Kind.CASE, author or DeviceId(self.id), self.past & ~(1 << self.bit), self.height)
        if isinstance(begun, Rotation):
            deed = deed._replace(recipients=frozenset(begun.devices))
        match self.said:
            case Admission(rotation=FirstRotation()):
                return deed._replace(kind=Kind.FOUND, recipients=frozenset({DeviceId(self.id)}))
            case Admission():
                return deed._replace(kind=Kind.ADMIT, role=Role.COORDINATOR)
            case Removal(device):
                return deed._replace(kind=Kind.REMOVE, members=(MemberId(device),))
            case Endorsement(entry):
                return deed._replace(kind=Kind.ENDORSE, names=(entry,))
            case Rotation():
                return deed._replace(kind=Kind.ROTATE)
            case Rewrap():
                return deed._replace(kind=Kind.REWRAP)
            case Reject(epoch):
                return deed._replace(kind=Kind.REJECT, names=(EntryId(epoch),))
            case SealKey():
                return deed._replace(kind=Kind.SEAL_KEY)


@dataclass
class Written:
    """All entries of a cell, and what the rules say of some of them: it is found once for each set."""

    entries: list[Entry] = field(default_factory=list)
    _bits: dict[EntryId, int] = field(default_factory=dict)
    _rules: Deliberation = field(default_factory=Deliberation)
    _known: dict[int, Known] = field(default_factory=dict)

    def __getitem__(self, entry: bytes) -> Entry:
        return self.entries[self._bits[EntryId(entry)]]

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._bits[entry.id] = entry.bit
        self._rules.add(entry.deed)

    def within(self, held: int) -> Iterator[Entry]:
        return (self.entries[bit] for bit in each(held))

    def saw(self, later: bytes, earlier: bytes) -> bool:
        """Whether the first has the second in its past, or is it."""
        return has(self[later].past, self[earlier].bit)

    def given(self, device: DeviceId) -> EpochId | None:
        """The epoch that was chosen where a device was introduced."""
        introduction = self[device]
        return self.known(introduction.past & ~(1 << introduction.bit)).chosen

    def known(self, held: int) -> Known:
        if held not in self._known:
            self._known[held] = Known(list(self.within(held)), self._rules.decide(held))
        return self._known[held]


class Known:
    """What the rules say of a set of entries."""

    def __init__(self, entries: list[Entry], decision: Decision) -> None:
        self.entries = entries
        self.decision = decision

    @cached_property
    def standing(self) -> list[Entry]:
        """The entries that are IN."""
        return [entry for entry in self.entries if self.decision.is_in(entry.id)]

    @cached_property
    def heard(self) -> frozenset[DeviceId]:
        """The devices that are active or suspended."""
        statuses = self.decision.statuses.items()
        return frozenset(device for device, status in statuses if status is not DeviceStatus.REMOVED)

    @cached_property
    def gone(self) -> frozenset[DeviceId]:
        """The devices that were introduced, and are removed."""
        return frozenset(self.decision.statuses) - self.heard

    @cached_property
    def removals(self) -> list[Removal]:
        return [entry.said for entry in self.entries if isinstance(entry.said, Removal)]

    @cached_property
    def active(self) -> dict[DeviceId, ActiveDevice]:
        return self._described(self.decision.active)

    @cached_property
    def suspended(self) -> dict[DeviceId, ActiveDevice]:
        """Those of which a key is IN."""
        standing = {entry.id for entry in self.standing}
        others = self.heard - self.decision.active
        return self._described(one for one in others if any(each.id in standing for each in self.introduced(one)))

    def _described(self, devices: Iterable[DeviceId]) -> dict[DeviceId, ActiveDevice]:
        found: dict[DeviceId, ActiveDevice] = {}
        for device in sorted(devices):
            newest = max(self._own[device], key=lambda entry: entry.height)
            key = self.introduced(device)[-1].said
            assert isinstance(key, Admission | SealKey)
            public = key.seal if isinstance(key, Admission) else key.key
            found[device] = ActiveDevice(MemberId(device), public, [newest.id], newest.day)
        return found

    @cached_property
    def latest(self) -> dict[DeviceId, Day]:
        """Up to which day active devices have written."""
        return {device: max(entry.day for entry in self._own[device]) for device in self.active}

    @cached_property
    def _own(self) -> dict[DeviceId, list[Entry]]:
        """The entries of each device that are held, that which introduces it included."""
        found: dict[DeviceId, list[Entry]] = {}
        for entry in self.entries:
            for device in {entry.author, DeviceId(entry.id)}:
                found.setdefault(device, []).append(entry)
        return found

    def introduced(self, device: DeviceId) -> list[Entry]:
        """What introduced a seal key of a device, in the order of (height, id)."""
        own = (entry for entry in self.standing if entry.author == device and isinstance(entry.said, SealKey))
        first = (entry for entry in self.entries if DeviceId(entry.id) == device)
        return sorted({*first, *own}, key=lambda entry: (entry.height, entry.id))

    def seal_keys(self, device: DeviceId) -> list[IntroducedSealKey]:
        return [IntroducedSealKey(entry.id, entry.height) for entry in self.introduced(device)]

    @cached_property
    def rotations(self) -> dict[EpochId, HeldRotation]:
        return {
            EpochId(entry.id): HeldRotation(EpochId(entry.id), entry.height, entry.author, begun)
            for entry in self.standing
            if (begun := entry.rotation) is not None
        }

    @cached_property
    def ranks(self) -> dict[EpochId, Rank]:
        begun = (entry for entry in self.entries if entry.rotation is not None)
        return {EpochId(entry.id): (entry.height, entry.id) for entry in begun}

    @cached_property
    def usable(self) -> frozenset[EpochId]:
        return frozenset(map(EpochId, self.decision.usable))

    @property
    def chosen(self) -> EpochId | None:
        return None if self.decision.epoch is None else EpochId(self.decision.epoch)

    @cached_property
    def followed(self) -> list[Followed]:
        return [Followed(entry.author, entry.said) for entry in self.standing if isinstance(entry.said, Rewrap)]

    @cached_property
    def rejected(self) -> dict[DeviceId, set[EpochId]]:
        found: dict[DeviceId, set[EpochId]] = {}
        for entry in self.standing:
            if isinstance(entry.said, Reject):
                found.setdefault(entry.author, set()).add(entry.said.epoch)
        return found
