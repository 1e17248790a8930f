"""Members: the devices of a circle, and which of them is this one.

A device that has joined and received nothing yet knows only its sponsor. It learns everything else from the history.
"""

from __future__ import annotations

from collections.abc import Mapping

from cellsync.core import drawers
from cellsync.core.history.chain import Chain
from cellsync.core.history.store import Store
from cellsync.core.ids import CircleId, DeviceId, MemberId, SessionPublic
from cellsync.core.replica.detached import DetachedEntries
from cellsync.ledger.view import ReplicaView


class MembersView(ReplicaView):
    """The part of a circle that identifies its devices, by their keys, and this one among them."""

    def __init__(self, circle: CircleId, store: Store) -> None:
        super().__init__(circle, store)
        self.store = store
        self.device = DeviceId(store.kept(drawers.DEVICE) or b"")
        self.detached = DetachedEntries(self.replica, store, self.device)
        self._sponsor = DeviceId(store.kept(drawers.SPONSOR) or b"")
        self._sponsor_key = SessionPublic(store.kept(drawers.SPONSOR_KEY) or b"")

    def device_with(self, key: SessionPublic) -> DeviceId | None:
        return next(iter(self.devices_with(key)), None)

    def devices_with(self, key: SessionPublic) -> tuple[DeviceId, ...]:
        """The devices with this session key that are active or suspended; more than one only if a member cheats.

        None are, once this device was removed.
        """
        if self._before_history() and key == self._sponsor_key:
            return (self._sponsor,)
        return () if self.is_removed else self.replica.circle.devices_with(key)

    def key_of(self, device: DeviceId) -> SessionPublic | None:
        key = None if self.is_removed else self.replica.circle.session_key(device)
        if key is None and self._before_history() and device == self._sponsor:
            return self._sponsor_key
        return key

    def _before_history(self) -> bool:
        """Whether we have joined, and nothing has arrived yet: then we know only our sponsor."""
        return bool(self._sponsor) and not self.replica.circle.decides_on(self.device)

    @property
    def is_removed(self) -> bool:
        """Whether this device was removed: it calls nobody then, and answers nobody."""
        circle = self.replica.circle
        return circle.decides_on(self.device) and not circle.is_heard(self.device)

    def others(self) -> list[DeviceId]:
        """The devices that are active or suspended, except this one; none, once this one was removed."""
        if self._before_history():
            return [self._sponsor]
        heard = [] if self.is_removed else self.replica.circle.heard()
        return [known.device for known in heard if known.device != self.device]

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

    def own_admission(self) -> int:
        return self.replica.arrival_of(self.device)
