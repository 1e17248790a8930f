"""Newest: the items of a case's logs from the newest on, without folding earlier ones.

Rules:

1. A state without logs knows all corrections and retractions. So an item can be built from the entry that appended it,
   wherever that is, without reading any other.
2. Appends with one source key are one item, wherever they are: it is yielded at the newest of them, and its contents
   require reading the logs whole.
3. Entries of a device beyond what a case shows are left out, like entries that do not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from cellsync.core.case.fold import CaseState, Stamp
from cellsync.core.case.states import States
from cellsync.core.crdt.cells import LiveValue
from cellsync.core.crdt.log import Appending, LogItem, Logs
from cellsync.core.wire.operations import Operation, ref
from cellsync.core.wire.tags import Op


class Logged(NamedTuple):
    """An item of one of the logs."""

    field: str
    item: LogItem

    def __repr__(self) -> str:
        return f"<item of {self.field!r}>"  # no content


class Newest:
    """The items of one case, for one pass. Callers hold the circle's lock."""

    def __init__(self, states: States, number: int, state: CaseState) -> None:
        """`state`: the state of the case, without logs."""
        self._states = states
        self._number = number
        self._whole: Logs | None = None
        self._read = Appending(state.amended)
        self._sources: set[tuple[str, bytes]] = set()
        self._sourced: dict[str, dict[bytes, LogItem]] = {}  # of whole logs, by field

    @property
    def logs(self) -> Logs:
        """The logs as far as read, and what is known of corrected or retracted items."""
        return self._read.logs if self._whole is None else self._whole

    def entries(self, first: int = 0) -> Iterator[tuple[int, list[Logged]]]:
        """Entry by entry, from slot `first` back, or from the newest: its slot, and its items, the last one first.

        Without retracted items, and items with an append newer than `first`.
        """
        for slot, stamp, operations in self._states.backwards(self._number, first):
            appended = [] if stamp is None else self._take(stamp, operations)
            items = [self._item(*append, slot=slot if first else 0) for append in reversed(appended)]
            yield slot, [item for item in items if item is not None and not item.item.retractions]

    def _take(self, stamp: Stamp, operations: list[Operation]) -> list[tuple[str, LiveValue, bytes | None]]:
        """The appends of an entry; of several with one source, only the newest."""
        found: list[tuple[str, LiveValue, bytes | None]] = []
        source: Any  # the type of the detail depends on the tag, and was checked when decoding
        for index, (tag, field, source, value) in enumerate(operations):
            if tag == Op.APPEND and (source is None or (field, source) not in self._sources):
                if source is not None:
                    self._sources.add((field, source))
                cell = LiveValue(value, stamp.device, stamp.clock, stamp.height, ref(stamp.id, index))
                self._read.append(field, cell, source)
                found.append((field, cell, source))
        return found

    def _item(self, field: str, append: LiveValue, source: bytes | None, *, slot: int) -> Logged | None:
        """`slot`: that of its entry, if newer entries were left out."""
        if source is None and self._whole is None:
            return Logged(field, self._read.logs[field].item([append]))
        if self._whole is None:
            self._whole = self._states.logs(self._number)
        log = self._whole.get(field)
        if log is None or append.ref not in log.appended:
            return None
        if source is None:
            return Logged(field, log.item([append]))
        if field not in self._sourced:
            self._sourced[field] = {item.source: item for item in log.items() if item.source is not None}
        item = self._sourced[field][source]
        alike = [version.ref for version in item.versions if version.ref in log.appended]
        if slot and len(alike) > 1 and self._states.newest_of(self._number, alike) != slot:
            return None
        return Logged(field, item)
