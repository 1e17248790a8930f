"""`codec`: one value."""

from __future__ import annotations

from cellsync.core import caps
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.testing.answers import json_form
from cellsync.testing.answers.question import Answer, Given, ok


def answer(given: Given) -> Answer:
    value = codec.decode(given.raw("bytes"), given.number("cap", caps.ENTRY), Rule.CAP_ENTRY)
    return ok(value=json_form.value(value))
