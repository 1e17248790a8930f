"""Permission: who may be given what. Default deny, for each person and each field.

    audience    compartments                 consent of each person concerned
    internal    C0-C3, or apart C4-C6        internal or wider
    partners    C0-C3                        partners or wider, and it covers the compartment
    un          C0-C3                        un or wider, and it covers the compartment
    public      C0                           public

The Consent documents make up one table:

    a consent that is               speaks for
    about a person                  that person, in every case
    about a person, part of a case  that person, in that case only
    part of a case                  the case: it can narrow what the persons allow, and decides alone only where the
                                    case is about nobody. It never speaks for a person.

A consent given on a day that is still to come allows nothing before that day, by the calendar of this device. It
takes the place of those that it supersedes all the same: what is planned may well be narrower. One that was withdrawn,
whatever the day, allows nothing.

All consents that speak count, with the least that any of them allows, except those that another one supersedes; a
consent that names nothing but the one it supersedes takes its place. Where more than 64 have done that for one person
or case, the intent is unclear and nothing leaves. Without a consent for a person, neither the person nor anything known
about them leaves: a case or document about several people takes the consent of each.

A consent covers C0 and C1 unless it states what it covers; legal and medical facts are covered only explicitly. A
consent that decides alone on a case about nobody covers C0 unless it states more: a title is usually a person's name,
and a person who is not linked has not been asked. Fields that a consent withholds stay whatever it covers, and a
consent that withholds something that is no field lets nothing out, because its intent is unclear. An external id that
is more than a number stays with the name and the birth of which it is made.

Merged records are one person, or one case (`joined`): a consent for one of them counts for all.

A member may write any number of consents that supersede each other and are about the same people and cases. Therefore
the work for one person of one case never grows with more than a few of them, except those that name that case:

1. Whether a consent speaks for people, and whether for single cases, is determined once, for all of them.
2. Of consents that take the place of others and name nothing, no more than `MANY` are followed.
3. If more than `MANY` speak for a person in every case, it is determined once which of these are in force. A consent
   for one case then revokes none of them, and none of them revokes it: the least of all counts.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Sequence, Set
from datetime import date
from itertools import count, repeat
from typing import Final, NamedTuple

from cellsync.casework.documents.consent import Consent, Scope, begins_after, effective_scope, is_withdrawn
from cellsync.casework.exporting.documents import meant
from cellsync.casework.exporting.joined import Joined
from cellsync.casework.exporting.left_out import Why
from cellsync.casework.exporting.numbers import Pairs, Rows
from cellsync.casework.values.link import Relation
from cellsync.core.errors import InvalidValue
from cellsync.core.schema.fields import Sensitivity
from cellsync.core.schema.schema import fields_of

ABOUT_CASES: Final = frozenset({Sensitivity.C0, Sensitivity.C1, Sensitivity.C2, Sensitivity.C3})
ABOUT_HELP: Final = frozenset({Sensitivity.C4, Sensitivity.C5, Sensitivity.C6})
UNSAID: Final = frozenset({Sensitivity.C0, Sensitivity.C1})
_OF_NOBODY: Final = frozenset({Sensitivity.C0})
_EVERYTHING: Final = ABOUT_CASES | ABOUT_HELP
_WIDTH: Final = list(Scope)
MANY: Final = 64  # consents that are followed for one person or case
_FEW: Final = 4
_NOBODY: Final = -1  # has spoken
_UNKNOWN: Final = -2


def checked(audience: Scope, compartments: Iterable[Sensitivity] | None) -> frozenset[Sensitivity]:
    """The compartments to export; by default C0 to the public, C0 and C1 to others. Raises InvalidValue."""
    if audience is Scope.NONE:
        raise InvalidValue("an export is for somebody", hint="The audience is internal, partners, un or public.")
    if compartments is None:
        return frozenset({Sensitivity.C0} if audience is Scope.PUBLIC else {Sensitivity.C0, Sensitivity.C1})
    chosen = frozenset(compartments)
    if not chosen:
        raise InvalidValue("an export without compartments is empty", hint="Choose among C0 to C6.")
    if chosen & ABOUT_CASES and chosen & ABOUT_HELP:
        raise InvalidValue(
            "C4 to C6 never leave together with C0 to C3", hint="Make two exports, and keep them in different places."
        )
    if chosen & ABOUT_HELP and audience is not Scope.INTERNAL:
        raise InvalidValue("C4 to C6 are for members only", hint="Choose among C0 to C3, or export for internal use.")
    if audience is Scope.PUBLIC and chosen != {Sensitivity.C0}:
        raise InvalidValue("only C0 is for the public", hint="Choose C0 alone, or another audience.")
    return chosen


class Right(NamedTuple):
    """The limits that consents set: the least of all that speak."""

    scope: Scope
    withdrawn: bool
    covers: frozenset[Sensitivity]
    withheld: frozenset[str]  # "person.residence"
    unclear: bool  # the intent is unclear, but for members
    unsaid: bool = False  # it does not say what it covers
    about_nobody: bool = False  # it decides alone, on a case that is about nobody, and does not say what it covers
    merged: bool = False  # it is of a person or case with several records
    tangled: bool = False  # the intent is unclear, also for members
    to_come: bool = False  # it is given on a day that is still to come

    def refuses(self, audience: Scope) -> Why | None:
        """Why nothing may go to this audience; None if something may."""
        if self.tangled or (self.unclear and audience is not Scope.INTERNAL):
            return Why.UNCLEAR
        if self.scope is not Scope.NONE and _WIDTH.index(self.scope) >= _WIDTH.index(audience):
            return None
        if self.withdrawn:
            return Why.WITHDRAWN
        return Why.TO_COME if self.to_come else Why.TOO_NARROW

    def keeps(self, audience: Scope, compartment: Sensitivity, document: str, field: str) -> Why | None:
        """Why a field of a document ("person", "residence") may not go to this audience; None if it may."""
        if audience is Scope.INTERNAL:  # members read all of it anyway
            return None
        if f"{document}.{field}" in self.withheld:
            return Why.WITHHELD
        if compartment in self.covers:
            return None
        return Why.ABOUT_NOBODY if self.about_nobody and compartment in UNSAID else Why.NOT_COVERED

    def alone(self) -> Right:
        """This right, if it decides alone on a case that is about nobody."""
        return self._replace(covers=self.covers & _OF_NOBODY, about_nobody=True) if self.unsaid else self


NOTHING_ALLOWED: Final = Right(Scope.NONE, False, frozenset(), frozenset(), False)
_TANGLED: Final = NOTHING_ALLOWED._replace(tangled=True)


def least(rights: Iterable[Right]) -> Right:
    """The right that all of them allow."""
    every = list(rights)
    if not every:
        return NOTHING_ALLOWED
    return Right(
        min((right.scope for right in every), key=_WIDTH.index),
        any(right.withdrawn for right in every),
        _EVERYTHING.intersection(*(right.covers for right in every)),
        frozenset().union(*(right.withheld for right in every)),
        any(right.unclear for right in every),
        any(right.unsaid for right in every),
        any(right.about_nobody for right in every),
        any(right.merged for right in every),
        any(right.tangled for right in every),
        any(right.to_come for right in every),
    )


class Spoken(NamedTuple):
    """One consent: its targets, the consents that it supersedes, and its right."""

    id: bytes
    named: tuple[bytes, ...]  # ids of the persons and cases it is about or part of
    supersedes: tuple[bytes, ...]
    right: Right


def spoken(consent: Consent, today: date) -> Spoken:
    return Spoken(
        bytes(consent.id), _linked(consent, Relation.ABOUT, Relation.PART_OF), _linked(consent, Relation.SUPERSEDES),
        _right(consent, today),
    )  # fmt: skip


class Consents:
    """The table of consents. It holds only numbers, because a member may write any number of consents."""

    def __init__(self, said: Iterable[Spoken], persons: Container[bytes], joined: Joined | None = None) -> None:
        """`joined`: the merged records. The table may be filled later: `add`, then `settle`."""
        self.persons = persons
        self.joined = joined or Joined(defaultdict[bytes, int](count(1).__next__).__getitem__)
        self._number = self.joined.number
        self._rights = _Rights()
        self._own = array("I")  # the number of each consent
        self._right = array("I")  # its right, by the place in `_rights`
        self._named = Rows()  # its targets: twice the number, plus one for a person
        self._replaced = Rows()  # the consents that it supersedes
        self._everywhere = _Known()  # of persons without a consent for single cases
        self._of_cases = _Known()  # of cases, once asked for
        self._parted: dict[int, _Parted] = {}  # of persons with many consents
        self._last_case: tuple[int, Set[int]] = 0, frozenset()  # the last one asked for, and the consents for it
        for spoken in said:
            self.add(spoken)
        self.settle()

    def add(self, one: Spoken) -> None:
        self._own.append(self._number(one.id))
        self._right.append(self._rights.place(one.right))
        self._named.add(self._number(target) << 1 | self._is_person(target) for target in one.named)
        self._replaced.add(self._number(older) for older in one.supersedes)

    def _is_person(self, target: bytes) -> bool:
        return target in self.persons or self.joined.is_awaited_person(target)

    def settle(self) -> None:
        """Find out for whom each consent speaks, once all are added."""
        every = range(len(self._own))
        self._naming = Pairs(
            (target >> 1, consent) for consent in every for target in self._named[consent] if target > 1
        )
        self._heirs = Pairs(  # consents that take over the targets of those they supersede
            (older, consent)
            for consent in every
            if not self._named[consent]
            for older in self._replaced[consent]
            if older
        )
        self._for_people = self._speaking_for(1)
        self._for_cases = self._speaking_for(0)

    def _speaking_for(self, kind: int) -> bytearray:
        """For each consent, whether it speaks for a target of this kind: a person (1), or anything else (0)."""
        marks = bytearray(len(self._own))
        waiting = [
            consent for consent in range(len(marks)) if any(target & 1 == kind for target in self._named[consent])
        ]
        for consent in waiting:
            marks[consent] = 1
        while waiting:
            for heir in self._heirs.of(self._own[waiting.pop()]):
                if not marks[heir]:
                    marks[heir] = 1
                    waiting.append(heir)
        return marks

    def of(self, case: bytes, persons: Iterable[bytes]) -> Right | None:
        """The right of a document in this case about these persons; None if there is no consent for one of them."""
        here = self._number(case)
        of_case = self._of_case(here)
        if of_case == _TANGLED:
            return of_case
        asked = [self._of_person(self._number(person), here) for person in persons]
        if any(right is None for right in asked) or not (asked or of_case):
            return None
        allowed = least(right for right in (*asked, of_case) if right is not None)
        return self._rights.shared(allowed if asked else allowed.alone())

    def narrowed(self, right: Right, case: int, persons: Iterable[int]) -> Right:
        """A right in this case, narrowed by the rights of these persons."""
        here = self.joined.first(case)
        rights = [right, *(self._of_person(self.joined.first(person), here) or NOTHING_ALLOWED for person in persons)]
        return right if len(rights) == 1 else self._rights.shared(least(rights))

    def least_of(self, rights: Iterable[Right]) -> Right:
        return self._rights.shared(least(rights))

    def _of_case(self, case: int) -> Right | None:
        if case not in self._of_cases:
            speaking = self._speaking(case)
            said = _standing(self._said(consent) for consent in speaking or () if not self._for_people[consent])
            self._of_cases[case] = self._tangled if speaking is None else self._least(said, case)
        return self._rights[self._of_cases[case]]

    def _of_person(self, person: int, case: int) -> Right | None:
        if person in self._everywhere:
            return self._rights[self._everywhere[person]]
        parted = self._parted.get(person)
        if parted is None:
            speaking = self._speaking(person)
            if speaking is None:
                self._everywhere[person] = self._tangled
                return _TANGLED
            parted = self._part(speaking, person)
            if not parted.elsewhere:
                self._everywhere[person] = parted.place
            elif len(speaking) > MANY:
                self._parted[person] = parted
        return self._rights[self._within(case, parted)]

    @property
    def _tangled(self) -> int:
        return self._rights.place(_TANGLED)

    def _part(self, speaking: Iterable[int], person: int) -> _Parted:
        everywhere, elsewhere = array("I"), array("I")
        for consent in speaking:
            (elsewhere if self._for_cases[consent] else everywhere).append(consent)
        standing = _standing(map(self._said, everywhere))
        place = self._least(standing, person)
        return _Parted(person, everywhere[: MANY + 1], place, array("I", sorted(elsewhere)))

    def _within(self, case: int, parted: _Parted) -> int:
        """The place of a person's right in one case."""
        here = self._in_both(case, parted.elsewhere)
        if not here:
            return parted.place
        if len(parted.everywhere) <= MANY:
            return self._least(_standing(map(self._said, (*parted.everywhere, *here))), parted.person)
        allowed = self._rights[parted.place] or NOTHING_ALLOWED
        return self._rights.place(least([allowed, *(spoken.right for spoken in _standing(map(self._said, here)))]))

    def _in_both(self, case: int, consents: array[int]) -> list[int]:
        """The consents, among these, that speak for the case. `consents`: in order."""
        if not consents:
            return []
        if self._last_case[0] != case:
            self._last_case = case, frozenset(self._speaking(case) or ())
        speaking = self._last_case[1]
        if len(consents) <= len(speaking):
            return [consent for consent in consents if consent in speaking]
        return [
            consent
            for consent in speaking
            if (at := bisect_left(consents, consent)) < len(consents) and consents[at] == consent
        ]

    def _least(self, standing: Sequence[_Said], target: int) -> int:
        """The place of the right that these consents leave to a person or case."""
        if not standing:
            return _NOBODY
        allowed = least(spoken.right for spoken in standing)
        return self._rights.place(allowed._replace(merged=True) if self.joined.count(target) > 1 else allowed)

    def _speaking(self, target: int) -> Collection[int] | None:
        """The consents that name a target, or name nothing and replace one that does; None if there are too many."""
        if self.joined.count(target) > MANY:
            return None
        found = dict.fromkeys(self._naming.of(target))
        most = len(found) + MANY
        waiting = list(found)
        while waiting:
            for heir in self._heirs.of(self._own[waiting.pop()]):
                if heir not in found:
                    found[heir] = None
                    waiting.append(heir)
            if len(found) > most:
                return None
        return found

    def _said(self, consent: int) -> _Said:
        right = self._rights[self._right[consent]] or NOTHING_ALLOWED
        return _Said(self._own[consent], _few(self._replaced[consent]), right)


