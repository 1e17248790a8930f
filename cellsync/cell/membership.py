"""Membership: who belongs to a circle, how that stands, and what this device's member may do about it.

standing    all members with their devices, strikes and quarantine
why         on what it rests
preview     what a removal does and does not do, before anybody decides
settings    what its members have chosen together
remove, set_role, endorse, contest, release, choose, leave
tell        whether who was removed hears of it from this device
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

import trio

from cellsync.cell.choices import ChoiceStanding, CircleChoices
from cellsync.cell.quarantine import SHOWN, OwnPage, OwnWriting, Quarantine, Quarantined
from cellsync.cell.reasons import Decided, Reasons
from cellsync.cell.safekeeping import replacements_by
from cellsync.cell.standing import (
    CircleStanding,
    MemberStanding,
    MissingWords,
    OwnStanding,
    StrikeStanding,
)
from cellsync.core.errors import CellsyncError, InvalidValue, NotFound, NotPermitted
from cellsync.core.history.entry import sequence_of
from cellsync.core.history.holdings import OWN_CASE
from cellsync.core.ids import DeviceId, EntryId, MemberId, SigningSecret
from cellsync.core.membership.control import Role
from cellsync.core.membership.settings import SCALES, CircleSettings, Setting
from cellsync.core.replica.stage import Plan
from cellsync.core.schema.values import moment
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.coordination import Coordination, Deed
from cellsync.ledger.source import OwnHand, Source
from cellsync.node.node import Node


class Roster(NamedTuple):
    """How all stand in one circle."""

    members: list[MemberStanding]
    strikes: list[StrikeStanding]
    quarantine: list[Quarantined]
    own: OwnStanding

    def __repr__(self) -> str:
        return f"<roster of {len(self.members)}>"


class KeptThere(NamedTuple):
    """What a device keeps that is removed: at most all that is here, for nobody can take it back."""

    device: DeviceId
    name: str
    connected: bool
    seen: str | None  # when it was last heard of
    in_step: bool  # whether it is known to hold all that is here


class Preview(NamedTuple):
    """What a removal would do, and what it would not."""

    whom: list[MemberStanding]
    devices: list[KeptThere]
    cases: int
    changes: int  # the most that they may keep
    unaware: tuple[str, ...]  # other devices that are not connected: they hear of it later, and may send until then
    admitted: list[MemberStanding]  # by those who are removed, and who admitted them in turn; they are in the circle
    seconds: MissingWords | None  # whose second word it takes before it cannot be undone; None: nobody can contest it
    last_coordinator: bool  # whether none would be left
    planted: bool  # whether one of them may have others strike from where nobody else had a word (T9)

    def __repr__(self) -> str:
        return f"<preview of a removal of {len(self.whom)}>"


class Departure(NamedTuple):
    """What leaving would do."""

    devices: tuple[str, ...]  # one's own, which leave together
    last_coordinator: bool  # whether no other is left: then it counts only once the recovery key has made one

    def __repr__(self) -> str:
        return f"<leaving with {len(self.devices)}>"


class Membership:
    """Of one circle. Reading needs no right; what one may write raises NotPermitted, FloorTooLow, DiskFull …"""

    def __init__(
        self, circle: OpenCircle, node: Node, secret: SigningSecret, nursery: trio.Nursery,
        check_open: Callable[[], None],
    ) -> None:  # fmt: skip
        self._circle, self._node, self._nursery, self._check_open = circle, node, nursery, check_open
        self._coordination = Coordination(circle, secret)
        self._second_if_due()  # what another one requires may have come while an older build was here

    # --- looking ---------------------------------------------------------------------------------------

    async def roster(self) -> Roster:
        """How all members, removals and devices in quarantine stand."""
        self._check_open()
        async with self._circle.lock:
            standing, quarantine = self._standing(), Quarantine(self._circle)
            return await self._circle.apart(
                lambda: Roster(
                    standing.members(), standing.strikes(), quarantine.by_device(standing.name), standing.own()
                )
            )

    async def check(self, deed: Deed) -> None:
        """Whether this device may do that now, before a person is asked. Raises what that would."""
        self._check_open()
        await self._coordination.check(deed)

    async def own(self) -> OwnStanding:
        """How this device itself stands: what it writes is shown to nobody while it is suspended."""
        self._check_open()
        async with self._circle.lock:
            return await self._circle.apart(self._standing().own)

    async def lacks(self, member: MemberId | None) -> MissingWords | None:
        """What it takes before the word of a coordinator counts; None if it does, or they are none. None: one's own."""
        async with self._circle.lock:
            standing = self._standing()
            return await self._circle.apart(lambda: standing.promotion_lacks(standing.me if member is None else member))

    async def own_writings(self, limit: int = SHOWN, *, before: EntryId | None = None) -> OwnPage:
        """What this device wrote and waits in quarantine, whole: the newest, or the newest before an entry of it. Its
        author may read it and take it along. Raises NotFound."""
        self._check_open()
        async with self._circle.lock:
            return await self._circle.apart(lambda: Quarantine(self._circle).own(limit, before))

    async def own_waiting(self) -> list[EntryId]:
        """The ids of all of these, in the order in which they were written."""
        self._check_open()
        async with self._circle.lock:
            return await self._circle.apart(Quarantine(self._circle).own_entries)

    async def own_writing(self, entry: EntryId) -> OwnWriting:
        """One of these, whole. Raises NotFound."""
        self._check_open()
        async with self._circle.lock:
            return await self._circle.apart(lambda: Quarantine(self._circle).one(entry))

    async def why(self, member: MemberId) -> list[Decided]:
        """Why a member stands as they do: what was done, by which rule, and whose word is missing."""
        self._check_open()
        async with self._circle.lock:
            standing = self._standing()
            return await self._circle.apart(lambda: Reasons(self._circle, standing).of_member(member))

    async def preview(self, members: Collection[MemberId], devices: Collection[DeviceId] = ()) -> Preview:
        """What removing these would do. Raises InvalidValue if this device would go with one of these devices."""
        self._check_open()
        async with self._circle.lock:
            standing = self._standing()
            self._check_stays(standing, devices)
            return await self._circle.apart(lambda: self._preview(standing, members, devices))

    def settings(self) -> list[ChoiceStanding]:
        """What the members have chosen together, who says what, and whose word is missing."""
        self._check_open()
        return CircleChoices(self._circle.replica.choices, self._standing()).all()

    async def confirmed(self, entry: EntryId) -> list[DeviceId]:
        """The other devices that are known to hold an entry: they have told this one, or built on it."""
        async with self._circle.lock:
            known, place = await self._circle.apart(lambda: (set(self._standing().heard(entry)), self._place(entry)))
        if place is not None:
            delivered = self._node.others.delivered
            known |= {device for device in self._circle.others() if delivered.get(device, 0) >= place}
        return sorted(known)

    def _check_stays(self, standing: CircleStanding, devices: Collection[DeviceId]) -> None:
        """Who is removed is listened to by nobody: a removal that hits its own author would reach no one."""
        if self._circle.device in standing.decision.linked_by(devices):
            raise InvalidValue(
                "This device would go with it: it is that one, or was linked by it.",
                hint="A coordinator removes it, or the recovery key; and lets you back with a new vault.",
            )

    def own_devices(self) -> list[DeviceId]:
        """The devices of this device's member that are not removed, in order of arrival."""
        return self._coordination.own_devices()

    def _standing(self) -> CircleStanding:
        return CircleStanding(self._circle, self._coordination)

    def _place(self, entry: EntryId) -> int | None:
        """How many entries this device had written when it wrote this one; None if somebody else did."""
        before = 0
        for chain in reversed(self._circle.own_branches()):
            for row in self._circle.store.standings(chain.number, chain.first, chain.length):
                if row.id == entry:
                    return before + sequence_of(row.slot) - chain.first + 1
            before += chain.length - chain.first + 1
        return None

    def _preview(
        self, standing: CircleStanding, members: Collection[MemberId], devices: Collection[DeviceId]
    ) -> Preview:
        everyone = standing.members()
        owners = {*members, *(owner for device in devices if (owner := standing.owner(device)) is not None)}
        whole = {device for member in members for device in standing.devices_of(member)}
        gone = whole | standing.decision.linked_by(devices)
        left = [device for device in self._circle.others() if device not in gone]
        held = self._circle.replica.held
        coordinators = {one.member for one in everyone if one.role == "coordinator" and one.status != "removed"}
        return Preview(
            [one for one in everyone if one.member in owners],
            [self._kept(standing, device) for device in sorted(gone) if device != self._circle.device],
            sum(1 for number in held.cases.values() if number != OWN_CASE),
            held.counted_entries(),
            tuple(standing.name(device) for device in left if device not in self._node.links),
            [one for one in everyone if one.member in self._admitted(standing, set(members))],
            self._seconds(standing, owners),
            bool(coordinators) and coordinators <= set(members),
            not standing.decision.planters.isdisjoint(members),
        )

    def _kept(self, standing: CircleStanding, device: DeviceId) -> KeptThere:
        seen = self._node.others.seen.get(device)
        return KeptThere(
            device,
            standing.name(device),
            device in self._node.links,
            None if seen is None else moment(seen).isoformat(timespec="seconds"),
            bool(self._node.others.was_in_step(device)),
        )

    def _admitted(self, standing: CircleStanding, members: set[MemberId]) -> set[MemberId]:
        """Who is here through these: whom they admitted, and so on."""
        found, before = set(members), set[MemberId]()
        while found != before:
            before = set(found)
            grants = self._circle.replica.circle.grants.values()
            found |= {grant.member for grant in grants if standing.admitter(grant.member) in before}
        return {one for one in found - members if standing.is_present(one) and one != standing.me}

    def _seconds(self, standing: CircleStanding, owners: set[MemberId]) -> MissingWords | None:
        """Whose second word makes it final: the electors, without those who are removed and this device's member."""
        me = standing.me
        if me is None or owners == {me}:
            return None
        electors = standing.decision.electors
        if not electors & owners:  # nobody whose word counts would contest it
            return None
        able = {one for one in electors - owners - {me} if standing.is_present(one)}
        return MissingWords(1 if me in electors else 2, standing.names(able))

    # --- writing ---------------------------------------------------------------------------------------

    async def remove(
        self, members: Collection[MemberId], devices: Collection[DeviceId] = (), *, with_admitted: bool = False,
        tell: bool = False,
    ) -> EntryId:  # fmt: skip
        """Remove members with all their devices, and single devices; in one entry, at once, also offline.

        `tell`: whether this device tells theirs, as `tell` does. If that is decided before the removal, what they hold
        of the circle's keys stays accepted from them for as long as they are told.

        Raises besides InvalidValue if this device would go with one of these devices, since that linked it.
        """
        self._check_open()
        standing, telling = self._standing(), self._circle.telling
        self._check_stays(standing, devices)
        if members and not devices and not any(map(standing.is_present, members)):
            raise InvalidValue("They are not in the circle any more: nothing was written.", hint="cellsync members")
        taken = set(members) | (self._admitted(standing, set(members)) if with_admitted else set())
        if tell:
            owners = {owner for device in devices if (owner := standing.owner(device)) is not None}
            await self._circle.tell(telling.union(members, owners) - {standing.me})
        try:
            entry = await self._coordination.remove(taken, devices)
        except BaseException:
            if tell:
                with trio.CancelScope(shield=True):
                    await self._circle.tell(telling)
            raise
        self._node.links.wake()
        return entry

    async def set_role(self, member: MemberId, role: Role) -> EntryId:
        """Give a member another role.

        Raises InvalidValue if they have it; NotPermitted also if nobody else coordinates, or this device is suspended:
        what it gave would be undecided.
        """
        self._check_open()
        standing = self._standing()
        if not standing.is_present(member):
            raise InvalidValue("They are not in the circle any more, and have no role.", hint="cellsync members")
        has = standing.decision.roles.get(member)
        if has is role:
            raise InvalidValue("That is the role that they have already.", hint="cellsync members")
        if has is Role.COORDINATOR and standing.coordinators() <= {member}:
            raise NotPermitted(
                "Nobody else coordinates, so it would not count, and suspend them.",
                hint="Another coordinator first: cellsync members role NAME coordinator",
            )
        if standing.is_suspended:
            raise NotPermitted("The word of this device does not count now.", hint="cellsync members")
        is_more = has is None or role > has
        if is_more and standing.returned_by(member) == standing.me and await self._others(member):
            raise NotPermitted(
                "Who comes back after a removal is given more by a second coordinator, not by who admitted them.",
                hint="Another coordinator decides: cellsync members role NAME ROLE",
            )
        return await self._coordination.set_role(member, role)

    async def _others(self, member: MemberId) -> set[MemberId]:
        """The other members who are there and whose word counts."""
        async with self._circle.lock:
            standing = self._standing()
            return {one for one in standing.decision.electors - {member, standing.me} if standing.is_present(one)}

    async def to_endorse(self, member: MemberId) -> list[EntryId]:
        """What about a member lacks a word that this device's member can give: removals and grants, oldest first."""
        async with self._circle.lock:
            return self._to_endorse(self._standing(), member)

    def _to_endorse(self, standing: CircleStanding, member: MemberId) -> list[EntryId]:
        me, decision = standing.me, standing.decision
        if me is None:
            return []
        said = {strike.entry: strike.voters for strike in decision.strikes}
        removals = [
            strike.entry
            for strike in decision.strikes
            if strike.kind == Kind.REMOVE
            and (member in standing.parties(strike) or strike.author == member)
            and strike.label > 0
            and me not in said[strike.entry]
            and me not in standing.parties(strike)
            and (strike.label == 1 or decision.seconds(strike.entry) is not None)
        ]
        promoted = decision.promotion(member) if member in decision.roles else None
        papers = replacements_by(self._circle, standing, member) if member != me else []
        return [*removals, *papers, *(promoted.entries if promoted is not None and me in promoted.missing else ())]

    def said(self, entry: EntryId) -> str:
        """What an entry does, in words. Raises NotFound."""
        try:
            return Reasons(self._circle, self._standing()).said(entry)
        except KeyError:
            raise NotFound("There is no such entry here.") from None

    async def endorse(self, entries: Collection[EntryId]) -> EntryId:
        """Agree to what others have decided. Ask a person first: to have seen it is not to agree."""
        self._check_open()
        return await self._coordination.endorse(entries)

    async def to_contest(self) -> list[StrikeStanding]:
        """The removals by others that stand or are undecided, the newest first."""
        async with self._circle.lock:
            strikes = await self._circle.apart(self._standing().strikes)
        return [
            one
            for one in reversed(strikes)
            if one.kind == "remove" and one.state != "void" and not one.by_me and one.by
        ]

    def hearers(self) -> list[str] | None:
        """Who hears what this device's member answers to their removal: those whose devices have told this one. None if
        it is not removed: everybody does."""
        if not self._circle.is_removed:
            return None
        return sorted({self._circle.replica.name(device) for device in self._circle.hearsay.tellers})

    async def contest(self, removal: EntryId) -> EntryId:
        """Answer a removal: remove its author, and dispute it.

        From whom it hits, as many words are enough to make it undecided: both authors are suspended then, until another
        coordinator or the recovery key has spoken. From anybody else it takes more words than it has (rule 6), and both
        stay removed until then.

        Raises NotFound, or NotPermitted if it is one's own.
        """
        self._check_open()
        standing = self._standing()
        strike = next((one for one in standing.decision.strikes if one.entry == removal), None)
        if strike is None or strike.kind != Kind.REMOVE:
            raise NotFound("There is no such removal here.", hint="cellsync members")
        if strike.author is None:
            raise NotPermitted("The recovery key removed them: nobody outweighs it.", hint="Ask whoever keeps it.")
        if strike.author == standing.me:
            raise NotPermitted("That removal is your own.", hint="Only who disagrees contests it. Invite them anew.")
        entry = await self._coordination.remove([strike.author], disputes=[removal])
        self._node.links.wake()
        return entry

    async def release(self, device: DeviceId | None = None, entries: Collection[EntryId] = ()) -> EntryId:
        """Show what is in quarantine: all that is here of a device, or these entries. Raises NotFound."""
        self._check_open()
        async with self._circle.lock:
            standing, quarantine = self._standing(), Quarantine(self._circle)
            held = await self._circle.apart(lambda: quarantine.by_device(standing.name))
        found = next((one for one in held if one.device == device), None)
        there = {entry for one in held for entry in one.entries}
        if (device is not None and found is None) or not there.issuperset(entries) or not (found or entries):
            raise NotFound("That is not in quarantine here.", hint="cellsync quarantine list")
        heads = () if found is None or entries else found.heads
        return await self._coordination.release(entries, heads)

    async def choose(self, setting: Setting, value: int) -> EntryId:
        """Say what the members are to choose together. Harsher than before it takes a second coordinator's word.

        Raises InvalidValue for a value that the setting does not have.
        """
        self._check_open()
        if value not in SCALES[setting]:
            raise InvalidValue("That setting does not have this value.", hint="cellsync settings set --help")
        entry = await self._coordination.choose(CircleSettings({setting: value}))
        self._node.links.wake()
        return entry

    async def tell(self, member: MemberId, *, told: bool = True) -> None:
        """Have this device tell those of a member's devices that were removed, when they call, or no more.

        They learn of the removal, and that this device is here. It is this device's own decision; others do not hear
        of it. Raises InvalidValue for oneself.
        """
        self._check_open()
        if member == self._standing().me:
            raise InvalidValue("This device knows how it stands.", hint="cellsync members")
        telling = self._circle.telling
        await self._circle.tell(telling | {member} if told else telling - {member})

    async def require(self) -> bool:
        """Require that nobody uses this circle with a build that does not understand removals. It takes two
        coordinators, if there are several; whether it is so now."""
        self._check_open()
        return await self._coordination.require()

    async def leaving(self) -> Departure:
        """What leaving would do. Raises as `leave`."""
        await self.check("leave")
        async with self._circle.lock:
            standing = self._standing()
            await self._circle.apart(lambda: _check_leaves(standing))
            coordinates = standing.me is not None and standing.decision.roles.get(standing.me) is Role.COORDINATOR
            own = tuple(map(self._circle.replica.name, self.own_devices()))
            return Departure(own, coordinates and standing.coordinators() <= {standing.me})

    async def leave(self) -> EntryId:
        """Leave the circle with all devices. What is here stays here, and can be read.

        Raises NotPermitted if this device does not belong to it any more, its member has said so already, or nobody
        else is in it.
        """
        self._check_open()
        await self.check("leave")
        async with self._circle.lock:
            standing = self._standing()
            await self._circle.apart(lambda: _check_leaves(standing))
        entry = await self._coordination.leave()
        self._node.links.wake()
        return entry

    # --- by itself -------------------------------------------------------------------------------------

    def committed(self, plan: Plan, source: Source) -> None:
        """Called by the circle after every step: a coordinator's device seconds the floor that another one requires."""
        if plan.controls and not isinstance(source, OwnHand):
            self._second_if_due()

    def _second_if_due(self) -> None:
        if self._coordination.is_seconding_due:
            self._nursery.start_soon(self._second)

    async def _second(self) -> None:
        try:
            await self._coordination.second_the_floor()
        except CellsyncError:
            return  # a full disk, say: it is tried again with the next step


def _check_leaves(standing: CircleStanding) -> None:
    if standing.own_leaving() is not None:
        raise NotPermitted(
            "You have said already that you want to leave.",
            hint="It counts once the recovery key has made another coordinator: cellsync recovery use",
        )
    if not any(standing.is_present(one) for one in standing.known_members() if one != standing.me):
        raise NotPermitted(
            "Nobody else is in this circle: there is nobody to leave.",
            hint="What is here stays here until its folder is destroyed.",
        )
