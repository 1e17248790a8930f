"""Cells that meet, part and meet again. Every test checks that nothing acknowledged is lost, and all agree."""

from __future__ import annotations

from contextlib import AsyncExitStack
from itertools import combinations
from random import Random

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell, errors
from cellsync.node.network import Address
from cellsync.node.spots import AT_ONE_SITE, SAID_BY_OTHERS
from cellsync.store.sqlite import SqliteStore
from cellsync.testing import MemoryNetwork, SimulatedDevice, level
from cellsync.testing.home import START
from tests.cell.cells import DAY, Visit

NAMES = ["ana", "ben", "cara", "dina", "emil"]


async def write_a_little(cell: Cell, word: str, times: int = 3) -> set[str]:
    """Write a few entries. Returns those that were acknowledged."""
    done = set()
    for number in range(times):
        await cell.create(Visit, title=f"{word} {number}")
        done.add(f"{word} {number}")
    return done


async def titles(cell: Cell) -> set[str]:
    return {case.title for case in await cell.cases(Visit)}


@pytest.mark.parametrize("count", [2, 3, 4, 5])
async def test_whoever_is_apart_agrees_after_meeting(
    memory_network: MemoryNetwork, autojump_clock: MockClock, count: int
) -> None:
    net, names = memory_network, NAMES[:count]
    net.latency(0.02)
    async with net.cells(*names) as among:
        case = await among[0].create(Visit, title="shared")
        shown = [await one.get(Visit, case.id, wait=60) for one in among]
        wanted = {"shared"}
        for turn in range(3):
            for one, other in combinations(names, 2):
                net.partition(one, other)
            for name, cell, of_it in zip(names, among, shown, strict=True):
                wanted |= await write_a_little(cell, f"{name} {turn}")
                async with of_it.edit() as draft:
                    draft.status = f"{name} {turn}"
                    draft.notes.append(f"{name} {turn}")
                    draft.parcels.increment()
            net.heal()
            await level(among)
            assert all(len(of_it.conflicts()[0].values) == count for of_it in shown)
        for cell, of_it in zip(among, shown, strict=True):
            assert await titles(cell) == wanted
            assert of_it.parcels == 3 * count
            assert sorted(of_it.notes) == sorted(f"{name} {turn}" for name in names for turn in range(3))
            assert {value.author for value in of_it.said("status")} == set(names)
            assert list(cell.flags) == []
    net.check_failures()


@pytest.mark.parametrize("fault", ["drop", "duplicate", "reorder", "garble", "all"])
@pytest.mark.parametrize("seed", range(3))
async def test_bad_networks(autojump_clock: MockClock, fault: str, seed: int) -> None:
    net = MemoryNetwork(seed)
    net.latency(0.02)
    wanted: set[str] = set()
    async with net.cells("ana", "ben", "cara") as among:
        for turn in range(4):
            for name in ("ana", "ben", "cara"):
                net.host(name).change_address()  # connections break, and begin anew under the fault
            if fault in ("drop", "all"):
                net.drop(0.1)
            if fault in ("duplicate", "all"):
                net.duplicate()
            if fault in ("reorder", "all"):
                net.reorder(seed)
            if fault in ("garble", "all"):
                net.garble(seed + turn, 0.1)
            for at, cell in enumerate(among):
                wanted |= await write_a_little(cell, f"{at} {turn}")
            await trio.sleep(20)
        net.heal()
        await level(among)
        for cell in among:
            assert await titles(cell) == wanted
            assert list(cell.flags) == []
    net.check_failures()


async def test_the_connection_breaks_at_any_byte(autojump_clock: MockClock) -> None:
    """In a handshake or a catch-up: everything written is there in the end."""
    net = MemoryNetwork(7)
    random = Random(7)
    async with net.cells("ana", "ben") as [ana, ben]:
        wanted: set[str] = set()
        for turn in range(60):
            net.partition("ana", "ben")
            wanted |= await write_a_little(random.choice([ana, ben]), str(turn), 2)
            await trio.sleep(1)
            net.heal()
            net.cut_after(random.randrange(1, 9000))
            await trio.sleep(random.uniform(0.1, 10))
        net.heal()
        await level([ana, ben])
        assert await titles(ana) == await titles(ben) == wanted
    net.check_failures()


