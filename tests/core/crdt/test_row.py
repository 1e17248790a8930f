"""The row of a type: what it shows in plain form, whatever it holds, and which operation does what."""

from __future__ import annotations

import pytest

from cellsync.core.crdt import counter, log, map, register, set
from cellsync.core.crdt.row import FieldPart, Holds, uncontested
from cellsync.core.wire.tags import Op
from tests.core.crdt.drafts import cell

PARTS = [FieldPart("k", 1, ()), FieldPart("l", 2, ())]


@pytest.mark.parametrize(("holds", "shown", "empty"), [
    (Holds.VALUE, 1, None), (Holds.SUM, 1, None), (Holds.KEYS, [["k", 1], ["l", 2]], []), (Holds.ELEMENTS, [1, 2], []),
    (Holds.ITEMS, [1, 2], []),
])  # fmt: skip
def test_the_plain_form_is_made_of_the_parts(holds: Holds, shown: object, empty: object) -> None:
    row = register.ROW._replace(holds=holds, parts=lambda state: PARTS[:state])
    assert row.plain(2) == shown
    assert row.plain(0) == empty


def test_each_verb_has_its_operation() -> None:
    for op in Op:
        if op is not Op.CREATE:
            [row] = [
                row for row in (register.ROW, set.ROW, map.ROW, counter.ROW, log.ROW) if int(op) in row.acts
            ]  # fmt: skip
            verb = row.acts[op].verb
            assert row.tag(verb) == op
            assert verb == op.name.lower()


def test_a_part_has_the_value_that_it_shows_and_all_that_stand_there() -> None:
    written = FieldPart(None, cell(1, [5]).resting, (cell(1, [5]), cell(2, "other")))
    assert written.value == [5]
    assert list(written.values()) == [[5], "other"]
    assert list(FieldPart(None, 7, ()).values()) == [7]
    assert list(uncontested(None)) == []
