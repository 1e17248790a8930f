"""Joining: what a circle's database holds before a header names it, on a device that was admitted to the circle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cellsync.core import drawers
from cellsync.core.ids import Incarnation
from cellsync.core.replica.founding import DeviceSecrets
from cellsync.ledger.circle import OpenCircle
from cellsync.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from cellsync.core.pairing.messages import Welcome  # it comes with what only pairing needs


def fill(
    store: SqliteStore, welcome: Welcome, secrets: DeviceSecrets, incarnation: Incarnation, kept: Mapping[str, bytes]
) -> None:
    """Stage what the inviter has handed over, and the device's own state. The history comes by sync.

    `kept`: what is known of the inviting device, by drawer.
    """
    for name, value in kept.items():
        store.keep(name, value)
    store.keep(drawers.SEAL_SECRET, secrets.seal.reveal())
    sponsor = welcome.sponsor, welcome.sponsor_session
    OpenCircle.prepare(store, welcome.device, incarnation, welcome.epoch, welcome.branches, welcome.circle, sponsor)
