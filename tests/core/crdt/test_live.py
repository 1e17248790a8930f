"""Live cells: how they are weighed, stored and told apart, and what an operation names after others have written."""

from __future__ import annotations

from typing import Any

import pytest

from cellsync.core.crdt import live
from cellsync.core.crdt.cells import Cells
from cellsync.core.crdt.register import ROW as REGISTER
from cellsync.core.crdt.register import RegisterState
from cellsync.core.crdt.weights import CELL, NAMED, REF
from cellsync.core.wire import codec
from cellsync.core.wire.operations import Operation
from tests.core.crdt.drafts import ANA, BEA, cell, name


def test_the_refs_of_a_detail() -> None:
    assert list(live.refs(None)) == list(live.refs(b"")) == []
    assert list(live.refs(name(1))) == [name(1)]
    assert list(live.refs(name(1) + name(2) + name(3))) == [name(1), name(2), name(3)]


def test_cells_are_written_and_removed_by_what_a_detail_names() -> None:
    state = Cells()
    live.write(state, cell(1, "old"), None)
    live.write(state, cell(2, "new"), name(1))
    assert list(state.live) == [name(2)]
    live.remove(state, cell(3), name(2) + name(9))
    assert not live.lives(state)
    assert state.absent == {name(9)}
    live.write(state, cell(4), b"")
    assert live.lives(state)


def test_a_value_stands_alone_if_all_cells_hold_it() -> None:
    assert live.stands_alone([cell(1, [1]), cell(2, [1])], [1])
    assert not live.stands_alone([cell(1, 1), cell(2, 2)], 1)
    assert not live.stands_alone([cell(1, 1)], True)
    assert not live.stands_alone([], None)


def test_a_digest_is_of_all_cells_in_the_order_of_refs() -> None:
    state = Cells()
    assert list(live.digest(state)) == []
    for number in (2, 1):
        state.write(cell(number, ["v", -number], clock=5), ())
    cells = [[["v", -number], ANA, 5, 1, name(number)] for number in (1, 2)]
    assert b"".join(live.digest(state)) == codec.encode(cells)


def test_a_field_weighs_what_its_cells_and_refs_do() -> None:
    state = Cells()
    assert live.weight(state) == NAMED
    state.write(cell(1, "text"), [name(8), name(9)])
    state.write(cell(2, 5), ())
    assert live.weight(state) == NAMED + 2 * REF + 2 * CELL + len("text")


def test_a_state_rests_with_its_refs_and_in_its_class() -> None:
    rest = live.rest(RegisterState)
    state = RegisterState()
    state.write(cell(1, ["one"], device=BEA, clock=7, height=3), [name(9)])
    state.write(cell(2, "two"), ())
    packed: Any = rest.pack(state, {ANA: 0, BEA: 1})
    assert packed == ([name(1), 1, 7, 3, b"\x91\xa3one", name(2), 0, 0, 1, b"\xa3two"], name(9))
    again = rest.unpack(packed, [ANA, BEA])
    assert type(again) is RegisterState
    assert again.live == state.live
    assert again.absent == {name(9)}
    assert list(rest.cells(state)) == list(state.live.values())
    with pytest.raises(ValueError, match="unpack"):
        rest.unpack(packed[:1], [ANA, BEA])
    assert REGISTER.rest.pack(state, {ANA: 0, BEA: 1}) == packed


def test_an_operation_comes_to_name_what_its_own_device_has_written_meanwhile() -> None:
    cells = [cell(1), cell(2, device=BEA), cell(3), cell(4)]
    done = Operation(1, "f", name(3) + name(8), "value")
    named = live.naming(done, cells, ANA)
    assert named == done._replace(detail=name(3) + name(8) + name(1) + name(4))
    assert live.naming(done, cells, BEA).detail == name(3) + name(8) + name(2)
    nothing = Operation(1, "f", None, "value")
    assert live.naming(nothing, [cell(2, device=BEA)], ANA) == nothing
