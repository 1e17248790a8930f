"""A law of growth: what `status` costs does not depend on the number of cases.

Steps of SQLite's machine and calls of functions are counted, which gives the same on every machine however busy it is.
`make bench` has the times.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Final

import apsw
from trio.testing import MockClock

from cellsync.casework import CaseFile
from cellsync.cell.peer import CASES, ENTRIES
from cellsync.core.ids import ID_BYTES, CaseId
from cellsync.core.schema.schema import creation
from tests.api.services import Asking, cell

MOST: Final = 1.05
FEW: Final = ENTRIES + 200  # as many changes as are looked at; below it, less is shown
STEPS_AN_ENTRY: Final = 15


class Work:
    """What is done in a block of code: calls, and steps of SQLite's machine."""

    def __init__(self, database: apsw.Connection) -> None:
        self._database = database
        self.calls = self.steps = 0

    def __enter__(self) -> Work:
        self._database.trace_v2(apsw.SQLITE_TRACE_PROFILE, self._ran)
        sys.setprofile(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        self._database.trace_v2(0, None)

    def _ran(self, event: dict[str, Any]) -> None:
        self.steps += event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"]

    def _called(self, frame: Any, event: str, argument: Any) -> None:
        self.calls += event in ("call", "c_call")


async def test_the_cell_at_a_glance_costs_the_same_among_five_times_as_many_cases(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with cell(tmp_path, "ana") as [ana]:
        few = await _work_of_status(ana, FEW)
        many = await _work_of_status(ana, 5 * FEW)
    assert many.calls <= MOST * few.calls
    assert many.steps <= MOST * few.steps
    assert few.steps <= STEPS_AN_ENTRY * ENTRIES + 20 * CASES  # a case shown costs one more look


async def _work_of_status(ana: Asking, cases: int) -> Work:
    opened = ana.service.cell
    for first in range((await ana("status"))["cases"], cases, FEW):
        await opened.write([_case(number) for number in range(first, first + FEW)])
    await ana("status")  # describes them
    store: Any = opened.first.circle.store
    with Work(store._db) as work:
        answer = await ana("status")
    assert (answer["cases"], len(answer["only_here_cases"])) == (cases, CASES)
    return work


def _case(number: int) -> tuple[CaseId, list[Any]]:
    return CaseId(os.urandom(ID_BYTES)), creation(CaseFile, {"title": f"Case {number}"})
