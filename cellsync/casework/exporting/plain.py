"""JSON: all data that may leave, without loss.

    {"format": "cellsync cases", "version": 1, "audience": "partners", "compartments": ["C0", "C1"], "cases": [CASE]}

    CASE      {"consent": "partners", "documents": [DOCUMENT]}          the case file first, then the persons
    DOCUMENT  {"id": "…64 hex…", "kind": "cellsync.case", "fields": {NAME: FIELD}}
    FIELD     {"type": "register", "values": [VALUE]}                   several: they contradict each other
              {"type": "set", "values": [VALUE]}
              {"type": "map", "entries": [{"key": PLAIN, "values": [VALUE]}]}
              {"type": "counter", "values": [VALUE]}                    one: the sum
              {"type": "log", "items": [{"values": [VALUE], "before": [VALUE]}]}
              (a field of another type has the form of the one above that holds the same)
    VALUE     {"value": PLAIN, "authors": ["ana"], "at": "2026-03-01T09:58:00+00:00"}     authors and time if known
              outside the circle the time is the beginning of the day, and `before` is empty
    PLAIN     as the field stores it (protocol/35-cases.md, Schemas); bytes are {"hex": "…"}

The first of several values is the displayed one. Keys are in this order, documents and fields in the order of their
declaration: the same state gives the same bytes.
"""

from __future__ import annotations

from typing import Any

from cellsync.casework.documents.consent import Scope
from cellsync.casework.exporting.gate import Gate, Leaving, Piece, Said
from cellsync.casework.exporting.gathering import Folder
from cellsync.casework.exporting.reader import Reader, Steps
from cellsync.casework.exporting.sink import Sink
from cellsync.casework.values import json_form
from cellsync.core.crdt.row import Holds
from cellsync.core.plain import steady_json
from cellsync.core.schema.schema import kind_of


class Whole:
    """Writes the JSON document, case by case."""

    def __init__(self, reader: Reader, gate: Gate, audience: Scope, out: Sink) -> None:
        self._reader = reader
        self._gate = gate
        self._out = out
        self._filled = False
        whole = {
            "format": "cellsync cases",
            "version": 1,
            "audience": audience.value,
            "compartments": sorted(compartment.value for compartment in gate.compartments),
        }
        out.write(_beginning(whole, "cases", 0).encode())

    def add(self, folder: Folder) -> Steps[None]:
        out = self._out
        self._gate.within(folder)
        out.write(b"," * self._filled + b"\n  ")
        self._filled = True
        out.write(_beginning({"consent": folder.scope.value}, "documents", 2).encode())
        for unread in folder.documents:
            fields = self._gate.fields(self._reader.open(unread.schema, unread.id))
            if unread.id == folder.case:
                out.write(b"\n    ")
            elif fields:
                out.write(b",\n    ")
            if fields or unread.id == folder.case:
                document = {
                    "id": unread.id.hex(),
                    "kind": kind_of(unread.schema),
                    "fields": {leaving.name: _field(leaving) for leaving in fields},
                }
                out.write(_indented(document, 4).encode())
            yield from self._reader.turn()
        out.write(_end(2, True))

    def end(self) -> None:
        self._out.write(_end(0, self._filled) + b"\n")


def _beginning(value: dict[str, Any], listed: str, depth: int) -> str:
    """The beginning of an object, up to the elements of its last value, a list with the name `listed`."""
    return _indented({**value, listed: []}, depth).removesuffix("]\n" + " " * depth + "}")


def _end(depth: int, filled: bool) -> bytes:
    """The end of an object that `_beginning` began."""
    before = "\n" + " " * (depth + 1) if filled else ""
    return f"{before}]\n{' ' * depth}}}".encode()


def _indented(value: Any, depth: int) -> str:
    """JSON, indented. Every line feed in it separates tokens: those in texts are escaped."""
    return steady_json(value, indent=1).replace("\n", "\n" + " " * depth)


def _field(leaving: Leaving) -> dict[str, Any]:
    match leaving.holds:
        case Holds.ITEMS:
            items = [{"values": _values(piece.now), "before": _values(piece.before)} for piece in leaving.pieces]
            return {"type": leaving.type, "items": items}
        case Holds.KEYS:
            return {"type": leaving.type, "entries": [_entry(piece) for piece in leaving.pieces]}
        case _:
            return {"type": leaving.type, "values": [value for piece in leaving.pieces for value in _values(piece.now)]}


def _entry(piece: Piece) -> dict[str, Any]:
    return {"key": json_form.as_json(piece.key), "values": _values(piece.now)}


def _values(said: tuple[Said, ...]) -> list[dict[str, Any]]:
    return [
        {"value": json_form.as_json(value.plain)}
        | ({"authors": list(value.authors)} if value.authors else {})
        | ({"at": value.at.isoformat()} if value.at else {})
        for value in said
    ]
