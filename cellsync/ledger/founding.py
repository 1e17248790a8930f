"""Founding: what a circle's database holds before a header names it, on the device that founds the circle."""

from __future__ import annotations

from cellsync.core import drawers
from cellsync.core.ids import DeviceId, EpochId, Millis
from cellsync.core.replica.founding import DeviceSecrets, Founding
from cellsync.core.replica.replica import Replica
from cellsync.ledger.circle import OpenCircle
from cellsync.store.sqlite import SqliteStore


def fill(store: SqliteStore, founded: Founding, secrets: DeviceSecrets, now: Millis) -> None:
    """Stage the circle's first entry and the founder's own state. `now` is the one that it was founded with."""
    device = DeviceId(founded.circle)
    line = (device, founded.incarnation)
    plan = Replica(founded.circle, store).plan_writes(line, secrets.signing, [founded.intention], now)
    store.write(plan.commit)
    store.keep(drawers.SEAL_SECRET, secrets.seal.reveal())
    OpenCircle.prepare(store, device, founded.incarnation, EpochId(founded.circle), founded.branches, founded.circle)
