"""Exports larger than memory should hold: what is opened, how much at a time, and that all of it is of one moment."""

from __future__ import annotations

import json
import weakref
from array import array
from collections import Counter
from collections.abc import Generator, Iterator
from itertools import pairwise
from typing import Any, ClassVar

import pytest
import trio

from cellsync.casework import CaseFile, Consent, Person, Relation, SupportTask
from cellsync.casework.documents.consent import Scope
from cellsync.casework.exporting import Form, NoConsent, export_cases, permission, reader, sink, write_cases
from cellsync.casework.exporting.numbers import Pairs, Rows
from cellsync.casework.exporting.permission import Consents, Right, Spoken
from cellsync.casework.values.link import Link
from cellsync.cell.circle import CellCircle
from cellsync.core.ids import CaseId
from cellsync.core.plain import steady_json
from cellsync.core.schema.fields import Sensitivity
from cellsync.core.schema.schema import Schema, creation
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from tests.casework.tables import a_cell


def document(schema: type[Schema], number: int, *links: Link, **given: Any) -> tuple[CaseId, list[Operation]]:
    added = [Operation(int(Op.ADD), "links", None, [link.case, link.relation.value]) for link in links]
    return CaseId(number.to_bytes(32, "big")), [*creation(schema, given), *added]


def cases(count: int, consenting: int) -> list[tuple[CaseId, list[Operation]]]:
    """So many cases, each with a task; for the first of them somebody has consented."""
    made = []
    for number in range(1, count + 1):
        part = Link(number.to_bytes(32, "big"), Relation.PART_OF)
        made.append(document(CaseFile, number, title=f"case {number}", summary="arrested"))
        made.append(document(SupportTask, 10_000 + number, part, title="a parcel"))
        if number <= consenting:
            made.append(document(Consent, 20_000 + number, part, scope=Scope.PUBLIC))
    return made


class Opened:
    """What is opened of a cell from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kinds: Counter[type[Schema]] = Counter()
        self.most = 0  # at once
        self._now: weakref.WeakSet[Any] = weakref.WeakSet()
        look_up = CellCircle.look_up

        def noted(cell: CellCircle, schema: type[Schema], number: int) -> Schema:
            document = look_up(cell, schema, number)
            self.kinds[schema] += 1
            self._now.add(document._state)
            self.most = max(self.most, len(self._now))
            return document

        monkeypatch.setattr(CellCircle, "look_up", noted)


async def test_of_cases_that_may_not_leave_nothing_else_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_cell() as cell:
        await cell.write(cases(100, 0))
        opened = Opened(monkeypatch)
        with pytest.raises(NoConsent) as caught:
            await export_cases(cell, form=Form.JSON, audience=Scope.INTERNAL)
        assert opened.kinds == {CaseFile: 100}
        assert len(caught.value.left_out[0].cases) == 100


@pytest.mark.parametrize("form", [Form.CSV, Form.JSON])
async def test_an_export_of_all_holds_few_documents_at_once(monkeypatch: pytest.MonkeyPatch, form: Form) -> None:
    monkeypatch.setattr(reader, "KEPT", 0)
    async with a_cell() as cell:
        await cell.write(cases(150, 100))
        opened = Opened(monkeypatch)
        export = await export_cases(cell, form=form, audience=Scope.INTERNAL)
        assert (len(export.cases), len(export.refused)) == (100, 50)
        assert opened.most <= 5
        assert opened.kinds[CaseFile] <= 150 + 3 * 100
        assert opened.kinds[SupportTask] <= 3 * 100  # none of a case that stays


@pytest.mark.parametrize("form", list(Form))
async def test_so_does_one_of_a_case_with_much_beside_it(monkeypatch: pytest.MonkeyPatch, form: Form) -> None:
    monkeypatch.setattr(reader, "KEPT", 0)
    part = Link((1).to_bytes(32, "big"), Relation.PART_OF)
    async with a_cell() as cell:
        await cell.write(cases(1, 1) + [document(SupportTask, 500 + at, part, title=f"t{at}") for at in range(150)])
        case = await cell.get(CaseFile, CaseId((1).to_bytes(32, "big")))
        opened = Opened(monkeypatch)
        export = await export_cases(cell, [case], form=form, audience=Scope.INTERNAL)
        assert opened.most <= 5
        assert b"task: 150" in export.content if form is Form.CSV else export.content.count(b"t14") == 11


async def test_a_small_cell_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_cell() as cell:
        await cell.write(cases(20, 20))
        opened = Opened(monkeypatch)
        await export_cases(cell, form=Form.CSV, audience=Scope.INTERNAL)
        assert opened.kinds == {CaseFile: 20, SupportTask: 20, Consent: 20}


async def test_json_that_is_written_in_pieces_is_what_it_would_be_as_a_whole() -> None:
    async with a_cell() as cell:
        await cell.write(cases(3, 2))
        content = (await export_cases(cell, form=Form.JSON, audience=Scope.INTERNAL)).content.decode()
        assert content == steady_json(json.loads(content), indent=1) + "\n"


async def test_what_is_withdrawn_while_an_export_is_made_does_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins anew, and then nobody writes until it is done."""
    monkeypatch.setattr(reader, "AT_ONCE", 1)
    monkeypatch.setattr(reader, "KEPT", 0)
    async with a_cell() as cell:
        await cell.write(cases(3, 2))
        consent = await cell.get(Consent, CaseId((20_001).to_bytes(32, "big")))
        turns = 0

        async def withdraw() -> None:
            nonlocal turns
            while turns < 7:  # consents and cases are read by then
                await trio.lowlevel.checkpoint()
            async with consent.edit() as draft:
                draft.scope = Scope.NONE

        turn = reader.Reader.turn

        def counted(self: reader.Reader) -> Any:
            nonlocal turns
            turns += 1
            return turn(self)

        monkeypatch.setattr(reader.Reader, "turn", counted)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(withdraw)
            export = await export_cases(cell, form=Form.JSON, audience=Scope.INTERNAL)
        assert [case.hex()[-1] for case in export.cases] == ["2"]
        assert turns > 7


