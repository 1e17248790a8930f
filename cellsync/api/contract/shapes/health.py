"""The cell as a whole: whether it is there, open and intact."""

from __future__ import annotations

from msgspec import Struct

from cellsync.api.contract.shapes.base import (
    Answer,
    Count,
    LanMode,
    Name,
    OfCell,
    PortOrAny,
    Seconds,
    Secret,
    State,
    Takes,
)


class Health(Answer, kw_only=True, frozen=True):
    """empty: no vault yet; locked; open. `removed`: it is open, and this device was removed from a circle, or left;
    `suspended`: it is suspended in one, and what it writes there is shown to nobody. `locked`: it is open, and these
    circles are locked with passphrases of their own, as in `circles`; `bare`: no other is open."""

    state: State
    version: str
    removed: bool
    suspended: bool
    locked: list[str]
    bare: bool


class Init(Takes, kw_only=True, frozen=True):
    """Found a cell."""

    cell: Name
    name: Name
    passphrase: Secret
    lan: LanMode = "asked"
    interfaces: list[str] = []
    port: PortOrAny = 0


class Founded(OfCell, kw_only=True, frozen=True):
    """Write the recovery key down: it is kept nowhere."""

    recovery_key: str


class Unlock(Takes, kw_only=True, frozen=True):
    """`idle`: lock after so many seconds without a command; 0: never."""

    passphrase: Secret
    idle: Seconds | None = None


class WipeAhead(Struct, kw_only=True, frozen=True):
    """This device was removed from a circle, and wipes it when it has been on for so many more seconds."""

    circle: str
    name: str
    seconds: float


class Unlocked(OfCell, kw_only=True, frozen=True):
    """`wipes`: what is ahead. `wiped`: how many circles were wiped as it was opened; of a look, in the copy it reads,
    and are not shown. `copied`: this cell was put back from a backup of that time, and nothing has been written
    to it here since."""

    locks_in: float | None
    copied: str | None
    wipes: list[WipeAhead]
    wiped: Count = 0


class Audited(Answer, kw_only=True, frozen=True):
    """Every page was read, and all of these entries are what their authors signed. Else it fails: `vault_damaged`.
    `locked`: how many circles were left out, because they are locked with a passphrase of their own."""

    entries: Count
    locked: Count
