"""A few cases of every type of bytes that comes from outside: `make fuzz` tries millions."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core.errors import Malformed
from cellsync.core.rule import Rule
from cellsync.core.wire.tags import Message
from tests.core.noise import any_bytes
from tests.fuzz import said, table
from tests.fuzz.registry import TYPES, seeds
from tests.fuzz.wire_type import WireType, of_two, two_parts

every = pytest.mark.parametrize("of", TYPES.values(), ids=TYPES)


@every
def test_good_cases_are_read(of: WireType) -> None:
    good = of.good()
    assert sum(map(of.accepts, good)) >= len(good) - 1  # at most one is there because it is nearly good
    assert max(map(len, good)) <= of.most


@every
@settings(max_examples=20)
@given(st.data())
def test_any_bytes_are_read_or_refused(of: WireType, data: st.DataObject) -> None:
    of.accepts(data.draw(any_bytes(min(of.most, 3_000))))


@every
@settings(max_examples=30)
@given(st.data())
def test_good_cases_with_other_bytes_in_them_are_read_or_refused(of: WireType, data: st.DataObject) -> None:
    case = bytearray(data.draw(st.sampled_from(of.good())))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(case)))
        case[at : at + data.draw(st.sampled_from([0, 1, 1, 1, 4]))] = data.draw(st.binary(max_size=4))
    of.accepts(bytes(case))


@every
@settings(max_examples=40)
@given(st.data())
def test_good_cases_in_which_a_value_is_another_are_read_or_refused(of: WireType, data: st.DataObject) -> None:
    case, random = data.draw(st.sampled_from(of.good())), Random(data.draw(st.integers(0, 1 << 32)))
    for _ in range(3):
        case = of.mutated(case, random) or case
        of.accepts(case)


@every
def test_the_vectors_are_read_or_refused(of: WireType) -> None:
    for case in seeds(of):
        of.accepts(case)


def test_every_message_of_a_session_has_good_cases_and_nearly_all_a_type() -> None:
    """PING and PONG have nothing but their number."""
    assert said.session_messages().keys() == set(Message)
    assert {tag.name.lower() for tag in Message} - TYPES.keys() == {"ping", "pong"}


def test_mutated_values_are_mostly_refused_for_what_they_say_and_not_for_their_encoding() -> None:
    of, random = TYPES["whereabouts"], Random(1)
    rules = set[Rule]()
    for _ in range(300):
        case = of.mutated(of.good()[-1], random)
        try:
            of.read(of.begins + (case or b""))
        except Malformed as error:
            rules.add(error.rule)
    assert {Rule.WHEREABOUTS_ROW, Rule.WHEREABOUTS_TWICE, Rule.FORM_CIRCLE} <= rules


def raises(error: Exception) -> WireType:
    def read(_: bytes) -> None:
        raise error

    return WireType("raises", "", read, list)


def test_whatever_else_is_raised_is_a_finding() -> None:
    assert not raises(Malformed(Rule.MESSAGE)).accepts(b"")
    for error in (ValueError(), AssertionError(), TypeError(), RecursionError(), MemoryError()):
        with pytest.raises(type(error)):
            raises(error).accepts(b"")


def test_a_case_is_two_strings_whatever_length_it_claims() -> None:
    assert two_parts(of_two(b"one", b"other")) == (b"one", b"other")
    assert two_parts(b"\xff\xffshort") == (b"short", b"")
    assert two_parts(b"") == (b"", b"")


def test_the_table_of_all_runs_is_one_that_the_next_run_can_add_to() -> None:
    text = table.DOCUMENT.read_text(encoding="utf-8")
    rows = table.read(text)
    assert rows.keys() <= TYPES.keys()
    assert table.write(text, rows, {name: of.tries for name, of in TYPES.items()}) == text
    run = table.Tried(5, 2, 70, 1, "2026-11-30")
    assert table.Tried(1, 1, 80, 0, "2026-11-29").plus(run) == table.Tried(6, 3, 70, 1, "2026-11-30")
    with pytest.raises(ValueError, match="no row"):
        table.read(text + "| value | fewer columns |\n")
