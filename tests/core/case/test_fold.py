"""The fold against the naive model: any order, any subset, nothing dropped."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.case import borrowed
from cellsync.core.case.fold import CANONICAL, CaseState, Stamp
from cellsync.core.case.states import HEAVY
from cellsync.core.crdt.log import Logs
from cellsync.core.crdt.row import FieldType
from cellsync.core.errors import VaultDamaged
from cellsync.core.history.entry import Entry
from cellsync.core.ids import DeviceId, EntryId, Millis
from cellsync.core.wire import codec
from cellsync.core.wire.operations import Operation, ref
from cellsync.core.wire.tags import Kind, Op
from tests.models import cases as model
from tests.models.cases import Did, plain
from tests.models.histories import NAN, Written, dids_of, fold, histories


def shown(state: CaseState, field: str) -> dict[str, Any]:
    """What the implementation shows of one field, in the model's terms."""
    register, members = state.registers.get(field), state.sets.get(field)
    mapping, counter, log = state.maps.get(field), state.counters.get(field), state.logs.get(field)
    return {
        "register": [] if register is None else [cell.ref for group in register.values(CANONICAL) for cell in group],
        "first": None if register is None or register.shown is None else register.shown.ref,
        "set": {}
        if members is None
        else {plain(cells[0].value): {cell.ref for cell in cells} for cells in members.elements(CANONICAL).values()},
        "map": {}
        if mapping is None
        else {
            plain(key): [(cell.ref, plain(cell.value)) for cell in cells]
            for key, cells in mapping.keys(CANONICAL).values()
        },
        "counter": 0 if counter is None else counter.total,
        "log": []
        if log is None
        else [
            model.Line(
                item.first.ref,
                [cell.ref for cell in item.current],
                {cell.ref for cell in item.versions},
                {cell.ref for cell in item.retractions},
            )
            for item in log.items()
        ],
    }


def expected(dids: list[Did], field: str) -> dict[str, Any]:
    live = model.register(dids, field)
    by_value: dict[Any, list[bytes]] = {}
    for did in live:
        by_value.setdefault(plain(did.value), []).append(did.ref)
    return {
        "register": [one for refs in by_value.values() for one in refs],
        "first": live[0].ref if live else None,
        "set": model.members(dids, field),
        "map": model.mapping(dids, field),
        "counter": model.total(dids, field),
        "log": model.log(dids, field),
    }


def conflict_places(state: CaseState) -> set[tuple[str, str, Any]]:
    return {
        (str(conflict.type), conflict.field, plain(conflict.key) if conflict.type is FieldType.MAP else conflict.key)
        for conflict in state.conflicts()
    }


def assert_is_the_model(state: CaseState, dids: list[Did]) -> None:
    for field in ("f", "g"):
        assert shown(state, field) == expected(dids, field)
    assert state.kind == model.kind(dids)
    assert state.version == model.version(dids)
    assert state.ill_typed == model.ill_typed(dids)
    assert state.unknown == {did.ref for did in dids if did.tag > max(Op)}
    assert conflict_places(state) == model.conflicts(dids)


@given(histories(), st.data())
def test_any_order_gives_the_state_of_the_set(written: list[Written], data: st.DataObject) -> None:
    arrived = data.draw(st.permutations(written))
    state = fold(arrived)
    assert_is_the_model(state, dids_of(written))
    assert state.digest() == fold(written).digest()


@given(histories(), st.data())
def test_a_false_clock_puts_nothing_before_or_in_place_of_anything(written: list[Written], data: st.DataObject) -> None:
    claimed = [
        Written(one.stamp._replace(clock=Millis(data.draw(st.integers(0, 2**63 - 1)))), one.operations)
        for one in written
    ]
    honest, dated = fold(written), fold(data.draw(st.permutations(claimed)))
    for field in ("f", "g"):
        assert shown(dated, field) == shown(honest, field)
    assert conflict_places(dated) == conflict_places(honest)
    assert (dated.kind, dated.version) == (honest.kind, honest.version)


@given(histories())
def test_the_digest_is_that_of_the_specification(written: list[Written]) -> None:
    assert fold(written).digest() == model.digest(dids_of(written))


@given(histories(), st.data())
def test_any_subset_gives_the_state_of_that_subset(written: list[Written], data: st.DataObject) -> None:
    subset = data.draw(st.lists(st.sampled_from(written), unique_by=lambda one: one.stamp.id))
    assert_is_the_model(fold(subset), dids_of(subset))


