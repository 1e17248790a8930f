"""The intake: rows are written in groups, each group as one durable step, entirely or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import trio

from cellsync.casework.documents.imported import MARKS
from cellsync.casework.importing.here import Alike, Matches, Renamed, is_called_otherwise, look_around, made_of
from cellsync.casework.importing.mapping import DOCUMENTS, EXTERNAL_ID, SEVERAL_ITEMS, Mapping
from cellsync.casework.importing.merge import (
    Keyed,
    creation,
    has_said,
    is_not_created,
    is_of_another_kind,
    merge,
)
from cellsync.casework.importing.problems import Problem, problems, told
from cellsync.casework.importing.reading import RowError, Source, Stop, content_of, read_csv, rows_of
from cellsync.casework.importing.waiting import Place, Waiting, WaitingRow
from cellsync.casework.importing.whole import Document, is_whole, operations_for, read_whole
from cellsync.casework.values.link import Relation
from cellsync.cell.cell import Cell
from cellsync.cell.circle import CellCircle
from cellsync.core.case.fold import CaseState
from cellsync.core.ids import CaseId
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from cellsync.ledger.pause import collector_paused

GROUP_ROWS: Final = 100
GROUP_BYTES: Final = 512 << 10

# Of two linked documents, the one that fewer people need holds the link (design, section 5).
_LINKS: Final[tuple[tuple[str, str, Relation], ...]] = (
    ("case", "person", Relation.ABOUT),
    ("episode", "case", Relation.PART_OF),
    ("episode", "person", Relation.ABOUT),
    ("proceeding", "case", Relation.PART_OF),
    ("proceeding", "person", Relation.ABOUT),
    ("task", "case", Relation.PART_OF),
)
_LINKS_OF: Final = {name: [(to, how.value) for at, to, how in _LINKS if at == name] for name, _, _ in _LINKS}
# A member may write into any id, also into those that rows of a table will have.
_TAKEN: Final = "has an id under which something of another kind is here"
_BY_IMPORT: Final = ""  # in place of a column: for values from the import itself

Progress = Callable[[int, int], None]
Edits = list[tuple[CaseId, list[Operation]]]


class Report(NamedTuple):
    """What an import did, or would do. The numbers count rows, hence case files, also those whose person changed.

    A row that says what stands here already is unchanged, also if that is noted for the first time (`merge`, marks).
    """

    created: int
    updated: int
    unchanged: int
    errors: list[RowError]  # of rows that were left out, in the order of the file
    ignored: list[str]  # columns that the mapping does not know
    unread: list[RowError]  # cells that could not be read, of rows that arrived
    taken: dict[str, str]  # columns of the table under another name than ours -> ours
    header_line: int
    id_column: str  # "": rows are known by name
    alike: list[Alike]  # new rows with a name that is already here
    left: int = 0  # rows that were not reached because the import was stopped
    nameless: Sequence[tuple[int, str]] = ()  # rows without a name: line, and the title used instead
    renamed: Sequence[Renamed] = ()  # rows left out: their id is already here, for a person of another name
    doubted: Sequence[RowError] = ()  # columns left out because it is not clear whether they are ours
    by_rule: Sequence[RowError] = ()  # cells imported under a rule that may be wrong in this table

    @property
    def left_out(self) -> int:
        """How many rows were left out."""
        return rows_of(self.errors) + len(self.renamed)

    @property
    def problems(self) -> list[Problem]:
        """What could not be read, one for each kind of mistake in a column."""
        return problems(self.errors, self.unread, self.doubted)

    @property
    def notices(self) -> list[Problem]:
        """What was read by a rule, one for each rule in a column."""
        return told(self.by_rule)

    def __repr__(self) -> str:
        return (
            f"<report: {self.created} created, {self.updated} updated, {self.unchanged} unchanged, "
            f"{self.left_out} left out>"
        )


async def import_cases(
    into: Cell | CellCircle,
    source: Source,
    *,
    mapping: Mapping | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    stop: Stop = lambda: False,
) -> Report:
    """Import a table: the content of a CSV file, or its path; or what an export wrote as JSON.

    All of it goes into one circle: this one, or the only one of a cell. What cannot be read is left out and reported.

    A dry run reports the same and writes nothing. `progress` is told (rows done, rows to do) after each group. `stop`
    is asked before each, and before each row while the table is read; once it says yes, the report is of what was done
    until then. Stopped half-way, whole groups are there, and the same import again does the rest.

    Raises UnreadableFile, InvalidValue, WhichCircle, NotPermitted, DiskFull, StorageFailed.
    """
    cell = into if isinstance(into, CellCircle) else into.circle()
    in_thread = cell.circle.surroundings.in_thread
    content = await in_thread(partial(content_of, source))
    if is_whole(content):
        cases, problems = await in_thread(partial(read_whole, content))
        return await _import_whole(cell, cases, problems, dry_run, progress or (lambda *_: None), stop)
    read = partial(read_csv, content, mapping, encoding=encoding, delimiter=delimiter, stop=stop)
    reading = await cell.circle.apart(read)
    here = await look_around(cell, Waiting() if stop() else reading.rows)
    created = updated = done = 0
    for group in _groups(reading.rows):
        if stop():
            break
        new, changed = await _merge(cell, here, group, dry_run)
        created, updated, done = created + new, updated + changed, done + len(group)
        if progress is not None:
            progress(done, len(reading.rows))
    async with cell.circle.lock:
        await cell.catalogue.written()
    unchanged = done - created - updated - len(here.renamed) - len(here.taken)
    left = len(reading.rows) - done + reading.left
    errors = sorted([*reading.errors, *(RowError(line, "", _TAKEN) for line in here.taken)], key=lambda one: one.line)
    return Report(
        created, updated, unchanged, errors, reading.ignored, reading.unread, reading.taken,
        reading.header_line, reading.id_column, here.alike, left, reading.nameless, here.renamed,
        reading.doubted, reading.notices,
    )  # fmt: skip


async def _import_whole(
    cell: CellCircle, cases: list[list[Document]], unread: list[RowError], dry_run: bool, progress: Progress, stop: Stop
) -> Report:
    """Import our own JSON, case by case."""
    created = updated = done = 0
    for documents in cases:
        if stop():
            break
        edits: Edits = []
        async with cell.circle.lock:
            states = {document.id: _state(cell, document.id) for document in documents}
            for document in documents:
                if is_of_another_kind(document.schema, states[document.id]):
                    unread.append(RowError(document.line, "", _TAKEN))
                elif made := operations_for(document, states[document.id], _keyed(cell, document.id)):
                    edits.append((document.id, made))
            if edits and not dry_run:
                await cell.own_entries.write_locked(edits)
        is_new = any(states[document.id] is None for document in documents[:1])  # the case file comes first
        created, updated, done = created + is_new, updated + (_says_more(edits) and not is_new), done + 1
        progress(done, len(cases))
    unchanged = done - created - updated
    return Report(created, updated, unchanged, [], [], unread, {}, 1, EXTERNAL_ID, [], len(cases) - done)


def _groups(rows: Iterable[WaitingRow]) -> Iterator[list[WaitingRow]]:
    group: list[WaitingRow] = []
    size = 0
    for row in rows:
        if group and (len(group) == GROUP_ROWS or size + row.size > GROUP_BYTES):
            yield group
            group, size = [], 0
        group.append(row)
        size += row.size
    if group:
        yield group


async def _merge(cell: CellCircle, here: Matches, group: list[WaitingRow], dry_run: bool) -> tuple[int, int]:
    """(rows whose case file is new, other rows that change something). The circle's lock keeps out other writers."""
    async with cell.circle.lock:
        merged = await cell.circle.apart(lambda: [_merge_row(cell, here, row) for row in group])
        edits = [edit for written, _ in merged for edit in written]
        if edits and not dry_run:
            with collector_paused():  # it would walk all states held here, again and again
                plan = await cell.own_entries.write_locked(edits, begin=False)
            await cell.circle.apart(partial(cell.catalogue.keep_up, plan))
    await trio.lowlevel.checkpoint()
    created = sum(is_new for _, is_new in merged)
    return created, sum(_says_more(written) and not is_new for written, is_new in merged)


