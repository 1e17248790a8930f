"""A device's knowledge of the others: what has reached them, when they were here, how long an answer takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell, errors, restore
from cellsync.cell import peer as peers
from cellsync.cell.cell import Peer
from cellsync.cell.clocks import OtherClock
from cellsync.core.ids import DeviceId, MemberId
from cellsync.node import remembered
from cellsync.node.link import UNHEARD
from cellsync.testing import MemoryNetwork, level
from cellsync.testing.device import PASSPHRASE
from cellsync.testing.home import START
from tests.cell.cells import DAY, Visit
from tests.cell.template import Template


def the(cell: Cell, name: str) -> Peer:
    return next(peer for peer in cell.peers() if peer.name == name)


def now() -> datetime:
    return datetime.fromtimestamp(START // 1000, UTC) + timedelta(seconds=trio.current_time())


def blind(net: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nobody sees a beacon."""
    monkeypatch.setattr(net, "show", lambda *_: None)
    monkeypatch.setattr(net, "visible_to", lambda *_: [])


# --- what is known, also after a restart ---------------------------------------------------------------------


async def test_what_has_reached_whom_survives_a_restart(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    async with net.cells("ana", "ben", "cara") as [ana, *_]:
        assert (ana.only_here(), await ana.only_here_cases()) == (0, [])
        net.partition("cara", ["ana", "ben"])
        await trio.sleep(100)
        await ana.create(Visit, title="for Ben only")
        await ana.synced(timeout=60)
        net.partition("ana", "ben")
        await trio.sleep(10)
        parted = now()
        first = await ana.create(Visit, title="for nobody yet")
        async with first.edit() as draft:
            draft.status = "closed"
        second = await ana.create(Visit, title="nor this")
        await trio.sleep(3 * DAY)
        before = the(ana, "ben"), the(ana, "cara")
    for _ in range(2):
        async with net.device("ana").opened() as ana:
            assert (the(ana, "ben"), the(ana, "cara")) == before
            assert ana.only_here() == the(ana, "ben").lacks == 3
            assert await ana.only_here_cases() == [(second.id, 1), (first.id, 2)]
    ben_device, cara_device = before
    assert (ben_device.has_mine + 3, cara_device.lacks) == (cara_device.has_mine + cara_device.lacks, 4)
    assert ben_device.last_seen is not None
    assert cara_device.last_seen is not None
    assert timedelta(0) <= parted - ben_device.last_seen < timedelta(minutes=2)
    assert cara_device.last_seen < ben_device.last_seen - timedelta(seconds=60)
    assert [(one.connected, one.owes, one.in_step_now) for one in before] == [(False, None, False)] * 2
    net.heal()
    async with net.device("ana").opened() as ana, net.device("ben").opened() as ben:
        await ana.synced(timeout=60)
        assert (ana.only_here(), await ana.only_here_cases()) == (0, [])
        assert the(ana, "ben").last_seen == now()
        assert the(ana, "ben").lacks == the(ben, "ana").lacks == 0
        assert the(ana, "cara") == cara_device._replace(last_seen=the(ana, "cara").last_seen)
    net.check_failures()


async def test_what_is_known_is_kept_soon_and_not_only_at_the_end(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """The device may lose its power at any time."""
    net = memory_network
    async with net.cells("ana", "ben") as [ana, _]:
        net.latency(5)  # the confirmation comes when all is tidied up already
        await ana.create(Visit, title="x")
        await ana.synced()
        await trio.sleep(30)
        copy = net.device("ana").copy_to(net.device("ana").home.path.with_name("copy"))
        delivered, before, _ = remembered.reached(ana.first.circle)
        assert list(delivered.values()) == [ana.first.circle.own_length]
        await trio.sleep(2 * 3600)
        _, after, _ = remembered.reached(ana.first.circle)
        assert all(after[device] >= before[device] + 3_600_000 for device in before)  # it is still here
    net.device("ana").put_back(copy)
    async with net.device("ana").opened() as ana:
        assert ana.only_here() == the(ana, "ben").lacks == 0
        assert the(ana, "ben").last_seen is not None


async def test_a_vault_put_back_does_not_claim_that_others_have_what_it_writes(
    template: Template, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """Before they meet: another side of its chain has reached Ana, longer, and not the same. Then both have both."""
    net = MemoryNetwork(4)
    template.copy_to(net)
    ana_device, ben_device = net.device("ana"), net.device("ben")
    backup = ben_device.copy_to(tmp_path / "backup")
    async with ana_device.opened() as ana:
        async with ben_device.opened() as ben:
            for _ in range(3):
                await ben.create(Visit, title="lost")
            await ben.synced(timeout=300)
            assert ben.only_here() == 0
        ben_device.put_back(backup)
        net.partition("ana", "ben")
        async with ben_device.opened() as ben:
            case = await ben.create(Visit, title="instead")
            await trio.sleep(300)
            assert (case.id, 1) in await ben.only_here_cases()
            assert ben.only_here() >= 1
            net.heal()
            await trio.sleep(300)
            assert the(ben, "ana").connected
            for cell in (ana, ben):
                assert {"instead", "lost"} <= {case.title for case in await cell.cases(Visit)}
            assert ben.only_here() == 0
            assert ana.first.circle.digest() == ben.first.circle.digest()
    net.check_failures()


async def test_of_a_peer_whose_vault_was_put_back_nothing_is_claimed_that_it_has_lost(
    memory_network: MemoryNetwork, autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ben had confirmed it, and was put back from before. He says so, and cannot take it at once: it is only here."""
    net = memory_network
    async with net.cells("ana", "ben") as [ana, ben]:
        await ben.backup(tmp_path / "backup")
        await ana.create(Visit, title="later")
        await ana.synced(timeout=100)
        assert ana.only_here() == 0
    laptop = net.device("ben")
    laptop.lose_disk()
    await restore(tmp_path / "backup", laptop.home, passphrase=PASSPHRASE)
    async with net.device("ana").opened() as ana, laptop.opened() as ben:

        async def slow(*_: object) -> None:
            await trio.sleep_forever()

        with monkeypatch.context() as patch:
            patch.setattr(ben.first.circle, "ingest", slow)
            await trio.sleep(10)
            [peer] = ana.peers()
            assert (peer.connected, peer.lacks, peer.lacks_of_others) == (True, 1, 0)
            assert ana.only_here() == 1
            with pytest.raises(errors.Timeout):
                await ana.synced(timeout=1)
    async with net.device("ana").opened() as ana:
        assert ana.only_here() == 1  # remembered
        async with laptop.opened():
            await ana.synced(timeout=100)
            assert ana.only_here() == 0


async def test_a_clock_that_was_put_back_has_seen_nobody_in_the_future(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    async with net.cells("ana", "ben"):
        await trio.sleep(10)
    async with net.device("ana").with_clock(-DAY).opened() as ana:
        assert the(ana, "ben").last_seen == now() - timedelta(days=1)


async def test_who_never_came_was_never_seen(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    laptop = await memory_network.device("ana").found()
    async with laptop.opened() as ana:
        await memory_network.device("ben").join(ana)
        same = OtherClock(0.0, measured=True)  # in the pairing
        ben = ana.peers()[0].device
        assert ana.peers() == [
            Peer("ben", ben, False, 0, None, 3, None, False, clock=same, circle=ana.first.id, member=MemberId(ben))
        ]
        assert ana.only_here() == 3
        assert await ana.only_here_cases() == []  # all are about the circle and its members


async def test_alone_everything_is_only_here(memory_network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "PAGE", 4)
    async with (await memory_network.device("ana").found()).opened() as ana:
        made = [await ana.create(Visit, title=str(number)) for number in range(13)]
        async with made[3].edit() as draft:
            draft.title = "again"
        newest_first = [made[3].id] + [case.id for case in reversed(made) if case is not made[3]]
        assert ana.only_here() == 16
        assert await ana.only_here_cases() == [(case, 1 + (case == made[3].id)) for case in newest_first]
        monkeypatch.setattr(peers, "CASES", 3)
        assert [case for case, _ in await ana.only_here_cases()] == newest_first[:3]
        monkeypatch.setattr(peers, "ENTRIES", 5)
        assert await ana.only_here_cases() == [(case, 1) for case in newest_first[:3]]
    with pytest.raises(errors.Closed):
        await ana.only_here_cases()


# --- while connected ----------------------------------------------------------------------------------------


async def test_owes_and_ready_follow_what_happens(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = memory_network
    async with net.cells("ana", "ben") as [ana, ben]:
        await trio.sleep(5)
        assert [(peer.owes, peer.in_step_now) for peer in (the(ana, "ben"), the(ben, "ana"))] == [(0, True)] * 2
        net.partition("ana", "ben")
        await trio.sleep(5)
        for number in range(4):
            await ben.create(Visit, title=str(number))
        assert (the(ana, "ben").owes, the(ana, "ben").in_step_now) == (None, False)

        async def full(*_: object) -> None:
            await trio.sleep_forever()

        monkeypatch.setattr(ana.first.circle, "ingest", full)
        net.heal()
        await trio.sleep(20)
        assert (the(ana, "ben").owes, the(ana, "ben").in_step_now) == (4, False)
        assert (the(ben, "ana").owes, the(ben, "ana").in_step_now, the(ben, "ana").lacks) == (0, False, 4)
        monkeypatch.undo()
        net.break_connections("ana")
        await level([ana, ben])
        await trio.sleep(1)
        for one, other in ((ana, "ben"), (ben, "ana")):
            assert (the(one, other).owes, the(one, other).in_step_now, the(one, other).lacks) == (0, True, 0)
    net.check_failures()


async def test_in_a_mesh_all_are_ready_soon_after_somebody_wrote(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    memory_network.latency(0.05)
    async with memory_network.cells("ana", "ben", "cara", "dina") as among:
        for turn in range(6):
            await among[turn % 4].create(Visit, title=str(turn))
            await trio.sleep(2)
            assert all(peer.in_step_now for cell in among for peer in cell.peers())


async def test_whoever_waits_is_woken_when_a_device_becomes_ready(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Not a moment later: nothing else may happen for hours."""
    memory_network.latency(0.05)
    async with memory_network.cells("ana", "ben", "cara") as among:
        for turn in range(9):
            await trio.sleep(5)
            writer, waiting = among[turn % 3], among[turn // 3]
            await writer.create(Visit, title=str(turn))
            with trio.fail_after(5):
                while True:
                    changed = waiting.node.links.changed
                    held = {cell.entries() for cell in among}
                    if len(held) == 1 and all(peer.in_step_now for peer in waiting.peers()):
                        break
                    await changed.wait()


# --- whether both held the same -----------------------------------------------------------------------------


async def test_in_step_when_last_seen_is_remembered_until_something_is_written(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    async with net.cells("ana", "ben", "cara") as [ana, ben, cara]:
        await trio.sleep(5)
        assert [(peer.in_step, peer.in_step_now, peer.lacks_of_others) for peer in ana.peers()] == [(True, True, 0)] * 2
        net.partition("ben", ["ana", "cara"])
        await trio.sleep(5)
        assert (the(ana, "ben").in_step, the(ana, "ben").in_step_now) == (True, False)
        assert (the(ben, "cara").in_step, the(ben, "cara").in_step_now) == (True, False)
    for _ in range(2):
        async with net.device("ana").opened() as ana:
            assert [(peer.in_step, peer.in_step_now) for peer in ana.peers()] == [(True, False)] * 2
    async with net.device("cara").opened() as cara:
        await cara.create(Visit, title="x")
        async with net.device("ana").opened() as ana:
            await level([ana, cara])
            await trio.sleep(5)
            assert (the(ana, "cara").in_step, the(ana, "ben").in_step) == (True, None)  # ben may not have it
            assert the(ana, "ben").lacks == 0
    net.heal()
    async with net.device("ana").opened() as ana, net.device("ben").opened() as ben:
        assert the(ana, "ben").in_step is None
        await level([ana, ben])
        await trio.sleep(5)
    async with net.device("ana").opened() as ana:
        assert the(ana, "ben").in_step
    net.check_failures()


async def test_nothing_is_claimed_of_a_link_that_ended_while_something_was_missing(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either way, also if both held the same the time before."""
    net = memory_network
    async with net.cells("ana", "ben") as [ana, ben]:
        await trio.sleep(5)
        net.partition("ana", "ben")
        await trio.sleep(5)
        assert the(ana, "ben").in_step
        await ben.create(Visit, title="x")
        assert (the(ana, "ben").in_step, the(ben, "ana").in_step) == (True, None)  # she cannot know

        async def full(*_: object) -> None:
            await trio.sleep_forever()

        monkeypatch.setattr(ana.first.circle, "ingest", full)
        net.heal()
        await trio.sleep(20)
        assert (the(ana, "ben").in_step, the(ben, "ana").in_step) == (False, False)
        net.partition("ana", "ben")
        await trio.sleep(5)
        assert (the(ana, "ben").in_step, the(ben, "ana").in_step) == (None, None)
    net.check_failures()


async def test_what_was_kept_before_a_crash_claims_nothing_of_what_was_written_after(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Kept while both held the same; then something is written, and the power fails before anything else is kept."""
    net = memory_network
    async with net.cells("ana", "ben") as [ana, _]:
        await trio.sleep(3 * 3600)
        _, _, in_step = remembered.reached(ana.first.circle)
        assert list(in_step.values()) == [ana.first.circle.digest()]
        net.partition("ana", "ben")
        await ana.create(Visit, title="x")
        copy = net.device("ana").copy_to(net.device("ana").home.path.with_name("copy"))
    net.device("ana").put_back(copy)
    async with net.device("ana").opened() as ana:
        _, _, in_step = remembered.reached(ana.first.circle)
        assert in_step
        assert (the(ana, "ben").in_step, the(ana, "ben").lacks) == (None, 1)


async def test_who_does_not_answer_any_more_was_in_step_when_it_was_last_seen(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """The link is still there, and for another few seconds nobody knows that it is dead."""
    net = memory_network
    async with net.cells("ana", "ben") as [ana, _]:
        await trio.sleep(5)
        net.partition("ana", "ben", silent=True)
        silent_since = now()
        await trio.sleep(peers.QUIET / 1000)
        ben = the(ana, "ben")
        assert ben.connected
        assert (ben.in_step_now, ben.in_step) == (False, True)
        assert ben.last_seen is not None
        assert ben.last_seen <= silent_since
        await ana.create(Visit, title="x")
        assert (the(ana, "ben").in_step_now, the(ana, "ben").in_step) == (False, False)
        await trio.sleep(60)
        assert (the(ana, "ben").connected, the(ana, "ben").in_step) == (False, None)


async def test_who_is_there_and_quiet_for_hours_is_in_step(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        for _ in range(400):
            await trio.sleep(29)
            assert the(ana, "ben").in_step_now
            assert the(ben, "ana").in_step_now


async def test_who_looks_sees_soon_that_a_device_is_gone(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Nobody has asked it for half a minute: that somebody looks is a reason to."""
    net = memory_network
    async with net.cells("ana", "ben") as [ana, _]:
        await trio.sleep(100)
        assert the(ana, "ben").in_step_now
        await trio.sleep(1)  # it has answered
        net.partition("ana", "ben", silent=True)
        began = trio.current_time()
        while the(ana, "ben").in_step_now:  # noqa: ASYNC110
            await trio.sleep(1)
        assert trio.current_time() - began <= UNHEARD + peers.ANSWERS_WITHIN + 2


# --- ping ---------------------------------------------------------------------------------------------------


async def test_a_ping_takes_a_round_trip(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    memory_network.latency(0.2)
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        await trio.sleep(5)
        for one, other in ((ana, ben), (ben, ana)):
            assert await one.ping(other.device) == pytest.approx(0.4)
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ana.ping, ben.device)


async def test_a_ping_calls_who_is_not_connected(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = memory_network
    async with net.cells("ana", "ben") as [ana, ben]:
        blind(net, monkeypatch)
        await trio.sleep(5)
        net.partition("ana", "ben")
        await trio.sleep(1000)
        with pytest.raises(errors.NoPeer):
            await ana.ping(ben.device)
        net.heal()
        began = trio.current_time()
        await ana.ping(ben.device)
        assert trio.current_time() - began < 1
        assert the(ana, "ben").connected
        # while it is being called already
        net.break_connections("ana")
        while the(ana, "ben").connected:
            await ana.node.links.changed.wait()
        net.latency(1)
        ana.node.calls.now()
        await trio.sleep(0.5)
        assert ana.node.calls.under_way
        await ana.ping(ben.device, timeout=20)
        net.latency(0)
        # somewhere else, where it has been before
        known = ana.node.whereabouts[ana.first.circle.id].spots.known
        here = known[ben.device][-1]
        known[ben.device] = [here._replace(host="10.0.9.9"), here._replace(port=1), here]
        net.break_connections("ana")
        while the(ana, "ben").connected:
            await ana.node.links.changed.wait()
        await ana.ping(ben.device)
    net.check_failures()


async def test_a_ping_of_nobody(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        for device in (ana.device, DeviceId(bytes(32))):
            with pytest.raises(errors.NoPeer):
                await ana.ping(device)
    with pytest.raises(errors.Closed):
        await ana.ping(ben.device)


async def test_a_ping_without_an_answer(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    net = memory_network
    async with net.cells("ana", "ben") as [ana, ben]:
        await trio.sleep(5)
        net.partition("ana", "ben", silent=True)
        began = trio.current_time()
        with pytest.raises(errors.Timeout):
            await ana.ping(ben.device)
        assert trio.current_time() - began == pytest.approx(5)
        # and the silence ends the session, as it does without any ping
        with trio.fail_after(90):
            while the(ana, "ben").connected:
                await ana.node.links.changed.wait()
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def lost() -> None:
                with pytest.raises(errors.NoPeer):
                    await ana.ping(ben.device, timeout=60)

            await trio.sleep(1)
            net.partition("ana", "ben")


async def test_a_ping_goes_on_over_the_next_connection(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Of two that were opened at once, the one that was taken first may go."""
    net = memory_network
    took: list[float] = []
    async with net.cells("ana", "ben") as [ana, ben]:
        await trio.sleep(5)
        net.latency(1)

        async def ping() -> None:
            took.append(await ana.ping(ben.device, 20))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ping)
            await trio.sleep(0.5)
            net.break_connections("ana")
    assert took
    assert took[0] >= 2  # there and back


async def test_a_ping_while_the_cell_closes(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    net = memory_network
    laptop = await net.device("ana").found()
    async with laptop.opened() as ana:
        ben_device = await net.device("ben").join(ana)
    async with ben_device.opened() as ben, trio.open_nursery() as nursery, laptop.opened() as ana:
        await level([ana, ben])
        net.partition("ana", "ben", silent=True)

        @nursery.start_soon
        async def ping() -> None:
            with pytest.raises(errors.Closed):
                await ana.ping(ben.device, timeout=1000)

        await trio.sleep(1)
