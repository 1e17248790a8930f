"""Pages: how much of one case an answer holds, and where the next one begins.

What an answer costs depends on what it shows: of a case's entries the newest are read, so many as it takes. A page ends
between two entries, also where nothing has been found in many: then it is short, or empty, and not the last. Where the
next begins is the slot of an entry in this store, so a cursor says nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from cellsync.api.room import Room
from cellsync.cell.circle import CellCircle
from cellsync.core.case.fold import CaseState
from cellsync.core.case.newest import Logged, Newest
from cellsync.core.crdt.cells import LiveValue as Stored
from cellsync.core.crdt.cells import rank
from cellsync.core.crdt.log import LogItem, Logs
from cellsync.core.errors import InvalidValue

LOOKED_AT: Final = 1_000  # entries for one page


class Page(NamedTuple):
    """Of the logs of one case."""

    items: Mapping[str, list[LogItem]]  # by log, oldest first
    logs: Logs  # what was read of them
    next: str  # where the next page begins; "" if this is the last

    def __repr__(self) -> str:
        return f"<page of {len(self.items)} logs>"  # no content


def logged(
    cell: CellCircle, number: int, state: CaseState, after: str, limit: int, room: Room,
    wanted: Callable[[Logged], bool] = lambda _: True,
) -> Page:  # fmt: skip
    """The newest items of a case's logs that are wanted: as many as there is room for, and at most so many unless one
    entry has more. `state`: without logs. With the lock held. Raises InvalidValue for a cursor that is none."""
    newest, found, following = Newest(cell.circle.replica.states, number, state), list[Logged](), 0
    for looked_at, (slot, items) in enumerate(newest.entries(first_of(cell, number, after))):
        items = [logged for logged in items if wanted(logged)]
        is_more = bool(found and items) and (len(found) + len(items) > limit or not room.takes(_cells(items)))
        if is_more or looked_at == LOOKED_AT:
            following = slot
            break
        if not found:  # what not even an answer of its own holds is left out
            items = [logged for logged in items if room.has(logged.item.versions)]
        found += items
    by_log: dict[str, list[LogItem]] = {}
    for logged in sorted(found, key=lambda logged: rank(logged.item.first)):
        by_log.setdefault(logged.field, []).append(logged.item)
    return Page(by_log, newest.logs, place(cell, following))


def place(cell: CellCircle, slot: int) -> str:
    """The cursor of an entry; "" for none."""
    return f"{cell.circle.life.hex()[:8]}-{slot:x}" if slot else ""


def first_of(cell: CellCircle, number: int, after: str) -> int:
    """The slot that a cursor of this case names; 0 for "". With the lock held. Raises InvalidValue."""
    if not after:
        return 0
    life, _, digits = after.partition("-")
    if life == cell.circle.life.hex()[:8] and 0 < len(digits) <= 16 and set(digits) <= set("0123456789abcdef"):
        entry = cell.circle.store.entry_at(int(digits, 16)) if int(digits, 16) >> 63 == 0 else None
        if entry is not None and entry.case == number:
            return entry.slot
    raise InvalidValue("no page of this case begins there", hint="Give the `next` of the page before, or nothing.")


def _cells(items: list[Logged]) -> list[Stored]:
    return [cell for logged in items for cell in logged.item.versions]
