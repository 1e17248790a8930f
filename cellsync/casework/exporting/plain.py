"""JSON: all that may leave, without loss.

    {"format": "cellsync cases", "version": 1, "audience": "partners", "compartments": ["C0", "C1"], "cases": [CASE]}

    CASE      {"consent": "partners", "documents": [DOCUMENT]}          the case file first, then the persons
    DOCUMENT  {"id": "…64 hex…", "kind": "cellsync.case", "fields": {NAME: FIELD}}
    FIELD     {"type": "register", "values": [VALUE]}                   several: they contradict each other
              {"type": "set", "values": [VALUE]}
              {"type": "map", "entries": [{"key": PLAIN, "values": [VALUE]}]}
              {"type": "counter", "values": [VALUE]}                    one: the sum
              {"type": "log", "items": [{"values": [VALUE], "before": [VALUE]}]}
    VALUE     {"value": PLAIN, "authors": ["ana"], "at": "2026-03-01T09:58:00+00:00"}     authors and time where known
    PLAIN     as the field stores it (protocol/35-cases.md, Schemas); bytes are {"hex": "…"}

The first of several values is the one that is displayed. Keys stand in this order, documents and fields in that of
their declaration, so the same state gives the same bytes.
"""

from __future__ import annotations

from typing import Any

from cellsync.casework import json_form
from cellsync.casework.consent import Scope
from cellsync.casework.exporting.gathering import Folder
from cellsync.casework.exporting.leaving import Gate, Leaving, Piece, Said
from cellsync.core.case.schema import kind_of
from cellsync.core.plain import steady_json


def as_json(folders: list[Folder], gate: Gate, audience: Scope) -> bytes:
    whole = {
        "format": "cellsync cases",
        "version": 1,
        "audience": audience.value,
        "compartments": sorted(one.value for one in gate.compartments),
        "cases": [_case(folder, gate) for folder in folders],
    }
    return steady_json(whole, indent=1).encode() + b"\n"


def _case(folder: Folder, gate: Gate) -> dict[str, Any]:
    gate.within(folder)
    documents = [
        {
            "id": document.id.hex(),
            "kind": kind_of(type(document)),
            "fields": {leaving.name: _field(leaving) for leaving in fields},
        }
        for document in folder.documents
        if (fields := gate.fields(document)) or document is folder.case
    ]
    return {"consent": folder.scope.value, "documents": documents}


def _field(leaving: Leaving) -> dict[str, Any]:
    if leaving.type == "log":
        items = [{"values": _values(piece.now), "before": _values(piece.before)} for piece in leaving.pieces]
        return {"type": "log", "items": items}
    if leaving.type == "map":
        return {"type": "map", "entries": [_entry(piece) for piece in leaving.pieces]}
    return {"type": leaving.type, "values": [one for piece in leaving.pieces for one in _values(piece.now)]}


def _entry(piece: Piece) -> dict[str, Any]:
    return {"key": json_form.as_json(piece.key), "values": _values(piece.now)}


def _values(said: tuple[Said, ...]) -> list[dict[str, Any]]:
    return [
        {"value": json_form.as_json(one.plain)}
        | ({"authors": list(one.authors)} if one.authors else {})
        | ({"at": one.at.isoformat()} if one.at else {})
        for one in said
    ]
