"""Sync as a user asks for it: when it returns, what it says, and what it shows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell, Peer, errors
from cellsync.cell import sync
from cellsync.core.ids import MemberId
from cellsync.testing import MemoryNetwork
from cellsync.testing.device import level
from tests.cell.cells import Visit

NAMES = ["ana", "ben", "cara"]


@asynccontextmanager
async def apart(net: MemoryNetwork, *names: str) -> AsyncIterator[list[Cell]]:
    """Cells that were level, and have been cut off from each other for a while; each has written something since."""
    async with net.cells(*names) as among:
        await trio.sleep(5)
        net.partition(names, names)
        for cell in among:
            await cell.create(Visit, title="meanwhile")
        await trio.sleep(1000)
        assert not any(cell.node.links for cell in among)
        yield among
    net.check_failures()


def who(peers: list[Peer]) -> list[str]:
    return [peer.name for peer in peers if peer.in_step_now]


def shy(net: MemoryNetwork, *names: str) -> None:
    for name in names:
        net.host(name).mode = "asked"


# --- when it returns ------------------------------------------------------------------------------------------


async def test_all_are_called_at_once_and_it_returns_when_all_are_in_step(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    shy(net, *NAMES)
    async with apart(net, *NAMES) as [ana, ben, cara]:
        net.heal()
        began = trio.current_time()
        assert who(await ana.sync()) == ["ben", "cara"]
        assert trio.current_time() - began < sync.GRACE
        assert len(await ana.cases(Visit)) == 3
        began = trio.current_time()
        assert who(await ana.sync()) == ["ben", "cara"]  # nothing to do
        assert trio.current_time() - began < 0.2
        assert len(await ben.cases(Visit)) == len(await cara.cases(Visit)) == 3


async def test_right_after_opening(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = memory_network
    shy(net, "ana", "ben")
    device = await net.device("ana").found()
    async with device.opened() as ana:
        ben_device = await net.device("ben").join(ana)
        monkeypatch.setattr(net, "show", lambda *_: None)  # no beacon is seen: it calls by address
        monkeypatch.setattr(net, "visible_to", lambda *_: [])
        for _ in range(3):
            async with ben_device.opened() as ben:
                began = trio.current_time()
                assert who(await ben.sync()) == ["ana"]
                assert trio.current_time() - began < 0.3


async def test_one_is_enough_after_a_moment_unless_everyone_is_asked_for(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    async with apart(net, *NAMES) as [ana, _, cara]:
        net.heal()
        net.partition("cara", ["ana", "ben"])
        began = trio.current_time()
        [ben, missing] = await ana.sync()
        assert sync.GRACE <= trio.current_time() - began < sync.GRACE + 1
        assert (ben.in_step_now, missing.in_step_now, missing.connected) == (True, False, False)
        began = trio.current_time()
        assert who(await ana.sync(everyone=True, timeout=20)) == ["ben"]
        assert trio.current_time() - began == pytest.approx(20)
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def come_back() -> None:
                await trio.sleep(5)
                net.heal()

            began = trio.current_time()
            assert who(await ana.sync(everyone=True, timeout=300)) == ["ben", "cara"]
            assert 5 <= trio.current_time() - began < 100
        assert len(await cara.cases(Visit)) == 3


async def test_who_is_just_connecting_is_waited_for(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    net = memory_network
    async with apart(net, *NAMES) as [ana, *_]:
        net.heal()
        net.partition("cara", ["ana", "ben"])
        assert who(await ana.sync()) == ["ben"]
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def come_back() -> None:
                await trio.sleep(sync.GRACE / 2)
                net.heal()
                ana.node.calls.now()

            assert who(await ana.sync()) == ["ben", "cara"]


async def test_who_goes_on_writing_does_not_keep_it_from_returning(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    net.latency(0.05)
    async with net.cells("ana", "ben", "cara") as [ana, ben, _], trio.open_nursery() as nursery:
        net.partition("cara", ["ana", "ben"])

        @nursery.start_soon
        async def write() -> None:
            while True:
                await ben.create(Visit, title="x")
                await trio.sleep(0.07)

        await trio.sleep(5)
        began = trio.current_time()
        assert [peer.name for peer in await ana.sync(timeout=10) if peer.connected] == ["ben"]
        assert trio.current_time() - began <= 10
        nursery.cancel_scope.cancel()


async def test_what_a_peer_has_named_is_waited_for_also_if_it_could_not_be_looked_up_yet(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Ben has named in his answer what Cara wrote, while a long step kept Ana's circle: he was "in step" without it."""
    net = memory_network
    net.latency(0.02)
    async with net.cells(*NAMES) as [ana, ben, cara], trio.open_nursery() as nursery:
        await trio.sleep(5)
        net.partition("ana", "cara")
        await trio.sleep(100)

        await cara.create(Visit, title="told by Ben")
        while ben.entries() < cara.entries():  # noqa: ASYNC110
            await trio.sleep(0.001)
        assert ana.entries() < ben.entries()

        @nursery.start_soon
        async def step() -> None:
            await trio.sleep(0.01)  # the question has left, and the answer has not come
            async with ana.first.circle.lock:
                await trio.sleep(10)

        assert who(await ana.sync()) == ["ben"]
        assert ana.entries() == ben.entries()


