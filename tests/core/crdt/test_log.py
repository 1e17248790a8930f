"""Log: items and their versions, imported items, what an edit writes, and how a log rests."""

from __future__ import annotations

from typing import Any

import pytest

from cellsync.core.crdt.log import ROW, Appending, Logs, LogState
from cellsync.core.crdt.weights import CELL, NAMED, REF
from cellsync.core.errors import NotFound
from cellsync.core.ids import Ref
from cellsync.core.wire import codec
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from tests.core.crdt.drafts import ANA, BEA, FIELD, cell, drafted, name, rested, state_of

SOURCE, OTHER = b"s" * 16, b"o" * 16


def log(*folded: tuple[Op, int, Any, Any]) -> LogState:
    """A log of these operations: what it does, its number and height, its value, its detail."""
    state = state_of(ROW, *((op, cell(number, value, number), detail) for op, number, value, detail in folded))
    assert isinstance(state, LogState)
    return state


def two_items() -> LogState:
    """The first corrected twice at once, the second retracted."""
    return log(
        (Op.APPEND, 1, "first", None),
        (Op.APPEND, 2, ["second"], SOURCE),
        (Op.CORRECT, 3, "better", name(1)),
        (Op.CORRECT, 4, "otherwise", name(1)),
        (Op.RETRACT, 5, "why", name(2)),
    )


# --- reading ------------------------------------------------------------------------------------


def test_parts_are_the_items_that_are_not_retracted() -> None:
    [part] = ROW.parts(two_items())
    assert (part.key, part.value, list(part.values())) == (name(1), "otherwise", ["otherwise", "better"])
    assert [one.ref for one in part.cells] == [name(4), name(3)]
    assert [one.ref for one in part.before] == [name(1)]
    assert ROW.plain(two_items()) == ["otherwise"]
    assert ROW.plain(log((Op.APPEND, 1, "a", None), (Op.APPEND, 2, ["b"], None))) == ["a", ["b"]]
    assert ROW.shows(two_items())
    assert not ROW.shows(log((Op.RETRACT, 5, None, name(2))))


def test_an_item_has_its_place_its_versions_and_its_source() -> None:
    one, other = two_items().items()
    assert (one.first.ref, one.shown.ref, one.source) == (name(1), name(4), None)
    assert [version.ref for version in one.versions] == [name(1), name(3), name(4)]
    assert (other.first.ref, other.current, other.source) == (name(2), (other.first,), SOURCE)
    assert [said.value for said in other.retractions] == ["why"]
    assert other.before == []
    assert two_items().items()[0:2] == [one, other]
    assert two_items().items()[-1] == other
    assert len(two_items().items()) == 2


def test_a_retraction_of_any_version_retracts_and_the_oldest_is_first() -> None:
    [item] = log(
        (Op.APPEND, 1, "a", None), (Op.CORRECT, 2, "b", name(1)), (Op.RETRACT, 4, "a", name(2)),
        (Op.RETRACT, 3, "z", name(1)),
    ).items()  # fmt: skip
    assert [said.value for said in item.retractions] == ["z", "a"]
    assert item.before == [item.first]


def test_an_item_that_nothing_names_is_its_append() -> None:
    one, other, third = log((Op.APPEND, 1, "a", SOURCE), (Op.APPEND, 2, "b", None), (Op.APPEND, 3, "c", OTHER)).items()
    assert [item.source for item in (one, other, third)] == [SOURCE, None, OTHER]
    for item in (one, other, third):
        assert (item.current, item.versions, item.retractions) == ((item.first,), (item.first,), ())


def test_an_imported_item_shows_each_value_of_its_source_once() -> None:
    appends = ((1, "a"), (2, ["b"]), (3, "a"), (4, "c"))
    [item] = log(*((Op.APPEND, number, value, SOURCE) for number, value in appends)).items()
    assert [one.ref for one in item.current] == [name(4), name(2), name(1)]
    assert [one.value for one in item.current] == ["c", ["b"], "a"]


def test_conflicts_are_of_corrections_and_not_in_retracted_items() -> None:
    [contested] = ROW.contested(two_items())
    assert (contested.key, [one.value for one in contested.cells]) == (name(1), ["otherwise", "better"])
    retracted = two_items()
    retracted.retract(cell(9), name(3))
    assert list(ROW.contested(retracted)) == []
    assert list(ROW.contested(log((Op.APPEND, 1, "a", None)))) == []


