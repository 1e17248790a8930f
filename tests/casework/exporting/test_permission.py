"""Permission: whose consent it takes, for what, and what is held back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import date, timedelta
from typing import Any

import pytest
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from cellsync.casework import CaseFile, Consent, Contact, Episode, Person, Proceeding, SupportTask, TimelineEntry
from cellsync.casework.documents.case_file import CaseStatus
from cellsync.casework.documents.consent import Scope, effective_scope
from cellsync.casework.exporting import Form, NoConsent, NothingLeaves, Why, export_cases
from cellsync.casework.exporting.documents import is_number
from cellsync.casework.exporting.permission import MANY, Consents, Right, spoken
from cellsync.casework.exporting.reader import today
from cellsync.casework.importing import import_cases
from cellsync.casework.values.link import Link, Relation
from cellsync.casework.values.name import NameKind, name_of
from cellsync.casework.values.partial_date import PartialDate
from cellsync.casework.values.timeline import TimelineKind
from cellsync.core.errors import InvalidValue
from cellsync.core.ids import CaseId
from cellsync.core.schema.fields import Sensitivity
from cellsync.core.schema.schema import creation
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from cellsync.testing import MemoryNetwork, level
from tests.casework.exporting.cases import a_case, consent, linked, rows, why
from tests.casework.tables import a_cell
from tests.casework.test_casework import read, state_of

C0, C1, C2, C3, C4, C5, C6 = Sensitivity


@pytest.mark.parametrize("audience", [Scope.INTERNAL, Scope.PARTNERS, Scope.UN, Scope.PUBLIC])
@pytest.mark.parametrize("scope", [None, *Scope])
async def test_consent_has_to_reach_the_audience(scope: Scope | None, audience: Scope) -> None:
    order = list(Scope)
    async with a_cell() as cell:
        case = await a_case(cell, scope, summary="arrested")
        if scope is not None and order.index(scope) >= order.index(audience):
            export = await export_cases(cell, [case], form=Form.JSON, audience=audience)
            assert (export.cases, export.refused) == ([case.id], [])
        else:
            with pytest.raises(NoConsent):
                await export_cases(cell, [case], form=Form.JSON, audience=audience)


async def test_cases_without_consent_are_left_out_and_listed() -> None:
    async with a_cell() as cell:
        asked, other = await a_case(cell), await a_case(cell, None, title="Nobody asked")
        export = await export_cases(cell, form=Form.CSV, audience=Scope.PARTNERS)
        assert (export.cases, export.refused) == ([asked.id], [other.id])
        assert [row["title"] for row in rows(export)] == ["Vera Tikhaya"]


async def test_everyone_whom_a_case_is_about_has_to_consent_and_the_least_counts() -> None:
    async with a_cell() as cell:
        case = await a_case(cell, Scope.PUBLIC)
        second = await cell.create(Person)
        async with case.edit() as draft:
            draft.links.add(Link(second.id, Relation.ABOUT))
        with pytest.raises(NoConsent):
            await export_cases(cell, form=Form.JSON, audience=Scope.INTERNAL)
        theirs = await consent(cell, second.id, Scope.INTERNAL)
        await export_cases(cell, form=Form.JSON, audience=Scope.INTERNAL)
        with pytest.raises(NoConsent):
            await export_cases(cell, form=Form.JSON, audience=Scope.PARTNERS)

        wider = await consent(cell, second.id, Scope.UN)
        with pytest.raises(NoConsent):  # the narrower one still stands
            await export_cases(cell, form=Form.JSON, audience=Scope.PARTNERS)
        async with wider.edit() as draft:
            draft.links.add(Link(theirs.id, Relation.SUPERSEDES))
        await export_cases(cell, form=Form.JSON, audience=Scope.PARTNERS)
        async with wider.edit() as draft:
            draft.withdrawn = PartialDate()
        with pytest.raises(NoConsent):
            await export_cases(cell, form=Form.JSON, audience=Scope.INTERNAL)


@pytest.mark.parametrize("audience", [Scope.INTERNAL, Scope.PARTNERS, Scope.UN, Scope.PUBLIC])
@pytest.mark.parametrize("supersedes", [False, True])
async def test_before_the_day_of_a_consent_nothing_leaves(
    autojump_clock: trio.testing.MockClock, audience: Scope, supersedes: bool
) -> None:
    """Not by it, nor by an older one, which it may narrow; on that day it counts."""
    async with a_cell() as cell:
        case = await a_case(cell, Scope.PUBLIC, summary="said-C0")
        await export_cases(cell, form=Form.JSON, audience=audience)
        [person], [older] = await cell.cases(Person), await cell.cases(Consent)
        later = await consent(cell, person.id, Scope.PUBLIC)
        if supersedes:
            await linked(later, Link(older.id, Relation.SUPERSEDES))
        async with later.edit() as draft:
            draft.given = PartialDate.of(today(cell.first) + timedelta(days=2))
        with pytest.raises(NoConsent) as refused:
            await export_cases(cell, form=Form.JSON, audience=audience)
        assert why(refused.value) == {Why.TO_COME: (1, ())}
        assert "1 case left out: a consent is given on a day that is still to come" in refused.value.hint
        await trio.sleep(2 * 86_400)
        assert (await export_cases(cell, form=Form.JSON, audience=audience)).cases == [case.id]


async def test_of_several_days_of_one_consent_the_last_counts(autojump_clock: trio.testing.MockClock) -> None:
    """Two devices wrote different days at the same time. Of a month or a year, the first day counts."""
    network = MemoryNetwork()
    async with a_cell(network) as ana, AsyncExitStack() as stack:
        ben = await stack.enter_async_context((await network.device("ben").join(ana)).opened())
        await a_case(ana)
        await level([ana, ben])
        network.partition("ana", "ben")
        [here], [there] = await ana.cases(Consent), await ben.cases(Consent)
        for said, day in ((here, PartialDate(today(ana.first).year)), (there, PartialDate(today(ana.first).year + 1))):
            async with said.edit() as draft:
                draft.given = day
        await export_cases(ana, form=Form.JSON, audience=Scope.PARTNERS)
        network.heal()
        await level([ana, ben])
        with pytest.raises(NoConsent) as refused:
            await export_cases(ana, form=Form.JSON, audience=Scope.PARTNERS)
        assert why(refused.value) == {Why.TO_COME: (1, ())}


@pytest.mark.parametrize("audience", [Scope.INTERNAL, Scope.PARTNERS])
async def test_where_the_intent_is_unclear_it_is_said(audience: Scope) -> None:
    """To members as well: to them it was a consent that does not reach that far."""
    async with a_cell() as cell:
        await a_case(cell)
        [said] = await cell.cases(Consent)
        for _ in range(MANY + 1):  # each takes the place of the one before, and names nothing
            before, said = said, await cell.create(Consent, scope=Scope.PUBLIC)
            await linked(said, Link(before.id, Relation.SUPERSEDES))
        with pytest.raises(NoConsent) as refused:
            await export_cases(cell, form=Form.JSON, audience=audience)
        assert why(refused.value) == {Why.UNCLEAR: (1, ())}


@pytest.mark.parametrize("relation", [Relation.PART_OF, Relation.ABOUT])
@pytest.mark.parametrize("audience", [Scope.INTERNAL, Scope.PARTNERS, Scope.UN, Scope.PUBLIC])
async def test_a_consent_of_the_case_does_not_speak_for_the_person(audience: Scope, relation: Relation) -> None:
    """`case new --kind consent … --add links=part_of:W1` once let the person's name out."""
    async with a_cell() as cell:
        case = await a_case(cell, None, summary="arrested")
        await consent(cell, case.id, Scope.PUBLIC, relation)
        with pytest.raises(NoConsent) as caught:
            await export_cases(cell, [case], form=Form.JSON, audience=audience)
        assert why(caught.value) == {Why.NO_CONSENT: (1, ())}
        [person] = await cell.cases(Person)
        await consent(cell, person.id, Scope.PUBLIC)
        await export_cases(cell, [case], form=Form.JSON, audience=audience)


