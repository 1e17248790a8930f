"""Mentions: which texts contain a name, a day or another detail that must stay, and how an export handles them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.casework import SCHEMAS, CaseFile, Contact, Episode, Person, Proceeding, Relation, TimelineEntry
from cellsync.casework.documents.consent import Scope
from cellsync.casework.documents.proceeding import ProceedingKind
from cellsync.casework.exporting import Export, Form, NothingLeaves, Why, export_cases
from cellsync.casework.exporting.mentions import Mentions, Says
from cellsync.casework.exporting.staying import SAYING
from cellsync.casework.importing.persons import is_particle
from cellsync.casework.values.link import Link
from cellsync.casework.values.name import NameKind, name_of
from cellsync.casework.values.partial_date import PartialDate
from cellsync.casework.values.timeline import TimelineKind
from cellsync.cell.cell import Cell
from cellsync.core.folded import folded
from cellsync.core.schema.fields import Sensitivity
from cellsync.core.schema.schema import fields_of, kind_of
from tests.casework.exporting.cases import a_case, consent, linked, rows, why
from tests.casework.tables import a_cell

SURELY, MAYBE, NOTHING = Says.SURELY, Says.MAYBE, Says.NOTHING


def mentions(*names: str, day: PartialDate | None = None, texts: tuple[str, ...] = ()) -> Mentions:
    found = Mentions()
    for name in names:
        found.add_name(name)
    if day is not None:
        found.add_day(day)
    for text in texts:
        found.add_text(text)
    return found


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("Вера Тихая", "Позвонили ТИХОЙ, приём в среду", SURELY),
        ("Вера Тихая", "маме Веры отказали", SURELY),
        ("Вера Тихая", "Верина мама звонила", SURELY),
        ("Вера Тихая", "верно, она верит, в суде тихо", NOTHING),
        ("Пётр Лысенко", "петру отказали", SURELY),
        ("Пётр Лысенко", "Лысенку видели", SURELY),
        ("Пётр Лысенко", "Петрову отказали", SURELY),  # also another: rather too much than too little
        ("Павел Ключник", "у Павла обыск", SURELY),
        ("Антось Кавалёў", "Кавалёва павезлі", SURELY),
        ("Мар'яна Дуб", "марʼяне передали", SURELY),
        ("Мар'яна Дуб", "Маряне передали", SURELY),
        ("Мар'яна Дуб", "под дубом", NOTHING),
        ("Мар'яна Дуб", "Дуб в колонии", MAYBE),
        ("Тихая-Речная Вера", "о Речной не слышно", SURELY),
        ("Vera Tikhaya", "TIKHAYA was moved", SURELY),
        ("Vera Tikhaya", "It was very cold there", NOTHING),
        ("Vera Tikhaya", "Vera’s mother called", SURELY),
        ("Anton Kowalski", "Widziano Kowalskiego z Antonem", SURELY),
        ("Zoë Ługowska", "lugowskiej nie ma", SURELY),
        ("Ян Ли", "Ян и ли", MAYBE),
        ("Ян Ли", "видели, Ли Ян жив", SURELY),
        ("Ян Ли", "янтарь и лифт", NOTHING),
        ("Ali van der Berg", "van der", NOTHING),
        ("王小明", "昨天王小明被带走", SURELY),
        ("王小明", "昨天有人被带走", NOTHING),
        ("Արամ Հայկյան", "ՀԱՅԿՅԱՆ", SURELY),
        ("Вера Тихая", "vera_tikhaya@example", NOTHING),  # another spelling, which nobody has written down
        ("Vera Tikhaya", "vera_tikhaya@example", SURELY),
        ("", "anything", NOTHING),
        ("12345", "12345", NOTHING),
    ],
)  # fmt: skip
def test_which_texts_say_a_name(name: str, text: str, says: Says) -> None:
    assert mentions(name).said_in(text) is says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("born 1990-05-03", SURELY), ("03.05.1990", SURELY), ("3/5/90", SURELY), ("5/3/1990", SURELY),
        ("3. 5. 1990", SURELY), ("3 мая 1990 года", SURELY), ("3-го мая 1990", SURELY), ("3 траўня 1990", SURELY),
        ("May 3rd, 1990", SURELY), ("3rd May 1990", SURELY), ("03051990", SURELY), ("id 19900503", SURELY),
        ("1990", NOTHING), ("May 1990", NOTHING), ("03.05.1991", NOTHING), ("4 мая 1990", NOTHING),
        ("2026-03-05", NOTHING), ("13.05.1990", NOTHING), ("phone 1990 05 30", NOTHING),
    ],
)  # fmt: skip
def test_which_texts_say_a_day(text: str, says: Says) -> None:
    assert mentions(day=PartialDate(1990, 5, 3)).said_in(text) is says


@pytest.mark.parametrize("day", [PartialDate(), PartialDate(1990), PartialDate(1990, 5)])
def test_a_month_or_a_year_says_nobody(day: PartialDate) -> None:
    assert not mentions(day=day)


@pytest.mark.parametrize(
    ("what", "text", "says"),
    [
        ("Mill Street 12", "she lives in mill street, 12, upstairs", SURELY),
        ("Mill Street 12", "a mill in some street", NOTHING),
        ("+375 29 111-22-33", "call 375-29-111 22 33", SURELY),
        ("moth", "the moth has the parcel", SURELY), ("ab", "ask ab", MAYBE), ("", "x", NOTHING),
        ("word " * 100, "word " * 100, NOTHING),  # nobody repeats so much
    ],
)  # fmt: skip
def test_which_texts_say_another_text(what: str, text: str, says: Says) -> None:
    assert mentions(texts=(what,)).said_in(text) is says


def test_what_leaves_anyway_says_nothing() -> None:
    found = Mentions()
    found.leaves("Антон Тихий")
    for name in ("Вера Тихая", "Anton"):
        found.add_name(name)
    assert found.said_in("Антона Тихого видели") is SURELY  # Тихая is another word than Тихий
    found = Mentions()
    found.leaves("Вера Тихая")
    found.add_name("Вера Гай-Дубровская")
    found.add_text("Тихая")
    assert found.said_in("Вера Тихая здесь") is NOTHING
    assert found.said_in("с Дубровской") is SURELY


LETTERS = st.text(st.sampled_from("абвгдеёйўіьыяюa bcдz'’-ĆćŁ"), min_size=1, max_size=12)


@given(LETTERS, st.lists(LETTERS, max_size=3))
def test_a_text_with_the_name_as_it_is_says_it(name: str, around: list[str]) -> None:
    long = [part for part in folded(name).replace("-", " ").split() if len(part) >= 4 and not is_particle(part)]
    if long:
        assert mentions(name).said_in(" ".join([*around, name.upper(), *around])) is SURELY


@pytest.mark.parametrize("count", [1, 5_000])
def test_a_text_costs_a_few_look_ups_for_each_word_whatever_there_is_to_look_for(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = (f"{chr(0x430 + at % 32)}{chr(0x430 + at // 32 % 32)}{chr(0x430 + at // 1024)}" for at in range(count))
    names = [f"Имярекова{end}" for end in ends]
    found = mentions(*names, *(f"Ян {name[-2:]}" for name in names), texts=tuple(f"дом {at}" for at in range(count)))
    asked = 0

    class Counting(set[Any]):
        def __contains__(self, one: object) -> bool:
            nonlocal asked
            asked += 1
            return super().__contains__(one)

    for name in ("_stems", "_words", "_rows", "_names", "_pieces"):
        monkeypatch.setattr(found, name, Counting(getattr(found, name)))
    assert found.said_in("неизвестные обстоятельства дела " * 100) is NOTHING
    assert asked <= 300 * 14


# --- exports -------------------------------------------------------------------------------------


async def a_withheld_name(cell: Cell, *withheld: str, **fields: Any) -> tuple[CaseFile, Person]:
    case = await a_case(cell, None, **{"title": "W1", **fields})
    [person] = await cell.cases(Person)
    async with person.edit() as draft:
        draft.names.add(name_of("Вера Тихая", NameKind.LEGAL))
        draft.names.add(name_of("Мышка", NameKind.ALIAS))
        draft.born = PartialDate(1990, 5, 3)
        draft.residence = "Mill Street 12"
    said = await consent(cell, person.id, Scope.PARTNERS)
    async with said.edit() as draft:
        for one in withheld:
            draft.withheld.add(one)
    return case, person


async def exported(cell: Cell, form: Form, audience: Scope = Scope.PARTNERS, **options: Any) -> tuple[Export, str]:
    made = await export_cases(cell, form=form, audience=audience, **options)
    return made, made.content.decode()


@pytest.mark.parametrize("form", list(Form))
async def test_a_text_that_says_a_withheld_name_stays_and_is_told(form: Form) -> None:
    async with a_cell() as cell:
        case, _ = await a_withheld_name(cell, "person.names", summary="Тихую перевели")
        async with case.edit() as draft:
            draft.timeline.append(TimelineEntry(TimelineKind.NOTE, "мышке передали посылку"))
            draft.timeline.append(TimelineEntry(TimelineKind.NOTE, "the lawyer came"))
            draft.release_demands.append("Free V.")
        episode = await cell.create(Episode, place="flat of Вера")
        await linked(episode, Link(case.id, Relation.PART_OF))
        made, content = await exported(cell, form)
        assert [one in content for one in ("Тихую", "мышке", "of Вера")] == [False] * 3
        assert [one in content for one in ("lawyer came", "Free V.")] == [True, True]
        held = [(one.what, list(one.cases)) for one in made.left_out if one.why is Why.MENTIONS]
        assert held == [((what,), [case.id]) for what in ("case.summary", "case.timeline", "episode.place")]
        [said] = [one.said for one in made.left_out if one.what == ("case.summary",)]
        assert said.startswith(f"case.summary left out of 1 case ({case.id.hex()[:8]}): these texts say something")
        assert "--with-mentions" in said
        assert "Тих" not in repr(made) + said

        made, content = await exported(cell, form, with_mentions=True)
        assert [one in content for one in ("Тихую", "мышке", "of Вера")] == [True] * 3
        assert [one.what for one in made.mentions] == [("case.summary",), ("case.timeline",), ("episode.place",)]
        assert Why.MENTIONS not in why(made)
        assert made.mentions[0].said.startswith(f"case.summary of 1 case ({case.id.hex()[:8]}): these texts leave")


@pytest.mark.parametrize(
    ("withheld", "summary", "stays"),
    [
        ("person.names", "3 мая 1990", False), ("birth_date", "3 мая 1990", True), ("birth_date", "Веру", False),
        ("residence", "at Mill Street 12", True), ("residence", "in Mill Street", False),
    ],
)  # fmt: skip
async def test_what_consent_lets_out_is_not_looked_for(withheld: str, summary: str, stays: bool) -> None:
    async with a_cell() as cell:
        await a_withheld_name(cell, withheld, summary=f"she, {summary}")
        made, content = await exported(cell, Form.JSON)
        assert (summary in content) is not stays
        assert (Why.MENTIONS in why(made)) is stays


async def test_a_short_name_is_told_and_leaves() -> None:
    async with a_cell() as cell:
        case, person = await a_withheld_name(cell, "person.names", summary="Яну перевели, Ян просит книги")
        async with person.edit() as draft:
            draft.names.add(name_of("Ян"))
        made, content = await exported(cell, Form.JSON)
        assert "Ян просит" in content
        assert [(one.what, list(one.cases)) for one in made.mentions] == [(("case.summary",), [case.id])]


async def test_members_and_the_public_are_given_what_consent_allows() -> None:
    async with a_cell() as cell:
        await a_withheld_name(cell, "person.names", summary="Вера Тихая")
        assert "Вера Тихая" in (await exported(cell, Form.JSON, Scope.INTERNAL))[1]
    async with a_cell() as cell:
        case = await a_case(cell, Scope.PUBLIC, title="W1", summary="Вера Тихая")
        [person] = await cell.cases(Person)
        async with person.edit() as draft:
            draft.names.add(name_of("Вера Тихая"))
        made, content = await exported(cell, Form.JSON, Scope.PUBLIC)  # the name is C1, and consent lets it go
        assert ("Вера Тихая" in content, made.cases) == (True, [case.id])


async def test_helpers_and_relatives_stay_out_of_texts() -> None:
    """A courier's name in a note sends somebody to prison as well."""
    async with a_cell() as cell:
        case = await a_case(cell, title="Anton", summary="x", handler="moth")
        [person] = await cell.cases(Person)
        sister, courier = await cell.create(Person), await cell.create(Contact)
        async with sister.edit() as draft:
            draft.names.add(name_of("Галина Нескажу"))
        async with courier.edit() as draft:
            draft.names.add(name_of("Stanislav Dorozhny"))
            draft.channels["signal"] = "+375 29 111-22-33"
            draft.links.add(Link(case.id, Relation.PART_OF))
        await linked(person, Link(sister.id, Relation.RELATIVE_OF))
        async with case.edit() as draft:
            for text in ("Stanislav took it", "call 375 29 111 22 33", "сестре Галине", "Moth called", "ok"):
                draft.timeline.append(TimelineEntry(TimelineKind.NOTE, text))
        _, content = await exported(cell, Form.JSON)
        kept = ("Stanislav took it", "call 375 29", "Галине", "Moth called")
        assert [one in content for one in (*kept, '"ok"')] == [False] * 4 + [True]
        await consent(cell, sister.id, Scope.PARTNERS)
        assert "Галине" in (await exported(cell, Form.JSON))[1]


