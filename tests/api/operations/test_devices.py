"""One's own devices over the API: linked, listed with their circles, and removed from all of them at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from cellsync.api.contract.problems import NotTyped
from cellsync.core.errors import FloorTooLow, NotFound
from tests.api.services import PASSPHRASE, Asking, pair, services, synced
from tests.cell.cells import founded_as_before


async def linked(linker: Asking, new: Asking, circle: str, called: str = "Phone", **who: Any) -> dict[str, Any]:
    """Link a phone into a circle; how the invitation ended."""
    link = await linker("link", name=called, circle=circle)
    assert (link["link"], link["not_in"]) == (called, [])
    join = await new("join", code=link["code"], **who)
    link = await linker.until("invite.show", link, "verify_words", "failed")
    join = await new.until("join.show", join, "verify_words", "failed")
    assert link["words"] == join["words"]
    assert link["namesakes"] == []
    await linker("invite.confirm", job=link["job"], same=True)
    await new("join.confirm", job=join["job"], same=True)
    assert (await new.until("join.show", join, "joined", "failed"))["state"] == "joined"
    return await linker.until("invite.show", link, "joined", "failed")


async def test_a_phone_is_linked_into_two_circles_and_removed_from_both(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with services(tmp_path, "ana", "phone", "ben") as [ana, phone, ben]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await pair(ana, ben, "Ben")
        lawyers = (await ana("circle.create", name="Lawyers"))["circle"]["id"]
        outer = (await ana("circles"))["circles"][0]["id"]
        await synced(ben)
        assert (await ana("require", circle=outer))["in_force"]
        first = await linked(ana, phone, "Mill Street", name="Ana", passphrase=PASSPHRASE)
        assert (first["name"], first["role"], first["not_in"]) == ("Ana / Phone", "coordinator", [lawyers])
        second = await linked(ana, phone, "Lawyers")
        assert second["not_in"] == []
        for one in (phone, ben, ana):
            await synced(one)
        own = (await ana("devices"))["devices"]
        assert [(one["name"], one["me"], one["connected"]) for one in own] == [
            ("Ana", True, False), ("Ana / Phone", False, True),
        ]  # fmt: skip
        assert [place["circle"] for place in own[1]["circles"]] == [outer, lawyers]
        assert [place["device"] for place in own[1]["circles"]] == [first["device"], second["device"]]
        assert [one["name"] for one in (await ben("devices"))["devices"]] == ["Ben"]
        [told] = [flag for flag in (await ben("status"))["flags"] if flag["reason"] == "linked"] or [None]
        assert told is None  # he coordinates nothing

        given = {"member": "Ana", "device": "Phone"}
        with pytest.raises(NotFound):
            await ana("removal.preview", member="Ana", device="Tablet")
        with pytest.raises(NotTyped):
            await ana("removal", **given, confirm="Ben")
        seen = await ana("removal.preview", **given)
        assert [
            (one["circle"], [kept["name"] for kept in one["devices"]], one["covered"], one["seconds"])
            for one in seen["circles"]
        ] == [(outer, ["Ana / Phone"], True, None), (lawyers, ["Ana / Phone"], True, None)]
        gone = await ana("removal", **given, circle="Lawyers", confirm="Ana / Phone")
        assert [one["circle"] for one in gone["circles"]] == [lawyers]
        left = (await ana("devices"))["devices"][1]["circles"]
        assert [place["circle"] for place in left] == [outer]
        gone = await ana("removal", member=first["device"][:8], device=first["device"][:8], confirm="Ana")
        assert [one["circle"] for one in gone["circles"]] == [outer]
        assert [one["name"] for one in (await ana("devices"))["devices"]] == ["Ana"]


async def test_a_device_is_one_whatever_it_is_called_in_each_circle(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana", "phone") as [ana, phone]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await ana("circle.create", name="Lawyers")
        await linked(ana, phone, "Mill Street", name="Ana", passphrase=PASSPHRASE)
        await linked(ana, phone, "Lawyers", called="Old phone")
        await synced(phone)
        [_, own] = (await ana("devices"))["devices"]
        assert [place["name"] for place in own["circles"]] == ["Ana / Phone", "Ana / Old phone"]
        gone = await ana("removal", member="Ana", device="Phone", confirm="Ana / Phone")
        assert [one["error"] for one in gone["circles"]] == [None, None]
        assert [one["name"] for one in (await ana("devices"))["devices"]] == ["Ana"]


async def test_a_writer_whose_coordinators_have_not_required_what_it_needs(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    founded_as_before(monkeypatch)
    async with services(tmp_path, "ana", "ben") as [ana, ben]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await pair(ana, ben, "Ben")
        await synced(ben)
        with pytest.raises(FloorTooLow) as refused:
            await ben("link", name="Phone")
        assert "cellsync members require" in refused.value.hint
        assert (await ben("invites"))["invites"] == []
