"""Host: the holder of the entries of cases (a cell, or a stand-in in tests), and the functions that bind cases to it.

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
from cellsync.core.ids import NO_ID, CaseId, CircleId, DeviceId, Millis, Ref
from cellsync.core.wire.operations import Operation

Did = Literal[Verb, "other"]
Cause = Literal["edit", "sync", "bundle", "reset"]
Why = Literal["", "equivocator", "standing"]


class Change(NamedTuple):
    """One field changed.

    `cause` "reset" means: read again what you show. Its `path` is "". Either the reader was too slow and changes were
    skipped, or entries stopped or started to count. `why` says which: "equivocator" (a device turned out to write
    several concurrent histories), "standing" (entries went into quarantine, or came out of it; `author` wrote the
    entry that decided it, if that is one person), "" (changes were skipped).
    """

    case: CaseId
    path: str  # the field's name
    value: Any  # the field's new value; for a log, the new item's value
    before: Any  # its previous value; None for a log
    author: str
    local: bool  # written on this device
    cause: Cause
    cursor: str  # pass it to `changes(since=…)` to continue after this change
    did: Did = "other"  # what was done to the field, or the first of several things
    removed: tuple[Ref, ...] = ()  # named by a discard, delete or retract: `Cell.wrote` says what was written there
    why: Why = ""  # of a "reset"
    circle: CircleId = CircleId(NO_ID)

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
    """The holder of a case's entries, as the case sees it."""

    def name_of(self, device: DeviceId) -> str:
        """The display name of the member to whom this device belongs."""
        ...

    def edit(self, case: B) -> AbstractAsyncContextManager[B]:
        """A draft of the case; leaving without an error writes one entry, durable here."""
        ...

    def changes(self, case: Bound, since: str | None) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        """Changes from now on, or after a cursor; registered before it is entered, so none is missed."""
        ...

    async def synced(self, case: Bound, min_peers: int, timeout: float) -> None:
        """Return when other devices have acknowledged what is held here. Raises Timeout."""
        ...


def bind(schema: type[B], host: Host, case: CaseId, state: CaseState) -> B:
    """A snapshot of a case. `state` (with logs) belongs to it from now on."""
    made = object.__new__(schema)
    made._host, made._id, made._state, made._draft = host, case, state, None
    return made


def advance(case: Bound, state: CaseState) -> None:
    """Move a snapshot to a newer state (with logs), in place."""
    case._state = state


def begin(case: B, device: DeviceId = DeviceId(NO_ID), clock: Millis = Millis(0)) -> B:  # noqa: B008
    """A draft of a case. Its pending log items show this device and time."""
    draft = Draft(case._state.copy(), device, clock)
    made = bind(type(case), case._host, case._id, draft.view)
    made._draft = draft
    return made


def finish(draft: Bound, now: CaseState | None = None) -> list[Operation]:
    """The draft's operations, for one entry; from now on the draft is read-only.

    Pass `now`, the case's state at the time of writing, if anything may have been written since `begin`.
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
    """The cause of a change: written here, or received from another device."""
    return "edit" if local else "sync"
