"""A flag: something that needs a person's eye. A flag alone blames nobody, and nothing that is flagged is lost.

A lasting flag states a fact (`Facts`): it cannot be dismissed, survives a restart, and goes once the fact no longer
holds. The others report events; `Flags` keeps them until a person has seen them.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from cellsync.core.errors import PeerError
from cellsync.core.ids import NO_ID, CaseId, CircleId, DeviceId
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.ledger.circle import OpenCircle

_MOST_BYTES: Final = 1 << 18


class Reason(StrEnum):
    NO_RIGHT = "no_right"  # its author's role did not allow it: held, not shown
    NEWER = "newer"  # a newer cellsync wrote something that this one does not know: kept, without effect here
    OUTDATED = "outdated"  # the coordinators require a newer cellsync: this one writes nothing, and hands nothing out
    WAIVED = "waived"  # the same, and its user carries on
    FUTURE = "future"  # its newest entry is dated more than a day ahead: shown
    UNATTACHED = "unattached"  # does not continue what is held here: a gap, not held until it is filled
    FORK = "fork"  # two entries in one place, both signed and held: that vault was copied, or put back from a backup
    EQUIVOCATOR = "equivocator"  # more branches than any honest device has: only what others cite of them counts
    FEW_BRANCHES_LEFT = "few_branches_left"  # this device has taken so many incarnations that it soon may take no more
    BURNT_CODES = "burnt_codes"  # three short codes of this device were used up by wrong guesses: is someone guessing?
    OLDER = "older"  # a device speaks an older version of the protocol than it did before
    TOO_NEW = "too_new"  # this device's cellsync does not know the version of entries that came: it has to be updated
    REMOVAL_AHEAD = "removal_ahead"  # a coordinator says that somebody was removed; the entry itself is still to come
    REMOVAL_LAPSED = "removal_lapsed"  # and it has not come for so long that nothing follows from it any more
    REMOVED = "removed"  # this device was removed: what is here can be read
    LEFT = "left"  # the same, and it left by itself
    MEMBER_REMOVED = "member_removed"  # somebody was removed, by another device
    MEMBER_LEFT = "member_left"  # somebody has left, with all their devices
    REMOVED_ELSEWHERE = "removed_elsewhere"  # another has removed it from another circle of this device
    ONE_WORD = "one_word"  # a removal stands on one word, and somebody could second it
    UNDECIDED = "undecided"  # a removal is contested, and undecided
    SUSPENDED = "suspended"  # a device receives nothing of cases until a dispute is decided
    LEAVING = "leaving"  # the same, because it wants to leave and nobody else coordinates
    WANTED = "wanted"  # a coordinator wants a setting to be harsher, which takes the word of another
    QUARANTINED = "quarantined"  # a device wrote what whoever removed it had not seen: held, not shown
    LINKED = "linked"  # a member has linked a further device: told to coordinators, and to their other devices
    KEY_EXPOSED = "key_exposed"  # somebody who coordinated is gone, and may hold the recovery key
    KEY_UNDECIDED = "key_undecided"  # two have replaced the recovery key at once: none speaks
    NAMESAKE = "namesake"  # a new member has a name that passes for another's: is it the same person?


LASTING: Final = frozenset(
    {
        Reason.FUTURE, Reason.FORK, Reason.EQUIVOCATOR, Reason.FEW_BRANCHES_LEFT, Reason.OLDER, Reason.OUTDATED,
        Reason.REMOVAL_AHEAD, Reason.REMOVAL_LAPSED,
        Reason.WAIVED, Reason.REMOVED, Reason.LEFT, Reason.REMOVED_ELSEWHERE, Reason.ONE_WORD, Reason.UNDECIDED,
        Reason.SUSPENDED, Reason.LEAVING,
        Reason.QUARANTINED, Reason.WANTED,
        Reason.KEY_EXPOSED, Reason.KEY_UNDECIDED,
    }
)  # fmt: skip
"""Reasons that are facts. The others report events."""


class Flag(NamedTuple):
    """Something that needs a person's eye: the reason, and the device or case concerned. By itself it blames nobody."""

    reason: Reason
    device: DeviceId  # the author of the entries, or the owner of the codes
    author: str
    case: CaseId | None
    about: tuple[str, ...] = ()  # names: of those whom its author says something about, or of circles
    circle: CircleId = CircleId(NO_ID)

    def __repr__(self) -> str:
        return f"<flag {self.reason.value}>"  # no name


def flag_of_case(circle: OpenCircle, reason: Reason, device: DeviceId, case: int) -> Flag:
    about = circle.replica.held.case_ids.get(case)
    return Flag(reason, device, circle.replica.name(device), about, circle=circle.id)


def flag_of_device(circle: OpenCircle, reason: Reason, device: DeviceId) -> Flag:
    return Flag(reason, device, circle.replica.name(device), None, circle=circle.id)


def encode(flags: Iterable[Flag]) -> bytes:
    """For the circle's own database. That entries are too new is not kept: another build may open it next."""
    kept = (flag for flag in flags if flag.reason is not Reason.TOO_NEW)
    return codec.encode([[flag.reason.value, flag.device, flag.case] for flag in kept])


def decode(circle: OpenCircle, raw: bytes | None) -> list[Flag]:
    """Decode stored flags; unreadable rows are left out: another version may have written them."""
    try:
        rows = codec.decode(raw or b"\x90", _MOST_BYTES, Rule.CAP_KEPT)
    except PeerError:
        return []
    found = []
    for row in rows if isinstance(rows, list) else []:
        match row:
            case [str(reason), bytes(device), (bytes() | None) as case] if reason in set(Reason) - LASTING:
                author, about = circle.replica.name(DeviceId(device)), None if case is None else CaseId(case)
                found.append(Flag(Reason(reason), DeviceId(device), author, about, circle=circle.id))
    return found
