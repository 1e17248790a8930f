"""Confirmation without comparing: for tests only. In life a person compares the words."""

from __future__ import annotations


def accept_any(*_: object) -> bool:
    """A `confirm` for `create_invite` and `join` that accepts everyone."""
    return True
