"""Cells whose circle goes from one epoch to the next: by the week, by a removal, and after months apart."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import combinations

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell
from cellsync.core.crypto.channel import MAX_PAYLOAD
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.ids import CaseId, EntryId, EpochId, EpochSecret, MemberId, Millis
from cellsync.core.membership.control import Role
from cellsync.core.membership.removal import Remove
from cellsync.core.membership.seal_secrets import SealSecrets
from cellsync.core.wire import batches, messages
from cellsync.core.wire.batches import Batch, BatchPart
from cellsync.core.wire.forms import NAME_BYTES
from cellsync.core.wire.tags import Kind
from cellsync.ledger import duty
from cellsync.ledger.source import FromSession
from cellsync.store.sqlite import SqliteStore
from cellsync.testing import MemoryNetwork, SimulatedDevice, level
from tests.cell.cells import DAY, Visit
from tests.scenarios.test_removals import write


def epoch(cell: Cell) -> EpochId:
    return cell.first.circle.epochs.newest


def oldest_secret(cell: Cell) -> bytes:
    return cell.first.circle.safe.keyring.secrets.oldest.secret.reveal()


def at_rest(cell: Cell) -> bytes:
    """All that a circle's database holds, free pages included, decrypted."""
    assert isinstance(cell.first.circle.store, SqliteStore)
    return cell.first.circle.store._db.serialize("main")


async def until_in_one_epoch(*cells: Cell, after: EpochId) -> EpochId:
    """The epoch that all are in, another one than before."""
    with trio.fail_after(3_600):
        for cell in (*cells, *cells):
            while epoch(cell) == after or len({epoch(one) for one in cells}) > 1:  # noqa: ASYNC110 (no event says so)
                await trio.sleep(5)
    return epoch(cells[0])


async def joined(net: MemoryNetwork, *names: str) -> list[SimulatedDevice]:
    """Devices that are in step, in a new circle."""
    founder = await net.device("ana").found()
    async with founder.opened() as ana:
        devices = [founder, *[await net.device(name).join(ana) for name in names]]
        async with opened(devices[1:]) as others:
            await level([ana, *others])
            await trio.sleep(600)
            assert len({epoch(cell) for cell in (ana, *others)}) == 1
            assert epoch(ana) == EpochId(ana.first.id), "its week has not passed"
    return devices


@asynccontextmanager
async def opened(devices: Sequence[SimulatedDevice], days: int = 0) -> AsyncIterator[list[Cell]]:
    """All of them at work, so many days later."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(one.with_clock(days * DAY).opened()) for one in devices]


async def test_a_cell_goes_to_a_new_epoch_every_week_and_renews_its_keys(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    devices = await joined(memory_network, "ben", "cara")
    async with opened(devices) as cells:
        firsts = [oldest_secret(cell) for cell in cells]
        assert all(first in at_rest(cell) for first, cell in zip(firsts, cells, strict=True)), "it would be seen"
    async with opened(devices, days=8) as cells:
        second = await until_in_one_epoch(*cells, after=EpochId(cells[0].first.id))
        await level(cells)
        await trio.sleep(600)
        assert {epoch(cell) for cell in cells} == {second}, "one device, and no other, has begun it"
        renewed = [bytes(cell.first.circle.safe.keyring.secrets.newest.entry) for cell in cells]
        assert set(renewed).isdisjoint(bytes(cell.device) for cell in cells)
    async with opened(devices, days=17) as cells:
        await until_in_one_epoch(*cells, after=second)
        note = await cells[2].create(Visit, title="in the third epoch")
        await cells[0].get(Visit, note.id, wait=600)
    async with opened(devices, days=26) as cells:
        await level(cells)
        await trio.sleep(600)
        assert not [first for first, cell in zip(firsts, cells, strict=True) if first in at_rest(cell)], "it is deleted"


async def test_who_is_removed_does_not_come_into_the_next_epoch(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    devices = await joined(memory_network, "ben", "cara")
    async with opened(devices) as [ana, ben, cara]:
        first = epoch(ana)
        removal = EpochId(await ana.first.membership.remove([MemberId(cara.device)]))
        assert await until_in_one_epoch(ana, ben, after=first) == removal
        await trio.sleep(600)
        assert epoch(cara) == first
        assert cara.device not in ana.node.links
        case = await ben.create(Visit, title="without her")
        await ana.get(Visit, case.id, wait=600)
    async with opened(devices[:2]) as [ana, ben]:
        assert epoch(ana) == epoch(ben) == removal, "it is kept"
        await level([ana, ben])


async def test_a_removal_without_an_epoch_of_its_own_is_followed_by_one(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    devices = await joined(memory_network, "ben", "cara")
    async with opened(devices) as [ana, ben, cara]:
        first = epoch(ana)
        await write(ana, Kind.REMOVE, Remove((cara.device,)))
        await until_in_one_epoch(ana, ben, after=first)
        await trio.sleep(600)
        assert epoch(cara) == first


async def test_who_was_away_for_months_comes_back_over_a_session(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    devices = await joined(memory_network, "ben", "cara")
    before, note = EpochId(bytes(32)), CaseId(bytes(32))
    for days in (8, 40, 80, 120, 160):
        async with opened(devices[:2], days) as [ana, ben]:
            before = await until_in_one_epoch(ana, ben, after=before if any(before) else EpochId(ana.first.id))
            note = (await ben.create(Visit, title="while she was away")).id
            await level([ana, ben])
    async with opened(devices, days=180) as cells:
        await cells[2].get(Visit, note, wait=86_400)
        await level(cells)
        await until_in_one_epoch(*cells, after=EpochId(cells[0].first.id))


async def carry(source: Cell, to: Cell) -> None:
    """Bring all entries of one to the other as bytes in a file would be: without a session, and with nothing else."""
    circle, lacks = source.first.circle, PeerHoldings({}, (), ())
    async with circle.lock:
        served = circle.serve(circle.cursor_for(lacks), lacks, circle.last_arrival())
    assert served.batch is not None
    assert served.cursor == circle.last_arrival()
    brought = Batch()
    for part in batches.encode_batch(bytes(NAME_BYTES), served.batch, MAX_PAYLOAD):
        message = messages.decode(part)
        assert isinstance(message, BatchPart)
        batches.extend(brought, message)
    plan = await to.first.circle.ingest(brought, FromSession(None, 1))
    assert not plan.refused


async def test_who_was_away_for_months_comes_back_by_entries_that_somebody_carries(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Entries alone are enough to open every epoch since: whatever a bundle or a page will hold, it needs no more."""
    devices = await joined(memory_network, "ben", "cara")
    epochs, note = [EpochId(bytes(32))], CaseId(bytes(32))
    for days in (8, 40, 80, 120, 160):
        async with opened(devices[:2], days) as [ana, ben]:
            before = epochs[-1] if any(epochs[-1]) else EpochId(ana.first.id)
            epochs.append(await until_in_one_epoch(ana, ben, after=before))
            note = (await ben.create(Visit, title="while she was away")).id
            await level([ana, ben])
    memory_network.partition("cara", ["ana", "ben"])
    async with opened([devices[0], devices[2]], days=161) as [ana, cara]:
        assert epoch(cara) == EpochId(cara.first.id)
        await carry(ana, cara)
        assert (await cara.get(Visit, note)).title == "while she was away"
        assert epoch(cara) == epoch(ana) == epochs[-1]
        now = cara.first.circle.surroundings.now()
        assert cara.first.circle.epochs.states(epochs[-1], now) == ana.first.circle.epochs.states(epochs[-1], now)


