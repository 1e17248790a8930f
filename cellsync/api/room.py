"""Room: how much of what is held fits into one answer. A member may have written more than a process takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cellsync.core.crdt.cells import LiveValue
from cellsync.core.packed import Packed

ANSWER: Final = 8 << 20  # bytes of memory, about
_SAID: Final = 700  # bytes of a value with its author, whatever it says
_TEXT: Final = 4  # bytes for a character: it stands there as it is stored, and as people read it
_PACKED: Final = 120  # bytes for a byte of a list or map


class Room:
    """The room of one answer."""

    def __init__(self, left: int = ANSWER) -> None:
        self._left = left
        self.cut = False  # whether something was left out

    def has_field(self, name: str) -> bool:
        """Whether a field goes in as well, without what it holds: anybody may write to as many as they like."""
        self._left -= _SAID + _TEXT * len(name)
        self.cut = self.cut or self._left < 0
        return not self.cut

    def has(self, cells: Iterable[LiveValue]) -> bool:
        """Whether these go in as well; from the first that do not, nothing does."""
        self._left -= sum(map(_size, cells))
        self.cut = self.cut or self._left < 0
        return not self.cut

    def takes(self, cells: Iterable[LiveValue]) -> bool:
        """The same for what otherwise comes with the next page: nothing is left out, and what is smaller may go in."""
        size = sum(map(_size, cells))
        if size > self._left:
            return False
        self._left -= size
        return True


def _size(cell: LiveValue) -> int:
    resting = cell.resting
    if type(resting) is Packed:
        return _SAID + _PACKED * len(resting)
    return _SAID + (_TEXT * len(resting) if isinstance(resting, (str, bytes)) else 0)
