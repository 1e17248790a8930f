"""A member gone bad, in virtual time: whatever it does breaks a rule that is named, or fills a quota, or nothing.

Ana is its victim. Ben and Cara do not reach each other, so that what one of them writes comes to the other through
her, while she is being misused.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from typing import Final, NamedTuple

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell
from cellsync.cell.flag import Reason
from cellsync.core import caps
from cellsync.core.errors import NotFound
from cellsync.core.ids import CaseId
from cellsync.node.lan import CARRIER
from cellsync.node.network import Address
from cellsync.testing import MemoryNetwork, level
from cellsync.testing.hostile import writing
from cellsync.testing.hostile.behaviours import BEHAVIOURS, SPOKEN, WRITTEN, Aftermath, Behaviour, bomb, carry_out
from cellsync.testing.hostile.bombs import BOMBS
from cellsync.testing.hostile.turncoat import Turncoat
from tests.cell.cells import Visit

SOON: Final = 5.0  # virtual seconds: 0.3 of them are by design
SMALL: Final = {  # what is only a matter of size, in the size of a test
    "flood": Behaviour(partial(writing.flood, most=1 << 15)),
    "name many parents": Behaviour(partial(writing.name_many_parents, entries=30)),
}


class Met(NamedTuple):
    """What came of a behaviour, and which rules the victim has named."""

    left: bool
    refused: int
    rules: list[str]


def expected(behaviour: Behaviour) -> Met:
    return Met(behaviour.ends, behaviour.refuses, [behaviour.breaks.label] if behaviour.breaks else [])


class Scene(NamedTuple):
    net: MemoryNetwork
    ana: Cell
    ben: Cell
    cara: Cell

    async def turncoat(self, name: str) -> Turncoat:
        return await Turncoat.admitted(self.ana, Random(name).randbytes(96))

    async def suffer(self, behaviour: Behaviour, turncoat: Turncoat, until: trio.Event | None = None) -> Aftermath:
        at = Address(self.net.host("ana").host, self.ana.node.port)
        dial = partial(self.net.host("eve").dial, at)
        return await carry_out(behaviour, turncoat, dial, CARRIER, Random(1).randbytes, until)

    async def go_on(self, done: trio.Event) -> None:
        """Ben writes, and Cara reads it soon."""
        await trio.sleep(0.01)  # the conversation has begun
        case = await self.ben.create(Visit, title="help")
        with trio.fail_after(SOON):
            await has(self.cara, case.id)
        done.set()


async def has(cell: Cell, case: CaseId) -> None:
    while True:
        try:
            await cell.get(Visit, case)
        except NotFound:
            await trio.sleep(0.05)
        else:
            return


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    net = MemoryNetwork(11)
    async with net.cells("ana", "ben", "cara") as [ana, ben, cara]:
        net.partition("ben", "cara")
        for number in range(10):  # more than a connection holds for one who does not read
            await ana.create(Visit, title=f"{number:030000}")
        await level([ana, ben, cara])
        yield Scene(net, ana, ben, cara)
        net.heal()
        await level([ana, ben, cara])
    net.check_failures()


def named(records: Iterable[str]) -> list[str]:
    return [label for said in records for label in re.findall(r"\(([a-z.-]+)\)$", said)]


async def met(table: Mapping[str, Behaviour], caplog: pytest.LogCaptureFixture) -> dict[str, Met]:
    """What comes of each behaviour, while honest devices go on."""
    found: dict[str, Met] = {}
    async with scene() as here:
        for name, behaviour in table.items():
            turncoat, through = await here.turncoat(name), trio.Event()
            caplog.clear()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(here.go_on, through)
                outcome = await here.suffer(behaviour, turncoat, through)
            found[name] = Met(outcome.left, outcome.refused, named(caplog.messages))
    return found


@pytest.mark.parametrize("table", [SPOKEN, {**WRITTEN, **SMALL}], ids=["spoken", "written"])
async def test_every_refusal_names_its_rule_and_others_go_on(
    table: Mapping[str, Behaviour], autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    assert await met(table, caplog) == {name: expected(behaviour) for name, behaviour in table.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
async def test_others_go_on_beside_a_bomb(
    name: str, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    behaviour = Behaviour(partial(bomb, BOMBS[name], most=1 << 18))
    assert await met({name: behaviour}, caplog) == {name: Met(False, 0, [])}


async def test_what_is_written_rightly_is_taken(autojump_clock: MockClock) -> None:
    """The program would be no use if everything that it does was refused for another reason."""
    async with scene() as here:
        turncoat = await here.turncoat("honest for once")
        before = here.ana.entries()
        outcome = await here.suffer(Behaviour(writing.replay), turncoat)
        assert outcome == Aftermath(left=False, acknowledged=5, refused=0)
        assert here.ana.entries() == before + 2


async def test_one_who_equivocates_is_found_out_and_counts_no_more(autojump_clock: MockClock) -> None:
    async with scene() as here:
        turncoat = await here.turncoat("two faces")
        before = here.ana.entries()
        await here.suffer(WRITTEN["equivocate"], turncoat)
        assert here.ana.first.circle.equivocators == {turncoat.device}
        assert here.ana.entries() == before
        assert len(here.ana.first.circle.replica.held.of_device(turncoat.device)) <= caps.BRANCHES + caps.SURPLUS + 1


async def test_a_clock_that_runs_ahead_is_flagged(autojump_clock: MockClock) -> None:
    async with scene() as here:
        turncoat = await here.turncoat("late")
        await here.suffer(WRITTEN["backdate"], turncoat)
        assert [(flag.reason, flag.device) for flag in here.ana.flags] == [(Reason.FUTURE, turncoat.device)]


def test_no_behaviour_hides_another_of_its_name() -> None:
    assert len(BEHAVIOURS) == len(SPOKEN) + len(WRITTEN) + len(BOMBS)
