"""The docket: control entries as the rules of edition 2 see them.

What the rules look at in an entry is a *deed*, and each deed has a bit in control pasts. Not every control entry is
one. What its own past alone makes void never is (rule 1 and its limits, rule 2 as far as no label matters); and nothing
depends on whether a `seal_key` or a `rewrap` of a member who is no coordinator was seen, so these have none, and 48
devices that renew their keys every week lengthen nobody's pasts. (protocol/40-membership.md, Rules of edition 2)
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from cellsync.core.ids import DeviceId, EntryId, MemberId
from cellsync.core.membership.control import Admit, Found, Role
from cellsync.core.membership.deeds import INTRODUCTIONS, REMOVALS, Deed
from cellsync.core.membership.endorsement import Endorse
from cellsync.core.membership.recovery import Recovery
from cellsync.core.membership.release import Release
from cellsync.core.membership.removal import Remove
from cellsync.core.membership.role_change import SetRole
from cellsync.core.membership.rotation import Reject, Rotation
from cellsync.core.wire.tags import Kind


class Sort(Enum):
    """How many deeds of a sort one device may have written before, in a deed's own past, is limited (`LIMITS`)."""

    STRIKE = auto()
    BALLOT = auto()  # what others' labels depend on, apart from strikes
    ROTATION = auto()  # each of them is gone through with every step that may change which epoch is chosen
    OTHER = auto()


LIMITS: Final = {Sort.STRIKE: 32, Sort.BALLOT: 512, Sort.ROTATION: 512, Sort.OTHER: 4_096}
"""One more of a device is void. An honest one comes nowhere near in years, and 16 branches bound what a hostile one can
make others weigh against each other."""

_UNSEEN: Final = frozenset({Kind.SEAL_KEY, Kind.REWRAP})
_BALLOTS: Final = INTRODUCTIONS | {Kind.SET_ROLE, Kind.ENDORSE, Kind.RECOVERY}


def is_deed(kind: int, role: Role | None) -> bool:
    """Whether an entry that is not void is a deed. `role`: the greatest that its past gives its author."""
    return kind not in _UNSEEN or role is Role.COORDINATOR


def sort_of(deed: Deed) -> Sort:
    demotes = deed.kind == Kind.SET_ROLE and deed.role is not None and deed.role < Role.COORDINATOR
    if deed.kind in REMOVALS or demotes:
        return Sort.STRIKE
    if deed.kind == Kind.ROTATE:
        return Sort.ROTATION
    return Sort.BALLOT if deed.kind in _BALLOTS else Sort.OTHER


def deed_of(
    entry: EntryId, kind: int, author: DeviceId, past: int, height: int, operation: object, key: EntryId | None,
    owner: Callable[[DeviceId], MemberId | None], replaced: tuple[EntryId, ...] | None,
) -> Deed:  # fmt: skip
    """The deed of an entry that is not void.

    `past`: the bits of the deeds that it saw. `key`: what brought in the recovery key that signed it, if one did.
    `owner`: whose device that is, if it is known. `replaced`: of a `recovery`, the rows whose signatures verify.
    """
    deed = Deed(entry, Kind(kind), None if key is not None else author, past, height, key)
    match operation:
        case Found():
            return deed._replace(recipients=frozenset({DeviceId(entry)}))
        case Admit(role):
            return deed._replace(role=role)
        case SetRole(member, role):
            return deed._replace(role=role, members=(member,))
        case Remove(targets, alone, disputed, begun):
            whole = tuple(MemberId(one) for one in targets if one not in alone and owner(DeviceId(one)) == one)
            single = tuple(DeviceId(one) for one in targets if MemberId(one) not in whole)
            return deed._replace(members=whole, devices=single, names=disputed, recipients=_recipients(begun))
        case Endorse(entries):
            return deed._replace(names=entries)
        case Release(entries, heads):
            return deed._replace(names=entries, heads=heads)
        case Rotation():
            return deed._replace(recipients=_recipients(operation))
        case Reject(epoch):
            return deed._replace(names=(EntryId(epoch),))
        case Recovery(_, rows):  # without a signature that verifies it may still be backed by two electors (rule 12)
            return deed._replace(names=replaced or tuple(row.entry for row in rows), signed=bool(replaced))
    return deed


def _recipients(begun: Rotation | None) -> frozenset[DeviceId] | None:
    return None if begun is None else frozenset(begun.devices)


def role_needed(
    operation: object, needs: Role | None, owner: Callable[[DeviceId], MemberId | None], author: MemberId
) -> Role | None:
    """The role that an entry requires of its author. `needs`: by its kind; `owner`: whose device that is, if the entry
    has seen it.

    Everybody may remove themselves, and devices of their own, but not together with others: what strikes at its own
    author would have to be weighed against all else that its author struck. What counts of a `recovery` that replaces a
    key is who backs it (rule 12).
    """
    match operation:
        case Remove(targets):
            hit = {owner(DeviceId(target)) for target in targets} - {None}
            return Role.READER if hit == {author} else None if author in hit else needs
        case Recovery(_, replaced) if replaced:
            return Role.READER
    return needs
