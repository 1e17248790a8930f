"""Waiting: what a suspended device writes, and the receipt that says whether anybody is shown it."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell, OwnStanding
from cellsync.core.ids import MemberId
from cellsync.testing import MemoryNetwork, level
from tests.cell.cells import Visit
from tests.scenarios.test_delivery import promote, quarrel, until


async def titles(cell: Cell) -> set[str]:
    return {visit.title for visit in await cell.cases(Visit)}


async def receipt(cell: Cell) -> OwnStanding:
    own = await cell.waiting()
    assert own is not None
    return own


@pytest.mark.parametrize("between", [False, True], ids=["all of it comes", "a case lies between"])
async def test_the_receipt_and_the_lists_agree_at_every_moment(
    memory_network: MemoryNetwork, autojump_clock: MockClock, *, between: bool
) -> None:
    """Right after the answer the removal was only told: by what is held, what is written then counts, and is listed
    here. The receipt says so; it said that no list shows it."""
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        await promote(ana, ben)
        known = await ben.create(Visit, title="known")
        assert await ben.waiting(known) is None
        await level([ana, ben])
        memory_network.partition("ana", "ben")
        if between:
            await ana.create(Visit, title="not for who is suspended")
        removal = await ana.first.membership.remove([MemberId(ben.device)], tell=True)
        memory_network.heal()
        await until(lambda: ben.first.circle.is_removed)
        await ben.first.membership.contest(removal)
        at_once = await ben.create(Visit, title="at once")
        own = await ben.waiting(at_once)
        assert own is not None
        assert (own.status, own.listed, own.paper) == ("suspended", True, True)
        assert await titles(ben) == {"known", "at once"}
        await trio.sleep(3_600)
        own = await receipt(ben)
        assert (own.status, own.listed) == ("suspended", between)
        assert await titles(ben) == ({"known", "at once"} if between else {"known"})
        later = await ben.create(Visit, title="later")
        assert later.title == "later", "whoever wrote it is given what they wrote"
        async with known.edit() as draft:
            draft.title = "edited"
        assert (await receipt(ben)).listed == between
        assert await titles(ben) == ({"edited", "at once", "later"} if between else {"known"})
        waiting = await ben.first.membership.own_waiting()
        assert len(waiting) == (0 if between else 3)
        assert await titles(ana) >= {"known"}
        assert not await titles(ana) & {"at once", "later", "edited"}


async def test_what_settles_the_dispute_comes_whole_and_what_is_written_then_is_listed_at_once(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Nobody who holds what makes a device active again withholds anything from it: so it is never shown as active
    while its own writing is hidden."""
    async with quarrel(memory_network, withheld=False) as [ana, ben, cara, _]:
        circle, moments = ana.first.circle, list[tuple[bool, bool]]()
        await until(lambda: circle.replica.circle.current_role(ana.device) is None)
        assert (await receipt(ana)).listed is False
        circle.watch(lambda *_: moments.append((circle.is_suspended, circle.replica.circle.is_active(ana.device))))
        await cara.create(Visit, title="withheld so far")
        strikes = cara.first.circle.replica.court.ruling.decision.strikes
        await cara.first.membership.endorse([one.entry for one in strikes if MemberId(ben.device) in one.members])
        await until(lambda: not circle.is_suspended)
        assert moments
        assert all(suspended is not active for suspended, active in moments)
        await ana.create(Visit, title="mine")
        assert await ana.waiting() is None
        assert await titles(ana) >= {"mine"}
