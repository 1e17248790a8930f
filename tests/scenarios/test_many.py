"""The cost of thousands of devices, branches and peers: work is counted, in virtual time."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell
from cellsync.cell.facts import Facts
from cellsync.core import beacon, caps
from cellsync.core.ids import CaseId, DeviceId, Incarnation
from cellsync.core.membership.control import Admit, Role, encode_admit
from cellsync.core.replica.founding import device_secrets
from cellsync.core.session.exchange import Exchange
from cellsync.core.wire.batches import Batch, BatchChain
from cellsync.core.wire.places import Frontier, Line
from cellsync.core.wire.tags import Kind
from cellsync.ledger import circle as circle_module
from cellsync.node import node as node_module
from cellsync.node.link import PeerLink
from cellsync.node.lookout import LOOKED_FOR
from cellsync.node.network import Address, Sighting
from cellsync.testing import MemoryNetwork, level
from tests.cell.cells import Visit
from tests.cell.equivocators import joined, show
from tests.core.attacks import Draft, Writer, forge

T = TypeVar("T")


def counted(monkeypatch: pytest.MonkeyPatch, where: Any, name: str) -> list[None]:
    calls: list[None] = []
    real = getattr(where, name)

    def call(*args: object) -> object:
        calls.append(None)
        return real(*args)

    monkeypatch.setattr(where, name, call)
    return calls


async def test_a_beacon_is_compared_with_so_many_devices_those_that_were_met_first(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """12,000 devices that a coordinator had made cost each beacon of any stranger 200,000 hashes, in the event loop."""
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        address = Address("10.0.0.9", 4_000)
        shown = Sighting(ben.node._beacons._make((address,)), (address,))
        strange = Sighting(bytes(beacon.SIZE), (address,))
        crowd = [DeviceId(number.to_bytes(32, "big")) for number in range(5_000)]
        monkeypatch.setattr(ana.first.circle, "others", lambda: [*crowd, ben.device])
        hashes = counted(monkeypatch, beacon, "tag")
        assert ana.node._lookout._recognise(strange) is None
        assert len(hashes) <= LOOKED_FOR * 3 * 3
        ana.node.others.seen[ben.device] = ana.first.circle.surroundings.now()
        assert ana.node._lookout._recognise(shown) == (ben.device, address)
        assert len(ana.node._lookout._missing()) <= LOOKED_FOR


async def test_what_grew_is_encoded_once_for_all_peers(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with memory_network.cells("ana", "ben", "cara", "dora") as [ana, ben, *others]:
        memory_network.partition("ben", ["cara", "dora"])
        await trio.sleep(100)
        assert len(ana.node.links) == 3
        encoded = counted(monkeypatch, node_module, "growth")
        told = counted(monkeypatch, PeerLink, "tell")
        await ben.create(Visit, title="told")
        await level([ana, ben, *others])
        assert len(told) > len(encoded)
        assert len(encoded) == 3  # by each of those to whom somebody gave it


async def test_what_a_peer_lacks_is_counted_when_something_changes_and_not_when_somebody_asks(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        await trio.sleep(10)
        looked = counted(monkeypatch, type(ana.first.circle), "lacking")
        ana.peers()
        looked.clear()
        assert [peer.in_step_now for peer in [*ana.peers(), *ana.peers(), *ana.peers()]] == [True] * 3
        assert not looked
        await ben.create(Visit, title="new")
        await level([ana, ben])
        await trio.sleep(10)
        assert [peer.in_step_now for peer in ana.peers()] == [True]
        assert looked
        memory_network.partition("ana", "ben")
        await ana.create(Visit, title="newer")
        assert [peer.lacks for peer in ana.peers()] == [1]


async def test_where_a_peer_lacks_something_of_many_branches_is_found_beside_the_event_loop(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with memory_network.cells("ana") as [ana]:
        apart: list[None] = []
        run = ana.first.circle.apart

        async def noted(work: Callable[[], T]) -> T:
            apart.append(None)
            return await run(work)

        monkeypatch.setattr(ana.first.circle, "apart", noted)
        for many, times in ((caps.DEVICES, 0), (0, 1)):
            monkeypatch.setattr(circle_module, "MANY", many)
            exchange = Exchange(ana.first.circle, bytes(8), caps.FRAME)
            exchange._hear(Frontier(frozenset()))
            exchange.settle()
            apart.clear()
            async with ana.first.circle.lock:
                building = exchange.due(math.inf)
                assert building is not None
                await ana.first.circle.build(building)
            assert exchange.send(building)
            assert len(apart) == times


async def test_one_entry_that_brings_back_thousands_of_cases_is_stored_beside_the_event_loop(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cites an equivocator's long branch: three statements for each case were run in the event loop."""
    async with memory_network.cells("ana") as [ana]:
        visit = await ana.create(Visit, title="one")
        number = ana.first.circle.replica.held.cases[visit.id]
        apart: list[None] = []
        run = ana.first.circle.apart

        async def noted(work: Callable[[], T]) -> T:
            apart.append(None)
            return await run(work)

        plan = ana.first.circle.replica.plan_writes

        def many(*args: Any) -> Any:
            made = plan(*args)
            return made._replace(refold=[number] * (circle_module.LARGE + 1))

        monkeypatch.setattr(ana.first.circle, "apart", noted)
        monkeypatch.setattr(ana.first.circle.replica, "plan_writes", many)
        async with visit.edit() as draft:
            draft.title = "two"
        monkeypatch.undo()
        assert len(apart) >= 2
        assert visit.title == "two"


