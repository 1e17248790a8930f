"""Sink: takes an export, piece by piece."""

from __future__ import annotations

from io import BytesIO
from typing import Protocol


class Sink(Protocol):
    """What takes an export in."""

    def write(self, piece: bytes, /) -> object: ...

    def clear(self) -> None:
        """It is started over: nothing of what was written counts."""
        ...


class InMemory(BytesIO):
    """A sink for a small export."""

    def clear(self) -> None:
        self.seek(0)
        self.truncate()
