"""The recovery key over the API: what it would change, what it changes, and that it stays nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cellsync.api.contract.problems import NotTyped
from cellsync.core.errors import InvalidValue, NotFound, NotPermitted, WrongPaper
from cellsync.testing import MemoryNetwork
from tests.api.services import PASSPHRASE, Asking, pair, services, synced

OTHER = "2F6KOEBXMMRW4LSB5TQNG3ZC7DYJHAV6I4UPKQ2XELS5BW3RFTAA"  # of no circle


@asynccontextmanager
async def two(folder: Path, net: MemoryNetwork) -> AsyncIterator[tuple[str, Asking, Asking]]:
    """Ana's recovery key; Ana, who coordinates, and Ben, who writes."""
    async with services(folder, "ana", "ben", net=net) as [ana, ben]:
        founded = await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await pair(ana, ben, "Ben")
        await synced(ana)
        await synced(ben)
        yield founded["recovery_key"], ana, ben


def standings(answer: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {row["name"]: (row["status"], row["role"]) for row in answer["members"]}


async def test_a_writer_with_the_paper_removes_the_only_coordinator_and_takes_their_place(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = MemoryNetwork()
    async with two(tmp_path, net) as (key, _, ben):
        net.partition("ana", "ben")
        with pytest.raises(NotPermitted):
            await ben("removal", member="Ana", confirm="Ana")
        seen = await ben("recovery.preview", paper=key.lower().replace("-", " "))
        assert (seen["name"], seen["unsettled"], seen["no_coordinator"]) == ("Mill Street", [], False)
        alone = await ben("recovery.preview", paper=key, remove=["Ana"])
        assert alone["no_coordinator"]
        orders = {"paper": key, "remove": ["Ana"], "coordinators": ["Ben"]}
        seen = await ben("recovery.preview", **orders)
        assert standings(seen) == {"Ana": ("removed", None), "Ben": ("active", "coordinator")}
        assert [row["was"] for row in seen["members"]] == ["active", "active"]
        assert [kept["name"] for kept in seen["devices"]] == ["Ana"]
        assert standings(await ben("roster"))["Ana"] == ("active", "coordinator"), "nothing is written yet"
        with pytest.raises(NotTyped):
            await ben("recovery.use", **orders, confirm="Hill Street")
        used = await ben("recovery.use", **orders, confirm="mill street")
        assert standings(used) == standings(await ben("roster"))
        assert (len(used["entries"]), used["confirmed"], used["others"]) == (2, 0, 0)
        [strike] = (await ben("roster"))["strikes"]
        assert (strike["by"], strike["final"]) == ("", True)
        assert key not in repr(used)


async def test_the_paper_agrees_to_a_removal_that_rests_on_one_word(tmp_path: Path, autojump_clock: MockClock) -> None:
    net = MemoryNetwork()
    async with services(tmp_path, "ana", "ben", "cara", net=net) as [ana, ben, cara]:
        key = (await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE))["recovery_key"]
        for one, name in ((ben, "Ben"), (cara, "Cara")):
            await pair(ana, one, name)
        await ana("role", member="Ben", role="coordinator")
        await synced(ben)
        await synced(ana)
        net.partition("ben", ["ana", "cara"])
        await ana("removal", member="Ben", confirm="Ben")
        await synced(cara)
        with pytest.raises(NotFound):
            await cara("recovery.preview", paper=key, endorse=["Cara"])
        assert (await cara("recovery.preview", paper=key, coordinators=["Cara"]))["left_unsettled"] != []
        assert (await cara("recovery.preview", paper=key, remove=["Ben"]))["left_unsettled"] == []
        seen = await cara("recovery.preview", paper=key, endorse=["Ben"])
        assert seen["agrees"] == ["Ana removed Ben"]
        assert [one["by"] for one in seen["unsettled"]] == ["Ana"], "it rests on one word"
        assert seen["left_unsettled"] == []
        await cara("recovery.use", paper=key, endorse=["Ben"], confirm="Mill Street")
        [strike] = (await cara("roster"))["strikes"]
        assert (strike["state"], strike["final"]) == ("stands", True)


async def test_what_is_no_key_or_that_of_another_circle_changes_nothing(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with two(tmp_path, MemoryNetwork()) as (key, ana, _):
        for typed, refusal in (("seven apples", InvalidValue), (key[:-2], InvalidValue), (OTHER, WrongPaper)):
            with pytest.raises(refusal) as refused:
                await ana("recovery.use", paper=typed, remove=["Ben"], confirm="Mill Street")
            assert typed not in str(refused.value)
        for orders in ({}, {"remove": ["Ben"], "coordinators": ["Ben"]}):
            with pytest.raises(InvalidValue):
                await ana("recovery.use", paper=key, **orders, confirm="Mill Street")
        with pytest.raises(NotFound):
            await ana("recovery.use", paper=key, remove=["Dan"], confirm="Mill Street")
        assert (await ana("roster"))["strikes"] == []


async def test_each_circle_has_a_key_of_its_own(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with two(tmp_path, MemoryNetwork()) as (key, ana, _):
        lawyers = await ana("circle.create", name="Lawyers")
        assert (await ana("recovery.preview", paper=key))["name"] == "Mill Street"
        assert (await ana("recovery.preview", paper=lawyers["recovery_key"]))["name"] == "Lawyers"
        with pytest.raises(WrongPaper):
            await ana("recovery.preview", paper=key, circle="Lawyers")


async def replaced(one: Asking, **given: str) -> dict[str, Any]:
    return await one("recovery.replace", new=(await one("recovery.draw"))["recovery_key"], **given)


async def test_a_key_that_was_only_drawn_counts_nowhere(tmp_path: Path, autojump_clock: MockClock) -> None:
    """Whoever does not come to writing it down still has the old one."""
    async with two(tmp_path, MemoryNetwork()) as (old, ana, _):
        changes = (await ana("status"))["changes"]
        drawn = [(await ana("recovery.draw"))["recovery_key"] for _ in range(2)]
        assert len({old, *drawn}) == 3
        with pytest.raises(WrongPaper):
            await ana("recovery.preview", paper=drawn[0])
        assert (await ana("recovery.preview", paper=old))["name"] == "Mill Street"
        assert (await ana("status"))["changes"] == changes
        made = await ana("recovery.replace", new=drawn[0].lower(), paper=old)
        assert made["recovery_key"] == drawn[0]
        with pytest.raises(InvalidValue):
            await ana("recovery.replace", new="ABCD", paper=drawn[0])


async def test_a_new_key_takes_the_place_of_the_old_one_and_is_sealed_to(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with two(tmp_path, MemoryNetwork()) as (old, ana, ben):
        [first] = (await ana("recovery.keys"))["keys"]
        assert (first["state"], first["by"], first["exposed"]) == ("in_force", "Ana", [])
        made = await replaced(ben, paper=old)  # whoever has the paper; a writer, here
        assert (made["kept"]["state"], made["kept"]["by"]) == ("in_force", "Ben")
        await synced(ana)
        [kept] = (await ana("recovery.keys"))["keys"]
        assert kept["entry"] == made["entry"]
        with pytest.raises(WrongPaper):
            await ana("recovery.preview", paper=old)
        assert (await ana("recovery.preview", paper=made["recovery_key"]))["name"] == "Mill Street"
        with pytest.raises(WrongPaper):
            await replaced(ana, paper=old)
        replica = ana.service.cell.first.circle.replica
        assert {entry.hex() for entry in replica.papers()} == {made["entry"]}, "nothing is sealed to the old one"


async def test_a_lost_key_is_replaced_by_two_words(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with two(tmp_path, MemoryNetwork()) as (old, ana, ben):
        await ana("role", member="Ben", role="coordinator")
        await synced(ben)
        await synced(ana)
        made = await replaced(ana)
        assert (made["kept"]["state"], made["kept"]["lacks"]) == ("waits", {"words": 1, "of": ["Ben"]})
        with pytest.raises(WrongPaper):
            await ana("recovery.preview", paper=made["recovery_key"])
        assert (await ana("recovery.preview", paper=old))["name"] == "Mill Street", "the old one still counts"
        await synced(ben)
        [open_] = (await ben("endorsable", member="Ana"))["open"]
        assert open_["what"] == "Ana replaced the recovery key"
        await ben("endorse", member="Ana", entries=[open_["entry"]])
        assert (await ben("endorsable", member="Ana"))["open"] == []
        await synced(ana)
        for one in (ana, ben):
            assert [key["state"] for key in (await one("recovery.keys"))["keys"]] == ["in_force"]
            with pytest.raises(WrongPaper):
                await one("recovery.preview", paper=old)
            replica = one.service.cell.first.circle.replica
            assert {entry.hex() for entry in replica.papers()} == {made["entry"]}


async def test_a_writer_cannot_say_that_the_key_is_lost(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with two(tmp_path, MemoryNetwork()) as (_, _, ben):
        with pytest.raises(NotPermitted):
            await replaced(ben)


async def test_two_replacements_at_once_are_undecided_until_one_has_more_words(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = MemoryNetwork()
    async with services(tmp_path, "ana", "ben", "cara", net=net) as [ana, ben, cara]:
        old = (await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE))["recovery_key"]
        for one, name in ((ben, "Ben"), (cara, "Cara")):
            await pair(ana, one, name)
            await ana("role", member=name, role="coordinator")
            await synced(one)
            await synced(ana)
        await ben("endorse", member="Cara", entries=[(await ben("endorsable", member="Cara"))["open"][0]["entry"]])
        await synced(ana)
        await synced(cara)
        net.partition("ana", ["ben", "cara"])
        mine = await replaced(ana, paper=old)
        theirs = await replaced(ben, paper=old)
        net.heal()
        for one in (ana, ben, cara):
            await synced(one)
        kept = (await cara("recovery.keys"))["keys"]
        assert [key["state"] for key in kept] == ["undecided"] * 3
        assert "key_undecided" in [flag["reason"] for flag in (await cara("status"))["flags"]]
        for key in (old, mine["recovery_key"], theirs["recovery_key"]):
            with pytest.raises(WrongPaper):
                await cara("recovery.preview", paper=key)
        [open_] = (await cara("endorsable", member="Ana"))["open"]
        assert open_["entry"] == mine["entry"]
        await cara("endorse", member="Ana", entries=[open_["entry"]])
        assert (await cara("recovery.preview", paper=mine["recovery_key"]))["name"] == "Mill Street"
        assert [key["entry"] for key in (await cara("recovery.keys"))["keys"]] == [mine["entry"]]


async def test_who_coordinated_and_is_gone_may_hold_the_key_until_it_is_replaced(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with two(tmp_path, MemoryNetwork()) as (old, ana, ben):
        await ana("role", member="Ben", role="coordinator")
        await synced(ben)
        await synced(ana)
        await ana("removal", member="Ben", confirm="Ben")
        [key] = (await ana("recovery.keys"))["keys"]
        assert key["exposed"] == ["Ben"]
        flags = {flag["reason"]: flag["author"] for flag in (await ana("status"))["flags"]}
        assert flags["key_exposed"] == "Ben"
        await replaced(ana, paper=old)
        [key] = (await ana("recovery.keys"))["keys"]
        assert key["exposed"] == []
        assert "key_exposed" not in [flag["reason"] for flag in (await ana("status"))["flags"]]


async def test_where_two_removed_each_other_it_does_what_its_preview_says(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """And whose removal is settled is not spoken about once more."""
    net = MemoryNetwork()
    async with services(tmp_path, "ana", "ben", "cara", net=net) as [ana, ben, cara]:
        key = (await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE))["recovery_key"]
        for one, name in ((ben, "Ben"), (cara, "Cara")):
            await pair(ana, one, name)
        await ana("role", member="Ben", role="coordinator")
        for one in (ben, cara, ana):
            await synced(one)
        net.partition("ben", ["ana", "cara"])
        await ana("removal", member="Ben", confirm="Ben")
        await ben("removal", member="Ana", confirm="Ana")
        await synced(cara)
        await cara("tell", member="Ben", told=True)
        net.heal()
        await trio.sleep(600)
        before = standings(await cara("roster"))
        assert before["Ana"][0] == before["Ben"][0] == "suspended"
        given: list[tuple[Asking, dict[str, Any]]] = [
            (ben, {"coordinators": ["Ben"]}), (cara, {"coordinators": ["Ana"]}), (cara, {"coordinators": ["Cara"]}),
            (cara, {"endorse": ["Ben"]}),
        ]  # fmt: skip
        after: dict[str, tuple[str, str | None]] = {}
        for by, orders in given:
            seen = await by("recovery.preview", paper=key, **orders)
            used = await by("recovery.use", paper=key, **orders, confirm="Mill Street")
            after = standings(await by("roster"))
            assert standings(seen) == after, orders
            assert all(after[name] == row for name, row in standings(used).items())
            assert seen["left_unsettled"] == used["left_unsettled"]
        assert after["Ben"][0] == "removed"
        for name in ("Ben", "Ana"):
            with pytest.raises(NotFound):
                await cara("recovery.preview", paper=key, endorse=[name])


async def test_where_the_only_coordinator_has_left_it_does_what_its_preview_says(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with two(tmp_path, MemoryNetwork()) as (key, ana, ben):
        await ana("leave", confirm="Mill Street")
        await synced(ben)
        assert standings(await ben("roster"))["Ana"][0] == "suspended"
        orders = {"paper": key, "coordinators": ["Ben"]}
        seen = await ben("recovery.preview", **orders)
        await ben("recovery.use", **orders, confirm="Mill Street")
        assert standings(seen) == standings(await ben("roster"))
        assert standings(seen)["Ana"][0] == "removed"
