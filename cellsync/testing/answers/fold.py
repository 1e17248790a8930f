"""`fold`: what the entries of a case make of it, given in any order."""

from __future__ import annotations

from cellsync.core import caps
from cellsync.core.case.fold import CaseState, Stamp
from cellsync.core.crdt.types import TYPES
from cellsync.core.errors import CapExceeded
from cellsync.core.ids import DeviceId, EntryId, Millis
from cellsync.core.rule import Rule
from cellsync.core.wire import operations
from cellsync.testing.answers import json_form
from cellsync.testing.answers.question import Answer, Given, ok


def answer(given: Given) -> Answer:
    state = CaseState(logs=True)
    for entry in given.each("entries"):
        device, clock = DeviceId(entry.raw("device", 32)), Millis(entry.number("clock"))
        stamp = Stamp(EntryId(entry.raw("id", 32)), device, clock, entry.number("height"))
        shape, content = entry.raw("shape"), entry.raw("content")
        if len(shape) + len(content) > caps.ENTRY:
            raise CapExceeded(Rule.CAP_ENTRY)
        state.apply(stamp, operations.decode(shape, content))
    shown = [
        [name, str(kind), json_form.value(TYPES[kind].plain(state.table(TYPES[kind])[name]))]
        for name, kind in state.fields()
    ]
    return ok(digest=state.digest(), kind=state.kind, version=state.version, shown=shown)
