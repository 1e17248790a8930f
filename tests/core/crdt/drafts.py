"""Drafts of one field, and what stands in it: refs are numbers, so a test can say which operation it means."""

from __future__ import annotations

from typing import Any, Final

from cellsync.core.case.draft import Draft
from cellsync.core.case.fold import CaseState
from cellsync.core.crdt.cells import LiveValue
from cellsync.core.crdt.row import CrdtType
from cellsync.core.ids import DeviceId, Millis, Ref
from cellsync.core.packed import packed
from cellsync.core.wire.operations import Operation

ANA, BEA = DeviceId(b"a" * 32), DeviceId(b"b" * 32)
FIELD: Final = "field"


def name(number: int) -> Ref:
    return Ref(number.to_bytes(10, "big"))


def cell(number: int, value: Any = None, height: int = 1, device: DeviceId = ANA, clock: int = 0) -> LiveValue:
    return LiveValue(packed(value), device, Millis(clock), height, name(number))


def state_of(row: CrdtType, *folded: tuple[int, LiveValue, Any]) -> Any:
    """A field's state after these operations: tag, cell, detail."""
    state = row.state()
    for tag, one, detail in folded:
        row.acts[tag].fold(state, one, detail)
    return state


def drafted(row: CrdtType, state: Any, *edits: tuple[Any, ...]) -> tuple[list[Operation], Any]:
    """What a draft writes into a field that holds this: a verb and what it is given, each; and what it shows then."""
    case = CaseState(logs=True)
    if state is not None:
        case.table(row)[FIELD] = state
    draft = Draft(case, ANA)
    for verb, *given in edits:
        draft.edit(row.name, verb, FIELD, *given)
    return draft.operations(), draft.view.table(row).get(FIELD)


def rested(row: CrdtType, state: Any) -> Any:
    """The same state after it has been in a snapshot."""
    devices = sorted({one.device for one in row.rest.cells(state)})
    packed_state = row.rest.pack(state, {device: at for at, device in enumerate(devices)})
    return row.rest.unpack(packed_state, devices)