@given(histories(), st.data())
def test_a_snapshot_between_two_entries_changes_nothing(written: list[Written], data: st.DataObject) -> None:
    arrived = data.draw(st.permutations(written))
    cut = data.draw(st.integers(0, len(arrived)))
    whole = fold(arrived, logs=False)
    resumed = CaseState.decode(fold(arrived[:cut], logs=False).encode())
    for stamp, operations in arrived[cut:]:
        resumed.apply(stamp, operations)
    assert resumed.encode() == whole.encode()
    resumed.amended = Logs()
    assert_is_the_model(
        resumed, [did for did in dids_of(written) if did.tag not in (Op.APPEND, Op.CORRECT, Op.RETRACT)]
    )


@st.composite
def amended(draw: st.DrawFn) -> list[Written]:
    """One entry after another appends to a log, or says anew what was said before."""
    written: list[Written] = []
    for number in range(draw(st.integers(3, 9))):
        before = [did.ref for did in dids_of(written)] or [b"\0nowhere\0\0"]
        operations = []
        for _ in range(draw(st.integers(1, 2))):
            tag = draw(st.sampled_from([Op.APPEND] + [Op.CORRECT] * 5 + [Op.RETRACT])) if written else Op.APPEND
            detail = draw(st.sampled_from([None, b"s" * 16] if tag == Op.APPEND else before))
            operations.append(Operation(int(tag), "l", detail, draw(st.sampled_from(["as it was", "as it is"]))))
        written.append(entry(number, *operations, height=draw(st.integers(1, 3))))
    return written


@given(amended(), st.data())
def test_without_logs_it_is_known_where_people_contradict_one_another_in_them(
    written: list[Written], data: st.DataObject
) -> None:
    arrived = data.draw(st.permutations(written))
    cut = data.draw(st.integers(0, len(arrived)))
    state = CaseState()
    for first, last in ((0, cut), (cut, len(arrived))):  # and is asked for after both
        for stamp, operations in arrived[first:last]:
            state.apply(stamp, operations)
        state = CaseState.decode(state.encode())
        begins = {one[:8].hex() for some in state.missing() for one in some}
        for stamp, operations in arrived[:last]:
            if stamp.id[:8].hex() in begins:
                state.recall(stamp, operations)
        state.sought.clear()
    known = {(one.field, one.type, tuple(cell.ref for cell in one.cells)) for one in state.conflicts()}
    whole = fold(written)
    assert known == {(one.field, one.type, tuple(cell.ref for cell in one.cells)) for one in whole.conflicts()}
    for one in state.conflicts():  # and each is found by what the state calls it
        if one.type is FieldType.LOG:
            [item] = [item for item in whole.logs[one.field].items() if one.key in {cell.ref for cell in item.versions}]
            assert item.current == one.cells
    assert all(log.names(ref) for log in state.amended.values() for ref in log.appended)


@given(histories(), st.data())
def test_every_concurrent_value_can_be_read(written: list[Written], data: st.DataObject) -> None:
    """Whatever no operation names is readable somewhere; said without the model, so they share no mistake."""
    dids = dids_of(data.draw(st.permutations(written)))
    state = fold(written)
    named = {
        (did.field, one)
        for did in dids
        if did.tag in (Op.SET, Op.DISCARD, Op.PUT, Op.DELETE) and did.ref not in state.ill_typed
        for one in model.refs_in(did.detail)
    }
    readable = {ref for field in ("f", "g") for ref in _readable(state, field)}
    for did in dids:
        if did.tag in (Op.SET, Op.ADD, Op.PUT) and (did.field, did.ref) not in named:
            assert did.ref in readable | state.ill_typed
        if did.tag == Op.APPEND:
            assert did.ref in readable


def _readable(state: CaseState, field: str) -> set[bytes]:
    now = shown(state, field)
    refs = {*now["register"], *(one for refs in now["set"].values() for one in refs)}
    refs |= {one for pairs in now["map"].values() for one, _ in pairs}
    return refs | {one for line in now["log"] for one in line.versions}