async def test_a_consent_of_the_case_narrows_and_speaks_for_a_case_about_nobody() -> None:
    async with a_cell() as cell:
        case = await a_case(cell, Scope.PUBLIC)
        await consent(cell, case.id, Scope.INTERNAL, Relation.PART_OF)
        await export_cases(cell, [case], form=Form.JSON, audience=Scope.INTERNAL)
        with pytest.raises(NoConsent) as caught:
            await export_cases(cell, [case], form=Form.JSON, audience=Scope.PARTNERS)
        assert why(caught.value) == {Why.TOO_NARROW: (1, ())}
        office = await cell.create(CaseFile, title="the office was searched")
        with pytest.raises(NoConsent):
            await export_cases(cell, [office], form=Form.JSON, audience=Scope.PARTNERS)
        said = await consent(cell, office.id, Scope.PARTNERS, Relation.PART_OF)
        async with said.edit() as draft:
            draft.covers.add(C1)
        assert b"searched" in (await export_cases(cell, [office], form=Form.JSON, audience=Scope.PARTNERS)).content


@pytest.mark.parametrize("form", list(Form))
async def test_of_a_case_about_nobody_only_what_is_publishable_leaves_unsaid(form: Form) -> None:
    """Its title is somebody's name, mostly: that somebody was not linked is no reason to give it out."""
    async with a_cell() as cell:
        case = await cell.create(CaseFile, title="W1 said-C1", summary="said-C0", external_id="Vera-1990")
        said = await consent(cell, case.id, Scope.PARTNERS, Relation.PART_OF)
        beside = [
            await cell.create(Episode, place="at said-C1"), await cell.create(SupportTask, title="do said-C1"),
            await cell.create(Proceeding, court="of said-C1"),
        ]  # fmt: skip
        for one in beside:
            await linked(one, Link(case.id, Relation.PART_OF))
        export = await export_cases(cell, form=form, audience=Scope.PARTNERS)
        assert [text in export.content for text in (b"said-C0", b"said-C1", b"Vera-1990")] == [True, False, False]
        count, what = why(export)[Why.ABOUT_NOBODY]
        assert (count, {"case.title", "episode.place", "task.title", "proceeding.court"} - set(what)) == (1, set())
        async with said.edit() as draft:
            draft.covers.add(C0)
            draft.covers.add(C1)
        content = (await export_cases(cell, form=form, audience=Scope.PARTNERS)).content
        assert [content.count(b"said-C1") >= 4, b"Vera-1990" in content] == [True, True]
        async with said.edit() as draft:
            draft.covers.discard(C1)
        await linked(case, Link((await cell.create(Person)).id, Relation.ABOUT))
        with pytest.raises(NoConsent):  # now it is about somebody, whom nobody has asked
            await export_cases(cell, form=form, audience=Scope.PARTNERS)


