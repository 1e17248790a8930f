"""CSV: one row per case, with the columns that the import knows and some that are only for reading.

The dialect is Uwazi's: a header is a property's name, a suffix such as `__ru` gives the language of a text, `|`
separates several values, a range of days is `from:to`, dates are 2026-03-01 (or 2026-03, 2026: as far as they are
known). A value that the dialect cannot express is put in quotes inside the cell, as the import reads it
(`importing.lists`). A text that a spreadsheet program would take for a formula gets an apostrophe in front, which the
import removes. Line ends of every kind become line feeds, other control characters are replaced, and every cell longer
than a word or two is quoted (RFC 4180).

A row has one document of each kind: the one that an import made, otherwise the first. Further documents are counted in
`also`. `conflicts` has all values, with authors, of every field with a contradiction. A case without an external id has
its own full id in that column, by which an import finds it again.

A table can be read back: an import into another cell gives the same values, and into this one changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from cellsync.casework.documents.case_file import CaseFile
from cellsync.casework.documents.imported import ImportMark
from cellsync.casework.documents.person import Person
from cellsync.casework.exporting.documents import named_kind
from cellsync.casework.exporting.gate import Gate
from cellsync.casework.exporting.gathering import Folder
from cellsync.casework.exporting.reader import Reader, Steps
from cellsync.casework.exporting.sink import Sink
from cellsync.casework.exporting.words import contradiction
from cellsync.casework.importing.articles import articles
from cellsync.casework.importing.cells import Parser, as_cell, guard
from cellsync.casework.importing.codes import countries, languages
from cellsync.casework.importing.lists import ALIASES, NAMES, TEXTS, TRANSLITERATIONS, entries, joined, lines
from cellsync.casework.importing.mapping import DOCUMENTS
from cellsync.casework.values.name import NameKind
from cellsync.casework.values.partial_date import UNKNOWN_DATE, PartialDate
from cellsync.casework.values.timeline import TimelineEntry, TimelineKind
from cellsync.casework.values.words import as_text, as_typed
from cellsync.cell.circle import CellCircle
from cellsync.core.errors import InvalidValue
from cellsync.core.ids import CaseId
from cellsync.core.plain import settled
from cellsync.core.schema.fields import Register
from cellsync.core.schema.schema import Schema, fields_of, kind_of
from cellsync.core.schema.values import fits

_BARE: Final = re.compile(r"\w(?:[\w .:/|+-]*[\w.:])?|")  # a cell that every reader understands without quotes
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")


Chosen = dict[str, Schema]
"""The documents of one row, by the names that the import gives them."""


class TableRow(NamedTuple):
    """The documents of a row, and their gate."""

    chosen: Chosen
    gate: Gate

    def leaving(self, document: str, field: str) -> list[Any]:
        """The values of another field that may leave."""
        found = self.chosen.get(document)
        return [] if found is None else [piece.now[0].value for piece in self.gate.field(found, field).pieces]


class Column(NamedTuple):
    header: str
    document: str
    field: str
    write: Callable[[list[Any], TableRow], str]  # makes the cell from the values that may leave
    has_language: bool = False


class Table:
    """Writes the table in UTF-8, row by row. Raises InvalidValue for an invalid language."""

    def __init__(self, reader: Reader, gate: Gate, language: str, out: Sink) -> None:
        if language and not _LANGUAGE.fullmatch(language):
            raise InvalidValue("a language is two or three small letters", hint="ru, be, pl, …")
        self._reader = reader
        self._gate = gate
        self._out = out
        self._columns = [column for column in _COLUMNS if _has(gate, column)]
        suffix = f"__{language}" if language else ""
        headers = [column.header + suffix * column.has_language for column in self._columns]
        out.write(as_table([[*headers, "also", "conflicts"]]).encode())

    def add(self, folder: Folder) -> Steps[None]:
        gate = self._gate.within(folder)
        chosen, also = _choose(self._reader, folder)
        cells = [_cell(gate, chosen, column) for column in self._columns]
        yield from self._reader.turn()
        conflicts = yield from _conflicts(self._reader, gate, folder)
        self._out.write(as_table([[*cells, also, conflicts]]).encode())

    def end(self) -> None:
        pass


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
    readings = [piece.now[0] for piece in gate.field(document, column.field).pieces]
    own = fields_of(type(document))[column.field]
    if not all(fits(own.kinds[0], reading.plain) for reading in readings):
        return as_text([reading.value for reading in readings])  # a member wrote a value of another type
    values = [reading.value for reading in readings]
    if not values and isinstance(own, Register) and gate.may(document, column.field):
        values = [own.default]  # the value that is shown for a field never written
    return column.write(values, TableRow(chosen, gate)) if values else ""


def _choose(reader: Reader, folder: Folder) -> tuple[Chosen, str]:
    """One document of each kind, and the text for `also`, which counts the others."""
    chosen: Chosen = {"case": reader.open(CaseFile, folder.case)}
    more: list[str] = []
    for name, schema in DOCUMENTS.items():
        if name != "case":
            found = [document.id for document in folder.documents if document.schema is schema]
            made = _imported_id(reader.cell, schema, folder.external_id)
            if found:
                chosen[name] = reader.open(schema, min(found, key=lambda one, made=made: (one != made, one)))  # type: ignore[misc]
            if len(found) > 1:
                more.append(f"{name}: {len(found) - 1}")
    return chosen, "|".join(more)


def _imported_id(cell: CellCircle, schema: type[Schema], external: str) -> CaseId | None:
    return cell.case_id(kind_of(schema), external) if external else None


def _conflicts(reader: Reader, gate: Gate, folder: Folder) -> Steps[str]:
    found: list[str] = []
    for document in folder.documents:
        found += (
            f"{named_kind(kind_of(document.schema))} {leaving.name}: {contradiction(piece.now)}"
            for leaving in gate.fields(reader.open(document.schema, document.id))
            for piece in leaving.contradictions
        )
        yield from reader.turn()
    return "\n".join(found)


# --- cells -----------------------------------------------------------------------------------------------


def _external(values: list[Any], row: TableRow) -> str:
    return str(values[0]) or row.chosen["case"].id.hex()


def _one(values: list[Any], row: TableRow) -> str:
    """A single value; an unknown date is an empty cell."""
    return "" if values[0] == UNKNOWN_DATE else as_text(values[0])


def _word(values: list[Any], row: TableRow) -> str:
    """A word of an enumeration, as the import reads it."""
    return "" if values[0] is None else str(values[0])


def _first(values: list[Any], row: TableRow) -> str:
    return as_cell(settled(str(values[0])))


def _list(read: Parser) -> Callable[[list[Any], TableRow], str]:
    """Writes several values in a form that this parser splits again."""
    return lambda values, _: joined([settled(as_text(value)) for value in values], read)


def _days(values: list[Any], row: TableRow) -> str:
    """The range of whole days that covers the known dates, open at the end if the episode is not over."""
    since = values[0].earliest
    ended = next(iter(row.leaving("episode", "until")), None)
    until = ended.latest if isinstance(ended, PartialDate) else None
    return f"{since or ''}:{until or ''}" if since or until else ""


# A person's names, in four columns.


def _name(values: list[Any], row: TableRow) -> str:
    """The legal name that is the title of the case, otherwise the first one."""
    legal = [name.text for name in values if name.kind is NameKind.LEGAL]
    title = next(iter(row.leaving("case", "title")), "")
    chosen = [title] if title in legal else legal[:1]
    return joined(map(settled, chosen), NAMES)


def _local(values: list[Any], row: TableRow) -> str:
    """The other legal names."""
    legal = [name.text for name in values if name.kind is NameKind.LEGAL]
    title = next(iter(row.leaving("case", "title")), "")
    first = title if title in legal else next(iter(legal), "")
    others = [name for name in legal if name != first]
    person = row.chosen["person"]
    if (
        not others
        and isinstance(person, Person)
        and any(isinstance(mark, ImportMark) and mark.column == "name_local" for mark in person.imported)
    ):
        others = legal  # the table said the same name twice
    return joined(map(settled, others), NAMES)


def _latin(values: list[Any], row: TableRow) -> str:
    return _of_kind(values, NameKind.TRANSLITERATION, TRANSLITERATIONS)


def _other_names(values: list[Any], row: TableRow) -> str:
    return _of_kind(values, NameKind.ALIAS, ALIASES)


def _of_kind(values: list[Any], kind: NameKind, read: Parser) -> str:
    return joined([settled(name.text) for name in values if name.kind is kind], read)


# Logs: the first item has a column of its own, the others are one per line in another.


def _further(values: list[Any], row: TableRow) -> str:
    return joined([settled(as_text(value)) for value in values[1:]], lines, "\n")


def _note(values: list[Any], row: TableRow) -> str:
    return as_cell(settled(values[0].text)) if _is_note(values[0]) else ""


def _timeline(values: list[Any], row: TableRow) -> str:
    told = values[1:] if _is_note(values[0]) else values
    return joined([settled(as_typed(entry)) for entry in told], entries, "\n")


def _is_note(entry: TimelineEntry) -> bool:
    return entry == TimelineEntry(TimelineKind.NOTE, entry.text, sensitivity=entry.sensitivity) and bool(entry.text)


_COLUMNS: Final = (
    Column("external_id", "case", "external_id", _external),
    Column("title", "case", "title", _first, has_language=True),
    Column("name", "person", "names", _name, has_language=True),
    Column("description", "person", "description", _first, has_language=True),
    Column("name_latin", "person", "names", _latin),
    Column("name_local", "person", "names", _local),
    Column("other_names", "person", "names", _other_names),
    Column("sex", "person", "sex", _word),
    Column("birth_date", "person", "born", _one),
    Column("citizenship", "person", "citizenships", _list(countries)),
    Column("occupation", "person", "occupation", _first, has_language=True),
    Column("languages", "person", "languages", _list(languages)),
    Column("residence", "person", "residence", _first, has_language=True),
    Column("status", "case", "status", _word),
    Column("priority", "case", "priority", _word),
    Column("recognition", "case", "recognition", _word),
    Column("line_of_work", "case", "line_of_work", _word),
    Column("tags", "case", "tags", _list(TEXTS)),
    Column("summary", "case", "summary", _first, has_language=True),
    Column("demands", "case", "release_demands", _first, has_language=True),
    Column("further_demands", "case", "release_demands", _further, has_language=True),
    Column("handler", "case", "handler", _first),
    Column("episode_kind", "episode", "kind", _word),
    Column("agency", "episode", "agency", _first, has_language=True),
    Column("warrant", "episode", "warrant", _word),
    Column("detained_on", "episode", "since", _one),
    Column("detained_until", "episode", "until", _one),
    Column("detention", "episode", "since", _days),
    Column("facility", "episode", "place", _first, has_language=True),
    Column("articles", "proceeding", "articles", _list(articles)),
    Column("court", "proceeding", "court", _first, has_language=True),
    Column("sentence", "proceeding", "sentence", _first, has_language=True),
    Column("next_task", "task", "title", _first, has_language=True),
    Column("next_task_kind", "task", "kind", _word),
    Column("next_task_due", "task", "due", _one),
    Column("note", "case", "timeline", _note, has_language=True),
    Column("timeline", "case", "timeline", _timeline, has_language=True),
)
