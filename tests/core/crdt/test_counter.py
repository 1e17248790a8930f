"""Counter: which steps are well typed, what an edit writes, and how the sum rests."""

from __future__ import annotations

from typing import Any

import pytest

from cellsync.core.crdt.counter import LARGEST_STEP, ROW, CounterState
from cellsync.core.crdt.weights import SUM
from cellsync.core.errors import InvalidValue
from cellsync.core.wire import codec
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from tests.core.crdt.drafts import FIELD, cell, drafted, rested, state_of


def test_it_is_the_sum_of_its_steps() -> None:
    state = state_of(ROW, (Op.COUNT, cell(1, 5), None), (Op.COUNT, cell(2, -7), None))
    assert state.total == -2
    [part] = ROW.parts(state)
    assert (part.key, part.value, part.cells, list(part.values())) == (None, -2, (), [-2])
    assert ROW.plain(state) == -2
    assert ROW.shows(state)
    assert ROW.shows(ROW.state())
    assert ROW.plain(ROW.state()) == 0
    assert list(ROW.contested(state)) == []
    assert ROW.weight(state) == SUM
    assert list(ROW.digest(state)) == [codec.encode("-2")]


@pytest.mark.parametrize("step", [0, 1, -1, LARGEST_STEP, -LARGEST_STEP])
def test_a_step_is_a_number_that_floats_have_exactly(step: int) -> None:
    fits = ROW.acts[Op.COUNT].fits
    assert fits is not None
    assert fits(cell(1, step), None)


@pytest.mark.parametrize("step", [LARGEST_STEP + 1, -LARGEST_STEP - 1, True, 1.0, "1", None, [1]])
def test_other_steps_are_ill_typed(step: Any) -> None:
    fits = ROW.acts[Op.COUNT].fits
    assert fits is not None
    assert not fits(cell(1, step), None)


def test_a_draft_writes_one_step_and_none_of_zero() -> None:
    done, state = drafted(ROW, CounterState(10), ("count", 3), ("count", 4))
    assert done == [Operation(Op.COUNT, FIELD, None, 7)]
    assert state.total == 17
    done, state = drafted(ROW, CounterState(10), ("count", 3), ("count", -3))
    assert done == []
    assert state.total == 10
    assert drafted(ROW, CounterState(10), ("count", 0))[0] == []


def test_a_draft_writes_no_step_that_would_be_ill_typed() -> None:
    assert drafted(ROW, None, ("count", LARGEST_STEP))[0] == [Operation(Op.COUNT, FIELD, None, LARGEST_STEP)]
    for edits in (
        [("count", LARGEST_STEP + 1)],
        [("count", LARGEST_STEP), ("count", 1)],
        [("count", -LARGEST_STEP - 1)],
    ):
        with pytest.raises(InvalidValue, match=r"^this step is too large for the counter 'field'$"):
            drafted(ROW, None, *edits)


@pytest.mark.parametrize("total", [0, 1, -1, 127, 128, -127, -129, 255, 256, 1 << 70, -(1 << 70)])
def test_the_sum_rests_in_the_fewest_bytes(total: int) -> None:
    [packed] = ROW.rest.pack(CounterState(total), {})
    assert rested(ROW, CounterState(total)).total == total
    assert len(packed) == next(n for n in range(1, 99) if -(1 << 8 * n - 1) <= total < 1 << 8 * n - 1)
    for wrong in ([], [packed, packed], [5], [None]):
        with pytest.raises((ValueError, TypeError)):
            ROW.rest.unpack(wrong, [])


def test_a_copy_is_independent() -> None:
    state = CounterState(3)
    copy = state.copy()
    copy.count(2)
    assert (state.total, copy.total) == (3, 5)
