"""Waiting: the rows of a table that has been read, until they are merged.

The whole table is read before any of it is written, because its faults have to be known first. A table has tens of
thousands of rows, and as values each takes thirty times its size in the file. Rows therefore wait in blocks, packed
and, after the first thousands, compressed; few are unpacked at a time. They wait in memory, because a file would
outlive a power cut. Nearly all rows of a table have values in the same places, so a block lists the places once for
all rows that share them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from cellsync.core.packed import Packed, plain
from cellsync.core.wire.codec import encode_known

Place = tuple[str, str]
"""Where values of one cell go: (field, column); the column of a register is "", since it has only one."""

Documents = dict[str, dict[Place, list[Any]]]

_Layout = tuple[tuple[str, tuple[Place, ...]], ...]
"""Where the values of a row go, document by document."""

_BLOCK: Final = 64 << 10  # bytes of values, about
_UNCOMPRESSED: Final = 8 << 20  # bytes of packed blocks, which need not be compressed: half the time of waiting
_LEVEL: Final = 1  # of compression: higher levels save too little for their time


class WaitingRow(NamedTuple):
    """A row that can be imported."""

    line: int
    external: str
    size: int  # bytes of its values
    documents: Documents  # the plain values by place; a place without values was an empty cell

    def __repr__(self) -> str:
        return f"<row on line {self.line}>"  # no content


class Waiting:
    """Rows in order. They can be iterated any number of times."""

    def __init__(self) -> None:
        self._blocks: list[tuple[bool, bytes]] = []  # whether it is compressed
        self._uncompressed = 0  # bytes of blocks
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
            block = encode_known([list(self._layouts), self._last])
            compress = self._uncompressed + len(block) > _UNCOMPRESSED
            self._blocks.append((compress, zlib.compress(block, _LEVEL) if compress else block))
            self._uncompressed += 0 if compress else len(block)
            self._last, self._layouts, self._size = [], {}, 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[WaitingRow]:
        for compressed, block in self._blocks:
            told, rows = plain(Packed(zlib.decompress(block) if compressed else block))
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
