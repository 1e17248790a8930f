"""The dossier: one case as a page to print. HTML that loads nothing, runs nothing and links nowhere.

All text that people wrote is escaped, loses its control characters, and has a text direction of its own: it cannot
reverse our own words beside it. The page's policy allows no source but its own style, named by its hash: even a mistake
here could not load or send anything.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from typing import Any, Final

from cellsync.casework.documents.case_file import CaseFile
from cellsync.casework.documents.consent import Scope
from cellsync.casework.exporting.gate import Gate, Leaving, Piece, Said
from cellsync.casework.exporting.gathering import Folder
from cellsync.casework.exporting.reader import Reader, Steps
from cellsync.casework.exporting.sink import Sink
from cellsync.casework.exporting.words import who
from cellsync.casework.values.link import Link
from cellsync.casework.values.words import as_text
from cellsync.core.crdt.row import Holds
from cellsync.core.plain import settled
from cellsync.core.schema.schema import Schema, kind_of

_STYLE: Final = """
body { font: 11pt/1.45 Georgia, "Times New Roman", serif; color: #111; background: #fff; max-width: 46em;
  margin: 2em auto; padding: 0 1em; overflow-wrap: anywhere; }
h1 { font-size: 1.5em; margin-bottom: 0; } h2 { font-size: 1.1em; border-bottom: 1px solid #999; margin-top: 1.6em; }
dl { display: grid; grid-template-columns: 11em 1fr; gap: .3em 1em; } dt { color: #555; } dd { margin: 0; }
dd p, dd ul { margin: 0; white-space: pre-wrap; } ul { padding-left: 1.2em; }
.by, .frame { color: #555; font-size: .85em; } .conflict { border-left: 3px solid #b4541a; padding-left: .6em; }
@page { margin: 2cm; }
@media print { body { margin: 0; max-width: none; padding: 0; } h2 { break-after: avoid; }
  li, dd p { break-inside: avoid; } }
"""
_POLICY: Final = (
    "default-src 'none'; "
    f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'"
)


class Dossier:
    """The page of one case, in UTF-8."""

    def __init__(self, reader: Reader, gate: Gate, audience: Scope, language: str, out: Sink) -> None:
        self._reader = reader
        self._gate = gate
        self._audience = audience
        self._language = language
        self._out = out

    def add(self, folder: Folder) -> Steps[None]:
        reader, gate, out = self._reader, self._gate, self._out
        titles = gate.within(folder).field(reader.open(CaseFile, folder.case), "title").pieces
        title = as_text(titles[0].now[0].value) if titles else f"Case {folder.case.hex()[:8]}"
        compartments = ", ".join(sorted(gate.compartments))
        frame = f"For: {self._audience.value}. Consent: {folder.scope.value}. Compartments: {compartments}."
        lang = f' lang="{escape(self._language)}"' if self._language else ""
        page = [
            "<!doctype html>",
            f"<html{lang}>",
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">',
            '<meta name="referrer" content="no-referrer">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{_text(title)}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            f'<h1 dir="auto">{_text(title)}</h1>',
            f'<p class="frame">{escape(frame)}</p>',
            "",
        ]
        out.write("\n".join(page).encode())
        kinds = {bytes(document.id): _kind(document.schema) for document in folder.documents}
        for document in folder.documents:
            if section := _section(reader.open(document.schema, document.id), gate, kinds):
                out.write(f"{section}\n".encode())
            yield from reader.turn()

    def end(self) -> None:
        self._out.write(b"</body>\n</html>\n")


def _section(document: Schema, gate: Gate, kinds: Mapping[bytes, str]) -> str:
    """The HTML of one document; empty if no field of it may leave. `kinds`: of the documents on the page."""
    fields = [_led(leaving, kinds) for leaving in gate.fields(document)]
    if not fields:
        return ""
    rows = "\n".join(f"<dt>{escape(_label(leaving.name))}</dt>\n<dd>{_field(leaving)}</dd>" for leaving in fields)
    heading = _label(_kind(type(document)))
    return f"<section>\n<h2>{escape(heading)}</h2>\n<dl>\n{rows}\n</dl>\n</section>"


def _kind(schema: type[Schema]) -> str:
    return kind_of(schema).rpartition(".")[2]


def _led(leaving: Leaving, kinds: Mapping[bytes, str]) -> Leaving:
    """A field whose links show the kind of their target, "about person": on paper an id is useless, and a name may have
    to stay."""

    def led(said: Said) -> Said:
        link = said.value
        kind = kinds.get(bytes(link.case)) if isinstance(link, Link) else None
        return said if kind is None else said._replace(value=f"{as_text(link.relation)} {kind}")

    pieces = [
        piece._replace(now=tuple(map(led, piece.now)), before=tuple(map(led, piece.before))) for piece in leaving.pieces
    ]
    return leaving._replace(pieces=pieces)


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _field(leaving: Leaving) -> str:
    if leaving.holds in (Holds.VALUE, Holds.SUM):
        return "".join(_piece(piece) for piece in leaving.pieces)
    is_log = leaving.holds is Holds.ITEMS
    return "<ul>" + "".join(f"<li>{_piece(piece, is_log)}</li>" for piece in leaving.pieces) + "</ul>"


def _piece(piece: Piece, with_authors: bool = False) -> str:
    """All values of a piece, with their authors if they contradict each other or the piece is an item of a log."""
    apart = len(piece.now) > 1
    with_authors = with_authors or apart
    key = "" if piece.key is None else f"{_beside(piece.key)}: "
    drawn = [
        f'<p dir="auto">{key}'
        + ((_beside(said.value) if key or with_authors else _text(as_text(said.value))) or "—")
        + (f' <bdi class="by">{_text(who(said))}</bdi>' if with_authors else "")
        + "</p>"
        for said in piece.now
    ]
    earlier = [
        f'<p dir="auto" class="by">earlier: {_beside(said.value)} <bdi>{_text(who(said))}</bdi></p>'
        for said in piece.before
    ]
    whole = "".join(drawn + earlier)
    return f'<div class="conflict"><p class="by">People contradict each other:</p>{whole}</div>' if apart else whole


def _beside(value: Any) -> str:
    """A value, if it is not empty, isolated from our own words in the same line."""
    text = _text(as_text(value))
    return text and f"<bdi>{text}</bdi>"


def _text(text: str) -> str:
    return escape(settled(text))