def _says_more(edits: Edits) -> bool:
    """Whether the edits hold more than marks, which record what a table has said and change no value."""
    return any(operation.field != MARKS for _, operations in edits for operation in operations)


def _merge_row(cell: CellCircle, here: Matches, row: WaitingRow) -> tuple[Edits, bool]:
    """The edits of one row, and whether its case file is new. The caller holds the circle's lock."""
    made = made_of(cell, row.external)
    ids = here.documents.get(row.external, made)
    states = {name: _state(cell, case) for name, case in ids.items()}
    if any(is_of_another_kind(DOCUMENTS[name], state) for name, state in states.items()):
        here.taken.append(row.line)
        return [], False
    documents = row.documents
    exist = {name for name in DOCUMENTS if states[name] is not None or any(documents.get(name, {}).values())}
    exist.add("case")
    edits: Edits = []
    for name in sorted(exist):
        table: dict[Place, list[Any]] = dict(documents.get(name, {}))
        if name in ("case", "person") and ids[name] == made[name]:
            table[EXTERNAL_ID, ""] = [row.external]
        keyed = _keyed(cell, ids[name])
        links = [
            link
            for to, how in _LINKS_OF.get(name, ())
            if to in exist
            for link in [[bytes(ids[to]), how]]
            # Two documents made by hand were found by their links, so the import leaves these links to the people.
            if (state := states[name]) is None or ids[name] == made[name] or states[to] is None
            or has_said(state, keyed, ("links", _BY_IMPORT), link)
        ]  # fmt: skip
        if links:
            table["links", _BY_IMPORT] = links
        before = states[name]
        uncreated = is_not_created(before)
        otherwise = name == "person" and before is not None and is_called_otherwise(row, before)
        if written := merge(DOCUMENTS[name], before, table, keyed, SEVERAL_ITEMS):
            if otherwise and any(operation.tag == Op.ADD and operation.field == "names" for operation in written):
                here.renamed.append(Renamed(row.line, ids["person"]))
                return [], False  # one person's data must not be written to another
            edits.append((ids[name], [*([creation(DOCUMENTS[name])] if uncreated else []), *written]))
    return edits, states["case"] is None


def _keyed(cell: CellCircle, case: CaseId) -> Keyed:
    # no schema has such a kind, so these ids collide with those of no case
    named, case_id = case.hex(), cell.case_id
    return lambda use, data: case_id("import " + use, named + data.hex())


def _state(cell: CellCircle, case: CaseId) -> CaseState | None:
    """The state of a document with its logs; None if it is not here. The caller holds the circle's lock."""
    return cell.circle.replica.read(case)