async def test_a_consent_for_one_case_is_none_for_another() -> None:
    async with a_cell() as cell:
        first = await a_case(cell, None, title="first")
        [person] = await cell.cases(Person)
        second = await cell.create(CaseFile, title="second")
        await linked(second, Link(person.id, Relation.ABOUT))
        said = await consent(cell, person.id, Scope.PARTNERS)
        await linked(said, Link(first.id, Relation.PART_OF))
        export = await export_cases(cell, form=Form.JSON, audience=Scope.PARTNERS)
        assert (export.cases, export.refused) == ([first.id], [second.id])
        assert b"second" not in export.content
        assert why(export) == {Why.NO_CONSENT: (1, ())}


async def test_one_person_cannot_take_back_what_another_has_refused() -> None:
    """A consent supersedes another one only where it speaks itself."""
    async with a_cell() as cell:
        case = await a_case(cell, Scope.PUBLIC)
        [vera] = await cell.cases(Person)
        refusal = await consent(cell, vera.id, Scope.NONE)
        other = await cell.create(Person)
        theirs = await consent(cell, other.id, Scope.PUBLIC)
        await linked(theirs, Link(refusal.id, Relation.SUPERSEDES))
        with pytest.raises(NoConsent):
            await export_cases(cell, [case], form=Form.JSON, audience=Scope.PARTNERS)
        anew = await cell.create(Consent, scope=Scope.PARTNERS)  # names nothing but what it supersedes
        await linked(anew, Link(refusal.id, Relation.SUPERSEDES))
        await export_cases(cell, [case], form=Form.JSON, audience=Scope.PARTNERS)
        with pytest.raises(NoConsent):
            await export_cases(cell, [case], form=Form.JSON, audience=Scope.UN)


