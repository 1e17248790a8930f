"""Evidence: what the entries of a replica say of a circle's secrets, for the keyring (core/membership/keyring.py).

It reads rotations, what followed them, and seal keys, once when the circle is opened and then step by step. Whether one
entry saw another is read from control pasts. Only a `seal_key` of a member who is no coordinator has no bit there: what
a rotation saw of these is found by going through its past (`sight`), once for each rotation, and anything else has seen
one if it saw a rotation that did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from cellsync.core.history.entry import Entry, Standing, chain_of, sequence_of, slot_of, unpack_slots
from cellsync.core.history.store import Store
from cellsync.core.ids import DeviceId, EntryId, EpochId, MemberId, Millis, SealPublic, day_of
from cellsync.core.membership.control import Admit, FirstRotation, Found
from cellsync.core.membership.holders import HeldRotation
from cellsync.core.membership.keyring import ActiveDevice, StepFacts
from cellsync.core.membership.link import LinkDevice
from cellsync.core.membership.outcome import Followed, IntroducedSealKey
from cellsync.core.membership.removal import Remove
from cellsync.core.membership.rotation import Reject, Rewrap, Rotation
from cellsync.core.membership.seal_key import SealKey
from cellsync.core.replica.replica import Replica
from cellsync.core.replica.sight import sight
from cellsync.core.wire.tags import Kind

SPEAKING: Final = frozenset(
    {Kind.FOUND, Kind.ADMIT, Kind.LINK, Kind.REMOVE, Kind.ROTATE, Kind.REWRAP, Kind.REJECT, Kind.SEAL_KEY}
)


class _Key(NamedTuple):
    """A seal key that an entry introduced."""

    entry: EntryId
    height: int
    slot: int
    key: SealPublic


class KeyEvidence:
    """What is held that speaks of a circle's secrets."""

    def __init__(self, replica: Replica, store: Store, device: DeviceId) -> None:
        self._replica, self._store, self._device = replica, store, device
        self._rotations: dict[EpochId, tuple[HeldRotation, int]] = {}
        self._followed: list[tuple[Followed, EntryId, int]] = []
        self._rejects: list[tuple[DeviceId, EpochId, EntryId, int]] = []
        self._keys: dict[DeviceId, list[_Key]] = {}
        self._places: dict[EntryId, tuple[int, int]] = {}  # slot, and number of the control past
        self._sights: dict[int, dict[int, int]] = {}
        self._given: dict[DeviceId, EpochId | None] = {}
        self.take(replica.held.controls(store, SPEAKING))

    def take(self, entries: Iterable[Entry]) -> None:
        """Take in control entries that are durable."""
        for entry in entries:
            if entry.kind in SPEAKING and entry.standing != Standing.VOID:
                self._take(entry)

    def _take(self, entry: Entry) -> None:
        author = self._replica.held.chains[chain_of(entry.slot)].device
        operation = self._replica.circle.edition.decode(entry.kind, entry.shape, entry.content, held=True)
        self._places[entry.id] = entry.slot, entry.past
        match operation:
            case Found() | Admit() | LinkDevice():
                self._add_key(DeviceId(entry.id), entry, operation.keys.seal)
                if isinstance(operation, Found):
                    self._add_rotation(DeviceId(entry.id), entry, operation.rotation)
            case Rotation():
                self._add_rotation(author, entry, operation)
            case Remove(rotation=Rotation() as begun):
                self._add_rotation(author, entry, begun)
            case Rewrap():
                self._followed.append((Followed(author, operation), entry.id, entry.slot))
            case Reject(epoch):
                self._rejects.append((author, epoch, entry.id, entry.slot))
            case SealKey(key):
                self._add_key(author, entry, key)

    def _add_key(self, device: DeviceId, entry: Entry, key: SealPublic) -> None:
        self._keys.setdefault(device, []).append(_Key(entry.id, entry.height, entry.slot, key))

    def _add_rotation(self, author: DeviceId, entry: Entry, begun: Rotation | FirstRotation) -> None:
        epoch = EpochId(entry.id)
        self._rotations[epoch] = HeldRotation(epoch, entry.height, author, begun), entry.slot

    # --- the facts -------------------------------------------------------------------------------------

    def facts(self) -> StepFacts:
        decision = self._replica.court.ruling.decision
        circle = self._replica.circle
        active = {one.device: self._active(one.device, one.member) for one in circle.active()}
        others = [one for one in circle.heard() if one.device not in active]
        suspended = {
            one.device: self._active(one.device, one.member) for one in others if self._standing_keys(one.device)
        }
        rejected: dict[DeviceId, set[EpochId]] = {}
        for author, epoch, entry, slot in self._rejects:
            if self._stands(entry, slot):
                rejected.setdefault(author, set()).add(epoch)
        return StepFacts(
            None if decision.epoch is None else EpochId(decision.epoch),
            frozenset(map(EpochId, decision.usable)),
            {epoch: held for epoch, (held, slot) in self._rotations.items() if self._stands(EntryId(epoch), slot)},
            {epoch: held.rank for epoch, (held, _) in self._rotations.items()},
            [one for one, entry, slot in self._followed if self._stands(entry, slot)],
            rejected,
            active,
            suspended,
            [IntroducedSealKey(one.entry, one.height) for one in self._standing_keys(self._device)],
            frozenset(one.device for one in others),
            self.saw,
            self.given,
        )

    def given(self, device: DeviceId) -> EpochId | None:
        """The epoch that was chosen by the past of a device's introduction: its sponsor handed that over."""
        if device not in self._given:
            self._given[device] = self._chosen_before(EntryId(device))
        return self._given[device]

    def _chosen_before(self, entry: EntryId) -> EpochId | None:
        """Whoever introduced many was in few epochs: where there is no choice, no rule has to be asked."""
        seen = [epoch for epoch in self._rotations if EntryId(epoch) != entry and self.saw(entry, EntryId(epoch))]
        circle = self._replica.circle
        bit = circle.bit(entry)
        if len(seen) < 2 or bit is None:
            return next(iter(seen), None)
        chosen = circle.deliberate(circle.deed(bit).past).epoch
        return None if chosen is None else EpochId(chosen)

    def _stands(self, entry: EntryId, slot: int) -> bool:
        """Whether an entry that is not void counts, and is IN."""
        if self._replica.circle.bit(entry) is None:
            return self._replica.held.counts(slot)
        return self._replica.court.ruling.decision.is_in(entry)

    def _standing_keys(self, device: DeviceId) -> list[_Key]:
        return [one for one in self._keys.get(device, ()) if self._stands(one.entry, one.slot)]

    def _active(self, device: DeviceId, member: MemberId) -> ActiveDevice:
        newest = max(self._standing_keys(device), key=lambda one: (one.height, one.entry))
        last = list(self._newest(device))
        for entry in last:
            self._places[entry.id] = entry.slot, entry.past
        heard = max((entry.clock for entry in last), default=Millis(0))
        return ActiveDevice(member, newest.key, [entry.id for entry in last], day_of(heard))

    def _newest(self, device: DeviceId) -> Iterator[Entry]:
        """The newest entry that counts of each of a device's branches, or what introduces it."""
        held = self._replica.held
        slots = [slot_of(chain.number, held.counted_end(chain)) for chain in held.of_device(device)]
        introduced = self._replica.introduction_of(device)
        for slot in slots or ([] if introduced is None else [introduced]):
            entry = self._store.entry_at(slot)
            if entry is not None:
                yield entry

    # --- who saw what ------------------------------------------------------------------------------------

    def saw(self, later: EntryId, earlier: EntryId) -> bool:
        """Whether the first, which is known here, has the second in its past, or is it."""
        if later == earlier:
            return True
        if earlier not in self._places:
            return False  # what is not here nobody here has seen: pasts come first
        circle = self._replica.circle
        bit, (_, past) = circle.bit(earlier), self._places[later]
        if bit is not None:
            return circle.pasts.has(past, bit)
        rotations = [later] if EpochId(later) in self._rotations else map(EntryId, self._rotations)
        return any(self._rotation_saw(one, earlier) for one in rotations if one == later or self.saw(later, one))

    def _rotation_saw(self, rotation: EntryId, earlier: EntryId) -> bool:
        slot = self._places[rotation][0]
        seen = self._sights.get(slot)
        if seen is None:
            seen = self._sights[slot] = sight(slot, self._replica.held.chains.__getitem__, self._cited)
        place = self._places[earlier][0]
        return seen.get(chain_of(place), 0) >= sequence_of(place)

    def _cited(self, number: int, first: int, last: int) -> Iterator[int]:
        for sequence in range(first, last + 1):
            entry = self._store.entry_at(slot_of(number, sequence))
            if entry is not None:
                yield from unpack_slots(entry.parents)
