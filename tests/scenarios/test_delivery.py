"""Cells in which somebody is suspended, or was removed: what they are told of it, and what the others hear of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell
from cellsync.core.errors import InvalidValue, NotPermitted, Timeout
from cellsync.core.ids import CaseId, Day, EntryId, EpochId, MemberId, Millis
from cellsync.core.membership.control import Role
from cellsync.core.membership.editions import OURS
from cellsync.core.membership.epochs import WantedEpoch
from cellsync.core.membership.settings import Setting
from cellsync.core.membership.standing import DeviceStatus
from cellsync.core.replica.planner import Intention
from cellsync.core.wire.messages import encode_wanted
from cellsync.core.wire.tags import Kind
from cellsync.ledger import allowance, duty, members
from cellsync.testing import MemoryNetwork, SimulatedDevice, level
from tests.cell.cells import Visit


async def remove(cell: Cell, other: Cell) -> EntryId:
    return await cell.first.membership.remove([MemberId(other.device)])


async def promote(cell: Cell, other: Cell) -> EntryId:
    return await cell.first.membership.set_role(MemberId(other.device), Role.COORDINATOR)


def status(cell: Cell, of: Cell) -> DeviceStatus | None:
    """How a device stands, as another one shows it."""
    return cell.first.circle.shown.court.ruling.decision.statuses.get(of.device)


def has_heard(cell: Cell, entry: EntryId) -> bool:
    """Whether a device has heard of an entry about members, if only because it was told."""
    return cell.first.circle.shown.circle.bit(entry) is not None


async def until(*conditions: Callable[[], bool], within: float = 3_600) -> None:
    with trio.fail_after(within):
        for condition in conditions:
            while not condition():  # noqa: ASYNC110 - what is waited for has no event
                await trio.sleep(1)


@asynccontextmanager
async def quarrel(net: MemoryNetwork, *, withheld: bool = True) -> AsyncIterator[list[Cell]]:
    """Ana and Ben, coordinators, have removed each other while they were apart; Cara and Dan have heard of both.

    `withheld`: the removals cite cases, so they are only told; else they come whole.
    """
    async with (
        (await net.device("ana").found()).opened() as ana,
        (await net.device("ben").join(ana)).opened() as ben,
        (await net.device("cara").join(ana)).opened() as cara,
        (await net.device("dan").join(ana)).opened() as dan,
    ):
        await promote(ana, ben)
        await level([ana, ben, cara, dan])  # he seconds what removals need
        promotion = await promote(ana, cara)
        await level([ana, ben, cara, dan])
        await ben.first.membership.endorse([promotion])  # so that Cara's word counts
        await level([ana, ben, cara, dan])
        net.partition("ana", ["ben", "cara", "dan"])
        net.partition("ben", ["cara", "dan"])
        for one, other in ((ana, ben), (ben, ana)):
            if withheld:
                await one.create(Visit, title="written while apart")  # the removal cites it
            await remove(one, other)
        net.heal()
        net.partition(["ana", "cara"], ["ben", "dan"])  # whoever hears of the one removal first does not hear the other
        await until(lambda: status(cara, ben) is DeviceStatus.REMOVED, lambda: status(dan, ana) is DeviceStatus.REMOVED)
        net.heal()
        net.partition("ana", "ben")
        suspended = DeviceStatus.SUSPENDED
        await until(*(lambda one=one, of=of: status(one, of) is suspended for one in (cara, dan) for of in (ana, ben)))
        yield [ana, ben, cara, dan]


async def test_two_who_removed_each_other_learn_of_it_and_of_the_settlement(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with quarrel(memory_network) as [ana, ben, cara, dan]:
        both = [ana, ben]
        await until(*(lambda one=one: status(one, one) is DeviceStatus.SUSPENDED for one in both))
        case = await dan.create(Visit, title="not for who is suspended")
        await trio.sleep(600)
        for one in both:
            assert one.first.circle.hearsay, "what the removals cite is withheld"
            assert case.id not in one.first.circle.replica.held.cases
        strikes = cara.first.circle.replica.court.ruling.decision.strikes
        [strike] = [one.entry for one in strikes if MemberId(ben.device) in one.members]
        await cara.first.membership.endorse([strike])
        await until(lambda: status(dan, ben) is DeviceStatus.REMOVED, lambda: status(ana, ben) is DeviceStatus.REMOVED)
        await until(lambda: case.id in ana.first.circle.replica.held.cases)
        await level([ana, cara, dan])
        assert status(ben, ben) is DeviceStatus.SUSPENDED, "nobody tells him"
        assert not ana.first.circle.hearsay


async def test_what_builds_on_what_was_told_is_heard_in_the_same_session(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """The second batch has nothing to withhold: neither that nor its parents, which were only told, keep it waiting."""
    async with quarrel(memory_network) as [ana, _ben, cara, dan]:
        await until(lambda: status(ana, ana) is DeviceStatus.SUSPENDED)
        memory_network.partition(["ana", "cara"], "dan")
        await until(lambda: ana.node.links.keys() == {cara.device})
        session = ana.node.links[cara.device]
        await cara.create(Visit, title="not for who is suspended")
        circle = ana.first.circle
        for role in (Role.COORDINATOR, Role.WRITER):
            entry = await cara.first.membership.set_role(MemberId(dan.device), role)
            await until(partial(has_heard, ana, entry), within=30)
            assert circle.replica.circle.bit(entry) is None, "what is told is not held"
        assert ana.node.links[cara.device] is session


@asynccontextmanager
async def one_removed(net: MemoryNetwork) -> AsyncIterator[tuple[SimulatedDevice, list[Cell]]]:
    """Cara's device; and Ana, Ben and Cara, of whom Ana has removed Cara, a coordinator, while she was apart."""
    async with (
        (await net.device("ana").found()).opened() as ana,
        (await net.device("ben").join(ana)).opened() as ben,
    ):
        device = await net.device("cara").join(ana)
        async with device.opened() as cara:
            await promote(ana, cara)
            await level([ana, ben, cara])
            net.partition("cara", ["ana", "ben"])
            await cara.create(Visit, title="late testimony")
            await ana.create(Visit, title="written while apart")
            await remove(ana, cara)
            await level([ana, ben])
            yield device, [ana, ben, cara]


