"""Flags: one about an event stays until a person has seen it; one about a condition stays as long as that lasts."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell
from cellsync.api.operations.people import FLAGS
from cellsync.cell.facts import Facts
from cellsync.cell.flag import Flag, Reason
from cellsync.core import caps
from cellsync.core.crypto.channel import MAX_PAYLOAD
from cellsync.core.ids import CaseId, DeviceId, Incarnation, MemberId
from cellsync.core.wire import batches, messages
from cellsync.core.wire.batches import Batch, BatchPart
from cellsync.core.wire.mark import EntryForm, marked
from cellsync.testing import MemoryNetwork, SimulatedDevice, level
from tests.cell.cells import DAY, Visit
from tests.cell.equivocators import beside_one, joined, show, title
from tests.cell.template import Template
from tests.cell.test_backup import forked
from tests.cell.test_membership import bring, coordinators
from tests.core.attacks import forge
from tests.core.wire.sent import CIRCLE
from tests.scenarios.versions.test_cell import BOTH, build, two


async def test_flags_outlive_the_cell_until_they_are_dismissed(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    laptop = await memory_network.device("ana").found()
    async with laptop.opened() as cell:
        case = await cell.create(Visit, title="x")
        reasons, circle = (Reason.UNATTACHED, Reason.NO_RIGHT), cell.first.id
        raised = [Flag(reason, cell.device, "ana", case.id, circle=circle) for reason in reasons]
        cell.first._flags.add(raised)
        assert set(cell.flags) == set(raised)
    async with laptop.opened() as cell:
        assert set(cell.flags) == set(raised)
        cell.dismiss(raised[0])
        cell.dismiss(raised[0])
        await trio.sleep(5)
        assert cell.flags == [raised[1]]
    async with laptop.opened() as cell:
        assert cell.flags == [raised[1]]
        cell.first._flags.add(raised)
        assert set(cell.flags) == set(raised)


async def test_a_clock_ahead_is_flagged_at_the_others_also_after_opening_again(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    laptop = await memory_network.device("ana").found()
    async with laptop.opened() as ana:
        ahead = (await memory_network.device("ben").join(ana)).with_clock(30 * 3600)
        async with ahead.opened() as ben:
            await ben.get(Visit, (await ana.create(Visit, title="here")).id, wait=60)
            await ben.create(Visit, title="from tomorrow")
            await level([ana, ben])
            assert [(flag.reason, flag.author) for flag in ana.flags] == [(Reason.FUTURE, "ben")]
    async with laptop.opened() as ana:
        assert [(flag.reason, flag.author) for flag in ana.flags] == [(Reason.FUTURE, "ben")]


# --- what is so ----------------------------------------------------------------------------------------------


def flagged(cell: Cell) -> list[tuple[str, str]]:
    return [(flag.reason.value, flag.author) for flag in cell.flags]


async def dismiss(cell: Cell) -> None:
    """A person says that all has been seen, and it is kept."""
    for flag in cell.flags:
        cell.dismiss(flag)
    await cell.keep_flags()


async def test_a_fork_stays_until_its_device_has_gone_on(
    template: Template, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """Also if somebody else has built on both sides before."""
    async with forked(template, tmp_path) as (_, [ana, ben, cara]):
        await cara.create(Visit, title="built on both")
        await level([ana, ben, cara])
        for cell in (ana, ben, cara):
            await dismiss(cell)
            assert flagged(cell) == [("fork", "ben")]
        await ben.create(Visit, title="and on")
        await level([ana, ben, cara])
        for cell in (ana, ben, cara):
            assert flagged(cell) == []


async def test_a_fork_is_known_after_opening_again_whatever_was_kept(
    template: Template, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with forked(template, tmp_path) as (net, [_, _, cara]):
        identity = cara.device
    async with net.device("cara").opened() as cara, net.device("ben").opened() as ben:
        assert flagged(cara) == [("fork", "ben")]
        await cara.first.circle.keep("flags", b"")
        await ben.create(Visit, title="and on")
        await level([cara, ben])
        assert flagged(cara) == []
        assert cara.device == identity
    async with net.device("cara").opened() as cara:
        assert flagged(cara) == []


async def test_a_standing_fork_costs_only_steps_that_touch_its_device(
    template: Template, tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[DeviceId] = []
    settled = Facts._is_settled

    def look(facts: Facts, device: DeviceId) -> bool:
        looked.append(device)
        return settled(facts, device)

    async with forked(template, tmp_path) as (_, [ana, ben, cara]):
        await cara.create(Visit, title="built on both")
        await level([ana, ben, cara])
        monkeypatch.setattr(Facts, "_is_settled", look)
        for number in range(5):
            await cara.create(Visit, title=f"and on, {number}")
        await level([ana, ben, cara])
        assert looked == []
        await ben.create(Visit, title="it goes on")
        await level([ana, ben, cara])
        assert set(looked) == {ben.device}
        assert len(looked) <= 6
        looked.clear()
        await ben.create(Visit, title="it is settled")
        await level([ana, ben, cara])
        assert looked == []


async def test_an_equivocator_stays_flagged_and_not_as_a_fork_besides(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with beside_one(memory_network) as (laptop, ana, ben):
        case = await ana.create(Visit, title="x")
        for number, batch in enumerate(ben.sides(ana, case.id)):
            await show(ana, [batch])
            await dismiss(ana)
            expected = "" if not number else "fork" if number < caps.BRANCHES else "equivocator"
            assert flagged(ana) == ([(expected, "ben")] if expected else [])
    for _ in range(2):
        async with laptop.opened() as ana:
            assert flagged(ana) == [("equivocator", "ben")]
            await dismiss(ana)


async def test_few_branches_left_stays(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop = await memory_network.device("ana").found()
    monkeypatch.setattr(caps, "WARN_BRANCHES", 1)
    for _ in range(2):
        async with laptop.opened() as ana:
            assert flagged(ana) == [("few_branches_left", "ana")]
            await dismiss(ana)
            assert flagged(ana) == [("few_branches_left", "ana")]


async def ahead(net: MemoryNetwork, ana: Cell) -> SimulatedDevice:
    """Ben, who has written while his clock was three days ahead, and has set it right since."""
    ben_device = await net.device("ben").join(ana)
    async with ben_device.opened() as ben:
        await level([ana, ben])
    async with ben_device.with_clock(3 * DAY).opened() as ben:
        for number in range(2):
            await ben.create(Visit, title=f"from the future, {number}")
    async with ben_device.opened() as ben:
        await level([ana, ben])
        assert flagged(ben) == [("future", "ben")]
    return ben_device


async def test_a_date_ahead_stays_until_the_device_dates_rightly(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    laptop = await memory_network.device("ana").found()
    async with laptop.opened() as ana:
        ben_device = await ahead(memory_network, ana)
        await dismiss(ana)
        assert flagged(ana) == [("future", "ben")]
    async with laptop.opened() as ana:
        assert flagged(ana) == [("future", "ben")]
        async with ben_device.opened() as ben:
            await level([ana, ben])
            assert flagged(ana) == [("future", "ben")]  # nobody knows yet how it dates now
            await ben.create(Visit, title="from today")
            await level([ana, ben])
            assert flagged(ana) == []
    async with laptop.opened() as ana:
        assert flagged(ana) == []


async def test_a_date_is_ahead_no_more_when_that_day_has_come(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        await ahead(memory_network, ana)
        await trio.sleep(1.9 * DAY)
        assert flagged(ana) == [("future", "ben")]
        await trio.sleep(0.2 * DAY)
        assert flagged(ana) == []


async def test_an_older_build_stays_flagged_until_it_is_updated(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    ana_device, ben_device = await two(memory_network)
    both, updated = build(ana_device, BOTH), build(ben_device, BOTH)
    for build_of_ben, expected in ((updated, []), (ben_device, [("older", "ben")]), (ben_device, [("older", "ben")])):
        async with both.opened() as ana, build_of_ben.opened():
            await ana.sync(everyone=True)
            await dismiss(ana)
            assert flagged(ana) == expected
            await trio.sleep(10)
    async with both.opened() as ana:
        assert flagged(ana) == [("older", "ben")]
        async with updated.opened():
            await ana.sync(everyone=True)
            assert flagged(ana) == []


async def test_a_gap_is_flagged_whenever_it_is_brought_and_until_it_is_filled(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Not until its device is cited, or another of its chains grows."""
    gap = [("unattached", "ben")]
    async with beside_one(memory_network) as (laptop, ana, ben):
        case = await ana.create(Visit, title="x")
        [first] = ben.sides(ana, case.id, 1)
        [row, seen], at = first.chains, int(ana.first.circle.surroundings.now())
        height = ana.first.circle.own_branches()[0].height
        writer = ben.writer(ana)._replace(incarnation=row.incarnation)
        begins = title(case.id, "lost", at)._replace(parents=[(1, 1, seen.previous, height)])
        lost, [head] = forge(writer, [begins], [seen])
        behind, _ = forge(writer._replace(first=2, previous=head, height=height + 1), [title(case.id, "behind it", at)])
        for _ in range(2):
            await show(ana, [behind])
            assert flagged(ana) == gap
            await dismiss(ana)
            assert flagged(ana) == []
        await show(ana, [behind])
        elsewhere, _ = forge(writer._replace(incarnation=Incarnation(b"8 others")), [begins], [seen])
        await show(ana, [elsewhere])
        async with case.edit() as draft:  # cites it
            draft.title = "y"
        assert flagged(ana) == gap
    async with laptop.opened() as ana:
        assert flagged(ana) == gap
        await show(ana, [behind, lost, behind])
        assert flagged(ana) == []


