"""The approximate memory of cells and fields, in bytes. Measured."""

from __future__ import annotations

from typing import Any, Final

from cellsync.core.packed import Packed

NAMED: Final = 200  # of a field: its name, its state and the tables in it
CELL: Final = 300  # of a cell with its ref and its place in a table
SUM: Final = 150  # of a counter
REF: Final = 120  # of a ref that is only remembered


def length(resting: Any) -> int:
    """Of a cell's value, beyond the cost of every cell."""
    return len(resting) if type(resting) in (Packed, str, bytes) else 0
