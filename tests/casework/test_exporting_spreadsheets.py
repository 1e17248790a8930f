"""Exported texts in the programs that read them: no new rows, no new cells, no formulas, nothing that steers."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from io import StringIO
from unicodedata import category, normalize

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cellsync.casework import CaseFile, Consent, Person
from cellsync.casework.documents.consent import Scope
from cellsync.casework.exporting import Form, export_cases
from cellsync.casework.exporting.tables import as_table
from cellsync.casework.importing import import_cases
from cellsync.casework.importing.cells import guard, tidy
from cellsync.casework.values.link import Link, Relation
from cellsync.core.plain import settled, shown, steady_json, unified
from cellsync.testing import MemoryNetwork
from tests.models import rfc4180

LINE_ENDS = ["\r\n", *"\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"]
FORMULAS = [f"{sign}cmd()" for sign in "=+-@＝＋－＠"]
NASTY = [
    *FORMULAS,
    *(f"{blank}=1" for blank in " \t\u00a0\u3000'"),
    *(f"Vera{end}=1" for end in LINE_ENDS),
    *(f"Vera{end}" for end in LINE_ENDS),
    *(f"{end}=1" for end in LINE_ENDS),
    *(f"a{separator}=1" for separator in ",;\t|"),
    "a;-cmd()", "a; - item", "a\n- item", "a;' =1", "''=1", "'quoted'", '"', '""=1"', 'a","=1', "nul\0",
    "bell\a", "\x1b[2J", "\x9b2J", "\x7f", "\u202egpj.exe", "\u2066x", "\u200fx", "\ufeff=1", "може́", "ﬀ", "\u037e=1",
    "-", "=", "'", "", " ",
]  # fmt: skip

texts = st.text(
    st.sampled_from("=+-@＝－'\";,|\t \n\r\v\f\x00\x1b\x1c\x85\u2028\u2029\u202e") | st.characters(codec="utf-8"),
    max_size=12,
) | st.sampled_from(NASTY)  # fmt: skip
rows = st.lists(st.lists(texts, min_size=3, max_size=3), min_size=1, max_size=4)


def starts_a_formula(cell: str, signs: str = "=+-@＝＋－＠") -> bool:
    return cell.lstrip().startswith(tuple(signs))


@given(rows)
@example([[text, text, text] for text in NASTY])
def test_every_cell_comes_back_as_one_cell_of_text(table: list[list[str]]) -> None:
    written = as_table(table)
    read = rfc4180.read(written)
    assert read == list(csv.reader(StringIO(written, newline=""), strict=True))
    assert [len(row) for row in read] == [len(row) for row in table]
    for row, before in zip(read, table, strict=True):
        for cell, text in zip(row, before, strict=True):
            assert not starts_a_formula(cell)
            assert not cell.startswith(("\t", "\n"))
            assert all(category(one) != "Cc" for one in cell if one not in "\t\n")
            assert unified(cell) == cell
            assert tidy(cell).strip() == normalize("NFC", settled(text)).strip()
    assert not any(one in written for one in LINE_ENDS if one != "\n")


@given(texts)
def test_a_reader_with_another_separator_finds_no_formula_either(text: str) -> None:
    """A dash and a blank begins an item of a list, which people write all the time."""
    for piece in re.split(r"[;\t\n]", guard(text))[1:]:
        assert not starts_a_formula(piece, "=+@＝＋＠")
        assert not re.match(r"\s*[－-]\S", piece)


@given(texts)
def test_an_ordinary_text_is_kept_to_the_letter(text: str) -> None:
    plain = settled(text)
    assert settled(plain) == plain
    if not any(category(one) in ("Cc", "Zl", "Zp") for one in text if one not in "\t\n"):
        assert plain == text


@given(st.recursive(texts | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(texts, inner)))
@example(NASTY)
@example("\x7f\U000e0001\U0010ffff")
def test_json_says_the_same_and_shows_nothing_that_steers(value: object) -> None:
    for indent in (None, 1):
        written = steady_json(value, indent=indent)
        assert json.loads(written) == value
        assert all(category(one)[0] != "C" and one not in "\u2028\u2029" for one in written if one != "\n")
    if isinstance(value, str) and all(category(one)[0] != "C" and category(one) not in ("Zl", "Zp") for one in value):
        assert steady_json(value) == json.dumps(value, ensure_ascii=False)


def test_what_is_shown_on_a_terminal_has_one_kind_of_line_end() -> None:
    assert shown("a\nb\u2028c\x85d\u202ee\x9bf\rg") == "a\nb�c�d�e�f�g"


# --- whole exports -------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """The texts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("text", ["Vera\r=cmd()", "\x1b[2J\x9b2JVera\u2028=1\u202e", "Vera;=1\0", "\v＝1"])
async def test_a_hostile_title_in_every_export(text: str) -> None:
    device = await MemoryNetwork().device("ana").found()
    async with device.opened() as cell:
        await import_cases(cell, b"external_id,name,occupation\nVR-1,Vera,cook\n")
        [case], [person] = await cell.cases(CaseFile), await cell.cases(Person)
        consent = await cell.create(Consent, scope=Scope.INTERNAL)
        async with consent.edit() as draft:
            draft.links.add(Link(person.id, Relation.ABOUT))
        async with case.edit() as of_case, person.edit() as of_person:
            of_case.title = of_case.summary = of_case.handler = of_person.occupation = text
            of_case.release_demands.append(text)

        table = await export_cases(cell, form=Form.CSV, audience=Scope.INTERNAL)
        [header, row] = rfc4180.read(table.content.decode())
        cells = dict(zip(header, row, strict=True))
        for column in ("title", "summary", "demands", "occupation"):
            assert tidy(cells[column]) == settled(text).strip()
        assert not any(starts_a_formula(one) for one in row)

        whole = (await export_cases(cell, form=Form.JSON, audience=Scope.INTERNAL)).content.decode()
        assert all(category(one)[0] != "C" for one in whole if one != "\n")
        documents = json.loads(whole)["cases"][0]["documents"]
        assert documents[0]["fields"]["title"]["values"][0]["value"] == text

        page = Page()
        page.feed((await export_cases(cell, [case], form=Form.DOSSIER, audience=Scope.INTERNAL)).content.decode())
        assert settled(text) in page.texts
        assert all(category(one) not in ("Cc", "Zl", "Zp") for piece in page.texts for one in piece if one != "\n")

        await import_cases(cell, table.content)
        assert (await cell.get(CaseFile, case.id)).title == settled(text).strip()
        entries = cell.entries()
        await import_cases(cell, (await export_cases(cell, form=Form.CSV, audience=Scope.INTERNAL)).content)
        assert cell.entries() == entries
