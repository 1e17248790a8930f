"""Newcomers: which device they take for the one that shows the code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cellsync import join
from cellsync.cell.newcomers import FIND_WITHIN
from cellsync.core import beacon
from cellsync.core.errors import InviteExpired, NoPeer
from cellsync.core.ids import Day, Millis, day_of
from cellsync.core.pairing import code, short
from cellsync.core.pairing.short import ShortCode
from cellsync.node.network import Address, Sighting
from cellsync.testing import MemoryNetwork, accept_any, level
from cellsync.testing.device import PASSPHRASE

DAY = 86_400_000


def key_of(text: str) -> bytes:
    given = short.parse(text)
    return short.beacon_key(given.number) if isinstance(given, ShortCode) else code.beacon_key(given)


async def seem(net: MemoryNetwork, name: str, text: str, ahead: int, addresses: int = 1) -> None:
    """This device of another circle shows a beacon that fits the code, at its own address, `ahead` ms from now.

    Among thousands of tags that are tried, one fits by chance.
    """
    await trio.sleep(1)
    host, nonce = net.host(name), bytes(16)
    [own] = host.shown.values()
    [at] = own.addresses
    shown = (at, Address("10.0.9.9", at.port))[:addresses]
    period = beacon.period_of(Millis(net.home(name).surroundings.now() + ahead))
    tags = [beacon.tag(key_of(text), nonce, b"", address.packed, address.port, period) for address in shown]
    host.shown["by chance"] = Sighting(beacon.make(tags, nonce, bytes(32)), shown)


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
        net.partition("ana", "ben")  # Cat's is seen first
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ben_joins, net, text)
            await trio.sleep(10)
            net.heal()
        assert net.host("cat").host in {address.host for address in net.host("ben").dialled}
        assert (await invite.joined()).name == "ben"


async def ben_joins(net: MemoryNetwork, text: str) -> None:
    await join(net.home("ben"), text, name="ben", passphrase=PASSPHRASE, confirm=accept_any)


@pytest.mark.parametrize("is_seen_late", [False, True])
async def test_what_was_made_for_now_is_called_before_others_are_searched(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, is_seen_late: bool
) -> None:
    """Tens of thousands of tags are tried for each device of another cell that is here."""
    tried: list[int] = []
    search = beacon.search

    def counted(blob: bytes, *given: Any, hashes: int) -> Iterator[beacon.Trace | None]:
        tried.append(hashes)
        return search(blob, *given, hashes=hashes)

    monkeypatch.setattr(beacon, "search", counted)
    net = MemoryNetwork()
    others, ana_device = [await net.device(name).found(name) for name in ("cat", "dan")], net.device("ana")
    await ana_device.found()
    async with others[0].opened(), others[1].opened(), ana_device.opened() as ana:
        if is_seen_late:
            net.partition("ana", "ben")
        invite = await ana.create_invite(confirm=accept_any)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ben_joins, net, invite.code)
            await trio.sleep(10)
            net.heal()
        await invite.joined()
    assert (max(tried) > 100) is is_seen_late


@pytest.mark.parametrize(("ahead", "addresses"), [(0, 1), (9 * DAY, 2)])
async def test_a_device_that_certainly_shows_the_code_and_is_silent(
    autojump_clock: MockClock, ahead: int, addresses: int
) -> None:
    """The code was used, say: that is said at once."""
    net = MemoryNetwork()
    cat_device = await net.device("cat").found("another circle")
    async with cat_device.opened():
        text = code.invite(bytes(16), 0.0).code
        await seem(net, "cat", text, ahead, addresses)
        began = trio.current_time()
        with pytest.raises(InviteExpired):
            await join(net.home("ben"), text, name="ben", passphrase=PASSPHRASE, confirm=accept_any)
        assert trio.current_time() - began < FIND_WITHIN


async def test_a_code_that_nobody_shows_may_be_mistyped_or_over(autojump_clock: MockClock) -> None:
    """A wrong number is looked for like a right one: nothing else says that it is wrong."""
    net = MemoryNetwork()
    async with (await net.device("ana").found()).opened() as ana:
        short = (await ana.create_invite(role="writer", confirm=accept_any)).short_code
        assert short is not None
        number, _, words = short.partition("-")
        other = f"{int(number) % 90 + 1}-{words}"
        with pytest.raises(NoPeer, match="the inviting device was not found") as none:
            await join(net.home("ben"), other, name="ben", passphrase=PASSPHRASE, confirm=accept_any)
        assert "Check the number and the words of the code" in none.value.hint


async def test_where_nothing_but_a_chance_fits_the_code_is_not_called_expired(autojump_clock: MockClock) -> None:
    """It may be good, and its device not here."""
    net = MemoryNetwork()
    cat_device = await net.device("cat").found("another circle")
    async with cat_device.opened():
        text = code.invite(bytes(16), 0.0).code
        await seem(net, "cat", text, 9 * DAY)
        with pytest.raises(NoPeer, match="the inviting device was not found") as none:
            await join(net.home("ben"), text, name="ben", passphrase=PASSPHRASE, confirm=accept_any)
        assert "may be the inviting one does not answer" in none.value.hint


@pytest.mark.parametrize("behind", [0, 20])  # days that the newcomer's clock is behind
async def test_a_newcomer_is_given_no_key_of_an_earlier_day(autojump_clock: MockClock, behind: int) -> None:
    """What somebody recorded before it came stays closed to it, and to whoever seizes it."""
    net = MemoryNetwork()
    ana_device = await net.device("ana").found()
    async with ana_device.opened() as ana:
        founded = ana.first.circle.epochs.oldest
    await trio.sleep(30 * DAY / 1000)
    async with ana_device.opened() as ana:
        today = day_of(ana.first.circle.surroundings.now())
        ben_device = net.device("ben").with_clock(-behind * DAY / 1000)
        await join(ben_device.home, (await ana.create_invite(confirm=accept_any)).code, name="ben",
                   passphrase=PASSPHRASE, confirm=accept_any)  # fmt: skip
        async with ben_device.opened() as ben:
            assert (ben.first.circle.epochs.oldest, founded) == (today, today - 30)
            assert not ben.first.circle.keys_on(Day(today - 1))
            assert ana.first.circle.keys_on(Day(today - 1)), "who has been here longer holds more"
            await level([ana, ben])
            assert ben.first.circle.epochs.oldest == today, "the history brings none"