def test_appends_with_one_source_are_one_item_at_the_place_of_the_first() -> None:
    state = log((Op.APPEND, 3, "again", SOURCE), (Op.APPEND, 2, "between", None), (Op.APPEND, 1, "line", SOURCE))
    one, other = state.items()
    assert (one.first.ref, one.source) == (name(1), SOURCE)
    assert [current.value for current in one.current] == ["again", "line"]  # side by side: neither hides the other
    assert [version.ref for version in one.versions] == [name(1), name(3)]
    assert (other.first.ref, other.source) == (name(2), None)


@pytest.mark.parametrize("sources", [
    [], [None], [SOURCE], [None, None], [SOURCE, None], [None, SOURCE], [SOURCE, OTHER], [SOURCE, SOURCE],
    [None, SOURCE, OTHER], [SOURCE, None, None],
])  # fmt: skip
def test_sources_are_known_in_every_form(sources: list[bytes | None]) -> None:
    state = log(*((Op.APPEND, number, "x", source) for number, source in enumerate(sources, start=1)))
    for number, source in enumerate(sources, start=1):
        assert state.source(name(number)) == source
    assert state.source(name(99)) is None
    for source in (SOURCE, OTHER):
        assert state.has_source(source) == (source in sources)
    copies = state.copy(), state.extended(), rested(ROW, state)
    for copy in copies:
        assert [copy.source(name(number)) for number in range(1, 1 + len(sources))] == sources
        copy.append(cell(50, "x"), b"n" * 16)
        assert copy.has_source(b"n" * 16)
    assert not state.has_source(b"n" * 16)


@pytest.mark.parametrize("sources", [[SOURCE], [None, SOURCE], [SOURCE, OTHER], [None, None]])
def test_an_append_that_is_taken_back_is_forgotten_with_its_source(sources: list[bytes | None]) -> None:
    state = log(*((Op.APPEND, number, "x", source) for number, source in enumerate(sources, start=1)))
    last = len(sources)
    assert state.take(name(last))
    assert not state.take(name(last))
    assert list(state.appended) == [name(number) for number in range(1, last)]
    assert [state.source(name(number)) for number in range(1, last + 1)] == [*sources[:-1], None]
    if sources[-1] is not None:
        assert not state.has_source(sources[-1])


def test_every_operation_is_a_cell_with_its_role() -> None:
    rows = [(role, detail, one.ref) for role, detail, one in two_items().cells()]
    assert sorted(rows, key=lambda row: row[2]) == [
        ("append", None, name(1)), ("append", SOURCE, name(2)), ("correct", name(1), name(3)),
        ("correct", name(1), name(4)), ("retract", name(2), name(5)),
    ]  # fmt: skip
    assert two_items().names(name(1))
    assert two_items().names(name(2))
    assert not two_items().names(name(3))


def test_a_digest_is_of_every_operation_in_the_order_of_refs() -> None:
    state = log((Op.RETRACT, 2, "why", name(1)), (Op.APPEND, 1, ["a"], SOURCE))
    rows = [
        (name(1), "append", SOURCE, codec.encode((["a"], ANA, 0, 1, name(1)))),
        (name(2), "retract", name(1), codec.encode(("why", ANA, 0, 2, name(2)))),
    ]
    assert b"".join(ROW.digest(state)) == codec.encode(rows)


def test_a_log_weighs_what_its_operations_do() -> None:
    assert ROW.weight(log()) == NAMED
    texts = len("first") + len(codec.encode(["second"])) + len("better") + len("otherwise") + len("why")
    assert ROW.weight(two_items()) == NAMED + 2 * REF + 5 * CELL + texts


# --- writing ------------------------------------------------------------------------------------


def test_an_item_is_appended_unless_its_source_is_there() -> None:
    assert drafted(ROW, None, ("append", "x"))[0] == [Operation(Op.APPEND, FIELD, None, "x")]
    assert drafted(ROW, None, ("append", "x", SOURCE))[0] == [Operation(Op.APPEND, FIELD, SOURCE, "x")]
    assert drafted(ROW, two_items(), ("append", "x", SOURCE))[0] == []
    assert drafted(ROW, two_items(), ("append", "x", OTHER))[0] == [Operation(Op.APPEND, FIELD, OTHER, "x")]
    assert len(drafted(ROW, None, ("append", "x"), ("append", "x"))[0]) == 2


def test_a_correction_names_every_current_version() -> None:
    done, state = drafted(ROW, two_items(), ("correct", name(1), "v"))
    assert done == [Operation(Op.CORRECT, FIELD, name(4), "v"), Operation(Op.CORRECT, FIELD, name(3), "v")]
    assert {one.value for one in state.items()[0].current} == {"v"}
    assert drafted(ROW, two_items(), ("correct", name(2), ["second"]))[0] == []
    assert drafted(ROW, two_items(), ("correct", name(3), "better"))[0] == done_with("better")
    assert drafted(ROW, two_items(), ("correct", name(4), None))[0] == done_with(None)