@pytest.mark.parametrize("form", list(Form))
async def test_what_is_withheld_or_not_covered_stays_and_is_said(form: Form) -> None:
    async with a_cell() as cell:
        case = await a_case(cell, None, summary="said-C0", status=CaseStatus.CLOSED)
        [person] = await cell.cases(Person)
        async with person.edit() as draft:
            draft.names.add(name_of("Вера Ціхая", NameKind.LEGAL))
            draft.occupation = "baker"
            draft.health.append("said-C3")
        said = await consent(cell, person.id, Scope.PARTNERS)

        async def leaves(audience: Scope = Scope.PARTNERS) -> tuple[str, dict[Why, tuple[int, tuple[str, ...]]]]:
            export = await export_cases(cell, [case], form=form, audience=audience, compartments={C0, C1, C3})
            return export.content.decode(), why(export)

        content, left = await leaves()
        assert all(word in content for word in ("said-C0", "Tikhaya", "Ціхая", "baker", "closed"))
        assert "said-C3" not in content
        if form is not Form.CSV:  # a table has no column for it
            assert left == {Why.NOT_COVERED: (1, ("person.health",))}

        async with said.edit() as consented:
            consented.withheld.add("person.occupation")
            consented.withheld.add("names")
            consented.withheld.add("status")
        content, left = await leaves()
        assert "said-C0" in content
        assert not any(word in content for word in ("Tikhaya", "Ціхая", "baker", "closed", "intake", "said-C3"))
        withheld = left[Why.WITHHELD][1]
        assert set(withheld) == {"case.status", "case.title", "person.names", "person.occupation"}
        inside, nothing = await leaves(Scope.INTERNAL)  # members read it anyway
        assert all(word in inside for word in ("Tikhaya", "baker", "closed"))
        assert nothing == {}

        async with said.edit() as consented:
            for compartment in (C0, C3):
                consented.covers.add(compartment)
        content, left = await leaves()
        assert "said-C0" in content
        assert ("said-C3" in content) == (form is not Form.CSV)
        assert "VR-1" not in content  # C1, which is not covered any more
        assert "case.external_id" in left[Why.NOT_COVERED][1]


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("word", ["born", "person.born", "birth_date", " Person.Birth_Date"])
async def test_what_is_withheld_may_be_called_as_its_column_is(form: Form, word: str) -> None:
    async with a_cell() as cell:
        content = "ФИО;Дата рождения;Примечание\nЦіхая Вера;12.11.1990;in the colony\n".encode()
        assert (await import_cases(cell, content)).created == 1
        [person] = await cell.cases(Person)
        said = await consent(cell, person.id, Scope.PARTNERS)
        export = await export_cases(cell, form=form, audience=Scope.PARTNERS)
        assert "1990-11-12" in export.content.decode()

        async with said.edit() as draft:
            draft.withheld.add(word)
        export = await export_cases(cell, form=form, audience=Scope.PARTNERS)
        assert "Ціхая Вера" in export.content.decode()
        assert "1990" not in export.content.decode()  # nor in the id that the import made of both
        assert {"case.external_id", "person.born"} <= set(why(export)[Why.WITHHELD][1])

        async with said.edit() as draft:
            draft.withheld.add("name")
        export = await export_cases(cell, form=form, audience=Scope.PARTNERS)
        assert "in the colony" in export.content.decode()
        assert "Ціхая" not in export.content.decode()


@pytest.mark.parametrize("word", ["birthdate", "persons.born", "consent.notes", "", "."])
async def test_nothing_leaves_if_nobody_knows_what_is_withheld(word: str) -> None:
    async with a_cell() as cell:
        case = await a_case(cell, None)
        [person] = await cell.cases(Person)
        said = await consent(cell, person.id, Scope.PARTNERS)
        async with said.edit() as draft:
            draft.withheld.add(word)
        with pytest.raises(NoConsent) as refused:
            await export_cases(cell, [case], form=Form.CSV, audience=Scope.PARTNERS)
        assert "something that is no field" in str(refused.value.hint)
        inside = await export_cases(cell, [case], form=Form.CSV, audience=Scope.INTERNAL)  # members read it anyway
        assert b"Tikhaya" in inside.content


@pytest.mark.parametrize(
    ("external", "expected"),
    [("", True), ("VR-1", True), ("17", True), ("2024/17", True), ("№7", True), ("VR-0001", True),
     ("Ян 1990", False), ("Вера", False), ("Ціхая Вера 1990-11-12", False), ("? 30a0606d", False)],
)  # fmt: skip
def test_an_id_that_is_a_mere_number_does_not_say_whose_it_is(external: str, expected: bool) -> None:
    assert is_number(external) is expected