async def test_what_was_written_before_it_began_anew_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "AT_ONCE", 1)
    monkeypatch.setattr(reader, "KEPT", 0)
    async with a_cell() as cell:
        await cell.write(cases(9, 9))
        began, cleared = trio.Event(), []

        class Noting(sink.InMemory):
            def write(self, piece: Any, /) -> int:
                if b"case 3" in piece:
                    began.set()
                return super().write(piece)

            def clear(self) -> None:
                cleared.append(len(self.getvalue()))
                super().clear()

        out = Noting()
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def write() -> None:
                await began.wait()
                await cell.create(Person)

            await write_cases(cell, out, form=Form.JSON, audience=Scope.INTERNAL)
        assert cleared[0] == 0
        assert cleared[1] > 1_000
        assert len(json.loads(out.getvalue())["cases"]) == 9


async def test_work_of_one_moment_begins_anew_once_and_is_then_left_alone() -> None:
    async with a_cell() as cell:
        seen: list[list[int]] = []
        over = trio.Event()

        def work(*_: object) -> Generator[None, None, int]:
            seen.append([])
            for _at in range(10):
                seen[-1].append(cell.first.circle.last_arrival())
                yield
            return 7

        async def write() -> None:
            while not over.is_set():
                await cell.create(Person)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            assert await cell.first.at_one_moment(work) == 7
            over.set()
        first, second = seen
        assert len(first) < 10
        assert len(set(first)) == 1
        assert len(second) == 10
        assert len(set(second)) == 1


class Supersedes(frozenset[bytes]):
    """Counts how often it is asked."""

    asked: ClassVar[list[object]] = []

    def __contains__(self, one: object) -> bool:
        self.asked.append(one)
        return super().__contains__(one)


def test_many_consents_about_one_person_are_not_compared_with_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permission, "_few", Supersedes)
    right = Right(Scope.PUBLIC, False, frozenset(), frozenset(), False)
    ids = [number.to_bytes(32, "big") for number in range(300)]
    said = [Spoken(one, (b"vera",), (before,), right) for before, one in pairwise(ids)]
    consents = Consents(said, {b"vera"})
    for case in range(50):
        assert consents.of(b"case %d" % case, [b"vera"]) == right
    assert len(Supersedes.asked) <= 2 * len(ids)
    said = [Spoken(one, (b"W1",), (before,), right) for before, one in pairwise(ids)]
    consents = Consents(said, frozenset())
    Supersedes.asked.clear()
    for _ in range(50):
        assert consents.of(b"W1", []) == right
    assert len(Supersedes.asked) <= 2 * len(ids)


