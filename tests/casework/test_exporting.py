"""Exporting: contradictions, and what JSON and a page look like."""

from __future__ import annotations

import json
import re
from contextlib import AsyncExitStack
from html.parser import HTMLParser

import pytest
import trio.testing

from cellsync.casework import CaseFile, TimelineEntry
from cellsync.casework.documents.case_file import CaseStatus
from cellsync.casework.documents.consent import Scope
from cellsync.casework.exporting import Form, export_cases
from cellsync.casework.values.partial_date import PartialDate
from cellsync.casework.values.timeline import TimelineKind
from cellsync.core.errors import InvalidValue
from cellsync.core.schema.fields import Sensitivity
from cellsync.testing import MemoryNetwork, level
from tests.casework.exporting.cases import a_case, rows
from tests.casework.tables import a_cell

C0, C1, C2, C3, C4, C5, C6 = Sensitivity


# --- contradictions --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", list(Form))
async def test_every_contradicting_value_leaves_with_its_author(
    autojump_clock: trio.testing.MockClock, form: Form
) -> None:
    net = MemoryNetwork(seed=2)
    async with AsyncExitStack() as stack:
        ana = await stack.enter_async_context((await net.device("ana").found()).opened())
        ben = await stack.enter_async_context((await net.device("ben").join(ana)).opened())
        case = await a_case(ana)
        await level([ana, ben])
        theirs = await ben.get(CaseFile, case.id)
        net.partition("ana", "ben")
        async with case.edit() as mine:
            mine.status = CaseStatus.CLOSED
        async with theirs.edit() as draft:
            draft.status = CaseStatus.PENDING
        net.heal()
        await level([ana, ben])

        inside = (await export_cases(ana, form=form, audience=Scope.INTERNAL)).content.decode()
        assert all(word in inside for word in ("closed", "pending", "ana", "ben"))
        outside = (await export_cases(ana, form=form, audience=Scope.PARTNERS)).content.decode()
        assert all(word in outside for word in ("closed", "pending", "author 1", "author 2"))
        assert not any(word in outside for word in ("ana ", '"ana"', "(ana", "ben ", '"ben"', "(ben"))


async def test_an_item_that_anybody_made_confidential_stays(autojump_clock: trio.testing.MockClock) -> None:
    net = MemoryNetwork(seed=3)
    async with AsyncExitStack() as stack:
        ana = await stack.enter_async_context((await net.device("ana").found()).opened())
        ben = await stack.enter_async_context((await net.device("ben").join(ana)).opened())
        case = await a_case(ana)
        async with case.edit() as draft:
            draft.timeline.append(TimelineEntry(TimelineKind.NOTE, "a visit"))
        await level([ana, ben])
        theirs = await ben.get(CaseFile, case.id)
        net.partition("ana", "ben")
        for mine, text, compartment in ((case, "a visit on Monday", C1), (theirs, "a visit to the doctor", C3)):
            async with mine.edit() as draft:
                [item] = draft.timeline.items
                draft.timeline.correct(item, item.value._replace(text=text, sensitivity=compartment))
        net.heal()
        await level([ana, ben])
        assert b"a visit" not in (await export_cases(ana, form=Form.JSON, audience=Scope.PARTNERS)).content


# --- JSON and pages -----------------------------------------------------------------------------------


async def test_json_has_the_documented_shape_and_is_the_same_each_time() -> None:
    async with a_cell() as cell:
        case = await a_case(cell, opened=PartialDate(2024, 5))
        async with case.edit() as draft:
            draft.tags.add("x")
            draft.release_demands.append("free her")
        async with case.edit() as draft:
            draft.release_demands.correct(draft.release_demands.items[0], "free Vera")
        export = await export_cases(cell, form=Form.JSON, audience=Scope.PARTNERS)
        assert export.content == (await export_cases(cell, form=Form.JSON, audience=Scope.PARTNERS)).content
        whole = json.loads(export.content)
        assert (whole["format"], whole["version"], whole["audience"]) == ("cellsync cases", 1, "partners")
        assert whole["compartments"] == ["C0", "C1"]
        [one] = whole["cases"]
        file, person = one["documents"]
        assert (file["id"], file["kind"], person["kind"]) == (case.id.hex(), "cellsync.case", "cellsync.person")
        opened_ = file["fields"]["opened"]
        assert (opened_["type"], opened_["values"][0]["value"]) == ("register", [2024, 5, None, False])
        assert opened_["values"][0]["authors"] == ["author 1"]
        assert file["fields"]["tags"] == {"type": "set", "values": [{"value": "x"}]}
        assert file["fields"]["links"]["values"] == [{"value": [{"hex": person["id"]}, "about"]}]
        [item] = file["fields"]["release_demands"]["items"]
        assert [said["value"] for said in item["values"]] == ["free Vera"]
        assert item["before"] == []
        assert "imported" not in file["fields"]


