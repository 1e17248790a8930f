"""Draft: what one edit has written so far, and the state as it looks with that.

A draft turns "the title is now this" into an operation that names what it replaces: the live values of the state
that the draft saw. Rules:

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

from cellsync.core.case.fold import CANONICAL, CaseState, Conflict, Stamp
from cellsync.core.crdt.cells import Cell
from cellsync.core.crdt.counter import LARGEST_STEP
from cellsync.core.crdt.log import LogItem, LogState
from cellsync.core.crdt.types import FieldType
from cellsync.core.errors import InvalidValue, NotFound
from cellsync.core.ids import NO_ID, DeviceId, EntryId, Millis, Ref
from cellsync.core.packed import packed
from cellsync.core.wire.operations import Operation, split_refs
from cellsync.core.wire.tags import Op

_ABOVE_ALL: Final = 1 << 62  # the height of pending operations: newer than anything real


class Draft:
    """Pending operations on one case. `state` becomes the draft's own: give it a copy."""

    def __init__(self, state: CaseState, device: DeviceId = DeviceId(NO_ID), clock: Millis = Millis(0)) -> None:  # noqa: B008
        self.view = state
        self._device = device
        self._clock = clock
        self._before = state.counted.get(device, 0)
        self._written = 0
        self._pending: dict[Ref, Operation] = {}  # by invented ref, in the order of writing
        self._counts: dict[str, Ref] = {}

    def operations(self, now: CaseState | None = None) -> list[Operation]:
        """What to write as one entry; empty if nothing changed. `now` is the case as it is when that is written."""
        done = list(self._pending.values())
        if now is None or now.counted.get(self._device, 0) == self._before:
            return done
        return [self._after_own(one, now) for one in done] + self._corrected_again(done, now)

    # --- registers, sets, maps ------------------------------------------------------------------

    def set(self, field: str, value: Any) -> None:
        register = self.view.registers.get(field)
        live = [] if register is None else list(register.live.values())
        if not _is_all(live, value):
            self._replace(Op.SET, field, live, value)

    def add(self, field: str, element: Any) -> None:
        if not self._additions(field, element):
            self._record(Operation(int(Op.ADD), field, None, element))

    def discard(self, field: str, element: Any) -> None:
        self._remove(Op.DISCARD, field, self._additions(field, element))

    def put(self, field: str, key: Any, value: Any) -> None:
        live = self._puts(field, key)
        if not _is_all(live, [key, value]):
            self._replace(Op.PUT, field, live, [key, value])

    def delete(self, field: str, key: Any) -> None:
        self._remove(Op.DELETE, field, self._puts(field, key))

    # --- counters and logs ----------------------------------------------------------------------

    def count(self, field: str, step: int) -> None:
        """Add to a sum. Raises InvalidValue if one entry would add more than a step may be."""
        ref = self._counts.get(field)
        before = 0 if ref is None else self._pending[ref].value
        if abs(before + step) > LARGEST_STEP:
            raise InvalidValue(f"this step is too large for the counter {field!r}")
        if ref is not None:
            del self._pending[ref], self._counts[field]
        if before + step:
            self._counts[field] = self._record(Operation(int(Op.COUNT), field, None, before + step), fold=False)
        self._fold(Operation(int(Op.COUNT), field, None, step))

    def append(self, field: str, item: Any, source: bytes | None = None) -> None:
        """Append; nothing if the log has an item with this source key already."""
        log = self.view.logs.get(field)
        if source is not None and log is not None and log.has_source(source):
            return
        self._record(Operation(int(Op.APPEND), field, source, item))

    def correct(self, field: str, item: Ref, value: Any) -> None:
        """Say an item anew. Raises NotFound if the log has no such item."""
        log, found = self._item(field, item)
        if _is_all(found.current, value):
            return
        for cell in found.current:
            if cell.ref in self._pending:
                self._pending[cell.ref] = self._pending[cell.ref]._replace(value=value)
                log.say_instead(cell._replace(resting=packed(value)))
            else:
                self._record(Operation(int(Op.CORRECT), field, cell.ref, value))

    def retract(self, field: str, item: Ref, reason: str | None) -> None:
        """Hide an item. Raises NotFound if the log has no such item."""
        log, found = self._item(field, item)
        if found.first.ref in self._pending:
            del self._pending[found.first.ref]
            log.take(found.first.ref)
        elif not found.retractions:
            self._record(Operation(int(Op.RETRACT), field, found.first.ref, reason))

    def resolve(self, conflict: Conflict, value: Any) -> None:
        """Decide a conflict: `value` replaces every value of it that this draft has seen."""
        if conflict.type is FieldType.MAP:
            self.put(conflict.field, conflict.key, value)
        elif conflict.type is FieldType.LOG:
            self.correct(conflict.field, conflict.key, value)
        else:
            self.set(conflict.field, value)

    # --- recording ------------------------------------------------------------------------------

    def _record(self, operation: Operation, *, fold: bool = True, instead_of: Iterable[Ref] = ()) -> Ref:
        """Note an operation to write; in the view it also removes the pending ones it takes the place of."""
        ref = self._next_ref()
        self._pending[ref] = operation
        if fold:
            shown = operation
            if instead := b"".join(instead_of):
                shown = operation._replace(detail=_bytes(operation.detail) + instead)
            self._fold(shown)
        return ref

    def _replace(self, tag: Op, field: str, live: Iterable[Cell], value: Any) -> None:
        seen, mine = self._take(live)
        self._record(Operation(int(tag), field, b"".join(seen), value), instead_of=mine)

    def _remove(self, tag: Op, field: str, live: Iterable[Cell]) -> None:
        seen, mine = self._take(live)
        if seen:
            self._record(Operation(int(tag), field, b"".join(seen), None), instead_of=mine)
        elif mine:
            self._fold(Operation(int(tag), field, b"".join(mine), None))

    def _take(self, live: Iterable[Cell]) -> tuple[list[Ref], list[Ref]]:
        """Refs to name, and the pending operations that end here; what those named is to be named now."""
        seen: dict[Ref, None] = {}
        mine = []
        for cell in live:
            pending = self._pending.pop(cell.ref, None)
            if pending is None:
                seen[cell.ref] = None
            else:
                mine.append(cell.ref)
                seen.update(dict.fromkeys(split_refs(_bytes(pending.detail))))
        return list(seen), mine

    def _next_ref(self) -> Ref:
        return Ref(self._written.to_bytes(8, "big") + bytes(2))

    def _fold(self, operation: Operation) -> None:
        entry = EntryId(self._written.to_bytes(8, "big") + bytes(24))
        self.view.apply(Stamp(entry, self._device, self._clock, _ABOVE_ALL + self._written), [operation])
        self._written += 1

    # --- what this device has written meanwhile ------------------------------------------------------

    def _after_own(self, operation: Operation, now: CaseState) -> Operation:
        """The operation, naming also the values of this device that stand in its place now."""
        live: Iterable[Cell] = ()
        if operation.tag == Op.SET and operation.field in now.registers:
            live = now.registers[operation.field].live.values()
        elif operation.tag == Op.PUT and operation.field in now.maps:
            key = CANONICAL(operation.value[0])
            live = (one for one in now.maps[operation.field].live.values() if CANONICAL(one.value[0]) == key)
        named = dict.fromkeys(split_refs(_bytes(operation.detail)))
        named.update((one.ref, None) for one in live if one.device == self._device)
        return operation._replace(detail=b"".join(named)) if named else operation

    def _corrected_again(self, done: list[Operation], now: CaseState) -> list[Operation]:
        """Corrections of this device's own corrections that were written meanwhile."""
        more: list[Operation] = []
        for field in {one.field for one in done if one.tag == Op.CORRECT} & now.logs.keys():
            said = {one.detail: one for one in done if one.tag == Op.CORRECT and one.field == field}
            for item in now.logs[field].items():
                ours = [said[cell.ref] for cell in item.versions if cell.ref in said]
                own = (one for one in item.current if one.device == self._device and one.ref not in said)
                more += [ours[0]._replace(detail=one.ref) for one in own if ours]
        return more

    # --- looking --------------------------------------------------------------------------------

    def _additions(self, field: str, element: Any) -> list[Cell]:
        state, wanted = self.view.sets.get(field), CANONICAL(element)
        return [] if state is None else [one for one in state.live.values() if one.canonical(CANONICAL) == wanted]

    def _puts(self, field: str, key: Any) -> list[Cell]:
        state, wanted = self.view.maps.get(field), CANONICAL(key)
        return [] if state is None else [one for one in state.live.values() if CANONICAL(one.value[0]) == wanted]

    def _item(self, field: str, ref: Ref) -> tuple[LogState, LogItem]:
        log = self.view.logs.get(field)
        if log is not None:
            for item in log.items():
                if any(cell.ref == ref for cell in item.versions):
                    return log, item
        raise NotFound(f"the log {field!r} has no such item")


def _is_all(live: Iterable[Cell], value: Any) -> bool:
    """Whether this value stands, and nothing else."""
    return {cell.canonical(CANONICAL) for cell in live} == {CANONICAL(value)}


def _bytes(detail: bytes | int | None) -> bytes:
    return detail if isinstance(detail, bytes) else b""
