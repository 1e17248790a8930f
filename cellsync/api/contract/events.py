"""Events: what the data of each is, as JSON."""

from __future__ import annotations

from typing import Any, Final, Literal

from msgspec import Struct

from cellsync.api.contract.shapes import State
from cellsync.core.schema.host import Did


class CaseChanged(Struct, frozen=True, forbid_unknown_fields=True):
    """A field of a case. `did`: what was done to it. `value`: as it was written; of a map `[key, value]`, of a counter
    the step. What was discarded, deleted or retracted has none: `removed` are the elements, the keys or the items that
    are gone, and `text` says them. It is empty if they are not among the case's newest entries, of which so many are
    read for a client in a minute: then the field has to be read again."""

    case: str
    field: str
    did: Did
    value: Any
    removed: list[Any]
    text: str
    author: str
    local: bool
    cause: Literal["edit", "sync", "bundle"]
    circle: str


class CaseConflict(Struct, frozen=True, forbid_unknown_fields=True):
    """People contradict each other in these fields."""

    case: str
    fields: list[str]
    circle: str


class Standing(Struct, frozen=True, forbid_unknown_fields=True):
    """What another device is not known to hold of what this one wrote, and what it holds that is not here."""

    device: str
    lacks: int
    owes: int | None
    circle: str


class SyncProgress(Struct, frozen=True, forbid_unknown_fields=True):
    """How a sync stands."""

    job: str
    peers: list[Standing]


class ImportProgress(Struct, frozen=True, forbid_unknown_fields=True):
    """Rows."""

    job: str
    done: int
    total: int


class JobState(Struct, frozen=True, forbid_unknown_fields=True):
    """A job stands differently: ask for it."""

    job: str
    state: str


class PeerUp(Struct, frozen=True, forbid_unknown_fields=True):
    """It is connected. What is in several circles is told of once for each."""

    device: str
    name: str
    circle: str


class PeerDown(Struct, frozen=True, forbid_unknown_fields=True):
    """It is not connected any more."""

    device: str
    circle: str


class PeerVersion(Struct, frozen=True, forbid_unknown_fields=True):
    """Its cellsync is older or newer, so that nothing can be exchanged; null: no more."""

    device: str
    name: str
    version: Literal["older", "newer"] | None
    circle: str


class MemberAdded(Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody has joined, or linked a further device: `member` is the id of whose it is, and of their first."""

    device: str
    name: str
    role: str
    circle: str
    member: str


class MemberStands(Struct, frozen=True, forbid_unknown_fields=True):
    """A device stands otherwise now: it was removed, is suspended until a dispute is decided, or is active again. It
    may be this one. `left`: nobody removed it: its member has left; or wants to, and is suspended until there is
    another coordinator."""

    device: str
    name: str
    circle: str
    left: bool


class CircleAdded(Struct, frozen=True, forbid_unknown_fields=True):
    """This device is in one more circle."""

    circle: str


class Raised(Struct, frozen=True, forbid_unknown_fields=True):
    """A flag: the status says more."""

    reason: str
    device: str
    circle: str


class SettingChanged(Struct, frozen=True, forbid_unknown_fields=True):
    """What the members of a circle have chosen together, or what one of them wants: ask for the settings. `in_force`:
    null: each device decides for itself. `wanted`: something harsher, which lacks a second word; null: nothing."""

    name: str
    in_force: str | None
    wanted: str | None
    circle: str


class Standstill(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the cell is open."""

    state: State


class Reset(Struct, frozen=True, forbid_unknown_fields=True):
    """Read again what you show."""


DATA: Final[dict[str, type[Struct]]] = {
    "case.changed": CaseChanged,
    "case.conflict": CaseConflict,
    "sync.progress": SyncProgress,
    "import.progress": ImportProgress,
    "invite.state": JobState,
    "join.state": JobState,
    "peer.up": PeerUp,
    "peer.down": PeerDown,
    "peer.version": PeerVersion,
    "member.added": MemberAdded,
    "member.removed": MemberStands,
    "member.suspended": MemberStands,
    "member.returned": MemberStands,
    "circle.added": CircleAdded,
    "flag": Raised,
    "settings.changed": SettingChanged,
    "open": Standstill,
    "locked": Standstill,
    "reset": Reset,
}
