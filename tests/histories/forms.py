"""What a history of a circle is, once read: `reader.py` makes it from a file, models and rules judge it.

Nothing here is bytes: entries, devices and members have the short names that the file gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import NamedTuple, NewType

Id = NewType("Id", str)  # of an entry, as its history calls it
Device = NewType("Device", str)
Member = NewType("Member", str)


class Label(Enum):
    OUT = "OUT"
    UNDECIDED = "UNDECIDED"
    IN = "IN"


class Status(Enum):
    REMOVED = "removed"
    SUSPENDED = "suspended"
    ACTIVE = "active"


class Role(IntEnum):
    READER = 1
    WRITER = 2
    COORDINATOR = 3


class Kind(Enum):
    FOUND = "found"
    ADMIT = "admit"
    LINK = "link"
    SET_ROLE = "set_role"
    REMOVE = "remove"
    LEAVE = "leave"
    ENDORSE = "endorse"
    SEAL_KEY = "seal_key"
    ROTATE = "rotate"
    REWRAP = "rewrap"
    REJECT = "reject"
    RELEASE = "release"
    RECOVERY = "recovery"
    WRITE = "write"


class Entry(NamedTuple):
    """One entry. Whatever it names is in its past; but a `release` may name what it has not seen."""

    id: Id
    kind: Kind
    device: Device | None  # of its author; none, if a recovery key signed it
    key: Id | None  # the entry that brought in the recovery key which signed it
    previous: Id | None  # the entry before it in its chain
    parents: frozenset[Id]  # all entries that it cites, `previous` among them
    past: frozenset[Id]  # without itself
    height: int
    introduces: Device | None = None  # by `found`, `admit` and `link`
    member: Member | None = None  # whose device that is; a new member, but for a `link`
    role: Role | None = None  # that `found`, `admit` and `set_role` grant
    members: frozenset[Member] = frozenset()  # whom `remove`, `leave` and `set_role` name
    devices: frozenset[Device] = frozenset()  # that a `remove` names
    entries: frozenset[Id] = frozenset()  # that `endorse`, `release`, `reject` and `rewrap` are about
    disputes: frozenset[Id] = frozenset()
    replaces: frozenset[Id] = frozenset()  # the entries whose recovery keys a `recovery` replaces
    signed: bool = False  # by each of these
    heads: frozenset[Id] = frozenset()  # that a `release` names, with what is before them in their chains
    to: frozenset[Device] | None = None  # recipients, if it carries a rotation or is a `rewrap`


class Expected(NamedTuple):
    """What holds of a set of entries. What is None or absent is not said."""

    labels: Mapping[Id, Label]
    devices: Mapping[Device, Status]
    roles: Mapping[Member, Role]
    epoch: frozenset[Id | None]  # one of these, where ids decide; None: no rotation is usable
    quarantined: frozenset[Id] | None
    final: frozenset[Id] | None
    keys: frozenset[Id] | None  # the entries whose recovery keys are in force
    electors: frozenset[Member] | None


class Moment(NamedTuple):
    """What a replica shows that holds these entries."""

    held: frozenset[Id]
    expected: Expected


class History(NamedTuple):
    name: str
    source: str
    story: str
    open: str  # why the rules do not give what they should, or nothing
    entries: Mapping[Id, Entry]  # parents first
    owners: Mapping[Device, Member]
    introductions: Mapping[Device, Id]
    moments: tuple[Moment, ...]  # the last one is that of all entries