async def test_both_see_each_other_at_once(autojump_clock: MockClock) -> None:
    for seed in range(8):
        net = MemoryNetwork(seed)
        net.latency(0.5)
        async with net.cells("ana", "ben", "cara") as among:
            for _ in range(2):
                net.partition(["ana"], ["ben", "cara"])
                net.partition("ben", "cara")
                await trio.sleep(3)
                net.heal()
                # and all call by address as well, in the same moment
                async with trio.open_nursery() as nursery:
                    for one in among:
                        for other in among:
                            if one is not other:
                                at = Address(net.host(_host_of(net, among, other)).host, other.node.port)
                                nursery.start_soon(one.add_address, other.device, *at)
                await trio.sleep(120)
                for one in among:
                    assert one.node.links.keys() == {other.device for other in among if other is not one}
                    for device, link in one.node.links.items():
                        [other] = [cell for cell in among if cell.device == device]
                        assert link.called is not other.node.links[one.device].called
            await write_a_little(among[0], "x")
            await level(among, 10)
        net.check_failures()


def _host_of(net: MemoryNetwork, among: list[Cell], cell: Cell) -> str:
    return ["ana", "ben", "cara"][among.index(cell)]


async def test_without_beacons_known_addresses_are_called_again(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = memory_network
    async with net.cells("ana", "ben") as [ana, ben]:
        host = net.host("ana"), net.host("ben")
        for one in host:
            monkeypatch.setattr(one, "shown", {})
            monkeypatch.setattr(one, "show_again", lambda: None)
        monkeypatch.setattr(net, "show", lambda *_: None)
        monkeypatch.setattr(net, "visible_to", lambda *_: [])
        for _ in range(4):
            net.partition("ana", "ben")
            await trio.sleep(1000)
            assert not ana.node.links
            wanted = await write_a_little(ana, "x")
            net.heal()
            await level([ana, ben], 400)  # the longest back-off, and a little
            assert wanted <= await titles(ben)
        # a person waits: then it is called at once
        net.partition("ana", "ben")
        await trio.sleep(1000)
        await write_a_little(ben, "y")
        net.heal()
        began = trio.current_time()
        await ben.synced(timeout=30)
        assert trio.current_time() - began < 5
    assert not net.failures


async def test_asking_again_and_again_does_not_keep_from_calling(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = memory_network
    async with net.cells("ana", "ben") as [ana, ben]:
        monkeypatch.setattr(net, "show", lambda *_: None)
        monkeypatch.setattr(net, "visible_to", lambda *_: [])
        net.partition("ana", "ben")
        await write_a_little(ana, "x")
        await trio.sleep(100)
        net.heal()
        with trio.fail_after(20):
            while True:
                try:
                    await ana.synced(timeout=0.3)
                    break
                except errors.Timeout:
                    continue
        assert await titles(ben) == await titles(ana)


async def test_a_third_who_was_admitted_while_the_founder_was_cut_off(autojump_clock: MockClock) -> None:
    """Ana admits Cara while Ben is apart; then Cara meets Ben, and Ana is gone."""
    for seed in range(3):
        net = MemoryNetwork(seed)
        net.latency(0.02)
        laptop = await net.device("ana").found()
        async with laptop.opened() as ana:
            ben_device = await net.device("ben").join(ana)
            first = await ana.create(Visit, title="first")
            async with ben_device.opened() as ben:
                await level([ana, ben])
        net.host("cara")
        net.partition("ben", ["ana", "cara"])
        async with ben_device.opened() as ben:
            async with laptop.opened() as ana:
                cara_device = await net.device("cara").join(ana)
                await ana.create(Visit, title="while Ben is apart")
                async with cara_device.opened() as cara:
                    await level([ana, cara])
            async with cara_device.opened() as cara:
                await cara.create(Visit, title="of Cara")
                await ben.create(Visit, title="of Ben")
                assert len(ben.members()) == 2
                net.heal()
                await level([ben, cara], 60)
                assert len(ben.members()) == len(cara.members()) == 3
                assert await titles(ben) == {"first", "while Ben is apart", "of Cara", "of Ben"}
                assert (await ben.get(Visit, first.id)).title == "first"
                await ben.synced(timeout=60)
                await cara.synced(timeout=60)
        net.check_failures()


async def test_a_third_who_has_not_yet_met_anybody_but_its_sponsor(autojump_clock: MockClock) -> None:
    """Cara has joined and has nothing yet; her sponsor goes away; she knows nobody, and Ben does not know her. When
    the sponsor is back, all agree."""
    net = MemoryNetwork(3)
    laptop = await net.device("ana").found()
    async with laptop.opened() as ana:
        ben_device, cara_device = await net.device("ben").join(ana), await net.device("cara").join(ana)
        await ana.create(Visit, title="x")
    async with ben_device.opened() as ben, cara_device.opened() as cara:
        assert (ben.role, cara.role, cara.name) == (None, None, "")
        with pytest.raises(errors.NotPermitted):
            await cara.create(Visit, title="too early")
        await trio.sleep(600)
        assert ben.entries() == cara.entries() == 0
        async with laptop.opened() as ana:
            await level([ana, ben, cara])
            assert await titles(cara) == {"x"}
            await cara.create(Visit, title="now")
            await level([ana, ben, cara])
    net.check_failures()


async def test_changes_travel_through_a_third(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    net = memory_network
    async with net.cells("ana", "ben", "cara") as [ana, ben, cara]:
        net.partition("ana", "cara")
        case = await ana.create(Visit, title="through Ben")
        theirs = await cara.get(Visit, case.id, wait=60)
        async with theirs.edit() as draft:
            draft.title = "and back"
        await level([ana, ben, cara])
        assert case.title == "and back"
        assert cara.device not in ana.node.links


# --- clocks -----------------------------------------------------------------------------------------------


async def test_at_midnight(autojump_clock: MockClock) -> None:
    """Sessions that are open go on; those who meet across midnight meet; day after day."""
    net = MemoryNetwork(1)
    to_midnight = DAY - (START // 1000) % DAY
    async with net.cells("ana", "ben", "cara") as among:
        await trio.sleep(to_midnight - trio.current_time() - 5)
        for day in range(2):
            net.partition("cara", ["ana", "ben"])
            wanted = await write_a_little(among[day % 3], f"before {day}")
            await trio.sleep(10)  # midnight
            wanted |= await write_a_little(among[(day + 1) % 3], f"after {day}")
            net.heal()
            await level(among, 120)
            assert wanted <= await titles(among[2])
            for one, other in combinations(NAMES[:3], 2):
                net.partition(one, other)
            await trio.sleep(DAY - 60 - (trio.current_time() - to_midnight) % DAY)
            net.heal()
            await trio.sleep(55)
            assert all(len(one.node.links) == 2 for one in among)
    net.check_failures()


async def test_who_was_away_for_weeks(autojump_clock: MockClock) -> None:
    net = MemoryNetwork(1)
    async with net.cells("ana", "ben") as [ana, ben]:
        laptop = await net.device("cara").join(ana)
        async with laptop.opened() as cara:
            await level([ana, ben, cara])
            await cara.create(Visit, title="kept while away")
    for _ in range(5):
        await trio.sleep(12 * DAY)
        async with net.device("ana").opened() as ana, net.device("ben").opened() as ben:
            await ana.create(Visit, title="x")
            await ben.create(Visit, title="y")
            await level([ana, ben])
    async with net.device("ben").opened() as ben, laptop.opened() as cara:
        await level([ben, cara])
        assert "kept while away" in await titles(ben)
    net.check_failures()


@pytest.mark.parametrize("ahead", [DAY - 60, -DAY + 60, 3600, -3600])
async def test_clocks_nearly_a_day_apart_still_meet(autojump_clock: MockClock, ahead: float) -> None:
    net = MemoryNetwork(1)
    async with (await net.device("ana").found()).opened() as ana:
        ben_device = await net.device("ben").join(ana)
        async with ben_device.with_clock(ahead).opened() as ben:
            await level([ana, ben])
            await write_a_little(ben, "of Ben")
            await write_a_little(ana, "of Ana")
            await level([ana, ben], 60)
            assert list(ana.flags) == list(ben.flags) == []


async def test_a_clock_three_days_ahead_is_flagged_and_loses_nothing(autojump_clock: MockClock) -> None:
    net = MemoryNetwork(1)
    async with (await net.device("ana").found()).opened() as ana:
        devices = [await net.device(name).join(ana) for name in ("ben", "cara")]
        async with devices[0].opened() as ben, devices[1].opened() as cara:
            await level([ana, ben, cara])
            await write_a_little(cara, "before")
            await level([ana, ben, cara])
        async with devices[1].with_clock(3 * DAY).opened() as cara, devices[0].opened() as ben:
            case = await cara.create(Visit, title="from the future")
            await trio.sleep(4 * 3600)
        # the clock is put right
        async with devices[1].opened() as cara, devices[0].opened() as ben:
            await level([ana, ben, cara])
            for one in (ana, ben):
                assert (await one.get(Visit, case.id)).title == "from the future"
                assert [(flag.reason, flag.author) for flag in one.flags] == [("future", "cara")]
            async with (await ana.get(Visit, case.id)).edit() as draft:
                draft.title = "answered"
            await level([ana, ben, cara])
            assert (await cara.get(Visit, case.id)).title == "answered"
        # and later, when that day has come, all still meet
    await trio.sleep(5 * DAY)
    async with net.device("ana").opened() as ana, devices[1].opened() as cara, devices[0].opened() as ben:
        await ana.create(Visit, title="later")
        await level([ana, ben, cara])
    net.check_failures()


async def test_a_clock_that_jumps_back_and_forth(autojump_clock: MockClock) -> None:
    net = MemoryNetwork(2)
    async with (await net.device("ana").found()).opened() as ana:
        laptop = await net.device("ben").join(ana)
        wanted = set()
        for turn, ahead in enumerate((0, 20 * 365 * DAY, -20 * 365 * DAY, 2 * DAY, 0)):
            async with laptop.with_clock(ahead).opened() as ben:
                wanted |= await write_a_little(ana, f"of Ana {turn}")
                if ben.role is not None:
                    wanted |= await write_a_little(ben, f"of Ben {turn}")
                await trio.sleep(600)
                if not ahead:
                    await level([ana, ben])
        assert {flag.reason for flag in ana.flags} <= {"future"}
        assert await titles(ana) == wanted
        assert len(wanted) == 9 * 3
    net.check_failures()


# --- knowing what has reached whom ---------------------------------------------------------------------------


async def test_synced_says_what_is_true(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    net = memory_network
    net.latency(0.1)
    async with net.cells("ana", "ben", "cara") as [ana, ben, cara]:
        await write_a_little(ana, "x")
        await ana.synced(min_peers=2)
        assert await titles(ben) == await titles(cara) == await titles(ana)
        with pytest.raises(errors.Timeout) as caught:
            await ana.synced(min_peers=3, timeout=20)
        assert caught.value.hint
        net.partition("ana", "cara")
        net.partition("ben", "cara")
        case = await ana.create(Visit, title="y")
        await case.synced(min_peers=1)
        assert "y" in await titles(ben)
        with pytest.raises(errors.Timeout):
            await case.synced(min_peers=2, timeout=60)
        assert "y" not in await titles(cara)
        await ana.synced(min_peers=0, timeout=0)
        known = {peer.name: peer for peer in ana.peers()}
        assert known["ben"].connected
        assert not known["cara"].connected
        assert known["ben"].has_mine == known["cara"].has_mine + 1
        net.heal()
        await case.synced(min_peers=2, timeout=600)
        assert "y" in await titles(cara)


async def test_synced_after_reopening(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    net = memory_network
    async with net.cells("ana", "ben") as [ana, _]:
        await write_a_little(ana, "x")
        await ana.synced()
    async with net.device("ana").opened() as ana:
        await ana.synced(timeout=1)  # it was confirmed before
        await write_a_little(ana, "y")
        with pytest.raises(errors.Timeout):  # nobody is there to say so
            await ana.synced(timeout=60)
        async with net.device("ben").opened():
            await ana.synced(timeout=60)


async def test_a_reader_who_has_written_nothing_is_synced(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with memory_network.cells("ana", "ben", role="reader") as [_, ben]:
        await ben.synced(timeout=60)


# --- peers that misbehave ----------------------------------------------------------------------------------


async def test_a_device_that_stops_reading(autojump_clock: MockClock) -> None:
    """In the middle of a catch-up. What waits for it stays bounded, the others go on, and it catches up later."""
    net = MemoryNetwork(5)
    async with net.cells("ana", "ben", "cara") as [ana, ben, cara]:
        net.partition("cara", ["ana", "ben"])
        case = await ana.create(Visit, title="x")
        for number in range(200):
            async with case.edit() as draft:
                draft.notes.append(f"{number} " + "y" * 30_000)  # 6 MB
        net.heal()
        with trio.fail_after(60):
            async with cara.changes() as changes:
                async for change in changes:
                    if change.value and change.value.startswith("20 "):
                        break
        net.partition("cara", ["ana", "ben"], silent=True)
        most = 0
        for number in range(30):
            await ana.create(Visit, title=str(number))
            for link in ana.node.links.values():
                most = max(most, sum(map(len, link.session._connection.outgoing)))
            await ana.synced(min_peers=1, timeout=60)
        assert most < 4 << 20
        assert len(await titles(ben)) == 31
        await trio.sleep(1000)
        assert cara.device not in ana.node.links  # it was given up
        net.heal()
        await level([ana, ben, cara])
    net.check_failures()


async def test_strangers_do_not_disturb(autojump_clock: MockClock) -> None:
    net = MemoryNetwork(5)
    random = Random(5)
    eve = net.host("eve")
    async with net.cells("ana", "ben") as [ana, ben]:
        at = Address(net.host("ana").host, ana.node.port)

        async def bother(number: int) -> None:
            try:
                stream = await eve.dial(at)
                async with stream:
                    await stream.send_all(random.randbytes(random.choice([1, 41, 42, 43, 2000, 60_000])))
                    if number % 3:
                        with trio.move_on_after(200):
                            while await stream.receive_some():
                                pytest.fail("a stranger was answered")
            except (trio.BrokenResourceError, errors.NoPeer):
                pass

        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(bother, number)
            await write_a_little(ana, "x")
            await level([ana, ben], 30)
        assert net.bytes_sent["ana", "eve"] == 0
        await trio.sleep(300)
        net.partition("ana", "ben")
        await write_a_little(ana, "y")
        net.heal()
        await level([ana, ben], 60)
    assert not net.failures


async def test_a_device_of_another_cell_is_a_stranger(autojump_clock: MockClock) -> None:
    net = MemoryNetwork(5)
    async with net.cells("ana", "ben") as [ana, ben], net.cells("cara", "dina") as [cara, dina]:
        await write_a_little(ana, "x")
        await write_a_little(cara, "y")
        await trio.sleep(600)
        assert not await titles(ben) & await titles(dina)
        assert len(ana.members()) == len(cara.members()) == 2
        assert not any(net.bytes_sent[one, other] for one in ("ana", "ben") for other in ("cara", "dina"))
    net.check_failures()


async def test_a_full_disk(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The device says so and lives; nothing acknowledged is lost; it goes on when there is room again."""
    net = MemoryNetwork(5)
    async with net.cells("ana", "ben") as [ana, ben]:
        case = await ana.create(Visit, title="x")
        await level([ana, ben])
        store = ben.first.circle.store
        assert isinstance(store, SqliteStore)
        flush = store.flush

        def full() -> None:
            store._roll_back()  # as a commit that fails
            raise errors.DiskFull

        monkeypatch.setattr(store, "flush", full)
        with pytest.raises(errors.DiskFull):
            await ben.create(Visit, title="not stored")
        theirs = await ben.get(Visit, case.id)
        with pytest.raises(errors.DiskFull):
            async with theirs.edit() as draft:
                draft.title = "not stored"
        assert theirs.title == "x"
        async with case.edit() as draft:
            draft.title = "y"
        await trio.sleep(300)
        assert theirs.title == "x"
        monkeypatch.setattr(store, "flush", flush)
        await level([ana, ben])
        assert theirs.title == "y"
        async with theirs.edit() as draft:
            draft.title = "room again"
        await level([ana, ben])
        assert case.title == "room again"
    net.check_failures()


async def test_devices_that_come_and_go(autojump_clock: MockClock) -> None:
    net = MemoryNetwork(9)
    net.latency(0.03)
    random = Random(9)
    devices: dict[str, SimulatedDevice] = {}
    wanted: set[str] = set()
    async with net.cells(*NAMES[:4]) as among:
        devices = {name: net.device(name) for name in NAMES[:4]}
        await level(among)

    async def life(name: str, chance: Random) -> None:
        for turn in range(6):
            await trio.sleep(chance.uniform(0, 40))
            async with devices[name].opened() as cell:
                for number in range(chance.randrange(4)):
                    await cell.create(Visit, title=f"{name} {turn} {number}")
                    wanted.add(f"{name} {turn} {number}")
                    await trio.sleep(chance.uniform(0, 5))
                await trio.sleep(chance.uniform(0, 20))

    async with trio.open_nursery() as nursery:
        for name in devices:
            nursery.start_soon(life, name, Random(random.random()))
    async with AsyncExitStack() as stack:
        among = [await stack.enter_async_context(laptop.opened()) for laptop in devices.values()]
        await level(among)
        assert await titles(among[0]) == wanted
    net.check_failures()


async def test_nothing_grows_where_nothing_happens(autojump_clock: MockClock) -> None:
    net = MemoryNetwork(9)
    async with net.cells("ana", "ben", "cara") as among:
        await write_a_little(among[0], "x")
        await level(among)

        def sizes() -> list[tuple[int, ...]]:
            return [
                (
                    len(cell.node.whereabouts[cell.first.circle.id].spots.known),
                    max(map(len, cell.node.whereabouts[cell.first.circle.id].spots.known.values()), default=0),
                    len(cell.node.calls.under_way - cell.node.links.keys()),
                    len(cell.node.links),
                    len(cell.node.others.seen),
                    len(cell.node.others.delivered),
                    len(cell.first.circle._watchers),
                    len(cell.first.followers),
                )
                for cell in among
            ]

        await trio.sleep(1000)
        before, sent = sizes(), net.bytes_sent.total()
        for _ in range(10):
            for name in NAMES[:3]:
                net.host(name).change_address()
                await trio.sleep(100)
        await trio.sleep(1000)
        after = sizes()
        for one, other in zip(before, after, strict=True):
            assert other[1] <= AT_ONE_SITE + SAID_BY_OTHERS
            assert one[2:] == other[2:]
        quiet = net.bytes_sent.total()
        await trio.sleep(3600)
        assert net.bytes_sent.total() - quiet < 1_000_000  # pings, and no more
        assert sent