async def test_a_cell_goes_on_beside_a_coordinator_who_has_hundreds_introduced(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Eight branches, forty devices on each: all that is written still arrives, also after a restart."""
    net = memory_network
    laptop = await net.device("ana").found()
    async with laptop.opened() as ana:
        ben = await joined(net, ana, role="coordinator")
        async with (await net.device("cara").join(ana)).opened() as cara:
            await show(ana, crowds(ana, ben.writer(ana), 8, 40))
            await level([ana, cara])
            assert len(cara.members()) == 3 + 8 * 40
            assert not ana.first.circle.equivocators
            by_ana, by_cara = await ana.create(Visit, title="by Ana"), await cara.create(Visit, title="by Cara")
            await level([ana, cara])
        async with net.device("cara").opened() as cara:
            async with by_ana.edit() as draft:
                draft.title = "later"
            await level([ana, cara])
            [title] = [case.title for case in await cara.cases(Visit) if case.id == by_ana.id]
            assert title == "later"
            assert (await ana.get(Visit, by_cara.id)).title == "by Cara"
            assert sum(peer.connected for peer in ana.peers()) == 1


def crowds(cell: Cell, hostile: Writer, branches: int, each: int) -> list[Batch]:
    """So many branches of a coordinator whom `cell` has admitted, with so many admissions on each."""
    own = next(one for one in cell.first.circle.own_branches())
    seen = BatchChain(*own.line, own.length + 1, own.head, None)
    drawn = random.Random(3)
    batches: list[Batch] = []
    for number in range(branches):
        drafts: list[Draft] = []
        for _ in range(each):
            keys = device_secrets(drawn.randbytes(96)).public
            shape, content = encode_admit(Admit(Role.COORDINATOR, keys, "Ben"), drawn.randbytes(16))
            drafts.append(Draft(kind=Kind.ADMIT, case=CaseId(cell.first.circle.id), shape=shape, content=content))
        drafts[0] = drafts[0]._replace(parents=[(1, 1, own.head, own.height)])
        writer = hostile._replace(incarnation=Incarnation(number.to_bytes(8, "big")))
        batches.append(forge(writer, drafts, [seen])[0])
    return batches


async def test_whether_forks_are_settled_is_seen_from_the_branches_of_their_device(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """For each device with a fork the chains of all were gone through: thousands of puppets, each of whom forks."""
    async with memory_network.cells("ana") as [ana]:
        held = ana.first.circle.replica.held
        facts = Facts(ana.first.circle, ana.node)
        lines = held.lines = Lines(held.lines)
        facts._look_at_forks({ana.device})
        assert not lines.walks


class Lines(dict[Line, list[int]]):
    """Chains by name, and how often all of them have been gone through."""

    walks = 0

    def __iter__(self) -> Iterator[Line]:
        self.walks += 1
        return super().__iter__()


async def test_what_the_branches_attest_is_read_beside_the_event_loop(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with memory_network.cells("ana", "ben") as [ana, _]:
        apart: list[object] = []
        run = ana.first.circle.apart

        async def noted(work: Callable[[], T]) -> T:
            apart.append(work)
            return await run(work)

        monkeypatch.setattr(ana.first.circle, "apart", noted)
        await ana.first.circle.tidy()
        assert ana.first.circle._attested in apart
