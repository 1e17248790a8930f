"""Waiting: the rows of a table that has been read, until they are merged.

All of a table is read before anything of it is written, so that what is wrong with it is known first; and a table has
tens of thousands of rows, each of which takes thirty times its place in the file once it is values. So rows wait in
blocks, packed and compressed, and few are unpacked at a time. They wait in memory: a file would outlive a power cut.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from cellsync.core.packed import Packed, packed, plain

Place = tuple[str, str]
"""Where values of one cell go: (field, column); the column of a register is "", since it has only one."""

Documents = dict[str, dict[Place, list[Any]]]

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
        self._size = 0  # bytes of these
        self._count = 0

    def append(self, row: WaitingRow) -> None:
        told = [
            [name, [[field, column, values] for (field, column), values in document.items()]]
            for name, document in row.documents.items()
        ]
        self._last.append([row.line, row.external, row.size, told])
        self._size += row.size
        self._count += 1
        if self._size > _BLOCK:
            self._blocks.append(zlib.compress(packed(self._last).raw, _LEVEL))
            self._last, self._size = [], 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[WaitingRow]:
        for block in self._blocks:
            for told in plain(Packed(zlib.decompress(block))):
                yield _row(*told)
        for told in self._last:
            yield _row(*told)

    def __repr__(self) -> str:
        return f"<{self._count} rows>"  # no content


def _row(line: int, external: str, size: int, told: list[Any]) -> WaitingRow:
    documents = {name: {(field, column): values for field, column, values in document} for name, document in told}
    return WaitingRow(line, external, size, documents)
