"""Tables that come in."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from cellsync.api.contract.shapes.base import Answer, Error, RequestKey, Takes, Words
from cellsync.api.contract.shapes.membership import OwnStanding


class ImportTable(Takes, kw_only=True, frozen=True):
    """A CSV file, in base64. `columns`: where its columns go, but for those whose headings say so:
    {"Nr": "external_id", "Note": ["note", "case.legal_notes"], "X": []}. `dry_run`: say what it would do, and write
    nothing. `circle`: where the cases go; "": into the only one."""

    table: Annotated[str, Meta(max_length=96 << 20)]
    encoding: str | None = None
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] | None = None
    columns: dict[str, str | list[str]] | None = None
    dry_run: bool = False
    circle: Words = ""
    key: RequestKey | None = None


class TableProblem(Struct, kw_only=True, frozen=True):
    """What is wrong with some cells of a column, or with some rows. `lines`: all that have it; the message names the
    first. `examples`: what stands in the cells, which the message does not say. `left_out`: whether the rows were left
    out; else only these cells were, and the rest of their rows arrived. `fits`: columns that take words like these."""

    column: str
    lines: list[int]
    message: str
    examples: list[str]
    left_out: bool
    fits: list[str]


class TableNotice(Struct, kw_only=True, frozen=True):
    """Cells that arrived, read by a rule that may be wrong in this table: a year of two digits, an order of day and
    month that the heading says. `lines`: all of them; the message names the first. `examples`: what stands there."""

    column: str
    lines: list[int]
    message: str
    examples: list[str]


class Alike(Struct, kw_only=True, frozen=True):
    """A row with the name of somebody who is here already under another id, in that case or person; or with the name of
    an earlier row, on that line. It was imported all the same."""

    line: int
    case: str | None
    earlier: int | None


class Renamed(Struct, kw_only=True, frozen=True):
    """A row that was left out: its id is that of this person already, of whose names it has not one word. If they are
    the same, the person needs this name as well first; if not, the row needs another id."""

    line: int
    person: str


class Nameless(Struct, kw_only=True, frozen=True):
    """A row that says no name, and nothing instead of one; what its case is called then. It was imported."""

    line: int
    called: str


class Importing(Answer, kw_only=True, frozen=True):
    """Whole groups of rows are durable as they are done; the same table again does the rest. `created`, `updated` and
    `unchanged` count when it is over, also if it was cancelled: of all rows that it had come to by then, `done`.
    `left_out` counts rows, `unread` cells of rows that arrived. `columns`: headings of the table that were taken for
    ours. `id_column`: "" if the table has none; then rows are known by the name and the date of birth. `waits`: as in
    `Written`."""

    job: str
    step: int
    state: Literal["running", "done", "failed"]
    done: int
    total: int
    created: int
    updated: int
    unchanged: int
    left_out: int
    unread: int
    problems: list[TableProblem]
    notices: list[TableNotice]
    columns: dict[str, str]
    ignored: list[str]
    header_line: int
    id_column: str
    alike: list[Alike]
    nameless: list[Nameless]
    renamed: list[Renamed]
    waits: OwnStanding | None
    error: Error | None
