"""Answers are bounded whatever a member has written, and say when they are cut."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from cellsync.api import pages, room
from cellsync.cell import followers
from cellsync.core.errors import InvalidValue
from cellsync.core.ids import CaseId
from cellsync.core.wire.operations import Operation
from tests.api.services import Asking, cell

CASE = CaseId(b"c" * 32)
TITLED = [Operation(0, "cellsync.case", 1, None), Operation(1, "title", b"", "heavy")]


async def written(of: Asking, *edits: list[Operation]) -> None:
    await of.service.cell.write([(CASE, TITLED), *((CASE, edit) for edit in edits)])


async def test_a_log_longer_than_an_answer(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        await written(ana, *([Operation(7, "other", None, f"line {at}")] for at in range(200)))
        whole = await ana("case.log", case="heavy", limit=200)
        assert (len(whole["lines"]), whole["next"], whole["cut"]) == (200, "", False)
        monkeypatch.setattr(room.Room.__init__, "__defaults__", (20_000,))
        few = await ana("case.log", case="heavy", limit=200)
        assert 0 < len(few["lines"]) < 50
        newest = [f"line {at}" for at in range(200 - len(few["lines"]), 200)]
        assert [one["item"]["values"][0]["text"] for one in few["lines"]] == newest
        assert not few["cut"]  # the next page has it
        more = await ana("case.log", case="heavy", limit=200, after=few["next"])
        assert more["lines"][-1]["item"]["values"][0]["text"] == f"line {199 - len(newest)}"
        shown = await ana("case.show", case="heavy", limit=200)
        assert shown["title"] == "heavy"
        assert len(shown["fields"][-1]["items"]) < 50
        assert shown["next"]


async def test_what_is_looked_at_has_an_end(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "LOOKED_AT", 10)
    async with cell(tmp_path, "ana") as [ana]:
        edits = ([Operation(1, "summary", b"", f"{at}")] for at in range(35))
        await written(ana, [Operation(7, "legal_notes", None, "a line")], *edits)
        shown = await ana("case.show", case="heavy")
        assert "legal_notes" not in {field["name"] for field in shown["fields"]}
        lengths, after = [], shown["next"]
        while after:
            page = await ana("case.log", case="heavy", after=after)
            lengths.append(len(page["lines"]))
            after = page["next"]
        assert lengths == [0, 0, 1]


async def test_an_entry_that_no_answer_holds_is_cut(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        await written(ana, [Operation(7, "other", None, f"line {at}") for at in range(200)])
        monkeypatch.setattr(room.Room.__init__, "__defaults__", (20_000,))
        for operation in ("case.log", "case.show"):
            assert (await ana(operation, case="heavy"))["cut"]


async def test_pages_of_one_case(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana", "ben") as [ana, ben]:
        await written(ana, *([Operation(7, "legal_notes", None, f"line {at}")] for at in range(25)))
        shown = await ana("case.show", case="heavy", limit=10)
        [said] = [field["items"] for field in shown["fields"] if field["name"] == "legal_notes"]
        lines, after = [one["values"][0]["text"] for one in said], shown["next"]
        assert lines == [f"line {at}" for at in range(15, 25)]
        await ana("case.edit", case="heavy", append={"release_demands": ["written meanwhile"]})
        while after:
            page = await ana("case.log", case="heavy", limit=10, after=after)
            lines = [one["item"]["values"][0]["text"] for one in page["lines"]] + lines
            after = page["next"]
        assert lines == [f"line {at}" for at in range(25)]
        of_one = await ana("case.log", case="heavy", field="release_demands", limit=1)
        assert ([one["field"] for one in of_one["lines"]], of_one["next"]) == (["release_demands"], "")
        rows: list[Any] = []
        after = ""
        while True:
            drawn = await ana("case.graph", case="heavy", limit=10, after=after)
            rows, after = rows + drawn["rows"], drawn["next"]
            if not after:
                break
        assert [row["did"] for row in rows] == [row["did"] for row in (await ana("case.graph", case="heavy"))["rows"]]
        assert len(rows) == 27
        other = await ana("case.new", set={"title": "another"})
        foreign = f"{ben.service.cell.first.circle.life.hex()[:8]}{shown['next'][8:]}"
        for place in ("x", shown["next"][:-1], foreign, f"{shown['next'][:9]}{'f' * 16}", "-"):
            for operation in ("case.log", "case.graph"):
                with pytest.raises(InvalidValue, match="begins there"):
                    await ana(operation, case="heavy", after=place)
        for operation in ("case.log", "case.graph"):
            with pytest.raises(InvalidValue, match="begins there"):
                await ana(operation, case=other["id"], after=shown["next"])


async def test_a_place_with_very_many_values(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        await written(ana, *([Operation(1, "status", b"", [[]] * 1_000 + [at])] for at in range(300)))
        gc.collect()
        tracemalloc.start()
        shown = await ana("case.show", case="heavy")
        await ana("case.list")
        await ana("status")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 24 << 20  # decoded, the values alone are that much
        assert all(len(field["values"]) <= 64 for field in shown["fields"])
        assert shown["cut"]


async def test_lists_and_graphs_have_an_end(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        await written(ana, *([Operation(7, "timeline", None, f"line {at}")] for at in range(99)))
        drawn = await ana("case.graph", case="heavy", limit=50)
        assert (len(drawn["rows"]), bool(drawn["next"])) == (50, True)
        assert "line 98" in str(drawn["rows"][0]["did"])
        for number in range(8):
            await ana("case.new", kind="case", set={"title": f"t{number}"})
        listed = await ana("case.list", limit=5)
        assert (len(listed["cases"]), listed["next"]) == (5, listed["cases"][-1]["id"])
        assert (await ana("case.list", find="t7"))["next"] == ""


async def test_what_waits_for_a_slow_follower_is_bounded_in_bytes(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "BACKLOG_BYTES", 200_000)
    async with cell(tmp_path, "ana") as [ana]:
        whole = ana.service.cell
        async with whole.changes() as changes:
            await written(ana, *([Operation(1, "status", b"", "x" * 50_000)] for _ in range(40)))
            got = []
            async for change in changes:
                got.append(change)
                if change.cause == "reset":
                    break
            assert len(got) <= 6
            await written(ana)  # and it goes on
            async for change in changes:
                assert change.path == "title"
                break


async def test_a_case_with_very_many_fields(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        counters = [Operation(6, f"c{at}", None, 1) for at in range(400)]
        logs = [Operation(7, f"l{at}", None, "x") for at in range(400)]
        await written(ana, counters, logs)
        assert len((await ana("case.show", case="heavy"))["fields"]) > 800
        monkeypatch.setattr(room.Room.__init__, "__defaults__", (40_000,))
        shown = await ana("case.show", case="heavy")
        assert shown["cut"]
        assert len(shown["fields"]) < 70
        read = await ana("case.log", case="heavy")
        assert read["cut"]
        assert len(read["lines"]) < 70
        with pytest.raises(InvalidValue) as no_log:
            await ana("case.log", case="heavy", field="absent")
        assert len(str(no_log.value.hint)) < 200
