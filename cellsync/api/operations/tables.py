"""Tables in and out: importing cases, exporting them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import partial
from typing import Final, final

from msgspec import structs

from cellsync.api.contract import shapes
from cellsync.api.contract.problems import Cancelled
from cellsync.api.jobs import Job
from cellsync.api.lookup import resolve
from cellsync.api.operations.edits import created, unwritten, write_locked
from cellsync.api.operations.job_handlers import cancelling, showing
from cellsync.api.operations.standings import waiting
from cellsync.api.service import Service
from cellsync.casework import ExportRecord, Link, Relation
from cellsync.casework.documents.case_file import CaseFile
from cellsync.casework.documents.consent import Scope
from cellsync.casework.exporting import Export, Form, write_cases
from cellsync.casework.importing import Mapping, Report, import_cases
from cellsync.cell.cell import Cell
from cellsync.cell.circle import CellCircle
from cellsync.core.errors import InvalidValue, NotPermitted, WhichCircle
from cellsync.core.ids import ID_BYTES, CaseId
from cellsync.core.schema.fields import Sensitivity
from cellsync.core.schema.host import finish
from cellsync.core.schema.values import moment
from cellsync.store.scratch import Scratch

_NAMED: Final = 1_000  # cases in each list of an answer
_LINKED: Final = 100  # cases that the record of an export points at; one of more says only how many it were


@final
class ImportJob(Job[shapes.Importing]):
    """One import."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service
        self._cell = service.cell
        self._done = self._total = 0
        self._dry_run = False
        self._report: Report | None = None
        self._waits: shapes.OwnStanding | None = None

    async def run(self, ask: shapes.ImportTable, tables: list[str]) -> None:
        """`tables`: the one of the request, which is let go as soon as it is read."""
        self._dry_run = ask.dry_run
        try:
            table = base64.b64decode(tables.pop(), validate=True)
        except ValueError:  # also for what is not ASCII
            raise InvalidValue("the table is not in base64") from None
        circle = self._cell.circle(ask.circle or None)
        self._report = await import_cases(
            circle, table, mapping=None if ask.columns is None else Mapping.of(ask.columns),
            encoding=ask.encoding, delimiter=ask.delimiter, dry_run=ask.dry_run,
            progress=self._progress, stop=lambda: self.cancelled,
        )  # fmt: skip
        self._waits = None if ask.dry_run else await waiting(circle)
        if self._report.left:
            raise self.cancellation()

    def _progress(self, done: int, total: int) -> None:
        self._done, self._total = done, total
        self.move()
        self._service.tell("import.progress", job=self.id, done=done, total=total)

    def end(self) -> None:
        """Before the next group of rows: then the report says exactly what is written."""

    def cancellation(self) -> Cancelled:
        report = self._report
        if self._dry_run or report is None or not report.created + report.updated:
            written = "Nothing was written."
        else:
            written = f"{report.created} cases were created and {report.updated} updated; they stay."
        left = f" {report.left} rows were not reached." if report is not None else ""
        return Cancelled(f"The import was cancelled. {written}{left}", hint="The same table again does the rest.")

    def show(self) -> shapes.Importing:
        report = self._report or Report(0, 0, 0, [], [], [], {}, 1, "", [])
        return shapes.Importing(
            job=self.id,
            step=self.step,
            state=self.outcome,
            done=self._done,
            total=self._total,
            created=report.created,
            updated=report.updated,
            unchanged=report.unchanged,
            left_out=report.left_out,
            unread=len(report.unread),
            problems=[
                shapes.TableProblem(
                    column=row.column, lines=list(row.lines), message=row.message, examples=list(row.examples),
                    left_out=row.left_out, fits=list(row.fits),
                )
                for row in report.problems
            ],
            notices=[
                shapes.TableNotice(
                    column=row.column, lines=list(row.lines), message=row.message, examples=list(row.examples)
                )
                for row in report.notices
            ],
            columns=report.taken,
            ignored=report.ignored,
            header_line=report.header_line,
            id_column=report.id_column,
            alike=[
                shapes.Alike(line=row.line, case=None if row.case is None else row.case.hex(), earlier=row.earlier)
                for row in report.alike
            ],
            nameless=[shapes.Nameless(line=line, called=called) for line, called in report.nameless],
            renamed=[shapes.Renamed(line=renamed.line, person=renamed.person.hex()) for renamed in report.renamed],
            waits=self._waits,
            error=self.shown_error(),
        )  # fmt: skip


async def import_table(service: Service, ask: shapes.ImportTable) -> shapes.Importing:
    job = ImportJob(service)
    work = partial(job.run, structs.replace(ask, table=""), [ask.table])
    return service.jobs.begin(job, work, service.inside)


