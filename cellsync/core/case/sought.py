"""Sought: refs of items that some operation names, and that may be in entries not yet searched for them.

Concatenated: as a Python set, the 131,072 that a member may write would take ten times as much memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from cellsync.core.ids import REF_BYTES, Ref

AT_ONCE: Final = 16_384  # refs searched for in one walk along a case's entries


class SoughtRefs:
    """A list of refs, possibly with duplicates."""

    __slots__ = ("_refs",)

    def __init__(self, refs: Iterable[Ref] = ()) -> None:
        self._refs = bytearray().join(refs)

    def note(self, ref: Ref) -> None:
        self._refs += ref

    def clear(self) -> None:
        self._refs.clear()

    def copy(self) -> SoughtRefs:
        return SoughtRefs([Ref(bytes(self._refs))])

    def __bool__(self) -> bool:
        return bool(self._refs)

    @property
    def weight(self) -> int:
        return len(self._refs)

    def some(self) -> Iterator[set[Ref]]:
        """All of them, in portions."""
        size = AT_ONCE * REF_BYTES
        for first in range(0, len(self._refs), size):
            part = bytes(self._refs[first : first + size])
            yield {Ref(part[at : at + REF_BYTES]) for at in range(0, len(part), REF_BYTES)}
