"""Numbers: the memory of an export, which may read a hundred thousand documents one by one.

Every document of a circle has a number on this device (`core.roll`). A set of ids takes a hundred bytes for each, and a
member may write any number of documents. An export therefore keeps bits and rows of numbers, and looks ids up.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, overload

from cellsync.core.ids import CaseId
from cellsync.core.marks import Marks
from cellsync.core.runs import in_order

_HALF: Final = 32  # bits
_LOWER: Final = (1 << _HALF) - 1


class Rows:
    """A row of numbers for each of 0, 1, 2, …"""

    __slots__ = ("_ends", "_numbers")

    def __init__(self) -> None:
        self._numbers = array("Q")
        self._ends = array("I", [0])

    def add(self, row: Iterable[int]) -> None:
        self._numbers.extend(row)
        self._ends.append(len(self._numbers))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, at: int) -> array[int]:
        return self._numbers[self._ends[at] : self._ends[at + 1]]


class Pairs:
    """Pairs of numbers, looked up by the first."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[tuple[int, int]]) -> None:
        unsorted = array("Q", (first << _HALF | second for first, second in pairs))
        self._pairs = array("Q", in_order(unsorted))

    def __len__(self) -> int:
        return len(self._pairs)

    def places(self, first: int) -> range:
        """The places of the pairs of a first number."""
        return range(bisect_left(self._pairs, first << _HALF), bisect_left(self._pairs, first + 1 << _HALF))

    def second(self, place: int) -> int:
        return self._pairs[place] & _LOWER

    def of(self, first: int) -> Iterator[int]:
        return map(self.second, self.places(first))


class Cases(Sequence[CaseId]):
    """Ids of cases, kept as numbers and looked up on access."""

    def __init__(self, ids: Mapping[int, CaseId], numbers: Iterable[int]) -> None:
        self._ids = ids
        self._numbers = array("I", numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, at: int) -> CaseId: ...
    @overload
    def __getitem__(self, at: slice) -> Cases: ...
    def __getitem__(self, at: int | slice) -> CaseId | Cases:
        if isinstance(at, slice):
            return Cases(self._ids, self._numbers[at])
        return self._ids[self._numbers[at]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(_same, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self)} cases>"


def _same(one: object, other: object) -> bool:
    return one == other


class IdSet(Container[bytes]):
    """A set of ids, kept as numbers."""

    def __init__(self, numbers: Mapping[CaseId, int], marks: Marks) -> None:
        self._numbers: Any = numbers
        self._marks = marks

    def __contains__(self, case: object) -> bool:
        return self._numbers.get(case, 0) in self._marks