show_import, cancel_import = showing(ImportJob), cancelling(ImportJob)


async def export(service: Service, ask: shapes.ExportCases) -> shapes.Exported:
    """What leaves is noted in an ExportRecord, unless this device may not write, or the disk is read-only."""
    cell, chosen = await _chosen(service.cell, ask)
    compartments = None if ask.compartments is None else [Sensitivity(name) for name in ask.compartments]
    surroundings = cell.circle.surroundings
    content = Scratch(service.profile.holder.parent, surroundings.entropy)
    try:
        made = await write_cases(
            cell, content, chosen, form=Form(ask.format), audience=Scope(ask.audience), compartments=compartments,
            language=ask.language, with_mentions=ask.with_mentions,
        )  # fmt: skip
        record = await _record(cell, ask, made, content.digest) if made.cases and service.as_of is None else None
        answer = await surroundings.in_thread(partial(_exported, made, record, content))
    except BaseException:
        content.close()
        raise
    waits = service.exports.keep(content)
    return structs.replace(answer, export=waits, next="1" if waits else "")


async def _chosen(cell: Cell, ask: shapes.ExportCases) -> tuple[CellCircle, list[CaseFile] | None]:
    """The circle out of which cases leave, and which; None: all. Raises NotFound, Ambiguous, WhichCircle."""
    if not ask.cases:
        return cell.circle(ask.circle or None), None
    found = [await resolve(cell, named, ask.circle) for named in ask.cases]
    circle = found[0].circle
    if any(one.circle is not circle for one in found):
        raise WhichCircle("These cases are in several circles.", hint="Export those of each circle by themselves.")
    return circle, [await circle.get(CaseFile, one.case) for one in found]


async def read_export(service: Service, ask: shapes.ReadExport) -> shapes.ExportPiece:
    made, number = service.exports.find(ask.export), int(ask.after or 0)
    if number >= made.blocks:
        raise InvalidValue("an export has no such piece")
    piece = await service.cell.ledger.surroundings.in_thread(partial(made.read, number))
    last = number + 1 == made.blocks
    if last:
        service.exports.fetched(ask.export)
    return shapes.ExportPiece(content=base64.b64encode(piece).decode(), next="" if last else str(number + 1))


def _exported(made: Export, record: shapes.Written | None, content: Scratch) -> shapes.Exported:
    return shapes.Exported(
        content=base64.b64encode(content.read(0)).decode(),
        export="",
        next="",
        leaving=len(made.cases),
        staying=len(made.refused),
        cases=_first(made.cases),
        refused=_first(made.refused),
        left_out=[
            shapes.LeftOut(
                reason=row.why.value, text=row.said, count=len(row.cases), cases=_first(row.cases), what=list(row.what)
            )
            for row in made.left_out
        ],
        mentions=[
            shapes.Mention(text=row.said, count=len(row.cases), cases=_first(row.cases), what=list(row.what))
            for row in made.mentions
        ],
        compartments=sorted(compartment.value for compartment in made.compartments),
        record=None if record is None else record.id,
        heads=None if record is None else record.heads,
    )


def _first(cases: Sequence[bytes]) -> list[str]:
    return [case.hex() for case in cases[:_NAMED]]


async def _record(cell: CellCircle, ask: shapes.ExportCases, made: Export, digest: bytes) -> shapes.Written | None:
    """Note what left. With a key, once for what leaves; None if this device may not write."""
    case = _record_of(cell, ask, digest)
    draft = unwritten(cell, ExportRecord, case)
    draft.scope = Scope(ask.audience)
    draft.made = moment(cell.circle.surroundings.now())
    draft.manifest = digest
    draft.cases = len(made.cases)
    for compartment in sorted(made.compartments):
        draft.compartments.add(compartment)
    for left in made.cases if len(made.cases) <= _LINKED else ():
        draft.links.add(Link(bytes(left), Relation.ABOUT))
    for words in (text.said for kept in (made.left_out, made.mentions) for text in kept):
        draft.notes.append(words)
    operations = [created(ExportRecord), *finish(draft)]
    async with cell.circle.lock:
        is_noted = await cell.circle.apart(lambda: cell.circle.replica.shows(case))
        try:
            return await write_locked(cell, case, [] if is_noted else operations)
        except NotPermitted:
            return None


def _record_of(cell: CellCircle, ask: shapes.ExportCases, digest: bytes) -> CaseId:
    """The document that notes this export. What has a key has one of its own for each content."""
    if ask.key is None:
        return CaseId(cell.circle.surroundings.entropy(ID_BYTES))
    return cell.case_id("record of a request", cell.device.hex() + digest.hex() + ask.key)
