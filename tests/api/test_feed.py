"""The feed: a client that follows, leaves and comes back sees every change, whatever happens to the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import trio
import trio.testing
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from cellsync.api import feed as feed_module
from cellsync.api.contract import events
from cellsync.api.contract.shapes import Event
from cellsync.api.feed import BACKLOG, Feed
from cellsync.core.ids import CaseId
from cellsync.core.schema.host import Did
from cellsync.core.wire.tags import Op
from cellsync.testing import MemoryNetwork
from tests.api.services import PASSPHRASE, Asking, cell, synced
from tests.cell.equivocators import show, turned

Seen = set[tuple[str, str, str]]  # case, field, what it reads then

FIELDS = ("title", "summary", "handler")


async def left(feed: Feed, wait: float = 5) -> list[Event]:
    """What a follower still gets, until nothing more comes for so long."""
    found: list[Event] = []
    while True:
        with trio.move_on_after(wait) as scope:
            event = await feed.next()
        if scope.cancelled_caught or event is None:
            return found
        found.append(event)


class Following:
    """Somebody who follows one service, and keeps nothing but the last cursor and what was read."""

    def __init__(self, service: Asking) -> None:
        self._service = service
        self._feed: Feed | None = None
        self._cursor = service.service.cell.cursor()
        self.seen: Seen = set()

    async def connect(self) -> None:
        if self._feed is None:
            self._feed = self._service.service.follow(self._cursor)

    async def read(self) -> None:
        await self.connect()
        assert self._feed is not None
        for event in await left(self._feed):
            self._take(event)

    async def drop(self, events: int) -> None:
        """Read some more, then lose the connection and whatever was on its way."""
        if self._feed is not None:
            for _ in range(events):
                with trio.move_on_after(1):
                    if (event := await self._feed.next()) is not None:
                        self._take(event)
            self._feed.end()
            self._feed = None

    def _take(self, event: Event) -> None:
        assert event.event != "reset"
        assert bool(event.cursor) == (event.event == "case.changed")
        if event.cursor:
            self._cursor = event.cursor
            self.seen.add((event.data["case"], event.data["field"], event.data["text"]))


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("edit"), st.integers(0, 1), st.integers(0, 1),
            st.lists(st.sampled_from(FIELDS), min_size=1, unique=True),
        ),
        st.tuples(st.sampled_from(["part", "heal", "restart", "connect", "read", "wait"])),
        st.tuples(st.just("drop"), st.integers(0, 3)),
    ),
    max_size=14,
)  # fmt: skip


@settings(max_examples=20)
@given(steps=STEPS)
@example(steps=[("edit", 1, 0, ["title", "summary"]), ("connect",), ("wait",), ("drop", 1), ("read",)])
@example(steps=[("part",), ("edit", 0, 0, ["title"]), ("edit", 1, 0, ["title"]), ("heal",), ("connect",), ("restart",)])
def test_what_was_followed_is_what_was_written(
    steps: list[tuple[Any, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Against the list of all that two people wrote: each is seen, nothing else is, once or more often."""

    async def live() -> None:
        net = MemoryNetwork()
        async with cell(tmp_path_factory.mktemp("cell"), "ana", "ben", net=net) as both:
            ana, ben = both
            cases = [(await ana("case.new", set={"external_id": f"VR-{one}"}))["id"] for one in range(2)]
            await synced(ben)
            following = Following(ana)
            written: Seen = set()
            for number, (step, *rest) in enumerate(steps):
                match step:
                    case "edit":
                        who, case, fields = rest
                        values = {field: f"{field} {number}" for field in fields}
                        await both[who]("case.edit", case=cases[case], set=values)
                        written |= {(cases[case], field, value) for field, value in values.items()}
                    case "part":
                        net.partition("ana", "ben")
                    case "heal":
                        net.heal()
                    case "restart":
                        await following.drop(0)
                        await ana("lock")
                        await ana("unlock", passphrase=PASSPHRASE)
                    case "wait":
                        await trio.sleep(30)
                    case "connect":
                        await following.connect()
                    case "read":
                        await following.read()
                    case "drop":
                        await following.drop(*rest)
            net.heal()
            assert (await synced(ben))["state"] == "done"
            assert (await synced(ana))["state"] == "done"
            await following.read()
            assert following.seen == written

    trio.run(live, clock=MockClock(autojump_threshold=0))


