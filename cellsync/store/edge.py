"""The edge of SQLite: the translation of its failures, and the transaction around all writes.

The new error is raised outside the `except`, because the frames that apsw adds to a traceback hold SQL and bindings.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

import apsw

from cellsync.core.errors import (
    CallerError,
    CellsyncError,
    Closed,
    DiskFull,
    StorageFailed,
    VaultDamaged,
    VaultInUse,
)
from cellsync.store.files import ReadOnlyDisk


class GivenUp(CallerError):
    """It was given up before it was done; everything is as it was."""

    code = "given_up"
    default_hint = "Start it again."


# Our error for each failure of SQLite. Any other (SQL, constraints, types) is a bug of ours.
_MEANING: Final[dict[type[apsw.Error], type[CellsyncError]]] = {
    apsw.NotADBError: VaultDamaged,
    apsw.CorruptError: VaultDamaged,
    apsw.FormatError: VaultDamaged,
    apsw.FullError: DiskFull,
    apsw.BusyError: VaultInUse,
    apsw.LockedError: VaultInUse,
    apsw.ConnectionClosedError: Closed,
    apsw.CursorClosedError: Closed,
    apsw.IOError: StorageFailed,
    apsw.CantOpenError: StorageFailed,
    apsw.ReadOnlyError: ReadOnlyDisk,
    apsw.PermissionsError: StorageFailed,
    apsw.ProtocolError: StorageFailed,
    apsw.NoLFSError: StorageFailed,
    apsw.InterruptError: GivenUp,  # `SqliteStore.copy_into` was told to
}
_DAMAGE_AT_IO: Final = {apsw.SQLITE_IOERR_DATA, apsw.SQLITE_IOERR_CORRUPTFS, apsw.SQLITE_IOERR_SHORT_READ}


class Connected(Protocol):
    """An object that works on one connection. `_wait` returns once no other thread does."""

    _db: apsw.Connection

    def _wait(self) -> None: ...

    def _begin(self) -> None: ...

    def _roll_back(self) -> None: ...


C = TypeVar("C", bound=Connected)
P = ParamSpec("P")
T = TypeVar("T")


def meaning(error: apsw.Error) -> CellsyncError:
    if getattr(error, "extendedresult", 0) in _DAMAGE_AT_IO:
        return VaultDamaged()
    return _MEANING.get(type(error), CellsyncError)()


def reads(method: Callable[Concatenate[C, P], T]) -> Callable[Concatenate[C, P], T]:
    """Translate SQLite's failures at the edge."""

    @functools.wraps(method)
    def edge(self: C, /, *args: P.args, **kwargs: P.kwargs) -> T:
        self._wait()
        try:
            return method(self, *args, **kwargs)
        except apsw.Error as error:
            failure = meaning(error)
        raise failure

    return edge


def writes(method: Callable[Concatenate[C, P], T]) -> Callable[Concatenate[C, P], T]:
    """As `reads`, inside the transaction that `flush` ends; a failure loses everything staged."""

    @functools.wraps(method)
    def edge(self: C, /, *args: P.args, **kwargs: P.kwargs) -> T:
        self._wait()
        try:
            if not self._db.in_transaction:
                self._begin()
            return method(self, *args, **kwargs)
        except apsw.Error as error:
            failure = meaning(error)
            self._roll_back()
        except BaseException:
            self._roll_back()
            raise
        raise failure

    return edge
