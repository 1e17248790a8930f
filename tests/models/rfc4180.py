"""CSV as RFC 4180 defines it, read without any leniency: everything that it does not allow is an error."""

from __future__ import annotations


def read(text: str) -> list[list[str]]:
    """The records. Raises ValueError."""
    rows: list[list[str]] = [[]]
    at = 0
    while True:
        cell, at = _quoted(text, at + 1) if text[at : at + 1] == '"' else _bare(text, at)
        rows[-1].append(cell)
        match text[at : at + 1]:
            case ",":
                at += 1
            case "\n" if at + 1 == len(text):
                return rows
            case "\n":
                rows.append([])
                at += 1
            case _:
                raise ValueError(f"neither a comma nor the end of the line at {at}")


def _quoted(text: str, at: int) -> tuple[str, int]:
    cell = ""
    while True:
        end = text.index('"', at)
        cell += text[at:end]
        if text[end + 1 : end + 2] != '"':
            return cell, end + 1
        cell += '"'
        at = end + 2


def _bare(text: str, at: int) -> tuple[str, int]:
    start = at
    while at < len(text) and text[at] not in ",\n":
        if text[at] == '"' or not text[at].isprintable():
            raise ValueError(f"this needs quotes: {text[at]!r}")
        at += 1
    return text[start:at], at
