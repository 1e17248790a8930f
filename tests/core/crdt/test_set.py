"""Set: what is in it, and what an edit writes."""

from __future__ import annotations

from cellsync.core.crdt.set import ROW, SetState
from cellsync.core.wire import codec
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from tests.core.crdt.drafts import BEA, FIELD, cell, drafted, name, rested, state_of


def three() -> SetState:
    """Two people added `[1]`, one of them "b"."""
    state = state_of(
        ROW, (Op.ADD, cell(1, [1]), None), (Op.ADD, cell(2, [1], 2, BEA), None), (Op.ADD, cell(3, "b"), None)
    )
    assert isinstance(state, SetState)
    return state


def test_each_element_is_there_once_with_all_who_added_it() -> None:
    parts = list(ROW.parts(three()))
    assert [(part.key, part.value) for part in parts] == [(None, [1]), (None, "b")]
    assert [[one.ref for one in part.cells] for part in parts] == [[name(2), name(1)], [name(3)]]
    assert [part.before for part in parts] == [(), ()]
    assert ROW.plain(three()) == [[1], "b"]
    assert list(three().elements(codec.encode)) == [b"\x91\x01", b"\xa1b"]
    assert list(ROW.contested(three())) == []
    assert ROW.shows(three())
    assert not ROW.shows(ROW.state())


def test_a_removal_names_every_addition_that_was_seen() -> None:
    [written], state = drafted(ROW, three(), ("discard", [1]))
    assert written == Operation(Op.DISCARD, FIELD, name(1) + name(2), None)
    assert ROW.plain(state) == ["b"]
    assert drafted(ROW, three(), ("discard", "c"))[0] == []
    assert drafted(ROW, None, ("discard", "c"))[0] == []


def test_an_element_that_is_there_is_not_added_again() -> None:
    assert drafted(ROW, three(), ("add", [1]))[0] == []
    [written], state = drafted(ROW, three(), ("add", True))
    assert written == Operation(Op.ADD, FIELD, None, True)
    assert ROW.plain(state) == [[1], "b", True]
    assert drafted(ROW, None, ("add", 1))[0] == [Operation(Op.ADD, FIELD, None, 1)]


def test_what_a_draft_adds_and_discards_is_never_written() -> None:
    done, state = drafted(ROW, three(), ("add", "c"), ("discard", "c"))
    assert done == []
    assert ROW.plain(state) == [[1], "b"]


def test_it_rests() -> None:
    assert rested(ROW, three()).live == three().live
