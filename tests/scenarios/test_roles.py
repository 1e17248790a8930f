"""The rights of a reader, what an export lets out and holds back, and the examination of an open cell."""

from __future__ import annotations

import base64
import csv
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from cellsync.api.contract.problems import problem_of
from cellsync.api.contract.table import OPERATIONS
from cellsync.api.operations import examination
from cellsync.casework.exporting import NoConsent
from cellsync.core.errors import NotPermitted
from cellsync.doctor import Finding, Grade, Subject
from tests.api.services import PASSPHRASE, Asking, cell, pair, services, synced


async def a_case(asking: Asking, number: int, scope: str | None) -> str:
    """A case about a person, with this consent."""
    person = await asking("case.new", kind="person", set={"external_id": f"P-{number}"})
    links = [f"about:{person['id']}"]
    made: dict[str, Any] = await asking("case.new", set={"title": f"Case {number}"}, add={"links": links})
    if scope is not None:
        await asking("case.new", kind="consent", set={"scope": scope}, add={"links": links})
    return str(made["id"])


async def test_a_reader_reads(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana", "ben") as [ana, ben]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        case = await a_case(ana, 1, "partners")
        await pair(ana, ben, "Ben", role="reader")
        await synced(ben)
        assert (await ben("status"))["role"] == "reader"
        assert (await ben("case.show", case=case))["title"] == "Case 1"
        for operation, given in (
            ("case.new", {}), ("case.edit", {"case": case, "set": {"status": "closed"}}), ("invite", {}),
        ):  # fmt: skip
            with pytest.raises(NotPermitted) as raised:
                await ben(operation, **given)
            assert problem_of(raised.value).exit == 7
        table = base64.b64encode(b"external_id,name\nVR-1,Anton\n").decode()
        job = await ben.until("import.show", await ben("import", table=table), "done", "failed")
        assert job["error"]["code"] == "not_permitted"
        export = await ben("export", audience="partners", cases=["Case 1"])
        assert export["record"] is None
        assert export["cases"] == [case]
        await synced(ben)
        assert (await ana("status"))["flags"] == []  # it has not even tried
        assert (await ana("case.show", case=case))["conflicts"] == []


async def test_what_nobody_consented_to_stays(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        may = await a_case(ana, 1, "un")
        silent, no = await a_case(ana, 2, None), await a_case(ana, 3, "internal")
        export = await ana("export", audience="partners")
        assert export["cases"] == [may]
        assert sorted(export["refused"]) == sorted([silent, no])
        rows = list(csv.DictReader(StringIO(base64.b64decode(export["content"]).decode("utf-8-sig"), newline="")))
        assert len(rows) == 1
        record = await ana("case.show", case=export["record"])
        read = {field["name"]: [value["value"] for value in field["values"]] for field in record["fields"]}
        assert (read["cases"], read["scope"]) == ([1], ["partners"])
        assert sorted(read["compartments"]) == export["compartments"]
        listed = await ana("case.list", kind="export")
        assert [row["id"] for row in listed["cases"]] == [export["record"]]
        for wrong in ({"audience": "public"}, {"audience": "partners", "cases": [no, silent]}):
            with pytest.raises(NoConsent):
                await ana("export", **wrong)
        assert len((await ana("case.list", kind="export"))["cases"]) == 1  # nothing left, so nothing is noted
        page = await ana("export", audience="un", format="html", cases=["Case 1"])
        assert base64.b64decode(page["content"]).lstrip().lower().startswith(b"<!doctype html")


async def test_consent_that_is_withdrawn_or_contradicted_allows_the_least(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with cell(tmp_path, "ana", "ben") as [ana, ben]:
        case = await a_case(ana, 1, "public")
        [consent] = (await ana("case.list", kind="consent"))["cases"]
        await synced(ben)
        await ben("lock")
        await ana("case.edit", case=consent["id"], set={"scope": "un"})
        await ana("lock")
        await ben("unlock", passphrase=PASSPHRASE)
        await ben("case.edit", case=consent["id"], set={"scope": "internal"})
        await ana("unlock", passphrase=PASSPHRASE)
        await synced(ben)
        for one in (ana, ben):
            with pytest.raises(NoConsent):
                await one("export", audience="partners", cases=[case])
            assert (await one("export", audience="internal", cases=[case]))["cases"] == [case]
        await ana("case.edit", case=consent["id"], set={"withdrawn": "?"})
        with pytest.raises(NoConsent):
            await ana("export", audience="internal", cases=[case])


@pytest.mark.parametrize(
    "given",
    [
        {"table": "é"}, {"table": "%%"}, {"table": "YQ"}, {"table": ""}, {"encoding": "rot13"}, {"encoding": "hex"},
        {"encoding": "a\0b"}, {"encoding": "undefined"}, {"encoding": "utf-16"}, {"encoding": ""}, {"delimiter": '"'},
        {"delimiter": "\n"}, {"delimiter": "\0"}, {"columns": {}}, {"columns": {"external_id": "nothing.like"}},
        {"columns": {"\0": ""}},
    ],
    ids=repr,
)  # fmt: skip
async def test_no_table_is_a_fault(given: dict[str, Any], tmp_path: Path, autojump_clock: MockClock) -> None:
    """Every wrong request is answered with its error; a text that is not ASCII once caused a fault."""
    async with cell(tmp_path, "ana") as [ana]:
        table = base64.b64encode(b"external_id,name\nVR-1,Anton\n").decode()
        job = await ana.until("import.show", await ana("import", **({"table": table} | given)), "done", "failed")
        assert job["state"] == "done" or job["error"]["code"] in ("invalid_value", "unreadable_file")


async def test_the_examination_knows_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    asked: list[Subject] = []

    async def examine(subject: Subject) -> list[Finding]:
        asked.append(subject)
        return [Finding("vault", Grade.GOOD, "It is there.", "")]

    monkeypatch.setattr(examination, "examine_subject", examine)
    async with cell(tmp_path, "ana", "ben") as [ana, _]:
        found = await ana("doctor")
        pages = {"check": "vault_pages", "grade": "good", "text": "Every page of the vault can be read.", "hint": ""}
        there = {"check": "vault", "grade": "good", "text": "It is there.", "hint": ""}
        assert found["findings"] == [there, pages]
        await ana("lock")
        await ana("doctor")
    assert [[other.label for other in subject.others] for subject in asked] == [["ben"], []]
    assert all(subject.daemon for subject in asked)


def test_only_what_looks_or_waits_is_passive() -> None:
    """A client that only shows a window does not keep a cell open."""
    passive = {operation.name for operation in OPERATIONS if operation.passive}
    assert passive == {"health", "events", "invite.show", "join.show", "sync.show", "import.show", "rekey.show"}
