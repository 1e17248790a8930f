"""Why a device is not admitted after all, as the inviter tells it (protocol/55-pairing.md, REFUSAL).

Only once both people have said yes: whoever merely has the code is told nothing.
"""

from __future__ import annotations

from typing import Final

from cellsync.core.errors import AlreadyIn, CellsyncError, CircleFull, Interrupted, NeverBack, TooManyDevices

OTHER: Final = 0
_ERRORS: Final[dict[int, type[CellsyncError]]] = {1: AlreadyIn, 2: NeverBack, 3: CircleFull, 4: TooManyDevices}


def reason_of(error: CellsyncError) -> int:
    """The number under which an error is told."""
    return next((number for number, kind in _ERRORS.items() if isinstance(error, kind)), OTHER)


def error_of(reason: int) -> CellsyncError:
    """What the joiner makes of it; of a number that is new to it too."""
    kind = _ERRORS.get(reason)
    if kind is not None:
        return kind()
    return Interrupted(
        "The other device could not add this one.", hint="It says there why. The code is used up: ask for a new one."
    )