def arrived(written: Written, size: int = 7) -> tuple[Entry, DeviceId, list[Operation]]:
    """A change as a plan has it, of an entry whose content is so long."""
    (identity, device, clock, height), done = written
    entry = Entry(1 << 40, 2, 0, identity, height, clock, Kind.CASE, 0, 0, b"", b"", bytes(size), None)
    return entry, device, done


@given(histories(most=14, operations=2), st.integers(0, 3_000), st.data())
def test_what_is_spelt_out_for_speed_folds_as_the_plain_version(
    written: list[Written], most: int, data: st.DataObject
) -> None:
    plain_state, state = CaseState(), CaseState()
    order = data.draw(st.permutations(written))
    left = iter(map(arrived, order))
    while state.apply_arrived(left, most):
        assert state.added > most
    for stamp, operations in order:
        skipped = [one.tag for one in operations] == [Op.APPEND] and not plain_state.amended
        plain_state.apply(stamp, operations)
        plain_state.added += 0 if skipped else 7
    assert state.encode() == plain_state.encode()
    assert state.added == plain_state.added
    assert state.counted == plain_state.counted
    assert list(state.missing()) == list(plain_state.missing())
    assert list(state.fields()) == list(plain_state.fields())
    assert state.weigh() == plain_state.weigh()


def test_appends_are_counted_unless_they_have_to_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caps, "CASE_OPERATIONS", 3)
    one, other = DeviceId(bytes(32)), DeviceId(b"o" * 32)
    state = CaseState()
    assert state.count_tally({one: 2, other: 1}) == 3
    assert state.count_tally({other: 1, one: 2}) is None  # more than is shown of one device: and nothing is counted
    assert state.counted == {one: 2, other: 1}
    state.apply(Stamp(EntryId(bytes(32)), other, Millis(0), 1), [Operation(9, "log", b"ten bytes.", None)])
    assert state.count_tally({one: 1}) is None  # it may be what was retracted
    assert CaseState(logs=True).count_tally({one: 1}) is None


def test_what_arrives_is_folded_until_the_state_has_grown() -> None:
    state, device, done = CaseState(), DeviceId(bytes(32)), [Operation(1, "f", b"", "said")]
    stamps = [Stamp(EntryId(bytes([number]) * 32), device, Millis(0), number) for number in range(9)]
    left = iter([arrived(Written(stamp, done)) for stamp in stamps])
    assert state.apply_arrived(left, 1_000)
    assert len(state.registers["f"].live) == 4
    assert not state.apply_arrived(left, 10_000)
    assert len(state.registers["f"].live) == 9


@pytest.mark.parametrize("said", [Operation(1, "f", b"", "said"), Operation(7, "log", None, "said")])
def test_beyond_what_a_case_shows_both_stop(monkeypatch: pytest.MonkeyPatch, said: Operation) -> None:
    monkeypatch.setattr(caps, "CASE_OPERATIONS", 2)
    state, device = CaseState(), DeviceId(bytes(32))
    stamps = [Stamp(EntryId(bytes([number]) * 32), device, Millis(0), number) for number in range(3)]
    assert state.apply_arrived(iter([arrived(Written(stamp, [said])) for stamp in stamps]), 1 << 20)
    assert state.full == {device}
    assert state.counted[device] == 2


@given(histories())
def test_a_copy_goes_its_own_way(written: list[Written]) -> None:
    state = CaseState(logs=True)
    for stamp, operations in written:
        copy = state.copy()
        before = copy.digest()
        state.apply(stamp, operations)
        assert copy.digest() == before
        copy.apply(stamp, operations)
        assert copy.digest() == state.digest()
    bare = CaseState()
    for stamp, operations in written:
        copy = bare.copy()
        at_rest = copy.encode()
        bare.apply(stamp, operations)
        assert copy.encode() == at_rest
        copy.apply(stamp, operations)
        assert copy.encode() == bare.encode()


@given(histories(), st.data())
def test_the_digest_tells_subsets_apart(written: list[Written], data: st.DataObject) -> None:
    entries = [one for one in written if any(op.tag == Op.APPEND for op in one.operations)]
    if entries:
        missing = data.draw(st.sampled_from(entries))
        assert fold([one for one in written if one is not missing]).digest() != fold(written).digest()


# --- by hand ----------------------------------------------------------------------------------------


def entry(name: int, *operations: Operation, height: int = 1, device: int = 0) -> Written:
    return Written(
        Stamp(EntryId(bytes([name]) * 32), DeviceId(bytes([device]) * 32), Millis(0), height), list(operations)
    )