async def test_all_that_a_conflict_and_a_map_say_is_looked_at() -> None:
    async with a_cell() as cell:
        case, _ = await a_withheld_name(cell, "person.names")
        hearing = await cell.create(Proceeding, kind=ProceedingKind.CRIMINAL, sentence="Тихой три года")
        await linked(hearing, Link(case.id, Relation.PART_OF))
        async with case.edit() as draft:
            draft.tags.add("вера-тихая")
            draft.tags.add("urgent")
            draft.timeline.append(TimelineEntry(TimelineKind.NOTE, "Вера"))
        async with case.edit() as draft:
            draft.timeline.correct(draft.timeline.items[0], TimelineEntry(TimelineKind.NOTE, "V."))
        _, content = await exported(cell, Form.JSON)
        assert [one in content for one in ("тихая", "Тихой", "Вера", "urgent", "V.")] == [False] * 3 + [True] * 2


async def test_where_all_that_there_is_says_what_stays_nothing_leaves() -> None:
    async with a_cell() as cell:
        await a_withheld_name(cell, "person.names", summary="Вера", title="Вера Тихая", external_id="")
        with pytest.raises(NothingLeaves) as caught:
            await export_cases(cell, form=Form.JSON, audience=Scope.PARTNERS, compartments=[Sensitivity.C0])
        assert "--with-mentions" in caught.value.hint


