"""Cells on builds without a common version: nothing is exchanged, nothing is lost, all users are told."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell, errors, join
from cellsync.cell.flag import Reason
from cellsync.cell.peer import Peer
from cellsync.core.versions import Versions
from cellsync.node.network import Address
from cellsync.testing import MemoryNetwork, SimulatedDevice, accept_any, level
from cellsync.testing.device import PASSPHRASE
from tests.cell.cells import Visit

NEXT = Versions(4, 4)
BOTH = Versions(3, 4)
BEFORE = Versions(2, 2)
HOUR = 3600


def build(device: SimulatedDevice, versions: Versions) -> SimulatedDevice:
    """The same device, with another build."""
    return device.with_home(versions=versions)


def the(cell: Cell, name: str) -> Peer:
    return next(peer for peer in cell.peers() if peer.name == name)


async def two(net: MemoryNetwork) -> tuple[SimulatedDevice, SimulatedDevice]:
    """The homes of Ana and Ben, who have been in step and are closed."""
    ana_device = await net.device("ana").found()
    async with ana_device.opened() as ana:
        ben_device = await net.device("ben").join(ana)
        async with ben_device.opened() as ben:
            await level([ana, ben])
            await ana.synced()
            await ben.synced()
    return ana_device, ben_device


@pytest.mark.parametrize(
    ("bens", "at_ana", "at_ben", "error"),
    [(NEXT, "newer", "older", errors.PeerNewer), (BEFORE, "older", "newer", errors.PeerOlder)],
)
async def test_who_has_to_update_is_known_until_it_has_been_done(
    memory_network: MemoryNetwork, autojump_clock: MockClock, bens: Versions, at_ana: str, at_ben: str,
    error: type[errors.CellsyncError],
) -> None:  # fmt: skip
    ana_device, ben_device = await two(memory_network)
    async with ana_device.opened() as ana, build(ben_device, bens).opened() as ben:
        await ana.create(Visit, title="written meanwhile")
        await trio.sleep(10)
        for cell, name, version in ((ana, "ben", at_ana), (ben, "ana", at_ben)):
            assert (the(cell, name).version, the(cell, name).connected, the(cell, name).in_step_now) == (
                version,
                False,
                False,
            )
            assert the(cell, name).last_seen is not None
        began = trio.current_time()
        with pytest.raises(error):
            await ana.sync(timeout=300)
        assert trio.current_time() - began < 10, "there is nothing to wait for"
        with pytest.raises(error):
            await ana.ping(ben.device)
        assert len(await ben.cases(Visit)) == 0

    async with ana_device.opened() as ana:  # nobody else is there
        assert the(ana, "ben").version == at_ana, "it is so until they meet again"
        with pytest.raises(errors.NoPeer):
            await ana.sync(timeout=10)

    async with ana_device.opened() as ana, ben_device.opened() as ben:
        await level([ana, ben])
        assert [case.title for case in await ben.cases(Visit)] == ["written meanwhile"]
        assert (the(ana, "ben").version, the(ben, "ana").version) == (None, None)
    async with ana_device.opened() as ana:
        assert the(ana, "ben").version is None
    memory_network.check_failures()


async def test_an_update_here_is_enough(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    ana_device, ben_device = await two(memory_network)
    async with ana_device.opened() as ana, build(ben_device, NEXT).opened():
        await trio.sleep(10)
        assert the(ana, "ben").version == "newer"
    async with build(ana_device, BOTH).opened() as ana:  # Ben is not there: what he speaks is known
        assert the(ana, "ben").version is None
        async with build(ben_device, NEXT).opened():
            await ana.sync(everyone=True)
            assert [link.session.version for link in ana.node.links.values()] == [4]


async def test_the_others_are_in_step_all_the_same(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    net = memory_network
    ana_device, ben_device = await two(net)
    async with ana_device.opened() as ana:
        cara_device = await net.device("cara").join(ana)
        async with cara_device.opened() as cara, build(ben_device, NEXT).opened():
            await level([ana, cara])
            for everyone in (False, True):
                began = trio.current_time()
                found = {
                    peer.name: (peer.in_step_now, peer.version)
                    for peer in await ana.sync(everyone=everyone, timeout=300)
                }
                assert found == {"ben": (False, "newer"), "cara": (True, None)}
                assert trio.current_time() - began < 30
    net.check_failures()


async def test_who_has_to_be_updated_is_called_ever_more_rarely(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana_device, ben_device = await two(memory_network)
    async with ana_device.opened() as ana, build(ben_device, NEXT).opened() as ben:
        calls = []
        for cell in (ana, ben):
            dial = cell.node.network.dial

            async def counted(address: Address, dial=dial) -> trio.abc.Stream:  # type: ignore[no-untyped-def]
                calls.append(address)
                stream: trio.abc.Stream = await dial(address)
                return stream

            monkeypatch.setattr(cell.node.network, "dial", counted)
        await trio.sleep(4 * HOUR)
        # Each backs off to five minutes at most, and calls each new beacon of the other once.
        assert 10 < len(calls) < 300
    memory_network.check_failures()


async def test_who_has_to_be_updated_has_answered(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not called again under the keys of other days, as who does not answer would be."""
    ana_device, ben_device = await two(memory_network)
    async with ana_device.opened() as ana, build(ben_device, NEXT).opened() as ben:
        await trio.sleep(60)
        dialled = []
        dial = ana.node.network.dial

        async def counted(address: Address) -> trio.abc.Stream:
            dialled.append(address)
            return await dial(address)

        monkeypatch.setattr(ana.node.network, "dial", counted)
        with ana.node.searching():
            await ana.node.calls.call(ben.device, Address(memory_network.host("ben").host, ben.port))
        assert len(dialled) == 1