def named(written: Written, index: int = 0) -> bytes:
    return ref(written.stamp.id, index)


def test_concurrent_writes_are_both_kept_and_a_later_write_replaces_both() -> None:
    ana, ben = entry(1, Operation(Op.SET, "s", b"", "open")), entry(2, Operation(Op.SET, "s", b"", "closed"), device=1)
    state = fold([ana, ben])
    [conflict] = state.conflicts()
    assert [group[0].value for group in conflict.values] == ["closed", "open"]
    assert [group[0].device for group in conflict.values] == [bytes([1]) * 32, bytes(32)]
    later = entry(3, Operation(Op.SET, "s", named(ana) + named(ben), "court"), height=2)
    for order in ([ana, ben, later], [later, ana, ben], [ana, later, ben]):
        state = fold(order)
        assert state.conflicts() == []
        assert [cell.value for cell in state.registers["s"].live.values()] == ["court"]


def test_equal_concurrent_values_are_one_value_with_two_authors() -> None:
    state = fold([entry(n, Operation(Op.SET, "s", b"", "open"), device=n) for n in (1, 2)])
    assert state.conflicts() == []
    [group] = state.registers["s"].values(CANONICAL)
    assert [cell.device[0] for cell in group] == [2, 1]


def test_add_wins_over_a_concurrent_remove() -> None:
    first = entry(1, Operation(Op.ADD, "t", None, "x"))
    again = entry(2, Operation(Op.ADD, "t", None, "x"), height=2)
    gone = entry(3, Operation(Op.DISCARD, "t", named(first), None), height=2)
    assert list(fold([first, gone]).sets["t"].elements(CANONICAL)) == []
    assert list(fold([gone, again, first]).sets["t"].elements(CANONICAL)) == [codec.encode("x")]


def test_a_field_written_with_two_types_keeps_both() -> None:
    state = fold([entry(1, Operation(Op.SET, "n", b"", 1), Operation(Op.COUNT, "n", None, 2))])
    assert list(state.fields()) == [("n", FieldType.COUNTER), ("n", FieldType.REGISTER)]


def test_a_case_without_creation_has_no_kind_and_keeps_its_fields() -> None:
    state = fold([entry(1, Operation(Op.SET, "s", b"", "x"))])
    assert (state.kind, state.version, list(state.fields())) == ("", 0, [("s", FieldType.REGISTER)])


def test_concurrent_creations_agree_on_the_first_and_take_its_newest_version() -> None:
    written = [
        entry(1, Operation(Op.CREATE, "a", 1, None)),
        entry(2, Operation(Op.CREATE, "b", 9, None)),
        entry(3, Operation(Op.CREATE, "a", 2, None), height=2),
    ]
    assert {(fold(order).kind, fold(order).version) for order in (written, written[::-1])} == {("a", 2)}


def test_imported_duplicates_are_one_item_and_corrections_of_either_count() -> None:
    one, two = (entry(n, Operation(Op.APPEND, "l", b"s" * 16, "row")) for n in (1, 2))
    fix = entry(3, Operation(Op.CORRECT, "l", named(two), "fixed"), height=2)
    [item] = fold([fix, two, one]).logs["l"].items()
    assert (item.first.ref, item.shown.value, len(item.versions)) == (named(one), "fixed", 3)
    hide = entry(4, Operation(Op.RETRACT, "l", named(two), "entered twice"), height=2)
    [item] = fold([two, hide, one]).logs["l"].items()
    assert [cell.value for cell in item.retractions] == ["entered twice"]


@pytest.mark.parametrize(
    "operation",
    [
        Operation(Op.PUT, "f", b"", "not a pair"),
        Operation(Op.PUT, "f", b"", ["one"]),
        Operation(Op.PUT, "f", b"", {"k": 1}),
        Operation(Op.COUNT, "f", None, "1"),
        Operation(Op.COUNT, "f", None, True),
        Operation(Op.COUNT, "f", None, 1.0),
        Operation(Op.COUNT, "f", None, NAN),
        Operation(Op.COUNT, "f", None, 2**53 + 1),
        Operation(Op.COUNT, "f", None, -(2**63)),
    ],
)
def test_an_ill_typed_operation_is_listed_and_has_no_effect(operation: Operation) -> None:
    before = entry(1, Operation(Op.PUT, "f", b"", ["k", "v"]), Operation(Op.COUNT, "f", None, 2**53))
    bad = entry(2, operation._replace(detail=named(before)) if operation.tag == Op.PUT else operation)
    state = fold([before, bad])
    assert state.ill_typed == {named(bad)}
    assert state.counters["f"].total == 2**53
    assert len(state.maps["f"].live) == 1


