"""Draft: the operations of one edit so far, and the state with them applied.

A draft turns "the title is now this" into an operation that names what it replaces: the live values of the state
that the draft saw. The field's type chooses the operations: it has an edit for each verb of what it holds
(`crdt/row`), and gets a pen for its field. Rules:

  1  The view is the seen state with the draft's own operations folded in under invented refs, so reading a draft shows
     its own writes.
  2  An operation never names another one of the same draft (their entry has no id yet). Writing over a pending write
     takes its place and inherits what it named; removing a pending write drops it.
  3  An edit without effect records nothing: setting the only live value again, adding a present element, counting 0.
     So a repeated import writes nothing.
  4  A device does not contradict itself. Whatever it wrote in another draft while this one was open is replaced as if
     this one had seen it. What others wrote meanwhile is not: that is a conflict.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from cellsync.core.case.fold import CaseState, RawConflict, Stamp
from cellsync.core.crdt.cells import LiveValue
from cellsync.core.crdt.live import refs
from cellsync.core.crdt.row import CrdtType, FieldType, Holds, Verb
from cellsync.core.crdt.types import BY_TAG, TYPES
from cellsync.core.ids import NO_ID, DeviceId, EntryId, Millis, Ref
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op

_ABOVE_ALL: Final = 1 << 62  # the height of pending operations: newer than anything real
SETTLES: Final[dict[Holds, tuple[Verb, bool]]] = {
    Holds.VALUE: ("set", False), Holds.KEYS: ("put", True), Holds.ITEMS: ("correct", True),
}  # fmt: skip
"""How to settle a conflict, by what the field holds: the verb, and whether it takes the conflict's key."""


class Draft:
    """Pending operations on one case. `state` becomes the draft's own: give it a copy."""

    def __init__(self, state: CaseState, device: DeviceId = DeviceId(NO_ID), clock: Millis = Millis(0)) -> None:  # noqa: B008
        self.view = state
        self._device = device
        self._clock = clock
        self._before = state.counted.get(device, 0)
        self._written = 0
        self.pending: dict[Ref, Operation] = {}  # by invented ref, in the order of writing
        self.latest: dict[tuple[str, str], Ref] = {}  # the last write into each field, by type and name

    def operations(self, now: CaseState | None = None) -> list[Operation]:
        """The operations to write as one entry; empty if nothing changed. `now`: the case at the time of writing."""
        done = list(self.pending.values())
        if now is None or now.counted.get(self._device, 0) == self._before:
            return done
        return self._after_own(done, now)

    def edit(self, kind: str, verb: Verb, field: str, *given: Any) -> None:
        """Apply a verb to a field of this type. The methods below show the arguments of the types in `FieldType`."""
        row = TYPES[kind]
        row.edits[verb](FieldPen(self, row, field), *given)

    # --- the types that code calls by name ----------------------------------------------------------

    def set(self, field: str, value: Any) -> None:
        self.edit(FieldType.REGISTER, "set", field, value)

    def add(self, field: str, element: Any) -> None:
        self.edit(FieldType.SET, "add", field, element)

    def discard(self, field: str, element: Any) -> None:
        self.edit(FieldType.SET, "discard", field, element)

    def put(self, field: str, key: Any, value: Any) -> None:
        self.edit(FieldType.MAP, "put", field, key, value)

    def delete(self, field: str, key: Any) -> None:
        self.edit(FieldType.MAP, "delete", field, key)

    def count(self, field: str, step: int) -> None:
        """Add to a sum. Raises InvalidValue if one entry would add more than a step may be."""
        self.edit(FieldType.COUNTER, "count", field, step)

    def append(self, field: str, item: Any, source: bytes | None = None) -> None:
        """Append; does nothing if the log already has an item with this source key."""
        self.edit(FieldType.LOG, "append", field, item, source)

    def correct(self, field: str, item: Ref, value: Any) -> None:
        """Correct an item. Raises NotFound if the log has no such item."""
        self.edit(FieldType.LOG, "correct", field, item, value)

    def retract(self, field: str, item: Ref, reason: str | None) -> None:
        """Hide an item. Raises NotFound if the log has no such item."""
        self.edit(FieldType.LOG, "retract", field, item, reason)

    def resolve(self, conflict: RawConflict, value: Any) -> None:
        """Settle a conflict: `value` replaces every value of it that this draft has seen."""
        verb, keyed = SETTLES[TYPES[conflict.type].holds]
        self.edit(conflict.type, verb, conflict.field, *([conflict.key] if keyed else []), value)

    # --- for pens -------------------------------------------------------------------------------

    def next_ref(self) -> Ref:
        """The invented ref of the next operation folded."""
        return Ref(self._written.to_bytes(8, "big") + bytes(2))

    def fold(self, operation: Operation) -> None:
        entry = EntryId(self._written.to_bytes(8, "big") + bytes(24))
        self.view.apply(Stamp(entry, self._device, self._clock, _ABOVE_ALL + self._written), [operation])
        self._written += 1

    # --- what this device has written meanwhile ------------------------------------------------------

    def _after_own(self, done: list[Operation], now: CaseState) -> list[Operation]:
        """The operations, made to name what else they must, and followed by further ones, field by field (rule 4)."""
        places: dict[tuple[str, str], list[int]] = {}
        for at, operation in enumerate(done):
            row = BY_TAG[operation.tag]
            if row.meanwhile is not None and operation.field in now.table(row):
                places.setdefault((row.name, operation.field), []).append(at)
        more: list[Operation] = []
        for (kind, field), own in places.items():
            row = TYPES[kind]
            if row.meanwhile is not None:
                amended = row.meanwhile(now.table(row)[field], [done[at] for at in own], self._device)
                for at, operation in zip(own, amended, strict=False):
                    done[at] = operation
                more += amended[len(own) :]
        return done + more


