"""Host: the holder of the entries of cases (a cell, or a stand-in in tests), and what binds a case to it.

case = bind(Eviction, host, id, state)      a snapshot of the case
draft = begin(case)                         host.edit, entering
operations = finish(draft)                  host.edit, leaving: one entry
advance(case, state)                        something arrived: the snapshot moves forward in place
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from cellsync.core.case.draft import Draft
from cellsync.core.case.fold import CaseState
from cellsync.core.crdt.row import Verb
from cellsync.core.errors import ReadOnly
from cellsync.core.ids import NO_ID, CaseId, DeviceId, Millis, Ref
from cellsync.core.wire.operations import Operation

Did = Literal[Verb, "other"]
Cause = Literal["edit", "sync", "bundle", "reset"]
Why = Literal["", "equivocator", "standing"]


class Change(NamedTuple):
    """One field changed.

    `cause` "reset" says: read again what you show. Its `path` is "". Either the reader was too slow and changes were
    skipped, or what had counted before counts no more, or what had not counts now. `why` says which: "equivocator" (its
    device turned out to write several histories at once), "standing" (entries went into quarantine, or came out of it;
    `author` is who wrote what decided it, if that is one person), "" (changes were skipped).
    """

    case: CaseId
    path: str  # the field's name
    value: Any  # what the field reads now; for a log, the new item's value
    before: Any  # what it read before; None for a log
    author: str
    local: bool  # written on this device
    cause: Cause
    cursor: str  # give it to `changes(since=…)` to go on after this change
    did: Did = "other"  # what was done to the field, or first of several things
    removed: tuple[Ref, ...] = ()  # what a discard, delete or retract names: `Cell.wrote` says what was written there
    why: Why = ""  # of a "reset"

    def __repr__(self) -> str:
        return f"<change of {self.path!r}>"  # no content


class Bound:
    """One case as its host shows it: a snapshot, or a draft if `_draft` is set. `Schema` adds the fields."""

    __slots__ = ("_draft", "_host", "_id", "_state")
    _draft: Draft | None
    _host: Host
    _id: CaseId
    _state: CaseState

    @property
    def id(self) -> CaseId:
        """The case's id, the same on every device; `.hex()` is its text."""
        return self._id


B = TypeVar("B", bound=Bound)


class Host(Protocol):
    """What a case asks of the holder of its entries."""

    def name_of(self, device: DeviceId) -> str:
        """The name of the member whose device this is, as the cell shows it."""
        ...

    def edit(self, case: B) -> AbstractAsyncContextManager[B]:
        """A draft of the case; leaving without an error writes one entry, durable here."""
        ...

    def changes(self, case: Bound, since: str | None) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        """Changes from now on, or after a cursor; registered before it is entered, so that none is missed."""
        ...

    async def synced(self, case: Bound, min_peers: int, timeout: float) -> None:
        """Return when other devices have acknowledged what is here. Raises Timeout."""
        ...


def bind(schema: type[B], host: Host, case: CaseId, state: CaseState) -> B:
    """A snapshot of a case. `state` (with logs) belongs to it from now on."""
    made = object.__new__(schema)
    made._host, made._id, made._state, made._draft = host, case, state, None
    return made


def advance(case: Bound, state: CaseState) -> None:
    """Let a snapshot show a newer state (with logs), in place."""
    case._state = state


def begin(case: B, device: DeviceId = DeviceId(NO_ID), clock: Millis = Millis(0)) -> B:  # noqa: B008
    """A draft of a case. Its pending log items show this device and time."""
    draft = Draft(case._state.copy(), device, clock)
    made = bind(type(case), case._host, case._id, draft.view)
    made._draft = draft
    return made


def finish(draft: Bound, now: CaseState | None = None) -> list[Operation]:
    """What a draft wrote, for one entry; the draft can be read but not written any more.

    Give `now`, the case as it is when the entry is written, if something may have been written since `begin`.
    """
    operations = draft_of(draft).operations(now)
    draft._draft = None
    return operations


def draft_of(case: Bound) -> Draft:
    """Raises ReadOnly on anything that is not a draft."""
    if case._draft is None:
        raise ReadOnly
    return case._draft


def cause(local: bool) -> Cause:
    """Why something changed: it was written here, or it came from another device."""
    return "edit" if local else "sync"
