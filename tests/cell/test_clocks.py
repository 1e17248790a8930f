"""Clocks that differ: from minutes to weeks, in both directions, before and after devices have met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from cellsync import Asked, Cell, join
from cellsync.core import beacon
from cellsync.core.errors import ClocksDiffer, NoPeer
from cellsync.core.ids import DeviceId, Millis, day_of
from cellsync.core.membership.clocks import Difference
from cellsync.node.network import Address, Sighting
from cellsync.testing import MemoryHost, MemoryNetwork, SimulatedDevice, level
from cellsync.testing.device import PASSPHRASE
from tests.cell.cells import DAY, Visit

HOUR = 3600
SKEWS = [600, 3 * HOUR, 1.5 * DAY, 3 * DAY, 40 * DAY]
BOTH_WAYS = [way * skew for skew in SKEWS for way in (1, -1)]


def named(skew: float) -> str:
    return f"{skew / HOUR:+g} h"


async def paired(
    net: MemoryNetwork, inviter: Cell, device: SimulatedDevice, name: str, *, address: bool = False
) -> tuple[float, float]:
    """Invite and join; by how much the other's clock is ahead, as the inviter's human was told and the joiner's."""
    told: dict[str, float] = {}

    def note(who: str) -> Callable[[Asked], bool]:
        def confirm(asked: Asked) -> bool:
            told[who] = asked.clock_ahead
            return True

        return confirm

    invite = await inviter.create_invite(confirm=note("inviter"))
    at = (net.host(inviter.name_of(inviter.device)).host, inviter.port) if address else None
    await join(device.home, invite.code, name=name, passphrase=PASSPHRASE, confirm=note("joiner"), address=at)
    await invite.joined()
    return told["inviter"], told["joiner"]


async def met(net: MemoryNetwork, *names: str) -> list[SimulatedDevice]:
    """Homes of one cell whose clocks agreed, and which have exchanged everything and forgotten old keys; closed."""
    devices = [await net.device(names[0]).found()]
    async with devices[0].opened() as first:
        await first.create(Visit, title="the first")
        for name in names[1:]:
            devices.append(await net.device(name).join(first))
            async with devices[-1].opened() as cell:
                await level([first, cell])
                await cell.create(Visit, title=f"by {name}")
                await level([first, cell])
    for device in devices:  # everybody learns of everybody's entries, and a week passes
        async with devices[0].opened() as first, trio.open_nursery():
            if device is not devices[0]:
                async with device.opened() as cell:
                    await level([first, cell])
    await trio.sleep(7 * DAY)
    for device in devices[1:]:
        async with devices[0].opened() as first, device.opened() as cell:
            await first.create(Visit, title="a week later")
            await cell.create(Visit, title="a week later, too")
            await level([first, cell])
            await first.first.circle.tidy()
            await cell.first.circle.tidy()
    return devices


@pytest.mark.parametrize("skew", BOTH_WAYS, ids=named)
async def test_members_whose_clock_has_gone_off_meet_when_a_user_waits(
    memory_network: MemoryNetwork, autojump_clock: MockClock, skew: float
) -> None:
    net = memory_network
    ana_device, ben_device = await met(net, "ana", "ben")
    async with ana_device.opened() as ana, ben_device.with_clock(skew).opened() as ben:
        case = await ben.create(Visit, title="with a wrong clock")
        (peer,) = await ben.sync(timeout=30)
        assert peer.in_step_now
        assert (await ana.get(Visit, case.id, wait=60)).title == "with a wrong clock"
    net.check_failures()


