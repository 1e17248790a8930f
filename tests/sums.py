"""Tables of sums in documents that commands keep up to date: what searches, fuzzing and mutants have come to."""

from __future__ import annotations

import re


def parted(text: str, head: str) -> tuple[str, str, str]:
    """The text up to a table's rows, the rows, and the text after them. Raises ValueError if there is no such head."""
    before, found, rest = text.partition(head)
    if not found:
        raise ValueError("the table is not there")
    rows = re.match(r"(?:\|.*\n)*", rest)
    assert rows is not None
    return before + head, rows[0], rest[rows.end() :]