@pytest.mark.parametrize("form", [Form.JSON, Form.DOSSIER])
@pytest.mark.parametrize("audience", [Scope.INTERNAL, Scope.PARTNERS, Scope.UN])
async def test_those_outside_are_given_what_is_said_now_and_on_which_day(form: Form, audience: Scope) -> None:
    """At what hours members write, and what they took back, is nobody's business there."""
    async with a_cell() as cell:
        case = await a_case(cell, Scope.UN)
        async with case.edit() as draft:
            draft.release_demands.append("said first")
        async with case.edit() as draft:
            draft.release_demands.correct(draft.release_demands.items[0], "said instead")
        content = (await export_cases(cell, form=form, audience=audience)).content
        internal = audience is Scope.INTERNAL
        assert (b"said instead" in content, b"said first" in content) == (True, internal)
        if form is Form.JSON:
            hours = set(re.findall(rb'"at": "[0-9-]{10}T([^"]*)"', content))
            assert hours
            assert (hours == {b"00:00:00+00:00"}) is not internal


class Page(HTMLParser):
    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


async def test_a_page_escapes_everything_and_loads_nothing() -> None:
    hostile = "</title></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
    async with a_cell() as cell:
        case = await a_case(cell, Scope.PARTNERS, title=hostile, summary=hostile)
        async with case.edit() as draft:
            draft.tags.add(hostile)
            draft.timeline.append(TimelineEntry(TimelineKind.NOTE, hostile))
        export = await export_cases(cell, [case], form=Form.DOSSIER, audience=Scope.PARTNERS, language='ru"><script>')
        page = Page(export.content)
        assert page.text.count(hostile) == 6  # the title, the heading, and four fields
        seen = {tag for tag, _ in page.tags}
        assert not seen & {"script", "img", "link", "a", "iframe", "object", "form", "base"}
        assert not {name for _, attributes in page.tags for name in attributes} & {"src", "href", "style", "onerror"}
        policy = next(one["content"] or "" for _, one in page.tags if "http-equiv" in one)
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert b"@media print" in export.content


async def test_a_date_of_which_nothing_is_known_is_not_taken_for_none() -> None:
    async with a_cell() as cell:
        case = await a_case(cell, Scope.PARTNERS, opened=PartialDate())
        page = await export_cases(cell, [case], form=Form.DOSSIER, audience=Scope.PARTNERS)
        assert b'<dt>Opened</dt>\n<dd><p dir="auto">?</p></dd>' in page.content
        [row] = rows(await export_cases(cell, [case], form=Form.CSV, audience=Scope.PARTNERS))
        assert row["birth_date"] == ""  # in a table an empty cell says it


async def test_a_link_on_a_page_says_what_it_leads_to_and_no_id() -> None:
    async with a_cell() as cell:
        case = await a_case(cell, Scope.PARTNERS)
        page = (await export_cases(cell, [case], form=Form.DOSSIER, audience=Scope.PARTNERS)).content.decode()
        assert "about person" in page
        assert not any(link.case.hex()[:8] in page for link in case.links)


async def test_a_dossier_is_about_one_case() -> None:
    async with a_cell() as cell:
        await a_case(cell)
        await a_case(cell)
        with pytest.raises(InvalidValue):
            await export_cases(cell, form=Form.DOSSIER, audience=Scope.PARTNERS)


async def test_a_cell_without_cases_gives_a_table_without_rows() -> None:
    async with a_cell() as cell:
        assert rows(await export_cases(cell, form=Form.CSV, audience=Scope.INTERNAL)) == []


async def test_nothing_is_written_and_nothing_shows_in_a_repr() -> None:
    async with a_cell() as cell:
        await a_case(cell)
        entries = cell.entries()
        export = await export_cases(cell, form=Form.CSV, audience=Scope.PARTNERS)
        assert cell.entries() == entries
        assert "Tikhaya" not in repr(export)
