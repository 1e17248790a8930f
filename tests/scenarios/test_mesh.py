"""Many connected devices: each entry travels over few links, and no device depends on a single other. Virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell
from cellsync.core.ids import CircleId
from cellsync.core.session.building import Building
from cellsync.core.session.events import Event
from cellsync.core.session.exchange import Exchange
from cellsync.core.session.session import Session
from cellsync.core.session.way import Way
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.source import OWN_HAND, FromSession
from cellsync.node.node import PASSED_BY_EVERY
from cellsync.node.strand import Strand
from cellsync.testing import MemoryNetwork, level
from tests.cell.cells import Visit, founded_as_before
from tests.scenarios.test_many import counted

NAMES = ("ana", "ben", "cara", "dora", "edo", "fine", "gil")
LATE = 15.0  # seconds that a member who keeps entries to itself may delay others
SETTLED = 30.0  # seconds after which all are connected, and have told what they hold


async def written(by: Cell, among: list[Cell], within: float = LATE) -> float:
    """Make an edit. Returns after how many seconds all of these cells hold it."""
    began = trio.current_time()
    await by.create(Visit, title="on its way")
    digest = by.first.circle.digest()
    with trio.fail_after(within):
        while any(one.first.circle.digest() != digest for one in among):  # noqa: ASYNC110
            await trio.sleep(0.01)
    return trio.current_time() - began


@asynccontextmanager
async def settled(net: MemoryNetwork) -> AsyncIterator[list[Cell]]:
    """Cells that are all connected, and whose links have shown what they are."""
    async with net.cells(*NAMES) as made:
        await trio.sleep(SETTLED)
        await written(made[0], made)
        await trio.sleep(SETTLED)
        yield made


def needed(cell: Cell) -> int:
    return sum(link.strand(cell.first.circle.id).way is Way.NEEDED for link in cell.node.links.all())


async def test_each_device_gets_an_edit_once(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """47 devices that were all connected told each other of it 2,100 times: 656 kB for one edit."""
    net = memory_network
    net.latency(0.002)
    async with net.cells(*NAMES) as made:
        await trio.sleep(SETTLED)
        assert all(len(one.node.links) == len(NAMES) - 1 for one in made)
        await written(made[0], made)
        await trio.sleep(SETTLED)
        assert sum(map(needed, made)) == 2 * (len(NAMES) - 1)  # a tree
        batches = counted(monkeypatch, OpenCircle, "ingest")
        told = counted(monkeypatch, Exchange, "tell")
        for author in (made[0], made[4], made[6]):
            batches.clear()
            assert await written(author, made) < 0.1
            assert len(batches) == len(NAMES) - 1
            assert not told
            await trio.sleep(0.5)


async def test_what_a_device_is_shown_to_hold_is_what_it_has_said(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a circle of before, where nothing but these edits is on its way."""
    founded_as_before(monkeypatch)
    async with memory_network.cells(*NAMES) as made:
        await trio.sleep(SETTLED)
        ana = made[0]
        for _ in range(2):
            await written(ana, made)
            unsaid = [peer for peer in ana.peers() if not peer.in_step_now]
            assert all(peer.lacks == 1 for peer in unsaid)  # it may hold it, and has not said so
            assert len(unsaid) < len(made) - 1
            with trio.fail_after(1):
                assert all(peer.in_step_now for peer in await ana.sync(everyone=True))
        await trio.sleep(SETTLED)  # nobody is asked again at once
        await written(ana, made)
        ana.peers()  # somebody looks
        await trio.sleep(0.5)
        assert all(peer.in_step_now for peer in ana.peers())
        await written(ana, made)
        await trio.sleep(90)  # untold for a minute: then it is due
        assert all(peer.in_step_now for one in made for peer in one.peers())