@pytest.mark.parametrize("skew", BOTH_WAYS, ids=named)
@pytest.mark.parametrize("who", ["the wrong one", "the right one"])
async def test_members_whose_clock_has_gone_off_meet_at_known_addresses(
    memory_network: MemoryNetwork, autojump_clock: MockClock, skew: float, who: str
) -> None:
    """Nobody shows anything, and only one of the two users waits."""
    net = memory_network
    ana_device, ben_device = await met(net, "ana", "ben")
    net.host("ana").mode = net.host("ben").mode = "listen"
    async with ana_device.opened() as ana, ben_device.with_clock(skew).opened() as ben:
        await ben.add_address(ana.device, net.host("ana").host, ana.port)
        await ana.add_address(ben.device, net.host("ben").host, ben.port)
        case = await ben.create(Visit, title="with a wrong clock")
        (peer,) = await (ben if who == "the wrong one" else ana).sync(timeout=30)
        assert peer.in_step_now
        assert (await ana.get(Visit, case.id, wait=60)).title == "with a wrong clock"
    net.check_failures()


# A beacon is looked for 45 days either side; an address given by hand works whatever the clock shows.
WAYS = [*((True, skew) for skew in BOTH_WAYS), *((False, skew) for skew in (*BOTH_WAYS, 500 * DAY, -500 * DAY))]


@pytest.mark.parametrize(
    ("shows", "skew"), WAYS, ids=[f"{'found' if shows else 'by address'}-{named(skew)}" for shows, skew in WAYS]
)
@pytest.mark.parametrize("who", ["joiner", "inviter"])
async def test_who_joins_with_a_wrong_clock_is_told_and_gets_the_history(
    memory_network: MemoryNetwork, autojump_clock: MockClock, skew: float, who: str, shows: bool
) -> None:
    """Both humans are told; the history comes without anybody asking again, then and every day after."""
    net = memory_network
    net.latency(0.02)
    ana_device, ben_device = await net.device("ana").found(), net.device("ben")
    if who == "joiner":
        ben_device = ben_device.with_clock(skew)
    else:
        ana_device = ana_device.with_clock(skew)
    ahead = skew if who == "joiner" else -skew  # Ben's clock
    async with ana_device.opened() as ana:
        made = await ana.create(Visit, title="before anybody came")
        told = await paired(net, ana, ben_device, "ben", address=not shows)
        assert [*told] == pytest.approx([ahead, -ahead], abs=1)
        async with ben_device.opened() as ben:
            assert (await ben.get(Visit, made.id, wait=120)).title == "before anybody came"
            await level([ana, ben])
    for _ in range(4):
        await trio.sleep(DAY)
        async with ana_device.opened() as ana, ben_device.opened() as ben:
            if not shows:
                await ben.add_address(ana.device, net.host("ana").host, ana.port)
            await ana.create(Visit, title="by Ana")
            await ben.create(Visit, title="by Ben")
            await level([ana, ben], within=60)
    net.check_failures()


