"""Register: what stands in it, what contradicts what, and what an edit writes."""

from __future__ import annotations

from cellsync.core.crdt.cells import alike
from cellsync.core.crdt.register import ROW, RegisterState
from cellsync.core.wire import codec
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from tests.core.crdt.drafts import ANA, BEA, FIELD, cell, drafted, name, rested, state_of


def both() -> RegisterState:
    state = state_of(ROW, (Op.SET, cell(1, "one"), b""), (Op.SET, cell(2, ["two"], 2, BEA), b""))
    assert isinstance(state, RegisterState)
    return state


def test_it_shows_the_newest_and_has_all() -> None:
    [part] = ROW.parts(both())
    assert (part.key, part.value, list(part.values())) == (None, ["two"], [["two"], "one"])
    assert [one.ref for one in part.cells] == [name(2), name(1)]
    assert ROW.plain(both()) == ["two"]
    assert both().shown == cell(2, ["two"], 2, BEA)
    assert both().values(codec.encode) == alike(both().live.values(), codec.encode)
    assert ROW.shows(both())


def test_an_empty_one_shows_nothing() -> None:
    state = ROW.state()
    assert list(ROW.parts(state)) == []
    assert ROW.plain(state) is None
    assert state.shown is None
    assert not ROW.shows(state)


def test_two_live_values_are_contested_and_one_is_not() -> None:
    [contested] = ROW.contested(both())
    assert (contested.key, [one.ref for one in contested.cells]) == (None, [name(2), name(1)])
    assert list(ROW.contested(state_of(ROW, (Op.SET, cell(1), b"")))) == []


def test_a_value_replaces_all_that_was_seen_and_the_same_value_writes_nothing() -> None:
    assert drafted(ROW, None, ("set", "v"))[0] == [Operation(Op.SET, FIELD, b"", "v")]
    [written], state = drafted(ROW, both(), ("set", "v"))
    assert written == Operation(Op.SET, FIELD, name(1) + name(2), "v")
    assert [one.value for one in state.live.values()] == ["v"]
    alone = state_of(ROW, (Op.SET, cell(1, "v"), b""))
    assert drafted(ROW, alone, ("set", "v"))[0] == []
    assert drafted(ROW, both(), ("set", "one"))[0] == [Operation(Op.SET, FIELD, name(1) + name(2), "one")]


def test_a_write_comes_to_name_its_own_devices_writes_of_meanwhile() -> None:
    assert ROW.meanwhile is not None
    done = [Operation(Op.SET, FIELD, b"", "v")]
    assert ROW.meanwhile(both(), done, ANA) == [done[0]._replace(detail=name(1))]
    assert ROW.meanwhile(both(), done, BEA) == [done[0]._replace(detail=name(2))]


def test_it_rests() -> None:
    assert rested(ROW, both()).live == both().live
