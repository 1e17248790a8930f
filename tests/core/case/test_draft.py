"""A draft against plain Python containers, and its display against the result of its operations."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.case.draft import Draft
from cellsync.core.case.fold import CANONICAL, CaseState, Stamp
from cellsync.core.ids import DeviceId, EntryId, Millis
from cellsync.core.wire.tags import Op
from tests.models.histories import Written, fold, histories

names = st.sampled_from("abc")
numbers = st.integers(-2, 2)
steps = st.one_of(
    st.tuples(st.just("set"), numbers),
    st.tuples(st.just("add"), names),
    st.tuples(st.just("discard"), names),
    st.tuples(st.just("put"), names, numbers),
    st.tuples(st.just("delete"), names),
    st.tuples(st.just("count"), numbers),
    st.tuples(st.just("append"), names),
    st.tuples(st.just("correct"), st.integers(0, 3), names),
    st.tuples(st.just("retract"), st.integers(0, 3)),
)


class Plain:
    """The same steps on ordinary containers."""

    def __init__(self) -> None:
        self.value: Any = None
        self.members: set[str] = set()
        self.mapping: dict[str, int] = {}
        self.total = 0
        self.lines: list[str] = []

    def do(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("set", value):
                self.value = value
            case ("add", element):
                self.members.add(element)
            case ("discard", element):
                self.members.discard(element)
            case ("put", key, value):
                self.mapping[key] = value
            case ("delete", key):
                self.mapping.pop(key, None)
            case ("count", by):
                self.total += by
            case ("append", item):
                self.lines.append(item)
            case ("correct", at, item) if at < len(self.lines):
                self.lines[at] = item
            case ("retract", at) if at < len(self.lines):
                del self.lines[at]

    def shown(self) -> tuple[Any, ...]:
        return self.value, self.members, self.mapping, self.total, self.lines


def do(draft: Draft, step: tuple[Any, ...]) -> None:
    match step:
        case ("correct", at, item) if at < len(lines(draft.view)):
            draft.correct("l", lines(draft.view)[at].first.ref, item)
        case ("retract", at) if at < len(lines(draft.view)):
            draft.retract("l", lines(draft.view)[at].first.ref, None)
        case ("correct" | "retract", *_):
            pass
        case ("set", value):
            draft.set("r", value)
        case (name, *arguments):
            field = {"add": "s", "discard": "s", "put": "m", "delete": "m", "count": "c", "append": "l"}[name]
            getattr(draft, name)(field, *arguments)


def lines(state: CaseState) -> list[Any]:
    log = state.logs.get("l")
    return [] if log is None else [item for item in log.items() if not item.retractions]


def shown(state: CaseState) -> tuple[Any, ...]:
    register, members, mapping = state.registers.get("r"), state.sets.get("s"), state.maps.get("m")
    return (
        None if register is None or register.shown is None else register.shown.value,
        set() if members is None else {cells[0].value for cells in members.elements(CANONICAL).values()},
        {} if mapping is None else {key: cells[0].value for key, cells in mapping.keys(CANONICAL).values()},
        0 if "c" not in state.counters else state.counters["c"].total,
        [item.shown.value for item in lines(state)],
    )


@given(st.lists(st.lists(steps, max_size=6), max_size=4))
def test_drafts_of_one_person_behave_like_plain_containers(edits: list[list[tuple[Any, ...]]]) -> None:
    state, plain = CaseState(logs=True), Plain()
    for number, edit in enumerate(edits, 1):
        draft = Draft(state.copy())
        for step in edit:
            plain.do(step)
            do(draft, step)
            assert shown(draft.view) == plain.shown()
        state.apply(Stamp(EntryId(bytes([number]) * 32), DeviceId(bytes(32)), Millis(0), number), draft.operations())
        assert shown(state) == plain.shown()
        assert state.conflicts() == []


@given(st.lists(steps, max_size=6), st.lists(steps, max_size=6), st.lists(steps, max_size=6))
def test_two_drafts_of_one_device_do_not_contradict_each_other(
    before: list[tuple[Any, ...]], first: list[tuple[Any, ...]], second: list[tuple[Any, ...]]
) -> None:
    """Both begin on the same state. What the one that ends later says stands, beside what the other alone says."""
    state, device = CaseState(logs=True), DeviceId(b"a" * 32)

    def save(draft: Draft, height: int) -> None:
        done = draft.operations(state)
        state.apply(Stamp(EntryId(bytes([height]) * 32), device, Millis(0), height), done)

    draft = Draft(state.copy(), device)
    for step in before:
        do(draft, step)
    save(draft, 1)
    drafts = Draft(state.copy(), device), Draft(state.copy(), device)
    for draft, edit in zip(drafts, (first, second), strict=True):
        for step in edit:
            do(draft, step)
    for height, draft in enumerate(drafts, 2):
        save(draft, height)
    assert state.conflicts() == []
    assert not state.ill_typed
    said = {(one.field, str(one.value)) for one in drafts[1].operations() if one.tag == Op.SET}
    assert said <= {("r", str(shown(state)[0]))}
    put = dict(one.value for one in drafts[1].operations() if one.tag == Op.PUT)
    assert put.items() <= shown(state)[2].items()


def test_what_another_device_wrote_meanwhile_is_a_conflict() -> None:
    state, devices = CaseState(logs=True), (DeviceId(b"a" * 32), DeviceId(b"b" * 32))
    drafts = [Draft(state.copy(), device) for device in devices]
    for height, (draft, device) in enumerate(zip(drafts, devices, strict=True), 1):
        draft.set("r", height)
        done = draft.operations(state)
        state.apply(Stamp(EntryId(bytes([height]) * 32), device, Millis(0), height), done)
    [conflict] = state.conflicts()
    assert [cells[0].value for cells in conflict.values] == [2, 1]


@given(histories(), st.lists(steps, max_size=6))
def test_an_edit_over_any_history_ends_what_it_saw_and_no_more(
    written: list[Written], edit: list[tuple[Any, ...]]
) -> None:
    """Over conflicts and hostile entries: what the draft showed is what everybody reads; nothing is ill-typed."""
    state = fold([Written(stamp, [op._replace(field=_fields(op.tag)) for op in ops]) for stamp, ops in written])
    draft = Draft(state.copy())
    for step in edit:
        do(draft, step)
    after, before = state.copy(), set(state.ill_typed)
    after.apply(Stamp(EntryId(b"\xff" * 32), DeviceId(bytes(32)), Millis(0), 99), draft.operations())
    assert shown_plain(after) == shown_plain(draft.view)
    assert after.ill_typed == before
    assert [(c.field, CANONICAL(c.key)) for c in after.conflicts() if c.type != "log"] == [
        (c.field, CANONICAL(c.key)) for c in draft.view.conflicts() if c.type != "log"
    ]


def _fields(tag: int) -> str:
    return {1: "r", 2: "s", 3: "s", 4: "m", 5: "m", 6: "c", 7: "l", 8: "l", 9: "l"}.get(tag, "x")


def shown_plain(state: CaseState) -> list[bytes]:
    """As `shown`, for values that Python cannot hash."""
    register, members, mapping = state.registers.get("r"), state.sets.get("s"), state.maps.get("m")
    return [
        CANONICAL([] if register is None or register.shown is None else [register.shown.value]),
        b"".join([] if members is None else members.elements(CANONICAL)),
        CANONICAL([] if mapping is None else [(k, c[0].value) for k, c in mapping.keys(CANONICAL).values()]),
        str(0 if "c" not in state.counters else state.counters["c"].total).encode(),
        CANONICAL([item.shown.value for item in lines(state)]),
    ]
