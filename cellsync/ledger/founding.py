"""Founding: what a circle's database holds before a header names it, on the device that founds the circle."""

from __future__ import annotations

from cellsync.core import drawers
from cellsync.core.ids import DeviceId, EntryId, EpochId, Millis, day_of
from cellsync.core.membership.seal_secrets import KeptSecret, SealSecrets
from cellsync.core.replica.founding import DeviceSecrets, Founding
from cellsync.core.replica.replica import Replica
from cellsync.ledger.circle import OpenCircle
from cellsync.store.sqlite import SqliteStore


def fill(store: SqliteStore, founded: Founding, secrets: DeviceSecrets, now: Millis) -> None:
    """Stage the circle's first two entries and the founder's own state. `now` is the one that it was founded with."""
    device = DeviceId(founded.circle)
    line = (device, founded.incarnation)
    plan = Replica(founded.circle, store).plan_writes(line, secrets.signing, founded.intentions, now)
    store.write(plan.commit)
    ring = SealSecrets([KeptSecret(EntryId(device), secrets.seal, day_of(now))])
    store.keep(drawers.SEAL_SECRETS, ring.encode())
    OpenCircle.prepare(store, device, founded.incarnation, EpochId(founded.circle), founded.branches, founded.circle)
