"""Deeds: what the rules of edition 2 see of entries, and of whom they speak.

A deed is known by its place in the order of arrival, a `Bit`; a set of deeds is a Python int with those bits set.
Pasts come first, so the past of a deed is a set of smaller bits, and never changes. Nothing that the rules say depends
on the order otherwise, and on ids only where the greatest (height, id) is asked for (rule 14).

    device   the bit of the deed that introduces it (`found`, `admit`, `link`)
    member   the bit of their `found` or `admit`
    strike   a `remove`, a `leave`, or a `set_role` below coordinator
    grant    a `found`, an `admit`, a `link` or a `set_role`
    vote     for r: r itself, or an `endorse` of r
    mark     a control entry that is not void: only marks bear on others, as branches, witnesses, anchors or words

What a deed names and has not seen, it does not name, unless it is a `release`. (protocol/40-membership.md, Rules of
edition 2)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from operator import or_
from typing import Final, NamedTuple, NewType

from cellsync.core.ids import DeviceId, EntryId, MemberId
from cellsync.core.membership.control import Role
from cellsync.core.wire.tags import Kind

Bit = NewType("Bit", int)
PAPER: Final = Bit(-1)  # who acts with a recovery key is no device and no member
NOBODY: Final[frozenset[Bit]] = frozenset()

INTRODUCTIONS: Final = frozenset({Kind.FOUND, Kind.ADMIT, Kind.LINK})
GRANTS: Final = INTRODUCTIONS | {Kind.SET_ROLE}
REMOVALS: Final = frozenset({Kind.REMOVE, Kind.LEAVE})


class Deed(NamedTuple):
    """One entry, as far as the rules look at it."""

    id: EntryId
    kind: Kind
    device: DeviceId | None  # of its author; None if a recovery key signed it
    past: int  # the bits of all deeds that it saw
    height: int
    key: EntryId | None = None  # which entry brought in the recovery key that signed it
    role: Role | None = None  # that it grants
    members: tuple[MemberId, ...] = ()  # whom it strikes or grants a role
    devices: tuple[DeviceId, ...] = ()  # that it strikes alone
    names: tuple[EntryId, ...] = ()  # what it endorses, disputes, releases, rejects or replaces
    recipients: frozenset[DeviceId] | None = None  # to whom its rotation is sealed
    signed: bool = False  # a `recovery`: the replaced keys signed it
    void: bool = False  # by its form, or by rule 1: it does nothing, for ever
    heads: tuple[EntryId, ...] = ()  # what it releases with all that is before it in its chain
    previous: EntryId | None = None  # before it in its chain


class Hits(NamedTuple):
    """Whom a strike hits: members with all their devices, and devices with all that they linked."""

    members: frozenset[Bit]
    devices: frozenset[Bit]
    parties: frozenset[Bit]  # the members of both


NO_HITS: Final = Hits(NOBODY, NOBODY, NOBODY)


def has(deeds: int, bit: int) -> bool:
    return bool(deeds >> bit & 1)


def each(deeds: int) -> Iterator[Bit]:
    """The bits of a set, ascending."""
    while deeds:
        low = deeds & -deeds
        yield Bit(low.bit_length() - 1)
        deeds ^= low


_SETS: Final = (
    "all", "marks", "introductions", "strikes", "endorsements", "seal_keys", "releases", "rotations", "rejects",
    "recoveries", "by_paper", "promotions", "ballots",
)  # fmt: skip


class Deeds:
    """Deeds in order of arrival, each after its past, with what the rules ask of them. They are only ever added."""

    def __init__(self, deeds: Iterable[Deed] = ()) -> None:
        self._deeds: list[Deed] = []
        self._bits: dict[EntryId, Bit] = {}
        self._devices: list[Bit] = []  # of their authors
        self._members: list[Bit] = []
        self._named: list[tuple[Bit, ...]] = []
        self._lines: dict[Bit, tuple[Bit, ...]] = {}  # a device, and the ones by which it was linked
        self._owned: dict[Bit, list[Bit]] = {}  # devices by member
        self._hits: dict[Bit, Hits] = {}
        self._striking_member: dict[Bit, list[Bit]] = {}
        self._striking_device: dict[Bit, list[Bit]] = {}
        self._granting: dict[Bit, list[Bit]] = {}  # roles, by member
        self._endorsing: dict[Bit, list[Bit]] = {}
        self._beside: dict[Bit, int] = {}  # concurrent marks of the same device
        self._passing: dict[Bit, int] = {}  # marks that are concurrent with a strike
        self._by_device: dict[Bit, int] = {}
        self.marks = 0
        self.all = 0
        self.introductions = self.strikes = self.endorsements = self.seal_keys = self.releases = 0
        self.rotations = self.rejects = self.recoveries = self.by_paper = 0
        self.promotions = 0  # grants of the role of coordinator
        self.ballots = 0  # what others' labels depend on: grants, strikes, endorsements, recovery keys
        self.forked = 0  # marks that have concurrent ones of their own device
        self.found: Bit | None = None
        for deed in deeds:
            self.add(deed)

    def __getitem__(self, bit: Bit) -> Deed:
        return self._deeds[bit]

    def __len__(self) -> int:
        return len(self._deeds)

    def bit(self, entry: EntryId) -> Bit:
        """Raises KeyError if it is not here."""
        return self._bits[entry]

    def find(self, entry: EntryId) -> Bit | None:
        return self._bits.get(entry)

    # --- taking in -------------------------------------------------------------------------------

    def add(self, deed: Deed) -> Bit:
        """Take in a deed whose past is here."""
        bit = Bit(len(self._deeds))
        one = 1 << bit
        self._deeds.append(deed)
        self._bits[deed.id] = bit
        device = PAPER if deed.device is None else self._bits.get(EntryId(deed.device), bit)
        self._devices.append(device)
        if deed.kind in INTRODUCTIONS and not deed.void:
            self._introduce(bit, deed, device)
        self._members.append(PAPER if device == PAPER else self._lines.get(device, (device,))[-1])
        self._named.append(self._seen(deed.names, deed.past))
        if device == PAPER:
            self.by_paper |= one
        if deed.kind != Kind.CASE and not deed.void:
            self._mark(bit, deed, device)
        self.all |= one
        return bit

    def _introduce(self, bit: Bit, deed: Deed, device: Bit) -> None:
        """A device and its line. Of those, the last one came with the member."""
        linked = deed.kind == Kind.LINK and device != bit
        self._lines[bit] = (bit, *self._lines.get(device, ())) if linked else (bit,)
        self._owned.setdefault(self._lines[bit][-1], []).append(bit)
        self.introductions |= 1 << bit
        if deed.kind == Kind.FOUND:
            self.found = bit if self.found is None else self.found
            self._devices[bit] = bit

    def _mark(self, bit: Bit, deed: Deed, device: Bit) -> None:
        if device != PAPER:
            self._set_beside(bit, deed.past, device)
        for strike in each(self.strikes & ~deed.past):
            self._passing[strike] |= 1 << bit
        self._index(bit, deed)
        self.marks |= 1 << bit

    def _set_beside(self, bit: Bit, past: int, device: Bit) -> None:
        mine = self._by_device.get(device, 0)
        if beside := mine & ~past:
            self._beside[bit] = beside
            for other in each(beside):
                self._beside[other] = self._beside.get(other, 0) | 1 << bit
            self.forked |= beside | 1 << bit
        self._by_device[device] = mine | 1 << bit

    def _index(self, bit: Bit, deed: Deed) -> None:
        one = 1 << bit
        hits = self._whom(bit, deed)
        if hits is not NO_HITS:
            self._hits[bit] = hits
            self.strikes |= one
            self._passing[bit] = self.marks & ~deed.past
            for member in hits.members:
                self._striking_member.setdefault(member, []).append(bit)
            for device in hits.devices:
                self._striking_device.setdefault(device, []).append(bit)
        match deed.kind:
            case Kind.FOUND | Kind.ADMIT:
                self._granting.setdefault(bit, []).append(bit)
            case Kind.SET_ROLE:
                for member in self._seen(deed.members, deed.past):
                    self._granting.setdefault(member, []).append(bit)
            case Kind.ENDORSE:
                self.endorsements |= one
                for named in self._named[bit]:
                    self._endorsing.setdefault(named, []).append(bit)
            case Kind.SEAL_KEY:
                self.seal_keys |= one
            case Kind.RELEASE:
                self.releases |= one
            case Kind.REJECT:
                self.rejects |= one
            case Kind.RECOVERY:
                self.recoveries |= one
        if deed.kind in GRANTS and (deed.kind == Kind.FOUND or deed.role == Role.COORDINATOR):
            self.promotions |= one
        if deed.recipients is not None:
            self.rotations |= one
        if deed.kind in GRANTS or hits is not NO_HITS or deed.kind in (Kind.ENDORSE, Kind.RECOVERY):
            self.ballots |= one

    def _whom(self, bit: Bit, deed: Deed) -> Hits:
        members: Iterable[Bit] = ()
        devices: Iterable[Bit] = ()
        match deed.kind:
            case Kind.LEAVE:
                members = (self._members[bit],) if self._members[bit] != PAPER else ()
            case Kind.REMOVE:
                members = self._seen(deed.members, deed.past)
                devices = self._seen(deed.devices, deed.past)
            case Kind.SET_ROLE if deed.role is not None and deed.role < Role.COORDINATOR:
                members = self._seen(deed.members, deed.past)
            case _:
                return NO_HITS
        struck = frozenset(devices)
        parties = {self._lines.get(device, (device,))[-1] for device in struck}
        return Hits(frozenset(members), struck, frozenset(members) | parties)

    def _seen(self, entries: Iterable[bytes], past: int) -> tuple[Bit, ...]:
        bits = (self._bits.get(EntryId(entry)) for entry in entries)
        return tuple(bit for bit in bits if bit is not None and has(past, bit))

    def withdraw(self, count: int) -> None:
        """Take back all but the first `count`: the step that brought the others has not become durable."""
        if count >= len(self._deeds):
            return
        kept = (1 << count) - 1
        for deed in self._deeds[count:]:
            del self._bits[deed.id]
        for column in (self._deeds, self._devices, self._members, self._named):
            del column[count:]
        for by_bit in (self._lines, self._hits, self._passing, self._beside, self._owned, self._by_device,
                       self._striking_member, self._striking_device, self._granting, self._endorsing):  # fmt: skip
            for bit in [bit for bit in by_bit if bit >= count]:
                del by_bit[bit]
        for sets in (self._passing, self._beside, self._by_device):
            for bit in sets:
                sets[bit] &= kept
        for lists in (self._owned, self._striking_member, self._striking_device, self._granting, self._endorsing):
            for bits in lists.values():
                while bits and bits[-1] >= count:
                    bits.pop()
        for name in _SETS:
            setattr(self, name, getattr(self, name) & kept)
        self.forked = reduce(or_, (1 << bit for bit, beside in self._beside.items() if beside), 0)
        self.found = self.found if self.found is not None and self.found < count else None

    # --- asking ----------------------------------------------------------------------------------

    def saw(self, one: Bit, other: Bit) -> bool:
        """Whether `other` is in the past of `one`."""
        return has(self._deeds[one].past, other)

    def device(self, bit: Bit) -> Bit:
        """Its author's device, or PAPER."""
        return self._devices[bit]

    def member(self, bit: Bit) -> Bit:
        """Its author, or PAPER."""
        return self._members[bit]

    def line(self, device: Bit) -> tuple[Bit, ...]:
        """A device, and the ones by which it was linked; the last one came with the member."""
        return self._lines[device]

    def owner(self, device: Bit) -> Bit:
        """The member whose device it is."""
        return self._lines[device][-1]

    def ancestors(self, bit: Bit) -> Iterator[Bit]:
        """The deed that admitted its author, the one that admitted the author of that, and so on."""
        member = self._members[bit]
        while member != PAPER and self._deeds[member].kind == Kind.ADMIT:
            yield member
            member = self._members[member]

    def devices(self, member: Bit) -> list[Bit]:
        """The devices of a member."""
        return self._owned.get(member, [])

    def key(self, bit: Bit) -> Bit | None:
        """What brought in the recovery key that signed it; None if that is not in its past."""
        deed = self._deeds[bit]
        found = None if deed.key is None else self._bits.get(deed.key)
        return found if found is not None and has(deed.past, found) else None

    def named(self, bit: Bit) -> tuple[Bit, ...]:
        """The deeds that it endorses, disputes, rejects or replaces, as far as it saw them."""
        return self._named[bit]

    def chain(self, head: EntryId, within: int) -> Iterator[Bit]:
        """A deed of this set and those before it in its chain."""
        bit = self._bits.get(head)
        while bit is not None and has(within, bit):
            yield bit
            previous = self._deeds[bit].previous
            bit = None if previous is None else self._bits.get(previous)

    def hits(self, strike: Bit) -> Hits:
        return self._hits.get(strike, NO_HITS)

    def strikes_at(self, device: Bit) -> Iterator[Bit]:
        """The strikes that hit a device: its member, itself, or one that linked it."""
        line = self._lines.get(device, ())
        if line:
            yield from self._striking_member.get(line[-1], ())
        for linking in line:
            yield from self._striking_device.get(linking, ())

    def is_struck(self, device: Bit, strike: Bit) -> bool:
        """Whether a strike hits a device."""
        hits, line = self.hits(strike), self._lines.get(device, ())
        return bool(line) and (line[-1] in hits.members or not hits.devices.isdisjoint(line))

    def strikes_at_member(self, member: Bit) -> list[Bit]:
        """The strikes that hit a member with all devices."""
        return self._striking_member.get(member, [])

    def grants_to(self, member: Bit) -> list[Bit]:
        """The grants that give a member a role."""
        return self._granting.get(member, [])

    def subjects(self, grant: Bit) -> tuple[Bit, ...]:
        """The members to whom a grant gives a role."""
        deed = self._deeds[grant]
        match deed.kind:
            case Kind.FOUND | Kind.ADMIT:
                return (grant,)
            case Kind.SET_ROLE:
                return self._seen(deed.members, deed.past)
        return ()

    def endorsements_of(self, bit: Bit) -> list[Bit]:
        return self._endorsing.get(bit, [])

    def beside(self, bit: Bit) -> int:
        """The marks of the same device that are concurrent with it; and those which it did not see and that are
        concurrent with the link of its device, or of one in that line: who links a device in the past backdates."""
        links = self._lines.get(self._devices[bit], ())[:-1]
        unseen = ~self._deeds[bit].past
        return reduce(or_, (self._beside.get(link, 0) & unseen for link in links), self._beside.get(bit, 0))

    def passing(self, strike: Bit) -> int:
        """The marks that are concurrent with a strike."""
        return self._passing[strike]

    def after(self, strike: Bit) -> int:
        """The marks that saw a strike."""
        return self.marks & ~(self._deeds[strike].past | self._passing[strike] | 1 << strike)

    def is_removal(self, bit: Bit) -> bool:
        return self._deeds[bit].kind in REMOVALS

    def role(self, grant: Bit) -> Role:
        """The role that a grant gives."""
        deed = self._deeds[grant]
        return Role.COORDINATOR if deed.kind == Kind.FOUND else deed.role or Role.READER
