"""Permission: who may be given what. Default deny, for each person and each field.

    audience    compartments                 consent of each person concerned
    internal    C0-C3, or apart C4-C6        internal or wider
    partners    C0-C3                        partners or wider, and it covers the compartment
    un          C0-C3                        un or wider, and it covers the compartment
    public      C0                           public

Who has consented to what is one table, made of the Consent documents:

    a consent that is               speaks for
    about a person                  that person, in every case
    about a person, part of a case  that person, in that case only
    part of a case                  the case: it can narrow what the persons allow, and decides alone only where the
                                    case is about nobody. It never speaks for a person.

All that speak count, with the least that any of them allows, but for those that another one of them supersedes; a
consent that names nothing but the one that it supersedes takes that one's place. A person for whom nobody has
consented goes nowhere, and neither does what is known about them: a case or document about several people takes the
consent of each.

A consent covers C0 and C1 unless it says what it covers; legal and medical facts are never covered unsaid. Fields that
it withholds stay whatever it covers, and one that withholds something that is no field lets nothing out: nobody knows
what was meant. An external id that is more than a number stays with the name and the birth of which it is made.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from cellsync.casework.documents.consent import Consent, Scope, effective_scope, is_withdrawn
from cellsync.casework.exporting.documents import meant
from cellsync.casework.values.link import Relation
from cellsync.core.errors import CallerError, InvalidValue
from cellsync.core.schema.fields import Sensitivity

ABOUT_CASES: Final = frozenset({Sensitivity.C0, Sensitivity.C1, Sensitivity.C2, Sensitivity.C3})
ABOUT_HELP: Final = frozenset({Sensitivity.C4, Sensitivity.C5, Sensitivity.C6})
UNSAID: Final = frozenset({Sensitivity.C0, Sensitivity.C1})
_EVERYTHING: Final = ABOUT_CASES | ABOUT_HELP
_WIDTH: Final = list(Scope)
_FEW: Final = 4


class Why(StrEnum):
    """Why something was left out."""

    NO_CONSENT = "no_consent"
    TOO_NARROW = "too_narrow"
    WITHDRAWN = "withdrawn"
    NOT_COVERED = "not_covered"
    WITHHELD = "withheld"
    UNCLEAR = "unclear"
    OTHERS = "others"
    NOTHING = "nothing"


_SAID: Final = {
    Why.NO_CONSENT: "nobody has consented for a person concerned",
    Why.TOO_NARROW: "a consent does not reach that far",
    Why.WITHDRAWN: "a consent was withdrawn",
    Why.NOT_COVERED: "a consent does not cover their compartment",
    Why.WITHHELD: "a consent withholds them",
    Why.UNCLEAR: "a consent withholds something that is not the name of a field",
    Why.OTHERS: "also about somebody, or part of a case, that does not leave",
    Why.NOTHING: "nothing of them is in these compartments",
}


class LeftOut(NamedTuple):
    """What was left out for one reason."""

    why: Why
    cases: tuple[bytes, ...]  # in which it was left out
    what: tuple[str, ...]  # "person.health", or "task" for whole documents; empty: the cases themselves

    @property
    def said(self) -> str:
        """2 cases left out: …; or: person.health left out of 2 cases: …"""
        cases = f"{len(self.cases)} case" + "s" * (len(self.cases) != 1)
        what = f"{', '.join(self.what)} left out of {cases}" if self.what else f"{cases} left out"
        return f"{what}: {_SAID[self.why]}"

    def __repr__(self) -> str:
        return f"<left out of {len(self.cases)} cases: {self.why.value}>"


class NoConsent(CallerError):
    """Nobody has consented that these cases go that far."""

    code = "no_consent"
    default_hint = (
        "Nothing was exported. Ask each person concerned, and note what they say in a consent about them: "
        "one that is only part of a case does not speak for its people."
    )

    def __init__(self, left_out: Iterable[LeftOut] = ()) -> None:
        self.left_out = list(left_out)
        super().__init__(hint=" ".join([self.default_hint, *(f"{one.said}." for one in self.left_out)]))


class NothingLeaves(CallerError):
    """Nothing in these cases is in the compartments that were chosen."""

    code = "nothing_leaves"
    default_hint = "Nothing was exported. What is for the public stands in C0: a case's summary, and what is marked C0."


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
        raise InvalidValue("C4 to C6 are for members only", hint="Nothing was exported.")
    if audience is Scope.PUBLIC and chosen != {Sensitivity.C0}:
        raise InvalidValue("only C0 is for the public", hint="Nothing was exported.")
    return chosen


class Right(NamedTuple):
    """What consents allow: the least of all that speak."""

    scope: Scope
    withdrawn: bool
    covers: frozenset[Sensitivity]
    withheld: frozenset[str]  # "person.residence"
    unclear: bool  # something is withheld of which nobody knows what it is

    def refuses(self, audience: Scope) -> Why | None:
        """Why nothing may go to this audience; None if something may."""
        if self.unclear and audience is not Scope.INTERNAL:
            return Why.UNCLEAR
        if self.scope is not Scope.NONE and _WIDTH.index(self.scope) >= _WIDTH.index(audience):
            return None
        return Why.WITHDRAWN if self.withdrawn else Why.TOO_NARROW

    def keeps(self, audience: Scope, compartment: Sensitivity, document: str, field: str) -> Why | None:
        """Why a field of a document ("person", "residence") may not go to this audience; None if it may."""
        if audience is Scope.INTERNAL:  # members read all of it anyway
            return None
        if f"{document}.{field}" in self.withheld:
            return Why.WITHHELD
        return None if compartment in self.covers else Why.NOT_COVERED


NOTHING_ALLOWED: Final = Right(Scope.NONE, False, frozenset(), frozenset(), False)


def least(rights: Iterable[Right]) -> Right:
    """What all of them allow."""
    every = list(rights)
    if not every:
        return NOTHING_ALLOWED
    return Right(
        min((one.scope for one in every), key=_WIDTH.index),
        any(one.withdrawn for one in every),
        _EVERYTHING.intersection(*(one.covers for one in every)),
        frozenset().union(*(one.withheld for one in every)),
        any(one.unclear for one in every),
    )


class Spoken(NamedTuple):
    """What one consent says: of a hundred thousand of them this is kept."""

    id: bytes
    named: tuple[bytes, ...]  # whom or what it is about or part of
    supersedes: tuple[bytes, ...]
    right: Right


def spoken(consent: Consent) -> Spoken:
    return Spoken(
        bytes(consent.id), _linked(consent, Relation.ABOUT, Relation.PART_OF), _linked(consent, Relation.SUPERSEDES),
        _right(consent),
    )  # fmt: skip


class Consents:
    """The table: who has consented to what."""

    def __init__(self, said: Iterable[Spoken], persons: Container[bytes]) -> None:
        self.persons = persons
        self._said: dict[bytes, list[_Said]] = {}
        self._everywhere: dict[bytes, Right | None] = {}  # of persons of whom nobody has spoken for one case only
        self._of_cases: dict[bytes, Right] = {}  # what is said of a case, once it was asked for
        rights: dict[Right, Right] = {}  # nearly all are alike
        for one in _read(said, persons):
            shared = one._replace(right=rights.setdefault(one.right, one.right))
            for target in one.persons or one.cases:
                self._said.setdefault(target, []).append(shared)

    def of(self, case: bytes, persons: Iterable[bytes]) -> Right | None:
        """What may go of a document in this case that is about these persons; None if nobody has spoken for one."""
        asked = [self._of_person(person, case) for person in persons]
        of_case = self._of_case(case)
        if any(right is None for right in asked) or not (asked or of_case):
            return None
        return least(right for right in (*asked, of_case) if right is not None)

    def _of_case(self, case: bytes) -> Right | None:
        if case not in self._of_cases:
            said = _standing(one for one in self._said.get(case, ()) if not one.persons)
            if not said:
                return None
            self._of_cases[case] = least(one.right for one in said)
        return self._of_cases[case]

    def _of_person(self, person: bytes, case: bytes) -> Right | None:
        if person not in self._everywhere:
            about_her = self._said.get(person, [])
            said = _standing(one for one in about_her if not one.cases or case in one.cases)
            right = least(one.right for one in said) if said else None
            if any(one.cases for one in about_her):
                return right
            self._everywhere[person] = right
        return self._everywhere[person]


class _Said(NamedTuple):
    """One consent."""

    id: bytes
    persons: Collection[bytes]
    cases: Collection[bytes]
    supersedes: Collection[bytes]
    right: Right


def _read(consents: Iterable[Spoken], persons: Container[bytes]) -> Iterable[_Said]:
    every = {one.id: one for one in consents}
    for one in every.values():
        targets = one.named or _inherited(one, every)
        of_persons = _few(target for target in targets if target in persons)
        of_cases = _few(target for target in targets if target not in persons)
        yield _Said(one.id, of_persons, of_cases, _few(one.supersedes), one.right)


def _few(ids: Iterable[bytes]) -> Collection[bytes]:
    """As small as they come: of one or two, a set takes four times what a tuple does."""
    found = tuple(ids)
    return found if len(found) <= _FEW else frozenset(found)


def _linked(consent: Consent, *relations: Relation) -> tuple[bytes, ...]:
    return tuple(sorted({link.case for link in consent.links if link.relation in relations}))


def _inherited(consent: Spoken, every: Mapping[bytes, Spoken]) -> Collection[bytes]:
    """What a consent speaks for that names only what it supersedes."""
    found: set[bytes] = set()
    seen, waiting = {consent.id}, list(consent.supersedes)
    while waiting:
        other = waiting.pop()
        if other in every and other not in seen:
            seen.add(other)
            found.update(every[other].named)
            waiting += [] if every[other].named else every[other].supersedes
    return found


def _right(consent: Consent) -> Right:
    said = frozenset(one for one in consent.covers if isinstance(one, Sensitivity))
    withheld = [meant(one) if isinstance(one, str) else frozenset() for one in consent.withheld]
    return Right(
        effective_scope(consent), is_withdrawn(consent), said or UNSAID, frozenset().union(*withheld),
        not all(withheld),
    )  # fmt: skip


def _standing(said: Iterable[_Said]) -> list[_Said]:
    """Without those that another one of them supersedes. Two that supersede each other both count."""
    every = {one.id: one for one in said}
    gone = {
        other
        for one in every.values()
        for other in one.supersedes
        if other in every and one.id not in every[other].supersedes  # also itself: then it stays
    }
    return [one for one in every.values() if one.id not in gone]


def by_reason(left_out: Iterable[tuple[Why, bytes, str]]) -> list[LeftOut]:
    """What was left out, by reason: (why, in which case, what of it or "")."""
    found: dict[tuple[Why, bool], tuple[dict[bytes, None], dict[str, None]]] = {}
    for why, case, what in left_out:
        cases, things = found.setdefault((why, bool(what)), ({}, {}))
        cases[case] = None
        if what:
            things[what] = None
    order = list(Why)
    return [
        LeftOut(why, tuple(cases), tuple(sorted(things)))
        for (why, _), (cases, things) in sorted(found.items(), key=lambda one: (one[0][1], order.index(one[0][0])))
    ]
