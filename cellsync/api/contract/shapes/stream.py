"""The stream of events."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from cellsync.api.contract.shapes.base import Cursor, Takes


class Follow(Takes, kw_only=True, frozen=True):
    """`since`: the id of the last event that was seen; the header Last-Event-ID does the same."""

    since: Cursor = ""


class Event(Struct, kw_only=True, frozen=True):
    """One event. `cursor` is "" for what is not kept: ask for the present state after a reset. The first is `open`, or
    `locked` until the cell is opened."""

    event: Literal[
        "case.changed", "case.conflict", "sync.progress", "peer.up", "peer.down", "peer.version",
        "invite.state", "join.state", "import.progress", "member.added", "member.removed", "member.suspended",
        "member.returned", "circle.added", "flag", "settings.changed",
        "open", "locked", "reset",
    ]  # fmt: skip
    cursor: str
    data: dict[str, Any]
