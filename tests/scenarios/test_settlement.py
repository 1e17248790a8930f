"""Contradictions of every kind: both devices show the same values; the offered edit settles the contradiction, and so
does the command that the command line makes of it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from cellsync.cli.settlement import command
from cellsync.core.errors import InvalidValue
from cellsync.core.ids import CaseId
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from cellsync.testing import MemoryNetwork
from tests.api.services import Asking, cell, synced


def instead(settle: Any, value: Any) -> Any:
    """The same edit for another of the values."""
    [(how, places)] = settle.items()
    [(place, inner)] = places.items()
    return {how: {place: dict.fromkeys(inner, value) if how == "put" else value}}


async def run(asking: Asking, case_id: str, conflict: Any, typed: str) -> dict[str, Any]:
    """Run an edit as a person types it. For a "-" in it the command asks, and `typed` is the answer."""
    program, noun, verb, case, option, given = shlex.split(command(case_id, conflict))
    assert (program, noun, verb) == ("cellsync", "case", "edit")
    name, _, value = given.partition("=")
    value = typed if value == "-" else value
    match option:
        case "--set":
            return await asking("case.edit", case=case, set={name: value})
        case "--correct":
            return await asking("case.edit", case=case, correct={name: value})
        case "--put":
            field, _, key = name.partition(".")
            return await asking("case.edit", case=case, put={field: {key: value}})
    raise AssertionError(option)


@pytest.mark.parametrize(
    ("kind", "field", "hers", "his"),
    [
        ("case", "title", "12 Mill St", "12 Mill Street, 'back' \"house\" = $HOME; `x` — Ω"),
        ("case", "title", "-", "--set"),
        ("case", "title", "one line\nand another", "x" * 500),
        ("case", "status", "pending", "closed"),
        ("case", "line_of_work", "release", "talks"),
        ("case", "line_of_work", "", "talks"),
        ("case", "opened", "2024-05", "~2023"),
        ("case", "opened", "?", "2024-05-03"),
        ("case", "review", "2024-05-03", "2024-05-04"),
        ("case", "review", "", "2024-05-04"),
        ("consent", "withdrawn", "?", "2024-05"),
        ("consent", "scope", "un", "public"),
    ],
)
@pytest.mark.parametrize("by", ["command", "edit", "other"])
async def test_a_field_that_two_wrote_apart(
    by: str, kind: str, field: str, hers: str, his: str, tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = MemoryNetwork()
    async with cell(tmp_path, "ana", "ben", net=net) as [ana, ben]:
        other = "2024-01" if field == "withdrawn" else None  # so that "" is a change
        first = (
            {field: other} if other else {"line_of_work": "groups", "review": "2020-01-01"} if kind == "case" else {}
        )
        made = await ana("case.new", kind=kind, set=first)
        await synced(ben)
        net.partition("ana", "ben")
        await ana("case.edit", case=made["id"], set={field: hers})
        await ben("case.edit", case=made["id"], set={field: his})
        net.heal()
        await synced(ben)
        shown = [(await one("case.show", case=made["id"]))["conflicts"] for one in (ana, ben)]
        assert shown[0] == shown[1]
        [conflict] = shown[0]
        assert {value["author"] for value in conflict["values"]} == {"ana", "ben"}
        assert len({value["text"] for value in conflict["values"]}) == 2
        assert conflict["field"] == field
        chosen = conflict["values"][0]["text"]
        assert conflict["type"] == "register"
        assert instead(conflict["settle"], conflict["values"][0]["value"]) == conflict["settle"]
        match by:
            case "command":
                assert (await run(ben, made["id"], conflict, chosen))["written"]
            case "edit":
                assert (await ben("case.edit", case=made["id"], **conflict["settle"]))["written"]
            case "other":
                other_one = conflict["values"][1]
                chosen = other_one["text"]
                await ben("case.edit", case=made["id"], **instead(conflict["settle"], other_one["value"]))
        await synced(ben)
        for one in (ana, ben):
            read = await one("case.show", case=made["id"])
            assert read["conflicts"] == []
            [value] = next(own for own in read["fields"] if own["name"] == field)["values"]
            assert (value["text"], value["author"]) == (chosen, "ben")


@pytest.mark.parametrize("key", ["signal", "the.other=one", "with space"])
async def test_a_key_of_a_map(key: str, tmp_path: Path, autojump_clock: MockClock) -> None:
    net = MemoryNetwork()
    async with cell(tmp_path, "ana", "ben", net=net) as [ana, ben]:
        made = await ana(
            "case.new", kind="contact", add={"names": ["Heron"]}, put={"channels": {"post": "Mill Street"}}
        )
        await synced(ben)
        net.partition("ana", "ben")
        await ana("case.edit", case=made["id"], put={"channels": {key: "one"}})
        await ben("case.edit", case=made["id"], put={"channels": {key: "other"}})
        net.heal()
        await synced(ben)
        [conflict] = (await ana("case.show", case="heron"))["conflicts"]
        assert (conflict["field"], conflict["key"], conflict["type"]) == ("channels", key, "map")
        assert conflict["settle"] == {"put": {"channels": {key: conflict["values"][0]["value"]}}}
        if "=" in key:
            await ana("case.edit", case="heron", **conflict["settle"])
            assert (await ana("case.show", case="heron"))["conflicts"] == []
        if "=" not in key:  # such a key is beyond what can be typed
            await run(ana, made["id"], conflict, "")
            read = await ana("case.show", case="heron")
            assert read["conflicts"] == []
            [channels] = [field for field in read["fields"] if field["name"] == "channels"]
            assert {one["text"]: len(one["values"]) for one in channels["keys"]} == {"post": 1, key: 1}


@pytest.mark.parametrize("by", ["command", "edit"])
async def test_an_item_of_a_log_that_two_corrected(by: str, tmp_path: Path, autojump_clock: MockClock) -> None:
    net = MemoryNetwork()
    async with cell(tmp_path, "ana", "ben", net=net) as [ana, ben]:
        made = await ana("case.new", append={"timeline": ["hearing 2024-05: put off"], "legal_notes": ["a", "b"]})
        await synced(ben)
        lines = (await ana("case.log", case=made["id"]))["lines"]
        item = next(line["item"]["id"] for line in lines if line["field"] == "timeline")
        net.partition("ana", "ben")
        await ana("case.edit", case=made["id"], correct={item: "hearing 2024-05-03: held"})
        await ben("case.edit", case=made["id"], correct={item: "hearing 2024-06: put off again"})
        net.heal()
        await synced(ben)
        [line] = (await ben("case.log", case=made["id"], field="timeline"))["lines"]
        assert len(line["item"]["values"]) == 2
        [conflict] = (await ben("case.show", case=made["id"]))["conflicts"]
        assert (conflict["type"], conflict["key"]) == ("log", item)
        assert (await ben("status"))["conflicts"] == 1
        [row] = (await ben("case.list", conflicts=True))["cases"]
        assert (row["conflicts"], row["contradictions"]) == (1, [conflict])
        assert "contradictions" not in (await ben("case.list"))["cases"][0]
        for at in range(3):  # also where the item itself is not shown any more
            await ben("case.edit", case=made["id"], append={"timeline": [f"hearing 2024-07: {at}"]})
        read = await ben("case.show", case=made["id"], limit=2)
        assert item not in {one["id"] for field in read["fields"] for one in field["items"]}
        assert read["conflicts"] == [conflict]
        assert (await ben("case.list", conflicts=True))["cases"][0]["contradictions"] == [conflict]
        if by == "command":
            await run(ben, made["id"], conflict, conflict["values"][0]["text"])
        else:
            await ben("case.edit", case=made["id"], **conflict["settle"])
        await synced(ben)
        for one in (ana, ben):
            assert (await one("case.show", case=made["id"], limit=2))["conflicts"] == []
            assert (await one("status"))["conflicts"] == 0
            assert (await one("case.list", conflicts=True))["cases"] == []
            [line, *_] = (await one("case.log", case=made["id"], field="timeline"))["lines"]
            assert [value["text"] for value in line["item"]["values"]] == [conflict["values"][0]["text"]]
            assert len(line["item"]["before"]) == 3
            log = (await one("case.log", case=made["id"], field="legal_notes"))["lines"]
            assert [other["item"]["values"][0]["text"] for other in log] == ["a", "b"]


async def test_a_line_of_a_file_that_two_imported_and_corrected_is_one_item(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """Each names the line as it stands with them: of two lines that are one item, the other comes first for one."""
    net = MemoryNetwork()
    async with cell(tmp_path, "ana", "ben", net=net) as both:
        ana, ben = both
        made = await ana("case.new", set={"title": "Mill Street"})
        await synced(ben)
        net.partition("ana", "ben")
        line = [Operation(int(Op.APPEND), "legal_notes", b"line 7 of a file", "put off")]
        for one, name in ((ana, "ana"), (ben, "ben")):
            await one.service.cell.write([(CaseId(bytes.fromhex(made["id"])), line)])
            [shown] = (await one("case.log", case=made["id"]))["lines"]
            await one("case.edit", case=made["id"], correct={shown["item"]["id"]: f"by {name}"})
        net.heal()
        await synced(ben)
        for at in range(3):
            await ana("case.edit", case=made["id"], append={"legal_notes": [f"newer {at}"]})
        await synced(ben)
        for one in both:
            assert (await one("status"))["conflicts"] == 1
        [conflict] = (await ben("case.show", case=made["id"], limit=1))["conflicts"]
        assert len(conflict["values"]) == 2
        await ben("case.edit", case=made["id"], **conflict["settle"])
        await synced(ben)
        for one in both:
            assert (await one("status"))["conflicts"] == 0
            lines = (await one("case.log", case=made["id"]))["lines"]
            paged, after = list[Any](), ""
            while after or not paged:
                page = await one("case.log", case=made["id"], limit=1, after=after)
                paged, after = paged + page["lines"], page["next"]
            assert sorted(line["item"]["id"] for line in paged) == sorted(line["item"]["id"] for line in lines)
            [item, *newer] = [line["item"] for line in lines]
            assert len(newer) == 3
            assert [value["value"] for value in item["values"]] == [conflict["values"][0]["value"]]


async def test_sets_and_counters_contradict_nobody(tmp_path: Path, autojump_clock: MockClock) -> None:
    net = MemoryNetwork()
    async with cell(tmp_path, "ana", "ben", net=net) as [ana, ben]:
        made = await ana("case.new", kind="demand", count={"signatures": 3})
        case = await ana("case.new", add={"tags": ["a", "b"]})
        await synced(ben)
        net.partition("ana", "ben")
        for one, tags in ((ana, {"add": {"tags": ["c"]}, "discard": {"tags": ["a"]}}), (ben, {"add": {"tags": ["d"]}})):
            await one("case.edit", case=made["id"], count={"signatures": 2})
            await one("case.edit", case=case["id"], **tags)
        net.heal()
        await synced(ben)
        for one in (ana, ben):
            fields = {field["name"]: field["values"] for field in (await one("case.show", case=made["id"]))["fields"]}
            assert [value["value"] for value in fields["signatures"]] == [7]
            read = await one("case.show", case=case["id"])
            assert read["conflicts"] == []
            [tags_field] = [field for field in read["fields"] if field["name"] == "tags"]
            assert {value["text"] for value in tags_field["values"]} == {"b", "c", "d"}


async def test_a_kind_that_this_version_does_not_know_is_shown_and_edited(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    from tests.cell.cells import Visit

    async with cell(tmp_path, "ana") as [ana]:
        made = await ana.service.cell.create(Visit, title="At the mill", status="open")
        read = await ana("case.show", case="at the mill")
        assert (read["id"], read["kind"]) == (made.id.hex(), "org.example.visit")
        await ana("case.edit", case="at the mill", set={"status": "2024-05"}, append={"notes": ["went there"]})
        fields = {field["name"]: field for field in (await ana("case.show", case="at the mill"))["fields"]}
        assert fields["status"]["values"][0]["value"] == "2024-05"  # a text stays one
        with pytest.raises(InvalidValue) as raised:
            await ana("case.log", case="at the mill", field="\x1b[31mletters\n")
        assert (f"{raised.value} {raised.value.hint}").isprintable()
        [line] = (await ana("case.log", case="at the mill"))["lines"]
        assert line["item"]["values"][0]["text"] == "went there"
        assert [row["kind"] for row in (await ana("case.list", kind="org.example.visit"))["cases"]] == [read["kind"]]
