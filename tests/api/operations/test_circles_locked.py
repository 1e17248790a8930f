"""A circle with a passphrase of its own, over the API: locked it is absent, and neither others nor copies suffer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import trio
from trio.testing import MockClock

from cellsync.api.feed import Feed
from cellsync.core.errors import CircleLocked, InvalidValue, NotFound, WrongPassphrase
from tests.api.operations.test_circles import both
from tests.api.services import PASSPHRASE, Asking, services, synced

OWN = "orchard lantern sparrow quilt"


def titles(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return sorted(row["title"] for row in answer["cases"])


async def names(one: Asking) -> tuple[list[str], list[str]]:
    """The names of the circles that are open, and the beginnings of the ids of those that are locked."""
    answer = await one("circles")
    return [row["name"] for row in answer["circles"]], answer["locked"]


async def told(feed: Feed, event: str) -> dict[str, Any]:
    """The data of the next event of this kind."""
    while (found := await feed.next()) is not None:
        if found.event == event:
            return found.data
    raise AssertionError(event)


async def lock(ana: Asking, circle: str = "Lawyers") -> None:
    await ana("circle.passphrase", circle=circle, old=PASSPHRASE, new=OWN)
    await ana("circle.lock", circle=circle)


BOTH: Final = ["Mill Street", "Lawyers"]
each = pytest.mark.parametrize("name", BOTH)
"""Locked is the circle with which the vault was made, or one that came later: there is no difference."""


def beside(name: str) -> str:
    return BOTH[1 - BOTH.index(name)]


@each
async def test_a_locked_circle_is_absent_until_its_own_passphrase_comes(
    tmp_path: Path, autojump_clock: MockClock, name: str
) -> None:
    async with both(tmp_path) as (ana, ben, lea, outer, inner):
        other = beside(name)
        if name == "Mill Street":
            outer, inner = inner, outer
        await ana("case.new", set={"title": "Parcel"}, circle=outer)
        await ana("case.new", set={"title": "Appeal"}, circle=inner)
        for one in (ben, lea):
            await synced(one)
        await ana("circle.passphrase", circle=name, old=PASSPHRASE, new=OWN)
        rows = (await ana("circles"))["circles"]
        assert [(row["name"], row["own_passphrase"]) for row in rows] == [(one, one == name) for one in BOTH]
        assert titles(await ana("case.list")) == ["Appeal", "Parcel"]  # it stays open
        await ana("circle.lock", circle=name.lower())
        assert await names(ana) == ([other], [inner[:8]])
        assert titles(await ana("case.list")) == ["Parcel"]
        assert (await ana("status"))["locked"] == [inner[:8]]
        assert {one["circle"] for one in (await ana("members"))["members"]} == {outer}
        for operation, given in (
            ("case.list", {"circle": name}), ("circle.lock", {"circle": name}),
            ("case.show", {"case": "Appeal"}),
        ):  # fmt: skip
            with pytest.raises(NotFound) as missed:
                await ana(operation, **given)
            assert missed.value.hint.endswith(". Or in a locked circle (1 here): cellsync circle unlock")
        await ben("case.new", set={"title": "Second appeal"}, circle=inner)
        await ben("case.new", set={"title": "Second parcel"}, circle=outer)
        await ana.until("sync.show", await ana("sync", timeout=60), "done", "failed")
        assert titles(await ana("case.list")) == ["Parcel", "Second parcel"]  # the other circle is kept in step
        connected = {
            peer["circle"] for peer in (await ben("peers"))["peers"] if peer["connected"] and "Ana" in peer["name"]
        }
        assert connected <= {outer, inner}
        for wrong in (PASSPHRASE, "something else altogether"):
            with pytest.raises(WrongPassphrase):
                await ana("circle.unlock", passphrase=wrong)
        with pytest.raises(NotFound):
            await ana("circle.unlock", passphrase=OWN, circle="00")
        unlocked = await ana("circle.unlock", passphrase=OWN.upper(), circle=inner[:6])
        assert unlocked["circle"]["name"] == name
        for _ in range(3):
            await synced(ana)
        assert titles(await ana("case.list")) == ["Appeal", "Parcel", "Second appeal", "Second parcel"]
        assert await names(ana) == (BOTH, [])
        await ana("lock")
        await ana("unlock", passphrase=PASSPHRASE)
        assert await names(ana) == ([other], [inner[:8]])  # with the cell it is locked again


@each
async def test_it_is_changed_taken_away_and_refused_where_it_makes_no_sense(
    tmp_path: Path, autojump_clock: MockClock, name: str
) -> None:
    async with both(tmp_path) as (ana, *_):
        with pytest.raises(WrongPassphrase):
            await ana("circle.passphrase", circle=name, old=OWN, new=OWN)
        with pytest.raises(InvalidValue):
            await ana("circle.passphrase", circle=name, old=PASSPHRASE, new=PASSPHRASE)
        with pytest.raises(InvalidValue):
            await ana("circle.passphrase", circle=name, old=PASSPHRASE, new=None)
        with pytest.raises(InvalidValue):
            await ana("circle.lock", circle=name)
        await ana("circle.passphrase", circle=name, old=PASSPHRASE, new=OWN)
        with pytest.raises(WrongPassphrase):  # once it has one, that is asked for
            await ana("circle.passphrase", circle=name, old=PASSPHRASE, new=None)
        await ana("circle.passphrase", circle=name, old=OWN, new=None)
        await ana("lock")
        await ana("unlock", passphrase=PASSPHRASE)
        assert await names(ana) == (BOTH, [])


async def test_who_follows_is_told_when_it_is_unlocked(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with both(tmp_path) as (ana, *_, inner):
        await lock(ana)
        feed = ana.service.follow("")
        await feed.registered()
        await ana("circle.unlock", passphrase=OWN)
        with trio.fail_after(60):
            assert (await told(feed, "circle.added")) == {"circle": inner}
            await ana("case.new", set={"title": "Appeal"}, circle=inner)
            assert (await told(feed, "case.changed"))["circle"] == inner
        feed.end()


@each
async def test_copies_keep_it_locked_and_say_what_they_did_not_read(
    tmp_path: Path, autojump_clock: MockClock, name: str
) -> None:
    async with both(tmp_path) as (ana, *_, outer, inner), services(tmp_path / "other", "new") as [new]:
        inner = outer if name == "Mill Street" else inner
        await ana("case.new", set={"title": "Appeal"}, circle=inner)
        assert (await ana("audit"))["locked"] == (await ana("backup", to=str(tmp_path / "open")))["locked"] == 0
        await lock(ana, name)
        assert (await ana("audit"))["locked"] == 1
        assert (await ana("backup", to=str(tmp_path / "copy")))["locked"] == 1
        await new("restore", source=str(tmp_path / "copy"), passphrase=PASSPHRASE)
        assert await names(new) == ([beside(name)], [inner[:8]])
        await new("circle.unlock", passphrase=OWN)
        assert titles(await new("case.list")) == ["Appeal"]
        assert new.service.cell.circle(inner[:8]).circle.renewal_due  # it knows that it is a copy
        assert not ana.service.cell.circles[0].circle.renewal_due


@each
async def test_new_keys_want_it_unlocked_and_leave_it_so(tmp_path: Path, autojump_clock: MockClock, name: str) -> None:
    async with both(tmp_path) as (ana, *_, outer, inner):
        inner = outer if name == "Mill Street" else inner
        await ana("case.new", set={"title": "Appeal"}, circle=inner)
        await lock(ana, name)
        job = await ana.until("rekey.show", await ana("rekey", passphrase=PASSPHRASE), "done", "failed")
        assert job["error"]["code"] == CircleLocked.code
        assert await names(ana) == ([beside(name)], [inner[:8]])
        await ana("circle.unlock", passphrase=OWN)
        job = await ana.until("rekey.show", await ana("rekey", passphrase=PASSPHRASE), "done", "failed")
        assert job["error"] is None
        assert titles(await ana("case.list")) == ["Appeal"]  # in the same session it is open
        await ana("lock")
        await ana("unlock", passphrase=PASSPHRASE)
        assert await names(ana) == ([beside(name)], [inner[:8]])
        await ana("circle.unlock", passphrase=OWN)
        assert titles(await ana("case.list")) == ["Appeal"]


async def test_where_every_circle_is_locked_the_cell_is_open_and_says_which(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """One circle, or two: what needs one that is open says that it is locked; what does not shows nothing."""
    async with both(tmp_path) as (ana, _, lea, outer, inner):
        await ana("case.new", set={"title": "Appeal"}, circle=inner)
        await synced(lea)
        for name in BOTH:
            await lock(ana, name)
        for _ in range(2):
            health, status = await ana("health"), await ana("status")
            assert (health["state"], health["bare"], health["locked"]) == ("open", True, [outer[:8], inner[:8]])
            assert (status["cell"], status["role"], status["device"]) == ("", None, "")
            assert (status["name"], status["circles"], status["peers"]) == ("Ana", [], [])
            assert status["locked"] == [outer[:8], inner[:8]]
            assert await names(ana) == ([], [outer[:8], inner[:8]])
            for operation in ("case.list", "members", "peers", "roster", "settings"):
                answer = await ana(operation)
                assert not any(answer.get(key) for key in ("cases", "members", "peers", "settings", "devices"))
            for operation, given in (
                ("case.new", {"set": {"title": "Parcel"}}), ("invite", {}), ("circle.lock", {"circle": "Lawyers"}),
                ("recovery.draw", {}), ("sync", {}),
            ):  # fmt: skip
                with pytest.raises(CircleLocked, match=f"{outer[:8]}, {inner[:8]}, are locked") as refused:
                    await failed(ana, operation, given)
                assert refused.value.hint == "cellsync circle unlock"
            assert (await ana("audit"))["locked"] == 2
            assert (await ana("passphrase.check", passphrase=PASSPHRASE))["name"] == "Ana"
            await ana("lock")
            answer = await ana("unlock", passphrase=PASSPHRASE)
            assert (answer["cell"], answer["name"], answer["wipes"]) == ("", "Ana", [])
        assert not any(peer["connected"] for peer in (await lea("peers"))["peers"] if peer["name"] == "Ana")
        await ana("circle.unlock", passphrase=OWN, circle=inner[:8])
        assert titles(await ana("case.list")) == ["Appeal"]
        await lea("case.new", set={"title": "Second appeal"})
        await synced(ana)
        assert titles(await ana("case.list")) == ["Appeal", "Second appeal"]  # on the networks again
        assert not (await ana("health"))["bare"]


async def failed(one: Asking, operation: str, given: dict[str, Any]) -> None:
    """Raise what it fails with; a sync is a job, which carries its error."""
    answer = await one(operation, **given)
    if operation == "sync":
        job = await one.until("sync.show", answer, "done", "failed")
        raise CircleLocked(job["error"]["message"], hint=job["error"]["hint"])
