"""CSV: one row per case, with the columns that the import knows and some that are only for reading.

The dialect is Uwazi's: a header is a property's name, `__ru` behind the name of a text says its language, `|` stands
between several values, a range of days is `from:to`, dates are 2026-03-01 (or 2026-03, 2026: as far as they are known).
The dialect has no escape, so labels that contain its separators are refused. Texts that a spreadsheet program would
take for formulas get an apostrophe in front; the import takes it away. Line ends of every kind become line feeds, other
control characters are replaced, and every cell that is more than a word or two stands in quotes (RFC 4180).

A row has one of each document: the one that an import made, else the first. What it has no place for is counted in
`also`. `conflicts` has all values, with authors, of whatever people contradict each other in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from cellsync.casework.case_file import CaseFile, Priority
from cellsync.casework.episode import Episode
from cellsync.casework.exporting.gathering import Folder
from cellsync.casework.exporting.leaving import Gate
from cellsync.casework.exporting.words import contradiction
from cellsync.casework.imported import ImportMark
from cellsync.casework.importing.cells import guard
from cellsync.casework.importing.mapping import DOCUMENTS
from cellsync.casework.name import NameKind
from cellsync.casework.partial_date import UNKNOWN_DATE, PartialDate
from cellsync.casework.person import Person
from cellsync.casework.timeline import TimelineEntry, TimelineKind
from cellsync.casework.words import as_text
from cellsync.cell.cell import Cell
from cellsync.core.case.fields import Register
from cellsync.core.case.schema import Schema, fields_of, kind_of
from cellsync.core.case.values import fits
from cellsync.core.errors import CallerError, InvalidValue
from cellsync.core.ids import CaseId
from cellsync.core.plain import unified

_SEPARATORS: Final = re.compile(r"[|;\n]|::")
_BARE: Final = re.compile(r"\w(?:[\w .:/|+-]*[\w.:])?|")  # a cell that no reader takes for anything else without quotes
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")


class Unwritable(CallerError):
    """A label contains a separator of the table, for which there is no escape."""

    code = "unwritable"
    default_hint = "Nothing was exported. Change the label, or export as JSON."


Chosen = dict[str, Schema]
"""The documents of one row, by the names that the import gives them."""


class Column(NamedTuple):
    header: str
    document: str
    field: str
    write: Callable[[list[Any], Chosen], str]  # from the values that may leave
    has_language: bool = False


def as_csv(cell: Cell, folders: list[Folder], gate: Gate, language: str = "") -> bytes:
    """The table, in UTF-8. Raises Unwritable, or InvalidValue for what is no language."""
    if language and not _LANGUAGE.fullmatch(language):
        raise InvalidValue("a language is two or three small letters", hint="ru, be, pl, …")
    columns = [one for one in _COLUMNS if _has(gate, one)]
    suffix = f"__{language}" if language else ""
    rows = [[*(one.header + suffix * one.has_language for one in columns), "also", "conflicts"]]
    for folder in folders:
        gate.within(folder)
        chosen, also = _choose(cell, folder)
        rows.append([*(_cell(gate, chosen, one) for one in columns), also, _conflicts(gate, folder)])
    return as_table(rows).encode()


def as_table(rows: Iterable[Iterable[str]]) -> str:
    """Rows of texts as CSV."""
    return "".join(",".join(map(_quoted, row)) + "\n" for row in rows)


def _quoted(cell: str) -> str:
    cell = guard(cell)
    return cell if _BARE.fullmatch(cell) else '"' + cell.replace('"', '""') + '"'


def _has(gate: Gate, column: Column) -> bool:
    own = fields_of(DOCUMENTS[column.document])[column.field]
    return own.sensitivity in gate.compartments or column.field == "timeline"


def _cell(gate: Gate, chosen: Chosen, column: Column) -> str:
    document = chosen.get(column.document)
    if document is None:
        return ""
    said = [piece.now[0] for piece in gate.field(document, column.field).pieces]
    own = fields_of(type(document))[column.field]
    if not all(fits(own.kinds[0], one.plain) for one in said):
        return as_text([one.value for one in said])  # a member wrote what is no such value
    values = [one.value for one in said]
    if not values and isinstance(own, Register) and gate.may(document, column.field):
        values = [own.default]  # what people see where nobody has written
    try:
        written = column.write(values, chosen) if values else ""
    except Unwritable:
        case = chosen["case"].id.hex()[:8]
        raise Unwritable(f"case {case}: a label for {column.header!r} contains |, ;, :: or a line break") from None
    return written


def _choose(cell: Cell, folder: Folder) -> tuple[Chosen, str]:
    """One document of each kind, and in words how many there are besides."""
    chosen: Chosen = {"case": folder.case}
    more: list[str] = []
    for name, schema in DOCUMENTS.items():
        if name != "case":
            found = [one for one in folder.documents if type(one) is schema]
            made = _imported_id(cell, schema, folder.case.external_id)
            found.sort(key=lambda one, made=made: (one.id != made, one.id))  # type: ignore[misc]
            if found:
                chosen[name] = found[0]
            if len(found) > 1:
                more.append(f"{name}: {len(found) - 1}")
    return chosen, "|".join(more)


def _imported_id(cell: Cell, schema: type[Schema], external: str) -> CaseId | None:
    return cell.case_id(kind_of(schema), external) if external else None


def _conflicts(gate: Gate, folder: Folder) -> str:
    return "\n".join(
        f"{kind_of(type(document)).rpartition('.')[2]} {leaving.name}: {contradiction(piece.now)}"
        for document in folder.documents
        for leaving in gate.fields(document)
        for piece in leaving.contradictions
    )


# --- cells -----------------------------------------------------------------------------------------------


def _one(values: list[Any], chosen: Chosen) -> str:
    """Dates of which nothing is known are empty cells."""
    return "" if values[0] == UNKNOWN_DATE else as_text(values[0])


def _word(values: list[Any], chosen: Chosen) -> str:
    """A word of an enumeration, as the import reads it."""
    return "" if values[0] is None else str(values[0])


def _rank(values: list[Any], chosen: Chosen) -> str:
    return str(list(Priority).index(values[0]) + 1) if isinstance(values[0], Priority) else ""


def _labels(values: Iterable[Any], chosen: Chosen) -> str:
    words = [unified(as_text(value)) for value in values]
    if any(_SEPARATORS.search(word) for word in words):
        raise Unwritable
    return "|".join(words)


def _articles(values: list[Any], chosen: Chosen) -> str:
    if any("," in value for value in values):
        raise Unwritable
    return _labels(values, chosen)


def _days(values: list[Any], chosen: Chosen) -> str:
    """A range of whole days around what is known; open if it is not over."""
    since = values[0].earliest
    episode = chosen["episode"]
    ended = episode.until if isinstance(episode, Episode) else None
    until = ended.latest if isinstance(ended, PartialDate) else None
    return f"{since or ''}:{until or ''}" if since or until else ""


def _latin(values: list[Any], chosen: Chosen) -> str:
    return next((name.text for name in values if name.kind is NameKind.TRANSLITERATION), "")


def _local(values: list[Any], chosen: Chosen) -> str:
    """The legal names besides the one that stands in the column `name`."""
    case, person = chosen["case"], chosen["person"]
    title = case.title if isinstance(case, CaseFile) else ""
    legal = [name for name in values if name.kind is NameKind.LEGAL]
    others = [name for name in legal if name.text != title]
    if (
        not others
        and isinstance(person, Person)
        and any(isinstance(mark, ImportMark) and mark.column == "name_local" for mark in person.imported)
    ):
        others = legal  # the table said the same name twice
    return _labels(others, chosen)


def _other_names(values: list[Any], chosen: Chosen) -> str:
    latin = _latin(values, chosen)
    return _labels([one for one in values if one.kind is not NameKind.LEGAL and one.text != latin], chosen)


def _first(values: list[Any], chosen: Chosen) -> str:
    return str(values[0])


def _further(values: list[Any], chosen: Chosen) -> str:
    return "\n".join(map(as_text, values[1:]))


def _note(values: list[Any], chosen: Chosen) -> str:
    return values[0].text if _is_note(values[0]) else ""


def _timeline(values: list[Any], chosen: Chosen) -> str:
    return "\n".join(as_text(one) for one in (values[1:] if _is_note(values[0]) else values))


def _is_note(entry: TimelineEntry) -> bool:
    return entry == TimelineEntry(TimelineKind.NOTE, entry.text)


def _task(values: list[Any], chosen: Chosen) -> str:
    """A word that the import takes for the kind of a task, as it was typed."""
    title = getattr(chosen["task"], "title", "")
    kind = _word(values, chosen)
    return title if isinstance(title, str) and re.sub(r"[\s-]+", "_", title.lower()) == kind else kind


_COLUMNS: Final = (
    Column("external_id", "case", "external_id", _first),
    Column("name", "case", "title", _first, has_language=True),
    Column("name_latin", "person", "names", _latin),
    Column("name_local", "person", "names", _local),
    Column("other_names", "person", "names", _other_names),
    Column("sex", "person", "sex", _word),
    Column("birth_date", "person", "born", _one),
    Column("citizenship", "person", "citizenships", _labels),
    Column("occupation", "person", "occupation", _first, has_language=True),
    Column("languages", "person", "languages", _labels),
    Column("status", "case", "status", _word),
    Column("priority", "case", "priority", _rank),
    Column("recognition", "case", "recognition", _word),
    Column("line_of_work", "case", "line_of_work", _word),
    Column("tags", "case", "tags", _labels),
    Column("summary", "case", "summary", _first, has_language=True),
    Column("demands", "case", "release_demands", _first, has_language=True),
    Column("further_demands", "case", "release_demands", _further, has_language=True),
    Column("handler", "case", "handler", _first),
    Column("episode_kind", "episode", "kind", _word),
    Column("agency", "episode", "agency", _first, has_language=True),
    Column("warrant", "episode", "warrant", _word),
    Column("detained_on", "episode", "since", _one),
    Column("detention", "episode", "since", _days),
    Column("facility", "episode", "place", _first, has_language=True),
    Column("articles", "proceeding", "articles", _articles),
    Column("court", "proceeding", "court", _first, has_language=True),
    Column("sentence", "proceeding", "sentence", _first, has_language=True),
    Column("next_task", "task", "kind", _task),
    Column("next_task_due", "task", "due", _one),
    Column("note", "case", "timeline", _note, has_language=True),
    Column("timeline", "case", "timeline", _timeline, has_language=True),
)
