"""An export: gather the documents, look up the consents, write the data that may leave."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from cellsync.casework.documents.case_file import CaseFile
from cellsync.casework.documents.consent import Scope
from cellsync.casework.exporting import dossier, permission, plain, tables
from cellsync.casework.exporting.gate import Gate
from cellsync.casework.exporting.gathering import Folder, gather
from cellsync.casework.exporting.left_out import Kept, LeftOut, Mentioned, NoConsent, NothingLeaves, Why
from cellsync.casework.exporting.numbers import Cases
from cellsync.casework.exporting.papers import gather_papers
from cellsync.casework.exporting.permission import Right
from cellsync.casework.exporting.reader import Reader, Steps
from cellsync.casework.exporting.sink import InMemory, Sink
from cellsync.cell.cell import Cell
from cellsync.cell.circle import CellCircle
from cellsync.core.errors import InvalidValue
from cellsync.core.history.store import Listings
from cellsync.core.ids import CaseId
from cellsync.core.marks import Marks
from cellsync.core.replica.replica import Replica
from cellsync.core.schema.fields import Sensitivity


class Form(StrEnum):
    """What an export looks like."""

    CSV = "csv"
    JSON = "json"
    DOSSIER = "html"


class Export(NamedTuple):
    """What leaves. The caller that hands it over notes that in an ExportRecord."""

    content: bytes  # empty if it was written to a sink
    cases: Sequence[CaseId]
    refused: Sequence[CaseId]  # stay entirely: no consent reaches this audience, or nothing in them may leave
    compartments: frozenset[Sensitivity]
    left_out: list[LeftOut]  # for each reason, the cases and the fields or documents
    mentions: list[Mentioned]  # texts that left, and mention or may mention data that stayed

    def __repr__(self) -> str:
        return f"<export of {len(self.cases)} cases, {len(self.refused)} refused>"  # no content


async def export_cases(
    cell: Cell | CellCircle,
    cases: Iterable[CaseFile] | None = None,
    *,
    form: Form,
    audience: Scope,
    compartments: Iterable[Sensitivity] | None = None,
    language: str = "",
    with_mentions: bool = False,
) -> Export:
    """Export these cases of one circle, or all of it, with the documents that belong to them. Writes nothing anywhere.

    `audience` decides which consent is needed and what may be chosen (`permission`). `compartments` are C0 and C1 if
    none are chosen, for the public C0. `language` marks the texts of a table, or the page, as being in it: "ru". Texts
    that say what stays, a name that a consent withholds, stay as well, unless `with_mentions` lets them go; `mentions`
    says which went.

    Cases without the consent are left out and listed; raises NoConsent if that is all of them, and NothingLeaves if the
    others hold nothing in these compartments. `left_out` says what stayed and why. Raises InvalidValue for compartments
    that do not leave together or not to them, or for a dossier of several cases.
    """
    out = InMemory()
    made = await write_cases(
        cell, out, cases, form=form, audience=audience, compartments=compartments, language=language,
        with_mentions=with_mentions,
    )  # fmt: skip
    return made._replace(content=out.getvalue())


async def write_cases(
    cell: Cell | CellCircle,
    out: Sink,
    cases: Iterable[CaseFile] | None = None,
    *,
    form: Form,
    audience: Scope,
    compartments: Iterable[Sensitivity] | None = None,
    language: str = "",
    with_mentions: bool = False,
) -> Export:
    """The same as `export_cases`, written to `out`, which is told when all is started over. It writes in a thread."""
    chosen = permission.checked(audience, compartments)
    wanted = None if cases is None else [case.id for case in cases]
    circle = cell if isinstance(cell, CellCircle) else cell.circle_with(wanted[0]) if wanted else cell.circle()

    def work(replica: Replica, listings: Listings) -> Steps[Export]:
        return _made(Reader(circle, replica, listings), wanted, form, audience, chosen, language, with_mentions, out)

    return await circle.at_one_moment(work)


class _Writer(Protocol):
    """Writes the folders that leave, in one form."""

    def add(self, folder: Folder) -> Steps[None]: ...

    def end(self) -> None: ...


def _made(
    reader: Reader, cases: list[CaseId] | None, form: Form, audience: Scope, chosen: frozenset[Sensitivity],
    language: str, with_mentions: bool, out: Sink,
) -> Steps[Export]:  # fmt: skip
    out.clear()
    folders = yield from gather(reader, cases)
    kept, leaving = Kept(), array("I")
    for place, right in enumerate(folders.rights):
        if (why := _refusal(right, audience)) is None:
            leaving.append(place)
        else:
            kept.add(why, place, merged=right is not None and right.merged)
    if folders and not leaving:
        raise NoConsent(kept.by_reason(reader.all_ids, folders.numbers))
    if form is Form.DOSSIER and len(folders) != 1:
        raise InvalidValue("a dossier is about one case", hint="Choose one case, or export a table.")
    papers = yield from gather_papers(reader, folders, leaving, audience, kept)
    gate = Gate(
        reader, folders.consents, audience, chosen, papers.targets(chosen), kept, with_mentions=with_mentions
    )  # fmt: skip
    writer = _writer(form, reader, gate, audience, language, out)
    filled, refused = Marks(), array("I")
    for place in leaving:
        folder = papers.folder(place)
        if (yield from gate.has_any(folder)):
            filled.add(place + 1)
            yield from writer.add(folder)
        else:
            kept.add(Why.NOTHING, place)
    if leaving and not any(True for _ in filled):
        raise NothingLeaves(audience, chosen, kept.by_reason(reader.all_ids, folders.numbers))
    writer.end()
    refused.extend(number for place, number in enumerate(folders.numbers) if place + 1 not in filled)
    return Export(
        b"", Cases(reader.all_ids, (folders.numbers[place - 1] for place in filled)),
        Cases(reader.all_ids, refused), chosen, kept.by_reason(reader.all_ids, folders.numbers),
        kept.mentioned(reader.all_ids, folders.numbers),
    )  # fmt: skip


def _refusal(right: Right | None, audience: Scope) -> Why | None:
    """Why no part of a case may leave; None if some may."""
    return Why.NO_CONSENT if right is None else right.refuses(audience)


def _writer(form: Form, reader: Reader, gate: Gate, audience: Scope, language: str, out: Sink) -> _Writer:
    match form:
        case Form.CSV:
            return tables.Table(reader, gate, language, out)
        case Form.JSON:
            return plain.Whole(reader, gate, audience, out)
        case Form.DOSSIER:
            return dossier.Dossier(reader, gate, audience, language, out)
