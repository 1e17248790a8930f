"""Coordination: what this device writes about who belongs to a circle, and with which role.

Builds of edition 1 carry these kinds without understanding them, so they are written only where the floor is 2
(protocol/40-membership.md). A coordinator's device requires that by itself. Where another coordinator has to say it as
well, nothing else is written, and `FloorTooLow` says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Final, Literal

from cellsync.core import caps
from cellsync.core.errors import CircleFull, FloorTooLow, InvalidValue, NotPermitted, TooManyDevices
from cellsync.core.ids import CaseId, DeviceId, EntryId, MemberId, SigningSecret
from cellsync.core.membership import editions
from cellsync.core.membership.control import DeviceKeys, Role
from cellsync.core.membership.deliberation import Decision
from cellsync.core.membership.endorsement import Endorse
from cellsync.core.membership.floor import Require
from cellsync.core.membership.link import LinkDevice
from cellsync.core.membership.recovery import Recovery
from cellsync.core.membership.release import MOST_HEADS, MOST_RELEASED, Release
from cellsync.core.membership.removal import MOST_DISPUTED, MOST_TARGETS, Leave, Remove
from cellsync.core.membership.role_change import SetRole
from cellsync.core.membership.settings import CircleSettings
from cellsync.core.membership.standing import DeviceStatus
from cellsync.core.replica.planner import Intention
from cellsync.core.wire.operations import SALT_BYTES
from cellsync.core.wire.tags import Kind
from cellsync.ledger import duty
from cellsync.ledger.circle import OpenCircle

Deed = Literal["leave", "endorse", "contest", "link", "recovery.replace"]
"""What a person is asked about before it is written."""
_NOT_THERE: Final = "This device does not belong to the circle any more."
SECOND: Final = editions.SECOND.number
"""The edition that understands what is written here."""


class Coordination:
    """Of one circle; entries are signed with `secret`. Every method returns when its entry is durable here.

    All raise NotPermitted, FloorTooLow, Outdated, OutOfBranches, DiskFull or StorageFailed; nothing is written then.
    """

    def __init__(self, circle: OpenCircle, secret: SigningSecret) -> None:
        self._circle = circle
        self._secret = secret

    # --- what is written -----------------------------------------------------------------------------

    async def remove(
        self, members: Collection[MemberId], devices: Collection[DeviceId] = (), *,
        disputes: Iterable[EntryId] = (),
    ) -> EntryId:  # fmt: skip
        """Remove members with all their devices, and single devices, in one entry.

        It answers by itself what they have written against this device's member, and what is undecided; `disputes`
        names what it answers besides. A new epoch begins with it, which those who are removed do not come into.
        """
        if not members and not devices:
            raise InvalidValue("nobody was named to be removed")
        if len(members) + len(devices) > MOST_TARGETS:
            raise InvalidValue(f"one entry removes at most {MOST_TARGETS} devices or members")
        if {*map(bytes, members)} & {*map(bytes, devices)}:
            raise InvalidValue("a member with all devices, or only the first of them: not both")
        async with self._circle.lock:
            if {self._member} != {*members, *map(self._owner, devices)}:
                self._check_coordinator("Only coordinators remove others.")
            answered = self._decision.answered(members, devices, self._member)
            disputed = tuple(dict.fromkeys([*disputes, *answered]))[:MOST_DISPUTED]
            removed = Remove((*members, *devices), tuple(devices), disputed)
            if not self._circle.replica.circle.is_active(self._circle.device):
                return await self._write(Kind.REMOVE, removed)  # who is not in the circle begins no epoch of it
            begun, states = duty.begin_epoch(self._circle, self._struck(members, devices))
            entry = await self._write(Kind.REMOVE, removed._replace(rotation=begun))
            await duty.entrust(self._circle, entry, states)
            return entry

    async def set_role(self, member: MemberId, role: Role) -> EntryId:
        """Give a member another role, a greater or a lesser one."""
        async with self._circle.lock:
            self._check_coordinator("Only coordinators change roles.")
            return await self._write(Kind.SET_ROLE, SetRole(member, role))

    async def endorse(self, entries: Collection[EntryId]) -> EntryId:
        """Vote for what others wrote."""
        async with self._circle.lock:
            self._check_coordinator("Only the word of a coordinator counts.")
            return await self._write(Kind.ENDORSE, Endorse(tuple(entries)))

    async def release(self, entries: Collection[EntryId], heads: Collection[EntryId] = ()) -> EntryId:
        """Take case entries out of quarantine: these, and each head with all that is before it in its chain."""
        if len(entries) > MOST_RELEASED or len(heads) > MOST_HEADS or not (entries or heads):
            raise InvalidValue(f"one release names 1 to {MOST_RELEASED} entries, or all of a device")
        async with self._circle.lock:
            self._check_coordinator("Only coordinators release what is in quarantine.")
            return await self._write(Kind.RELEASE, Release(tuple(entries), tuple(heads)))

    async def replace_paper(self, replacing: Recovery, *, with_words: bool) -> EntryId:
        """Bring in a recovery key in place of others, and begin an epoch that is sealed to it as soon as it speaks.

        `with_words`: the others have not signed it, so it takes the words of two coordinators (rule 12).
        """
        async with self._circle.lock:
            if with_words:
                self._check_coordinator("Only coordinators replace a recovery key that is lost.")
            entry = await self._write(Kind.RECOVERY, replacing)
        if entry in self._decision.papers:
            await duty.begin_at_once(self._circle, self._secret)
        return entry

    async def leave(self) -> EntryId:
        """Leave the circle, with all devices of this member."""
        async with self._circle.lock:
            return await self._write(Kind.LEAVE, Leave())

    async def choose(self, chosen: CircleSettings) -> EntryId:
        """Say what the members are to choose together: this member's word, in place of what it was about these."""
        async with self._circle.lock:
            self._check_coordinator("Only coordinators choose for a circle.")
            if not self._circle.replica.circle.is_active(self._circle.device):
                raise NotPermitted("The word of this device does not count now.", hint="cellsync members")
            return await self._write(Kind.SETTINGS, chosen)

    # --- further devices -----------------------------------------------------------------------------

    async def prepare_link(self) -> None:
        """See to it that this device may link another one of its member's, before anybody is shown a code.

        Raises besides TooManyDevices and CircleFull.
        """
        async with self._circle.lock:
            self._check_room()
            await self._reach_floor()

    async def link(self, keys: DeviceKeys, name: str) -> DeviceId:
        """Bring in one more device of this device's member; the device's id. It needs no coordinator.

        Raises besides TooManyDevices, and as `OpenCircle.check_newcomer`.
        """
        async with self._circle.lock:
            self._check_room()
            self._circle.check_newcomer(keys)
            return DeviceId(await self._write(Kind.LINK, LinkDevice(keys, name)))

    def own_devices(self) -> list[DeviceId]:
        """The devices of this device's member that are not removed, in order of arrival."""
        heard = self._circle.replica.circle.heard()
        return [one.device for one in heard if one.member == self._member_or_none]

    def _check_room(self) -> None:
        if not self._circle.replica.circle.is_active(self._circle.device):
            raise NotPermitted("A device that is not active in the circle links no other.", hint="cellsync members")
        if len(self.own_devices()) >= caps.DEVICES_PER_MEMBER:
            raise TooManyDevices
        if self._circle.replica.circle.is_full:
            raise CircleFull

    def _struck(self, members: Collection[MemberId], devices: Collection[DeviceId]) -> set[DeviceId]:
        """The active devices that a removal hits: of these members, and these with all that they linked."""
        active = [one.device for one in self._circle.replica.circle.active()]
        linked = self._decision.linked_by(devices)
        return {device for device in active if self._owner(device) in members or device in linked}

    # --- the floor -----------------------------------------------------------------------------------

    async def require(self) -> bool:
        """Require this edition; whether that is the floor now."""
        async with self._circle.lock:
            self._check_coordinator("Only coordinators require anything of this circle.")
            with suppress(FloorTooLow):
                await self._reach_floor()
            return self._circle.replica.floor >= SECOND

    async def second_the_floor(self) -> bool:
        """Require this edition as well, if another coordinator does and this device's member is one: else nobody could
        remove anybody. Whether it was written."""
        async with self._circle.lock:
            if not self.is_seconding_due:
                return False
            await self._require()
            return True

    @property
    def is_seconding_due(self) -> bool:
        replica = self._circle.replica
        others = [device for device in self.coordinators() if self._owner(device) != self._member_or_none]
        return (
            replica.floor < SECOND <= replica.circle.edition.number
            and replica.circle.current_role(self._circle.device) is Role.COORDINATOR
            and replica.requires(self._circle.device) < SECOND
            and any(replica.requires(device) >= SECOND for device in others)
        )

    def coordinators(self) -> list[DeviceId]:
        """The active devices of coordinators."""
        circle = self._circle.replica.circle
        return [one.device for one in circle.active() if circle.current_role(one.device) is Role.COORDINATOR]

    def silent_on_the_floor(self) -> set[MemberId]:
        """The coordinators who have not required this edition yet, while it is not the floor: then nobody needs to."""
        replica = self._circle.replica
        if replica.floor >= SECOND:
            return set()
        owners = {device: self._owner(device) for device in self.coordinators()}
        said = {owner for device, owner in owners.items() if replica.requires(device) >= SECOND}
        return {owner for owner in owners.values() if owner is not None} - said

    async def _reach_floor(self) -> None:
        """Raises FloorTooLow."""
        replica = self._circle.replica
        if replica.floor >= SECOND:
            return
        knows = replica.circle.edition.number >= SECOND  # nobody requires more than their own build is
        if knows and self._is_coordinator and replica.requires(self._circle.device) < SECOND:
            await self._require()
        if replica.floor < SECOND:
            raise FloorTooLow

    async def _require(self) -> None:
        await self._circle.write_locked(self._secret, [self._intention(Kind.REQUIRE, Require(SECOND))])

    # --- how -----------------------------------------------------------------------------------------

    async def _write(self, kind: Kind, operation: object) -> EntryId:
        await self._reach_floor()
        plan = await self._circle.write_locked(self._secret, [self._intention(kind, operation)])
        return plan.commit.entries[0].id

    def _intention(self, kind: Kind, operation: object) -> Intention:
        encode = self._circle.replica.circle.edition.kinds[kind].encode
        shape, content = encode(operation, self._circle.surroundings.entropy(SALT_BYTES))
        return Intention(kind, CaseId(self._circle.id), shape, content)

    async def check(self, deed: Deed) -> None:
        """Check what is known before it is done: the right to it, and the floor. Raises besides TooManyDevices."""
        async with self._circle.lock:
            match deed:
                case "leave":
                    if self._circle.is_removed:
                        raise NotPermitted(
                            "This device does not belong to the circle any more.", hint="cellsync members"
                        )
                case "endorse":
                    self._check_coordinator("Only the word of a coordinator counts.")
                case "contest":
                    self._check_coordinator("Only coordinators remove others, and so contest a removal.")
                case "recovery.replace":
                    self._check_coordinator("Only coordinators replace a recovery key that is lost.")
                case "link":
                    self._check_room()
            if self._circle.replica.floor < SECOND and not self._is_coordinator:
                raise FloorTooLow

    def _check_coordinator(self, why: str) -> None:
        if not self._is_coordinator:
            raise NotPermitted(why)

    @property
    def _is_coordinator(self) -> bool:
        """Also one who was removed, or whose role is undecided: their word is heard."""
        decision, device = self._decision, self._circle.device
        if decision.statuses.get(device) is DeviceStatus.SUSPENDED:
            return self._circle.replica.circle.granted(device) is Role.COORDINATOR
        return decision.role(self._member) is Role.COORDINATOR

    @property
    def _decision(self) -> Decision:
        return self._circle.replica.court.ruling.decision

    @property
    def _member(self) -> MemberId:
        """Raises NotPermitted before the admission of this device has arrived."""
        member = self._member_or_none
        if member is None:
            raise NotPermitted("This device's admission has not arrived yet.", hint="cellsync sync")
        return member

    @property
    def _member_or_none(self) -> MemberId | None:
        return self._owner(self._circle.device)

    def _owner(self, device: DeviceId) -> MemberId | None:
        grant = self._circle.replica.circle.grant(device)
        return None if grant is None else grant.member
