"""Host: what a case asks of whoever holds it, and what it is told in return."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar

from cellsync.core.ids import CaseId, DeviceId

if TYPE_CHECKING:
    from cellsync.core.case.schema import Schema

S = TypeVar("S", bound="Schema")

Cause = Literal["edit", "sync", "bundle", "resync"]


class Change(NamedTuple):
    """One field changed.

    `cause` "resync" says that the reader was too slow and changes were skipped: read the case anew. Its `path` is "".
    """

    case: CaseId
    path: str  # the field's name
    value: Any  # what the field reads now; for a log, the new item's value
    before: Any  # what it read before; None for a log
    author: str
    local: bool  # written on this device
    cause: Cause
    cursor: str  # give it to `changes(since=…)` to go on after this change

    def __repr__(self) -> str:
        return f"<change of {self.path!r}>"  # no content


class Host(Protocol):
    """Whoever holds a case's entries: a cell, or a stand-in in tests."""

    def name_of(self, device: DeviceId) -> str:
        """The name of the member whose device this is, as the cell shows it."""
        ...

    def edit(self, case: S) -> AbstractAsyncContextManager[S]:
        """A draft of the case; leaving without an error writes one entry, durable here."""
        ...

    def changes(self, case: Schema, since: str | None) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        """Changes from now on, or after a cursor; registered before it is entered, so that none is missed."""
        ...

    async def synced(self, case: Schema, min_peers: int, timeout: float) -> None:
        """Return when other devices have acknowledged what is here. Raises Timeout."""
        ...