def test_values_that_python_cannot_hash_are_elements_and_keys_like_any_other() -> None:
    state = fold(
        [
            entry(1, Operation(Op.ADD, "f", None, {"a": [1]}), Operation(Op.PUT, "f", b"", [[1], {"b": 2}])),
            entry(2, Operation(Op.ADD, "f", None, {"a": [1]}), Operation(Op.ADD, "f", None, {"a": [True]})),
        ]
    )
    assert len(state.sets["f"].elements(CANONICAL)) == 2
    assert [entry.key for entry in state.maps["f"].keys(CANONICAL).values()] == [[1]]


def test_elements_and_keys_are_told_apart_by_their_bytes() -> None:
    """Python's hash of each of these integers is 0: a flood of them would be compared each with each."""
    alike = [number * (2**61 - 1) for number in range(8)]
    assert {hash(number) for number in alike} == {0}
    put = [Operation(Op.PUT, "m", b"", [number, "x"]) for number in alike]
    state = fold([entry(1, *(Operation(Op.ADD, "s", None, number) for number in alike), *put)])
    for found in (state.sets["s"].elements(CANONICAL), state.maps["m"].keys(CANONICAL)):
        assert {type(key) for key in found} == {bytes}
        assert len(found) == 8
    assert {type(key) for key in state.sets["s"].live} == {bytes}


def test_a_sum_beyond_64_bits_survives_a_snapshot() -> None:
    written = [entry(n, *[Operation(Op.COUNT, "c", None, -(2**53))] * 200) for n in range(20)]
    state = fold(written, logs=False)
    assert CaseState.decode(state.encode()).counters["c"].total == -(2**53) * 4000


def test_a_snapshot_remembers_what_was_replaced_before_it_came() -> None:
    early, late = entry(1, Operation(Op.SET, "s", b"", "old")), entry(2, Operation(Op.SET, "s", named(entry(1)), "new"))
    resumed = CaseState.decode(fold([late], logs=False).encode())
    resumed.apply(*early)
    assert [cell.value for cell in resumed.registers["s"].live.values()] == ["new"]


def test_a_snapshot_knows_that_appends_of_one_source_are_one_item() -> None:
    lines = [entry(at, Operation(Op.APPEND, "l", b"s" * 16, "a")) for at in (1, 2)]
    fixes = [
        entry(at, Operation(Op.CORRECT, "l", named(line), str(at)), height=2)
        for at, line in zip((3, 4), lines, strict=True)
    ]
    state = CaseState.decode(fold([*fixes, *lines], logs=False).encode())
    [conflict], [whole] = state.conflicts(), fold([*lines, *fixes]).conflicts()
    assert conflict.cells == whole.cells


def test_a_retracted_item_is_no_conflict() -> None:
    item = entry(1, Operation(Op.APPEND, "l", None, "a"))
    fixes = [entry(n, Operation(Op.CORRECT, "l", named(item), str(n)), height=2) for n in (2, 3)]
    assert len(fold([item, *fixes]).conflicts()) == 1
    assert fold([item, *fixes, entry(4, Operation(Op.RETRACT, "l", named(item), None))]).conflicts() == []


@pytest.mark.parametrize(
    "operation",
    [
        Operation(Op.CREATE, "k", 1, None),
        Operation(Op.SET, "f", b"", None),
        Operation(Op.ADD, "f", None, 1),
        Operation(Op.PUT, "f", b"", [1, 2]),
        Operation(Op.COUNT, "f", None, 1),
        Operation(Op.APPEND, "f", None, 1),
        Operation(Op.CORRECT, "f", bytes(10), 1),
        Operation(Op.RETRACT, "f", bytes(10), None),
    ],
)
def test_the_digest_covers_every_type_of_operation(operation: Operation) -> None:
    other = operation._replace(detail=2) if operation.tag == Op.CREATE else operation._replace(value=[True, 7])
    if operation.tag == Op.COUNT:
        other = operation._replace(value=2)
    digests = {fold(written).digest() for written in ([], [entry(1, operation)], [entry(1, other)])}
    assert len(digests) == 3
    assert fold([entry(1, operation)]).digest() != fold([entry(1, operation._replace(field="g"))]).digest()


