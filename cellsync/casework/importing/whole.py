"""Whole: our own JSON (`exporting.plain`), read back document by document, under the ids in the file.

A document that is not here is created, with every value that was exported. One that is here is merged like a row of a
table (`merge`), if imports may change its kind; an existing consent or contact stays as it is. Of conflicting values,
the displayed one is taken, and a problem says so; earlier versions of a corrected log item are not imported. Documents
and fields that this version does not know are named and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from cellsync.casework import SCHEMAS
from cellsync.casework.documents.imported import MARKS, Imported
from cellsync.casework.importing.encodings import UnreadableFile
from cellsync.casework.importing.merge import merge
from cellsync.casework.importing.reading import RowError
from cellsync.casework.importing.waiting import Place
from cellsync.casework.values.json_form import from_json
from cellsync.core import strict_json
from cellsync.core.case.draft import Draft
from cellsync.core.case.fold import CaseState
from cellsync.core.crdt.row import Holds
from cellsync.core.ids import ID_BYTES, CaseId
from cellsync.core.schema.fields import Field, holds_of
from cellsync.core.schema.schema import Schema, fields_of, kind_of, version_of
from cellsync.core.schema.values import Misfit, ValueType, fits
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op

FORMAT: Final = "cellsync cases"
COLUMN: Final = "json"  # the column of the marks
Complain = Callable[[str, str], None]
_KINDS: Final[dict[str, type[Schema]]] = {kind_of(schema): schema for schema in SCHEMAS}


class Document(NamedTuple):
    """One document of the file, ready to be written."""

    line: int  # number of the case in the file, from 1
    id: CaseId
    schema: type[Schema]
    table: dict[Place, list[Any]]
    puts: list[tuple[str, Any, Any]]  # values by key, of maps
    counts: list[tuple[str, int]]

    def __repr__(self) -> str:
        return f"<document of case {self.line}>"  # no content


def is_whole(content: bytes) -> bool:
    """Whether the content may be our JSON: a table does not begin with a brace."""
    return content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def read_whole(content: bytes) -> tuple[list[list[Document]], list[RowError]]:
    """The documents, case by case, and what could not be read. Raises UnreadableFile."""
    try:
        whole = strict_json.read(content.removeprefix(b"\xef\xbb\xbf"))
    except strict_json.NotStrict as error:
        raise UnreadableFile(
            f"the file {error}", hint="Give a CSV file, or what case export --format json wrote."
        ) from None
    if not isinstance(whole, dict) or whole.get("format") != FORMAT or not isinstance(whole.get("cases"), list):
        raise UnreadableFile("the file is JSON, but no export of cellsync", hint="Save the table as CSV.")
    if whole.get("version") != 1:
        raise UnreadableFile("the file is from a newer version of cellsync", hint="Install that version.")
    problems: list[RowError] = []
    cases = []
    for number, case in enumerate(whole["cases"], 1):
        found = case.get("documents") if isinstance(case, dict) else None
        documents = [_document(number, document, problems) for document in found] if isinstance(found, list) else []
        cases.append([document for document in documents if document is not None])
    return cases, problems


def operations_for(document: Document, state: CaseState | None, keyed: Any) -> list[Operation]:
    """The operations that write a document; `state` is None if it is not here."""
    if state is not None and not issubclass(document.schema, Imported):
        return []
    made = merge(document.schema, state, document.table, keyed, {COLUMN})
    if not issubclass(document.schema, Imported):
        made = [operation for operation in made if operation.field != MARKS]
    if state is not None:
        return made
    draft = Draft(CaseState(logs=True))
    fields, written = fields_of(document.schema), {operation.field for operation in made}
    for (name, column), values in document.table.items():
        if not column and values and name not in written:
            draft.edit(fields[name].crdt, "set", name, values[0])  # the default, written explicitly
    for name, key, value in document.puts:
        draft.edit(fields[name].crdt, "put", name, key, value)
    for name, count in document.counts:
        draft.edit(fields[name].crdt, "count", name, count)
    create = Operation(int(Op.CREATE), kind_of(document.schema), version_of(document.schema), None)
    return [*(made or [create]), *draft.operations()]


def _document(number: int, given: Any, problems: list[RowError]) -> Document | None:
    complain = partial(_complain, number, problems)
    if not isinstance(given, dict) or not isinstance(given.get("fields"), dict):
        complain("", "has a document that is none")
        return None
    schema = _KINDS.get(str(given.get("kind")))
    try:
        identity = bytes.fromhex(str(given.get("id")))
    except ValueError:
        identity = b""
    if schema is None or len(identity) != ID_BYTES:
        complain("", "has a document of a kind that this version does not know")
        return None
    document = Document(number, CaseId(identity), schema, {}, [], [])
    for name, content in given["fields"].items():
        own = fields_of(schema).get(name)
        if own is None or name == MARKS or not isinstance(content, dict):
            complain(name, "is no field that this version knows")
        else:
            _READS[holds_of(own)](document, own, content, complain)
    return document


# --- the form of a field in the file, by what it holds ------------------------------------------------------------


def _value(document: Document, own: Field, said: dict[str, Any], complain: Complain) -> None:
    document.table[own.name, ""] = list(_values(own.name, own.kinds[0], [said], complain))


def _elements(document: Document, own: Field, said: dict[str, Any], complain: Complain) -> None:
    document.table[own.name, COLUMN] = list(_values(own.name, own.kinds[0], _each(said), complain))


def _items(document: Document, own: Field, said: dict[str, Any], complain: Complain) -> None:
    document.table[own.name, COLUMN] = list(_values(own.name, own.kinds[0], said.get("items"), complain))


def _keys(document: Document, own: Field, said: dict[str, Any], complain: Complain) -> None:
    document.puts.extend((own.name, key, value) for key, value in _entries(own, said, complain))


def _sum(document: Document, own: Field, said: dict[str, Any], complain: Complain) -> None:
    document.counts.extend((own.name, step) for step in _pieces_of(said) if type(step) is int)


_READS: Final[dict[Holds, Callable[[Document, Field, dict[str, Any], Complain], None]]] = {
    Holds.VALUE: _value, Holds.ELEMENTS: _elements, Holds.ITEMS: _items, Holds.KEYS: _keys, Holds.SUM: _sum,
}  # fmt: skip


def _each(said: dict[str, Any]) -> list[dict[str, Any]]:
    """The elements of a set, as pieces of one value each."""
    values = said.get("values")
    return [{"values": [value]} for value in values] if isinstance(values, list) else []


def _pieces_of(said: dict[str, Any]) -> list[Any]:
    values = said.get("values")
    listed = values if isinstance(values, list) else []
    return [piece["value"] for piece in listed if isinstance(piece, dict) and "value" in piece]


def _entries(own: Field, said: dict[str, Any], complain: Complain) -> Iterator[tuple[Any, Any]]:
    entries = said.get("entries")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            keys = list(_values(own.name, own.kinds[0], [{"values": [{"value": entry.get("key")}]}], complain))
            values = list(_values(own.name, own.kinds[1], [entry], complain))
            yield from zip(keys, values, strict=False)


def _values(name: str, kind: ValueType, pieces: Any, complain: Complain) -> Iterator[Any]:
    """The displayed value of each piece, in plain form."""
    for piece in pieces if isinstance(pieces, list) else []:
        values = piece.get("values") if isinstance(piece, dict) else None
        if not isinstance(values, list) or not values or not isinstance(values[0], dict):
            continue
        if len(values) > 1:
            complain(name, "has values that contradict each other: the first was taken")
        try:
            plain = from_json(values[0].get("value"))
        except Misfit:
            complain(name, "has a value that does not fit it")
            continue
        if fits(kind, plain):
            yield plain
        else:
            complain(name, "has a value that does not fit it")


def _complain(number: int, problems: list[RowError], column: str, problem: str) -> None:
    problems.append(RowError(number, column, problem))
