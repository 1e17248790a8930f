"""Choices: what the members of a circle have chosen together, from all that is held.

Who counts and what stands are two questions. For what is in force now, one decision answers both. For what a removal
may do, the decision of its past says who counts. (protocol/40-membership.md, Settings)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from cellsync.core.ids import DeviceId, EntryId, MemberId
from cellsync.core.membership.charter import Charter
from cellsync.core.membership.circle import Circle
from cellsync.core.membership.control import Role
from cellsync.core.membership.deliberation import Decision
from cellsync.core.membership.settings import SCALES, CircleSettings, Setting, in_force, word


class Harsher(NamedTuple):
    """A value that one member wants."""

    by: MemberId
    value: int


class Choices(NamedTuple):
    """`words`: of each elector, what they say now; nothing, of one who is no active coordinator."""

    in_force: Mapping[Setting, int]
    words: Mapping[MemberId, Mapping[Setting, int]]

    def wanted(self, setting: Setting) -> Harsher | None:
        """The harshest word of a setting, if it is harsher than what is in force: it lacks another."""
        rank = SCALES[setting].index
        said = [Harsher(one, own[setting]) for one, own in self.words.items() if setting in own]
        harshest = max(said, key=lambda one: rank(one.value), default=None)
        now = self.in_force.get(setting)
        return None if harshest is None or (now is not None and rank(harshest.value) <= rank(now)) else harshest


NONE = Choices({}, {})


def choices(
    circle: Circle, charter: Charter, counts: Decision, stands: Decision, unheard: Collection[DeviceId]
) -> Choices:
    """`counts`: says whose words count; `stands`: says which entries are IN. `unheard`: equivocators."""
    if not charter.chosen:
        return NONE
    said: dict[MemberId, dict[EntryId, CircleSettings]] = {member: {} for member in counts.electors}
    papers: dict[DeviceId, dict[EntryId, CircleSettings]] = {key: {} for key in charter.devices(counts.papers)}
    heard = _coordinators(circle, counts, unheard)
    for one in charter.chosen:
        owner = circle.grant(one.author)
        if not stands.is_in(one.entry):
            continue
        if one.author in papers:
            papers[one.author][one.entry] = one.settings
        elif owner is not None and owner.member in heard and owner.member in said:
            said[owner.member][one.entry] = one.settings

    def sees(later: EntryId, earlier: EntryId) -> bool:
        bits = circle.bit(later), circle.bit(earlier)
        return bits[0] is not None and bits[1] is not None and bool(circle.deed(bits[0]).past >> bits[1] & 1)

    words = {
        member: {setting: value for setting in Setting if (value := word(setting, entries, sees)) is not None}
        for member, entries in said.items()
    }
    return Choices(in_force(said, sees, papers.values()), words)


def _coordinators(circle: Circle, decision: Decision, unheard: Collection[DeviceId]) -> set[MemberId]:
    """The members with a device that is active and may speak for them."""
    active = {circle.grants[device].member for device in decision.active if device not in unheard}
    return {member for member in active if decision.roles.get(member) is Role.COORDINATOR}
