"""Pairings over the API: how a device is found that is shown on no network."""

from __future__ import annotations

from pathlib import Path

from trio.testing import MockClock

from cellsync.node.network import Address
from tests.api.services import PASSPHRASE, services


async def test_where_the_members_let_nothing_be_shown_who_joins_gives_an_address(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with services(tmp_path, "ana", "ben") as [ana, ben]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        invite = await ana("invite")
        assert (invite["hidden_by"], len(invite["listens"])) == (None, 1)
        await ana("invite.cancel", job=invite["job"])
        await ana("settings.choose", name="shown", value="never")
        invite = await ana("invite")
        assert invite["hidden_by"] == "members"
        join = await ben("join", code=invite["code"], name="Ben", passphrase=PASSPHRASE, timeout=5)
        join = await ben.until("join.show", join, "verify_words", "failed")
        assert join["error"]["code"] == "no_peer", "nobody finds her by the code alone"
        [there] = invite["listens"]
        host, _, port = there.rpartition(":")
        given = {"name": "Ben", "passphrase": PASSPHRASE, "host": host, "to_port": int(port)}
        join = await ben.until("join.show", await ben("join", code=invite["code"], **given), "verify_words", "failed")
        assert join["state"] == "verify_words"


def test_an_address_is_written_as_it_is_typed() -> None:
    assert Address("192.168.1.20", 51234).text == "192.168.1.20:51234"
    assert Address("fe80::1%3", 51234).text == "[fe80::1%3]:51234"
