"""The forms of edition 2: what is written is read, and anything else is void or at fault, and no other error."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.errors import PeerError
from cellsync.core.membership.control import Role
from cellsync.core.membership.editions import ANY, FIRST, SECOND
from cellsync.core.membership.recovery import WRITES
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.core.wire.operations import after_salt
from cellsync.core.wire.tags import Kind
from tests.core.membership.operations import OPERATIONS

SALT = bytes(range(16))
KINDS = sorted(SECOND.kinds)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: Kind(kind).name.lower())
LEAF = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.binary(max_size=40) | st.text(max_size=9)


def decoded(raw: bytes) -> Any:
    return codec.decode(raw, caps.ENTRY, Rule.CAP_ENTRY)


def places(value: Any) -> list[tuple[list[Any], int]]:
    """Where in a nested list a value stands."""
    if type(value) is not list:
        return []
    return [(value, at) for at in range(len(value))] + [place for inner in value for place in places(inner)]


def test_edition_2_has_the_kinds_of_the_first_and_all_that_have_a_name() -> None:
    assert SECOND.number == 2
    assert {kind for kind in range(256) if SECOND.knows(kind)} == set(map(int, Kind))
    assert FIRST.kinds.items() <= SECOND.kinds.items()
    assert set(KINDS) == set(OPERATIONS)


def test_who_may_write_a_kind() -> None:
    coordinators = {Kind.SET_ROLE, Kind.REMOVE, Kind.ENDORSE, Kind.RELEASE, Kind.SETTINGS, Kind.REQUIRE, Kind.RECOVERY}
    for kind, known in SECOND.kinds.items():
        assert known.needs is (Role.COORDINATOR if kind in coordinators else Role.READER)
        assert known.of_own is (ANY if kind == Kind.REMOVE else None)
    assert ANY is min(Role)


def test_what_the_paper_may_write() -> None:
    """Nothing that is about a device of one's own: it has none."""
    about_oneself = {Kind.LINK, Kind.REJECT, Kind.SEAL_KEY, Kind.LEAVE}
    assert set(Kind) - {Kind.CASE, Kind.FOUND} - about_oneself == WRITES


@every_kind
@settings(max_examples=20)
@given(st.data())
def test_what_is_written_is_read(kind: int, data: st.DataObject) -> None:
    operation = data.draw(OPERATIONS[Kind(kind)])
    shape, content = SECOND.kinds[kind].encode(operation, SALT)
    assert content[:16] == SALT
    assert SECOND.decode(kind, shape, content) == operation
    assert "b'" not in repr(operation)
    assert 'b"' not in repr(operation)
    assert kind != Kind.LINK or repr(operation) == "<link>"


@every_kind
@settings(max_examples=40)
@given(st.data())
def test_what_is_read_is_what_was_written_and_all_else_is_void(kind: int, data: st.DataObject) -> None:
    """Also when any value in it is another, is missing, or is there twice."""
    shape, content = SECOND.kinds[kind].encode(data.draw(OPERATIONS[Kind(kind)]), SALT)
    both = [decoded(shape), decoded(after_salt(content))]
    for _ in range(data.draw(st.integers(1, 2))):
        holder, at = data.draw(st.sampled_from(places(both)))
        match data.draw(st.sampled_from(["another", "missing", "twice"])):
            case "missing" if holder is not both:
                del holder[at]
            case "twice" if holder is not both:
                holder.insert(at, copy.deepcopy(holder[at]))
            case _:
                holder[at] = data.draw(LEAF | st.lists(LEAF, max_size=2))
    changed = codec.encode(both[0]), SALT + codec.encode(both[1])
    read = SECOND.decode(kind, *changed)
    assert read is None or SECOND.kinds[kind].encode(read, SALT) == changed


@settings(max_examples=200)
@given(st.sampled_from(sorted(Kind)[1:]), st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_are_void_or_at_fault(kind: int, shape: bytes, content: bytes) -> None:
    with contextlib.suppress(PeerError):
        assert SECOND.decode(kind, shape, SALT + content) is None or kind in KINDS
