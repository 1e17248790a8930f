"""Entries that go into quarantine immediately disappear from cases, lists and feeds, and come back the same way.

No rule judges yet, so verdicts are given by hand (tests/scenarios/test_restanding.py tries all orders of steps).
"""

from __future__ import annotations

from collections.abc import Iterable

import trio
from trio.testing import MockClock

from cellsync import Cell
from cellsync.core.history.entry import Judgement, Standing, chain_of, slot_of
from cellsync.core.history.store import Wanted
from cellsync.core.membership.control import Role
from cellsync.core.replica.founding import device_secrets
from cellsync.core.replica.stage import Stage
from cellsync.testing import MemoryNetwork, level
from tests.cell.cells import Visit
from tests.cell.test_followers import heard


def judge(cell: Cell, author: Cell, label: int, *, released: bool = False) -> None:
    """From the next step on, all that the author wrote stands so, what that step brings included."""

    def judged(stage: Stage) -> Iterable[Judgement]:
        held = {chain.number: chain.length for chain in stage.held.of_device(author.device)}
        slots = [slot_of(number, at) for number, length in held.items() for at in range(1, length + 1)]
        slots += [entry.slot for entry in stage.entries if chain_of(entry.slot) in held]
        return [Judgement(slot, label, released) for slot in slots]

    cell.first.circle.replica.judge = judged


async def decide(cell: Cell, number: int) -> None:
    """A control entry, as whatever decides how others stand."""
    await cell.first.circle.admit(cell.secrets.signing, device_secrets(bytes([number]) * 96).public, "Cat", Role.READER)


async def carried(one: Cell, other: Cell) -> None:
    """Both hold the same soon; they need not agree how it stands."""
    await trio.sleep(20)
    assert one.first.circle.digest() == other.first.circle.digest()


async def titles(cell: Cell) -> list[str]:
    return [one.title for one in await cell.first.catalogue.look(lambda _, listings: listings.page(Wanted(), 0, 99))]


async def test_what_goes_into_quarantine_is_taken_back_and_what_is_released_is_shown_again(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    device = await net.device("ana").found()
    async with device.opened() as ana, (await net.device("ben").join(ana)).opened() as ben:
        case, other = await ana.create(Visit, title="of Ana"), await ana.create(Visit, title="another")
        await level([ana, ben])
        async with (await ben.get(Visit, case.id)).edit() as draft:
            draft.title = "of Ben"
        await level([ana, ben])
        assert case.title == "of Ben"
        await ana.first.circle.tidy()  # its snapshot has what Ben wrote
        before, digest = ana.cursor(), ana.first.circle.digest()
        async with case.changes() as of_it, other.changes() as of_another, ana.changes() as of_all:
            for number, (label, released, shown, counts) in enumerate(
                [
                    (Standing.OUT, False, "of Ana", False),
                    (Standing.UNDECIDED, False, "of Ana", None),
                    (Standing.UNDECIDED, True, "of Ben", True),
                    (Standing.OUT, True, "of Ben", None),
                    (Standing.OUT, False, "of Ana", False),
                    (Standing.IN, False, "of Ben", True),
                ]
            ):
                judge(ana, ben, label, released=released)
                await decide(ana, number)
                assert case.title == shown
                assert (await titles(ana)) == [shown, "another"]
                for following in (of_it, of_all):
                    told = await heard(following)
                    said = [(one.cause, one.why, one.case, one.path, one.author) for one in told]
                    assert said == ([] if counts is None else [("reset", "standing", case.id, "", "ana")])
                assert await heard(of_another) == []
                rows = (await ana.graph(case)).rows
                assert [row.counts for row in rows if row.author == "ben"] == [shown == "of Ben"]
        judge(ana, ben, Standing.OUT)
        await decide(ana, 9)
        await carried(ana, ben)
        assert ana.first.circle.digest() == ben.first.circle.digest() != digest, "the digest is of what is held"
        async with (await ben.get(Visit, other.id)).edit() as draft:
            draft.title = "late"
        async with ana.changes() as of_all:
            await carried(ana, ben)
            assert await heard(of_all) == [], "what goes into quarantine as it arrives was never shown"
        assert (await titles(ana)) == ["of Ana", "another"]
        assert (await titles(ben)) == ["of Ben", "late"]
        identity, after = case.id, ana.cursor()
    async with device.opened() as ana:
        case = await ana.get(Visit, identity)
        assert (case.title, await titles(ana)) == ("of Ana", ["of Ana", "another"])
        async with ana.changes(since=before) as changes:
            assert [change.cause for change in await heard(changes)] == ["reset"]
        async with ana.changes(since=after) as changes:
            assert await heard(changes) == []