async def test_who_was_away_for_too_long_starts_anew(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        made = await ana("case.new", set={"title": "Parcel"})
        cursor = ana.service.cell.cursor()
        for number in range(BACKLOG // 50 + 1):
            await ana("case.edit", case=made["id"], append={"timeline": [f"{number}, {one}" for one in range(50)]})
        events = await left(ana.service.follow(cursor))
        assert events[-1].event == "reset"
        assert events[-1].cursor == ana.service.cell.cursor()
        assert await left(ana.service.follow(events[-1].cursor)) == []


async def test_whoever_goes_on_after_any_event_misses_nothing(tmp_path: Path, autojump_clock: MockClock) -> None:
    """One entry that wrote three fields is one place in the order: a cursor within it leads back before it."""
    async with cell(tmp_path, "ana", "ben") as [ana, ben]:
        await ana("case.new", set={"title": "Parcel"})
        await synced(ben)
        start = ben.service.cell.cursor()
        await ana("case.edit", case="parcel", set={"summary": "one", "handler": "two"}, append={"timeline": ["three"]})
        await ana("case.edit", case="parcel", set={"summary": "four"})
        await synced(ben)
        every = await left(ben.service.follow(start))
        told = [(event.data["field"], event.data["text"]) for event in every]
        assert told == [("summary", "one"), ("handler", "two"), ("timeline", "note: three"), ("summary", "four")]
        for number, event in enumerate(every):
            again = [(one.data["field"], one.data["text"]) for one in await left(ben.service.follow(event.cursor))]
            assert set(told[number + 1 :]) <= set(again), number
        assert {(event.data["author"], event.data["local"], event.data["cause"]) for event in every} == {
            ("ana", False, "sync")
        }


async def test_contradictions_that_arrive_are_told(tmp_path: Path, autojump_clock: MockClock) -> None:
    net = MemoryNetwork()
    async with cell(tmp_path, "ana", "ben", net=net) as [ana, ben]:
        made = await ana("case.new", set={"title": "Parcel"}, append={"legal_notes": ["put off"]})
        await synced(ben)
        [line] = (await ana("case.log", case="parcel"))["lines"]
        item = line["item"]["id"]
        feed = ana.service.follow("")
        await trio.sleep(1)
        net.partition("ana", "ben")
        await ana("case.edit", case="parcel", set={"summary": "hers", "status": "active"}, correct={item: "held"})
        await ben("case.edit", case="parcel", set={"summary": "his", "status": "active"}, correct={item: "in May"})
        net.heal()
        await synced(ana)
        [told] = [event for event in await left(feed) if event.event == "case.conflict"]
        assert told.data == {"case": made["id"], "fields": ["legal_notes", "summary"], "circle": made["circle"]}
        feed.end()


async def test_new_members_invitations_and_imports_are_told(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        feed = ana.service.follow("")
        await trio.sleep(1)
        invite = await ana("invite")
        await trio.sleep(1)
        await ana("invite.cancel", job=invite["job"])
        job = await ana("import", table="ZXh0ZXJuYWxfaWQsbmFtZQpWUi0xLEFudG9uCg==")
        await ana.until("import.show", job, "done")
        told = await left(feed)
        states = [event.data["state"] for event in told if event.event == "invite.state"]
        assert (states[0], states[-1]) == ("waiting", "failed")
        assert invite["code"] not in str(told)
        assert [event.data["done"] for event in told if event.event == "import.progress"][-1] == 1
        feed.end()


async def test_the_last_is_that_it_was_locked(tmp_path: Path, autojump_clock: MockClock, survived: list[str]) -> None:
    """Also of whoever reads too slowly, and when a fault did it."""
    async with cell(tmp_path, "ana") as [ana]:
        slow, quick = ana.service.follow(""), ana.service.follow("")
        await trio.sleep(1)
        for number in range(BACKLOG + 1):
            ana.service.tell("import.progress", job="j", done=number, total=0)
        await ana("lock")
        for feed in (slow, quick):
            assert [event.event for event in await left(feed)][-2:] == ["reset", "locked"]
            assert await feed.next() is None
        await ana("unlock", passphrase=PASSPHRASE)
        feed = ana.service.follow("")

        async def fault() -> None:
            raise ValueError

        ana.service.inside.start_soon(fault)
        await trio.sleep(1)
        assert [event.event for event in await left(feed)] == ["locked"]
        assert survived.pop() == "the cell was closed by a fault: ValueError"


async def test_whoever_has_left_is_told_nothing(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        feed = ana.service.follow("")
        await trio.sleep(1)
        feed.end()
        feed.end()
        await ana("case.new", set={"title": "Parcel"})
        assert [event.event for event in await left(feed)] == ["locked"]
        assert not ana.service._feeds


async def test_what_counts_no_more_is_a_reset(tmp_path: Path, autojump_clock: MockClock) -> None:
    """Also for a client that comes back with a cursor from before; its next cursor is good."""
    async with cell(tmp_path, "ana", "ben") as [ana, ben]:
        bad = turned(ben.service.cell)
        await ben("lock")
        made = await ana("case.new", set={"title": "Parcel"})
        *before, proof = bad.sides(ana.service.cell, CaseId(bytes.fromhex(made["id"])))
        await show(ana.service.cell, before)
        assert len((await ana("case.list"))["cases"]) == 1
        cursor = ana.service.cell.cursor()
        feed = ana.service.follow("")
        await trio.sleep(1)
        await show(ana.service.cell, [proof])
        for following in (feed, ana.service.follow(cursor)):
            [told] = [event for event in await left(following) if event.event in ("reset", "case.changed")]
            assert (told.event, told.cursor) == ("reset", ana.service.cell.cursor())
            assert not [event for event in await left(ana.service.follow(told.cursor)) if event.cursor]
            following.end()
        assert (await ana("case.show", case=made["id"]))["title"] == "Parcel"
        graph = await ana("case.graph", case=made["id"])
        assert {(row["author"], row["counts"]) for row in graph["rows"]} == {("ana", True), ("ben", False)}
        assert graph["drawing"].count("does not count: ") == len(before) + 1


async def test_a_flag_is_told_each_time_it_becomes_so(tmp_path: Path, autojump_clock: MockClock) -> None:
    """And what is so cannot be dismissed, what has happened can."""
    async with cell(tmp_path, "ana", "ben") as [ana, ben]:
        bad = turned(ben.service.cell)
        await ben("lock")
        made = await ana("case.new", set={"title": "Parcel"})
        feed = ana.service.follow("")
        await trio.sleep(1)
        case = CaseId(bytes.fromhex(made["id"]))
        for batch in bad.sides(ana.service.cell, case):
            await show(ana.service.cell, [batch])
            await trio.sleep(1)
        for _ in range(2):
            ana.service.cell.first._flags.add_burnt_codes()
            await trio.sleep(1)
            flags = [(flag["reason"], flag["lasting"]) for flag in (await ana("status"))["flags"]]
            assert flags == [("equivocator", True), ("burnt_codes", False)]
            await ana("flags.dismiss")
            await trio.sleep(1)
            assert [flag["reason"] for flag in (await ana("status"))["flags"]] == ["equivocator"]
        told = [event.data["reason"] for event in await left(feed) if event.event == "flag"]
        assert told == ["fork", "equivocator", "burnt_codes", "burnt_codes"]
        feed.end()


async def test_an_event_says_what_was_done(tmp_path: Path, autojump_clock: MockClock) -> None:
    """That of a removed tag had no value, and did not say which."""
    async with cell(tmp_path, "ana", "ben") as [ana, ben]:
        made = await ana("case.new", kind="contact", add={"names": ["Heron"]}, put={"channels": {"post": "Mill St"}})
        await synced(ben)
        feeds = [one.service.follow("") for one in (ana, ben)]
        for feed in feeds:
            await feed.registered()
        await ana("case.edit", case=made["id"], put={"channels": {"signal": "0"}}, add={"names": ["Crane"]})
        await ana("case.edit", case=made["id"], append={"notes": ["Call on Monday."]})
        log = await ana("case.log", case=made["id"])
        gone = {"delete": {"channels": ["post"]}, "discard": {"names": ["Heron"]}}
        await ana("case.edit", case=made["id"], retract={log["lines"][0]["item"]["id"]: ""}, **gone)
        await synced(ben)
        await trio.testing.wait_all_tasks_blocked()
        for feed in feeds:
            feed.end()
            told = sorted((one.data["did"], one.data["text"], one.data["removed"]) for one in await rest(feed))
            assert told == [
                ("add", "Crane", []), ("append", "Call on Monday.", []), ("delete", "post", ["post"]),
                ("discard", "Heron", [["Heron", "latin", "legal"]]), ("put", told[4][1], []),
                ("retract", "Call on Monday.", ["Call on Monday."]),
            ]  # fmt: skip


async def test_what_was_removed_is_looked_for_among_so_many_entries(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "READ", 3)
    async with cell(tmp_path, "ana") as [ana]:
        made = await ana("case.new", set={"title": "Mill"}, add={"tags": ["old"]})
        await ana("case.edit", case=made["id"], add={"tags": ["new"]})
        feed = ana.service.follow("")
        await feed.registered()
        said = []
        for tag in ("new", "old"):
            await ana("case.edit", case=made["id"], discard={"tags": [tag]})
            event = await feed.next()
            assert event is not None
            said.append(event.data["removed"])
        await trio.sleep(feed_module.WHILE)
        await ana("case.edit", case=made["id"], add={"tags": ["newer"]})
        await feed.next()
        await ana("case.edit", case=made["id"], discard={"tags": ["newer"]})
        event = await feed.next()
        assert event is not None
        assert [*said, event.data["removed"]] == [["new"], [], ["newer"]]
        feed.end()


async def rest(feed: Feed) -> list[Event]:
    found = []
    while (event := await feed.next()) is not None:
        found.append(event)
    return [event for event in found if event.event == "case.changed"]


def test_every_event_is_declared() -> None:
    names = get_args(get_type_hints(Event)["event"])
    assert set(names) == events.DATA.keys()
    assert get_args(Did) == (*(op.name.lower() for op in Op if op is not Op.CREATE), "other")
