"""Newest: the items of a case's logs from the newest on, without folding those before them.

Rules:

1. The entries of a case rest in the order in which they arrived, and an entry arrives after all that its author had
   seen. So who reads from the newest on has read what corrects or retracts an item before the item itself.
2. Appends with one source key are one item, wherever they stand: it is given where the newest of them stands, and for
   what all of them say the logs are read whole.
3. So they are where a device has written more than a case shows: what is beyond is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from cellsync.core.case.fold import Stamp
from cellsync.core.case.states import States
from cellsync.core.crdt.cells import Cell
from cellsync.core.crdt.log import LogItem, LogState
from cellsync.core.wire.operations import Operation, ref
from cellsync.core.wire.tags import Op

_LOG_TAGS: Final = frozenset({Op.APPEND, Op.CORRECT, Op.RETRACT})


class Logged(NamedTuple):
    """An item of one of the logs."""

    field: str
    item: LogItem

    def __repr__(self) -> str:
        return f"<item of {self.field!r}>"  # no content


class Newest:
    """The items of one case. For one reading, by those who hold the circle's lock."""

    def __init__(self, states: States, number: int) -> None:
        self._states = states
        self._number = number
        self._read: dict[str, LogState] = {}
        self._sources: set[tuple[str, bytes]] = set()
        self._whole: dict[str, LogState] | None = states.logs(number) if states.exceeds(number) else None
        self._sourced: dict[str, dict[bytes, LogItem]] = {}  # of whole logs, by field

    @property
    def logs(self) -> dict[str, LogState]:
        """What was read of them."""
        return self._read if self._whole is None else self._whole

    def entries(self, first: int = 0) -> Iterator[tuple[int, list[Logged]]]:
        """By entry, from the one in slot `first` on, or from the newest: its slot, and its items, the last one first.

        Without those that are retracted. Nothing if the case has no such entry.
        """
        skips = first != 0
        for slot, stamp, operations in self._states.backwards(self._number):
            skips = skips and slot != first
            appended = [] if stamp is None else self._take(stamp, operations, skips)
            if not skips:
                items = (self._item(*one) for one in reversed(appended))
                yield slot, [one for one in items if one is not None and not one.item.retractions]

    def _take(self, stamp: Stamp, operations: list[Operation], skips: bool) -> list[tuple[str, Cell, bytes | None]]:
        """Note what an entry says, and give its appends, of one source the newest. What is skipped is not kept."""
        found: list[tuple[str, Cell, bytes | None]] = []
        detail: Any  # of each tag it has another type, which decoding has checked
        for index, (tag, field, detail, value) in enumerate(operations):
            if tag not in _LOG_TAGS:
                continue
            cell = Cell(value, stamp.device, stamp.clock, stamp.height, ref(stamp.id, index))
            log = self._read.setdefault(field, LogState())
            if tag == Op.CORRECT:
                log.correct(cell, detail)
            elif tag == Op.RETRACT:
                log.retract(cell, detail)
            elif detail is None or (field, detail) not in self._sources:
                if detail is not None:
                    self._sources.add((field, detail))
                if not skips:
                    log.append(cell, detail)
                    found.append((field, cell, detail))
        return found

    def _item(self, field: str, append: Cell, source: bytes | None) -> Logged | None:
        if source is None and self._whole is None:
            return Logged(field, self._read[field].item([append]))
        if self._whole is None:
            self._whole = self._states.logs(self._number)
        log = self._whole.get(field)
        if log is None or append.ref not in log.appended:
            return None
        if source is None:
            return Logged(field, log.item([append]))
        if field not in self._sourced:
            self._sourced[field] = {item.source: item for item in log.items() if item.source is not None}
        return Logged(field, self._sourced[field][source])
