"""Gathering: the documents gathered for some cases say of them what all documents would, consents above all."""

from __future__ import annotations

import random
from itertools import chain, combinations
from typing import Any

import pytest

from cellsync import Cell
from cellsync.casework import CaseFile, Consent, Episode, Person, Relation, SupportTask
from cellsync.casework.documents.consent import Scope
from cellsync.casework.exporting import gathering
from cellsync.casework.exporting.gathering import Folder
from cellsync.casework.exporting.permission import Consents
from cellsync.casework.exporting.reader import Reader, Steps
from cellsync.casework.values.link import Link
from cellsync.cell import description
from cellsync.cell.circle import CellCircle
from cellsync.core.ids import CaseId
from cellsync.core.schema.schema import Schema, creation
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from cellsync.testing import MemoryNetwork

RELATIONS = [Relation.ABOUT, Relation.PART_OF, Relation.SUPERSEDES]


def document(schema: type[Schema], case: CaseId, links: list[Link], **given: Any) -> tuple[CaseId, list[Operation]]:
    added = [Operation(int(Op.ADD), "links", None, [link.case, link.relation.value]) for link in links]
    return case, [*creation(schema, given), *added]


def drawn(source: random.Random, earlier: list[CaseId]) -> list[tuple[CaseId, list[Operation]]]:
    """Three persons and cases, and what is beside them, linked at random, also to some that were there."""
    ids = [CaseId(source.randbytes(32)) for _ in range(15)]

    def links(most: int, among: list[CaseId]) -> list[Link]:
        return [Link(source.choice(among), source.choice(RELATIONS)) for _ in range(source.randint(0, most))]

    some = ids + source.sample(earlier, min(len(earlier), 4))

    def merged(among: list[CaseId]) -> list[Link]:
        return [Link(source.choice(among), Relation.MERGED_INTO)] if source.random() < 0.3 else []

    away = CaseId(source.randbytes(32))  # it is not here
    made = [document(Person, case, merged([*ids[:4], away])) for case in ids[:3]]
    made += [document(CaseFile, case, links(2, some[:6]) + merged([*ids[2:6], away])) for case in ids[3:6]]
    for case in ids[6:12]:
        given = {"scope": source.choice(list(Scope))} if source.random() < 0.9 else {}
        targets = [] if source.random() < 0.4 else links(3, ids[:6]) + links(1, some)  # it inherits what it replaces
        targets += [Link(source.choice(ids[6:12]), Relation.SUPERSEDES) for _ in range(source.randint(0, 2))]
        made.append(document(Consent, case, source.sample(targets, source.randint(0, len(targets))), **given))
    made += [document(source.choice([Episode, SupportTask]), case, links(3, some)) for case in ids[12:]]
    return made


async def gather(cell: Cell, cases: list[CaseId] | None) -> tuple[list[Folder], Consents]:
    """The folders, also with what is beside them; their places say nothing here."""

    def work(reader: Reader) -> Steps[tuple[list[Folder], Consents]]:
        folders = yield from gathering.gather(reader, cases)
        found = yield from gathering.beside(reader, folders, range(len(folders)))
        made = [
            one._replace(place=0, beside=[found.unread(reader, at) for at in found.of.of(one.place)]) for one in folders
        ]
        return made, folders.consents

    return await cell.first.at_one_moment(lambda replica, listings: work(Reader(cell.first, replica, listings)))


@pytest.mark.parametrize("listed", [description.LINKS, 1])
async def test_some_cases_are_gathered_as_if_all_had_been_read(monkeypatch: pytest.MonkeyPatch, listed: int) -> None:
    monkeypatch.setattr(description, "LINKS", listed)
    source = random.Random(listed)
    async with (await MemoryNetwork().device("ana").found()).opened() as cell:
        known: list[CaseId] = []
        for _ in range(15):
            made = drawn(source, known)
            known += [case for case, _ in made]
            await cell.write(made)
            every, all_consents = await gather(cell, None)
            for some in (source.sample(every, 1), source.sample(every, 2), every):
                chosen = {folder.case for folder in some}
                near, consents = await gather(cell, [folder.case for folder in some])
                assert near == [one for one in every if one.case in chosen]
                for folder in near:
                    case, persons = bytes(folder.case), folder.concerned
                    several = chain.from_iterable(combinations(persons, count) for count in range(3))
                    for concerned in several:
                        assert consents.of(case, concerned) == all_consents.of(case, concerned)


async def test_of_one_case_only_what_has_to_do_with_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (await MemoryNetwork().device("ana").found()).opened() as cell:
        for seed in range(5):
            await cell.write(drawn(random.Random(seed), []))
        read: list[CaseId] = []
        look_up = CellCircle.look_up

        def noted(self: CellCircle, schema: Any, number: int) -> Any:
            read.append(self.circle.replica.held.case_ids[number])
            return look_up(self, schema, number)

        [*first, _, _, _, _, _, _, _, _, _, _, _, _] = await cell.cases(CaseFile)
        monkeypatch.setattr(CellCircle, "look_up", noted)
        await gather(cell, [one.id for one in first])
        ours = {case for case, _ in drawn(random.Random(0), [])}
        assert read
        assert set(read) <= ours
        assert len(read) == len(set(read))


async def test_a_consent_inherits_also_from_what_has_nothing_to_do_with_these_cases() -> None:
    """It replaces one about the person and one for another case, so it speaks for her in that other case only."""
    person, ours, theirs, about_her, elsewhere, new = (CaseId(bytes([at]) * 32) for at in range(1, 7))
    async with (await MemoryNetwork().device("ana").found()).opened() as cell:
        await cell.write(
            [
                document(Person, person, []),
                document(CaseFile, ours, [Link(person, Relation.ABOUT)]),
                document(CaseFile, theirs, []),
                document(Consent, about_her, [Link(person, Relation.ABOUT)], scope=Scope.INTERNAL),
                document(Consent, elsewhere, [Link(theirs, Relation.PART_OF)], scope=Scope.INTERNAL),
                document(
                    Consent, new, [Link(about_her, Relation.SUPERSEDES), Link(elsewhere, Relation.SUPERSEDES)],
                    scope=Scope.PUBLIC,
                ),
            ]
        )  # fmt: skip
        [folder], _ = await gather(cell, [ours])
        assert folder.scope is Scope.INTERNAL
        assert [one for one in (await gather(cell, None))[0] if one.case == ours] == [folder]
