"""An intake: how a device comes into a circle, once two people have found that their words agree.

    Admission   with one more member, by a coordinator
    Return      with a member who was removed, and whom two coordinators have to trust again
    Linking     as one more device of this member, by any device of theirs

What is shown, asked and burnt until then is the same for all (`invites`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

from cellsync.cell.member import FormerMember, Member, members
from cellsync.cell.standing import CircleStanding
from cellsync.core.errors import CircleFull, InvalidValue, NotPermitted
from cellsync.core.ids import DeviceId, MemberId, SigningSecret
from cellsync.core.membership.control import DeviceKeys, Role, checked_name
from cellsync.core.membership.link import full_name
from cellsync.ledger import duty
from cellsync.ledger.circle import OpenCircle
from cellsync.ledger.coordination import Coordination


class Intake(ABC):
    """Into one circle; what is written there is signed with `secret`."""

    def __init__(self, circle: OpenCircle, secret: SigningSecret) -> None:
        self.circle = circle
        self._secret = secret

    @abstractmethod
    async def prepare(self) -> None:
        """Before a code is shown: whether it would serve. Raises NotPermitted, CircleFull …"""

    @abstractmethod
    async def bring_in(self, keys: DeviceKeys, name: str) -> DeviceId:
        """Write durably who comes in; `name`: what they call themselves. The new device's id."""

    def called(self, name: str) -> str:
        """Under which name they come in; `name`: what they call themselves."""
        return name

    async def former(self, name: str) -> tuple[FormerMember, ...]:
        """Those who were members under a name that could be taken for the one that comes in."""
        async with self.circle.lock:
            return CircleStanding(self.circle, Coordination(self.circle, self._secret)).former(self.called(name))

    def namesakes(self, name: str) -> tuple[Member, ...]:
        """The members whose name could be taken for the one that comes in."""
        like = set(self.circle.replica.circle.names.like(self.called(name)))
        return tuple(member for member in members(self.circle) if member.device in like)


class Admission(Intake):
    """With one more member, in a role: `reader`, `writer` or `coordinator`."""

    def __init__(self, circle: OpenCircle, secret: SigningSecret, role: str) -> None:
        super().__init__(circle, secret)
        self._role = role

    async def prepare(self) -> None:
        """Raises besides InvalidValue for an unknown role."""
        who = self.circle.replica.circle
        if who.current_role(self.circle.device) is not Role.COORDINATOR:
            raise NotPermitted
        if who.is_full:
            raise CircleFull
        if not isinstance(self._role, str) or self._role.upper() not in Role.__members__:
            raise InvalidValue("a role is reader, writer or coordinator")

    async def bring_in(self, keys: DeviceKeys, name: str) -> DeviceId:
        await duty.enter_chosen(self.circle, self._secret)
        return await self.circle.admit(self._secret, keys, self.called(name), Role[self._role.upper()])


@final
class Return(Admission):
    """With somebody who was removed, in custody say: with new keys, under the name that they had, and as a reader. More
    they are given by another coordinator (`Membership.set_role`)."""

    def __init__(self, circle: OpenCircle, secret: SigningSecret, member: MemberId) -> None:
        super().__init__(circle, secret, "reader")
        self._member = member

    async def prepare(self) -> None:
        """Raises besides InvalidValue if they were not removed, or NotPermitted while their removal rests on one word
        and somebody could give it another: until then their old devices are not out for good."""
        await super().prepare()
        async with self.circle.lock:
            standing = CircleStanding(self.circle, Coordination(self.circle, self._secret))
            removals = standing.removals_of(self._member)
        if not removals:
            raise InvalidValue(
                "They were not removed. A device of theirs that was in other hands is: members remove --device.",
                hint="Then they link another one, with a new vault: cellsync device link",
            )
        if all(one.lacks is not None and one.lacks.of for one in removals):
            raise NotPermitted(
                "Their removal rests on one word. After custody it takes two, before they come back with new keys.",
                hint="First a second coordinator agrees to it: cellsync members endorse NAME",
            )

    def called(self, name: str) -> str:
        return self.circle.replica.circle.names.claimed(DeviceId(self._member)) or name


@final
class Linking(Intake):
    """As one more device of this device's member. What it is called is said here: what they call themselves there is
    for further circles."""

    def __init__(self, circle: OpenCircle, secret: SigningSecret, name: str) -> None:
        super().__init__(circle, secret)
        self._name = checked_name(name)
        self._coordination = Coordination(circle, secret)

    async def prepare(self) -> None:
        """Raises besides TooManyDevices, FloorTooLow, and InvalidValue for a name that another device of theirs has."""
        who = self.circle.replica.circle
        own = who.grant(self.circle.device)
        first = None if own is None else who.grant(DeviceId(own.member))
        if first is not None and set(who.names.like(full_name(first.name, self._name))) & {
            *self._coordination.own_devices()
        }:
            raise InvalidValue("One of your devices is called so already.", hint="Choose another name.")
        await self._coordination.prepare_link()

    async def bring_in(self, keys: DeviceKeys, name: str) -> DeviceId:
        await duty.enter_chosen(self.circle, self._secret)
        return await self._coordination.link(keys, self._name)

    def namesakes(self, name: str) -> tuple[Member, ...]:
        return ()  # it is the same person's

    async def former(self, name: str) -> tuple[FormerMember, ...]:
        return ()
