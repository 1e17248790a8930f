"""Register: one value, or several if people wrote at the same time. None of them is dropped."""

from __future__ import annotations

from cellsync.core.crdt.cells import Canonical, Cell, Cells, alike, rank


class RegisterState(Cells):
    """Live values of one register: those that no later write has seen and replaced."""

    __slots__ = ()

    @property
    def shown(self) -> Cell | None:
        """The value displayed first: the greatest (height, ref). None if nothing was written."""
        return max(self.live.values(), key=rank, default=None)

    def values(self, canonical: Canonical) -> list[list[Cell]]:
        """Every live value with its authors, the one displayed first in front. More than one: a conflict."""
        return alike(self.live.values(), canonical)
