"""A settlement: the command that decides a conflict, as a person would type it."""

from __future__ import annotations

from shlex import quote
from typing import Any, Final

_TYPED: Final = 60  # most characters of a value that is written into the command


def command(case: str, conflict: dict[str, Any]) -> str:
    """The command. `case`: its short id. A value too long to type is written as "-", and the command asks for it."""
    text, settle = conflict["values"][0]["text"], conflict["settle"]
    chosen = text if len(text) <= _TYPED and text.isprintable() else "-"
    if settle.get("correct"):
        option, place = "--correct", conflict["key"]
    elif settle.get("put"):
        option, place = "--put", f"{conflict['field']}.{next(iter(settle['put'][conflict['field']]))}"
    else:
        option, place = "--set", conflict["field"]
    return f"cellsync case edit {case} {option} {quote(f'{place}={chosen}')}"
