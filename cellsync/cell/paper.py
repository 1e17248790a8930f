"""Paper: what the recovery key does, once somebody has typed it.

It acts at once, and outweighs all. So in one step it removes who has to go, disputes what they had struck, makes those
coordinators who are to go on, and agrees to what others have decided. (protocol/40-membership.md, rules 6 and 12)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, NamedTuple

from cellsync.core.errors import InvalidValue
from cellsync.core.ids import CaseId, EntryId, MemberId
from cellsync.core.membership import editions
from cellsync.core.membership.control import Role
from cellsync.core.membership.docket import Sort, sort_of
from cellsync.core.membership.endorsement import MOST_ENDORSED, Endorse
from cellsync.core.membership.floor import Require
from cellsync.core.membership.label import OUT
from cellsync.core.membership.removal import MOST_DISPUTED, MOST_TARGETS, Remove
from cellsync.core.membership.role_change import SetRole
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.stage import Plan
from cellsync.core.wire.operations import SALT_BYTES
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import OpenCircle

if TYPE_CHECKING:
    from cellsync.cell.founding import RecoveryKey


class Orders(NamedTuple):
    """What whoever has the recovery key orders, all of it at once."""

    remove: Collection[MemberId] = ()  # with all their devices, whatever they have struck
    coordinators: Collection[MemberId] = ()  # who are made coordinators
    endorse: Collection[EntryId] = ()  # removals and grants of others

    @property
    def any(self) -> bool:
        return bool(self.remove or self.coordinators or self.endorse)


async def use(
    circle: OpenCircle, key: RecoveryKey, *, remove: Collection[MemberId] = (), coordinators: Collection[MemberId] = (),
    endorse: Collection[EntryId] = (),
) -> Plan:  # fmt: skip
    """Remove members by the recovery key, whatever they have struck; make others coordinators; agree to entries.

    Whoever is active then begins a new epoch at once. Raises InvalidValue, WrongPaper, Outdated, DiskFull,
    StorageFailed.
    """
    orders = Orders(remove, coordinators, endorse)
    return await circle.write_with_paper(key.secret, list(intentions(circle, orders)))


def intentions(circle: OpenCircle, orders: Orders) -> Iterator[Intention]:
    """The entries that carry out orders. Raises InvalidValue."""
    if len(orders.remove) > MOST_TARGETS or len(orders.endorse) > MOST_ENDORSED:
        raise InvalidValue(f"at most {MOST_TARGETS} at once")
    if set(orders.remove) & set(orders.coordinators):
        raise InvalidValue("The same person cannot be removed and be made a coordinator.")
    if circle.replica.floor < editions.SECOND.number:  # what earlier builds do not understand comes after that
        yield intention(circle, Kind.REQUIRE, Require(editions.SECOND.number))
    if orders.remove:
        struck = strikes_by(circle, orders.remove)
        for disputed in [struck[at : at + MOST_DISPUTED] for at in range(0, len(struck), MOST_DISPUTED)] or [[]]:
            yield intention(circle, Kind.REMOVE, Remove(tuple(orders.remove), disputed=tuple(disputed)))
    for member in orders.coordinators:
        yield intention(circle, Kind.SET_ROLE, SetRole(member, Role.COORDINATOR))
    if orders.endorse:
        yield intention(circle, Kind.ENDORSE, Endorse(tuple(orders.endorse)))


def strikes_by(circle: OpenCircle, members: Collection[MemberId]) -> list[EntryId]:
    """What these members have struck with, as far as it is not OUT; ascending."""
    who, decision = circle.replica.circle, circle.replica.court.ruling.decision
    found: list[EntryId] = []
    for deed in circle.replica.court.deeds():
        author = None if deed.device is None else who.grant(deed.device)
        is_theirs = author is not None and author.member in members
        if is_theirs and sort_of(deed) is Sort.STRIKE and decision.label(deed.id) != OUT:
            found.append(deed.id)
    return sorted(found)


def intention(circle: OpenCircle, kind: Kind, operation: object) -> Intention:
    """One entry, with a fresh salt."""
    encode = editions.SECOND.kinds[kind].encode
    return Intention(kind, CaseId(circle.id), *encode(operation, circle.surroundings.entropy(SALT_BYTES)))