# --- consents that supersede each other, without end -------------------------------------------------------------

LONG = 10_000
WIDE = Right(Scope.PUBLIC, False, frozenset({Sensitivity.C0}), frozenset(), False)
NARROW = WIDE._replace(scope=Scope.PARTNERS)


class Steps:
    """Counts what is read of the table."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken = 0
        of, row, said = Pairs.of, Rows.__getitem__, Consents._said

        def count_pairs(pairs: Pairs, first: int) -> Iterator[int]:
            for one in of(pairs, first):
                self.taken += 1
                yield one

        def count_rows(rows: Rows, at: int) -> array[int]:
            found = row(rows, at)
            self.taken += 1 + len(found)
            return found

        def count_said(consents: Consents, consent: int) -> Any:
            self.taken += 1
            return said(consents, consent)

        monkeypatch.setattr(Pairs, "of", count_pairs)
        monkeypatch.setattr(Rows, "__getitem__", count_rows)
        monkeypatch.setattr(Consents, "_said", count_said)


def an_id(number: int) -> bytes:
    return number.to_bytes(32, "big")


CHAIN = [(one, one + 1) for one in range(LONG)]
LAYERS = [(one, over) for one in range(LONG // 10) for over in range(one - one % 10 + 10, one - one % 10 + 20)]
SHAPES = {"chain": CHAIN, "cycle": [*CHAIN, (LONG, 1)], "diamonds": LAYERS}


@pytest.mark.parametrize("shape", SHAPES)
def test_where_very_many_consents_took_each_others_place_nothing_goes(
    shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And to see that takes a few steps for each consent, and for each question."""
    over: dict[int, list[bytes]] = {0: []}
    for before, after in SHAPES[shape]:
        over.setdefault(after, []).append(an_id(before))
    persons, cases = [b"person %d" % one for one in range(50)], [b"case %d" % one for one in range(50)]
    for first, asked in ((persons, [[one] for one in persons]), (cases, [[]] * len(cases))):
        steps = Steps(monkeypatch)
        said = [Spoken(an_id(one), () if one else tuple(first), tuple(old), WIDE) for one, old in over.items()]
        consents = Consents(said, frozenset(persons))
        links = sum(len(one.named) + len(one.supersedes) for one in said)
        answers = {consents.of(case, who) for case, who in zip(cases, asked, strict=True)}
        assert {(one.scope, one.tangled) for one in answers if one is not None} == {(Scope.NONE, True)}
        assert steps.taken <= 10 * (len(said) + links) + 50 * 20 * permission.MANY
        monkeypatch.undo()


def test_of_a_chain_that_people_write_the_last_one_counts() -> None:
    chain = [Spoken(an_id(0), (b"vera",), (), WIDE)]
    for one in range(1, permission.MANY + 1):
        chain.append(Spoken(an_id(one), (), (an_id(one - 1),), NARROW if one == permission.MANY else WIDE))
        expected = NARROW if one == permission.MANY else WIDE
        assert Consents(chain, {b"vera"}).of(b"W1", [b"vera"]) == expected
    named = [Spoken(an_id(one), (b"vera",), (an_id(one - 1),), WIDE) for one in range(1, LONG)]
    named.append(Spoken(an_id(LONG), (b"vera",), (an_id(LONG - 1),), NARROW))
    assert Consents(named, {b"vera"}).of(b"W1", [b"vera"]) == NARROW


def test_consents_of_one_person_for_very_many_cases_are_read_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps(monkeypatch)
    cases = [b"case %d" % one for one in range(LONG)]
    said = [
        Spoken(an_id(one), (b"vera", case), (), NARROW if one % 2 else WIDE) for one, case in enumerate(cases)
    ]  # fmt: skip
    for more in ([], [Spoken(an_id(LONG + one), (b"vera",), (), WIDE) for one in range(1_000)]):
        consents = Consents([*said, *more], {b"vera"})
        steps.taken = 0
        for one, case in enumerate(cases):
            assert consents.of(case, [b"vera"]) == (NARROW if one % 2 else WIDE)
        assert steps.taken <= 20 * LONG
