"""Syncs."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from cellsync.api.contract.shapes.base import Answer, Error, RequestKey, Takes
from cellsync.api.contract.shapes.people import SyncPeer


class Sync(Takes, kw_only=True, frozen=True):
    """Look for the others and exchange. `everyone`: until all other devices are in step, or have been since it
    began."""

    everyone: bool = False
    timeout: Annotated[float, Meta(gt=0, le=86400)] = 30.0
    key: RequestKey | None = None


class Syncing(Answer, kw_only=True, frozen=True):
    """When it has failed: `error`; it may have reached some."""

    job: str
    step: int
    state: Literal["running", "done", "failed"]
    changes: int
    peers: list[SyncPeer]
    error: Error | None
