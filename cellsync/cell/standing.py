"""Standing: how the members of a circle and their devices stand, as shown to people.

All of it follows from what is held (protocol/40-membership.md), but for who was here lately. What a decision rests on
is in `reasons`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

from cellsync.cell.member import FormerMember
from cellsync.core.history.entry import Entry, chain_of, slot_of
from cellsync.core.ids import DeviceId, EntryId, MemberId, Millis, day_of
from cellsync.core.membership.control import Role
from cellsync.core.membership.deeds import REMOVALS, Bit
from cellsync.core.membership.deliberation import Decision
from cellsync.core.membership.epochs import attested_day
from cellsync.core.membership.grounds import Ground
from cellsync.core.membership.label import OUT, UNDECIDED
from cellsync.core.membership.standing import DeviceStatus
from cellsync.core.membership.strikes import Strike
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.coordination import Coordination

QUIET: Final = 7  # days without a control entry after which a coordinator is silent (trade-off T1)
Status = Literal["active", "suspended", "removed"]
OwnStatus = Literal["waiting", "active", "suspended", "removed"]  # waiting: its admission has not arrived


class MissingWords(NamedTuple):
    """Words that are missing: so many of these members', or that of the recovery key."""

    words: int
    of: tuple[str, ...]


class OwnedDevice(NamedTuple):
    """A device of a member."""

    device: DeviceId
    name: str
    status: Status
    is_me: bool

    def __repr__(self) -> str:
        return f"<device {self.device.hex()[:8]}, {self.status}>"  # no name


class MemberStanding(NamedTuple):
    """A member, past or present."""

    member: MemberId
    name: str
    role: str | None  # "coordinator", "writer", "reader"; None: there is none that counts, or they are removed
    last_role: str | None  # of one who is removed: what they were
    devices: tuple[OwnedDevice, ...]
    is_me: bool
    admitted_by: str | None
    counts: bool  # whether their word weighs: an elector
    lacks: MissingWords | None  # of a coordinator whose word does not weigh: what it takes
    silent: int | None  # of a coordinator: days without a sign, if it is more than a week
    requires: bool  # of a coordinator: whether the edition that knows removals does not wait for their word

    def __repr__(self) -> str:
        return f"<member {self.member.hex()[:8]}, {self.role}>"  # no name

    @property
    def status(self) -> Status:
        """The best of their devices."""
        held = {device.status for device in self.devices}
        return "active" if "active" in held else "suspended" if "suspended" in held else "removed"


class StrikeStanding(NamedTuple):
    """Somebody removed others, left, or took a role, and how that stands."""

    entry: EntryId
    kind: Literal["remove", "leave", "demote"]
    state: Literal["stands", "undecided", "void"]
    by: str  # "": with the recovery key
    by_me: bool
    hits_me: bool
    whom: tuple[str, ...]
    members: frozenset[MemberId]  # whom it hits, if only with one device
    at: Millis | None  # when, as its author's clock says; None: it was told, and is not held
    voters: tuple[str, ...]
    lacks: MissingWords | None  # of one that stands on one word
    final: bool
    heard: tuple[DeviceId, ...]  # other devices that are known to hold it

    def __repr__(self) -> str:
        return f"<{self.kind} {self.entry.hex()[:8]}, {self.state}>"  # no names


class OwnStanding(NamedTuple):
    """How this device itself stands in a circle."""

    status: OwnStatus
    role: str | None  # also of one that is suspended
    removal: StrikeStanding | None  # what removed it, if something did; or its leaving, which is held back (rule 11)
    settles: MissingWords | None  # whose words would decide the dispute, if it is suspended
    paper: bool  # whether the recovery key would
    listed: bool = False  # suspended by what it was told and does not hold: here what it writes is listed until then

    def __repr__(self) -> str:
        return f"<own standing: {self.status}>"  # no names


