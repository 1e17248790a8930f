"""A circle: who is a member, as a pure function of the control entries held.

The control past of an entry is the set of deeds in its past, including itself if it is one (`docket`); the entry stores
the number of that set (`pasts`). So judging an entry costs the same however long the history is.

An entry is judged twice. What its own past alone says is settled here, for ever: whether it is void. All else is a
label, which others can change: `deliberation` finds it for the whole set, and what it means for devices and roles is
taken in with `decide`.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

from cellsync.core import caps
from cellsync.core.ids import CircleId, DeviceId, EntryId, MemberId, SessionPublic, SigningPublic
from cellsync.core.membership import docket, recovery, rules
from cellsync.core.membership.control import Admit, DeviceKeys, Found, Role, harmless, hash_of
from cellsync.core.membership.deeds import Bit, Deed, each
from cellsync.core.membership.deliberation import Decision, Deliberation
from cellsync.core.membership.docket import Sort
from cellsync.core.membership.editions import OURS, Edition
from cellsync.core.membership.link import LinkDevice, full_name
from cellsync.core.membership.names import Names
from cellsync.core.membership.pasts import EMPTY, Pasts
from cellsync.core.membership.recovery import Recovery, RecoveryKeys
from cellsync.core.membership.role_change import SetRole
from cellsync.core.membership.rules import KnownDevice
from cellsync.core.membership.seal_key import SealKey
from cellsync.core.membership.standing import DeviceStatus
from cellsync.core.wire.tags import Kind

EMPTY_PAST = EMPTY


class Paper(NamedTuple):
    """A recovery key, which writes under an id of its own."""

    bit: Bit  # of the entry that brought it in
    entry: EntryId
    keys: RecoveryKeys


class Circle:
    """The members of one circle. A step is planned on a layer made with `over`, and merged by `take` once stored."""

    def __init__(self, circle: CircleId, over: Circle | None = None, edition: Edition = OURS) -> None:
        self.id = circle
        self.edition: Edition = edition if over is None else over.edition
        self._needs: Mapping[int, Role] = self.edition.needs if over is None else over._needs
        self._below = over
        self._bench: Deliberation = Deliberation() if over is None else over._bench
        self.found: Found | None = None if over is None else over.found
        self.grants: dict[DeviceId, KnownDevice] = {}  # of this layer only, by the device that each introduces
        self._roles: dict[MemberId, list[tuple[Bit, Role]]] = {}
        self._papers: dict[DeviceId, list[Paper]] = {}  # recovery keys, by the id under which each writes
        self._deeds: list[Deed] = []  # by bit
        self._written: dict[tuple[bytes, Sort], int] = {}  # the bits of the deeds of each device
        self._introductions = 0  # their bits
        self._first = 0 if over is None else over.next_bit
        self._by_session: dict[SessionPublic, list[DeviceId]] = {}  # usable keys of introductions; ascending
        self.decision: Decision | None = None  # of all that counts
        self._active: dict[DeviceId, Role] = {}
        self._heard: frozenset[DeviceId] = frozenset()  # the active devices, and the suspended ones
        self.names = Names()
        self.pasts: Pasts = Pasts(None if over is None else over.pasts)

    def over(self) -> Circle:
        """A layer to plan on: additions to it do not reach this circle. Earlier layers are of no use any more."""
        self._bench.withdraw(self.next_bit)
        return Circle(self.id, self)

    def take(self, above: Circle) -> None:
        """Merge what was added to a layer made over this circle."""
        self.found = above.found
        self.pasts.take(above.pasts)
        for deed in above._deeds:
            self._note(deed)
        for grant in above.grants.values():
            self._introduce(grant)
        for member, roles in above._roles.items():
            self._roles.setdefault(member, []).extend(roles)
        for device, papers in above._papers.items():
            self._papers.setdefault(device, []).extend(papers)

    def seen(self, past: int) -> Iterator[KnownDevice]:
        """The introductions in a control past, in order of arrival."""
        for bit in each(self.pasts.bits(past) & self._all_introductions):
            grant = self.grant(DeviceId(self.deed(bit).id))
            if grant is not None:
                yield grant

    def grant(self, device: DeviceId) -> KnownDevice | None:
        """What introduces a device, whether or not it is active."""
        found = self.grants.get(device)
        return self._below.grant(device) if found is None and self._below is not None else found

    def deed(self, bit: Bit) -> Deed:
        return (
            self._below.deed(bit) if bit < self._first and self._below is not None else self._deeds[bit - self._first]
        )

    def bit(self, entry: EntryId) -> Bit | None:
        """The bit of an entry that is a deed."""
        bit = self._bench.deeds.find(entry)  # where a step may have left some that was only planned
        return bit if bit is not None and bit < self.next_bit else None

    def saw(self, bit: Bit, other: Bit) -> bool:
        """Whether one deed has another one in its past."""
        return bool(self.deed(bit).past >> other & 1)

    @property
    def next_bit(self) -> Bit:
        return Bit(self._first + len(self._deeds))

    @property
    def _all_introductions(self) -> int:
        return self._introductions | (0 if self._below is None else self._below._all_introductions)

    # --- judging by an entry's own past ----------------------------------------------------------

    def role(self, past: int, device: DeviceId) -> Role | None:
        """The greatest role that the grants in a control past give to a device, whatever their labels become."""
        grant = self.grant(device)
        if grant is None or not self.pasts.has(past, grant.bit):
            return None
        return max((role for bit, role in self._roles_of(grant.member) if self.pasts.has(past, bit)), default=None)

    def granted(self, device: DeviceId) -> Role | None:
        """The greatest role that anybody has given to a device, whether or not that counts."""
        grant = self.grant(device)
        return None if grant is None else max((role for _, role in self._roles_of(grant.member)), default=None)

    def counts(self, kind: int, past: int, author: DeviceId) -> bool:
        """Whether an entry is not void: in its own past, its author had the required role."""
        return rules.rule_2_cause(self._needs.get(kind), self.role(past, author))

    def introduces(self, past: int, device: DeviceId) -> bool:
        """Whether what introduces a device, or brought in a recovery key, is in a control past."""
        grant = self.grant(device)
        if grant is not None:
            return self.pasts.has(past, grant.bit)
        return any(self.pasts.has(past, paper.bit) for paper in self._papers_of(device))

    def add(
        self, entry: EntryId, kind: int, past: int, author: DeviceId, operation: object | None, height: int = 0
    ) -> tuple[int, bool]:
        """Take in one control entry; returns its own control past (itself included) and whether it is not void.

        `operation`: None if it is void for its form or its kind.
        """
        if operation is None or not self._may(kind, past, author, operation, entry):
            return past, False
        role = self.role(past, author)
        paper = next((paper for paper in self._papers_of(author) if self.pasts.has(past, paper.bit)), None)
        if kind not in self.edition.ruled or (paper is None and not docket.is_deed(kind, role)):
            return past, True
        saw = self.pasts.bits(past)
        replaced = self._replaced(operation, saw) if isinstance(operation, Recovery) else None
        deed = docket.deed_of(
            entry, kind, author, saw, height, operation, None if paper is None else paper.entry, self._owner, replaced
        )
        bit, sort = self.next_bit, docket.sort_of(deed)
        if (saw & self._written_by(_writer(deed), sort)).bit_count() >= docket.LIMITS[sort]:
            return past, False
        self._note(deed)
        self._enter(bit, entry, author, operation)
        return self.pasts.including(past, bit), True

    def _may(self, kind: int, past: int, author: DeviceId, operation: object, entry: EntryId) -> bool:
        """Rules 1 and 2, as far as an entry's own past says."""
        if isinstance(operation, Found):
            return self.found is None and bytes(entry) == self.id
        role, needed = self.role(past, author), self._needs.get(kind)
        if role is None:
            return kind in self.edition.paper and self.introduces(past, author) and self._is_new(operation, past, None)
        if kind in self.edition.ruled:
            needed = docket.role_needed(operation, needed, partial(self._owner_in, past), self._member(author))
        return rules.rule_2_cause(needed, role) and self._is_new(operation, past, author)

    def _is_new(self, operation: object, past: int, author: DeviceId | None) -> bool:
        """Rule 1, of what brings in keys."""
        match operation:
            case Admit(_, keys):
                return self._names_a_device(keys, past, None)
            case LinkDevice(keys):
                return author is not None and self._names_a_device(keys, past, self._member(author))
            case SealKey(key):
                return all(grant.keys.seal != hash_of(key) for grant in self.seen(past))
            case Recovery(keys):
                return not self.introduces(past, recovery.device(keys.signing))
        return True

    def _names_a_device(self, keys: DeviceKeys, past: int, member: MemberId | None) -> bool:
        """Whether an introduction names a new device, and there is room for it. `member`: whose further device."""
        known, seen, own = keys.known, 0, 0
        for grant in self.seen(past):
            if not rules.rule_1_names(known, [grant]):
                return False
            seen, own = seen + 1, own + (grant.member == member)
        if seen < caps.DEVICES and own < caps.DEVICES_PER_MEMBER:
            return True
        active = self._bench.decide(self.pasts.bits(past)).active
        mine = sum(self._owner(device) == member for device in active)
        return len(active) < caps.DEVICES and (member is None or mine < caps.DEVICES_PER_MEMBER)

    def _replaced(self, operation: Recovery, saw: int) -> tuple[EntryId, ...]:
        """The recovery keys in an entry's past that say themselves that they give way."""
        known = {paper.entry: paper.keys for paper in self._all_papers() if saw >> paper.bit & 1}
        return tuple(row.entry for row in operation.replaced if recovery.gives_way(self.id, known, row, operation.keys))

    # --- taking in -------------------------------------------------------------------------------

    def _enter(self, bit: Bit, entry: EntryId, author: DeviceId, operation: object) -> None:
        """Enter whom or what a deed brings in."""
        match operation:
            case Found(keys, device_keys):
                self.found = operation
                self._add_paper(bit, entry, keys)
                self._add_member(bit, entry, Role.COORDINATOR, device_keys, operation.name)
            case Admit(role, device_keys, name):
                self._add_member(bit, entry, role, device_keys, name)
            case LinkDevice(device_keys, name):
                member = self._member(author)
                self._add_device(bit, entry, member, device_keys, full_name(self._claimed(DeviceId(member)), name))
            case SetRole(member, role):
                self._roles.setdefault(member, []).append((bit, role))
            case Recovery(keys):
                self._add_paper(bit, entry, keys)

    def _add_member(self, bit: Bit, entry: EntryId, role: Role, keys: DeviceKeys, name: str) -> None:
        self._roles.setdefault(MemberId(entry), []).append((bit, role))
        self._add_device(bit, entry, MemberId(entry), keys, name)

    def _add_device(self, bit: Bit, entry: EntryId, member: MemberId, keys: DeviceKeys, name: str) -> None:
        self._introduce(KnownDevice(bit, member, DeviceId(entry), keys.known, harmless(name), keys.usable))

    def _introduce(self, grant: KnownDevice) -> None:
        self.grants[grant.device] = grant
        self._introductions |= 1 << grant.bit
        self.names.add(grant.device, grant.name)
        if grant.usable:
            insort(self._by_session.setdefault(grant.keys.session, []), grant.device)

    def _add_paper(self, bit: Bit, entry: EntryId, keys: RecoveryKeys) -> None:
        self._papers.setdefault(recovery.device(keys.signing), []).append(Paper(bit, entry, keys))

    def _note(self, deed: Deed) -> None:
        """Give a deed its bit."""
        bit, written = self.next_bit, (_writer(deed), docket.sort_of(deed))
        self._deeds.append(deed)
        self._bench.put(bit, deed)
        self._written[written] = self._written.get(written, 0) | 1 << bit

    # --- below -----------------------------------------------------------------------------------

    def _written_by(self, writer: bytes, sort: Sort) -> int:
        below = 0 if self._below is None else self._below._written_by(writer, sort)
        return below | self._written.get((writer, sort), 0)

    def _roles_of(self, member: MemberId) -> list[tuple[Bit, Role]]:
        own = self._roles.get(member, [])
        return own if self._below is None else [*self._below._roles_of(member), *own]

    def _papers_of(self, device: DeviceId) -> list[Paper]:
        """The recovery keys that write under this id."""
        if not self.edition.paper:
            return []
        own = self._papers.get(device, [])
        return own if self._below is None else [*self._below._papers_of(device), *own]

    def _all_papers(self) -> list[Paper]:
        own = [paper for papers in self._papers.values() for paper in papers]
        return own if self._below is None else [*self._below._all_papers(), *own]

    def _member(self, device: DeviceId) -> MemberId:
        """Whose device one is that is known here."""
        grant = self.grant(device)
        if grant is None:
            raise LookupError
        return grant.member

    def _owner(self, device: DeviceId) -> MemberId | None:
        grant = self.grant(device)
        return None if grant is None else grant.member

    def _owner_in(self, past: int, device: DeviceId) -> MemberId | None:
        """Whose device that is, if what introduces it is in a control past."""
        grant = self.grant(device)
        return None if grant is None or not self.pasts.has(past, grant.bit) else grant.member

    def _claimed(self, device: DeviceId) -> str:
        grant = self.grant(device)
        return "" if grant is None else grant.name

    # --- what is decided -------------------------------------------------------------------------

    def deliberate(self, within: int | None = None) -> Decision:
        """What the rules say of these deeds, or of all of this layer and those below."""
        return self._bench.decide((1 << self.next_bit) - 1 if within is None else within)

    def decide(self, decision: Decision) -> None:
        """Take in what the rules say of all that counts."""
        self.decision = decision
        self._active = {}
        self._heard = frozenset(
            device for device, status in decision.statuses.items() if status is not DeviceStatus.REMOVED
        )
        for device in decision.active:
            role = decision.role(self.grants[device].member)
            if role is not None:
                self._active[device] = role

    @property
    def is_full(self) -> bool:
        """Whether one more device would be void, in a past that holds all that is here."""
        return len(self._active) >= caps.DEVICES

    def is_active(self, device: DeviceId) -> bool:
        """Whether a device belongs to an active member, judging by everything held here."""
        return device in self._active

    def decides_on(self, device: DeviceId) -> bool:
        """Whether the entry that introduces a device is held, and counts."""
        return self.decision is not None and device in self.decision.statuses

    def is_heard(self, device: DeviceId) -> bool:
        """Whether a device is active or suspended: what it brings is taken."""
        return device in self._heard

    def heard(self) -> list[KnownDevice]:
        """What introduces the active and the suspended devices, in order of arrival."""
        return [grant for grant in self.grants.values() if grant.device in self._heard]

    def active(self) -> list[KnownDevice]:
        """What introduces the active devices, in order of arrival."""
        return [grant for grant in self.grants.values() if grant.device in self._active]

    def current_role(self, device: DeviceId) -> Role | None:
        return self._active.get(device)

    def signing_key(self, device: DeviceId) -> SigningPublic | None:
        grant = self.grant(device)
        if grant is not None:
            return grant.keys.signing
        papers = self._papers_of(device)
        return papers[0].keys.signing if papers else None

    def devices_with(self, session: SessionPublic) -> tuple[DeviceId, ...]:
        """The active and suspended devices with this session key, ascending; none if the key cannot be used.

        There are several if concurrent grants introduced one key. All of them are meant: no tie-break among them is
        safe from a coordinator who backdates an entry, or tries salts until its id is the smallest.
        """
        return tuple(device for device in self._by_session.get(session, ()) if device in self._heard)

    def introduced_with(self, session: SessionPublic) -> tuple[DeviceId, ...]:
        """All devices with this session key, however they stand, ascending; none if the key cannot be used."""
        return tuple(self._by_session.get(session, ()))

    def session_key(self, device: DeviceId) -> SessionPublic | None:
        """The key under which a device is called that is active or suspended; None if none can be used."""
        grant = self.grants.get(device)
        return grant.keys.session if grant is not None and grant.usable and device in self._heard else None

    def name(self, device: DeviceId) -> str:
        """A device's display name, disambiguated from similar ones (`names`)."""
        return self.names.of(device)


def _writer(deed: Deed) -> bytes:
    """Whose deeds are counted together: a device's, or those of one recovery key."""
    return deed.id if deed.kind == Kind.FOUND else deed.device or deed.key or b""
