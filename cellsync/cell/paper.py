"""Paper: what the recovery key does, once somebody has typed it.

It acts at once, and outweighs all. So in one step it removes who has to go, disputes what they had struck, and makes
those coordinators who are to go on. (protocol/40-membership.md, rules 6 and 12)
"""

from __future__ import annotations

from collections.abc import Collection

from cellsync.cell.founding import RecoveryKey
from cellsync.core.ids import CaseId, EntryId, MemberId
from cellsync.core.membership import editions, floor, removal, role_change
from cellsync.core.membership.control import Role
from cellsync.core.membership.docket import Sort, sort_of
from cellsync.core.membership.floor import Require
from cellsync.core.membership.label import OUT
from cellsync.core.membership.removal import MOST_DISPUTED, Remove
from cellsync.core.membership.role_change import SetRole
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.stage import Plan
from cellsync.core.wire.operations import SALT_BYTES
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import OpenCircle


async def use(
    circle: OpenCircle, key: RecoveryKey, *, remove: Collection[MemberId] = (), coordinators: Collection[MemberId] = (),
) -> Plan:  # fmt: skip
    """Remove members by the recovery key, whatever they have struck, and make others coordinators.

    Whoever is active then begins a new epoch at once. Raises WrongPaper, Outdated, DiskFull, StorageFailed.
    """
    salt, case = circle.surroundings.entropy, CaseId(circle.id)
    intentions: list[Intention] = []
    if circle.replica.floor < editions.SECOND.number:  # what earlier builds do not understand comes after that
        required = floor.encode(Require(editions.SECOND.number), salt(SALT_BYTES))
        intentions.append(Intention(Kind.REQUIRE, case, *required))
    if remove:
        struck = strikes_by(circle, remove)
        pieces = [struck[at : at + MOST_DISPUTED] for at in range(0, len(struck), MOST_DISPUTED)] or [[]]
        for disputed in pieces:
            said = removal.encode(Remove(tuple(remove), disputed=tuple(disputed)), salt(SALT_BYTES))
            intentions.append(Intention(Kind.REMOVE, case, *said))
    for member in coordinators:
        promoted = role_change.encode(SetRole(member, Role.COORDINATOR), salt(SALT_BYTES))
        intentions.append(Intention(Kind.SET_ROLE, case, *promoted))
    return await circle.write_with_paper(key.secret, intentions)


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
