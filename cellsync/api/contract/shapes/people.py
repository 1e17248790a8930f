"""Members, the other devices, and the cell at a glance."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from cellsync.api.contract.shapes.base import Answer, HostName, Name, Port, Secret, State, Takes, Words
from cellsync.api.contract.shapes.membership import OwnStanding


class OfCircle(Takes, kw_only=True, frozen=True):
    """`circle`: its name or id, or the beginning of that; "": all."""

    circle: Words = ""


class Member(Struct, kw_only=True, frozen=True):
    """A member's device. `circle`: the id of that in which it has this id and role. `member`: the id of its owner."""

    name: str
    role: str
    device: str
    me: bool
    circle: str
    member: str


class Members(Answer, kw_only=True, frozen=True):
    """Who is in several circles is there once for each."""

    members: list[Member]


class OtherClock(Struct, kw_only=True, frozen=True):
    """Another device's clock: `ahead` of this one's by so many seconds, behind if negative. `measured`: when the two
    last spoke; else it only seems so from what it shows on the network."""

    ahead: float
    measured: bool


class Peer(Struct, kw_only=True, frozen=True):
    """Another device, as this one knows it. `clock`: null while nothing is known of it.

    `lacks`: how many changes made here it is not known to hold; `lacks_of_others`: how many of other devices. `owes`:
    how many it holds that are not here. `in_step_now`: it is connected and answers, and both hold the same. `in_step`:
    whether both held the same at `last_seen`, which is now while it is connected and answers; true only if nothing has
    come here since that it is not known to hold. Null: that is not known. `version`: whether its cellsync is older or
    newer, so that nothing can be exchanged until the older of the two is updated; null if it is not. `circle`: of which
    it speaks; what is in several circles is there once for each, with another id. `member`: the id of whose it is;
    null before that is known. `suspended`: until a dispute is decided it is told nothing of cases.
    """

    name: str
    device: str
    connected: bool
    last_seen: str | None
    lacks: int
    lacks_of_others: int | None
    owes: int | None
    in_step_now: bool
    in_step: bool | None
    version: Literal["older", "newer"] | None
    clock: OtherClock | None
    circle: str
    member: str | None
    suspended: bool


class SyncPeer(Peer, kw_only=True, frozen=True):
    """Another device, as a sync found it. `reached`: it was connected at some moment since the sync began.
    `came_in_step`: when it did, since then: it confirmed all that was held here when the sync began, and all that it
    named as held there is here. It may have left again since."""

    reached: bool
    came_in_step: str | None


class Peers(Answer, kw_only=True, frozen=True):
    """`port`: where this device listens."""

    port: int
    peers: list[Peer]


class AddAddress(Takes, kw_only=True, frozen=True):
    """Where a device listens. `peer`: the name of its member, or the beginning of its id."""

    peer: Name
    host: HostName
    port: Port


class Ping(Takes, kw_only=True, frozen=True):
    peer: Name
    timeout: Annotated[float, Meta(gt=0, le=60)] = 5.0


class Pinged(Answer, kw_only=True, frozen=True):
    """`seconds`: for a round trip."""

    name: str
    device: str
    seconds: float


class Flag(Struct, kw_only=True, frozen=True):
    """What needs a person's eye. `lasting`: it is still so; it cannot be dismissed, and goes by itself when it is
    over. Else it has happened, and is shown until somebody dismisses it. `about`: names of those whom its author says
    something about; of a setting its name, and the value that its author wants."""

    reason: str
    text: str
    author: str
    device: str
    case: str | None
    lasting: bool
    about: list[str]
    circle: str


class CaseChanges(Struct, kw_only=True, frozen=True):
    case: str
    title: str
    changes: int


class SecrecyWindow(Struct, kw_only=True, frozen=True):
    """What was recorded on the network in the last so many `days`, and today, can be read by whoever takes this device,
    or one that is away. `bound`: what sets it: "seal_secret", the oldest with which this device opens new epochs;
    "unattested", a day that nobody else has shown to be over; "absent", a device of `name` that was not heard since.
    Backups are not counted, which may be anywhere and open what this device could open then. `backup`: when it made
    the last one; null: none that it knows of."""

    days: int
    bound: Literal["seal_secret", "unattested", "absent"]
    device: str | None
    name: str | None
    backup: str | None


class CircleRow(Struct, kw_only=True, frozen=True):
    """One circle of this device. `name`: "" until its history has come. `short`: the beginning of the id that tells it
    from the others. `device`: this device's id there. `devices`: how many are in it, this one among them.
    `own_passphrase`: it is locked whenever the cell is, and opens with another passphrase than that.
    `wipes_in`: this device was removed, and wipes the circle when it has been on for so many more seconds; null: it
    does not. `window`: that of forward secrecy; null while nobody else is in it. `standing`: how this device stands."""

    id: str
    short: str
    name: str
    role: str | None
    device: str
    devices: int
    cases: int
    beside: int
    changes: int
    only_here: int
    conflicts: int
    own_passphrase: bool
    wipes_in: float | None
    window: SecrecyWindow | None
    standing: OwnStanding


class CircleRows(Answer, kw_only=True, frozen=True):
    """The first is the one with which the vault was made. `locked`: the beginnings of the ids of circles that are
    locked with a passphrase of their own; nothing else of these is known until they are unlocked."""

    circles: list[CircleRow]
    locked: list[str]


class UnlockCircle(Takes, kw_only=True, frozen=True):
    """`circle`: the beginning of its id; "": whichever locked one the passphrase opens."""

    passphrase: Secret
    circle: Annotated[str, Meta(pattern="^[0-9a-f]{0,64}$")] = ""


class UnlockedCircle(Answer, kw_only=True, frozen=True):
    circle: CircleRow


class LockCircle(Takes, kw_only=True, frozen=True):
    circle: Name


class CirclePassphrase(Takes, kw_only=True, frozen=True):
    """`old`: that of the circle if it has one of its own, else that of the cell. `new`: null takes its own away."""

    circle: Name
    old: Secret
    new: Secret | None


class NewCircle(Takes, kw_only=True, frozen=True):
    """`name`: as its members will see it."""

    name: Name


class FoundedCircle(Answer, kw_only=True, frozen=True):
    """Write the recovery key down: it is kept nowhere."""

    circle: CircleRow
    recovery_key: str


class CarryOn(Takes, kw_only=True, frozen=True):
    """`circle`: in which; "": the only one."""

    circle: Words = ""


class Status(Answer, kw_only=True, frozen=True):
    """`circles`: each for itself; what stands beside them is of all together, and `cell`, `name`, `role` and `device`
    are those in the first that is open; where all are locked, `cell` and `device` are empty, and `role` is null.
    `beside`: documents of casework beside case files. `only_here`: how many changes made here
    no other device is known to hold, and in which cases. `others_ahead`: by how many seconds the others' clocks are
    ahead of this one; null unless two other members agree on it. `key_memory`: MiB that each guess at the passphrase
    takes: 256, or less where this device had less when it made the vault. `copied`: this cell was put back from a
    backup of that time, and nothing has been written to it here since. `as_of`: the cell is on a read-only disk, as it
    was written there at that time; a daemon says null. `locked`: as in `circles`; what is in these is in no number
    here."""

    cell: str
    state: State
    name: str
    role: str | None
    device: str
    locks_in: float | None
    key_memory: int
    copied: str | None
    as_of: str | None
    cases: int
    beside: int
    changes: int
    only_here: int
    only_here_cases: list[CaseChanges]
    conflicts: int
    circles: list[CircleRow]
    locked: list[str]
    others_ahead: float | None
    peers: list[Peer]
    flags: list[Flag]
