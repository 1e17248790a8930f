"""The service: locks, guesses, faults, and events that survive all of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from cellsync import system
from cellsync.api.contract.problems import Locked, TooSoon
from cellsync.api.feed import BACKLOG
from cellsync.core.errors import CellsyncError, VaultExists, WrongPassphrase
from cellsync.store.wipe import VaultWiped
from cellsync.testing import MemoryNetwork
from cellsync.testing.simulation import simulate
from tests.api.services import PASSPHRASE, Asking, InMemory, cell, pair, services, synced
from tests.cell.test_membership import bring
from tests.scenarios.test_own_removal import Machine


@pytest.fixture
def clock(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Virtual time also for what counts while a machine sleeps; `slept` is how long it has."""
    slept = {"slept": 0.0}
    monkeypatch.setattr(system.clock, "since_boot", lambda: trio.current_time() + slept["slept"])
    monkeypatch.setattr(system.clock, "asleep", lambda: slept["slept"])
    return slept


async def test_states(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana") as [ana]:
        assert (await ana("health"))["state"] == "empty"
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        assert (await ana("health"))["state"] == "open"
        await ana("lock")
        await ana("lock")
        assert (await ana("health"))["state"] == "locked"
        with pytest.raises(Locked):
            await ana("status")
        with pytest.raises(VaultExists):
            await ana("init", cell="Another", name="Ana", passphrase=PASSPHRASE)
        for _ in range(2):
            assert (await ana("unlock", passphrase=PASSPHRASE))["cell"] == "Mill Street"


@pytest.mark.parametrize("turns", range(1, 9))
def test_whatever_is_asked_while_the_cell_closes_is_done_or_refused(turns: int, tmp_path: Path) -> None:
    """Closing takes some turns of the event loop, and in any of them somebody asks for what would go on inside."""

    async def scenario() -> None:
        async with cell(tmp_path, "ana", "ben") as [ana, _]:
            asked: list[Callable[[], Any]] = [lambda: ana.service.follow("").end()]
            asked += [partial(ana, one) for one in ("sync", "invite", "status")]
            for ask in asked:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_ask_again_and_again, ask, turns)
                    await trio.lowlevel.checkpoint()
                    await ana.service.lock()
                    nursery.cancel_scope.cancel()
                assert not ana.service.jobs.at_work
                assert not ana.service._feeds
                await ana("unlock", passphrase=PASSPHRASE)

    simulate(scenario, turns)


async def _ask_again_and_again(ask: Callable[[], Any], turns: int) -> None:
    while True:
        with suppress(CellsyncError):
            asking = ask()
            if asking is not None:
                await asking
        for _ in range(turns):
            await trio.lowlevel.checkpoint()


async def test_an_open_cell_is_not_unlocked_by_a_wrong_passphrase(
    tmp_path: Path, clock: dict[str, float], autojump_clock: MockClock
) -> None:
    async with services(tmp_path, "ana") as [ana]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        before = await ana("unlock", passphrase=PASSPHRASE, idle=60)
        for _ in range(3):
            with pytest.raises(WrongPassphrase):
                await ana("unlock", passphrase="a guess", idle=0)
        with pytest.raises(TooSoon):  # guesses at an open cell are guesses
            await ana("unlock", passphrase=PASSPHRASE)
        assert before["locks_in"] == 60
        status = await ana("status")  # open, and with the time that it had
        assert 0 < status["locks_in"] <= 60