async def test_a_document_about_two_takes_the_consent_of_both() -> None:
    async with a_cell() as cell:
        case, other = await a_case(cell), await a_case(cell, None, title="another")
        vera, anton = await cell.cases(Person)
        episode = await cell.create(Episode, place="for both")
        await linked(episode, Link(case.id, Relation.PART_OF), *(Link(one.id, Relation.ABOUT) for one in (vera, anton)))
        await consent(cell, anton.id, Scope.INTERNAL)
        export = await export_cases(cell, form=Form.JSON, audience=Scope.PARTNERS)
        assert b"for both" not in export.content
        assert why(export) == {Why.TOO_NARROW: (1, ()), Why.OTHERS: (1, ("episode",))}
        assert b"for both" in (await export_cases(cell, form=Form.JSON, audience=Scope.INTERNAL)).content
        assert other.id in export.refused


@pytest.mark.parametrize("form", [Form.CSV, Form.JSON])
async def test_a_document_about_somebody_of_another_case_takes_their_consent_for_this_one(form: Form) -> None:
    """Both cases leave, so both people are known to those who get them."""
    async with a_cell() as cell:
        case, other = await a_case(cell, title="first"), await a_case(cell, None, title="second")
        anton = next(one for one in await cell.cases(Person) if Link(one.id, Relation.ABOUT) in other.links)
        task = await cell.create(SupportTask, title="a parcel for Anton")
        await linked(task, Link(case.id, Relation.PART_OF), Link(anton.id, Relation.ABOUT))
        said = await consent(cell, anton.id, Scope.PARTNERS)
        assert b"a parcel" in (await export_cases(cell, form=form, audience=Scope.PARTNERS)).content
        await linked(said, Link(other.id, Relation.PART_OF))  # and in no other case
        export = await export_cases(cell, form=form, audience=Scope.PARTNERS)
        assert (set(export.cases), b"a parcel" in export.content) == ({case.id, other.id}, False)
        assert why(export) == {Why.OTHERS: (1, ("task",))}


@pytest.mark.parametrize("form", [Form.CSV, Form.JSON])
async def test_a_document_of_two_cases_leaves_with_what_both_allow(form: Form) -> None:
    async with a_cell() as cell:
        case, other = await a_case(cell, title="first"), await a_case(cell, None, title="second")
        anton = next(one for one in await cell.cases(Person) if Link(one.id, Relation.ABOUT) in other.links)
        task = await cell.create(SupportTask, title="a parcel for both")
        await linked(task, *(Link(one.id, Relation.PART_OF) for one in (case, other)))
        said = await consent(cell, anton.id, Scope.PARTNERS)
        assert b"a parcel" in (await export_cases(cell, form=form, audience=Scope.PARTNERS)).content
        async with said.edit() as draft:
            draft.withheld.add("task.title")
        export = await export_cases(cell, form=form, audience=Scope.PARTNERS)
        assert (len(export.cases), b"a parcel" in export.content) == (2, False)
        assert why(export)[Why.WITHHELD][0] == 2


async def test_no_link_says_the_id_of_what_stays() -> None:
    async with a_cell() as cell:
        case, contact = await a_case(cell), await cell.create(Contact)
        stranger = await cell.create(Person)
        others = (Link(stranger.id, Relation.WITH), Link(contact.id, Relation.WITH))
        await linked(case, *others)
        [person] = [one for one in await cell.cases(Person) if one.id != stranger.id]
        await linked(person, Link(stranger.id, Relation.MERGED_INTO))
        content = (await export_cases(cell, form=Form.JSON, audience=Scope.PARTNERS)).content.decode()
        assert person.id.hex() in content
        assert [one.id.hex() in content for one in (stranger, contact)] == [False, False]


