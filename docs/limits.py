"""The page of limits: docs/reference/limits.md, out of the caps themselves and the comments beside them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from cellsync.api import repeats, room, web
from cellsync.casework.importing import reading
from cellsync.cell import followers
from cellsync.core import caps
from cellsync.core.schema import values

_CAP: Final = re.compile(r"^([A-Z_]+): Final = .+?  # (.+)$", re.MULTILINE)


def limits() -> str:
    """The page, in Markdown."""
    rows = [
        ("one value of a field", values.LARGEST, "bytes, as it is stored; `too_large`"),
        ("", values.ELEMENTS, "elements: items of lists and maps, texts, numbers"),
        ("", values.DEEPEST, "lists and maps inside one another"),
        ("one edit", caps.ENTRY, "bytes of all its values, names of fields and what it replaces; `too_large`"),
        ("", caps.ENTRY_ELEMENTS, "elements"),
        (
            "one case",
            caps.CASE_OPERATIONS,
            "changes by one device that it shows; then `invalid_value`: go on in a new case",
        ),
        ("a name", caps.NAME, "bytes, and no control characters"),
        ("a cell", caps.DEVICES, "devices"),
        ("changes that wait for a slow reader", followers.BACKLOG, "then it is told to read anew (`reset`)"),
        ("", followers.BACKLOG_BYTES, "bytes of their values"),
        ("a request of the local API", web.LARGEST, "bytes; `too_large`"),
        ("an import", web.LARGEST_TABLE, "bytes in base64"),
        ("", reading.LARGEST_FILE, "bytes of the file"),
        ("an answer about one case", room.ANSWER, "bytes of memory, about; what is left out is said (`cut`)"),
        ("keys of requests that are remembered", repeats.KEPT, "the newest, while the cell is open"),
    ]
    lines = [
        "# Limits", "",
        "Made from the program by `make reference`. What is larger is refused before anything of it is stored, with an",
        "error that names the limit.", "",
        "## For programs", "", "| of | at most | what |", "|---|---|---|",
        *(f"| {of} | {_number(most, what)} | {what} |" for of, most, what in rows), "",
        "## Of the protocol", "",
        "What another device sends is held against these (`cellsync/core/caps.py`). What is larger ends its session.",
        "",
        "| name | at most | what |", "|---|---|---|", *_caps(), "",
    ]  # fmt: skip
    return "\n".join(lines)


def _caps() -> list[str]:
    source = Path(caps.__file__).read_text()
    return [f"| {name} | {_number(getattr(caps, name), what)} | {what} |" for name, what in _CAP.findall(source)]


def _number(value: int, what: str) -> str:
    """Of bytes also as 1 MiB."""
    if not what.startswith("bytes"):
        return f"{value:,}"
    for size, unit in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if value >= size and value % size == 0 and value > 4 * 1024:
            return f"{value:,} ({value // size} {unit})"
    return f"{value:,}"