class _Rights:
    """Rights by their places. Equal ones, and nearly all are equal, share a place."""

    def __init__(self) -> None:
        self._every: list[Right] = []
        self._places: dict[Right, int] = {}

    def place(self, right: Right) -> int:
        at = self._places.setdefault(right, len(self._every))
        if at == len(self._every):
            self._every.append(right)
        return at

    def shared(self, right: Right) -> Right:
        """The stored right that is equal to this one."""
        return self._every[self.place(right)]

    def __getitem__(self, place: int) -> Right | None:
        return None if place == _NOBODY else self._every[place]


class _Known:
    """Places of rights by number, of those that were determined."""

    def __init__(self) -> None:
        self._places = array("i")

    def __contains__(self, number: int) -> bool:
        return number < len(self._places) and self._places[number] != _UNKNOWN

    def __getitem__(self, number: int) -> int:
        return self._places[number]

    def __setitem__(self, number: int, place: int) -> None:
        if number >= len(self._places):
            self._places.extend(repeat(_UNKNOWN, number + 1 - len(self._places)))
        self._places[number] = place


class _Parted(NamedTuple):
    """The consents that speak for a person."""

    person: int
    everywhere: array[int]  # in every case: all, or `MANY` + 1 of them
    place: int  # of the right that they leave
    elsewhere: array[int]  # in single cases only, in order