def test_more_operations_than_a_byte_counts() -> None:
    state = fold([entry(1, *[Operation(Op.ADD, "s", None, n) for n in range(300)])])
    assert len(state.sets["s"].live) == 300
    assert named(entry(1), 299) in state.sets["s"].live


def test_without_logs_there_is_no_digest_and_with_them_no_snapshot() -> None:
    with pytest.raises(ValueError, match="logs"):
        CaseState().digest()
    with pytest.raises(ValueError, match="logs"):
        CaseState(logs=True).encode()


@given(histories(), st.data())
def test_a_damaged_snapshot_is_a_clean_error(written: list[Written], data: st.DataObject) -> None:
    raw = bytearray(fold(written, logs=False).encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(raw)))
    for damaged in (bytes(raw), bytes(raw[:cut])):
        try:
            state = CaseState.decode(damaged)
        except VaultDamaged:
            continue
        state.encode()
        state.conflicts()


@given(st.binary(max_size=64))
@example(b"")
@example(codec.encode([2, b"", [], [], [], [], [], [], b"", b""]))
@example(codec.encode([3, b"", [], [], [], [], [], [], [], b"", b"", b"x"]))
@example(codec.encode([3, b"", [], [], [["f"]], [], [], [], [], b"", b"", b""]))
@example(codec.encode([3, b"", [], [b"r" * 10, 0, 0, 0, b"\x01"], [], [], [], [], [], b"", b"", b""]))
@example(codec.encode([3, b"", [], [], [], [], [], [], [["l", [], [b"s" * 16], [[], b""], [[], b""]]], b"", b"", b""]))
@example(codec.encode([3, b"", [], [], [], [], [], [], [["l", [], [], [[], b"r" * 10], [[], b""]]], b"", b"", b""]))
def test_garbage_is_not_a_snapshot(raw: bytes) -> None:
    with pytest.raises(VaultDamaged):
        CaseState.decode(raw)


def test_a_copy_of_many_fields_is_independent_and_copies_what_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [Operation(int(Op.SET), f"f{at}", b"", at) for at in range(6)]
    rows += [Operation(int(Op.ADD), f"s{at}", None, at) for at in range(6)]
    rows += [Operation(int(Op.CORRECT), f"l{at}", bytes(10), at) for at in range(6)]
    state = fold([entry(1, *rows)])
    before = (state.digest(), list(state.fields()))
    monkeypatch.setattr(borrowed, "MANY", 5)
    copy = state.copy()
    assert isinstance(copy.registers, borrowed.Borrowed)
    assert isinstance(copy.sets, borrowed.Borrowed)
    assert (copy.digest(), list(copy.fields()), copy.weigh()) == (*before, state.weigh())
    more = [Operation(int(Op.SET), "f3", b"", 9), Operation(int(Op.SET), "new", b"", 9)]
    more += [Operation(int(Op.ADD), "s3", None, 9), Operation(int(Op.CORRECT), "l3", bytes(10), 9)]
    copy.apply(*entry(2, *more))
    assert (state.digest(), list(state.fields())) == before
    plain_copy = fold([entry(1, *rows), entry(2, *more)])
    assert (copy.digest(), list(copy.fields())) == (plain_copy.digest(), list(plain_copy.fields()))
    assert sorted(copy.registers) == sorted(plain_copy.registers)
    assert len(copy.registers) == 7
    assert "new" in copy.registers
    assert "f0" in copy.registers
    assert dict.__len__(copy.registers) == 2
    assert copy.copy().digest() == plain_copy.digest()


def test_a_state_of_so_many_fields_is_never_kept() -> None:
    """A copy of it may borrow from it, then: nothing is folded into it any more."""
    rows = [Operation(int(Op.COUNT), f"{at}", None, 1) for at in range(borrowed.MANY)]
    state = CaseState()
    for at in range(0, borrowed.MANY, 1024):
        state.apply(*entry(at // 1024, *rows[at : at + 1024]))
    assert state.weigh() > 2 * HEAVY