def done_with(value: Any) -> list[Operation]:
    return [Operation(Op.CORRECT, FIELD, name(number), value) for number in (4, 3)]


def test_a_pending_item_is_changed_where_it_stands() -> None:
    pending = Ref(bytes(10))
    done, state = drafted(ROW, None, ("append", "x", SOURCE), ("correct", pending, ["y"]))
    assert done == [Operation(Op.APPEND, FIELD, SOURCE, ["y"])]
    assert [item.shown.value for item in state.items()] == [["y"]]
    assert state.source(pending) == SOURCE


def test_a_pending_correction_is_changed_where_it_stands_and_no_other() -> None:
    state = two_items()
    state.correct(cell(8, "of something else"), name(77))
    done, state = drafted(ROW, state, ("correct", name(1), "v"), ("correct", name(1), "w"))
    assert done == done_with("w")
    assert [one.value for one in state.items()[0].current] == ["w", "w"]
    assert [one.value for one in state.corrections[name(1)]] == ["better", "otherwise"]
    assert [one.value for one in state.corrections[name(77)]] == ["of something else"]


def test_a_retraction_names_the_item_once_and_drops_a_pending_one() -> None:
    done, state = drafted(ROW, two_items(), ("retract", name(4), "why"))
    assert done == [Operation(Op.RETRACT, FIELD, name(1), "why")]
    assert ROW.plain(state) == []
    assert drafted(ROW, two_items(), ("retract", name(2), "again"))[0] == []
    done, state = drafted(ROW, two_items(), ("append", "x"), ("retract", Ref(bytes(10)), None))
    assert done == []
    assert len(state.items()) == 2


@pytest.mark.parametrize("edit", [("correct", name(99), "v"), ("retract", name(99), None)])
def test_an_item_that_is_not_there_is_not_found(edit: tuple[Any, ...]) -> None:
    for state in (None, two_items()):
        with pytest.raises(NotFound, match=r"^the log 'field' has no such item$"):
            drafted(ROW, state, edit)


def test_a_correction_comes_to_name_its_own_devices_corrections_of_meanwhile() -> None:
    assert ROW.meanwhile is not None
    done = [
        Operation(Op.APPEND, FIELD, None, "x"), Operation(Op.CORRECT, FIELD, name(1), "v"),
        Operation(Op.RETRACT, FIELD, name(6), "v"),
    ]  # fmt: skip
    state = two_items()
    state.append(cell(6, "another item", 6), None)
    state.correct(cell(7, "meanwhile", 7), name(6))
    assert ROW.meanwhile(state, done, ANA) == [
        *done, done[1]._replace(detail=name(4)), done[1]._replace(detail=name(3)),
    ]  # fmt: skip
    assert ROW.meanwhile(state, done, BEA) == done
    assert ROW.meanwhile(state, done[:1], ANA) == done[:1]
    seen = [Operation(Op.CORRECT, FIELD, name(3), "v"), Operation(Op.CORRECT, FIELD, name(4), "v")]
    assert ROW.meanwhile(state, seen, ANA) == seen


# --- at rest ------------------------------------------------------------------------------------


def test_a_log_rests_with_all_its_operations() -> None:
    packed = ROW.rest.pack(two_items(), {ANA: 0})
    appends, sources, corrections, retractions = packed
    assert sources == [None, SOURCE]
    assert [appends[at] for at in (0, 5)] == [name(1), name(2)]
    assert corrections[1] == name(1) + name(1)
    assert [corrections[0][at] for at in (0, 5)] == [name(3), name(4)]
    assert (retractions[0][0], retractions[1]) == (name(5), name(2))
    assert list(rested(ROW, two_items()).items()) == list(two_items().items())
    assert b"".join(ROW.digest(rested(ROW, two_items()))) == b"".join(ROW.digest(two_items()))
    assert len(list(ROW.rest.cells(two_items()))) == 5


