"""`name`: a display name, and how people see it."""

from __future__ import annotations

from cellsync.core.errors import Malformed
from cellsync.core.membership import control
from cellsync.core.rule import Rule
from cellsync.testing.answers.question import Answer, Given, ok


def answer(given: Given) -> Answer:
    raw = given.raw("name")
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise Malformed(Rule.ENTRY_NAME) from None
    return ok(shown=control.harmless(control.claimed_name(name)).encode())
