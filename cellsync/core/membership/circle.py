"""A circle: who is a member, as a pure function of the control entries held.

The control past of an entry is the set of grants that count in its past, including itself if it is one; the entry
stores the number of that set (`pasts`). So judging an entry costs the same however many grants there are.

Control entries that grant nothing have no bit. Nothing depends on them, and any member can write any number of them:
with a bit each, a reader's 100,000 would cost every device gigabytes.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from cellsync.core import caps
from cellsync.core.ids import CircleId, DeviceId, EntryId, MemberId, SessionPublic, SigningPublic
from cellsync.core.membership import rules
from cellsync.core.membership.control import Admit, Control, Found, Role, harmless
from cellsync.core.membership.editions import OURS, Edition
from cellsync.core.membership.names import Names
from cellsync.core.membership.pasts import EMPTY, Pasts
from cellsync.core.membership.rules import RoleGrant
from cellsync.core.wire.tags import Kind

EMPTY_PAST = EMPTY


class Circle:
    """The members of one circle. A step is planned on a layer made with `over`, and merged by `take` once stored."""

    def __init__(self, circle: CircleId, over: Circle | None = None, edition: Edition = OURS) -> None:
        self.id = circle
        self.edition: Edition = edition if over is None else over.edition
        self._needs: Mapping[int, Role] = self.edition.needs if over is None else over._needs
        self._below = over
        self.found: Found | None = None if over is None else over.found
        self.grants: dict[DeviceId, RoleGrant] = {}  # of this layer only
        self._by_bit: list[RoleGrant] = []
        self._first = 0 if over is None else len(over._by_bit)  # bit
        self._by_session: dict[SessionPublic, list[DeviceId]] = {}  # usable keys of grants that count; ascending
        self._aside: frozenset[DeviceId] = frozenset()  # grants of equivocators, which no longer count
        self.names = Names()
        self.pasts: Pasts = Pasts(None if over is None else over.pasts)

    def over(self) -> Circle:
        """A layer to plan on: additions to it do not reach this circle."""
        return Circle(self.id, self)

    def take(self, above: Circle) -> None:
        """Merge what was added to a layer made over this circle."""
        self.found = above.found
        self.pasts.take(above.pasts)
        for grant in above.grants.values():
            self._take(grant)

    def seen(self, past: int) -> Iterator[RoleGrant]:
        """The grants in a control past, in order of arrival."""
        return map(self._at, self.pasts.each(past))

    def without_newest(self, past: int) -> int:
        """A control past without the grant that `add` may take in next, that is, what that entry itself saw."""
        return self.pasts.without(past, self._next_bit)

    def grant(self, device: DeviceId) -> RoleGrant | None:
        """The grant that introduces a device, whether or not it is active."""
        found = self.grants.get(device)
        return self._below.grant(device) if found is None and self._below is not None else found

    @property
    def _next_bit(self) -> int:
        return self._first + len(self._by_bit)

    def _at(self, bit: int) -> RoleGrant:
        return (
            self._below._at(bit) if bit < self._first and self._below is not None else self._by_bit[bit - self._first]
        )

    # --- judging ---------------------------------------------------------------------------------

    def role(self, past: int, device: DeviceId) -> Role | None:
        """The role of a device in a control past."""
        grant = self.grant(device)
        return None if grant is None or not self.pasts.has(past, grant.bit) else rules.role_in(device, [grant])

    def counts(self, kind: int, past: int, author: DeviceId) -> bool:
        """Whether an entry counts: in its own past, its author had the required role."""
        return rules.rule_2_cause(self._needs.get(kind), self.role(past, author))

    def add(self, entry: EntryId, kind: int, past: int, author: DeviceId, control: object | None) -> tuple[int, bool]:
        """Take in one control entry; returns its own control past (itself included) and whether it counts.

        `control`: its operation, None if it is void for its form or its kind.
        """
        match control:
            case Found():
                counts = self.found is None and bytes(entry) == self.id
                if counts:
                    self.found = control
                    past = self._grant(entry, past, Role.COORDINATOR, control)
            case Admit():
                seen = list(islice(self.seen(past), caps.DEVICES))  # this many make it void, whatever the rest are
                counts = (
                    self.counts(Kind.ADMIT, past, author)
                    and rules.within_caps(seen)
                    and rules.rule_1_names(control.keys.known, seen)
                )
                if counts:
                    past = self._grant(entry, past, control.role, control)
            case _:
                counts = control is not None and self.counts(kind, past, author)
        return past, counts

    def _grant(self, entry: EntryId, past: int, role: Role, control: Control) -> int:
        """Give a bit to a grant that counts; returns the control past that includes it."""
        bit, keys, name = self._next_bit, control.keys, harmless(control.name)
        self._take(RoleGrant(bit, MemberId(entry), DeviceId(entry), role, keys.known, name, True, keys.usable))
        return self.pasts.including(past, bit)

    def _take(self, grant: RoleGrant) -> None:
        self.grants[grant.device] = grant
        self._by_bit.append(grant)
        self.names.add(grant.device, grant.name)
        if grant.usable:
            insort(self._by_session.setdefault(grant.keys.session, []), grant.device)

    # --- current members -------------------------------------------------------------------------

    def set_aside(self, devices: Iterable[DeviceId]) -> None:
        """Equivocators' entries introduced these devices, and do not count; all other introductions do.

        Their bits stay in control pasts. Once another device's entry has such a grant in its past, the grant counts.
        """
        self._aside = frozenset(devices)

    @property
    def is_full(self) -> bool:
        """Whether admitting one more device would be void, in a past that holds all of these."""
        return not rules.within_caps(self.active())

    def is_active(self, device: DeviceId) -> bool:
        """Whether a device belongs to an active member, judging by everything held here."""
        grant = self.grants.get(device)
        return grant is not None and grant.counts and device not in self._aside

    def active(self) -> list[RoleGrant]:
        return [grant for grant in self.grants.values() if self.is_active(grant.device)]

    def current_role(self, device: DeviceId) -> Role | None:
        return self.grants[device].role if self.is_active(device) else None

    def signing_key(self, device: DeviceId) -> SigningPublic | None:
        grant = self.grant(device)
        return None if grant is None else grant.keys.signing

    def devices_with(self, session: SessionPublic) -> tuple[DeviceId, ...]:
        """The active devices with this session key, ascending; none if the key cannot be used.

        There are several if concurrent grants introduced one key. All of them are meant: no tie-break among them is
        safe from a coordinator who backdates an entry, or tries salts until its id is the smallest.
        """
        devices = self._by_session.get(session, ())
        return tuple(device for device in devices if device not in self._aside)

    def session_key(self, device: DeviceId) -> SessionPublic | None:
        """The key under which an active device is called; None if there is none that can be used."""
        grant = self.grants.get(device)
        return grant.keys.session if grant is not None and grant.usable and self.is_active(device) else None

    def name(self, device: DeviceId) -> str:
        """A device's display name, disambiguated from similar ones (`names`)."""
        return self.names.of(device)
