"""protocol/37-casework.md: the marks of an import are computed as it says. Its tables are made (tests/docs)."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, cast

import msgpack

from cellsync.casework import Person
from cellsync.casework.importing import intake
from cellsync.casework.importing.merge import merge
from cellsync.cell.circle import CellCircle
from cellsync.core.ids import CaseId

CIRCLE, CASE = b"o" * 32, CaseId(b"c" * 32)


def case_id(kind: str, external: str) -> bytes:
    """35-cases, Operations."""
    return blake2b(msgpack.packb([kind, external]), digest_size=32, key=CIRCLE, person=b"cs1 case").digest()


def keyed(use: str, data: bytes) -> bytes:
    """37-casework, Imports."""
    return case_id("import " + use, CASE.hex() + data.hex())


class OneCircle:
    """As much of a cell as computes ids."""

    def case_id(self, kind: str, external: str) -> bytes:
        return case_id(kind, external)


def test_marks_and_source_keys_are_those_of_the_text() -> None:
    ours = intake._keyed(cast(CellCircle, OneCircle()), CASE)
    assert ours("mark", b"data") == keyed("mark", b"data")
    table: dict[tuple[str, str], list[Any]] = {
        ("description", ""): ["in a green coat"],
        ("notes", "Remarks"): ["calls"],
    }
    operations = merge(Person, None, table, ours)
    said = {(operation.tag, operation.field): operation for operation in operations}
    [append] = [operation for operation in operations if operation.field == "notes"]
    assert append.detail == keyed("source", msgpack.packb(["notes", "Remarks"]))[:16]
    assert said[1, "description"].value == "in a green coat"
    marks = [operation.value for operation in operations if operation.field == "imported"]
    assert sorted(map(list, marks)) == [
        ["description", "", keyed("mark", msgpack.packb(["description", "in a green coat"]))[:8]],
        ["notes", "Remarks", keyed("mark", msgpack.packb(["notes", "calls"]))[:8]],
    ]
