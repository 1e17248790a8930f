"""The table of CRDT types, from which cases are folded, compared, weighed, stored, shown and written.

A type is a module beside this one that ends with its row (`row.CrdtType`), plus its place in the list below; its
operations are numbers in `wire/tags`. Four rules:

1. The order of the rows is the order of digests and snapshots: a new row goes last.
2. A device without the row keeps the operations as unknown, so a new row raises the snapshots' FORMAT: every case is
   then folded again, and unknown operations find their type.
3. A type is a function of the set of its operations: any order gives the same state (protocol/35-cases.md).
4. Devices without the row hold its operations whatever their details are. So a detail that does not fit is ill-typed
   (`Act.fits`); only those of the first ten tags are refused when they arrive (`wire/operations`).
"""

from __future__ import annotations

from typing import Final

from cellsync.core.crdt import counter, log, map, register, set
from cellsync.core.crdt.row import CrdtType, Verb

TYPES: Final[dict[str, CrdtType]] = {}
BY_TAG: Final[dict[int, CrdtType]] = {}
"""The type that an operation belongs to. Creations belong to no field; tags of newer versions are missing."""


def enter(row: CrdtType) -> None:
    """Put a row into the table."""
    TYPES[row.name] = row
    BY_TAG.update(dict.fromkeys(row.acts, row))


def verb_of(tag: int) -> Verb | None:
    """What an operation does to its field. None for a creation, and for a tag that this version does not know."""
    row = BY_TAG.get(tag)
    return None if row is None else row.acts[tag].verb


for _row in (register.ROW, set.ROW, map.ROW, counter.ROW, log.ROW):
    enter(_row)