async def test_whoever_has_met_once_meets_again_without_anybody_waiting(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """The difference is remembered; and on the third device, which has not met the wrong clock, the shift helps."""
    net = memory_network
    devices = await met(net, "ana", "ben", "cara")
    wrong = devices[1].with_clock(5 * HOUR)
    for other in (devices[0], devices[2]):
        async with wrong.opened() as ben, other.opened() as cell:
            await ben.sync(timeout=30)
            await level([ben, cell])
    async with wrong.opened() as ben, devices[0].opened() as ana, devices[2].opened() as cara:
        case = await ben.create(Visit, title="nobody waits")
        await ana.get(Visit, case.id, wait=60)
        await cara.get(Visit, case.id, wait=60)
        await level([ana, ben, cara])
        assert ben.others_ahead == pytest.approx(-5 * HOUR, abs=2)
        assert ana.others_ahead == pytest.approx(0, abs=2)  # Cara says so, Ben says another thing
        (seen,) = [peer for peer in ana.peers() if peer.name == "ben"]
        assert seen.clock is not None
        assert seen.clock.measured
        assert seen.clock.ahead == pytest.approx(5 * HOUR, abs=2)
        dina_device = await net.device("dina").join(ana)
        async with dina_device.opened() as dina:
            await level([ana, ben, cara, dina])
            while ben.device not in dina.node.links:  # who shows itself as the others do as well
                await dina.node.links.changed.wait()
    net.check_failures()


@pytest.mark.parametrize("skew", [3 * DAY, -3 * DAY], ids=named)
async def test_a_clock_that_is_set_right_again_keeps_nobody_apart(
    memory_network: MemoryNetwork, autojump_clock: MockClock, skew: float
) -> None:
    net = memory_network
    ana_device, ben_device = await met(net, "ana", "ben")
    async with ana_device.opened() as ana, ben_device.with_clock(skew).opened() as ben:
        await ben.sync(timeout=30)
    async with ana_device.opened() as ana, ben_device.opened() as ben:
        case = await ben.create(Visit, title="right again")
        await ben.sync(timeout=30)
        await ana.get(Visit, case.id, wait=60)
        assert [peer.clock.ahead for peer in (*ana.peers(), *ben.peers()) if peer.clock] == pytest.approx([0, 0], abs=2)


async def test_what_cannot_be_bridged_is_said(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    """By name of the clock where it was measured once; else that clocks may be why."""
    net = memory_network
    ana_device, ben_device = await met(net, "ana", "ben")
    net.host("ana").mode = net.host("ben").mode = "listen"
    async with ana_device.opened() as ana, ben_device.with_clock(200 * DAY).opened() as ben:
        await ben.add_address(ana.device, net.host("ana").host, ana.port)
        with pytest.raises(NoPeer) as silent:
            await ben.sync(timeout=30)
        assert "Compare date and time on both" in silent.value.hint
        ana.first.circle.clocks.note(ben.device, Difference(-9 * DAY * 1000, 0, ana.first.circle.surroundings.now()))
        await ana.add_address(ben.device, net.host("ben").host, ben.port)
        with pytest.raises(ClocksDiffer, match="is 9 days behind this one's"):
            await ana.sync(timeout=30)
    async with ben_device.opened() as ben:
        with pytest.raises(NoPeer) as gone:  # nobody is there: that is no clock's fault
            await ben.sync(timeout=30)
        assert "network" in gone.value.hint


async def test_a_recorded_beacon_makes_nobody_call_while_nobody_waits(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    ana_device, ben_device = await met(net, "ana", "ben")
    async with ana_device.opened() as ana:
        await trio.sleep(1)
        (recorded,) = net.host("ana").shown.values()
        assert ana.port == recorded.addresses[0].port
    await trio.sleep(HOUR)
    dialled: list[Address] = []
    original = type(net.host("ben")).dial

    async def dial(self: MemoryHost, address: Address) -> trio.abc.Stream:
        dialled.append(address)
        return await original(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MemoryHost, "dial", dial)
        async with ben_device.opened() as ben:
            ben.node.whereabouts[ben.first.circle.id].spots.known.clear()
            await trio.sleep(1)
            dialled.clear()  # where she was a week ago, at once
            net.show(net.host("ana"), recorded)
            await trio.sleep(300)
            assert not dialled
            with pytest.raises(NoPeer) as maybe:
                await ben.sync(timeout=30)
            assert recorded.addresses[0] in dialled
            assert "may be one of this cell, with a clock 6" in maybe.value.hint
            dialled.clear()
            ben.node.calls.now()
            await trio.sleep(HOUR)
            assert not dialled  # it was called only while a user waited


def fitting(
    net: MemoryNetwork, ben: Cell, ana: DeviceId, ahead: float, places: int, port: int, number: int
) -> Sighting:
    """A beacon of strangers, of the host "cat", that fits Ana at so many addresses, as if by chance."""
    shown = tuple(Address(at, port) for at in (net.host("cat").host, "10.0.9.9")[:places])
    then = Millis(ben.first.circle.surroundings.now() + int(ahead * 1000))
    [(key, who)] = ben.first.circle.shown_by([ana], day_of(then))
    own = number.to_bytes(16, "big")
    tags = [beacon.tag(key, own, who, at.packed, at.port, beacon.period_of(then)) for at in shown]
    return Sighting(beacon.make(tags, own, bytes(32)), shown)


SEEMS = "seems to be 9 days ahead"


@pytest.mark.parametrize(
    ("fits", "is_told"),
    [
        ([(9 * DAY, 1)], False),
        ([(9 * DAY, 2)], True),
        ([(9 * DAY, 1), (9 * DAY + 600, 1)], True),
        ([(9 * DAY, 1), (20 * DAY, 1)], False),
    ],
    ids=["once", "twice in one", "two that agree", "two that do not"],
)
@pytest.mark.parametrize("is_silent", [True, False], ids=["silent", "nobody there"])
async def test_what_fits_by_chance_is_not_told_as_a_clock(
    memory_network: MemoryNetwork,
    autojump_clock: MockClock,
    fits: list[tuple[float, int]],
    is_told: bool,
    is_silent: bool,
) -> None:
    net = memory_network
    ana_device, ben_device = await met(net, "ana", "ben")
    async with ana_device.opened() as ana:
        device = ana.device
    calls = 0

    async def say_nothing(stream: trio.abc.Stream) -> None:
        nonlocal calls
        calls += 1
        while await stream.receive_some():
            pass

    async with trio.open_nursery() as nursery, ben_device.opened() as ben:
        async with trio.open_nursery() as gone:
            port = await (nursery if is_silent else gone).start(net.host("cat").serve, say_nothing)
            gone.cancel_scope.cancel()
        for number, (ahead, places) in enumerate(fits, 1):
            net.show(net.host("cat"), fitting(net, ben, device, ahead, places, port, number))
        await trio.sleep(1)
        with pytest.raises(ClocksDiffer if is_told else NoPeer, match=SEEMS if is_told else None) as failed:
            await ben.sync(timeout=30)
        assert is_told or "or one of another cell" in failed.value.hint
        [peer] = ben.peers()
        assert (peer.clock is not None and peer.clock.ahead > 0) is is_told
        before = calls
        assert (before > 0) is is_silent
        ben.node.calls.now()
        await trio.sleep(HOUR)
        assert calls == before
        nursery.cancel_scope.cancel()


async def test_a_wrong_clock_deletes_nothing_and_brings_nothing_back(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    ana_device, ben_device = await met(net, "ana", "ben")
    async with ana_device.opened() as ana:
        before = ana.first.circle.epochs.oldest
        for ahead in (400 * DAY, -400 * DAY, 40 * DAY):
            ana.first.circle.clocks.note(
                ana.first.circle.others()[0], Difference(int(ahead * 1000), 0, ana.first.circle.surroundings.now())
            )
            ana.first.circle.session_keys()
            await ana.first.circle.tidy()
            assert ana.first.circle.epochs.oldest == before
            assert all(key.day >= before for key in ana.first.circle.session_keys())
    for skew in (40 * DAY, -40 * DAY):
        async with ana_device.opened() as ana, ben_device.with_clock(skew).opened() as ben:
            held = ben.first.circle.epochs.oldest
            await ben.sync(timeout=30)
            await ben.create(Visit, title="dated wrongly")
            await level([ana, ben])
            await ana.first.circle.tidy()
            await ben.first.circle.tidy()
            assert ben.first.circle.epochs.oldest == held
            assert ana.first.circle.epochs.oldest == before


async def test_a_clock_set_while_connected_is_measured_anew(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    ana_device, ben_device = await met(net, "ana", "ben")
    ahead, now = [3 * DAY], ben_device.home.surroundings.now
    moving = replace(ben_device.home.surroundings, now=lambda: Millis(now() + int(ahead[0] * 1000)))
    async with ana_device.opened() as ana, ben_device.with_home(surroundings=moving).opened() as ben:
        await ben.sync(timeout=30)
        assert [peer.clock.ahead for peer in ana.peers() if peer.clock] == pytest.approx([3 * DAY], abs=2)
        ahead[0] = 0
        await trio.sleep(60)
        assert [peer.connected for peer in (*ana.peers(), *ben.peers())] == [True, True]
        assert [peer.clock.ahead for peer in (*ana.peers(), *ben.peers()) if peer.clock] == pytest.approx([0, 0], abs=2)
    net.check_failures()
