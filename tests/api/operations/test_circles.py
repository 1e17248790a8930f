"""Several circles over the API: founded, invited into, joined by a device that has a vault; cases of each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cellsync.api.contract.problems import Ambiguous
from cellsync.casework.exporting.left_out import NoConsent
from cellsync.core.errors import DiskFull, LinkLeaks, NotPermitted, VaultExists, WhichCircle
from tests.api.services import PASSPHRASE, Asking, pair, services, synced


async def joined(inviter: Asking, joiner: Asking, circle: str, **who: Any) -> dict[str, Any]:
    """One device joins a circle of another; how the join ended."""
    invite = await inviter("invite", circle=circle)
    join = await joiner("join", code=invite["code"], **who)
    invite = await inviter.until("invite.show", invite, "verify_words", "failed")
    join = await joiner.until("join.show", join, "verify_words", "failed")
    assert invite["words"] == join["words"]
    await inviter("invite.confirm", job=invite["job"], same=True)
    await joiner("join.confirm", job=join["job"], same=True)
    assert (await inviter.until("invite.show", invite, "joined", "failed"))["state"] == "joined"
    return await joiner.until("join.show", join, "joined", "failed")


@asynccontextmanager
async def both(folder: Path) -> AsyncIterator[tuple[Asking, Asking, Asking, str, str]]:
    """Ana and Ben are in Mill Street and among the lawyers, Lea is a lawyer only; the ids of the two circles."""
    async with services(folder, "ana", "ben", "lea") as [ana, ben, lea]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await pair(ana, ben, "Ben")
        founded = await ana("circle.create", name="Lawyers")
        assert len(founded["recovery_key"].split("-")) == 13
        inner = founded["circle"]["id"]
        assert (await joined(ana, ben, "Lawyers"))["circle"] == inner
        await joined(ana, lea, inner[:8], name="Lea", passphrase=PASSPHRASE)
        for one in (ben, lea, ana):
            await synced(one)
        outer = (await ana("circles"))["circles"][0]["id"]
        yield ana, ben, lea, outer, inner


async def test_circles_are_listed_with_what_is_in_each(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with both(tmp_path) as (ana, ben, lea, outer, inner):
        rows = [(one["id"], one["name"], one["role"], one["devices"]) for one in (await ben("circles"))["circles"]]
        assert rows == [(outer, "Mill Street", "writer", 2), (inner, "Lawyers", "writer", 3)]
        members = [(one["name"], one["circle"]) for one in (await ana("members"))["members"]]
        assert sorted(members) == sorted(
            [("Ana", outer), ("Ben", outer), ("Ana", inner), ("Ben", inner), ("Lea", inner)]
        )
        assert {one["name"] for one in (await ana("members", circle="Mill Street"))["members"]} == {"Ana", "Ben"}
        status = await ana("status")
        assert [one["name"] for one in status["circles"]] == ["Mill Street", "Lawyers"]
        assert status["changes"] == sum(one["changes"] for one in status["circles"])
        with pytest.raises(VaultExists):
            await ben("join", code="7-orbit-maple-tulip", name="Ben", passphrase=PASSPHRASE)
        assert [one["name"] for one in (await lea("circles"))["circles"]] == ["Lawyers"]


async def test_cases_are_listed_named_and_edited_across_circles(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with both(tmp_path) as (ana, ben, _, outer, inner):
        with pytest.raises(WhichCircle):
            await ana("case.new", set={"title": "Parcel"})
        parcel = await ana("case.new", circle="Mill Street", set={"title": "Parcel"})
        appeal = await ana("case.new", circle="Lawyers", set={"title": "Appeal"})
        assert (parcel["circle"], appeal["circle"]) == (outer, inner)
        await synced(ana)
        listed = [(row["title"], row["circle"]) for row in (await ben("case.list"))["cases"]]
        assert listed == [("Parcel", outer), ("Appeal", inner)]
        assert [row["title"] for row in (await ben("case.list", circle=inner))["cases"]] == ["Appeal"]
        first = await ben("case.list", limit=1)
        assert [row["title"] for row in (await ben("case.list", limit=1, after=first["next"]))["cases"]] == ["Appeal"]
        assert [row["title"] for row in (await ben("case.list", find="app"))["cases"]] == ["Appeal"]
        await ben("case.edit", case="appeal", append={"legal_notes": ["put off"]})
        assert len((await ben("case.log", case="appeal"))["lines"]) == 1
        await ana("case.new", circle=inner, set={"title": "Parcel"})
        with pytest.raises(Ambiguous):
            await ana("case.show", case="Parcel")
        assert (await ana("case.show", case="Parcel", circle=outer))["id"] == parcel["id"]
        with pytest.raises(WhichCircle):
            await ana("export", cases=[parcel["id"], "appeal"])
        with pytest.raises(NoConsent, match="these cases"):  # it looks in its circle
            await ana("export", cases=["appeal"])


async def test_a_link_out_of_the_restricted_circle_is_shown_where_it_leads(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with both(tmp_path) as (ana, ben, _, outer, inner):
        parcel = await ana("case.new", circle=outer, set={"title": "Parcel"})
        core = (await ana("circle.create", name="Core"))["circle"]["id"]
        plan = await ana("case.new", circle=core, set={"title": "Plan"}, add={"links": ["part_of:Parcel"]})
        [link] = (await ana("case.show", case="Plan"))["links"]
        assert (link["id"], link["title"], link["circle"]) == (parcel["id"], "Parcel", outer)
        assert [row["title"] for row in (await ana("case.show", case="Parcel"))["beside"]] == ["Plan"]
        assert [row["title"] for row in (await ana("case.list", of="Parcel"))["cases"]] == ["Plan"]
        assert [row["title"] for row in (await ana("case.list", of="Plan"))["cases"]] == ["Parcel"]
        for circle in (outer, inner):
            with pytest.raises(LinkLeaks):
                await ana("case.new", circle=circle, set={"title": "x"}, add={"links": ["part_of:Plan"]})
        with pytest.raises(LinkLeaks):
            await ana("case.edit", case="Parcel", add={"links": [f"part_of:{plan['id']}"]})
        await synced(ben)
        assert [row["title"] for row in (await ben("case.list"))["cases"]] == ["Parcel"]
        assert (await ben("case.show", case="Parcel"))["beside"] == []


async def test_a_guest_is_answered_nothing_of_other_circles(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with both(tmp_path) as (ana, _, lea, outer, _):
        secret = await ana("case.new", circle=outer, set={"title": "Zinnia"})
        feed = lea.service.follow("")
        await synced(ana)
        await trio.sleep(30)
        operations = ("status", "circles", "members", "peers", "case.list", "invites", "forks", "doctor")
        said = repr([await lea(operation) for operation in operations])
        feed.end()
        while (event := await feed.next()) is not None:
            said += repr(event)
        outside = [one["device"] for one in (await ana("members", circle=outer))["members"]]
        assert "Lawyers" in said
        assert not [part for part in (outer, secret["id"], "Zinnia", "Mill Street", *outside) if part in said]


async def test_events_say_in_which_circle(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with both(tmp_path) as (ana, ben, _, outer, inner):
        feed = ben.service.follow("")
        await trio.sleep(1)
        await ana("case.new", circle=inner, set={"title": "Appeal"})
        await ana("case.new", circle=outer, set={"title": "Parcel"})
        await synced(ben)
        core = await ben("circle.create", name="Core")
        feed.end()
        told = []
        while (event := await feed.next()) is not None:
            told.append((event.event, event.data.get("field", ""), event.data.get("circle")))
        assert ("case.changed", "title", inner) in told
        assert ("case.changed", "title", outer) in told
        assert ("circle.added", "", core["circle"]["id"]) in told


async def test_one_removal_is_previewed_and_written_in_all_circles_that_one_coordinates(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with both(tmp_path) as (ana, ben, _, outer, inner):
        seen = await ana("removal.preview", member="Ben")
        assert [(one["circle"], one["called"], one["covered"], one["tell"]) for one in seen["circles"]] == [
            (outer, "Mill Street", True, []), (inner, "Lawyers", True, []),
        ]  # fmt: skip
        seen = await ben("removal.preview", member="Ana")
        assert [(one["called"], one["covered"], one["coordinators"]) for one in seen["circles"]] == [
            ("Mill Street", False, []), ("Lawyers", False, []),
        ]  # fmt: skip
        with pytest.raises(NotPermitted):
            await ben("removal", member="Ana", confirm="Ana")
        with pytest.raises(WhichCircle):
            await ana("removal.preview", member="Ana")
        done = await ana("removal", member="Ben", confirm="Ben")
        assert [(one["circle"], one["error"]) for one in done["circles"]] == [(outer, None), (inner, None)]
        assert {(one["name"], one["circle"]) for one in (await ana("members"))["members"]} == {
            ("Ana", outer), ("Ana", inner), ("Lea", inner),
        }  # fmt: skip


async def test_a_disk_that_is_full_after_the_first_circle_is_said_with_what_was_done(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with both(tmp_path) as (ana, _, _, outer, inner):
        ledger = ana.service.cell.ledger
        full = ledger.store(ledger.vault.circles[1])

        def no_room() -> None:
            full._roll_back()
            raise DiskFull

        monkeypatch.setattr(full, "flush", no_room)
        done = await ana("removal", member="Ben", confirm="Ben")
        assert [(one["circle"], one["entry"] is None) for one in done["circles"]] == [(outer, False), (inner, True)]
        assert done["circles"][1]["error"]["code"] == "disk_full"
        assert {one["status"] for one in (await ana("roster"))["members"] if one["name"] == "Ben"} == {
            "active", "removed",
        }  # fmt: skip
        monkeypatch.undo()
        done = await ana("removal", member="Ben", confirm="Ben")  # where they are still
        assert [(one["circle"], one["error"]) for one in done["circles"]] == [(inner, None)]


async def test_two_people_of_one_name_in_two_circles_are_told_apart(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana", "ben", "other") as [ana, ben, other]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await pair(ana, ben, "Ben")
        await ana("circle.create", name="Lawyers")
        await joined(ana, other, "Lawyers", name="Ben", passphrase=PASSPHRASE)
        with pytest.raises(Ambiguous, match="as their keys say"):
            await ana("removal.preview", member="Ben")
        [there] = (await ana("removal.preview", member="Ben", circle="Lawyers"))["circles"]
        assert there["called"] == "Lawyers"