@pytest.mark.parametrize(("at", "wrong"), [
    (1, [None]), (1, [None, SOURCE, None]), (1, [None, b"s" * 15]), (1, [None, "s" * 16]), (1, None), (0, None),
    (2, ([], name(1))), (2, (None, b"")), (3, ([], b"")[:1]), (3, 5), (2, ([], bytes(9))),
])  # fmt: skip
def test_other_forms_are_none(at: int, wrong: Any) -> None:
    packed = list(ROW.rest.pack(two_items(), {ANA: 0}))
    packed[at] = wrong
    with pytest.raises((ValueError, TypeError)):
        ROW.rest.unpack(packed, [ANA])
    with pytest.raises(ValueError, match="unpack"):
        ROW.rest.unpack(packed[:3], [ANA])


# --- the logs of a case -------------------------------------------------------------------------


def logs(*folded: tuple[Op, str, int, Any]) -> Logs:
    made = Logs()
    for op, field, number, detail in folded:
        made.fold(op, field, cell(number, "x", number), detail)
    return made


def test_logs_are_a_table_by_field_however_much_is_in_each() -> None:
    held = logs((Op.APPEND, "a", 1, SOURCE), (Op.CORRECT, "b", 2, name(9)), (Op.RETRACT, "c", 3, name(8)),
                (Op.APPEND, "d", 4, None), (Op.CORRECT, "d", 5, name(4)), (Op.RETRACT, "d", 6, name(4)))  # fmt: skip
    assert list(held) == ["a", "b", "c", "d"]
    assert len(held) == 4
    assert "a" in held
    assert "e" not in held
    assert held.get("e") is None
    with pytest.raises(KeyError):
        held["e"]
    assert sorted(held.refs()) == [name(1), name(2), name(4), name(5)]  # no retractions
    assert [field for field, _ in held.items()] == ["a", "b", "c", "d"]
    assert [len(list(one.cells())) for one in held.values()] == [1, 1, 1, 3]
    assert held["a"].source(name(1)) == SOURCE
    assert held["a"] is held["a"]
    assert held.get("a") is held["a"]
    assert list(held["b"].corrections) == [name(9)]
    assert list(held["c"].retractions) == [name(8)]
    held["e"] = LogState()
    held.update({"f": LogState()})
    assert list(held)[-2:] == ["e", "f"]


def test_copies_of_logs_are_independent_and_shared_ones_are_not() -> None:
    held = logs((Op.APPEND, "a", 1, None), (Op.APPEND, "a", 2, None), (Op.APPEND, "b", 3, None))
    copy, shared = held.copy(), held.shared()
    held.fold(Op.APPEND, "a", cell(4, "x"), None)
    held.fold(Op.APPEND, "b", cell(5, "x"), None)
    assert [len(one.appended) for one in copy.values()] == [2, 1]
    assert shared["a"] is held["a"]
    assert len(shared["b"].appended) == 1


def test_items_are_appended_beside_what_is_known_and_not_to_it() -> None:
    known = logs((Op.CORRECT, "a", 5, name(1)))
    known["b"] = log((Op.APPEND, 7, "x", SOURCE))
    reading = Appending(known)
    reading.append("a", cell(1, "item"), SOURCE)
    reading.append("a", cell(2, "item"), None)
    reading.append("b", cell(8, "item"), OTHER)
    reading.append("c", cell(3, "item"), None)
    assert [item.shown.ref for item in reading.logs["a"].items()] == [name(5), name(2)]
    assert sorted(reading.logs["b"].appended) == [name(7), name(8)]
    assert reading.logs["b"].has_source(SOURCE)
    assert reading.logs["b"].has_source(OTHER)
    extended = reading.logs["a"]  # once, however many items are appended
    reading.append("a", cell(9, "item"), None)
    assert reading.logs["a"] is extended
    assert list(known) == ["a", "b"]
    assert not known["a"].appended
    assert list(known["b"].appended) == [name(7)]
    assert not known["b"].has_source(OTHER)


def test_cells_that_name_one_target_are_kept_together_in_every_form() -> None:
    state = LogState()
    assert len(state.corrections) == 0
    for number in range(1, 4):
        state.correct(cell(number, "x"), name(50))
        assert [one.ref for one in state.corrections[name(50)]] == [name(at) for at in range(1, number + 1)]
    copy = state.copy()
    state.correct(cell(4, "x"), name(50))
    state.correct(cell(5, "x"), name(51))
    assert [len(state.corrections[target]) for target in state.corrections] == [4, 1]
    assert len(state.corrections) == 2
    assert name(51) in state.corrections
    assert name(52) not in state.corrections
    assert [len(copy.corrections[target]) for target in copy.corrections] == [3]
    assert state.retractions == {}
    state.retract(cell(6, "x"), name(50))
    again = state.copy()
    state.retract(cell(7, "x"), name(50))
    assert [len(one.retractions[name(50)]) for one in (again, state)] == [1, 2]
