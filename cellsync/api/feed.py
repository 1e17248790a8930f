"""A feed: events for one follower.

Changes of cases have a cursor, `life:arrival`: a store's order of arrival, and a position in it (`cell.changes`). It
survives a restart, so a client that resumes with the last one it saw misses nothing. Everything else (connected
devices, the state of a job) is told as it happens and not stored; its cursor is "". A follower that is too slow, or
comes with a cursor of another store, gets a `reset`: it has to read again what it shows. So does every follower when
earlier entries no longer count.

Removed values are searched for among the newest entries of their case (`cell.wrote`). A member may remove any number of
them, so the entries read for a follower are limited per period; of values not found the event says that they are gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import trio

from cellsync.api.contract.shapes import Event
from cellsync.casework import SCHEMAS
from cellsync.casework.editing import as_json, as_text
from cellsync.cell.backlog import Backlog
from cellsync.cell.cell import Cell
from cellsync.cell.changes import size_of
from cellsync.core.crdt.types import verb_of
from cellsync.core.errors import CellsyncError
from cellsync.core.ids import CaseId, CircleId
from cellsync.core.replica.replica import Replica
from cellsync.core.schema.host import Change
from cellsync.core.schema.schema import fields_of, kind_of
from cellsync.core.schema.values import PLAIN, ValueType, fits
from cellsync.core.wire.operations import Operation

BACKLOG: Final = 1_000  # events that may wait
BACKLOG_BYTES: Final = 4 << 20  # of their contents
FIELDS: Final = 100  # fields in conflict named by one event
KINDS: Final = 1_000  # cases whose kind is cached
READ: Final = 4_096  # entries read for a follower, to say what was removed,
WHILE: Final = 60.0  # within this many seconds


class Feed:
    """Made by `Service.follow`, which runs it."""

    def __init__(self, cell: Cell, feeds: set[Feed]) -> None:
        self._cell = cell
        self._feeds = feeds
        self._backlog = Backlog[Event](BACKLOG, BACKLOG_BYTES, lambda event: size_of(event.data))
        self._scope = trio.CancelScope()
        self._kinds: dict[tuple[CircleId, CaseId], str] = {}
        self._last: Event | None = Event(event="locked", cursor="", data={"state": "locked"})
        self._registered = trio.Event()
        self._read, self._read_since = 0, trio.current_time()
        feeds.add(self)

    async def registered(self) -> None:
        """Wait until no further event can be missed."""
        await self._registered.wait()

    async def next(self) -> Event | None:
        """The next event; None when there will be no more."""
        if self._backlog.take_miss():
            return Event(event="reset", cursor=self._cell.cursor(), data={})
        event = await self._backlog.get()
        if event is None:
            event, self._last = self._last, None
        return event

    @property
    def over(self) -> bool:
        """Whether everything was told."""
        return self._last is None

    def end(self) -> None:
        """Accept no more; told events can still be read."""
        if self in self._feeds:
            self._feeds.discard(self)
            self._scope.cancel()
            self._backlog.close()
            self._registered.set()

    def tell(self, event: str, data: Mapping[str, Any]) -> None:
        self._put(Event(event=event, cursor="", data=dict(data)))  # type: ignore[arg-type]

    async def run(self, since: str) -> None:
        """Tell of changes, until it is ended or the cell closes."""
        with self._scope:
            async with self._cell.changes(since=since or None) as changes:
                self._registered.set()
                touched: set[tuple[CircleId, CaseId]] = set()
                async for change in changes:
                    if change.cause == "reset":
                        self._kinds.clear()  # what gave a case its kind may count no more
                    kinds = await self._kinds_of(change)
                    self._put(_told(change, kinds, await self._removed(change)))
                    if change.cause == "sync":
                        touched.add((change.circle, change.case))
                    if change.cursor == self._cell.cursor():  # the last of what has arrived so far
                        await self._tell_conflicts(touched)
                        touched.clear()
        self.end()

    async def _removed(self, change: Change) -> list[Any]:
        """The elements, keys or items that were removed, each once, in plain form."""
        now = trio.current_time()
        if now - self._read_since >= WHILE:
            self._read, self._read_since = 0, now
        if not change.removed or self._read >= READ:
            return []
        circle = self._cell.circle(change.circle)
        found, read = await circle.wrote(change.case, change.removed, READ - self._read)
        self._read += read
        removed = {repr(plain): plain for ref in change.removed if ref in found for plain in [_element(found[ref])]}
        return list(removed.values())

    async def _kinds_of(self, change: Change) -> tuple[ValueType, ...]:
        """How people read the values of this field; of a map its keys and its values."""
        place = change.circle, change.case
        if place not in self._kinds:
            if len(self._kinds) >= KINDS:
                self._kinds.clear()
            circle = self._cell.circle(change.circle).circle
            replica = circle.replica
            async with circle.lock:
                number = replica.held.cases.get(change.case)
                kind = "" if number is None else await circle.apart(lambda: replica.states.get(number).kind)
            self._kinds[place] = kind
        schema = next((schema for schema in SCHEMAS if kind_of(schema) == self._kinds[place]), None)
        own = None if schema is None else fields_of(schema).get(change.path)
        return own.kinds if own is not None and own.kinds else (PLAIN,)

    async def _tell_conflicts(self, touched: set[tuple[CircleId, CaseId]]) -> None:
        for id_, case in touched:
            circle = self._cell.circle(id_).circle
            async with circle.lock:
                number = circle.replica.held.cases.get(case)
                fields = [] if number is None else await circle.apart(partial(_in_conflict, circle.replica, number))
            if fields:
                self.tell("case.conflict", {"case": case.hex(), "fields": fields, "circle": id_.hex()})

    def _put(self, event: Event) -> None:
        self._backlog.put(event)


def _in_conflict(replica: Replica, number: int) -> list[str]:
    return sorted({conflict.field for conflict in replica.states.get(number).conflicts()})[:FIELDS]


def _element(operation: Operation) -> Any:
    """What an operation added: of a map its key."""
    plain = operation.plain
    return plain[0] if verb_of(operation.tag) == "put" and isinstance(plain, list) and plain else plain


def _told(change: Change, kinds: tuple[ValueType, ...], removed: list[Any]) -> Event:
    if change.cause == "reset":
        return Event(event="reset", cursor=change.cursor, data={})
    try:
        value, gone = as_json(change.value), [as_json(element) for element in removed]
        read = ", ".join(_text(element, kinds[0]) for element in removed) if removed else _text(change.value, kinds[-1])
    except (CellsyncError, TypeError, ValueError):
        value, gone, read = None, [], "?"
    data = {
        "case": change.case.hex(), "field": change.path, "did": change.did, "value": value, "removed": gone,
        "text": read, "author": change.author, "local": change.local, "cause": change.cause,
        "circle": change.circle.hex(),
    }  # fmt: skip
    return Event(event="case.changed", cursor=change.cursor, data=data)


def _text(plain: Any, kind: ValueType) -> str:
    return as_text(kind.decode(plain) if fits(kind, plain) else plain)