async def test_who_was_in_step_and_left_is_not_waited_for(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Ben came in step, closed his laptop, and then Cara came: both have been in step since Ana began."""
    net = memory_network
    async with apart(net, *NAMES) as [ana, ben, _]:
        net.heal()
        net.partition("cara", ["ana", "ben"])
        start = ana.first.circle.surroundings.now() / 1000
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def come_and_go() -> None:
                await trio.sleep(20)
                assert ana.device in ben.node.links
                net.partition("ana", "ben")
                await trio.sleep(20)
                assert not ana.node.links
                net.heal()
                net.partition("ben", ["ana", "cara"])

            began = trio.current_time()
            told: list[list[Peer]] = []
            peers = await ana.sync(everyone=True, timeout=3600, progress=told.append)
            assert 40 <= trio.current_time() - began < 400
        assert [(peer.name, peer.reached, peer.connected, peer.in_step_now) for peer in peers] == [
            ("ben", True, False, False), ("cara", True, True, True),
        ]  # fmt: skip
        ben_at, cara_at = (peer.came_in_step for peer in peers)
        assert ben_at is not None
        assert cara_at is not None
        assert 0 <= ben_at.timestamp() - start < 20
        assert 40 <= cara_at.timestamp() - start < 400
        assert [(peer.reached, peer.came_in_step) for peer in told[0]] == [(False, None)] * 2
        assert len(await ana.cases(Visit)) == 3
        assert [(peer.reached, peer.came_in_step) for peer in ana.peers()] == [(False, None)] * 2  # of a sync only


async def test_who_left_before_it_was_in_step_was_reached(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = memory_network
    async with apart(net, *NAMES) as [ana, _, cara]:

        async def slow(*_: object) -> None:
            await trio.sleep_forever()

        monkeypatch.setattr(cara.first.circle, "ingest", slow)
        net.heal()
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def leave() -> None:
                await trio.sleep(10)
                net.partition("cara", ["ana", "ben"])

            peers = await ana.sync(everyone=True, timeout=30)
        assert [(peer.name, peer.reached, peer.connected, peer.came_in_step is None) for peer in peers] == [
            ("ben", True, True, False), ("cara", True, False, True),
        ]  # fmt: skip


# --- when nobody is there -------------------------------------------------------------------------------------


async def test_alone_in_the_cell(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        with pytest.raises(errors.NoPeer) as caught:
            await ana.sync()
        assert "Invite" in caught.value.hint


async def test_nobody_is_reached(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with apart(memory_network, *NAMES) as [ana, *_]:
        for everyone in (False, True):
            began = trio.current_time()
            with pytest.raises(errors.NoPeer) as caught:
                await ana.sync(everyone=everyone, timeout=12)
            assert trio.current_time() - began == pytest.approx(12)
            assert "Invite" not in caught.value.hint


async def test_reached_but_never_in_step(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with apart(memory_network, "ana", "ben") as [ana, ben]:

        async def slow(*_: object) -> None:
            await trio.sleep_forever()

        monkeypatch.setattr(ben.first.circle, "ingest", slow)
        memory_network.heal()
        with pytest.raises(errors.Timeout) as caught:
            await ana.sync(timeout=15)
        assert caught.value.hint
        assert not ana.peers()[0].in_step_now


async def test_a_removed_device_is_in_step_with_nobody(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Who told it is connected, and has confirmed all that it holds; but what comes meanwhile it does not get."""
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        await level([ana, ben])
        await ana.first.membership.remove([MemberId(ben.device)], tell=True)
        with trio.fail_after(600):
            while not ben.first.circle.is_removed:
                await ben.node.links.changed.wait()
        await ana.create(Visit, title="not for Ben")
        began = trio.current_time()
        with pytest.raises(errors.Timeout, match="this device was removed, or has left"):
            await ben.sync(timeout=600)
        assert trio.current_time() - began < 60, "there is nothing to wait for"
        assert [(peer.connected, peer.in_step_now, peer.in_step) for peer in ben.peers()] == [(True, False, None)]
        assert await ben.cases(Visit) == []


async def test_what_was_in_step_before_the_connection_died_does_not_count(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """A laptop has slept, say: the connection seems to be there, and nobody answers on it."""
    net = memory_network
    async with net.cells("ana", "ben") as [ana, ben]:
        await trio.sleep(5)
        net.partition("ana", "ben", silent=True)
        await ben.create(Visit, title="not here yet")
        assert ana.peers()[0].in_step_now  # it is not known to have changed
        with pytest.raises(errors.Timeout):
            await ana.sync(timeout=10)
        net.heal()
        assert who(await ana.sync(timeout=10)) == ["ben"]
        assert len(await ana.cases(Visit)) == 1


async def test_the_cell_closes_meanwhile(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery, apart(memory_network, "ana", "ben") as [ana, _]:

        @nursery.start_soon
        async def ask() -> None:
            with pytest.raises(errors.Closed):
                await ana.sync(timeout=1000)

        await trio.sleep(10)
    with pytest.raises(errors.Closed):
        await ana.sync()
    with pytest.raises(errors.Closed):
        ana.showing()


# --- what is shown --------------------------------------------------------------------------------------------


async def test_without_addresses_two_shy_devices_meet_when_one_of_them_asks(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    shy(net, "ana", "ben")
    async with apart(net, "ana", "ben") as [ana, ben]:
        for cell in (ana, ben):
            cell.node.whereabouts[cell.first.circle.id].spots.known.clear()
        net.heal()
        await trio.sleep(1000)
        assert not ana.node.links
        assert who(await ana.sync()) == ["ben"]
        await trio.testing.wait_all_tasks_blocked()
        assert not net.host("ana").shown


@pytest.mark.parametrize("ends", ["error", "cancelled"])
async def test_however_it_ends_nothing_is_shown_afterwards(
    memory_network: MemoryNetwork, autojump_clock: MockClock, ends: str
) -> None:
    net = memory_network
    shy(net, "ana")
    async with apart(net, "ana", "ben") as [ana, _]:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def ask() -> None:
                with pytest.raises(errors.NoPeer) if ends == "error" else trio.move_on_after(20):
                    await ana.sync(timeout=20 if ends == "error" else 1000)

            await trio.sleep(10)
            assert len(net.host("ana").shown) == 1
        await trio.sleep(1)
        assert not net.host("ana").shown


async def test_progress_is_told_when_something_changes_and_not_too_often(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    async with apart(net, "ana", "ben") as [ana, ben]:
        case = await ben.create(Visit, title="much to fetch")
        for number in range(200):
            async with case.edit() as draft:
                draft.notes.append(f"{number} " + "y" * 30_000)  # 6 MB
        net.latency(0.02)
        told: list[tuple[float, Peer]] = []
        net.heal()
        peers = await ana.sync(progress=lambda peers: told.append((trio.current_time(), peers[0])))
        assert [peers[0].in_step_now] == [True]
        owed = [peer.owes for _, peer in told if peer.owes is not None]
        assert owed == sorted(owed, reverse=True)
        assert (owed[0], owed[-1]) == (202, 0)
        assert len(set(owed)) > 3
        assert told[-1][1].in_step_now
        assert not told[0][1].connected
        times = [when for when, _ in told]
        assert all(later - earlier >= sync.PAUSE * 0.99 for earlier, later in pairwise(times))
        told.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(net, "show", lambda *_: None)
            net.partition("ana", "ben")
            await trio.sleep(5)
            with pytest.raises(errors.NoPeer):
                await ana.sync(progress=lambda peers: told.append((trio.current_time(), peers[0])))
        assert len(told) == 1  # nothing changed