@pytest.mark.parametrize("form", list(Form))
async def test_a_case_of_which_nothing_leaves_is_no_case_that_left(form: Form) -> None:
    """For the public there is C0 only; an export without any field of it once said one case."""
    async with a_cell() as cell:
        empty = await a_case(cell, Scope.PUBLIC)
        with pytest.raises(NothingLeaves, match=r"^Nothing of these cases is in C0 and may leave") as caught:
            await export_cases(cell, [empty], form=form, audience=Scope.PUBLIC)
        assert caught.value.hint.endswith("and what is marked C0.")
        async with empty.edit() as draft:
            draft.summary = ""
        with pytest.raises(NothingLeaves):
            await export_cases(cell, [empty], form=form, audience=Scope.PUBLIC)
        filled = await a_case(cell, Scope.PUBLIC, summary="said-C0")
        if form is not Form.DOSSIER:
            export = await export_cases(cell, form=form, audience=Scope.PUBLIC)
            assert (export.cases, export.refused) == ([filled.id], [empty.id])
            assert why(export) == {Why.NOTHING: (1, ())}
            assert empty.id.hex().encode() not in export.content


TARGETS = st.frozensets(st.sampled_from(["vera", "anton", "W1", "W2"]), min_size=1)
DAYS = st.sampled_from([PartialDate(), PartialDate(2026, 3), PartialDate(2026, 3, 2), PartialDate(2027)])
SAID = st.tuples(st.sampled_from(list(Scope)), st.booleans(), TARGETS, st.frozensets(st.integers(0, 3)), DAYS)
TODAY = date(2026, 3, 1)


@given(st.lists(SAID, max_size=4), st.frozensets(st.sampled_from(["vera", "anton"])))
def test_nobody_is_spoken_for_and_the_least_counts(said: list[Any], concerned: frozenset[str]) -> None:
    consents = [a_consent(number, *one) for number, one in enumerate(said)]
    table = Consents((spoken(consent, TODAY) for consent in consents), {b"vera", b"anton"})
    right = table.of(b"W1", {one.encode() for one in concerned})
    replaced = {one for _, _, _, over, _ in said for one in over}
    for person in concerned:
        own = [
            n for n, (_, _, targets, _, _) in enumerate(said) if person in targets and targets & {"W1", "W2"} != {"W2"}
        ]
        assert own or right is None
        if right is not None:
            assert all(WIDTH[right.scope] <= WIDTH[effective_scope(consents[n])] for n in own if n not in replaced)
            to_come = [
                n for n in own if n not in replaced and said[n][4] in (PartialDate(2026, 3, 2), PartialDate(2027))
            ]
            assert right.scope is Scope.NONE or not to_come
            assert right.to_come or not to_come


WIDTH = {scope: width for width, scope in enumerate(Scope)}


def a_consent(
    number: int, scope: Scope, withdrawn: bool, targets: frozenset[str], over: frozenset[int], given: PartialDate
) -> Consent:
    links = [Link(one.encode(), Relation.ABOUT if one.islower() else Relation.PART_OF) for one in sorted(targets)]
    links += [Link(bytes([one]) * 32, Relation.SUPERSEDES) for one in sorted(over)]
    done = creation(Consent, {"scope": scope, "withdrawn": PartialDate() if withdrawn else None, "given": given})
    return read(
        Consent,
        state_of([*done, *(Operation(int(Op.ADD), "links", None, list(link)) for link in links)]),
        CaseId(bytes([number]) * 32),
    )


@pytest.mark.parametrize(
    ("audience", "compartments"),
    [
        (Scope.INTERNAL, {C1, C4}), (Scope.INTERNAL, {C0, C6}), (Scope.INTERNAL, set(Sensitivity)),
        (Scope.PARTNERS, {C4}), (Scope.UN, {C5}), (Scope.PUBLIC, {C0, C1}), (Scope.PUBLIC, {C6}), (Scope.NONE, {C0}),
        (Scope.INTERNAL, set()),
    ],
)  # fmt: skip
async def test_compartments_that_do_not_leave_together(audience: Scope, compartments: set[Sensitivity]) -> None:
    async with a_cell() as cell:
        await a_case(cell, Scope.PUBLIC)
        with pytest.raises(InvalidValue):
            await export_cases(cell, form=Form.JSON, audience=audience, compartments=compartments)


