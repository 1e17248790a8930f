"""Newcomers: which device they take for the one that shows the code."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from cellsync import join
from cellsync.core import beacon
from cellsync.core.errors import InviteExpired
from cellsync.core.ids import Millis
from cellsync.core.membership.control import Role
from cellsync.core.pairing import code, short
from cellsync.core.pairing.short import ShortCode
from cellsync.node.network import Sighting
from cellsync.testing import MemoryNetwork, accept_any
from cellsync.testing.device import PASSPHRASE

DAY = 86_400_000


def key_of(text: str) -> bytes:
    given = short.parse(text)
    return short.beacon_key(given.number) if isinstance(given, ShortCode) else code.beacon_key(given)


async def seem(net: MemoryNetwork, name: str, text: str, ahead: int) -> None:
    """This device of another circle shows a beacon that fits the code, at its own address, `ahead` ms from now.

    Among thousands of tags that are tried, one fits by chance.
    """
    await trio.sleep(1)
    host, nonce = net.host(name), bytes(16)
    [own] = host.shown.values()
    [at] = own.addresses
    period = beacon.period_of(Millis(net.home(name).surroundings.now() + ahead))
    tag = beacon.tag(key_of(text), nonce, b"", at.packed, at.port, period)
    host.shown["by chance"] = Sighting(beacon.make([tag], nonce, bytes(32)), (at,))


@pytest.mark.parametrize("is_short", [False, True])
async def test_a_device_that_seems_to_show_the_code_by_chance_is_passed_by(
    autojump_clock: MockClock, is_short: bool
) -> None:
    """Its silence was taken for that of a code that had expired, and nothing else was tried."""
    net = MemoryNetwork()
    cat_device, ana_device = await net.device("cat").found("another circle"), await net.device("ana").found()
    async with cat_device.opened(), ana_device.opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        text = invite.short_code if is_short else invite.code
        assert text is not None
        await seem(net, "cat", text, 9 * DAY)
        await join(net.home("ben"), text, name="ben", passphrase=PASSPHRASE, confirm=accept_any)
        assert (await invite.joined()).name == "ben"


@pytest.mark.parametrize("ahead", [0, 9 * DAY])
async def test_a_device_that_shows_the_code_and_is_silent(autojump_clock: MockClock, ahead: int) -> None:
    """The code was used, say: where no other device seems to show it, that is said."""
    net = MemoryNetwork()
    cat_device = await net.device("cat").found("another circle")
    async with cat_device.opened():
        text = code.invite(Role.WRITER, bytes(16), 0.0).code
        await seem(net, "cat", text, ahead)
        with pytest.raises(InviteExpired):
            await join(net.home("ben"), text, name="ben", passphrase=PASSPHRASE, confirm=accept_any)