async def test_who_waits_for_a_device_gives_it_what_it_lacks(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with settled(memory_network) as made:
        keep_to_themselves(monkeypatch, made[1:])
        await made[0].create(Visit, title="for all")
        with trio.fail_after(1):
            assert all(peer.in_step_now for peer in await made[0].sync(everyone=True))


def keep_to_themselves(monkeypatch: pytest.MonkeyPatch, who: list[Cell]) -> None:
    """From now on these cells take and acknowledge everything, but neither tell of it nor pass it on."""
    circles = [one.first.circle for one in who]
    real = Session.pulling

    def pulling(
        self: Session, ripe: float, events: list[Event], of: CircleId | None = None
    ) -> Iterator[Building]:  # fmt: skip
        if not any(view is circle for view in self._connection.views.values() for circle in circles):
            return real(self, ripe, events, of)
        for exchange in self._exchanges.values():
            exchange.settle()
        return iter(())

    monkeypatch.setattr(Session, "pulling", pulling)


async def test_a_member_who_keeps_entries_to_itself_delays_nobody_for_long(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with settled(memory_network) as made:
        swallowing = max(made, key=needed)
        assert needed(swallowing) > 1
        keep_to_themselves(monkeypatch, [swallowing])
        others = [one for one in made if one is not swallowing]
        late = [await written(author, others) for author in [*others, *others]]
        assert max(late) > 0.1  # once: it was on the way, and a hop takes 0.01 s
        assert max(late[len(others) :]) < 1  # and is not any more


async def test_three_of_seven_who_keep_entries_to_themselves_delay_nobody_for_long(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They carried the most, so all honest devices lose most of their ways together."""
    async with settled(memory_network) as made:
        swallowing = sorted(made, key=needed)[-3:]
        keep_to_themselves(monkeypatch, swallowing)
        others = [one for one in made if one not in swallowing]
        batches = counted(monkeypatch, OpenCircle, "ingest")
        late = [await written(author, others) for author in [*others, *others]]
        assert max(late[len(others) :]) < 1  # no more than once each
        assert len(batches) <= 2 * len(late) * len(made)


async def test_a_member_who_passes_on_and_keeps_to_itself_in_turns_delays_nobody_for_long(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sends its own entries to all peers directly, so the ways past it become spare; then it is silent again."""
    memory_network.latency(0.002)
    async with memory_network.cells(*NAMES) as made:
        await trio.sleep(SETTLED)
        swallowing, random = max(made, key=needed), Random(7)
        others = [one for one in made if one is not swallowing]
        real: property = vars(Strand)["way"]

        def way(link: Strand) -> object:
            return Way.NEEDED if link.circle is swallowing.first.circle else real.__get__(link)

        monkeypatch.setattr(Strand, "way", property(way))
        late = []
        for _ in range(12):
            for _ in range(3):
                await written(swallowing, made)
                await trio.sleep(1)
            assert all(needed(one) == 1 for one in others)  # a star: nothing goes past it
            with monkeypatch.context() as patch:
                keep_to_themselves(patch, [swallowing])
                late += [await written(author, others) for author in random.sample(others, random.randint(1, 3))]
            await level(made)
        assert sum(took > 1 for took in late) > 6  # it was on the way again and again


async def test_a_member_who_only_seems_to_be_needed_delays_nobody_for_long(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes without end, does not tell what it holds, and passes nothing on: all its sessions are needed.

    In a circle of before: where all write seal keys at the beginning, a few other sessions are needed as well.
    """
    founded_as_before(monkeypatch)
    async with settled(memory_network) as made:
        claiming = max(made, key=needed)
        others = [one for one in made if one is not claiming]
        pass_on_only_their_own(monkeypatch, claiming)
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def write() -> None:
                while True:
                    await claiming.create(Visit, title="of its own")
                    await trio.sleep(0.7)

            await trio.sleep(SETTLED)
            assert needed(claiming) == len(others)
            for author in [*others, *others]:
                began = trio.current_time()
                case = await author.create(Visit, title="on its way")
                for one in others:
                    await one.get(Visit, case.id, wait=LATE)
                assert trio.current_time() - began < LATE
                await trio.sleep(1)
            nursery.cancel_scope.cancel()


def pass_on_only_their_own(monkeypatch: pytest.MonkeyPatch, who: Cell) -> None:
    """From now on this device serves nothing that others wrote, and does not tell what it holds."""
    held_back, tell, tell_untold = Exchange._held_back, Exchange.tell, Exchange.tell_untold

    def of_others(self: Exchange) -> set[int]:
        if self.view is not who.first.circle:
            return held_back(self)
        return {chain.number for chain in who.first.circle.replica.held.chains.values() if chain.device != who.device}

    def told(self: Exchange, grown: Sequence[bytes]) -> list[bytes]:
        return [] if self.view is who.first.circle else tell(self, grown)

    def told_later(self: Exchange, *, all_of_it: bool) -> list[bytes]:
        return [] if self.view is who.first.circle else tell_untold(self, all_of_it=all_of_it)

    monkeypatch.setattr(Exchange, "_held_back", of_others)
    monkeypatch.setattr(Exchange, "tell", told)
    monkeypatch.setattr(Exchange, "tell_untold", told_later)


async def test_who_passes_others_by_on_purpose_makes_them_tell_all_of_it_every_few_seconds_only(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise one entry given away in secret would cost a message over every connection."""
    async with settled(memory_network) as made:
        node = made[0].node
        link, now = node.links.all()[0], trio.current_time()
        given = FromSession(link.device, link.number)
        for way, said in ((Way.NEEDED, False), (Way.TRIED, False), (Way.SPARE, True)):
            with monkeypatch.context() as patch:
                patch.setattr(Strand, "way", way)
                assert node._passed_by(made[0].first.circle, given, now) is said
        monkeypatch.setattr(Strand, "way", Way.SPARE)
        assert [node._passed_by(made[0].first.circle, given, now + 0.5 * half) for half in range(1, 21)] == [
            half * 0.5 in (PASSED_BY_EVERY, 2 * PASSED_BY_EVERY) for half in range(1, 21)
        ]
        assert not node._passed_by(made[0].first.circle, OWN_HAND, now + 100)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
async def test_in_any_net_all_come_in_step_beside_a_member_who_keeps_entries_to_itself(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Links die, some silently, and each edit still reaches in time all devices that are connected without that one."""
    net, random = memory_network, Random(seed)
    async with net.cells(*NAMES) as made:
        hosts = dict(zip(NAMES, made, strict=True))
        swallowing = random.choice(NAMES[1:])
        keep_to_themselves(monkeypatch, [hosts[swallowing]])
        others = [name for name in NAMES if name != swallowing]
        for _ in range(3):
            net.heal()
            await trio.sleep(90)
            silent = random.random() < 0.5
            for one, other in broken(random, others, swallowing):
                net.partition(one, other, silent=silent)
            await trio.sleep(0 if silent else 90)
            for name in random.sample(others, 3):
                await written(hosts[name], [hosts[one] for one in others], LATE)
        net.heal()
        monkeypatch.undo()
        await level(made)


def broken(random: Random, others: list[str], swallowing: str) -> list[tuple[str, str]]:
    """Pairs that lose their connection; all but one device stay connected without that one."""
    order = random.sample(others, len(others))
    kept = {frozenset((order[at], random.choice(order[:at]))) for at in range(1, len(order))}
    kept |= {frozenset((swallowing, one)) for one in others}
    pairs = [(one, other) for one in NAMES for other in NAMES if one < other]
    return [pair for pair in pairs if frozenset(pair) not in kept and random.random() < 0.7]


async def test_in_a_place_that_nobody_knows_one_address_each_is_enough(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Most peers tell of only one other; still all devices hear of all."""
    net = memory_network
    hosts = [net.host(name) for name in (*NAMES, "hal")]
    for host in hosts:
        host.mode = "asked"  # no beacons, once all have joined
    async with net.cells(*NAMES, "hal") as made:
        for host in hosts:
            host.move("café")
        await trio.sleep(1)
        assert not any(len(one.node.links) for one in made)
        for (one, after), host in zip(pairwise(made), hosts[:-1], strict=True):
            await after.add_address(one.device, host.host, one.port)
        with trio.fail_after(60):
            while any(len(one.node.links) < len(made) - 1 for one in made):  # noqa: ASYNC110
                await trio.sleep(0.5)
