"""Words: values with their authors, for tables and pages."""

from __future__ import annotations

from cellsync.casework.exporting.gate import Said
from cellsync.casework.values.words import as_text


def who(said: Said) -> str:
    """(ana, ben 2026-03-01), or "" if no author is known."""
    at = f" {said.at:%Y-%m-%d}" if said.at else ""
    return f"({', '.join(said.authors)}{at})" if said.authors else ""


def contradiction(said: tuple[Said, ...]) -> str:
    """Every value with its authors."""
    return " / ".join(f"{as_text(value.value) or 'nothing'} {who(value)}".strip() for value in said)
