"""The roll of cases reads like a dict, and takes little memory per case."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.errors import VaultDamaged
from cellsync.core.ids import CaseId
from cellsync.core.roll import Roll


def case(number: int) -> CaseId:
    return CaseId(number.to_bytes(32, "big"))


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(0, (1 << 64) - 1)), max_size=600))
def test_it_reads_as_a_dict_does(taken: list[tuple[int, int]]) -> None:
    roll, numbers, heads = Roll(), dict[CaseId, int](), dict[int, int]()
    for name, head in taken:
        number = numbers.setdefault(case(name), len(numbers) + 1)
        heads[number] = head
        roll.take(number, case(name), head)
    assert dict(roll) == numbers
    assert dict(roll.heads) == heads
    assert dict(roll.ids) == {number: name for name, number in numbers.items()}
    for name in range(402):
        assert roll.get(case(name)) == numbers.get(case(name))
    assert [roll.heads.of(number) for number in range(402)] == [heads.get(number, 0) for number in range(402)]
    assert not {0, len(numbers) + 1} & {*roll.ids, *roll.heads}
    assert roll.ids.get(0) is None
    assert roll.heads.get(len(numbers) + 1) is None


@given(st.integers(0, 70), st.integers(0, 300), st.integers(0, 70))
def test_filled_at_once_it_is_the_same(before: int, many: int, after: int) -> None:
    filled, taken = Roll(), Roll()
    for number in range(1, before + many + after + 1):
        taken.take(number, case(number), 3 * number)
    for number in range(1, before + 1):
        filled.take(number, case(number), 3 * number)
    filled.fill((number, case(number), 3 * number) for number in range(before + 1, before + many + 1))
    for number in range(before + many + 1, before + many + after + 1):
        filled.take(number, case(number), 3 * number)
    assert dict(filled) == dict(taken)
    assert dict(filled.heads) == dict(taken.heads)
    assert case(0) not in filled


def test_numbers_are_not_left_out() -> None:
    roll = Roll()
    roll.take(1, case(7), 0)
    with pytest.raises(VaultDamaged):
        roll.take(3, case(8), 0)
    with pytest.raises(VaultDamaged):
        roll.fill([(2, case(8), 0), (4, case(9), 0)])


def test_a_hundred_thousand_cases_take_fifty_bytes_each() -> None:
    tracemalloc.start()
    try:
        roll = Roll()
        for number in range(1, 100_001):
            roll.take(number, case(number), number)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 60 * 100_000
    assert roll[case(99_999)] == 99_999