async def test_guesses_cost_more_and_more(tmp_path: Path, clock: dict[str, float], autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana") as [ana]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await ana("lock")
        waits = []
        for _ in range(11):
            began = trio.current_time()
            while True:
                try:
                    await ana("unlock", passphrase="a guess")
                except TooSoon:
                    await trio.sleep(0.25)
                except WrongPassphrase:
                    break
            waits.append(trio.current_time() - began)
        assert waits == [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]
        with pytest.raises(TooSoon):  # the right one has to wait as well, or a guesser would know it
            await ana("unlock", passphrase=PASSPHRASE)
        await trio.sleep(60)
        await ana("unlock", passphrase=PASSPHRASE)
        await ana("lock")
        with pytest.raises(WrongPassphrase):
            await ana("unlock", passphrase="a guess")


async def test_it_locks_when_nobody_uses_it(tmp_path: Path, clock: dict[str, float], autojump_clock: MockClock) -> None:
    async with services(tmp_path, "ana") as [ana], trio.open_nursery() as nursery:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await ana("unlock", passphrase=PASSPHRASE, idle=60)
        nursery.start_soon(ana.service.keep_watch)
        for _ in range(5):
            await trio.sleep(50)
            assert 55 < (await ana("status"))["locks_in"] <= 60  # asking is use
        for _ in range(5):
            await trio.sleep(10)
            await ana("health")  # this is not
        await trio.sleep(12)
        assert ana.service.state == "locked"
        await ana("unlock", passphrase=PASSPHRASE, idle=60)
        clock["slept"] += 3600  # the lid was closed
        await trio.sleep(2)
        assert ana.service.state == "locked"
        await ana("unlock", passphrase=PASSPHRASE, idle=0)
        await trio.sleep(80_000)
        assert (await ana("status"))["locks_in"] is None
        nursery.cancel_scope.cancel()


async def test_what_is_being_done_is_not_cut_off(
    tmp_path: Path, clock: dict[str, float], autojump_clock: MockClock
) -> None:
    async with services(tmp_path, "ana") as [ana], trio.open_nursery() as nursery:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await ana("unlock", passphrase=PASSPHRASE, idle=10)
        nursery.start_soon(ana.service.keep_watch)
        with ana.service.in_use(passive=False):
            await trio.sleep(100)
            assert (await ana("health"))["state"] == "open"
        with ana.service.in_use(passive=True):
            await trio.sleep(12)
        assert ana.service.state == "locked"
        nursery.cancel_scope.cancel()


async def test_a_fault_in_the_cell_locks_it_and_no_more(
    tmp_path: Path, autojump_clock: MockClock, survived: list[str]
) -> None:
    async with services(tmp_path, "ana") as [ana]:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)

        async def fault() -> None:
            raise ValueError("Anton")

        ana.service.inside.start_soon(fault)
        await trio.sleep(1)
        assert ana.service.state == "locked"
        await ana("unlock", passphrase=PASSPHRASE)
    assert survived.pop() == "the cell was closed by a fault: ValueError"


# --- events --------------------------------------------------------------------------------------------------


async def drained(ana: Asking, since: str, wait: float = 2) -> list[Any]:
    """What a follower gets who comes back with this cursor, until nothing more comes."""
    feed = ana.service.follow(since)
    found = []
    with trio.move_on_after(wait):
        while (event := await feed.next()) is not None:
            found.append(event)
    feed.end()
    return found


