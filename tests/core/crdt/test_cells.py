"""Cells: their tables, whichever of the three forms they are in, and the orders in which they are shown."""

from __future__ import annotations

import pytest

from cellsync.core.crdt.cells import Cells, Groups, Held, alike, differ, newest_first, rank
from cellsync.core.ids import Ref
from cellsync.core.wire import codec
from tests.core.crdt.drafts import ANA, cell, name


def test_a_cell_says_all_of_it_but_not_in_its_repr() -> None:
    one = cell(1, ["secret"], 3, clock=5)
    assert one.said() == (["secret"], ANA, 5, 3, name(1))
    assert one.value == ["secret"]
    assert repr(one) == f"<cell {name(1).hex()}>"
    assert one.canonical(lambda _: b"unused") == codec.encode(["secret"])
    assert cell(1, "text").canonical(codec.encode) == codec.encode("text")


def test_the_greatest_height_then_ref_comes_first() -> None:
    assert rank(cell(2, height=3)) == (3, name(2))
    cells = [cell(1, height=2), cell(2, height=2), cell(3)]
    assert [one.ref for one in newest_first(cells)] == [name(2), name(1), name(3)]


def test_cells_differ_if_any_two_values_do() -> None:
    assert not differ([], codec.encode)
    assert not differ([cell(1, "a")], codec.encode)
    assert not differ([cell(1, "a"), cell(2, "a"), cell(3, "a")], codec.encode)
    assert differ([cell(1, "a"), cell(2, "a"), cell(3, "b")], codec.encode)
    assert differ([cell(1, 1), cell(2, True)], codec.encode)
    assert differ([cell(1, 1), cell(2, 1.0), cell(3, 1)], codec.encode)


def test_equal_values_form_one_group() -> None:
    cells = [cell(1, "a"), cell(2, "b"), cell(3, "a", 2)]
    assert [[one.ref for one in group] for group in alike(cells, codec.encode)] == [[name(3), name(1)], [name(2)]]


def test_groups_are_ascending_and_keep_the_order_of_their_cells() -> None:
    groups = Groups([(b"b", cell(1)), (b"a", cell(2)), (b"b", cell(3)), (b"b", cell(4))])
    assert list(groups) == [b"a", b"b"]
    assert len(groups) == 2
    assert groups[b"a"] == [cell(2)]
    assert groups[b"b"] == [cell(1), cell(3), cell(4)]
    with pytest.raises(KeyError):
        groups[b"c"]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_cells_are_held_alike_in_every_form(count: int) -> None:
    held = Held({name(number): cell(number) for number in range(count)})
    assert held._table() == {name(number): cell(number) for number in range(count)}
    assert not held.take(name(9))
    held.put(cell(5, "old"))
    held.put(cell(5, "new"))
    assert held._table()[name(5)].value == "new"
    assert len(held._table()) == count + 1
    assert held.take(name(5))
    assert not held.take(name(5))
    for number in range(count):
        assert held.take(name(number))
    assert held._table() == {}


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_refs_that_came_too_early_are_awaited_in_every_form(count: int) -> None:
    early = [name(number) for number in range(count)]
    cells = Cells(absent=set(early))
    assert cells.absent == set(early)
    cells.remove(early)  # said twice, awaited once
    assert cells.absent == set(early)
    cells.write(cell(8), ())
    for at, ref in enumerate(early):
        cells.write(cell(at, "dead"), ())
        assert cells.absent == set(early[at + 1 :])
        assert ref not in cells.live
    assert list(cells.live) == [name(8)]
    assert cells._absent is None


def test_a_removal_awaits_only_what_is_not_there() -> None:
    cells = Cells({name(1): cell(1), name(2): cell(2)})
    cells.remove([name(1), name(3)])
    assert list(cells.live) == [name(2)]
    assert cells.absent == {name(3)}
    cells.write(cell(4), [name(2), name(5)])
    assert list(cells.live) == [name(4)]
    assert cells.absent == {name(3), name(5)}


@pytest.mark.parametrize("detail", [b"", name(1), name(2), name(1) + name(2)])
@pytest.mark.parametrize("held", [[], [1], [2], [1, 2]])
@pytest.mark.parametrize("absent", [[], [9], [7]])
def test_writing_over_is_writing(held: list[int], absent: list[int], detail: bytes) -> None:
    one, other = (
        Cells({name(at): cell(at) for at in held}, {name(at) for at in absent}) for _ in range(2)
    )  # fmt: skip
    one.write_over(cell(7, "new"), detail)
    other.write(cell(7, "new"), [Ref(detail[at : at + 10]) for at in range(0, len(detail), 10)])
    assert (one.live, one.absent) == (other.live, other.absent)


def test_a_copy_is_of_the_same_class_and_independent() -> None:
    class Mine(Cells):
        __slots__ = ()

    cells = Mine({name(1): cell(1)}, {name(8), name(9)})
    copy = cells.copy()
    assert type(copy) is Mine
    assert (copy.live, copy.absent) == (cells.live, cells.absent)
    copy.write(cell(8), [name(1)])
    assert (list(cells.live), cells.absent) == ([name(1)], {name(8), name(9)})
