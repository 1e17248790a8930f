"""Modules that know types only by their rows treat a type's twin like the type: show, edit, settle, export it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from trio.testing import MockClock

from cellsync.casework import CaseFile
from cellsync.core.schema.fields import empty
from cellsync.core.schema.schema import Schema
from cellsync.testing import MemoryNetwork
from tests.api.services import Asking, cell, synced
from tests.models import twins

TYPES: Final = ("register", "set", "map", "counter", "log")


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Case files have a field of each type and one of each twin."""
    with twins.registered(), monkeypatch.context() as patch:
        for pair in twins.fields("own"):
            for own in pair:
                patch.setitem(CaseFile._fields, own.name, own)
                patch.setattr(CaseFile, own.name, own, raising=False)
        yield


def both(**verbs: tuple[str, Any]) -> dict[str, Any]:
    """An edit of a field and its twin."""
    return {verb: {f"own_{name}": given, f"own_{name}_twin": given} for verb, (name, given) in verbs.items()}


def alike(said: Any) -> Any:
    """Without names and ids of items, by which a field and its twin differ."""
    if isinstance(said, dict):
        return {key: alike(one) for key, one in said.items() if key not in ("id", "name", "type", "field")}
    if isinstance(said, list):
        return [alike(one) for one in said]
    return said.replace("_twin", "") if isinstance(said, str) else said


async def fields(one: Asking, case: str) -> dict[str, Any]:
    shown = await one("case.show", case=case)
    found: dict[str, Any] = {field["name"]: field for field in shown["fields"]}
    for name in TYPES:
        original, twin = found[f"own_{name}"], found[f"own_{name}_twin"]
        assert alike(original) == alike(twin)
        assert (original["type"], twin["type"]) == (name, f"{name}-twin")
    return found


async def test_twins_are_shown_edited_settled_and_exported_as_their_originals(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = MemoryNetwork()
    async with cell(tmp_path, "ana", "ben", net=net) as [ana, ben]:
        first = both(
            set=("register", "calm"), add=("set", ["a", "b"]), put=("map", {"k": "v"}), count=("counter", 2),
            append=("log", ["hearing"]),
        )  # fmt: skip
        case = (await ana("case.new", **first | {"set": first["set"] | {"title": "Parcel"}}))["id"]
        found = await fields(ana, case)
        items = [found[name]["items"][0]["id"] for name in ("own_log", "own_log_twin")]
        await synced(ben)

        net.partition("ana", "ben")
        for one, value in ((ana, "one"), (ben, "other")):
            edit = both(
                set=("register", value), put=("map", {"k": value}), discard=("set", ["a"]), count=("counter", 3)
            )
            await one("case.edit", case=case, **edit, correct=dict.fromkeys(items, value))
        net.heal()
        await synced(ben)
        found = await fields(ben, case)
        assert found["own_counter_twin"]["values"][0]["value"] == 8
        assert [one["value"] for one in found["own_set_twin"]["values"]] == ["b"]
        shown = await ben("case.show", case=case)
        conflicts = {one["field"]: one for one in shown["conflicts"]}
        assert conflicts.keys() == {f"own_{name}{end}" for name in ("register", "map", "log") for end in ("", "_twin")}
        exported = await left(ana, case)
        for name in TYPES:
            assert exported[f"own_{name}_twin"] == exported[f"own_{name}"] | {"type": f"{name}-twin"}

        for conflict in conflicts.values():
            assert (await ben("case.edit", case=case, **conflict["settle"]))["written"]
        assert (await ben("case.show", case=case))["conflicts"] == []
        await ben("case.edit", case=case, **both(delete=("map", ["k"])), retract=dict.fromkeys(items, "wrong case"))
        await synced(ben)
        shown = await ana("case.show", case=case)
        assert {one["name"] for one in shown["fields"]}.isdisjoint({"own_map_twin", "own_log_twin"})
        rows = (await ana("case.graph", case=case))["rows"]
        told = [one for row in rows for one in row["did"] if one.startswith("own_")]
        assert sorted(one for one in told if "_twin" not in one) == sorted(
            alike([one for one in told if "_twin" in one])
        )

    async with cell(tmp_path / "other", "vera") as [vera]:
        done = await vera.until("import.show", await vera("import", table=exported["table"]), "done", "failed")
        assert (done["state"], done["created"]) == ("done", 1)
        await fields(vera, case)


async def test_what_is_removed_is_told(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        made = both(add=("set", ["a", "b"]), put=("map", {"k": "v"}), append=("log", ["hearing"]))
        case = (await ana("case.new", **made, set={"title": "Parcel"}))["id"]
        shown = {one["name"]: one for one in (await ana("case.show", case=case))["fields"]}
        items = [shown[name]["items"][0]["id"] for name in ("own_log", "own_log_twin")]
        feed = ana.service.follow(ana.service.cell.cursor())
        gone = both(discard=("set", ["a"]), delete=("map", ["k"]))
        await ana("case.edit", case=case, **gone, retract=dict.fromkeys(items, "wrong case"))
        told: dict[str, Any] = {}
        while len(told) < 6 and (event := await feed.next()) is not None:
            told[event.data["field"]] = event.data["did"], event.data["removed"]
        feed.end()
        for name, did, what in (("set", "discard", "a"), ("map", "delete", "k"), ("log", "retract", "hearing")):
            assert told[f"own_{name}"] == told[f"own_{name}_twin"] == (did, [what])
        [row] = (await ana("case.graph", case=case, limit=1))["rows"]
        for name, words in (("set", '"a"'), ("map", "k"), ("log", '"hearing"')):
            assert {f"own_{name} -{words}", f"own_{name}_twin -{words}"} <= set(row["did"])


async def test_twins_in_a_case_of_an_unknown_kind(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        made = await ana.service.cell.create(Unknown)
        case = made.id.hex()
        async with made.edit() as draft:
            draft.names.add("a")
            draft.roles["k"] = "v"
            draft.total.increment(2)
            draft.notes.append("hearing")
        await ana("case.edit", case=case, add={"names": ["b"]}, count={"total": 3}, append={"notes": ["visit"]})
        await ana("case.edit", case=case, put={"roles": {"k": "w"}}, discard={"names": ["a"]})
        found = {one["name"]: one for one in (await ana("case.show", case=case))["fields"]}
        assert {name: one["type"] for name, one in found.items()} == {
            "names": "set-twin", "roles": "map-twin", "total": "counter-twin", "notes": "log-twin",
        }  # fmt: skip
        assert [one["value"] for one in found["names"]["values"]] == ["b"]
        assert [one["value"] for one in found["total"]["values"]] == [5]
        assert [one["values"][0]["value"] for one in found["roles"]["keys"]] == ["w"]
        assert [one["values"][0]["value"] for one in found["notes"]["items"]] == ["hearing", "visit"]


class Unknown(Schema, kind="org.example.twins"):
    """A kind that the program has no schema for."""

    names: twins.TwinSet[str] = empty()
    roles: twins.TwinMap[str, str] = empty()
    total: twins.TwinCounter = empty()
    notes: twins.TwinLog[str] = empty()


async def left(one: Asking, case: str) -> dict[str, Any]:
    """The fields of the case as an export has them, and the whole of it."""
    await one("case.new", kind="consent", set={"scope": "internal"}, add={"links": [f"part_of:{case}"]})
    table = (await one("export", audience="internal", cases=[case], format="json"))["content"]
    document = json.loads(base64.b64decode(table))["cases"][0]["documents"][0]
    return {**document["fields"], "table": table}