async def test_a_pairing_says_it_on_both_sides(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    net = memory_network
    async with (await net.device("ana").found()).opened() as ana:
        for versions, at_ana, at_ben in (
            (NEXT, errors.PeerNewer, errors.PeerOlder),
            (BEFORE, errors.PeerOlder, errors.PeerNewer),
        ):
            for short in (False, True):
                invite = await ana.create_invite(confirm=accept_any)
                code = invite.short_code if short else invite.code
                assert code is not None
                device = build(net.device(f"ben {versions} {short}"), versions)
                with pytest.raises(at_ben):
                    await join(device.home, code, name="ben", passphrase=PASSPHRASE, confirm=accept_any)
                with pytest.raises(at_ana):
                    await invite.joined()
                assert not (device.home.path / "vault").exists()
        assert [member.name for member in ana.members()] == ["ana"]
        assert ana.flags == []
        await net.device("ben").join(ana)
    net.check_failures()


async def test_who_comes_back_with_an_older_build_is_flagged_and_served(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    ana_device, ben_device = await two(memory_network)
    both = build(ana_device, BOTH)
    async with both.opened() as ana, build(ben_device, BOTH).opened() as ben:
        await ana.sync(everyone=True)
        assert [link.session.version for link in ana.node.links.values()] == [4]
        assert ana.flags == []
    async with both.opened() as ana, ben_device.opened() as ben:
        await ben.create(Visit, title="from an old medium")
        await ana.sync(everyone=True)
        assert [link.session.version for link in ana.node.links.values()] == [3]
        assert [(flag.reason, flag.author) for flag in ana.flags] == [(Reason.OLDER, "ben")]
        assert the(ana, "ben").version is None
        assert ben.flags == [], "to Ben, Ana is what she was"
    memory_network.check_failures()


@pytest.mark.parametrize(("bens", "error", "said"), [
    (NEXT, errors.PeerNewer, "version 4 of the protocol there, and version 3 here."),
    (BEFORE, errors.PeerOlder, "version 2 of the protocol there, and version 3 here."),
])  # fmt: skip
async def test_who_waits_for_another_build_is_told_its_version(
    memory_network: MemoryNetwork, autojump_clock: MockClock, bens: Versions,
    error: type[errors.CellsyncError], said: str,
) -> None:  # fmt: skip
    """Soon, if nobody else could confirm anything; at the end of the time, if somebody could."""
    ana_device, ben_device = await two(memory_network)
    async with ana_device.opened() as ana, build(ben_device, bens).opened():
        await ana.create(Visit, title="written meanwhile")
        began = trio.current_time()
        with pytest.raises(error) as told:
            await ana.synced(timeout=HOUR)
        assert str(told.value).endswith(said)
        assert trio.current_time() - began < HOUR
        cara = await memory_network.device("cara").join(ana)
        with pytest.raises(error):
            await ana.synced(timeout=60)
        async with cara.opened():
            await ana.synced(timeout=60)
            with pytest.raises(error):
                await ana.synced(min_peers=2, timeout=60)
