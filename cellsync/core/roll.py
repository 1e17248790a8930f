"""The roll of a circle's cases: the local number of each, and the slot of its newest entry.

Any member can create any number of cases, and all of them stay. In three Python dicts each would take 350 bytes; here
it takes 50: ids and slots in arrays, and an open-addressing hash table from id to number, at most half full.

Numbers count from 1, so they index the arrays. Authors choose the ids, so they are hashed under a key drawn at program
start (Python's own): no author can make many ids collide.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from cellsync.core.errors import VaultDamaged
from cellsync.core.ids import ID_BYTES, CaseId

_SMALLEST: Final = 1 << 6  # slots of the smallest table


class Ids(Mapping[int, CaseId]):
    """Number -> id. Other threads may read while one adds: a row is complete before it is counted."""

    __slots__ = ("_count", "_rows")

    def __init__(self) -> None:
        self._rows = bytearray()
        self._count = 0

    def add(self, case: CaseId) -> None:
        """Assign the next number."""
        self._rows += case
        self._count += 1

    def extend(self, rows: bytearray) -> None:
        """The same for several concatenated ids."""
        self._rows += rows
        self._count += len(rows) // ID_BYTES

    def __getitem__(self, number: int) -> CaseId:
        if not 0 < number <= self._count:
            raise KeyError(number)
        return CaseId(bytes(self._rows[ID_BYTES * (number - 1) : ID_BYTES * number]))

    def __iter__(self) -> Iterator[int]:
        return iter(range(1, self._count + 1))

    def __len__(self) -> int:
        return self._count


class Heads(Mapping[int, int]):
    """Number -> slot of the newest entry, 0 if there is none."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows = array("Q")

    def add(self, head: int) -> None:
        self._rows.append(head)

    def extend(self, heads: array[int]) -> None:
        self._rows.extend(heads)

    def __setitem__(self, number: int, head: int) -> None:
        self._rows[number - 1] = head

    def __getitem__(self, number: int) -> int:
        if not 0 < number <= len(self._rows):
            raise KeyError(number)
        return self._rows[number - 1]

    def of(self, number: int) -> int:
        """The same, 0 for a case that is not here: `get` takes four times as long."""
        return self._rows[number - 1] if 0 < number <= len(self._rows) else 0

    def __iter__(self) -> Iterator[int]:
        return iter(range(1, len(self._rows) + 1))

    def __len__(self) -> int:
        return len(self._rows)


class Roll(Mapping[CaseId, int]):
    """Id -> number; `ids` and `heads` by number."""

    __slots__ = ("_table", "heads", "ids")

    def __init__(self) -> None:
        self.ids = Ids()
        self.heads = Heads()
        self._table = array("I", bytes(4 * _SMALLEST))  # numbers, 0 where empty

    def fill(self, cases: Iterable[tuple[int, CaseId, int]]) -> None:
        """Take in the number, id and head of all further cases, in order of number. Raises VaultDamaged.

        Like `take` for each, but fast: a vault has tens of thousands, and every command starts by reading them.
        """
        ids, heads, first = bytearray(), array("Q"), len(self.ids) + 1
        for number, (given, case, head) in enumerate(cases, start=first):
            if given != number:
                raise VaultDamaged("A number of a case is missing.")
            ids += case
            heads.append(head)
        self.ids.extend(ids)
        self.heads.extend(heads)
        places = len(self._table)
        while 2 * len(self.ids) > places:
            places *= 2
        table, last = array("I", bytes(4 * places)), places - 1
        for number, case in self.ids.items():
            place = hash(case) & last
            while table[place]:
                place = place + 1 & last
            table[place] = number
        self._table = table

    def take(self, number: int, case: CaseId, head: int) -> None:
        """A new case, under the next number, or the newer head of a known one. Raises VaultDamaged."""
        if number <= len(self.ids):
            self.heads[number] = head
            return
        if number != len(self.ids) + 1:
            raise VaultDamaged("A number of a case is missing.")
        self.heads.add(head)
        self.ids.add(case)
        if 2 * number > len(self._table):
            self._table = self._grown()
        else:
            self._table[_place(self._table, self.ids, case)] = number

    def _grown(self) -> array[int]:
        """A table twice as large. Meanwhile readers use the old one."""
        table = array("I", bytes(8 * len(self._table)))
        for number, case in self.ids.items():
            table[_place(table, self.ids, case)] = number
        return table

    def find(self, case: CaseId) -> int:
        """The number of a case, 0 if unknown: in that case `get` would take three times as long."""
        table = self._table
        return table[_place(table, self.ids, case)]

    def __getitem__(self, case: CaseId) -> int:
        table = self._table
        number = table[_place(table, self.ids, case)]
        if not number:
            raise KeyError
        return number

    def __iter__(self) -> Iterator[CaseId]:
        return iter(self.ids.values())

    def __len__(self) -> int:
        return len(self.ids)


def _place(table: array[int], ids: Ids, case: CaseId) -> int:
    """The table slot that holds the number of a case, or would hold it."""
    last = len(table) - 1
    place = hash(case) & last
    while (number := table[place]) and ids[number] != case:
        place = place + 1 & last
    return place