_STATES: Final[dict[int, Literal["undecided", "void"]]] = {OUT: "void", UNDECIDED: "undecided"}
_STATUSES: Final[dict[DeviceStatus, Status]] = {
    DeviceStatus.ACTIVE: "active", DeviceStatus.SUSPENDED: "suspended", DeviceStatus.REMOVED: "removed",
}  # fmt: skip
_KINDS: Final[dict[Kind, Literal["remove", "leave", "demote"]]] = {
    Kind.REMOVE: "remove",
    Kind.LEAVE: "leave",
    Kind.SET_ROLE: "demote",
}


class CircleStanding:
    """How all stand in one circle at this moment. Made anew for each question.

    `decision`: what would be decided after a step that is only planned, in place of what is decided now.
    """

    def __init__(self, circle: OpenCircle, coordination: Coordination, decision: Decision | None = None) -> None:
        self._circle = circle
        self._coordination = coordination
        self._known = circle.shown.circle
        self.decision: Decision = decision or circle.shown.court.ruling.decision

    # --- names ---------------------------------------------------------------------------------------

    def name(self, member: MemberId | DeviceId) -> str:
        return self._known.name(DeviceId(member))

    def owner(self, device: DeviceId) -> MemberId | None:
        grant = self._known.grant(device)
        return None if grant is None else grant.member

    @property
    def me(self) -> MemberId | None:
        return self.owner(self._circle.device)

    def names(self, members: Iterable[MemberId]) -> tuple[str, ...]:
        return tuple(sorted(map(self.name, members)))

    def lacking(self, ground: Ground | None) -> MissingWords | None:
        """Whose words a ground says are missing, of those who can still say something."""
        if ground is None:
            return None
        able = [member for member in ground.missing if self.is_present(member)]
        return MissingWords(ground.words, self.names(able))

    def is_present(self, member: MemberId) -> bool:
        """Whether a member has a device that is not removed."""
        statuses = self.decision.statuses
        return any(statuses.get(device) is not DeviceStatus.REMOVED for device in self.devices_of(member))

    @property
    def is_suspended(self) -> bool:
        """Whether this device is."""
        return self.decision.statuses.get(self._circle.device) is DeviceStatus.SUSPENDED

    def coordinators(self) -> set[MemberId | None]:
        """Who coordinates, with a device that is active."""
        return {self.owner(device) for device in self._coordination.coordinators()}

    def devices_of(self, member: MemberId) -> list[DeviceId]:
        return [device for device, grant in self._known.grants.items() if grant.member == member]

    # --- members -------------------------------------------------------------------------------------

    def members(self) -> list[MemberStanding]:
        """How everyone stands who was ever a member, in order of arrival."""
        seen = self.known_members()
        silent, unsaid = self._silent(), self._coordination.silent_on_the_floor()
        return [self._member(member, silent.get(member), member not in unsaid) for member in seen]

    def known_members(self) -> list[MemberId]:
        """Everyone who was ever a member, in order of arrival."""
        return list(dict.fromkeys(grant.member for grant in self._known.grants.values()))

    def _member(self, member: MemberId, silent: int | None, requires: bool) -> MemberStanding:
        role, statuses = self.decision.roles.get(member), self.decision.statuses
        devices = tuple(
            OwnedDevice(device, self.name(device), _STATUSES[status], device == self._circle.device)
            for device in self.devices_of(member)
            if (status := statuses.get(device)) is not None
        )
        coordinates = role is Role.COORDINATOR and self.is_present(member)
        return MemberStanding(
            member,
            self.name(member),
            None if role is None or not self.is_present(member) else role.name.lower(),
            None if role is None or self.is_present(member) else role.name.lower(),
            devices,
            member == self.me,
            self._admitted_by(member),
            member in self.decision.electors,
            self.promotion_lacks(member),
            silent if coordinates else None,
            requires if coordinates else False,
        )

    def promotion_lacks(self, member: MemberId | None) -> MissingWords | None:
        """What it takes before the word of a coordinator counts; None if it does, or they are none."""
        if member is None or not self.is_present(member) or self.decision.roles.get(member) is not Role.COORDINATOR:
            return None
        return self.lacking(self.decision.promotion(member))

    def _admitted_by(self, member: MemberId) -> str | None:
        author = self.admitter(member)
        return None if author is None else self.name(author)

    def admitter(self, member: MemberId) -> MemberId | None:
        """Who admitted a member; None for the founder, and for whom a recovery key admitted."""
        grant = self._known.grant(DeviceId(member))
        author = None if grant is None else self._known.deed(Bit(grant.bit)).device
        owner = None if author is None else self.owner(author)
        return None if owner == member else owner

    def _silent(self) -> dict[MemberId, int]:
        """Coordinators whose newest control entry is dated more than a week before the day that others attest."""
        newest: dict[MemberId, Millis] = {}
        for entry in self._controls():
            owner = self.owner(self._circle.replica.held.chains[chain_of(entry.slot)].device)
            for member in (owner, MemberId(entry.id) if entry.kind == Kind.ADMIT else None):  # at first, as of then
                if member is not None:
                    newest[member] = Millis(max(newest.get(member, Millis(0)), entry.clock))
        dated = list(self._dated())
        coordinators = {self.owner(device) for device in self._coordination.coordinators()} - {None, self.me}
        found: dict[MemberId, int] = {}
        for owner in coordinators:
            today = None if owner is None else attested_day(dated, owner)
            if owner is not None and today is not None and today - day_of(newest[owner]) > QUIET:
                found[owner] = today - day_of(newest[owner])
        return found

    def _dated(self) -> Iterator[tuple[MemberId, Millis]]:
        """The newest entry of each branch that counts: whose it is, and its date."""
        held, store = self._circle.replica.held, self._circle.store
        for chain in held.chains.values():
            last, owner = held.counted_end(chain), self.owner(chain.device)
            entry = store.entry_at(slot_of(chain.number, last)) if last >= chain.first else None
            if entry is not None and owner is not None and self._known.is_active(chain.device):
                yield owner, Millis(entry.clock)

    def _controls(self) -> Iterator[Entry]:
        replica = self._circle.replica
        return replica.held.controls(self._circle.store, replica.circle.edition.known)

    # --- strikes -------------------------------------------------------------------------------------

    def strikes(self) -> list[StrikeStanding]:
        """Removals, leaves and demotions, in order of arrival."""
        return [self._strike(strike) for strike in self.decision.strikes]

    def _strike(self, strike: Strike) -> StrikeStanding:
        settled = strike.kind != Kind.REMOVE or strike.author in self.parties(strike)
        lacks = None if settled else self.lacking(self.decision.seconds(strike.entry))
        return StrikeStanding(
            strike.entry,
            _KINDS[strike.kind],
            _STATES.get(strike.label, "stands"),
            "" if strike.author is None else self.name(strike.author),
            strike.author is not None and strike.author == self.me,
            self.me in self.parties(strike),
            tuple(sorted(map(self.name, {*map(DeviceId, strike.members), *strike.devices}))),
            self.parties(strike),
            self._dated_at(strike.entry),
            self.names(strike.voters),
            lacks,
            strike.kind == Kind.REMOVE and strike.label > UNDECIDED and self.decision.is_final(strike.entry),
            tuple(self.heard(strike.entry)),
        )

    def _dated_at(self, entry: EntryId) -> Millis | None:
        """When an entry was written, as its author's clock says; None if it is not held."""
        replica = self._circle.replica
        bit = replica.circle.bit(entry)
        held = None if bit is None else self._circle.store.entry_at(replica.court.slots[bit])
        return None if held is None else Millis(held.clock)

    def parties(self, strike: Strike) -> frozenset[MemberId]:
        owners = (self.owner(device) for device in strike.devices)
        return strike.members | {owner for owner in owners if owner is not None}

    def heard(self, entry: EntryId) -> Iterator[DeviceId]:
        """The other devices of which something is here that saw an entry."""
        bit, pasts = self._known.bit(entry), self._known.pasts
        author = None if bit is None else self._known.deed(bit).device
        for device in self._known.grants:
            branches = self._circle.shown.held.of_device(device)
            seen = bit is not None and any(pasts.has(one.past, bit) for one in branches)
            if seen and device not in (self._circle.device, author):
                yield device

    def former(self, name: str) -> tuple[FormerMember, ...]:
        """Who was a member under a name that could be taken for this one, and is none any more."""
        owners = dict.fromkeys(self.owner(device) for device in self._known.names.like(name))
        found = []
        for member in owners:
            strikes = [] if member is None or self.is_present(member) else self.removals_of(member)
            found += [FormerMember(self.name(member), one.by, one.kind == "leave") for one in strikes[-1:] if member]
        return tuple(found)

    def removals_of(self, member: MemberId) -> list[StrikeStanding]:
        """What removed a member with all devices, and stands; in order of arrival."""
        hit = [strike for strike in self.decision.strikes if member in strike.members and strike.kind in REMOVALS]
        return [self._strike(strike) for strike in hit if strike.label > UNDECIDED]

    def returned_by(self, member: MemberId) -> MemberId | None:
        """Who admitted a member that came back after a removal: as a reader, under a name that passes for that of
        somebody who was removed before."""
        grant = self._known.grant(DeviceId(member))
        deed = None if grant is None else self._known.deed(Bit(grant.bit))
        if grant is None or deed is None or deed.role is not Role.READER:
            return None
        alike = {self.owner(device) for device in self._known.names.like(grant.name)} - {member}
        seen = (
            strike.entry
            for strike in self.decision.strikes
            if strike.kind == Kind.REMOVE and strike.label > UNDECIDED and strike.members & alike
        )
        saw = any((bit := self._known.bit(entry)) is not None and deed.past >> bit & 1 for entry in seen)
        return self.admitter(member) if saw else None

    def own(self) -> OwnStanding:
        """How this device stands."""
        status = self.decision.statuses.get(self._circle.device)
        if status is None:
            return OwnStanding("waiting", None, None, None, False)
        role = None if self.me is None else self.decision.roles.get(self.me)
        shown = _STATUSES[status]
        removal = self.own_removal() if shown == "removed" else self.own_leaving() if shown == "suspended" else None
        open_ = list(self._open_about_me()) if shown == "suspended" else []
        missing = {member for ground in open_ for member in ground.missing if self.is_present(member)}
        settles = MissingWords(max((ground.words for ground in open_), default=1), self.names(missing))
        given = role or self._circle.shown.circle.granted(self._circle.device)
        return OwnStanding(
            shown,
            None if given is None or shown == "removed" else given.name.lower(),
            removal,
            settles if shown == "suspended" else None,
            any(ground.paper for ground in open_),
            shown == "suspended" and self._circle.replica.circle.current_role(self._circle.device) is not None,
        )

    def _open_about_me(self) -> Iterator[Ground]:
        """Why this device is suspended: what is undecided of what introduced it, hit it, or is by its member."""
        entries = [EntryId(self._circle.device)]
        for strike in self.decision.strikes:
            if self.me in self.parties(strike) or (strike.author is not None and strike.author == self.me):
                entries.append(strike.entry)
        for entry in entries:
            if self.decision.label(entry) == UNDECIDED:
                yield from (ground for ground in self.decision.grounds(entry) if ground.label == UNDECIDED)

    def own_leaving(self) -> StrikeStanding | None:
        """What this device's member has left by, if it does not count yet."""
        held_back = (one for one in self.decision.strikes if one.kind == Kind.LEAVE and one.label == UNDECIDED)
        return next((self._strike(one) for one in held_back if one.author == self.me), None)

    def own_removal(self) -> StrikeStanding | None:
        """What removed this device, if it is removed: the newest of several."""
        return next(
            (strike for strike in reversed(self.strikes_at(self._circle.device)) if strike.state == "stands"), None
        )

    def strikes_at(self, device: DeviceId) -> list[StrikeStanding]:
        """The removals that hit a device, or its member."""
        owner = self.owner(device)
        hit = [
            s
            for s in self.decision.strikes
            if s.kind != Kind.SET_ROLE and (owner in s.members or device in self.decision.linked_by(s.devices))
        ]
        return [self._strike(strike) for strike in hit]
