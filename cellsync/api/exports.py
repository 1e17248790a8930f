"""Exports waiting to be fetched, piece by piece.

A client takes as long as it likes, and an export must be consistent: so it is made whole, into a sealed file without a
name (`store.scratch`), and each answer carries one block of it. It is gone when its last piece was fetched, when newer
ones need its place, or when the cell is locked.
"""

from __future__ import annotations

import secrets
from typing import Final, final

from cellsync.core.errors import NotFound
from cellsync.store.scratch import Scratch

KEPT: Final = 4  # the newest


@final
class Exports:
    """The exports of one open cell."""

    def __init__(self) -> None:
        self._waiting: dict[str, Scratch] = {}

    def keep(self, made: Scratch) -> str:
        """Keep an export; returns its id, or "" if it has a single piece, so there is nothing to keep."""
        if made.blocks == 1:
            made.close()
            return ""
        while len(self._waiting) >= KEPT:
            self._waiting.pop(next(iter(self._waiting))).close()
        name = secrets.token_hex(8)
        self._waiting[name] = made
        return name

    def find(self, name: str) -> Scratch:
        """Raises NotFound."""
        if name not in self._waiting:
            raise NotFound(hint="An export is fetched once, and soon: make a new one.")
        return self._waiting[name]

    def fetched(self, name: str) -> None:
        """All of it."""
        made = self._waiting.pop(name, None)
        if made is not None:
            made.close()

    def end(self) -> None:
        """Drop all of them."""
        for made in self._waiting.values():
            made.close()
        self._waiting.clear()
