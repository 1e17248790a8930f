"""Membership over the API: two members, a removal with its preview, roles, words, contests and quarantine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from cellsync.api.contract.problems import NotTyped, problem_of
from cellsync.core.errors import NotFound, NotPermitted, Removed, WhichCircle
from cellsync.testing import MemoryNetwork
from tests.api.services import PASSPHRASE, Asking, pair, services, synced


@asynccontextmanager
async def three(folder: Path, net: MemoryNetwork) -> AsyncIterator[tuple[Asking, Asking, Asking]]:
    """Ana, who coordinates, and Ben and Cara, who write."""
    async with services(folder, "ana", "ben", "cara", net=net) as [ana, ben, cara]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        for one, name in ((ben, "Ben"), (cara, "Cara")):
            await pair(ana, one, name)
        for one in (ana, ben, cara):
            await synced(one)
        yield ana, ben, cara


def rows(answer: dict[str, Any], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in answer["members"]]


async def test_the_roster_of_a_cell_in_which_all_is_well(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with three(tmp_path, MemoryNetwork()) as (ana, ben, _):
        found = await ben("roster")
        assert rows(found, "name", "role", "status", "me", "admitted_by", "counts") == [
            ("Ana", "coordinator", "active", False, None, True),
            ("Ben", "writer", "active", True, "Ana", False),
            ("Cara", "writer", "active", False, "Ana", False),
        ]
        assert (found["strikes"], found["quarantine"], found["removed"]) == ([], [], None)
        told = await ben("member.why", member="ben")
        assert [one["lines"] for one in told["decided"]] == [
            ["Ana admitted Ben as a writer. It stands.", "  Nobody has spoken against it."]
        ]
        for operation in ("member.why", "removal.preview", "endorsable"):
            with pytest.raises(NotFound):
                await ana(operation, member="Dan")


async def test_of_several_circles_the_one_is_meant_in_which_somebody_is_called_so(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """As the program prints it: `cellsync members why Ben`. What cannot be taken back is not guessed."""
    net = MemoryNetwork()
    async with three(tmp_path, net) as (ana, _, __):
        inner = (await ana("circle.create", name="Lawyers"))["circle"]["id"]
        assert (await ana("member.why", member="Ben"))["status"] == "active"
        assert (await ana("endorsable", member="Ben"))["circle"] != inner
        assert (await ana("tell", member="Ben", told=True))["name"] == "Ben"
        with pytest.raises(WhichCircle):
            await ana("member.why", member="Ana")
        assert (await ana("member.why", member="Ana", circle=inner))["status"] == "active"
        with pytest.raises(NotFound):
            await ana("member.why", member="Dan")
        with pytest.raises(WhichCircle):
            await ana("role", member="Ben", role="reader")


async def test_a_removal_is_previewed_typed_and_confirmed(tmp_path: Path, autojump_clock: MockClock) -> None:
    net = MemoryNetwork()
    async with three(tmp_path, net) as (ana, _, cara):
        await ana("case.new", set={"title": "12 Mill St"})
        await synced(ana)
        preview = await ana("removal.preview", member="Ben")
        [there] = preview["circles"]
        assert (preview["name"], there["cases"], there["admitted"], there["seconds"]) == ("Ben", 1, [], None)
        assert [kept["name"] for kept in there["devices"]] == ["Ben"]
        with pytest.raises(NotTyped):
            await ana("removal", member="Ben", confirm="Cara")
        with pytest.raises(NotPermitted) as refused:
            await cara("removal", member="Ben", confirm="Ben")
        assert problem_of(refused.value).exit == 7
        net.partition("ben", ["ana", "cara"])
        written = await ana("removal", member="Ben", confirm="ben")
        assert [(one["called"], one["others"], one["error"]) for one in written["circles"]] == [
            ("Mill Street", 1, None)
        ]
        await synced(cara)
        for one in (ana, cara):
            found = await one("roster")
            assert rows(found, "name", "status") == [("Ana", "active"), ("Ben", "removed"), ("Cara", "active")]
            [strike] = found["strikes"]
            assert (strike["kind"], strike["state"], strike["by"], strike["whom"]) == (
                "remove",
                "stands",
                "Ana",
                ["Ben"],
            )
        assert (await ana("roster"))["strikes"][0]["confirmed"] == 1
        told = await cara("member.why", member="Ben")
        assert told["status"] == "removed"
        assert [one["what"] for one in told["decided"]] == ["Ana admitted Ben as a writer", "Ana removed Ben"]


async def test_what_came_late_is_released_by_the_beginning_of_its_device(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = MemoryNetwork()
    async with three(tmp_path, net) as (ana, ben, cara):
        net.partition("ana", ["ben", "cara"])
        await ana("removal", member="Ben", confirm="Ben")
        late = await ben("case.new", set={"title": "late testimony"})
        await synced(ben)
        net.heal()
        net.partition("ana", "ben")
        await synced(ana)
        [held] = (await ana("roster"))["quarantine"]
        assert (held["name"], held["cases"]) == ("Ben", [{"case": late["id"], "entries": 1}])
        assert (await ana("case.list"))["cases"] == []
        for named in (late["id"], late["id"][:4]):
            for operation, given in (("case.show", {}), ("case.log", {}), ("case.edit", {"set": {"status": "closed"}})):
                with pytest.raises(NotFound):
                    await ana(operation, case=named, **given)
        with pytest.raises(NotFound):
            await ana("release", device="Cara")
        with pytest.raises(NotFound):
            await ana("release", entries=["00"])
        with pytest.raises(NotPermitted):
            await cara("release", device="Ben")
        await ana("release", device=held["device"][:8])
        assert [row["id"] for row in (await ana("case.list"))["cases"]] == [late["id"]]
        assert (await ana("case.show", case=late["id"][:4]))["title"] == "late testimony"
        assert (await ana("roster"))["quarantine"] == []


async def test_roles_words_and_a_contest(tmp_path: Path, autojump_clock: MockClock) -> None:
    net = MemoryNetwork()
    async with three(tmp_path, net) as (ana, ben, cara):
        assert (await ana("require"))["in_force"]
        lacks = {}
        for name, one in (("Ben", ben), ("Cara", cara)):
            lacks[name] = (await ana("role", member=name, role="coordinator"))["lacks"]
            await synced(one)
            await synced(ana)
        assert lacks == {"Ben": None, "Cara": {"words": 1, "of": ["Ben"]}}
        assert (await ben("settings.choose", name="shown", value="asked"))["lacks"] is None
        assert (await cara("settings.choose", name="shown", value="asked"))["lacks"] == lacks["Cara"]
        found = await ben("roster")
        assert {row["name"]: row["lacks"] for row in found["members"] if row["lacks"]} == {
            "Cara": {"words": 1, "of": ["Ben"]}
        }
        [wanting] = (await ben("endorsable", member="Cara"))["open"]
        assert wanting["what"] == "Ana made Cara a coordinator"
        with pytest.raises(NotFound):
            await ben("endorse", member="Cara", entries=["00"])
        await ben("endorse", member="Cara", entries=[wanting["entry"][:16]])
        assert (await ben("endorsable", member="Cara"))["open"] == []
        await synced(ben)
        with pytest.raises(NotFound):
            await cara("contest")
        net.partition("cara", ["ana", "ben"])
        await ana("removal", member="Ben", confirm="Ben")
        net.heal()
        net.partition("ben", ["ana", "cara"])
        await synced(cara)
        [removal] = (await cara("contestable"))["removals"]
        assert (removal["by"], removal["lacks"]) == ("Ana", {"words": 1, "of": ["Cara"]})
        await cara("contest", removal=removal["entry"][:8])
        found = await cara("roster")  # who was not removed needs more words than the other side
        assert [(one["by"], one["state"]) for one in found["strikes"]] == [("Ana", "stands"), ("Cara", "stands")]
        assert rows(found, "name", "status") == [("Ana", "removed"), ("Ben", "removed"), ("Cara", "active")]


async def test_before_somebody_leaves_they_hear_what_goes_and_whether_it_counts(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with three(tmp_path, MemoryNetwork()) as (ana, ben, _):
        await ana("require")
        await synced(ben)
        seen = await ben("leave.preview")
        assert (seen["name"], seen["devices"], seen["last_coordinator"]) == ("Mill Street", ["Ben"], False)
        assert (await ana("leave.preview"))["last_coordinator"]
        await ana("leave", confirm="Mill Street")
        [strike] = (await ana("roster"))["strikes"]
        assert (strike["kind"], strike["state"]) == ("leave", "undecided"), "as it said before"
        [own] = (await ana("roster"))["own"]
        assert (own["status"], own["left"], own["by"]) == ("suspended", True, "Ana")


async def test_who_has_left_reads_and_writes_nothing(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with three(tmp_path, MemoryNetwork()) as (ana, ben, _):
        await ana("require")
        await synced(ben)
        with pytest.raises(NotTyped):
            await ben("leave", confirm="Hill Street")
        await ben("leave", confirm="mill street")
        found = await ben("roster")
        assert (found["removed"]["kind"], found["removed"]["by"]) == ("leave", "Ben")
        with pytest.raises(Removed):
            await ben("case.new", set={"title": "more"})
        assert (await ben("case.list"))["cases"] == []
