"""Draft: what one edit has written so far, and the state as it looks with that.

A draft turns "the title is now this" into an operation that names what it replaces: the live values of the state
that the draft saw. Which operations say it is a matter of the field's type, which has an edit for each verb of what it
holds (`crdt/row`), and gets a pen for its field. Rules:

  1  The view is the seen state with the draft's own operations folded in under invented refs, so reading a draft shows
     its own writes.
  2  An operation never names another of the same draft (their entry has no id yet). Writing again over a pending
     write takes its place and inherits what it named; removing a pending write drops it.
  3  What changes nothing records nothing: setting the value that stands alone, adding what is there, counting 0.
     So an import that is repeated writes nothing.
  4  A device does not contradict itself. What it has written between the beginning of a draft and its end, in another
     draft, is replaced as if this one had seen it. What others wrote meanwhile is not: that is a conflict.
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
"""How a conflict in what a field holds is decided: the verb, and whether it takes the conflict's key."""


class Draft:
    """Pending operations on one case. `state` becomes the draft's own: give it a copy."""

    def __init__(self, state: CaseState, device: DeviceId = DeviceId(NO_ID), clock: Millis = Millis(0)) -> None:  # noqa: B008
        self.view = state
        self._device = device
        self._clock = clock
        self._before = state.counted.get(device, 0)
        self._written = 0
        self.pending: dict[Ref, Operation] = {}  # by invented ref, in the order of writing
        self.latest: dict[tuple[str, str], Ref] = {}  # what was written last into a field, by type and name

    def operations(self, now: CaseState | None = None) -> list[Operation]:
        """What to write as one entry; empty if nothing changed. `now` is the case as it is when that is written."""
        done = list(self.pending.values())
        if now is None or now.counted.get(self._device, 0) == self._before:
            return done
        return self._after_own(done, now)

    def edit(self, kind: str, verb: Verb, field: str, *given: Any) -> None:
        """Do this to a field of this type. What a verb needs: `FieldType` has methods of their own below."""
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
        """Append; nothing if the log has an item with this source key already."""
        self.edit(FieldType.LOG, "append", field, item, source)

    def correct(self, field: str, item: Ref, value: Any) -> None:
        """Say an item again. Raises NotFound if the log has no such item."""
        self.edit(FieldType.LOG, "correct", field, item, value)

    def retract(self, field: str, item: Ref, reason: str | None) -> None:
        """Hide an item. Raises NotFound if the log has no such item."""
        self.edit(FieldType.LOG, "retract", field, item, reason)

    def resolve(self, conflict: RawConflict, value: Any) -> None:
        """Decide a conflict: `value` replaces every value of it that this draft has seen."""
        verb, keyed = SETTLES[TYPES[conflict.type].holds]
        self.edit(conflict.type, verb, conflict.field, *([conflict.key] if keyed else []), value)

    # --- for pens -------------------------------------------------------------------------------

    def next_ref(self) -> Ref:
        """The invented ref of what is folded next."""
        return Ref(self._written.to_bytes(8, "big") + bytes(2))

    def fold(self, operation: Operation) -> None:
        entry = EntryId(self._written.to_bytes(8, "big") + bytes(24))
        self.view.apply(Stamp(entry, self._device, self._clock, _ABOVE_ALL + self._written), [operation])
        self._written += 1

    # --- what this device has written meanwhile ------------------------------------------------------

    def _after_own(self, done: list[Operation], now: CaseState) -> list[Operation]:
        """The operations, with what else they have to name and what there is to write besides, field by field."""
        places: dict[tuple[str, str], list[int]] = {}
        for at, one in enumerate(done):
            row = BY_TAG[one.tag]
            if row.meanwhile is not None and one.field in now.table(row):
                places.setdefault((row.name, one.field), []).append(at)
        more: list[Operation] = []
        for (kind, field), own in places.items():
            row = TYPES[kind]
            if row.meanwhile is not None:
                said = row.meanwhile(now.table(row)[field], [done[at] for at in own], self._device)
                for at, one in zip(own, said, strict=False):
                    done[at] = one
                more += said[len(own) :]
        return done + more


class FieldPen:
    """A draft's hand on one field, for the field's type (`crdt/row.Pen`)."""

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
        """Refs to name, and the pending operations that end here; what those named is to be named now."""
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