class FieldPen:
    """A draft's access to one field, for the field's type (`crdt/row.Pen`)."""

    def __init__(self, draft: Draft, row: CrdtType, field: str) -> None:
        self.field = field
        self._draft = draft
        self._row = row

    @property
    def state(self) -> Any:
        return self._draft.view.table(self._row).get(self.field)

    @property
    def latest(self) -> tuple[Ref, Operation] | None:
        ref = self._draft.latest.get((self._row.name, self.field))
        operation = None if ref is None else self._draft.pending.get(ref)
        return None if ref is None or operation is None else (ref, operation)

    def is_pending(self, ref: Ref) -> bool:
        return ref in self._draft.pending

    def record(self, tag: Op | int, detail: Any, value: Any, *, fold: bool = True) -> None:
        self._note(Operation(int(tag), self.field, detail, value))
        if fold:
            self.fold(tag, detail, value)

    def fold(self, tag: Op | int, detail: Any, value: Any) -> None:
        self._draft.fold(Operation(int(tag), self.field, detail, value))

    def replace(self, tag: Op | int, cells: Iterable[LiveValue], value: Any) -> None:
        seen, mine = self._take(cells)
        self._note(Operation(int(tag), self.field, b"".join(seen), value))
        self.fold(tag, b"".join(seen + mine), value)

    def remove(self, tag: Op | int, cells: Iterable[LiveValue]) -> None:
        seen, mine = self._take(cells)
        if seen:
            self._note(Operation(int(tag), self.field, b"".join(seen), None))
        if seen or mine:
            self.fold(tag, b"".join(seen + mine), None)

    def amend(self, ref: Ref, value: Any) -> None:
        self._draft.pending[ref] = self._draft.pending[ref]._replace(value=value)

    def drop(self, ref: Ref) -> None:
        del self._draft.pending[ref]

    def _note(self, operation: Operation) -> None:
        ref = self._draft.next_ref()
        self._draft.pending[ref] = operation
        self._draft.latest[self._row.name, self.field] = ref

    def _take(self, cells: Iterable[LiveValue]) -> tuple[list[Ref], list[Ref]]:
        """The refs to name, and the pending operations to drop; the refs include those that the dropped ones named."""
        seen: dict[Ref, None] = {}
        mine = []
        for cell in cells:
            pending = self._draft.pending.pop(cell.ref, None)
            if pending is None:
                seen[cell.ref] = None
            else:
                mine.append(cell.ref)
                seen.update(dict.fromkeys(refs(pending.detail)))
        return list(seen), mine
