"""Problems: an error as the API and the command line show it, with an exit code and an HTTP status.

    exit   0 ok · 1 failed · 2 usage · 3 locked or wrong passphrase · 4 not found · 5 no peer or timeout ·
           6 verification failed · 7 not permitted · 8 daemon absent or busy · 9 partly done · 130 interrupted

One table maps the codes of errors; what is not in it goes by whose fault it is.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from cellsync.core.errors import CallerError, CellsyncError, ExternalError

FAILED: Final = 1
USAGE: Final = 2
LOCKED: Final = 3
NOT_FOUND: Final = 4
NO_PEER: Final = 5
UNVERIFIED: Final = 6
NOT_PERMITTED: Final = 7
NO_DAEMON: Final = 8
PARTLY: Final = 9
INTERRUPTED: Final = 130

FAULT: Final = "Something went wrong in cellsync itself."

_TABLE: Final[dict[str, tuple[int, int]]] = {  # code: exit, HTTP status
    "locked": (LOCKED, 423),
    "wrong_passphrase": (LOCKED, 403),
    "too_soon": (LOCKED, 429),
    "not_found": (NOT_FOUND, 404),
    "ambiguous": (NOT_FOUND, 409),
    "vault_missing": (NOT_FOUND, 409),
    "no_peer": (NO_PEER, 503),
    "timeout": (NO_PEER, 503),
    "clocks_differ": (NO_PEER, 503),
    "interrupted": (NO_PEER, 503),
    "invite_expired": (NO_PEER, 409),
    "wrong_code": (UNVERIFIED, 403),
    "code_burnt": (UNVERIFIED, 403),
    "malformed_code": (UNVERIFIED, 400),
    "unknown_word": (UNVERIFIED, 400),
    "words_differ": (UNVERIFIED, 403),
    "declined": (UNVERIFIED, 403),
    "bad_signature": (UNVERIFIED, 502),
    "proves_nothing": (UNVERIFIED, 400),
    "handshake_failed": (UNVERIFIED, 502),
    "no_common_version": (FAILED, 409),
    "peer_older": (FAILED, 409),
    "peer_newer": (FAILED, 409),
    "not_permitted": (NOT_PERMITTED, 403),
    "floor_too_low": (NOT_PERMITTED, 409),
    "removed": (NOT_PERMITTED, 403),
    "not_typed": (USAGE, 400),
    "no_consent": (NOT_PERMITTED, 403),
    "nothing_leaves": (NOT_PERMITTED, 409),
    "no_daemon": (NO_DAEMON, 503),
    "daemon_silent": (NO_DAEMON, 503),
    "daemon_gone": (NO_DAEMON, 503),
    "busy": (NO_DAEMON, 409),
    "vault_in_use": (NO_DAEMON, 409),
    "vault_exists": (USAGE, 409),
    "place_taken": (USAGE, 409),
    "changed_meanwhile": (FAILED, 412),
    "cancelled": (INTERRUPTED, 409),
    "key_reused": (USAGE, 422),
    "closed": (LOCKED, 423),
    "too_large": (USAGE, 413),
    "disk_full": (FAILED, 507),
    "storage_failed": (FAILED, 503),
    "read_only_disk": (FAILED, 503),
    "no_memory": (FAILED, 507),
    "vault_damaged": (FAILED, 503),
    "not_a_vault": (FAILED, 503),
    "newer_version": (FAILED, 503),
    "outdated": (FAILED, 409),
    "internal": (FAILED, 500),
}


class Problem(NamedTuple):
    """What is said of an error."""

    code: str
    message: str
    hint: str
    exit: int

    def as_json(self) -> dict[str, Any]:
        return {"v": 1, "error": self._asdict()}


class Refusal(CellsyncError):
    """What a daemon answered in place of a result."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message, hint=problem.hint)
        self.problem = problem


def problem_of(error: CellsyncError) -> Problem:
    if isinstance(error, Refusal):
        return error.problem
    return Problem(error.code, str(error), error.hint, _row(error)[0])


def status_of(error: CellsyncError) -> int:
    """The HTTP status."""
    return _row(error)[1]


def status_of_code(code: str) -> int:
    """The HTTP status of a code that is the caller's fault, or stands in the table."""
    return _TABLE.get(code, (USAGE, 400))[1]


def _row(error: CellsyncError) -> tuple[int, int]:
    if error.code in _TABLE:
        return _TABLE[error.code]
    if isinstance(error, CallerError):
        return USAGE, 400
    return FAILED, 503 if isinstance(error, ExternalError) else 500


class Locked(CallerError):
    """The cell is locked."""

    code = "locked"
    default_hint = "cellsync unlock"


class TooSoon(CallerError):
    """Too many wrong passphrases."""

    code = "too_soon"

    def __init__(self, seconds: float) -> None:
        super().__init__(hint=f"Wait {max(1, round(seconds))} s, then try again.")


class Ambiguous(CallerError):
    """More than one begins like that."""

    code = "ambiguous"
    default_hint = "Give more of the id."


class ChangedMeanwhile(CallerError):
    """The case has changed since it was read. Nothing was written."""

    code = "changed_meanwhile"
    default_hint = "Read it again, then decide."


class KeyReused(CallerError):
    """This key belongs to another request. Nothing was done."""

    code = "key_reused"
    default_hint = "Draw a new key for each request, and keep it only to ask for the same once more."


class NotTyped(CallerError):
    """That is not the name. Nothing was done."""

    code = "not_typed"
    default_hint = "Type it as it is shown. It is asked for because this cannot be taken back."


class Cancelled(CallerError):
    """It was cancelled."""

    code = "cancelled"
    default_hint = "Start it again."