@pytest.mark.parametrize("form", list(Form))
async def test_only_chosen_compartments_leave(form: Form) -> None:
    async with a_cell() as cell:
        case = await a_case(cell, Scope.PUBLIC, summary="said-C0", handler="said-C4")
        async with case.edit() as draft:
            draft.legal_notes.append("said-C2")
            for level_, text in ((C0, "entry-C0"), (C1, "entry-C1"), (C3, "entry-C3"), (C5, "entry-C5")):
                draft.timeline.append(TimelineEntry(TimelineKind.NOTE, text, sensitivity=level_))
        contact = await cell.create(Contact, how="call-C4")
        task = await cell.create(SupportTask, title="task-C1", doer="doer-C4")
        for one in (contact, task):
            async with one.edit() as edited:
                edited.links.add(Link(case.id, Relation.PART_OF))

        async def leaves(audience: Scope, *chosen: Sensitivity) -> str:
            export = await export_cases(cell, [case], form=form, audience=audience, compartments=chosen or None)
            return export.content.decode()

        public = await leaves(Scope.PUBLIC)
        assert "said-C0" in public
        assert "entry-C0" in public
        assert not any(word in public for word in ("Tikhaya", "VR-1", "C1", "C2", "C3", "C4", "C5"))
        core = await leaves(Scope.PARTNERS)
        assert all(word in core for word in ("Tikhaya", "entry-C0", "entry-C1"))
        assert not any(word in core for word in ("-C2", "-C3", "-C4", "-C5", contact.id.hex()))
        help_ = await leaves(Scope.INTERNAL, C4, C5)
        assert "said-C4" in help_
        assert not any(word in help_ for word in ("Tikhaya", "-C0", "-C1", "-C2", "-C3"))
        if form is not Form.CSV:
            [said] = await cell.cases(Consent)
            with pytest.raises(NothingLeaves, match="in C2 and may") as caught:
                await leaves(Scope.UN, C2)  # nobody has said that it covers what the lawyer knows
            assert "a consent does not cover their compartment" in caught.value.hint
            assert "public" not in caught.value.hint
            async with said.edit() as consented:
                consented.covers.add(C2)
            assert "said-C2" in await leaves(Scope.UN, C2)


async def test_what_is_also_about_somebody_else_stays() -> None:
    async with a_cell() as cell:
        case, other = await a_case(cell), await a_case(cell, None)
        task = await cell.create(SupportTask, title="a task for both")
        async with task.edit() as draft:
            draft.links.add(Link(case.id, Relation.PART_OF))
        assert b"for both" in (await export_cases(cell, form=Form.JSON, audience=Scope.PARTNERS)).content
        async with task.edit() as draft:
            draft.links.add(Link(other.id, Relation.PART_OF))
        export = await export_cases(cell, form=Form.JSON, audience=Scope.PARTNERS)
        assert b"for both" not in export.content
        assert other.id.hex().encode() not in export.content


async def test_retracted_and_reclassified_items_stay() -> None:
    async with a_cell() as cell:
        case = await a_case(cell, Scope.UN)
        async with case.edit() as draft:
            for text in ("kept", "retracted", "open once"):
                draft.timeline.append(TimelineEntry(TimelineKind.NOTE, text))
        async with case.edit() as draft:
            _, gone, moved = draft.timeline.items
            draft.timeline.retract(gone)
            draft.timeline.correct(moved, moved.value._replace(text="closed now", sensitivity=C2))
        content = (await export_cases(cell, form=Form.JSON, audience=Scope.UN)).content
        assert b"kept" in content
        assert not any(word in content for word in (b"retracted", b"open once", b"closed now"))


def test_a_consent_that_covers_only_what_nobody_here_knows_covers_nothing() -> None:
    right = right_of(a_consent_covering("C9"))
    assert right.covers == frozenset()
    assert not right.unsaid
    assert right_of(a_consent_covering("C9", "C0")).covers == {C0}
    assert right_of(a_consent_covering()).covers == {C0, C1}


def test_a_consent_that_withholds_what_nobody_here_can_read_is_unclear() -> None:
    assert right_of(a_consent_covering(withheld=[1])).unclear
    assert not right_of(a_consent_covering(withheld=["residence"])).unclear


def right_of(consent: Consent) -> Right:
    return spoken(consent, TODAY).right


def a_consent_covering(*compartments: str, withheld: Sequence[Any] = ()) -> Consent:
    done = [Operation(int(Op.ADD), "covers", None, one) for one in compartments]
    done += [Operation(int(Op.ADD), "withheld", None, one) for one in withheld]
    return read(Consent, state_of([*creation(Consent, {"scope": Scope.UN}), *done]), CaseId(b"c" * 32))
