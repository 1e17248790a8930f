"""How this device itself stands, and what becomes of what it writes: in every answer that it matters for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cellsync.core.errors import CellsyncError, InvalidValue, NotFound, NotPermitted
from cellsync.testing import MemoryNetwork
from tests.api.services import PASSPHRASE, Asking, pair, services, synced
from tests.cell.cells import founded_as_before


async def stands(one: Asking) -> dict[str, Any]:
    """How a device stands; it is opened again if it has locked, as it does once when it is removed."""
    if (await one("health"))["state"] == "locked":
        await one("unlock", passphrase=PASSPHRASE)
    [own] = (await one("roster"))["own"]
    return dict(own)


async def until(one: Asking, status: str) -> dict[str, Any]:
    with trio.fail_after(3_600):
        while (own := await stands(one))["status"] != status:  # noqa: ASYNC110 - what is waited for has no event
            await trio.sleep(1)
    return own


async def test_what_a_suspended_device_writes_says_that_it_waits_and_is_read_by_its_author(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = MemoryNetwork()
    async with services(tmp_path, "ana", "ben", net=net) as [ana, ben]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await pair(ana, ben, "Ben")
        await ana("role", member="Ben", role="coordinator")
        known = await ana("case.new", set={"title": "12 Mill St"})
        assert known["waits"] is None
        await synced(ben)
        net.partition("ana", "ben")
        await ana("removal", member="Ben", confirm="Ben", tell=True)
        net.heal()
        removed = await until(ben, "removed")
        assert (removed["by"], removed["left"], removed["called"]) == ("Ana", False, "Mill Street")
        assert (await ben("health"))["removed"]
        answer = await ben("contest")
        assert answer["hearers"] == ["Ana"]
        own = await until(ben, "suspended")
        assert (own["role"], own["settles"], own["paper"]) == ("coordinator", [], True)
        assert own["listed"], "the removal was only told"
        health = await ben("health")
        assert (health["removed"], health["suspended"]) == (False, True)

        made = await ben("case.new", set={"title": "Secret prison"})
        edited = await ben("case.edit", case=known["id"], set={"status": "closed"})
        assert made["title"] == "Secret prison"
        for written in (made, edited):
            assert written["waits"] == own
        await until(ana, "suspended")
        with trio.fail_after(3_600):
            while not (held := (await ben("roster"))["quarantine"]):  # noqa: ASYNC110 - as above
                await trio.sleep(1)
        [mine] = held
        assert [(one["case"], one["lines"]) for one in mine["own"]] == [
            (made["id"], ["title: Secret prison"]), (known["id"], ["status: closed"]),
        ]  # fmt: skip
        [row] = (await ben("status"))["circles"]
        assert row["standing"] == {**own, "listed": False}, "by now it has come"

        newest, oldest = mine["own"][1], mine["own"][0]
        page = await ben("quarantine", limit=1)
        assert (page["changes"], page["older"], page["next"]) == ([newest], 1, newest["entry"])
        page = await ben("quarantine", limit=1, after=page["next"])
        assert (page["changes"], page["older"], page["next"]) == ([oldest], 0, "")
        assert (await ben("quarantine", entry=newest["entry"][:12]))["changes"] == [newest]
        assert (await ben("quarantine"))["changes"] == [oldest, newest]
        for unknown in ({"entry": "0" * 64}, {"after": "0" * 64}):
            with pytest.raises(NotFound):
                await ben("quarantine", **unknown)
        assert (await ana("quarantine"))["changes"] == [], "what another one wrote is nobody's to read"


async def test_who_has_left_is_told_when_and_the_others_that_nobody_removed_them(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with services(tmp_path, "ana", "ben", net=MemoryNetwork()) as [ana, ben]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await pair(ana, ben, "Ben")
        await ana("require")
        await synced(ben)
        await ben("permission", deed="leave")
        await ben("leave", confirm="Mill Street")
        own = await stands(ben)
        assert (own["status"], own["left"], own["by"], own["role"]) == ("removed", True, "Ben", None)
        assert own["at"] is not None
        with pytest.raises(NotPermitted):
            await ben("permission", deed="leave")
        with trio.fail_after(3_600):
            while len((await ana("members"))["members"]) > 1:  # noqa: ASYNC110 - as above
                await trio.sleep(1)
        flags = [(one["reason"], one["author"]) for one in (await ana("status"))["flags"]]
        assert ("member_left", "Ben") in flags
        assert "member_removed" not in [reason for reason, _ in flags]
        [ben_] = [one for one in (await ana("roster"))["members"] if one["name"] == "Ben"]
        assert (ben_["role"], ben_["last_role"], ben_["status"]) == (None, "writer", "removed")
        gone = await ana("removal.preview", member="Ben")
        assert (gone["circles"], gone["gone"]["kind"], gone["gone"]["by"]) == ([], "leave", "Ben")
        with pytest.raises(InvalidValue):
            await ana("removal", member="Ben", confirm="Ben")
        with pytest.raises(InvalidValue):
            await ana("role", member="Ben", role="reader")


@pytest.mark.parametrize(
    ("deed", "code"),
    [
        ("leave", "floor_too_low"), ("endorse", "not_permitted"), ("contest", "not_permitted"),
        ("recovery.replace", "not_permitted"), ("link", "floor_too_low"),
        ("circle.own_passphrase", "invalid_value"),
    ],
)  # fmt: skip
async def test_a_writer_learns_what_is_refused_before_anybody_is_asked(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, deed: str, code: str
) -> None:
    founded_as_before(monkeypatch)
    async with services(tmp_path, "ana", "ben", net=MemoryNetwork()) as [ana, ben]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await pair(ana, ben, "Ben")
        await synced(ben)
        with pytest.raises(CellsyncError) as refused:
            await ben("permission", deed=deed)
        assert refused.value.code == code


async def test_who_wants_to_leave_is_told_of_as_that(tmp_path: Path, autojump_clock: MockClock) -> None:
    """Ana is the only coordinator, so she is suspended; but not because of a dispute."""
    async with services(tmp_path, "ana", "ben", net=MemoryNetwork()) as [ana, ben]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await pair(ana, ben, "Ben")
        await synced(ben)
        feed = ana.service.follow("")
        await feed.registered()
        await ana("leave", confirm="Mill Street")
        with trio.fail_after(600):
            while (event := await feed.next()) is None or event.event != "member.suspended":
                pass
        assert (event.data["name"], event.data["left"]) == ("Ana", True)
        texts = {flag["reason"]: flag["text"] for flag in (await ana("status"))["flags"]}
        assert "suspended" not in texts
        assert texts["leaving"].startswith("wants to leave. It counts once the recovery key has made")
