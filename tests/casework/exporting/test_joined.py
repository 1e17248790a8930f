"""Merged records: a statement about one of them is a statement about all, however they are joined."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack
from itertools import pairwise

import pytest
import trio.testing

from cellsync import Cell
from cellsync.casework import CaseFile, Consent, Person, Relation
from cellsync.casework.documents.consent import Scope
from cellsync.casework.exporting import Export, Form, NoConsent, Why, export_cases, permission
from cellsync.casework.exporting.joined import Joined
from cellsync.casework.values.link import Link
from cellsync.casework.values.name import name_of
from cellsync.casework.values.partial_date import PartialDate
from cellsync.core.ids import CaseId
from cellsync.core.schema.schema import Schema
from cellsync.testing import MemoryNetwork, level
from tests.casework.exporting.cases import a_case, consent, linked, why
from tests.casework.exporting.test_gathering import document
from tests.casework.tables import a_cell

SHAPES = {
    "one into the other": [(0, 1)],
    "the other way": [(1, 0)],
    "a chain": [(0, 2), (2, 1)],
    "a cycle": [(0, 1), (1, 2), (2, 0)],
    "both into a third": [(0, 2), (1, 2)],
    "a third into both": [(2, 0), (2, 1)],
    "both into one that is not here": [(0, 9), (1, 9)],
}


async def refused(cell: Cell, cases: list[CaseFile] | None, audience: Scope = Scope.PARTNERS) -> Why:
    with pytest.raises(NoConsent) as caught:
        await export_cases(cell, cases, form=Form.JSON, audience=audience)
    [one] = caught.value.left_out
    return one.why


@pytest.mark.parametrize("links", SHAPES.values(), ids=list(SHAPES))
@pytest.mark.parametrize("of_all", [False, True])
async def test_what_is_withdrawn_on_one_record_holds_for_the_other(links: list[tuple[int, int]], of_all: bool) -> None:
    async with a_cell() as cell:
        case = await a_case(cell, summary="arrested")
        [first] = await cell.cases(Person)
        others = [await cell.create(Person) for _ in range(2)]
        ids = {at: bytes(one.id) for at, one in enumerate([first, *others])} | {9: b"\x09" * 32}
        chosen = None if of_all else [case]
        said = await consent(cell, others[0].id, Scope.PUBLIC)
        async with said.edit() as draft:
            draft.withdrawn = PartialDate()
        await export_cases(cell, chosen, form=Form.JSON, audience=Scope.PARTNERS)
        for one, into in links:
            await linked(await cell.get(Person, CaseId(ids[one])), Link(ids[into], Relation.MERGED_INTO))
        assert await refused(cell, chosen) is Why.WITHDRAWN
        for one, into in links:
            async with (await cell.get(Person, CaseId(ids[one]))).edit() as draft:
                draft.links.discard(Link(ids[into], Relation.MERGED_INTO))
        await export_cases(cell, chosen, form=Form.JSON, audience=Scope.PARTNERS)


@pytest.mark.parametrize("of_all", [False, True])
async def test_what_is_withheld_on_one_record_stays_on_the_other_and_it_is_said_why(of_all: bool) -> None:
    async with a_cell() as cell:
        case = await a_case(cell, summary="arrested")
        [first] = await cell.cases(Person)
        async with first.edit() as draft:
            draft.occupation = "baker"
        second = await cell.create(Person)
        said = await consent(cell, second.id, Scope.PARTNERS)
        async with said.edit() as consenting:
            consenting.withheld.add("occupation")
        chosen = None if of_all else [case]

        async def made() -> Export:
            return await export_cases(cell, chosen, form=Form.JSON, audience=Scope.PARTNERS)

        assert b"baker" in (await made()).content
        await linked(first, Link(second.id, Relation.MERGED_INTO))
        export = await made()
        assert b"baker" not in export.content
        [left] = export.left_out
        assert (left.why, left.what) == (Why.WITHHELD, ("person.occupation",))
        assert left.said.endswith("one of several records that are merged counts for all of them")


async def test_a_consent_on_one_record_is_one_of_the_other() -> None:
    """They are one person, who has been asked once."""
    async with a_cell() as cell:
        await a_case(cell, None, summary="arrested")
        [first] = await cell.cases(Person)
        second = await cell.create(Person)
        await consent(cell, second.id, Scope.PARTNERS)
        assert await refused(cell, None) is Why.NO_CONSENT
        await linked(second, Link(first.id, Relation.MERGED_INTO))
        await export_cases(cell, form=Form.JSON, audience=Scope.PARTNERS)
        assert await refused(cell, None, Scope.UN) is Why.TOO_NARROW


async def test_a_consent_about_a_record_that_is_not_here_yet_counts() -> None:
    async with a_cell() as cell:
        case = await a_case(cell, summary="arrested")
        [first] = await cell.cases(Person)
        away = CaseId(b"\x09" * 32)
        await consent(cell, away, Scope.NONE)
        await linked(first, Link(away, Relation.MERGED_INTO))
        assert await refused(cell, None) is Why.TOO_NARROW
        assert await refused(cell, [case]) is Why.TOO_NARROW


@pytest.mark.parametrize("of_all", [False, True])
async def test_two_files_of_one_case_are_one_case(of_all: bool) -> None:
    """What is said of one of them is said of the other, and whom either is about is asked."""
    async with a_cell() as cell:
        case = await a_case(cell, title="first")
        other = await cell.create(CaseFile, title="second")
        narrow = await consent(cell, other.id, Scope.PARTNERS, Relation.PART_OF)
        chosen = None if of_all else [case]
        await export_cases(cell, chosen, form=Form.JSON, audience=Scope.PARTNERS)
        await linked(other, Link(case.id, Relation.MERGED_INTO))
        await export_cases(cell, chosen, form=Form.JSON, audience=Scope.PARTNERS)
        async with narrow.edit() as draft:
            draft.scope = Scope.INTERNAL
        assert await refused(cell, chosen) is Why.TOO_NARROW
        async with narrow.edit() as draft:
            draft.scope = Scope.PARTNERS
        anton = await cell.create(Person)
        await linked(other, Link(anton.id, Relation.ABOUT))
        assert await refused(cell, chosen) is Why.NO_CONSENT
        await consent(cell, anton.id, Scope.PARTNERS)
        await export_cases(cell, chosen, form=Form.JSON, audience=Scope.PARTNERS)


@pytest.mark.parametrize("schema", [Person, CaseFile])
@pytest.mark.parametrize("of_all", [False, True])
async def test_of_too_many_records_nothing_goes(
    schema: type[Schema], of_all: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [CaseId(bytes([1, at]) * 16) for at in range(permission.MANY + 1)]
    first, case = (ids[0], CaseId(b"c" * 32)) if schema is Person else (CaseId(b"p" * 32), ids[0])
    made = [
        document(Person, first, []), document(CaseFile, case, [Link(first, Relation.ABOUT)], title="a"),
        document(Consent, CaseId(b"y" * 32), [Link(first, Relation.ABOUT)], scope=Scope.PUBLIC),
    ]  # fmt: skip
    made += [document(schema, one, [Link(into, Relation.MERGED_INTO)]) for into, one in pairwise(ids[:-1])]
    async with a_cell() as cell:
        await cell.write(made)
        chosen = None if of_all else [await cell.get(CaseFile, case)]
        export = await export_cases(cell, chosen, form=Form.JSON, audience=Scope.PARTNERS)
        assert case in export.cases
        await cell.write([document(schema, ids[-1], [Link(ids[-2], Relation.MERGED_INTO)])])
        assert await refused(cell, chosen) is Why.UNCLEAR


async def test_only_records_of_one_kind_are_one() -> None:
    async with a_cell() as cell:
        case = await a_case(cell)
        [person] = await cell.cases(Person)
        away = await cell.create(CaseFile, title="another")
        await consent(cell, away.id, Scope.NONE, Relation.PART_OF)
        await linked(person, Link(away.id, Relation.MERGED_INTO), Link(person.id, Relation.MERGED_INTO))
        export = await export_cases(cell, [case], form=Form.JSON, audience=Scope.PARTNERS)
        assert (export.cases, why(export)) == ([case.id], {})


async def test_a_name_that_stays_is_looked_for_as_either_record_has_it() -> None:
    async with a_cell() as cell:
        case = await a_case(cell, title="W1", summary="Тихую видели в суде")
        [person] = await cell.cases(Person)
        second = await cell.create(Person)
        async with second.edit() as draft:
            draft.names.add(name_of("Вера Тихая"))
            draft.links.add(Link(person.id, Relation.MERGED_INTO))
        said = await consent(cell, person.id, Scope.PARTNERS)
        async with said.edit() as draft:
            draft.withheld.add("person.names")
        export = await export_cases(cell, [case], form=Form.JSON, audience=Scope.PARTNERS)
        assert "Тихую" not in export.content.decode()
        assert why(export)[Why.MENTIONS] == (1, ("case.summary",))


async def test_people_who_join_and_part_two_records_at_the_same_time_have_joined_them(
    autojump_clock: trio.testing.MockClock,
) -> None:
    net = MemoryNetwork(seed=3)
    async with AsyncExitStack() as stack:
        ana = await stack.enter_async_context((await net.device("ana").found()).opened())
        ben = await stack.enter_async_context((await net.device("ben").join(ana)).opened())
        await a_case(ana, summary="arrested")
        [first] = await ana.cases(Person)
        second = await ana.create(Person)
        link = Link(second.id, Relation.MERGED_INTO)
        await linked(first, link)
        await consent(ana, second.id, Scope.NONE)
        await level([ana, ben])
        net.partition("ana", "ben")
        async with first.edit() as draft:
            draft.links.discard(link)
        await export_cases(ana, form=Form.JSON, audience=Scope.PARTNERS)
        theirs = await ben.get(Person, first.id)
        async with theirs.edit() as draft:
            draft.links.discard(link)
            draft.links.add(link)
        await linked(await ben.get(Person, second.id), Link(first.id, Relation.MERGED_INTO))
        net.heal()
        await level([ana, ben])
        for cell in (ana, ben):
            assert await refused(cell, None) is Why.TOO_NARROW


def test_joined_is_what_a_naive_model_says() -> None:
    """Groups that are put together whenever two of their members meet."""
    for seed in range(30):
        source = random.Random(seed)
        joined, groups = Joined(lambda record: record[0] if record[0] < 20 else 0), [{at} for at in range(1, 25)]
        for _ in range(source.randint(0, 30)):
            one, other = source.randrange(1, 20), source.randrange(1, 25)
            joined.join(Person, bytes([one]), bytes([other]))
            met = [group for group in groups if group & {one, other}]
            groups = [group for group in groups if group not in met] + [set().union(*met)]
        for group in groups:
            here = {one for one in group if one < 20}
            firsts = {joined.number(bytes([one])) for one in group}
            assert len(firsts) == 1
            first = firsts.pop()
            assert first in (here or {0})
            if first:
                assert joined.count(first) == len(group)
                assert {first, *joined.others(first)} == here
