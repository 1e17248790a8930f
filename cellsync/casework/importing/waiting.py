"""Waiting: the rows of a table that has been read, until they are merged.

All of a table is read before anything of it is written, so that what is wrong with it is known first; and a table has
tens of thousands of rows, each of which takes thirty times its place in the file once it is values. So rows wait in
blocks, packed and compressed, and few are unpacked at a time. They wait in memory: a file would outlive a power cut.
Where values go is the same for nearly all rows of a table, so a block says it once for all that have the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from cellsync.core.packed import Packed, packed, plain

Place = tuple[str, str]
"""Where values of one cell go: (field, column); the column of a register is "", since it has only one."""

Documents = dict[str, dict[Place, list[Any]]]

_Layout = tuple[tuple[str, tuple[Place, ...]], ...]
"""Where the values of a row go, document by document."""

_BLOCK: Final = 64 << 10  # bytes of values, about
_LEVEL: Final = 1  # of compression: what other levels spare is not worth their time


class WaitingRow(NamedTuple):
    """A row that can be imported."""

    line: int
    external: str
    size: int  # bytes of its values
    documents: Documents  # the plain values of each; a place without any was empty in the file

    def __repr__(self) -> str:
        return f"<row on line {self.line}>"  # no content


class Waiting:
    """Rows in their order. They can be gone through any number of times."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._last: list[Any] = []  # rows of the block that is not full
        self._layouts: dict[_Layout, int] = {}  # of these
        self._size = 0  # bytes of these
        self._count = 0

    def append(self, row: WaitingRow) -> None:
        layout = tuple([(name, tuple(document)) for name, document in row.documents.items()])
        values = [list(document.values()) for document in row.documents.values()]
        number = self._layouts.setdefault(layout, len(self._layouts))
        self._last.append([row.line, row.external, row.size, number, values])
        self._size += row.size
        self._count += 1
        if self._size > _BLOCK:
            block = [list(self._layouts), self._last]
            self._blocks.append(zlib.compress(packed(block).raw, _LEVEL))
            self._last, self._layouts, self._size = [], {}, 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[WaitingRow]:
        for block in self._blocks:
            told, rows = plain(Packed(zlib.decompress(block)))
            layouts = [
                [(name, [(field, column) for field, column in places]) for name, places in layout] for layout in told
            ]
            for line, external, size, number, values in rows:
                yield _row(line, external, size, layouts[number], values)
        last = list(self._layouts)
        for line, external, size, number, values in self._last:
            yield _row(line, external, size, last[number], values)

    def __repr__(self) -> str:
        return f"<{self._count} rows>"  # no content


def _row(
    line: int, external: str, size: int, layout: Iterable[tuple[str, Iterable[Place]]], values: Iterable[list[Any]]
) -> WaitingRow:
    documents = {
        name: dict(zip(places, cells, strict=True)) for (name, places), cells in zip(layout, values, strict=True)
    }
    return WaitingRow(line, external, size, documents)
