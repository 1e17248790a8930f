"""A type of field that only this test knows, by one row: written, synced, shown, exported, imported, printed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import click
import pytest
from click.testing import CliRunner
from trio.testing import MockClock

from cellsync.casework import CaseFile
from cellsync.cli import reach
from cellsync.cli.main import main
from cellsync.core.schema.generic import GenericCase
from cellsync.core.schema.schema import Schema
from tests.api.services import Asking, cell, synced
from tests.models import highest
from tests.models.highest import ROW, HighestField
from tests.scenarios.versions.test_commands import CIRCLE


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    with highest.registered():
        yield


@pytest.fixture
def peak(monkeypatch: pytest.MonkeyPatch) -> None:
    """Case files have a field of this type."""
    own = HighestField[int](default=0)
    own.bind("peak", (int,))
    monkeypatch.setitem(CaseFile._fields, "peak", own)
    monkeypatch.setattr(CaseFile, "peak", own, raising=False)


class Summit(Schema, kind="org.example.summit"):
    """A kind that the program has no schema for."""

    height: HighestField[int] = HighestField(default=0)


async def field(one: Asking, case: str, name: str) -> dict[str, Any]:
    shown = await one("case.show", case=case)
    by_name: dict[str, dict[str, Any]] = {own["name"]: own for own in shown["fields"]}
    return by_name[name]


SHOWN = {"value": 9, "text": "9", "author": "", "at": None}


@pytest.mark.usefixtures("peak")
async def test_a_declared_field_goes_the_whole_way(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cell(tmp_path, "ana", "ben") as [ana, ben]:
        case = (await ana("case.new", set={"title": "Parcel", "peak": 3}))["id"]
        await synced(ben)
        assert (await ben("case.edit", case=case, set={"peak": "9"}))["written"]
        await synced(ana)
        assert not (await ana("case.edit", case=case, set={"peak": 5}))["written"]
        found = await field(ana, case, "peak")
        assert (found["type"], found["values"], found["keys"], found["items"]) == ("highest", [SHOWN], [], [])
        assert found["sensitivity"] == "C1"

        rows = (await ana("case.graph", case=case))["rows"]
        assert [row["did"] for row in rows] == [["peak=9"], ["created", "title=Parcel", "peak=3"]]
        answer = await ana("case.show", case=case)
        printed = command(monkeypatch, answer, "case", "show", "parcel")
        assert "peak   9" in printed.splitlines()

        await ana("case.new", kind="consent", set={"scope": "internal"}, add={"links": [f"part_of:{case}"]})
        left = await ana("export", audience="internal", cases=[case], format="json")
        document = json.loads(base64.b64decode(left["content"]))["cases"][0]["documents"][0]
        assert document["fields"]["peak"] == {"type": "highest", "values": [{"value": 9}]}
        for form in ("csv", "html"):
            assert (await ana("export", audience="internal", cases=[case], format=form))["content"]

    async with cell(tmp_path / "other", "vera") as [vera]:
        done = await vera.until("import.show", await vera("import", table=left["content"]), "done", "failed")
        assert (done["state"], done["created"], done["problems"]) == ("done", 1, [])
        assert (await field(vera, case, "peak"))["values"] == [SHOWN]


async def test_a_field_of_an_unknown_kind_is_shown_and_edited(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        case = (await ana.service.cell.create(Summit, height=4)).id
        assert (await field(ana, case.hex(), "height"))["values"][0]["value"] == 4
        assert (await ana("case.edit", case=case.hex(), set={"height": 9, "name": "Mill"}))["written"]
        assert (await field(ana, case.hex(), "height"))["values"] == [SHOWN]
        assert (await field(ana, case.hex(), "name"))["type"] == "register"
        generic = await ana.service.cell.get(GenericCase, case)
        assert generic.names() == [("height", ROW.name), ("name", "register")]
        async with generic.edit() as draft:
            draft.write("height", 20, ROW.name)
        assert (await ana.service.cell.get(Summit, case)).height == 20
        await ana("case.edit", case=case.hex(), set={"height": highest.DOUBTED})
        assert (await ana.service.cell.get(GenericCase, case)).read("height", ROW.name) == 20


async def test_who_follows_is_told_what_was_done(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        case = await ana.service.cell.create(Summit, height=4)
        async with ana.service.cell.changes() as changes:
            await ana("case.edit", case=case.id.hex(), set={"height": 9})
            change = await anext(changes)
        assert (change.path, change.did, change.value, change.removed) == ("height", "set", 9, ())


async def test_its_conflict_says_what_settles_it(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        case = await ana.service.cell.create(Summit, height=highest.DOUBTED)
        answer = await ana("case.show", case=case.id.hex())
        [conflict] = answer["conflicts"]
        assert (conflict["type"], conflict["key"], conflict["settle"]) == ("highest", None, {"set": {"height": 8}})
        assert f"case edit {answer['short']} --set height=8" in command(monkeypatch, answer, "case", "show", "x")
        assert (await ana("case.edit", case=case.id.hex(), **conflict["settle"]))["written"]
        assert (await ana("case.show", case=case.id.hex()))["conflicts"] == []


def command(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], *arguments: str) -> str:
    """What a command prints of an answer."""

    class Answering:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def call(self, name: str, /, **_: Any) -> dict[str, Any]:
            return {"v": 1, "circles": [CIRCLE]} if name == "circles" else answer

    @contextmanager
    def opened(_: click.Context, **__: Any) -> Iterator[Any]:
        yield Answering()

    monkeypatch.setattr(reach, "opened", opened)
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output
