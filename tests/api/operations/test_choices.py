"""Settings over the API: said, wanted, in force, told, and obeyed by the lock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cellsync.core.errors import InvalidValue, NotPermitted
from cellsync.testing import MemoryNetwork
from tests.api.services import PASSPHRASE, Asking, pair, services, synced


def in_force(answer: dict[str, Any]) -> dict[str, str | None]:
    return {one["name"]: one["in_force"] for one in answer["settings"]}


async def harsher(one: Asking) -> list[str]:
    return [flag["text"] for flag in (await one("status"))["flags"] if flag["reason"] == "wanted"]


async def test_two_coordinators_choose_and_are_told(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana", "ben", net=MemoryNetwork()) as [ana, ben]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await pair(ana, ben, "Ben", role="coordinator")
        for one in (ana, ben):
            await synced(one)
        await ana("require")
        await synced(ana)
        await trio.sleep(60)  # Ben seconds the floor by himself
        feed = ben.service.follow("")
        await feed.registered()
        said = await ana("settings.choose", name="when-removed", value="wipe")
        assert said["setting"]["wanted"]["lacks"] == {"words": 1, "of": ["Ben"]}
        assert in_force(await ana("settings")) == {
            "when-removed": None, "locks-after": None, "kept-for": None, "shown": None,
        }  # fmt: skip
        await synced(ana)
        assert await harsher(ben) == ["wants when-removed wipe. It takes a second coordinator's word (settings)"]
        told = await ben("settings.choose", name="when-removed", value="wipe")
        assert (told["setting"]["in_force"], told["setting"]["wanted"]) == ("wipe", None)
        await synced(ben)
        assert await harsher(ben) == []
        assert in_force(await ana("settings"))["when-removed"] == "wipe"
        events = list[tuple[Any, Any]]()
        while len(events) < 2:
            event = await feed.next()
            assert event is not None
            if event.event == "settings.changed":
                events.append((event.data["in_force"], event.data["wanted"]))
        assert events == [(None, "wipe"), ("wipe", None)]


async def test_what_cannot_be_chosen(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana", "ben", net=MemoryNetwork()) as [ana, ben]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await pair(ana, ben, "Ben")
        await synced(ben)
        with pytest.raises(InvalidValue):
            await ana("settings.choose", name="locks-after", value="0")
        with pytest.raises(InvalidValue):
            await ana("settings.choose", name="colour", value="red")
        with pytest.raises(NotPermitted):
            await ben("settings.choose", name="locks-after", value="5")


async def test_it_locks_after_the_shortest_of_all_choices(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana") as [ana]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await ana("unlock", passphrase=PASSPHRASE, idle=0)
        assert (await ana("status"))["locks_in"] is None
        await ana("settings.choose", name="locks-after", value="10")
        assert 590 < (await ana("status"))["locks_in"] <= 600
        await ana("unlock", passphrase=PASSPHRASE, idle=60)
        assert (await ana("status"))["locks_in"] <= 60
        await ana("unlock", passphrase=PASSPHRASE, idle=3_600)
        await ana("circle.create", name="Lawyers")
        await ana("settings.choose", name="locks-after", value="2", circle="Lawyers")
        assert 110 < (await ana("status"))["locks_in"] <= 120
