"""Cells, one of whose devices is removed: who is served what from then on, and what becomes of what it wrote."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell
from cellsync.cell import paper
from cellsync.cell.founding import RecoveryKey
from cellsync.core.errors import WrongPaper
from cellsync.core.ids import CaseId, DeviceId, EntryId, Incarnation, RecoverySecret
from cellsync.core.membership.control import Role
from cellsync.core.membership.editions import OURS
from cellsync.core.membership.release import Release
from cellsync.core.membership.removal import Remove
from cellsync.core.replica.planner import Intention
from cellsync.core.wire.tags import Kind
from cellsync.ledger.source import OWN_HAND
from cellsync.testing import MemoryNetwork, level
from tests.cell.cells import Visit
from tests.cell.test_membership import bring
from tests.core.replicas import drawn_secrets


async def write(cell: Cell, kind: Kind, operation: object) -> EntryId:
    shape, content = OURS.kinds[kind].encode(operation, bytes(16))
    plan = await cell.first.circle.write(
        cell.secrets.signing, [Intention(kind, CaseId(cell.first.circle.id), shape, content)]
    )
    return plan.commit.entries[0].id


async def remove(cell: Cell, *others: DeviceId) -> EntryId:
    return await write(cell, Kind.REMOVE, Remove(others))


def shows(cell: Cell, case: CaseId) -> bool:
    return cell.first.circle.replica.shows(case)


async def test_who_is_removed_is_sent_nothing_from_then_on(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    async with (
        (await net.device("ana").found()).opened() as ana,
        (await net.device("ben").join(ana)).opened() as ben,
        (await net.device("cara").join(ana)).opened() as cara,
    ):
        await level([ana, ben, cara])
        assert cara.device in ana.node.links
        await remove(ana, cara.device)
        assert not [
            link for link in ana.node.links.all() if not link._scope.cancel_called and link.device == cara.device
        ]
        case = await ana.create(Visit, title="not for Cara")
        await level([ana, ben])
        await trio.sleep(600)
        assert case.id not in cara.first.circle.replica.held.cases
        for cell in (ana, ben):
            assert cara.device not in cell.node.links
            assert not cell.first.circle.replica.circle.is_active(cara.device)
        assert cara.first.circle.replica.circle.is_active(cara.device), "nobody has told her"


async def test_who_learns_of_their_removal_calls_nobody(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    async with (
        (await net.device("ana").found()).opened() as ana,
        (await net.device("ben").join(ana)).opened() as ben,
        (await net.device("cara").join(ana)).opened() as cara,
    ):
        await level([ana, ben, cara])
        net.partition("ana", ["ben", "cara"])
        await remove(ana, cara.device)
        await bring(ana, cara)
        assert cara.first.circle.is_removed
        assert cara.first.circle.others() == []
        await trio.sleep(600)
        assert not cara.node.links
        assert ben.first.circle.replica.circle.is_active(cara.device), "he has not heard of it"
        case = await ben.create(Visit, title="after that")
        await trio.sleep(600)
        assert case.id not in cara.first.circle.replica.held.cases


async def test_late_testimony_is_kept_aside_until_it_is_released(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    async with (
        (await net.device("ana").found()).opened() as ana,
        (await net.device("ben").join(ana)).opened() as ben,
        (await net.device("cara").join(ana)).opened() as cara,
    ):
        await level([ana, ben, cara])
        early = await cara.create(Visit, title="seen before the removal")
        await level([ana, ben, cara])
        net.partition("ana", ["ben", "cara"])
        late = await cara.create(Visit, title="written in custody, perhaps")
        async with ben.edit(await ben.get(Visit, late.id, wait=600)) as draft:
            draft.title = "read by Ben"
        [testimony] = [chain.head for chain in cara.first.circle.own_branches()]
        await remove(ana, cara.device)
        net.heal()
        await level([ana, ben])
        assert [shows(cell, early.id) for cell in (ana, ben)] == [True, True]
        for cell in (ana, ben):
            state = cell.first.circle.replica.read(late.id)
            assert state is not None
            assert set(state.counted) == {ben.device}
        await write(ana, Kind.RELEASE, Release((testimony,)))
        await level([ana, ben])
        for cell in (ana, ben):
            state = cell.first.circle.replica.read(late.id)
            assert state is not None
            assert set(state.counted) == {ben.device, cara.device}
        assert ana.first.circle.replica.state_digest() == ben.first.circle.replica.state_digest()


async def test_the_recovery_key_removes_a_coordinator_at_once(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        circle, secret = await ana.ledger.found("another circle")
        signing, keys = ana.secrets.signing, drawn_secrets(b"m" * 96).public
        mallory = await circle.admit(signing, keys, "mallory", Role.COORDINATOR)
        shape, content = OURS.kinds[Kind.REMOVE].encode(Remove((mallory,)), bytes(16))
        remove_her = [Intention(Kind.REMOVE, CaseId(circle.id), shape, content)]
        with pytest.raises(WrongPaper):
            await circle.write_with_paper(RecoverySecret(bytes(32)), remove_her)
        assert circle.replica.circle.is_active(mallory)
        before = circle.line
        plan = await circle.write_with_paper(secret, remove_her)
        assert not circle.replica.circle.is_active(mallory)
        assert circle.replica.court.ruling.decision.is_final(plan.commit.entries[0].id)
        assert circle.line == before, "it is not this device that wrote"
        await circle.admit(signing, drawn_secrets(b"n" * 96).public, "nina", Role.WRITER)
        assert len(circle.replica.circle.active()) == 2


async def test_the_recovery_key_brings_back_who_was_struck_down(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """One coordinator gone bad has removed all others, in forty entries, and every one of them is disputed."""
    async with (await memory_network.device("ana").found()).opened() as ana:
        circle, secret = await ana.ledger.found("another circle")
        mallory, nina = (drawn_secrets(name * 96) for name in (b"m", b"n"))
        bad = await circle.admit(ana.secrets.signing, mallory.public, "mallory", Role.COORDINATOR)
        good = await circle.admit(ana.secrets.signing, nina.public, "nina", Role.WRITER)
        hers = bad, Incarnation(b"her life")
        shape, content = OURS.kinds[Kind.REMOVE].encode(Remove((circle.device, good)), bytes(16))
        async with circle.lock:
            strikes = [Intention(Kind.REMOVE, CaseId(circle.id), shape, content)] * 40
            now = circle.surroundings.now()
            await circle._commit(circle.replica.plan_writes(hers, mallory.signing, strikes, now), OWN_HAND)
        assert circle.is_removed
        members = {name: circle.replica.circle.grants[one].member for name, one in (("bad", bad), ("good", good))}
        key = RecoveryKey.read(str(RecoveryKey(secret)).lower().replace("-", " "))
        await paper.use(circle, key, remove=[members["bad"]], coordinators=[members["good"]])
        who = circle.replica.circle
        assert [who.current_role(one) for one in (circle.device, good, bad)] == [Role.COORDINATOR] * 2 + [None]