class _Said(NamedTuple):
    """One consent, by numbers."""

    id: int
    supersedes: Collection[int]
    right: Right


def _few(numbers: Iterable[int]) -> Collection[int]:
    """The numbers in little memory: for one or two, a set takes four times the size of a tuple."""
    found = tuple(numbers)
    return found if len(found) <= _FEW else frozenset(found)


def _linked(consent: Consent, *relations: Relation) -> tuple[bytes, ...]:
    return tuple(sorted({link.case for link in consent.links if link.relation in relations}))


def _right(consent: Consent, today: date) -> Right:
    to_come = begins_after(consent, today)
    covers, withheld = frozenset(consent.covers), [meant(word) for word in consent.withheld]
    said = bool(covers or _unknown(consent, "covers"))
    return Right(
        Scope.NONE if to_come else effective_scope(consent), is_withdrawn(consent), covers if said else UNSAID,
        frozenset().union(*withheld), not all(withheld) or _unknown(consent, "withheld"), not said, to_come=to_come,
    )  # fmt: skip


def _unknown(consent: Consent, field: str) -> bool:
    """Whether this field has a value that this version does not know, such as a compartment of a later version."""
    return bool(fields_of(Consent)[field].misfits(consent._state))


def _standing(said: Iterable[_Said]) -> list[_Said]:
    """The consents that no other one of them supersedes. Two that supersede each other both count."""
    every = {spoken.id: spoken for spoken in said}
    gone = {
        older
        for spoken in every.values()
        for older in spoken.supersedes
        if older in every and spoken.id not in every[older].supersedes  # one that supersedes itself stays
    }
    return [spoken for spoken in every.values() if spoken.id not in gone]
