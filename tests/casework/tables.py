"""Tables, a cell into which they are imported, and what an import says that it did."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cellsync.casework.importing import (
    Report,
)
from cellsync.cell.cell import Cell
from cellsync.testing import MemoryNetwork

DATA = Path(__file__).parents[2] / "examples" / "data"
HEADER = "external_id,name,status,languages,next_task,next_task_due,note,court"


def table(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


@asynccontextmanager
async def a_cell(network: MemoryNetwork | None = None) -> AsyncIterator[Cell]:
    device = await (network or MemoryNetwork()).device("ana").found()
    async with device.opened() as cell:
        yield cell


async def document(cell: Cell, schema: type[Any], external: str) -> Any:
    return await cell.get(schema, cell.case_id(schema._kind, external))


def counts(report: Report) -> tuple[int, int, int]:
    return report.created, report.updated, report.unchanged
