"""Days: the keys under which other devices are called and show themselves, wherever their clocks are.

Keys of sessions and beacons belong to a day. A device whose clock differs may be on a different day than this one, and
so may one that was admitted on a day that has not begun here. Entries of others attest a day; our clock may lag behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from cellsync.core import drawers
from cellsync.core.crypto.ratchet import Branches
from cellsync.core.history.entry import Entry, Standing, slot_of
from cellsync.core.history.holdings import INTRODUCTIONS
from cellsync.core.history.store import Store
from cellsync.core.ids import CircleId, Day, DeviceId, EntryId, EpochId, MemberId, Millis, SessionPublic, day_of
from cellsync.core.membership import epochs
from cellsync.core.membership.clocks import Clocks, Difference
from cellsync.core.membership.epochs import Epochs, SessionKey, WantedEpoch
from cellsync.core.membership.holders import Holders
from cellsync.core.membership.window import Window, window
from cellsync.core.session.view import Extent
from cellsync.core.wire.detached import Detached
from cellsync.ledger import audience
from cellsync.ledger.allowance import Allowance
from cellsync.ledger.members import MembersView
from cellsync.ledger.safe import Safe
from cellsync.ledger.surroundings import Surroundings

FURTHER: Final = 45  # days: how far from our day another device is looked for when a user waits for it


class DaysView(MembersView):
    """The part of a circle that needs its keys, its clocks and the time."""

    def __init__(self, circle: CircleId, store: Store, surroundings: Surroundings) -> None:
        self._allowance = Allowance()  # of removed devices that are told so
        super().__init__(circle, store, surroundings)
        self.epochs = Epochs.decode(
            circle, store.kept(drawers.EPOCHS) or b"\x90", store.kept(drawers.OLDER_EPOCHS) or b"\x90"
        )
        self.holders = Holders.decode(store.kept(drawers.HOLDERS) or b"\x90")
        self.safe = Safe(self.replica, store, self.device, self.epochs, self.holders, self.told_devices)
        self.clocks = Clocks.decode(store.kept(drawers.CLOCKS))
        # The day of the entry that introduces a device, even if it does not count now: it may later.
        self._introduced: dict[DeviceId, Day] = {}
        self._note_introductions(self.replica.held.controls(store, INTRODUCTIONS))
        self._attested_by_others = self._attested()

    def devices_with(self, key: SessionPublic) -> tuple[DeviceId, ...]:
        found = super().devices_with(key)
        spent = [device for device in found if self._is_spent(device)]
        return tuple(device for device in found if device not in spent) if spent else found

    def _is_spent(self, device: DeviceId) -> bool:
        """Whether a removed device that is told so has brought as much as it may today."""
        member = self._told_member(device)
        return member is not None and self._allowance.is_spent(member, day_of(self.surroundings.now()))

    def spend(self, device: DeviceId, size: int) -> None:
        """A device brings a batch of this size. Raises CapExceeded if it was removed and brought enough today."""
        member = self._told_member(device)
        if member is not None:
            self._allowance.spend(member, size, day_of(self.surroundings.now()))

    def _told_member(self, device: DeviceId) -> MemberId | None:
        """The member of a removed device that is told so; None of any other device."""
        if not self.telling or device not in self.told_devices():
            return None
        return self.replica.circle.grants[device].member

    def extent(self, key: SessionPublic) -> Extent:
        devices = self.devices_with(key)
        if self.detached.withholds(devices, self.surroundings.now()):
            return Extent.NOTHING
        if self.hearers.keys() & {*devices}:
            return Extent.ANSWER
        return audience.extent(self.replica, devices)

    def last_told(self, key: SessionPublic) -> int:
        devices, answers = self.devices_with(key), self.hearers
        if heard := [answers[device] for device in devices if device in answers]:
            return max(audience.arrival(self.replica, self.store, entry) for entry in heard)
        return audience.last_told(self.replica, self.store, devices)

    def to_tell(self, key: SessionPublic) -> list[tuple[EntryId, Detached]]:
        return self.detached.to_tell(self.devices_with(key), self.surroundings.now())

    def window(self) -> list[Window]:
        """How far back a thief of this device, or of one that is away, could read what was recorded, and what sets
        that, the longest first. Of backups see `backed_up`: whether they are still there is not known here. Reads the
        store: hold the lock."""
        today, facts = day_of(self.surroundings.now()), self.safe.facts
        made = self.safe.keyring.secrets.oldest.made or self._introduced.get(self.device, today)
        heard = {device: one.heard for device, one in facts.active.items() if device != self.device}
        return window(today, made, self.epochs.oldest, heard)

    @property
    def backed_up(self) -> Millis | None:
        """When this device last made a backup of the circle, which has what was here then. Hold the lock."""
        kept = self.store.kept(drawers.BACKED_UP)
        return Millis(int.from_bytes(kept, "big")) if kept else None

    def session_keys(self) -> list[SessionKey]:
        now = self.surroundings.now()
        return self.epochs.session_keys(now, self._other_days(now))

    def keys_on(self, day: Day) -> list[SessionKey]:
        return self.epochs.keys_on(day)

    def offer_key(self, day: Day, peer: SessionPublic) -> SessionKey:
        known = [self.holders.of(device) for device in self.devices_with(peer)]
        return self.epochs.offer_key(day, known, self.surroundings.now())

    def accepts(self, epoch: EpochId, caller: SessionPublic) -> bool:
        return self.epochs.accepts(epoch, [self.holders.rank(device) for device in self.devices_with(caller)])

    @property
    def attested_by_others(self) -> Day | None:
        """The day that others' entries had reached when this was last looked up."""
        return self._attested_by_others

    def wanted_epoch(self) -> WantedEpoch | None:
        return self.safe.keyring.wanted

    def handed_over(self, epoch: EpochId) -> Branches | None:
        return self.safe.handed_over(epoch, self.surroundings.now())

    def difference(self, device: DeviceId) -> Difference | None:
        """How far another device's clock is from ours, as it was when the two last spoke."""
        key = self.key_of(device)
        return None if key is None else self.clocks.of(self.devices_with(key)[0])

    def shift(self) -> int | None:
        """By how many ms the others' clocks are ahead of ours, if at least two other members have told theirs."""
        return self.clocks.shift(self.member_of)

    def calling_keys(self, device: DeviceId, guess: int | None) -> list[SessionKey]:
        """The keys under which to call a device, the likeliest first: of its own day as far as we know it, of ours.

        `guess`: by how many ms its clock seems to be ahead.
        """
        now = self.surroundings.now()
        own = self.epochs.days(now)
        seems = None if guess is None else day_of(Millis(max(0, now + guess)))
        days = [seems, self._day_of(device, now), *own, self._lost_day(now)]
        known = [self.holders.of(device)]
        return self.epochs.calling_keys(
            (day for day in days if day is not None and (day in own or abs(day - own[0]) > 1)), known
        )

    def older_keys(self, device: DeviceId) -> list[SessionKey]:
        """Keys of older epochs, the newest first: one of them may be all that is left in common after a quarrel."""
        now = self.surroundings.now()
        there, known = self._day_of(device, now), self.holders.of(device)
        keys = self.epochs.older_keys(self.epochs.day(now) if there is None else there)
        return [key for key in keys if key.epoch != known]  # that one was tried

    def further_keys(self, device: DeviceId) -> list[SessionKey]:
        """Keys of days on which a device may be without our knowing, nearest first: each accepts a day either side.
        First those of the epoch that it is known to hold: a user waits, and there are as many again in each other one.

        A clock that lags behind what others wrote is not ahead of theirs.
        """
        now = self.surroundings.now()
        own, lost = self.epochs.day(now), self._lost_day(now)
        days = (Day(day) for away in range(3, FURTHER + 1, 3) for day in ((lost or own) + away, own - away))
        known = self.holders.of(device)
        return sorted(self.epochs.calling_keys(days, [known]), key=lambda key: key.epoch != known)

    def shown_by(self, devices: Iterable[DeviceId], day: Day, *, asked: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """The keys under which these devices show themselves while their clocks show a day: (key, device).

        `asked`: a user waits for them. Then they are also looked for in epochs whose secret somebody has who is no
        active device any more, and who would learn from a call that somebody of the circle is here.
        """
        keys: dict[tuple[EpochId, Day], bytes] = {}
        for device in devices:
            used = max(day, self._introduced.get(device, day))  # no device holds states from before its admission
            for epoch in self._shown_in(device, asked):
                if (epoch, used) not in keys:
                    state = self.epochs.discovery_key(epoch, used)
                    keys[epoch, used] = b"" if state is None else state.reveal()
                if keys[epoch, used]:
                    yield keys[epoch, used], bytes(device)

    def _shown_in(self, device: DeviceId, asked: bool) -> list[EpochId]:
        """The epochs in which a device may show itself, the one in use first."""
        in_use, known = self.epochs.newest, self.holders.of(device)
        if device == self.device or known == in_use:
            return [in_use]
        epochs = self.epochs.since(self.holders.rank(device))
        if asked:
            return epochs
        usable = self.replica.court.ruling.decision.usable
        likely = [epoch for epoch in epochs if epoch == known or epoch in self.epochs.recent]
        return [epoch for epoch in likely if epoch == in_use or EntryId(epoch) in usable]

    def _other_days(self, now: Millis) -> Iterator[Day]:
        """The days of devices whose clocks differ, and our own day if our clock did not lag."""
        later = [device for device, day in self._introduced.items() if day > day_of(now)]
        others = {self._sponsor} if self._before_history() else {*self.clocks.devices(), *later} - {self.device}
        for device in sorted(others):  # not all that are introduced: there may be thousands
            day = self._day_of(device, now) if self.key_of(device) is not None else None
            if day is not None:
                yield day
        lost = self._lost_day(now)
        if lost is not None:
            yield lost

    def _day_of(self, device: DeviceId, now: Millis) -> Day | None:
        """The day in use at another device, as far as known: its clock's, but none before its admission."""
        difference = self.difference(device)
        introduced = self._introduced.get(device)
        if difference is None:
            return introduced if introduced is not None and introduced > day_of(now) else None
        shown = day_of(Millis(max(0, now + difference.ahead)))
        return shown if introduced is None else max(shown, introduced)

    def _lost_day(self, now: Millis) -> Day | None:
        """The day that others' entries have reached, if our clock lags behind it because it was set back, say."""
        attested = self._attested_by_others
        return attested if attested is not None and attested > self.epochs.day(now) + 1 else None

    def _attested(self) -> Day | None:
        grants, held = self.replica.circle.grants, self.replica.held
        own = grants.get(self.device)
        if own is None:
            return None
        newest: list[tuple[MemberId, Millis]] = []
        for chain in held.chains.values():
            last = held.counted_end(chain)  # an equivocator attests no more than what others cite of it
            entry = self.store.entry_at(slot_of(chain.number, last)) if last >= chain.first else None
            if entry is not None and self.replica.circle.is_active(chain.device):
                newest.append((grants[chain.device].member, Millis(entry.clock)))
        return epochs.attested_day(newest, own.member)

    def _note_introductions(self, controls: Iterable[Entry]) -> None:
        for entry in controls:
            if entry.kind in INTRODUCTIONS and entry.standing != Standing.VOID:
                self._introduced[DeviceId(entry.id)] = day_of(Millis(entry.clock))
