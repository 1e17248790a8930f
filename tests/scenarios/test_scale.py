"""The cost of a command depends on what it shows: the work is the same in a cell of twenty cases and of six hundred.

Work is counted, not timed: calls in Python, and steps of SQLite's virtual machine.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from trio.testing import MockClock

from cellsync.casework import CaseFile, Consent
from cellsync.casework.documents.consent import Scope
from cellsync.cell import peer
from cellsync.core.errors import InvalidValue, NotFound
from cellsync.core.ids import CaseId
from cellsync.core.schema.schema import creation
from cellsync.core.wire.operations import Operation
from tests.api.services import Asking, cell

FEW, MANY = 20, 600
IDENTITY = CaseId(b"\xfe" * 32)
TITLE = "The case that is shown"


@asynccontextmanager
async def holding(folder: Path, cases: int) -> AsyncIterator[Asking]:
    async with cell(folder, "ana") as [ana]:
        open_ = ana.service.cell
        consent = [*creation(Consent, {"scope": Scope.INTERNAL}), Operation(2, "links", None, [IDENTITY, "part_of"])]
        await open_.write([(IDENTITY, creation(CaseFile, {"title": TITLE, "external_id": "VR-1"}))])
        await open_.write([(CaseId(b"\xfd" * 32), consent)])
        some = [
            (CaseId(at.to_bytes(2, "big") * 16), creation(CaseFile, {"title": f"Other {at}"})) for at in range(cases)
        ]
        await open_.write(some)
        await open_.first.catalogue.ready()
        yield ana


async def work(ana: Asking, ask: Callable[[], Awaitable[Any]]) -> int:
    """Once to get warm, then counted."""
    await ask()
    counted = 0

    def called(_: FrameType, event: str, __: object) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    def stepped() -> bool:
        nonlocal counted
        counted += 10
        return False

    store: Any = ana.service.cell.first.circle.store
    store._db.set_progress_handler(stepped, 10)
    sys.setprofile(called)
    try:
        await ask()
    finally:
        sys.setprofile(None)
        store._db.set_progress_handler(None)
    return counted


COMMANDS: dict[str, dict[str, Any]] = {
    "status": {},
    "case.list": {"limit": 10},
    "case.graph": {"case": IDENTITY.hex()},
    "export": {"cases": [IDENTITY.hex()], "audience": "internal", "format": "csv"},
    "case.new": {"kind": "case", "set": {"title": "A new one"}},
}
NAMED = {"id": IDENTITY.hex(), "short id": "fefe", "title": TITLE.upper(), "external id": "vr-1"}
for way, named in NAMED.items():
    COMMANDS[f"case.show by {way}"] = {"case": named}
    COMMANDS[f"case.edit by {way}"] = {"case": named, "append": {"legal_notes": ["a line"]}}


async def test_no_command_costs_more_where_there_are_more_cases(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "ENTRIES", FEW)  # of those that are only here, status looks at so many
    counted: dict[int, dict[str, int]] = {}
    for cases in (FEW, MANY):
        async with holding(tmp_path / str(cases), cases) as ana:
            counted[cases] = {
                command: await work(ana, lambda command=command, given=given: ana(command.split()[0], **given))  # type: ignore[misc]
                for command, given in COMMANDS.items()
            }
    grown = {command: counted[MANY][command] / counted[FEW][command] for command in COMMANDS}
    assert {command: times for command, times in grown.items() if times > 1.25} == {}


async def test_an_edit_costs_the_same_however_long_the_logs_are(tmp_path: Path, autojump_clock: MockClock) -> None:
    counted: dict[int, int] = {}
    for lines in (FEW, MANY):
        async with holding(tmp_path / str(lines), 1) as ana:
            await ana("case.edit", case=TITLE, append={"legal_notes": [f"line {at}" for at in range(lines)]})
            texts = map(str, range(9))

            async def edit(ana: Asking = ana, texts: Iterator[str] = texts) -> Any:
                more: dict[str, Any] = {"append": {"legal_notes": ["one more"]}, "add": {"tags": ["x"]}}
                return await ana("case.edit", case=TITLE, set={"summary": next(texts)}, **more)

            counted[lines] = await work(ana, edit)
            assert len((await ana("case.log", case=TITLE, limit=2 * MANY))["lines"]) == lines + 2
    assert counted[MANY] < 1.25 * counted[FEW]


async def test_a_correction_reads_the_item_that_it_names_and_no_other(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with holding(tmp_path, 1) as ana:
        line = [Operation(7, "legal_notes", None, "a line"), Operation(7, "timeline", None, 7)]
        await ana.service.cell.write([(IDENTITY, line) for _ in range(MANY)])
        read = await ana("case.log", case=TITLE, field="legal_notes", limit=2 * MANY)
        ids = [one["item"]["id"] for one in read["lines"]]
        [short, *_] = (one[:4] for one in ids[10:] if sum(other.startswith(one[:4]) for other in ids) == 1)
        named = [ids[0], ids[-1].upper(), short + ".0", ids[-2][:-2]]
        taken = Rows(ana, monkeypatch)
        for at, one in enumerate(named):
            assert (await ana("case.edit", case=TITLE, correct={one: f"another line {at}"}))["written"]
            assert taken.rows() == 2  # to find it; and from now on the case remembers it
        await ana("case.edit", case=TITLE, retract={ids[2]: "", ids[3]: "twice"})
        assert taken.rows() == 4
        with pytest.raises(NotFound, match="Several"):
            await ana("case.edit", case=TITLE, correct={ids[4][0]: "one of some forty"})
        assert taken.rows() < MANY // 4
        for nothing in ("", ".0", "fffffffffffffff.0", "g", ids[5] + ".0", f"{ids[5]}7"):
            with pytest.raises(NotFound, match="No item"):
                await ana("case.edit", case=TITLE, retract={nothing: ""})
        read = await ana("case.log", case=TITLE, field="legal_notes", limit=2 * MANY)
        said = [one["item"]["values"][0]["text"] for one in read["lines"]]
        assert len(said) == MANY - 2
        assert sorted({*said}) == ["a line", *(f"another line {at}" for at in range(4))]


class Rows:
    """How many entries are read from the store."""

    def __init__(self, asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
        self._count = 0
        store = asking.service.cell.first.circle.store
        for name in ("entry_at", "case_page", "case_entries", "chain_slice"):
            monkeypatch.setattr(store, name, self._counted(getattr(store, name)))

    def _counted(self, read: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any) -> Any:
            found = read(*args)
            self._count += len(found) if isinstance(found, list) else 1
            return found

        return counted

    def rows(self) -> int:
        """Since it was last asked."""
        count, self._count = self._count, 0
        return count


async def test_a_case_costs_what_is_shown_of_it_however_long_its_logs_are(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    counted: dict[int, dict[str, int]] = {}
    for lines in (5 * FEW, MANY):  # more than a page of rows, which is what is read at once
        async with holding(tmp_path / str(lines), 1) as ana:
            line = [Operation(7, "legal_notes", None, "a line")]
            await ana.service.cell.write([(IDENTITY, line) for _ in range(lines)])
            asked: dict[str, Any] = {"case": TITLE, "limit": FEW}
            counted[lines] = {
                operation: await work(ana, lambda operation=operation, asked=asked, ana=ana: ana(operation, **asked))  # type: ignore[misc]
                for operation in ("case.show", "case.log", "case.graph")
            }
    grown = {operation: counted[MANY][operation] / counted[5 * FEW][operation] for operation in counted[MANY]}
    assert {operation: times for operation, times in grown.items() if times > 1.25} == {}


async def test_a_page_of_a_log_reads_what_is_on_it_wherever_it_begins(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with holding(tmp_path, 1) as ana:
        line = [Operation(7, "legal_notes", None, "a line")]
        await ana.service.cell.write([(IDENTITY, line) for _ in range(MANY)])
        read = await ana("case.log", case=TITLE, limit=2 * MANY)
        ids = [one["item"]["id"] for one in read["lines"]]
        await ana("case.edit", case=TITLE, correct={ids[0]: "another line"}, retract={ids[1]: ""})
        taken, after, found = Rows(ana, monkeypatch), "", list[Any]()
        while after or not found:
            page = await ana("case.log", case=TITLE, limit=100, after=after)
            found, after = page["lines"] + found, page["next"]
            assert taken.rows() <= 3 * 64 + 1  # of the store's pages, and where the cursor is
        assert [one["item"]["id"] for one in found] == [ids[0], *ids[2:]]
        assert [one["text"] for one in found[0]["item"]["values"] + found[0]["item"]["before"]] == [
            "another line",
            "a line",
        ]


async def test_pages_are_all_of_it_in_order(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with holding(tmp_path, 45) as ana:
        whole = await ana("case.list")
        assert (len(whole["cases"]), whole["next"]) == (46, "")
        found: list[Any] = []
        after = ""
        for length in (20, 20, 6):
            page = await ana("case.list", limit=20, after=after)
            assert len(page["cases"]) == length
            found, after = found + page["cases"], page["next"]
            assert after == (page["cases"][-1]["id"] if length == 20 else "")
            if length == 20:  # what is new stands at the end
                await ana("case.edit", case=IDENTITY.hex(), set={"summary": str(len(found))})
        assert found == whole["cases"]
        exact = await ana("case.list", limit=46)
        assert exact["next"] == ""


async def test_a_page_that_there_is_not(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with holding(tmp_path, 1) as ana:
        for limit in (0, 20_001):
            with pytest.raises(InvalidValue, match="limit"):
                await ana("case.list", limit=limit)
        with pytest.raises(NotFound):
            await ana("case.list", after="none of these")
