"""The API's answers about a device that has to be updated before anything is exchanged with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import trio
from trio.testing import MockClock

from cellsync.core.versions import Versions
from cellsync.testing import MemoryNetwork
from tests.api.services import PASSPHRASE, Asking, InMemory, cell, services


def give_build(one: Asking, versions: Versions) -> None:
    """Another build of cellsync on this device, from the next unlocking on."""
    profile = one.service.profile
    assert isinstance(profile, InMemory)
    profile._home = replace(profile._home, versions=versions)


def seen(peers: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(peer["name"], peer["connected"], peer["in_step_now"], peer["version"]) for peer in peers]


async def test_a_peer_says_whether_it_has_to_be_updated(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana", "ben") as [ana, ben]:
        feed = ana.service.follow("")
        await ben("lock")
        give_build(ben, Versions(4, 4))
        await ben("unlock", passphrase=PASSPHRASE)
        job = await ana.until("sync.show", await ana("sync", timeout=60), "done", "failed")
        assert job["state"] == "failed"
        assert job["error"]["code"] == "peer_newer"
        assert job["error"]["exit"] == 1
        assert "ben" not in str(job["error"]), "an error names nobody"
        job = await ben.until("sync.show", await ben("sync", everyone=True, timeout=60), "done", "failed")
        assert job["error"]["code"] == "peer_older"
        for answer in (await ana("peers"), await ana("status"), await ana("sync.show", job=(await ana("sync"))["job"])):
            assert seen(answer["peers"]) == [("ben", False, False, "newer")]
        assert seen((await ben("status"))["peers"]) == [("ana", False, False, "older")]

        await ben("lock")
        give_build(ben, Versions(3, 3))
        await ben("unlock", passphrase=PASSPHRASE)
        job = await ana.until("sync.show", await ana("sync", everyone=True, timeout=60), "done", "failed")
        assert job["error"] is None
        assert seen(job["peers"]) == [("ben", True, True, None)]
        await trio.sleep(1)
        feed.end()
        told = []
        while (event := await feed.next()) is not None:
            if event.event == "peer.version":
                told.append((event.data["name"], event.data["version"], event.cursor))
        assert told == [("ben", "newer", ""), ("ben", None, "")]


async def test_both_sides_of_a_pairing_are_told(tmp_path: Path, autojump_clock: MockClock) -> None:
    net = MemoryNetwork()
    async with services(tmp_path, "ana", "ben", net=net) as [ana, ben]:
        await ana("init", cell="Mill Street", name="ana", passphrase=PASSPHRASE)
        give_build(ben, Versions(1, 1))
        invite = await ana("invite")
        join = await ben("join", code=invite["code"], name="ben", passphrase=PASSPHRASE)
        join = await ben.until("join.show", join, "failed", "joined")
        invite = await ana.until("invite.show", invite, "failed", "joined")
        assert (invite["error"]["code"], join["error"]["code"]) == ("peer_older", "peer_newer")
        assert invite["error"]["message"] == "The other device's cellsync is older: update it there."
        assert join["error"]["message"] == "This cellsync is older than the other device's: update it here."
        assert join["error"]["hint"] == "Nobody was added. After the update, pair with a new code."
        assert (await ben("health"))["state"] == "empty"