async def test_who_was_removed_learns_it_from_whoever_tells(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with one_removed(memory_network) as (_, [ana, _ben, cara]):
        memory_network.heal()
        secret = await ana.create(Visit, title="not for Cara")
        await trio.sleep(3_600)
        assert not cara.first.circle.is_removed, "nobody tells her"
        await ana.first.membership.tell(MemberId(cara.device))
        await until(lambda: cara.first.circle.is_removed)
        removal = (await cara.first.membership.roster()).own.removal
        assert removal is not None
        assert (removal.by, removal.state, removal.final) == ("ana", "stands", False)
        assert not cara.first.circle.is_removed_for_good
        assert cara.first.circle.others() == [ana.device], "who told her may have more to tell"
        await trio.sleep(3_600)
        assert secret.id not in cara.first.circle.replica.held.cases
        assert cara.node.links.keys() == {ana.device}


async def test_it_is_told_after_both_have_begun_anew(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    net = memory_network
    founded = await net.device("ana").found()
    async with founded.opened() as ana:
        device = await net.device("cara").join(ana)
        async with device.opened() as cara:
            await level([ana, cara])
        await ana.create(Visit, title="written while she was away")
        await remove(ana, cara)
        await ana.first.membership.tell(MemberId(cara.device))
    async with founded.opened() as ana, device.opened() as cara:
        await until(lambda: cara.first.circle.is_removed)
    async with founded.opened() as ana, device.opened() as cara:
        assert cara.first.circle.is_removed, "it is kept"
        await trio.sleep(600)
        assert cara.node.links.keys() == {ana.device}
        await ana.first.membership.tell(MemberId(cara.device), told=False)
        await until(lambda: not ana.node.links, lambda: not cara.node.links, within=60)


async def test_who_is_told_answers_and_is_heard(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with one_removed(memory_network) as (_, [ana, ben, cara]):
        await ben.first.membership.tell(MemberId(cara.device))
        memory_network.heal()
        await until(lambda: cara.first.circle.is_removed)
        assert status(ana, cara) is DeviceStatus.REMOVED
        await remove(cara, ana)
        assert not cara.first.circle.is_removed, "word against word"
        suspended = DeviceStatus.SUSPENDED
        everyone = [ana, ben, cara]
        await until(*(lambda one=one, of=of: status(one, of) is suspended for one in everyone for of in (ana, cara)))


@pytest.mark.parametrize("later", [False, True], ids=["told with the removal", "told later"])
@pytest.mark.parametrize("anew", [False, True], ids=["at once", "after a restart"])
async def test_whoever_removed_her_and_told_her_hears_her_answer_and_so_does_her_ally(
    memory_network: MemoryNetwork, autojump_clock: MockClock, later: bool, anew: bool
) -> None:
    """Her answer removes whoever told her, by all that she holds. With what she was told, both are heard still."""
    net = memory_network
    async with (
        (await net.device("ana").found()).opened() as ana,
        (await net.device("ben").join(ana)).opened() as ben,
        trio.open_nursery() as nursery,
    ):
        device = await net.device("cara").join(ana)
        cara = await device.open(nursery)
        await promote(ana, cara)
        await level([ana, ben, cara])
        net.partition("cara", ["ana", "ben"])
        late = await cara.create(Visit, title="late testimony")  # her answer cites it
        await ana.create(Visit, title="written while apart")
        await ana.first.membership.remove([MemberId(cara.device)], tell=not later)
        if later:
            await level([ana, ben])
            await ana.first.membership.tell(MemberId(cara.device))
        net.heal()
        await until(lambda: cara.first.circle.is_removed)
        if anew:
            await device.close()
            cara = await device.open(nursery)
        [removal] = await cara.first.membership.to_contest()
        answer = await cara.first.membership.contest(removal.entry)
        after = await cara.create(Visit, title="after the answer")
        suspended, everyone = DeviceStatus.SUSPENDED, [ana, ben, cara]
        await until(*(lambda one=one, of=of: status(one, of) is suspended for one in everyone for of in (ana, cara)))
        await trio.sleep(600)
        assert ana.device in await cara.first.membership.confirmed(answer)
        assert late.id in ana.first.circle.replica.held.cases, "it was here when she answered"
        assert not ana.first.circle.replica.shows(late.id)
        assert after.id not in ana.first.circle.replica.held.cases, "that is not for somebody whom she has removed"
        await device.close()


async def test_an_answer_with_too_few_words_is_heard_all_the_same_and_then_there_is_silence(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "LEAVING", Millis(900_000))  # a week of virtual time takes a minute
    async with (
        (await memory_network.device("ana").found()).opened() as ana,
        (await memory_network.device("ben").join(ana)).opened() as ben,
        (await memory_network.device("cara").join(ana)).opened() as cara,
    ):
        await promote(ana, ben)
        await level([ana, ben, cara])
        promotion = await promote(ana, cara)
        await level([ana, ben, cara])
        await ben.first.membership.endorse([promotion])  # so that Cara's word counts
        await level([ana, ben, cara])
        memory_network.partition("ben", ["ana", "cara"])
        await ana.create(Visit, title="written while apart")
        removal = await ana.first.membership.remove([MemberId(ben.device)], tell=True)
        await level([ana, cara])
        await cara.first.membership.endorse([removal])
        await level([ana, cara])
        memory_network.heal()
        await until(lambda: ben.first.circle.is_removed)
        assert ben.first.circle.is_parted
        answer = await ben.first.membership.contest(removal)
        assert ben.first.circle.is_removed, "one word against two"
        await until(*(lambda one=one: holds(one, answer) for one in (ana, cara)))
        assert status(cara, ben) is DeviceStatus.REMOVED
        assert status(cara, ana) is DeviceStatus.ACTIVE
        await trio.sleep(1_000)
        assert ben.first.circle.is_parted
        assert not ben.node.links


def holds(cell: Cell, entry: EntryId) -> bool:
    return cell.first.circle.replica.circle.bit(entry) is not None


async def test_a_sync_of_who_is_suspended_says_that_it_is(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with quarrel(memory_network) as [_, ben, *_]:
        await until(lambda: ben.first.circle.is_suspended)
        with pytest.raises(Timeout, match="this device is suspended"):
            await ben.sync(timeout=60)


async def test_nobody_waits_for_who_is_suspended(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    """A sync would else take as long as it may, as long as a dispute lasts."""
    async with quarrel(memory_network) as [_, ben, cara, dan]:
        await until(
            lambda: status(cara, ben) is DeviceStatus.SUSPENDED, lambda: status(cara, dan) is DeviceStatus.ACTIVE
        )
        began = trio.current_time()
        found = {peer.name: peer for peer in await cara.sync(everyone=True, timeout=600)}
        assert trio.current_time() - began < 60
        assert (found["ben"].suspended, found["ben"].reached, found["ben"].came_in_step) == (True, True, None)
        assert not found["dan"].suspended
        assert found["dan"].came_in_step is not None


async def test_it_is_told_whether_it_is_final(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    """Two have spoken, and another one has seen that: so whoever was removed has to see it, too."""
    net = memory_network
    async with quarrel(net) as [ana, ben, cara, dan]:
        net.partition("ben", ["ana", "cara", "dan"])
        [strike] = [
            one.entry
            for one in cara.first.circle.shown.court.ruling.decision.strikes
            if one.author == MemberId(ana.device)
        ]
        word = await cara.first.membership.endorse([strike])
        await until(lambda: status(dan, ben) is DeviceStatus.REMOVED, lambda: holds(ana, word))
        await ana.create(Visit, title="between")
        await ana.first.membership.endorse([strike])  # an entry of hers that has seen Cara's word
        await level([ana, cara, dan])
        assert dan.first.circle.replica.court.ruling.decision.is_final(strike)
        await dan.first.membership.tell(MemberId(ben.device))
        net.heal()
        await until(lambda: ben.first.circle.is_removed)
        assert ben.first.circle.is_removed_for_good


async def test_what_comes_little_by_little_is_heard_together(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        heard: list[float] = []
        hearsay = ana.first.circle.hearsay
        monkeypatch.setattr(hearsay, "renew", lambda: heard.append(trio.current_time()))
        hearsay.is_behind = True
        began = trio.current_time()
        for days in (30, 31, 32):
            await ana.first.membership.choose(Setting.KEPT_FOR, days)
        await trio.sleep(59)
        assert not heard
        await trio.sleep(2)
        assert [at - began for at in heard] == [60]


async def test_who_is_told_no_more_meets_silence(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with one_removed(memory_network) as (_, [ana, ben, cara]):
        with pytest.raises(InvalidValue):
            await ana.first.membership.tell(MemberId(ana.device))
        await ana.first.membership.tell(MemberId(cara.device))
        await ana.first.membership.tell(MemberId(cara.device), told=False)
        with pytest.raises(NotPermitted):
            await ben.first.membership.remove([MemberId(ana.device)], tell=True)
        assert not ben.first.circle.telling, "nobody was removed"
        memory_network.heal()
        await trio.sleep(3_600)
        assert not cara.first.circle.is_removed
        assert not ana.node.links.keys() & {cara.device}


async def test_whoever_was_removed_and_floods_meets_silence(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What she brings is aside, and soon it is enough for a day."""
    monkeypatch.setattr(allowance, "DAILY", 20_000)
    net = memory_network
    async with one_removed(net) as (_, [ana, _ben, cara]):
        await ana.first.membership.tell(MemberId(cara.device))
        monkeypatch.setattr(type(cara.first.circle), "is_removed", False)  # her program does not obey
        first = await cara.create(Visit, title="x" * 30_000)
        net.heal()
        net.partition("ben", "cara")
        held = ana.first.circle.replica.held
        await until(lambda: first.id in held.cases)
        before = sum(chain.length for chain in held.of_device(cara.device))
        second = await cara.create(Visit, title="one more")
        await trio.sleep(3_600)
        assert sum(chain.length for chain in held.of_device(cara.device)) == before
        assert second.id not in held.cases
        assert not ana.first.circle.devices_with(cara.secrets.public.session), "until tomorrow"
        assert not ana.first.circle.replica.shows(first.id), "it is in quarantine"
        assert status(ana, cara) is DeviceStatus.REMOVED


async def test_whoever_is_suspended_is_given_neither_states_nor_cases_whatever_they_ask(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with quarrel(memory_network) as [ana, ben, cara, dan]:
        case = await cara.create(Visit, title="not for who is suspended")
        begun, states = duty.begin_epoch(cara.first.circle, ())
        assert ana.device not in begun.devices
        shape, content = OURS.kinds[Kind.ROTATE].encode(begun, bytes(16))
        rotation = Intention(Kind.ROTATE, CaseId(cara.first.circle.id), shape, content)
        plan = await cara.first.circle.write(cara.secrets.signing, [rotation])
        epoch = EpochId(plan.commit.entries[0].id)
        await cara.first.circle.entrust(epoch, states)
        await level([cara, dan])
        assert dan.first.circle.epochs.holds(epoch)
        for one in (ana, ben):
            one.first.circle.safe.keyring.wanted = WantedEpoch(epoch, begun.commitment, begun.day, Day(begun.day + 9))
        await until(*(lambda one=one: knows(one, epoch) for one in (ana, ben)))
        for link in [link for one in (ana, ben) for link in one.node.links.all()]:
            link.session._connection.send(encode_wanted(next(iter(link.session._exchanges)), epoch))
            link.look()
        await trio.sleep(3_600)
        for one in (ana, ben):
            assert case.id not in one.first.circle.replica.held.cases
            assert not one.first.circle.epochs.keeps(epoch)


def knows(cell: Cell, epoch: EpochId) -> bool:
    return cell.first.circle.shown.circle.bit(EntryId(epoch)) is not None


async def test_who_is_told_from_the_beginning_is_heard_after_several_rotations(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """The epoch that she holds is among the three newest no more."""
    net = memory_network
    async with net.cells("ana", "cara") as [ana, cara]:
        circle = ana.first.circle
        net.partition("ana", "cara")
        await ana.first.membership.remove([MemberId(cara.device)], tell=True)
        for _number in range(3):
            async with circle.lock:
                begun, states = duty.begin_epoch(circle)
                shape, content = OURS.kinds[Kind.ROTATE].encode(begun, bytes(16))
                rotation = Intention(Kind.ROTATE, CaseId(circle.id), shape, content)
                plan = await circle.write_locked(ana.secrets.signing, [rotation])
                await duty.entrust(circle, plan.commit.entries[0].id, states)
        [theirs] = cara.first.circle.epochs.recent
        assert theirs not in circle.epochs.recent
        net.heal()
        await until(lambda: cara.first.circle.is_removed)
