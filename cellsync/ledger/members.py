"""Members: the devices of a circle, and which of them is this one.

A device that has joined and received nothing yet knows only its sponsor. It learns everything else from the history.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cellsync.core import drawers
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import slot_of
from cellsync.core.history.store import Store
from cellsync.core.ids import ID_BYTES, CircleId, DeviceId, EntryId, MemberId, Millis, SessionPublic
from cellsync.core.membership import editions
from cellsync.core.replica import own_removal
from cellsync.core.replica.detached import DetachedEntries
from cellsync.core.replica.replica import Replica
from cellsync.ledger import audience
from cellsync.ledger.answer import NO_ANSWER, answered
from cellsync.ledger.hearsay import Hearsay
from cellsync.ledger.surroundings import Surroundings
from cellsync.ledger.view import ReplicaView

LEAVING: Final = Millis(7 * 24 * 3600 * 1000)


class MembersView(ReplicaView):
    """The part of a circle that identifies its devices, by their keys, and this one among them."""

    def __init__(self, circle: CircleId, store: Store, surroundings: Surroundings) -> None:
        super().__init__(circle, store)
        self.store = store
        self.surroundings = surroundings
        self.device = DeviceId(store.kept(drawers.DEVICE) or b"")
        self.detached = DetachedEntries(self.replica, store, self.device)
        self.hearsay = Hearsay(circle, store, editions.OURS, self.device)
        self._answer = NO_ANSWER
        self.look_for_answer()
        self.wrote_at = self._newest_of_own()
        self._telling = _members(store.kept(drawers.TELLING))
        self._sponsor = DeviceId(store.kept(drawers.SPONSOR) or b"")
        self._sponsor_key = SessionPublic(store.kept(drawers.SPONSOR_KEY) or b"")
        self._tellers: frozenset[DeviceId] = frozenset()
        self.note_tellers()

    def device_with(self, key: SessionPublic) -> DeviceId | None:
        return next(iter(self.devices_with(key)), None)

    def devices_with(self, key: SessionPublic) -> tuple[DeviceId, ...]:
        """The devices with this session key that are active or suspended; more than one only if a member cheats. If
        there are none: those that hear this device's answer; or those that were removed, and are told so.

        None but the `tellers` are, once this device was removed, or has left or answered and had time to say so.
        """
        if self._before_history() and key == self._sponsor_key:
            return (self._sponsor,)
        if self.is_parted:
            return tuple(device for device in self.replica.circle.devices_with(key) if device in self._tellers)
        return self.replica.circle.devices_with(key) or self._hearing_with(key) or self._told_with(key)

    def key_of(self, device: DeviceId) -> SessionPublic | None:
        silent = self.is_parted and device not in self._tellers
        key = None if silent else self.replica.circle.session_key(device) or self._aside_key(device)
        if key is None and self._before_history() and device == self._sponsor:
            return self._sponsor_key
        return key

    def _before_history(self) -> bool:
        """Whether we have joined, and nothing has arrived yet: then we know only our sponsor."""
        return bool(self._sponsor) and not self.replica.circle.decides_on(self.device)

    @property
    def shown(self) -> Replica:
        """How things stand: by what is held, and by what this device was told and does not hold."""
        return self.hearsay.replica or self.replica

    @property
    def is_removed(self) -> bool:
        """Whether this device was removed, or has left."""
        circle = self.shown.circle
        return circle.decides_on(self.device) and not circle.is_heard(self.device)

    @property
    def is_suspended(self) -> bool:
        """Whether what this device writes is shown to nobody, until a dispute is decided."""
        circle = self.shown.circle
        return circle.is_heard(self.device) and circle.current_role(self.device) is None

    @property
    def is_parted(self) -> bool:
        """Whether it calls nobody any more but its tellers, and answers nobody else: it was removed. Who has left by
        their own hand, or has answered their removal, goes on for a week, until the others have heard of it."""
        return self.is_removed and not self._has_something_to_say()

    def _has_something_to_say(self) -> bool:
        if self.surroundings.now() - self.wrote_at >= LEAVING:
            return False
        circle, hits = self.replica.circle, own_removal.removals_of(self.shown, self.device)
        bits = [bit for hit in hits if (bit := circle.bit(hit)) is not None]
        has_left = len(bits) == len(hits) and all(circle.deed(bit).device == self.device for bit in bits)
        return has_left or self._answer.given

    def _newest_of_own(self) -> Millis:
        """When this device last wrote, by its clock. Reads the store: only while nobody else does."""
        heads = (slot_of(chain.number, chain.length) for chain in self.replica.held.of_device(self.device))
        own = (entry.clock for head in heads if (entry := self.store.entry_at(head)) is not None)
        return Millis(max(own, default=0))

    @property
    def is_removed_for_good(self) -> bool:
        """Whether that is final, by all that is held and was told: only then may anything be destroyed (rule 15)."""
        return self.is_removed and audience.is_final(self.shown, self.device)

    def others(self) -> list[DeviceId]:
        """The devices that are active or suspended, except this one; only its tellers, once this one has parted."""
        if self._before_history():
            return [self._sponsor]
        heard = [known.device for known in self.replica.circle.heard() if known.device != self.device]
        if self.is_parted:
            return [device for device in heard if device in self._tellers]
        return [*heard, *self.hearers]

    # --- who tells this device of its removal -----------------------------------------------------------------

    def note_tellers(self) -> None:
        """Who has told this device of its removal is heard until that is final: a second word would not reach it
        otherwise. It asks the rules: hold the lock."""
        goes_on = self.is_removed and not self.is_removed_for_good
        self._tellers = self.hearsay.tellers if goes_on else frozenset()

    # --- who hears this device's answer ----------------------------------------------------------------------

    def look_for_answer(self) -> None:
        """Find out who hears how this device's member answered, after each step. Hold the lock."""
        told = self.hearsay.replica is not None or self.is_removed
        self._answer = answered(self.replica, self.shown, self.device) if told else NO_ANSWER

    @property
    def hearers(self) -> Mapping[DeviceId, EntryId]:
        """The devices that hear the answer of this device's member though it hits them, and that answer."""
        return self._answer.hearers

    def _hearing_with(self, key: SessionPublic) -> tuple[DeviceId, ...]:
        hearers = self.hearers
        return tuple(sorted({*self.replica.circle.introduced_with(key)} & hearers.keys())) if hearers else ()

    # --- who was removed, and is to know ---------------------------------------------------------------------

    @property
    def telling(self) -> frozenset[MemberId]:
        """Members who are told, when they call, that they were removed: so a person here has decided."""
        return self._telling

    def keep_telling(self, members: frozenset[MemberId]) -> None:
        """Decide that. It is staged in the store, to be flushed."""
        self._telling = members
        self.store.keep(drawers.TELLING, b"".join(sorted(members)))

    def told_devices(self) -> list[DeviceId]:
        """The devices that are told so, if they call."""
        circle = self.replica.circle
        theirs = [grant.device for grant in circle.grants.values() if grant.member in self._telling and grant.usable]
        return [device for device in theirs if circle.decides_on(device) and not circle.is_heard(device)]

    def _told_with(self, key: SessionPublic) -> tuple[DeviceId, ...]:
        with_it = self.replica.circle.introduced_with(key) if self._telling else ()
        return tuple(sorted({*with_it}.intersection(self.told_devices()))) if with_it else ()

    def _aside_key(self, device: DeviceId) -> SessionPublic | None:
        aside = device in self.hearers or (self._telling and device in self.told_devices())
        return self.replica.circle.grants[device].keys.session if aside else None

    def member_of(self, device: DeviceId) -> MemberId | None:
        circle = self.replica.circle
        return circle.grants[device].member if circle.is_active(device) and device != self.device else None

    # --- this device -------------------------------------------------------------------------------------

    def own_branches(self) -> list[Chain]:
        """The branches that this device wrote, in all its incarnations, the newest first."""
        return sorted(self.replica.held.of_device(self.device), reverse=True)

    @property
    def branches_used(self) -> int:
        """How many branches this device has, over all its incarnations; caps.BRANCHES are too many."""
        return self.replica.held.branches(self.device)

    @property
    def own_length(self) -> int:
        """How many entries this device has written."""
        return sum(chain.length - chain.first + 1 for chain in self.own_branches())

    def own_held(self, known: Mapping[int, int]) -> int:
        """How many of them a device holds that holds each branch up to the sequence in `known`."""
        return sum(
            min(max(known.get(chain.number, 0) - chain.first + 1, 0), chain.length - chain.first + 1)
            for chain in self.own_branches()
        )

    def own_chains(self, key: SessionPublic) -> list[Chain]:
        """What the devices with a session key have written."""
        return [chain for device in self.devices_with(key) for chain in self.replica.held.of_device(device)]

    def own_admission(self) -> int:
        return self.replica.arrival_of(self.device)


def _members(raw: bytes | None) -> frozenset[MemberId]:
    raw = raw or b""
    return frozenset(MemberId(raw[at : at + ID_BYTES]) for at in range(0, len(raw), ID_BYTES))
