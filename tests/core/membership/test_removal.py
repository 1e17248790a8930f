"""Removals: leaving is an operation like others."""

from __future__ import annotations

from cellsync.core.membership.removal import Leave, read_leave


def test_leaving_is_an_operation_like_others() -> None:
    assert bool(read_leave([], None)) is True  # an empty tuple would count as false
    assert read_leave([], None) == Leave()
    assert read_leave([], []) is read_leave([None], None) is None
