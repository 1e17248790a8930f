"""Map: what stands under each key, which puts are well typed, and what an edit writes."""

from __future__ import annotations

from typing import Any

import pytest

from cellsync.core.crdt.map import ROW, MapKey, MapState
from cellsync.core.wire import codec
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from tests.core.crdt.drafts import ANA, BEA, FIELD, cell, drafted, name, rested, state_of


def three() -> MapState:
    """Two values of "home", one of `[2]`."""
    state = state_of(
        ROW,
        (Op.PUT, cell(1, ["home", 1]), b""),
        (Op.PUT, cell(2, ["home", ["x"]], 2, BEA), b""),
        (Op.PUT, cell(3, [[2], "w"]), b""),
    )
    assert isinstance(state, MapState)
    return state


def test_each_key_has_its_values_the_newest_first() -> None:
    parts = list(ROW.parts(three()))
    assert [(part.key, part.value, list(part.values())) for part in parts] == [
        ([2], "w", ["w"]),
        ("home", ["x"], [["x"], 1]),
    ]
    assert [[one.ref for one in part.cells] for part in parts] == [[name(3)], [name(2), name(1)]]
    assert ROW.plain(three()) == [[[2], "w"], ["home", ["x"]]]
    assert ROW.shows(three())
    assert not ROW.shows(ROW.state())


def test_its_keys_are_looked_up_by_their_bytes() -> None:
    keys = three().keys(codec.encode)
    assert list(keys) == [b"\x91\x02", b"\xa4home"]
    assert len(keys) == 2
    found = keys[b"\xa4home"]
    assert isinstance(found, MapKey)
    assert (found.key, [one.value for one in found.cells]) == ("home", [["x"], 1])
    with pytest.raises(KeyError):
        keys[b"\xc0"]


def test_a_key_with_two_values_is_contested() -> None:
    [contested] = ROW.contested(three())
    assert (contested.key, [one.value for one in contested.cells]) == ("home", [["x"], 1])
    assert list(ROW.contested(state_of(ROW, (Op.PUT, cell(3, ["k", "w"]), b"")))) == []


def test_a_key_whose_hash_another_key_has_is_not_contested() -> None:
    """Python's -1 and -2 hash alike, and bytes may: here all do."""

    class Alike(bytes):
        def __hash__(self) -> int:
            return 7

        __eq__ = bytes.__eq__

    state = state_of(ROW, (Op.PUT, cell(1, ["a", 1]), b""), (Op.PUT, cell(2, ["b", 1]), b""))
    assert list(state.contested(lambda value: Alike(codec.encode(value)))) == []
    again = state_of(ROW, (Op.PUT, cell(1, ["a", 1]), b""), (Op.PUT, cell(2, ["a", 1]), b""))
    assert [key.key for key in again.contested(lambda value: Alike(codec.encode(value)))] == ["a"]


@pytest.mark.parametrize("value", [[], [1], [1, 2, 3], "pair", None, {"a": 1}, {"a": 1, "b": 2}, 2])
def test_a_put_that_is_no_pair_is_ill_typed(value: Any) -> None:
    fits = ROW.acts[Op.PUT].fits
    assert fits is not None
    assert not fits(cell(1, value), b"")
    assert fits(cell(1, [value, value]), b"")


def test_a_put_replaces_what_was_seen_under_its_key() -> None:
    [written], state = drafted(ROW, three(), ("put", "home", "y"))
    assert written == Operation(Op.PUT, FIELD, name(1) + name(2), ["home", "y"])
    assert ROW.plain(state) == [[[2], "w"], ["home", "y"]]
    assert drafted(ROW, three(), ("put", [2], "w"))[0] == []
    assert drafted(ROW, None, ("put", 1, 2))[0] == [Operation(Op.PUT, FIELD, b"", [1, 2])]
    assert drafted(ROW, three(), ("put", "new", 2))[0] == [Operation(Op.PUT, FIELD, b"", ["new", 2])]


def test_a_delete_names_what_was_seen_under_its_key() -> None:
    [written], state = drafted(ROW, three(), ("delete", "home"))
    assert written == Operation(Op.DELETE, FIELD, name(1) + name(2), None)
    assert ROW.plain(state) == [[[2], "w"]]
    assert drafted(ROW, three(), ("delete", "nobody"))[0] == []


def test_a_put_comes_to_name_its_own_devices_puts_of_meanwhile_and_a_delete_does_not() -> None:
    assert ROW.meanwhile is not None
    done = [Operation(Op.PUT, FIELD, b"", ["home", 9]), Operation(Op.DELETE, FIELD, name(3), None)]
    assert ROW.meanwhile(three(), done, ANA) == [done[0]._replace(detail=name(1)), done[1]]
    assert ROW.meanwhile(three(), done, BEA) == [done[0]._replace(detail=name(2)), done[1]]


@pytest.mark.parametrize("value", [[1], [1, 2, 3], "ab", {"a": 1, "b": 2}])
def test_a_put_that_is_no_pair_is_no_part_of_a_snapshot(value: Any) -> None:
    assert rested(ROW, three()).live == three().live
    wrong = MapState()
    wrong.write(cell(1, value), ())
    with pytest.raises(ValueError, match=r"^$"):
        rested(ROW, wrong)