async def test_a_case_about_nobody_does_not_say_its_title_in_a_text() -> None:
    async with a_cell() as cell:
        case = await cell.create(CaseFile, title="Vera Tikhaya", summary="Tikhaya was seen in court")
        said = await consent(cell, case.id, Scope.PARTNERS, Relation.PART_OF)
        with pytest.raises(NothingLeaves):
            await export_cases(cell, form=Form.CSV, audience=Scope.PARTNERS)
        async with case.edit() as draft:
            draft.summary = "somebody was seen in court"
        made, _ = await exported(cell, Form.CSV)
        assert [(row["title"], row["summary"]) for row in rows(made)] == [("", "somebody was seen in court")]
        async with said.edit() as draft:
            draft.covers.add(Sensitivity.C0)
            draft.covers.add(Sensitivity.C1)
        assert json.loads((await exported(cell, Form.JSON))[1])["cases"][0]["documents"][0]["fields"]["title"]


async def test_what_a_case_has_to_look_for_is_found_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Mentions] = []
    begin = Mentions.__init__

    def counted(self: Mentions) -> None:
        made.append(self)
        begin(self)

    monkeypatch.setattr(Mentions, "__init__", counted)
    async with a_cell() as cell:
        for title in ("first", "second", "third"):
            await a_case(cell, title=title, summary="x")
        export, _ = await exported(cell, Form.CSV)
        assert len(made) == len(export.cases) + 1  # and one of nothing


def test_what_says_who_somebody_is_is_a_field() -> None:
    known = {f"{kind_of(one).rpartition('.')[2]}.{name}" for one in SCHEMAS for name in fields_of(one)}
    assert known >= SAYING
