"""Times, as the API tells them."""

from __future__ import annotations

from datetime import UTC, datetime


def time_text(at: datetime | None) -> str | None:
    """In UTC, to the second."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds")
