"""Followers: they are told of what arrives and what is written here, field by field.

A follower is registered before its block is entered, so nothing is missed between reading and following. It never
slows down a writer: one that does not keep up gets a single "reset" in place of what it missed.

A cursor is `life:arrival`: which store's order of arrival, and how far. One of another store (the vault was joined
again) also gives a "reset". So does a step that takes back what had counted, and a cursor from before such a step: no
change of a field could say that. What arrived at once has one place in that order: only its last change carries it,
the others carry the place before. So a follower that resumes after any change misses nothing, and may see a few twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Final, assert_never

import trio

from cellsync.core.crdt.row import REMOVES
from cellsync.core.crdt.types import BY_TAG, verb_of
from cellsync.core.ids import REF_BYTES, CaseId, Ref
from cellsync.core.schema.fields import Field
from cellsync.core.schema.host import Bound, Cause, Change
from cellsync.core.schema.schema import Schema, fields_of
from cellsync.core.schema.values import fits
from cellsync.core.schema.views import MapView, SetView
from cellsync.core.wire.operations import Operation, split_refs
from cellsync.core.wire.tags import Op
from cellsync.ledger.source import FromSession, OwnHand, Source

BACKLOG: Final = 1_000  # changes that may wait for a follower
AT_ONCE: Final = 64  # changes that are told before others get their turn
NAMED: Final = 20  # of what one operation removes
BACKLOG_BYTES: Final = 4 << 20  # of their values together


class Follower(AsyncIterator[Change]):
    """One subscription, to one case or to all."""

    def __init__(self, case: Bound | None, cursor: Callable[[], str]) -> None:
        self.case = case
        self._cursor = cursor
        self.backlog: Final = BACKLOG
        self._send, self._receive = trio.open_memory_channel[Change](BACKLOG)
        self._bytes = 0  # of the values that wait
        self._missed = False
        self._last: Change | None = None

    def wants(self, case: CaseId) -> bool:
        return self.case is None or self.case.id == case

    def tell_all(self, changes: list[Change], before: str, after: str) -> Iterator[None]:
        """What arrived at once, between these two cursors. Others get their turn between the items."""
        for at, change in enumerate(changes[:-1]):
            self.tell(change._replace(cursor=before))
            if at % AT_ONCE == AT_ONCE - 1:
                yield
        for change in changes[-1:]:
            self.tell(change._replace(cursor=after))

    def tell(self, change: Change) -> None:
        if self._missed:
            return
        size = change_size(change)
        try:
            if self._bytes + size > BACKLOG_BYTES and self._bytes:
                raise trio.WouldBlock
            self._send.send_nowait(change)
            self._bytes += size
        except trio.WouldBlock:
            self._missed = True
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            pass

    def miss(self) -> None:
        """There was more than may wait: after what waits, the reader is told to read again."""
        self._missed = True

    def reset(self, change: Change) -> None:
        self.tell(change._replace(path="", value=None, before=None, cause="reset"))

    def close(self) -> None:
        """What was told can still be read; then the reading ends."""
        self._send.close()

    # A class and no generator: a generator is over after a wait that was cancelled, this can be asked again.

    def __aiter__(self) -> Follower:
        return self

    async def __anext__(self) -> Change:
        if self._missed and self._last is not None and not self._receive.statistics().current_buffer_used:
            self._missed = False
            return self._last._replace(path="", value=None, before=None, cause="reset", cursor=self._cursor(), why="")
        try:
            self._last = await self._receive.receive()
        except trio.EndOfChannel:
            raise StopAsyncIteration from None
        self._bytes -= change_size(self._last)
        return self._last


def cause_of(source: Source) -> Cause:
    """Why something changed, by where it came from."""
    match source:
        case OwnHand():
            return "edit"
        case FromSession():
            return "sync"
        case _:
            assert_never(source)


def change_size(change: Change) -> int:
    return size_of(change.value) + size_of(change.before)


def size_of(value: Any) -> int:
    """About how many bytes of memory a value takes that somebody reads."""
    if isinstance(value, (str, bytes)):
        return len(value) + 50
    if isinstance(value, Mapping):
        return 100 + sum(100 + size_of(key) + size_of(one) for key, one in value.items())
    if isinstance(value, (tuple, list, frozenset)):
        return 60 + sum(10 + size_of(one) for one in value)
    return 32


def touched(operations: list[Operation]) -> list[str]:
    """The fields that operations write, each once, in order."""
    return list(dict.fromkeys(operation.field for operation in operations if operation.tag != Op.CREATE))


def readings(case: Bound, names: list[str]) -> dict[str, Any]:
    """What these fields read now; logs are left out, they only grow."""
    known = _fields(case)
    return {name: _now(getattr(case, name)) for name in names if name in known}


def told(
    case: Bound | None, identity: CaseId, operations: list[Operation], before: dict[str, Any], author: str,
    local: bool, cause: Cause,
) -> Iterator[Change]:  # fmt: skip
    """One change per field that an entry wrote; one per item for logs. Their cursors are to be filled in."""
    known = _fields(case)
    seen: set[str] = set()
    for operation in operations:
        name = operation.field
        own = known.get(name)
        if operation.tag == Op.CREATE or name in seen:
            continue
        row = BY_TAG.get(operation.tag)
        if (row is not None and row.apart) or case is None or own is None:
            value = operation.plain
            if own is not None and own.kinds and fits(own.kinds[0], value):
                value = own.kinds[0].decode(value)
            did = verb_of(operation.tag) or "other"
            yield Change(identity, name, value, None, author, local, cause, "", did, _removed(operation))
        else:
            seen.add(name)
            now, did = _now(getattr(case, name)), verb_of(operation.tag) or "other"
            yield Change(identity, name, now, before.get(name), author, local, cause, "", did, _removed(operation))


def _removed(operation: Operation) -> tuple[Ref, ...]:
    """What an operation removes, as far as it is worth telling."""
    if verb_of(operation.tag) not in REMOVES or not isinstance(operation.detail, bytes):
        return ()
    return tuple(split_refs(operation.detail[: NAMED * REF_BYTES]))


def _fields(case: Bound | None) -> Mapping[str, Field]:
    return fields_of(type(case)) if isinstance(case, Schema) else {}


def _now(value: Any) -> Any:
    """Views change under the reader's eyes: keep what they read at this moment."""
    if isinstance(value, SetView):
        return frozenset(value)
    return dict(value) if isinstance(value, MapView) else value
