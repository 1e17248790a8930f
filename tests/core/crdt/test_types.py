"""Each CRDT type alone, against a one-line statement of its rule."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.crdt.cells import Cells, LiveValue, alike
from cellsync.core.crdt.counter import CounterState
from cellsync.core.crdt.log import LogState
from cellsync.core.crdt.map import MapState
from cellsync.core.crdt.register import RegisterState
from cellsync.core.crdt.set import SetState
from cellsync.core.ids import DeviceId, Millis, Ref


def canonical(value: object) -> bytes:
    return repr(value).encode()


def name(number: int) -> Ref:
    return Ref(number.to_bytes(10, "big"))


def cell(number: int, value: object = None, height: int = 1) -> LiveValue:
    return LiveValue(value, DeviceId(bytes(32)), Millis(0), height, name(number))


Write = tuple[int, frozenset[int]]  # its number, the numbers it replaces

writes = st.lists(
    st.tuples(st.integers(0, 7), st.frozensets(st.integers(0, 7), max_size=3)),
    unique_by=lambda write: write[0],
    max_size=8,
)


@given(writes, st.data())
def test_live_is_what_nobody_names(drawn: list[Write], data: st.DataObject) -> None:
    cells = Cells()
    for number, replaced in data.draw(st.permutations(drawn)):
        cells.write(cell(number), [name(one) for one in sorted(replaced)])
    gone = {one for _, replaced in drawn for one in replaced}
    assert set(cells.live) == {name(number) for number, _ in drawn if number not in gone}


@given(st.integers(1, 30), st.data())
def test_nothing_is_kept_of_the_dead(length: int, data: st.DataObject) -> None:
    """A line of writes, each replacing the one before, in any order: one live cell, nothing else."""
    cells = Cells()
    for number in data.draw(st.permutations(range(1, length + 1))):
        cells.write(cell(number), [name(number - 1)] if number > 1 else [])
    assert set(cells.live) == {name(length)}
    assert cells.absent == set()


@given(writes)
def test_a_copy_is_independent(drawn: list[Write]) -> None:
    cells = RegisterState()
    for number, replaced in drawn:
        copy = cells.copy()
        live, absent = dict(copy.live), set(copy.absent)
        cells.write(cell(number), [name(one) for one in replaced])
        assert (copy.live, copy.absent) == (live, absent)
        assert type(copy) is RegisterState


def test_an_operation_that_names_itself_is_not_live() -> None:
    cells = Cells()
    cells.write(cell(1), [name(1)])
    assert cells.live == {}


@given(st.permutations([(1, 3), (2, 2), (3, 2), (4, 1)]))
def test_the_register_shows_the_greatest_height_then_ref(order: list[tuple[int, int]]) -> None:
    register = RegisterState()
    for number, height in order:
        register.write(cell(number, number, height), ())
    assert register.shown is not None
    assert register.shown.value == 1
    assert [group[0].value for group in register.values(canonical)] == [1, 3, 2, 4]


def test_alike_groups_equal_values_newest_first() -> None:
    cells = [cell(1, "a"), cell(2, "b"), cell(3, "a", 2)]
    assert [[one.ref for one in group] for group in alike(cells, canonical)] == [[name(3), name(1)], [name(2)]]


@given(st.permutations(["a", "b", "c"]))
def test_set_elements_come_in_one_order(order: list[str]) -> None:
    state = SetState()
    for element in order:
        state.write(cell(ord(element), element), ())
    assert list(state.elements(canonical)) == [b"'a'", b"'b'", b"'c'"]


def test_map_keys_are_registers_of_their_own() -> None:
    state = MapState()
    state.write(cell(1, ["home", 1]), ())
    state.write(cell(2, ["work", 2]), ())
    state.write(cell(3, ["home", 3]), ())
    keys = state.keys(canonical)
    assert [(key, [one.value for one in cells]) for key, cells in keys.values()] == [("home", [3, 1]), ("work", [2])]
    state.remove([name(1), name(3)])
    assert list(state.keys(canonical)) == [b"'work'"]


@given(st.lists(st.integers(-5, 5)))
def test_a_counter_is_the_sum(steps: list[int]) -> None:
    counter = CounterState()
    for step in steps:
        counter.count(step)
    copy = counter.copy()
    copy.count(1)
    assert (counter.total, copy.total) == (sum(steps), sum(steps) + 1)


def log_of(*operations: tuple[str, LiveValue, bytes | None]) -> LogState:
    log = LogState()
    for role, one, target in operations:
        if role == "append":
            log.append(one, target)
        elif target is not None:
            (log.correct if role == "correct" else log.retract)(one, Ref(target))
    return log


STORY = [
    ("append", cell(1, "first"), None),
    ("append", cell(2, "second", 2), None),
    ("correct", cell(3, "first, better", 3), name(1)),
    ("correct", cell(4, "first, otherwise", 3), name(1)),
    ("correct", cell(5, "first, best", 4), name(3)),
    ("retract", cell(6, "wrong person", 4), name(2)),
    ("retract", cell(7, None, 4), name(99)),
]


@given(st.permutations(STORY))
def test_a_log_in_any_order(order: list[tuple[str, LiveValue, bytes | None]]) -> None:
    log = log_of(*order)
    one, two = log.items()
    assert [version.value for version in one.current] == ["first, best", "first, otherwise"]
    assert [version.value for version in one.versions] == [
        "first", "first, better", "first, otherwise", "first, best",
    ]  # fmt: skip
    assert one.retractions == ()
    assert (two.shown.value, [said.value for said in two.retractions]) == ("second", ["wrong person"])
    assert sorted(one.ref for _, _, one in log.cells()) == [name(number) for number in range(1, 8)]


def test_retracting_a_correction_retracts_the_item() -> None:
    [item] = log_of(STORY[0], STORY[2], ("retract", cell(8), name(3))).items()
    assert len(item.retractions) == 1


def test_what_corrects_something_not_here_waits() -> None:
    log = log_of(STORY[4], STORY[2])
    assert list(log.items()) == []
    log.append(cell(1, "first"), None)
    [item] = log.items()
    assert item.shown.value == "first, best"


def test_corrections_that_name_each_other_are_never_reached() -> None:
    log = log_of(("append", cell(1), None), ("correct", cell(2), name(3)), ("correct", cell(3), name(2)))
    [item] = log.items()
    assert item.versions == (cell(1),)


def test_a_log_copy_is_independent() -> None:
    log = log_of(*STORY)
    copy = log.copy()
    copy.correct(cell(9, "later", 9), name(1))
    copy.retract(cell(10), name(2))
    assert [len(item.versions) for item in log.items()] == [4, 1]
    assert [len(item.retractions) for item in log.items()] == [0, 1]
