"""Numbers: the sets, rows and pairs that an export keeps, against plain ones; and consents, likewise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.casework.documents.consent import Scope
from cellsync.casework.exporting import permission
from cellsync.casework.exporting.joined import Joined
from cellsync.casework.exporting.numbers import Cases, IdSet, Pairs, Rows
from cellsync.casework.exporting.permission import Consents, Right, Spoken, least
from cellsync.core.ids import CaseId
from cellsync.core.marks import Marks
from cellsync.core.schema.fields import Sensitivity

BELOW = 1 << 32
IDS = {number: CaseId(bytes([number * 7 % 256]) * 32) for number in range(1, 40)}


@given(st.lists(st.lists(st.integers(0, BELOW))))
def test_rows_are_lists(rows: list[list[int]]) -> None:
    made = Rows()
    for row in rows:
        made.add(row)
    assert [list(made[at]) for at in range(len(made))] == rows


@given(st.lists(st.tuples(st.integers(0, BELOW - 2), st.integers(0, BELOW - 1))))
def test_pairs_are_a_table(pairs: list[tuple[int, int]]) -> None:
    made = Pairs(pairs)
    assert len(made) == len(pairs)
    for first in {first for first, _ in pairs} | {5}:
        seconds = sorted(second for one, second in pairs if one == first)
        assert list(made.of(first)) == seconds
        assert [made.second(place) for place in made.places(first)] == seconds


@given(st.lists(st.sampled_from(sorted(IDS))))
def test_cases_are_their_ids(numbers: list[int]) -> None:
    ids = [IDS[number] for number in numbers]
    cases = Cases(IDS, numbers)
    assert cases == ids
    assert cases != [*ids, IDS[1]]
    assert cases[1:3] == ids[1:3]
    marks = Marks()
    for number in numbers:
        marks.add(number)
    among = IdSet({case: number for number, case in IDS.items()}, marks)
    assert {case for case in [*IDS.values(), bytes(32)] if case in among} == set(ids)


# --- consents: the rules, one after the other, as sets ---------------------------------------------------------

PERSONS = frozenset({b"vera", b"anton"})
CASES = (b"W1", b"W2")
NAMES = [b"%d" % number for number in range(5)]
RIGHTS = st.builds(
    Right, st.sampled_from(Scope), st.booleans(), st.frozensets(st.sampled_from(Sensitivity), max_size=2),
    st.frozensets(st.sampled_from(["person.born", "case.title"])), st.booleans(),
)  # fmt: skip
SAID = st.lists(
    st.tuples(
        st.lists(st.sampled_from([*PERSONS, *CASES, b"elsewhere"]), max_size=3, unique=True),
        st.lists(st.sampled_from([*NAMES, b"gone"]), max_size=3, unique=True), RIGHTS,
    ),
    max_size=len(NAMES),
)  # fmt: skip


def targets_of(one: Spoken, every: Mapping[bytes, Spoken], seen: frozenset[bytes] = frozenset()) -> frozenset[bytes]:
    """What it names, else what those named that it supersedes."""
    if one.named:
        return frozenset(one.named)
    others = [every[other] for other in one.supersedes if other in every and other not in seen | {one.id}]
    return frozenset().union(*(targets_of(other, every, seen | {one.id}) for other in others))


def standing(said: Iterable[Spoken]) -> Right | None:
    every = {one.id: one for one in said}
    gone = {
        other for one in every.values() for other in one.supersedes
        if other in every and one.id not in every[other].supersedes
    }  # fmt: skip
    left = [one.right for one in every.values() if one.id not in gone]
    return least(left) if left else None


TANGLED = Right(Scope.NONE, False, frozenset(), frozenset(), False, tangled=True)


def are_too_many(target: bytes, said: list[Spoken], of: Mapping[bytes, frozenset[bytes]]) -> bool:
    """Whether too many speak for it that name nothing."""
    return sum(target in of[one.id] and not one.named for one in said) > permission.MANY


def allowed(said: list[Spoken], case: bytes, persons: Iterable[bytes]) -> Right | None:
    every = {one.id: one for one in said}
    of = {one.id: targets_of(one, every) for one in said}
    of_case = standing(one for one in said if case in of[one.id] and not of[one.id] & PERSONS)
    if are_too_many(case, said, of) or of_case == TANGLED:
        return TANGLED
    asked: list[Right | None] = []
    for person in persons:
        about = [one for one in said if person in of[one.id]]
        everywhere = [one for one in about if of[one.id] <= PERSONS]
        here = [one for one in about if case in of[one.id]]
        if are_too_many(person, said, of):
            asked.append(TANGLED)
        elif len(everywhere) > permission.MANY:
            asked.append(least(right for right in (standing(everywhere), standing(here)) if right is not None))
        else:
            asked.append(standing(everywhere + here))
    if None in asked or not (asked or of_case):
        return None
    found = least(right for right in (*asked, of_case) if right is not None)
    if not asked and found.unsaid:
        return found._replace(covers=found.covers & {Sensitivity.C0}, about_nobody=True)
    return found


@pytest.mark.parametrize("most", [64, 1])
@given(drawn=SAID)
def test_who_has_consented_to_what(most: int, drawn: list[tuple[list[bytes], list[bytes], Right]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(permission, "MANY", most)
        compare(drawn)


def compare(drawn: list[tuple[list[bytes], list[bytes], Right]]) -> None:
    said = [
        Spoken(name, tuple(named), tuple(others), right)
        for name, (named, others, right) in zip(NAMES, drawn, strict=False)
    ]
    consents = Consents(said, PERSONS)
    numbers = {name: at for at, name in enumerate([*PERSONS, *CASES, *NAMES], start=1)}
    here = Consents(said, PERSONS, Joined(lambda name: numbers.get(name, 0)))
    for case in CASES:
        for several in range(3):
            for persons in combinations(sorted(PERSONS), several):
                expected = allowed(said, case, persons)
                assert consents.of(case, persons) == expected
                assert here.of(case, persons) == expected
