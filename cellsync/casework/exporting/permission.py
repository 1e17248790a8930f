"""Permission: who may be given what, by compartment and by the consent of those concerned.

    audience    compartments                 consent
    internal    C0-C3, or apart C4-C6        internal or wider
    partners    C0-C3                        partners or wider
    un          C0-C3                        un or wider
    public      C0                           public

Consent comes from the Consent documents that are about a person of the case, or part of the case itself. All of them
count, with the least that any of them allows, but for those that another one supersedes. A person for whom nobody has
consented, and a case about nobody without a consent of its own, go nowhere: default deny.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cellsync.casework.consent import Consent, Scope, effective_scope
from cellsync.casework.link import Relation
from cellsync.core.case.fields import Sensitivity
from cellsync.core.errors import CallerError, InvalidValue
from cellsync.core.ids import CaseId

ABOUT_CASES: Final = frozenset({Sensitivity.C0, Sensitivity.C1, Sensitivity.C2, Sensitivity.C3})
ABOUT_HELP: Final = frozenset({Sensitivity.C4, Sensitivity.C5, Sensitivity.C6})
_WIDTH: Final = list(Scope)


class NoConsent(CallerError):
    """Nobody has consented that these cases go that far."""

    code = "no_consent"
    default_hint = "Nothing was exported. Ask those concerned, and note what they say in a Consent document."


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


def reaches(scope: Scope, audience: Scope) -> bool:
    """Whether a consent of this scope allows giving to this audience."""
    return scope is not Scope.NONE and _WIDTH.index(scope) >= _WIDTH.index(audience)


def scope_of(case: CaseId, persons: Iterable[CaseId], consents: Iterable[Consent]) -> Scope:
    """How far a case about these persons may go."""
    everyone = list(consents)
    superseded = {link.case for one in everyone for link in one.links if link.relation is Relation.SUPERSEDES}
    standing = [one for one in everyone if bytes(one.id) not in superseded]
    concerned = list(persons)
    of_case = _scopes(case, standing)
    of_persons = [_scopes(person, standing) for person in concerned]
    if not of_case and not (of_persons and all(of_persons)):
        return Scope.NONE
    return min([scope for scopes in (of_case, *of_persons) for scope in scopes], key=_WIDTH.index)


def _scopes(document: CaseId, consents: list[Consent]) -> list[Scope]:
    return [
        effective_scope(one)
        for one in consents
        if any(link.case == document and link.relation in (Relation.ABOUT, Relation.PART_OF) for link in one.links)
    ]