async def test_of_a_gap_nobody_is_said_to_have_written_it(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Ben signs something in Cara's name: as long as it attaches nowhere, nobody can tell."""
    async with beside_one(memory_network) as (_, ana, ben):
        cara = await joined(memory_network, ana, "cara")
        writer = ben.writer(ana)._replace(device=cara.device, incarnation=Incarnation(b"not hers"), first=2)
        draft = title(CaseId(bytes(32)), "slander", int(ana.first.circle.surroundings.now()))
        await show(ana, [forge(writer, [draft])[0]])
        assert flagged(ana) == [("unattached", "cara")]
        assert FLAGS[Reason.UNATTACHED].startswith("is said to have written")


async def test_entries_too_new_for_this_build_blame_nobody_and_are_forgotten_with_it(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with beside_one(memory_network) as (laptop, ana, ben):
        case = await ana.create(Visit, title="x")
        [batch] = ben.sides(ana, case.id, 1)
        [entry] = batch.entries
        newer = entry._replace(kind=marked(entry.kind, EntryForm.FULL, 2))
        arrived = Batch()
        for raw in batches.encode_batch(CIRCLE, Batch(batch.chains, batch.cases, [newer]), MAX_PAYLOAD):
            part = messages.decode(raw)
            assert isinstance(part, BatchPart)
            batches.extend(arrived, part)
        await show(ana, [arrived])
        assert flagged(ana) == [("too_new", "ana")]
        assert FLAGS[Reason.TOO_NEW].endswith("update it")
    async with laptop.opened() as ana:  # perhaps by the update
        assert flagged(ana) == []
        await show(ana, [batch])
        assert flagged(ana) == []


# --- about members -------------------------------------------------------------------------------------------


async def test_a_removal_is_shown_to_the_others_and_what_is_not_settled_stays(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with memory_network.cells("ana", "ben", "cara") as [ana, ben, cara]:
        memory_network.partition("ana", ["ben", "cara"])
        await ana.first.membership.remove([MemberId(ben.device)])
        assert flagged(ana) == []  # nobody else's word would count, and who did it knows
        await ben.create(Visit, title="late")
        await level([ben, cara])
        memory_network.heal()
        memory_network.partition("ana", "ben")
        await level([ana, cara])
        assert flagged(cara) == [("quarantined", "ben"), ("member_removed", "ben")]
        await dismiss(cara)
        assert flagged(ana) == flagged(cara) == [("quarantined", "ben")]
    async with memory_network.device("ana").opened() as ana:
        assert flagged(ana) == [("quarantined", "ben")]
        await ana.first.membership.release(ben.device)
        assert flagged(ana) == []


async def test_a_quarrel_is_flagged_until_it_is_decided(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        await coordinators(memory_network, ana, ben)
        memory_network.partition("ana", "ben")
        await ana.first.membership.remove([MemberId(ben.device)])
        assert flagged(ana) == [("key_exposed", "ben")]  # nobody is there to second it; he may have the paper
        await ben.first.membership.remove([MemberId(ana.device)])
        await bring(ana, ben)
        assert sorted(flagged(ben)) == [
            ("suspended", "ana"), ("suspended", "ben"), ("undecided", "ana"), ("undecided", "ben"),
        ]  # fmt: skip
        assert {flag.about for flag in ben.flags if flag.reason is Reason.UNDECIDED} == {("ana",), ("ben",)}


async def test_nobody_is_told_that_they_may_have_the_paper_themselves(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        await coordinators(memory_network, ana, ben)
        memory_network.partition("ana", "ben")
        await ana.first.membership.remove([MemberId(ben.device)])
        await bring(ana, ben)
        assert ben.first.circle.is_removed
        assert ("key_exposed", "ben") in flagged(ana)
        assert "key_exposed" not in dict(flagged(ben))


async def test_one_word_is_flagged_while_somebody_could_second_it(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with memory_network.cells("ana", "ben", "cara") as [ana, ben, cara]:
        await coordinators(memory_network, ana, ben)
        removal = await ana.first.membership.remove([MemberId(cara.device)])
        await level([ana, ben])
        for cell in (ana, ben):
            await dismiss(cell)
            assert [(flag.reason, flag.author, flag.about) for flag in cell.flags] == [
                (Reason.ONE_WORD, "ana", ("cara",))
            ]
        await ben.first.membership.endorse([removal])
        assert flagged(ben) == []


async def test_who_has_left_is_told_so(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        await ana.first.membership.require()
        await level([ana, ben])
        await ben.first.membership.leave()
        assert flagged(ben) == [("left", "ben")]


async def test_who_wants_to_leave_is_not_said_to_be_in_a_dispute(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Ana is the only coordinator, so that she leaves is held back."""
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        await ana.first.membership.leave()
        await bring(ana, ben)
        for cell in (ana, ben):
            said = [
                (flag.reason, flag.author) for flag in cell.flags if flag.reason in (Reason.LEAVING, Reason.SUSPENDED)
            ]
            assert said == [(Reason.LEAVING, "ana")]
    assert "recovery use" in FLAGS[Reason.LEAVING]


async def test_who_is_in_a_dispute_is_not_said_to_want_to_leave(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with memory_network.cells("ana", "ben", "cara") as cells:
        ana, ben, cara = cells
        await coordinators(memory_network, ana, ben)
        await level(cells)
        memory_network.partition("ana", ["ben", "cara"])
        await ana.first.membership.remove([MemberId(ben.device)])
        await ben.first.membership.remove([MemberId(ana.device)])
        await bring(ana, cara)
        await bring(ben, cara)
        reasons = {flag.reason for flag in cara.flags if flag.reason in (Reason.LEAVING, Reason.SUSPENDED)}
        assert reasons == {Reason.SUSPENDED}