async def test_a_cursor_survives_a_restart(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        feed = ana.service.follow("")
        await trio.sleep(1)
        await ana("case.new", set={"title": "Parcel"})
        first = await feed.next()
        assert first is not None
        assert (first.event, first.data["field"], first.data["text"]) == ("case.changed", "title", "Parcel")
        await ana("lock")
        last = await feed.next()
        assert last is not None
        assert (last.event, last.cursor) == ("locked", "")
        assert await feed.next() is None
        await ana("unlock", passphrase=PASSPHRASE)
        await ana("case.edit", case="parcel", set={"status": "active"})
        [missed] = [event for event in await drained(ana, first.cursor) if event.event == "case.changed"]
        assert missed.data["field"] == "status"


@pytest.mark.parametrize("wrong", ["00000000:1", "nonsense", "{}:99999999", ":"])
async def test_a_cursor_of_nowhere_is_a_reset(wrong: str, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        await ana("case.new", set={"title": "Parcel"})
        life = ana.service.cell.cursor().partition(":")[0]
        events = await drained(ana, wrong.format(life))
        assert [event.event for event in events] == ["reset"]
        assert events[0].cursor == ana.service.cell.cursor()


async def test_who_reads_too_slowly_gets_a_reset(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        feed = ana.service.follow("")
        await trio.sleep(1)
        for number in range(BACKLOG + 50):
            ana.service.tell("import.progress", job="j", done=number, total=0)
        events = []
        with trio.move_on_after(2):
            while (event := await feed.next()) is not None:
                events.append(event.event)
        assert (len(events), events[-1]) == (BACKLOG + 1, "reset")
        feed.end()


async def test_who_comes_and_goes_is_told(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana", "ben") as [ana, ben]:
        feed = ana.service.follow("")
        await trio.sleep(1)
        await ben("lock")
        await trio.sleep(60)
        await ben("unlock", passphrase=PASSPHRASE)
        await trio.sleep(600)
        feed.end()
        told = []
        while (event := await feed.next()) is not None:
            told.append(event.event)
            assert event.cursor == ""
        assert told == ["peer.down", "peer.up", "locked"]


STEPS = st.lists(st.sampled_from(["write", "restart", "read"]), max_size=12)


@settings(max_examples=15)
@given(steps=STEPS)
def test_whoever_comes_back_with_the_last_cursor_misses_nothing(
    steps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Against a list of what was written: each write is seen, in order, whatever was restarted in between."""

    async def live() -> None:
        async with cell(tmp_path_factory.mktemp("cell"), "ana") as [ana]:
            await ana("case.new", set={"title": "Parcel"})
            cursor, written, seen = ana.service.cell.cursor(), 0, list[str]()
            for step in [*steps, "read"]:
                if step == "write":
                    written += 1
                    await ana("case.edit", case="parcel", set={"summary": f"line {written}"})
                elif step == "restart":
                    await ana("lock")
                    await ana("unlock", passphrase=PASSPHRASE)
                else:
                    for event in await drained(ana, cursor):
                        assert event.event == "case.changed"
                        seen.append(event.data["text"])
                        cursor = event.cursor
            assert list(dict.fromkeys(seen)) == [f"line {number + 1}" for number in range(written)]

    trio.run(live, clock=MockClock(autojump_threshold=0))


async def test_a_job_counts_as_use_until_it_ends(
    tmp_path: Path, clock: dict[str, float], autojump_clock: MockClock
) -> None:
    async with services(tmp_path, "ana") as [ana], trio.open_nursery() as nursery:
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await ana("unlock", passphrase=PASSPHRASE, idle=10)
        nursery.start_soon(ana.service.keep_watch)
        await ana("invite")
        await trio.sleep(500)
        assert (await ana("health"))["state"] == "open"
        await trio.sleep(200)  # the invitation has expired meanwhile
        assert (await ana("health"))["state"] == "locked"
        nursery.cancel_scope.cancel()


async def test_it_locks_once_when_it_learns_of_its_own_removal(
    autojump_clock: MockClock, tmp_path: Path, clock: dict[str, float]
) -> None:
    """Also while it is in use; and not again, once its owner has opened it."""
    async with cell(tmp_path, "ana", "ben") as [ana, ben], trio.open_nursery() as nursery:
        nursery.start_soon(ben.service.keep_watch)
        await ana("case.new", set={"title": "12 Mill St"})
        await ana("require")
        await synced(ana)
        await ana("removal", member="ben", confirm="ben")
        with ben.service.in_use(passive=False):
            await bring(ana.service.cell, ben.service.cell)
            await trio.sleep(5)
            assert (await ben("health"))["state"] == "locked"
        unlocked = await ben("unlock", passphrase=PASSPHRASE)
        assert unlocked["wipes"] == []
        await trio.sleep(30)
        health = await ben("health")
        assert (health["state"], health["removed"]) == ("open", True)
        assert [case["title"] for case in (await ben("case.list"))["cases"]] == ["12 Mill St"]
        assert [circle["wipes_in"] for circle in (await ben("status"))["circles"]] == [None]
        nursery.cancel_scope.cancel()


async def test_a_wipe_that_is_due_closes_the_cell_and_says_what_happened(
    autojump_clock: MockClock, tmp_path: Path, clock: dict[str, float]
) -> None:
    net, machine = MemoryNetwork(), Machine()
    async with services(tmp_path, "ana", "cara", "ben", net=net) as [ana, cara, ben], trio.open_nursery() as nursery:
        profile = ben.service.profile
        assert isinstance(profile, InMemory)
        profile._home = machine.carries(net.device("ben")).home
        nursery.start_soon(ben.service.keep_watch)
        await ana("init", cell="Mill Street", name="Ana", passphrase=PASSPHRASE)
        await pair(ana, cara, "Cara", role="coordinator")
        await pair(ana, ben, "Ben")
        await ana("require")
        for one in (ana, cara, ben, ana):
            await synced(one)
        await trio.sleep(60)  # Cara seconds the floor by herself
        for one in (ana, cara):
            await one("settings.choose", name="when-removed", value="wipe")
            await synced(one)
        await ana("removal", member="Ben", confirm="Ben")
        await synced(ana)
        [open_] = (await cara("endorsable", member="Ben"))["open"]
        await cara("endorse", member="Ben", entries=[open_["entry"]])
        await synced(cara)
        await ana("settings.choose", name="kept-for", value="30")
        await bring(ana.service.cell, ben.service.cell)
        await trio.sleep(5)
        assert (await ben("health"))["state"] == "locked"
        machine.on(20)
        unlocked = await ben("unlock", passphrase=PASSPHRASE)
        assert [(one["name"], one["seconds"]) for one in unlocked["wipes"]] == [("Mill Street", 52 * 3_600)]
        machine.on(51.5)
        assert [circle["wipes_in"] for circle in (await ben("status"))["circles"]] == [1_800]
        machine.on(1)
        await ben("status")
        await trio.sleep(5)
        assert (await ben("health"))["state"] == "empty"
        with pytest.raises(VaultWiped):
            await ben("status")
        with pytest.raises(VaultWiped):
            await ben("unlock", passphrase=PASSPHRASE)
        await ben("init", cell="Another", name="Ben", passphrase=PASSPHRASE)
        assert (await ben("health"))["state"] == "open"
        nursery.cancel_scope.cancel()