async def test_a_newcomer_is_known_to_hold_what_its_sponsor_was_in_and_not_the_newest_that_nobody_may_use(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    devices = await joined(net, "ben", "cara")
    async with opened(devices) as [ana, ben, cara]:
        net.partition("ana", ["ben", "cara"])
        removal = EpochId(await ana.first.membership.remove([MemberId(cara.device)]))
        for _ in range(4):
            await duty.begin_at_once(ben.first.circle, ben.secrets.signing)
        fallen = epoch(ben)
        net.heal()
        await until_in_one_epoch(ana, ben, after=fallen)
        assert epoch(ana) == removal
        dan = await net.device("dan").join(ana)
        async with dan.opened() as newcomer:
            await level([ana, ben, newcomer])
            assert epoch(newcomer) == removal
            rank = ben.first.circle.safe.facts.rank
            assert rank(fallen) > rank(removal)  # type: ignore[operator]
            assert ben.first.circle.safe.keyring.holders.of(newcomer.device) == removal


async def test_whoever_lacks_the_chosen_epoch_begins_another_before_they_let_anybody_in(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    devices = await joined(memory_network, "ben")
    async with opened(devices) as [ana, ben]:
        first, circle = epoch(ana), ben.first.circle
        begun, states = circle.safe.rotation(
            EpochSecret(bytes(32)), Millis(circle.surroundings.now() + 40_000 * DAY), None
        )
        ahead = EpochId(await write(ben, Kind.ROTATE, begun))
        await duty.entrust(circle, EntryId(ahead), states)
        await level([ana, ben])
        assert (epoch(ana), ana.first.circle.safe.facts.chosen) == (first, ahead)
        dan = await memory_network.device("dan").join(ana)
        async with dan.opened() as newcomer:
            await level([ana, ben, newcomer])
            assert epoch(newcomer) == epoch(ana) == ana.first.circle.safe.facts.chosen
            assert epoch(ana) not in (first, ahead)


@pytest.mark.parametrize("rounds", [1, 2, 5])
async def test_who_was_away_is_found_on_a_network_on_which_nobody_was_before(
    memory_network: MemoryNetwork, autojump_clock: MockClock, rounds: int
) -> None:
    """Addresses of before lead nowhere: only what devices show leads to them, and one shows itself in an old epoch."""
    devices = await joined(memory_network, "ben", "cara")
    before, note = EpochId(bytes(32)), CaseId(bytes(32))
    for days in range(8, 8 + 9 * rounds, 9):
        async with opened(devices[:2], days) as [ana, ben]:
            before = await until_in_one_epoch(ana, ben, after=before if any(before) else EpochId(ana.first.id))
            note = (await ben.create(Visit, title="while she was away")).id
            await level([ana, ben])
    for name in ("ana", "ben", "cara"):
        memory_network.host(name).move("elsewhere")
    async with opened([devices[0], devices[2]], days=9 + 9 * rounds) as [ana, cara]:
        await cara.get(Visit, note, wait=3_600)
        await until_in_one_epoch(ana, cara, after=EpochId(ana.first.id))


async def test_only_who_waits_finds_a_member_in_an_epoch_whose_secret_somebody_took_along(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Whoever was removed can make a beacon that looks like that of a member who has not heard of it: a call at once
    would tell them that somebody of the circle is here."""
    devices = await joined(memory_network, "ben", "cara", "dan")
    async with opened(devices[:3]) as [ana, ben, cara]:
        before = epoch(ana)
        await ana.first.membership.remove([MemberId(ben.device)])
        await until_in_one_epoch(ana, cara, after=before)
        note = (await cara.create(Visit, title="after he was removed")).id
        await level([ana, cara])
    for name in ("ana", "cara", "dan"):
        memory_network.host(name).move("elsewhere")
    async with opened([devices[0], devices[3]], days=1) as [ana, dan]:
        await trio.sleep(3_600)
        assert dan.device not in ana.node.links
        await ana.sync(timeout=60)
        await dan.get(Visit, note, wait=600)


async def test_who_is_admitted_after_a_rotation_gets_its_states(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    devices = await joined(memory_network, "ben")
    async with opened(devices, days=8) as [ana, ben]:
        second = await until_in_one_epoch(ana, ben, after=EpochId(ana.first.id))
        dan = await memory_network.device("dan").join(ben if ben.first.role is Role.COORDINATOR else ana)
        async with dan.with_clock(8 * DAY).opened() as newcomer:
            await level([ana, ben, newcomer])
            assert epoch(newcomer) == second


@asynccontextmanager
async def after_a_quarrel(net: MemoryNetwork, *, rotations: int) -> AsyncIterator[tuple[Cell, Cell]]:
    """Ana and Dan, who share only an older epoch, the first but so many that either keeps: what either is known to
    hold the other has forgotten. Nobody else is there."""
    names = ["ana", "ben", "cara", "dan"]

    def let_meet(*pairs: tuple[str, str]) -> None:
        net.heal()
        for one, other in combinations(names, 2):
            if (one, other) not in pairs:
                net.partition(one, other)

    async def rotate(cell: Cell, times: int = 1) -> None:
        for _ in range(times):
            await duty.begin_at_once(cell.first.circle, cell.secrets.signing)

    async with opened(await joined(net, *names[1:])) as cells:
        ana, ben, cara, dan = cells
        for coordinator in (ben, cara):
            await ana.first.membership.set_role(MemberId(coordinator.device), Role.COORDINATOR)
            await level(cells)
        first = epoch(ana)
        let_meet(("ana", "ben"), ("ben", "cara"), ("ben", "dan"))
        await rotate(ben)
        common = await until_in_one_epoch(*cells, after=first)
        let_meet(("ana", "cara"))
        removal = EpochId(await cara.first.membership.remove([MemberId(dan.device)]))
        await until_in_one_epoch(ana, cara, after=common)
        await rotate(cara)
        before = await until_in_one_epoch(ana, cara, after=removal)
        let_meet()
        await ben.first.membership.remove([MemberId(cara.device)])  # so her word against Dan falls
        let_meet(("ana", "ben"))
        await until_in_one_epoch(ana, ben, after=before)
        let_meet()
        for cell in (ana, dan):
            await rotate(cell, rotations)
        held = [cell.first.circle.epochs for cell in (ana, dan)]
        assert {*held[0].recent, *held[0].older} & {*held[1].recent, *held[1].older} == {common}
        assert common in held[0].older
        assert common in held[1].older
        assert dan.first.circle.holders.of(ana.device) == ana.first.circle.holders.of(dan.device) == first
        let_meet(("ana", "dan"))
        yield ana, dan


@pytest.fixture
def unshown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody renews a seal key: that would show who holds which epoch."""
    monkeypatch.setattr(SealSecrets, "is_renewal_due", lambda *_: False)


@pytest.mark.usefixtures("unshown")
async def test_two_that_share_only_an_older_epoch_after_a_quarrel_come_back_in_step_by_themselves(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with after_a_quarrel(memory_network, rotations=9) as (ana, dan):
        await level([ana, dan])
        assert epoch(ana) == epoch(dan)


@pytest.mark.usefixtures("unshown")
async def test_who_waits_for_a_sync_meets_at_once_who_shares_only_an_older_epoch(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with after_a_quarrel(memory_network, rotations=20) as (ana, dan):
        await dan.sync(timeout=30)
        assert ana.device in dan.node.links
