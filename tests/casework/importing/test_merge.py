"""The three-way merge against a naive statement of its rule, on one document, with people and tables taking turns."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cellsync.casework.importing.merge import merge
from cellsync.core.case.draft import Draft
from cellsync.core.case.fold import CANONICAL, CaseState, Stamp
from cellsync.core.ids import DeviceId, EntryId, Millis
from cellsync.core.schema.fields import Log, Register, Set, empty
from cellsync.core.schema.fields import field as register
from cellsync.core.schema.schema import Schema
from cellsync.core.wire.operations import Operation

ANA, BEN = DeviceId(bytes(32)), DeviceId(bytes([1] * 32))


class Doc(Schema, kind="test.merging", version=1):
    title: Register[str] = register(default="")
    tags: Set[str] = empty()
    notes: Log[str] = empty()


def keyed(use: str, data: bytes) -> bytes:
    return blake2b(data, key=use.encode(), digest_size=32).digest()


def apply(state: CaseState, operations: list[Operation], number: int, device: DeviceId = ANA) -> None:
    entry = EntryId(blake2b(number.to_bytes(4, "big"), digest_size=32).digest())
    state.apply(Stamp(entry, device, Millis(0), number), operations)


def imported(state: CaseState, table: dict[tuple[str, str], list[Any]]) -> list[Operation]:
    return merge(Doc, state.copy(), table, keyed)


def titles(state: CaseState) -> set[str]:
    held = state.registers.get("title")
    return {""} if held is None else {cell.value for cell in held.live.values()}


def tags(state: CaseState) -> set[str]:
    held = state.sets.get("tags")
    return set() if held is None else {cells[0].value for cells in held.elements(CANONICAL).values()}


def notes(state: CaseState) -> list[set[str]]:
    held = state.logs.get("notes")
    return [] if held is None else [{cell.value for cell in one.current} for one in held.items() if not one.retractions]


@dataclass
class Model:
    """What should stand, and what the last table said."""

    titles: set[str] = field(default_factory=lambda: {""})
    tags: set[str] = field(default_factory=set)
    base_title: str = ""
    base_tags: set[str] = field(default_factory=set)

    def table(self, title: str, tags: set[str]) -> None:
        if title != self.base_title:
            untouched = self.titles <= {self.base_title, title}
            self.titles = {title} if untouched else self.titles | {title}
        self.tags = (self.tags | (tags - self.base_tags)) - (self.base_tags - tags)
        self.base_title, self.base_tags = title, tags


texts = st.sampled_from(["", "a", "b", "c"])
elements = st.sets(st.sampled_from("abc"))
steps = st.lists(st.tuples(st.booleans(), texts, elements), max_size=8)


@given(steps)
def test_registers_and_sets_merge_as_the_rule_says(steps: list[tuple[bool, str, set[str]]]) -> None:
    state, model = CaseState(logs=True), Model()
    for number, (by_table, title, chosen) in enumerate(steps, 1):
        if by_table:
            table = {("title", ""): [title] if title else [], ("tags", "x"): sorted(chosen)}
            apply(state, imported(state, table), number)
            model.table(title, chosen)
            assert imported(state, table) == []  # again: nothing
        else:
            draft = Draft(state.copy())
            draft.set("title", title)
            for one in "abc":
                (draft.add if one in chosen else draft.discard)("tags", one)
            apply(state, draft.operations(), number)
            model.titles, model.tags = {title}, chosen
        assert titles(state) == model.titles
        assert tags(state) == model.tags


@given(st.lists(texts, max_size=6))
def test_a_log_has_one_item_per_cell_that_says_what_the_cell_said_last(cells: list[str]) -> None:
    state = CaseState(logs=True)
    last = ""
    for number, cell in enumerate(cells, 1):
        table = {("notes", "x"): [cell] if cell else []}
        apply(state, imported(state, table), number)
        assert imported(state, table) == []
        last = cell or last
        assert notes(state) == ([{last}] if last else [])


@given(texts, elements, texts, texts, elements, texts)
def test_two_devices_with_two_tables(
    title: str, chosen: set[str], note: str, other_title: str, other_chosen: set[str], other_note: str
) -> None:
    """Side by side: all that either table says stands; then either table again writes nothing."""
    first = {("title", ""): [title] * bool(title), ("tags", "x"): sorted(chosen), ("notes", "x"): [note] * bool(note)}
    second = {
        ("title", ""): [other_title] * bool(other_title),
        ("tags", "x"): sorted(other_chosen),
        ("notes", "x"): [other_note] * bool(other_note),
    }
    state, nothing = CaseState(logs=True), CaseState(logs=True)
    ours, theirs = imported(nothing, first), imported(nothing, second)
    apply(state, ours, 1)
    apply(state, theirs, 2, BEN)
    assert titles(state) == ({title, other_title} - {""} or {""})
    assert tags(state) == chosen | other_chosen
    assert len(notes(state)) == bool(note or other_note)
    if first == second:
        assert state.conflicts() == []
        assert imported(state, first) == []


@given(texts, texts)
def test_a_concurrent_table_is_base_too(title: str, other: str) -> None:
    """After two devices imported different tables, a third table replaces both: no person wrote either."""
    state, nothing = CaseState(logs=True), CaseState(logs=True)
    mine, theirs = (imported(nothing, {("title", ""): [one] * bool(one)}) for one in (title, other))
    apply(state, mine, 1)
    apply(state, theirs, 2, BEN)
    apply(state, imported(state, {("title", ""): ["new"]}), 3)
    assert titles(state) == {"new"}


def test_an_empty_table_makes_no_document() -> None:
    assert merge(Doc, None, {("title", ""): [], ("tags", "x"): [], ("notes", "x"): []}, keyed) == []


def test_marks_that_somebody_else_made_up_do_no_harm() -> None:
    state = CaseState(logs=True)
    draft = Draft(CaseState())
    for junk in (7, "x", ["title", ""], ["title", "", "text"], [1, 2, 3]):
        draft.add("imported", junk)
    apply(state, draft.operations(), 1)
    apply(state, imported(state, {("title", ""): ["a"]}), 2)
    assert titles(state) == {"a"}


def test_an_element_that_moves_to_another_column_stays() -> None:
    state = CaseState(logs=True)
    apply(state, imported(state, {("tags", "x"): ["a"], ("tags", "y"): ["b"]}), 1)
    apply(state, imported(state, {("tags", "x"): [], ("tags", "y"): ["b", "a"]}), 2)
    assert tags(state) == {"a", "b"}
    apply(state, imported(state, {("tags", "x"): [], ("tags", "y"): ["b"]}), 3)
    assert tags(state) == {"b"}


def test_what_stands_in_a_conflict_already_is_not_written_again() -> None:
    state = CaseState(logs=True)
    for number, title in enumerate("ab", 1):
        draft = Draft(CaseState())  # each without having seen the other
        draft.set("title", title)
        apply(state, draft.operations(), number)
    written = imported(state, {("title", ""): ["a"]})
    assert [operation.field for operation in written] == ["imported"]
    apply(state, written, 3)
    assert titles(state) == {"a", "b"}


PLACES = [("title", ""), ("tags", "t"), ("tags", "u"), ("notes", "n"), ("notes", "o"), ("notes", "lines")]
tables = st.lists(st.tuples(st.sampled_from(PLACES), st.lists(st.sampled_from(["", "a", "b", "'a", "c "]), max_size=3)))


@given(tables)
def test_a_new_document_is_written_as_an_empty_one_is_merged(said: list[tuple[tuple[str, str], list[str]]]) -> None:
    table: dict[tuple[str, str], list[Any]] = {place: values for place, values in said if place[0] != "title"}
    table |= {place: values[:1] for place, values in said if place[0] == "title"}
    plain = merge(Doc, CaseState(logs=True), table, keyed, {"lines"})
    new = merge(Doc, None, table, keyed, {"lines"})
    assert new[1:] == plain
    assert [one.field for one in new[:1]] == ["test.merging"] * bool(plain)
