"""What an export leaves out, by reason, and what it says of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from cellsync.casework.documents.consent import Scope
from cellsync.casework.exporting.numbers import Cases
from cellsync.core.errors import CallerError
from cellsync.core.ids import CaseId
from cellsync.core.marks import Marks
from cellsync.core.schema.fields import Sensitivity

_FEW: Final = 4  # cases that are named
_SHORT: Final = 8  # digits of an id


class Why(StrEnum):
    """Why something was left out."""

    NO_CONSENT = "no_consent"
    TOO_NARROW = "too_narrow"
    WITHDRAWN = "withdrawn"
    TO_COME = "to_come"
    NOT_COVERED = "not_covered"
    WITHHELD = "withheld"
    ABOUT_NOBODY = "about_nobody"
    UNCLEAR = "unclear"
    OTHERS = "others"
    MENTIONS = "mentions"
    NOTHING = "nothing"


_SAID: Final = {
    Why.NO_CONSENT: "there is no consent: of a person concerned, or for the case itself",
    Why.TOO_NARROW: "a consent does not reach that far",
    Why.WITHDRAWN: "a consent was withdrawn",
    Why.TO_COME: "a consent is given on a day that is still to come",
    Why.NOT_COVERED: "a consent does not cover their compartment",
    Why.WITHHELD: "a consent withholds them",
    Why.ABOUT_NOBODY: (
        "the case is about no person who is linked, and its consent does not say that it covers their compartment"
    ),
    Why.UNCLEAR: (
        "a consent withholds something that is no field, too many consents took each other's place, or too many "
        "records are merged"
    ),
    Why.OTHERS: "also about somebody, or part of a case, that does not leave",
    Why.MENTIONS: (
        "these texts say something that stays, such as a name; mend them, or let them go with --with-mentions"
    ),
    Why.NOTHING: "nothing of them is in these compartments",
}


_MAY_SAY: Final = "these texts leave, and may say something that stays, such as a name"
_MERGED: Final = "; what is said about one of several records that are merged counts for all of them"


class LeftOut(NamedTuple):
    """What was left out for one reason."""

    why: Why
    cases: Sequence[bytes]  # in which it was left out
    what: tuple[str, ...]  # "person.health", or "task" for whole documents; empty: the cases themselves
    merged: bool = False  # in some of them, a person or case concerned has several records

    @property
    def said(self) -> str:
        """2 cases left out: …; or: person.health left out of 2 cases: …"""
        cases = f"{len(self.cases)} case" + "s" * (len(self.cases) != 1)
        what = f"{', '.join(self.what)} left out of {cases}" if self.what else f"{cases} left out"
        return f"{what}{_named(self)}: {_SAID[self.why]}{_MERGED * self.merged}"

    def __repr__(self) -> str:
        return f"<left out of {len(self.cases)} cases: {self.why.value}>"


class Mentioned(NamedTuple):
    """A field that left with texts which say, or may say, something that stays."""

    cases: Sequence[bytes]  # of which it left
    what: tuple[str, ...]  # "case.summary"

    @property
    def said(self) -> str:
        """case.summary of 2 cases (4f2a91c3, 77d0ab12): …"""
        cases = f"{len(self.cases)} case" + "s" * (len(self.cases) != 1)
        return f"{', '.join(self.what)} of {cases}{_ids(self.cases)}: {_MAY_SAY}"

    def __repr__(self) -> str:
        return f"<mentioned in {len(self.cases)} cases>"


def _named(left: LeftOut) -> str:
    """The cases of texts that were held back, because a person has to look at them."""
    return _ids(left.cases) if left.why is Why.MENTIONS else ""


def _ids(cases: Sequence[bytes]) -> str:
    more = ", …" if len(cases) > _FEW else ""
    return f" ({', '.join(case.hex()[:_SHORT] for case in cases[:_FEW])}{more})"


_FOR_PUBLIC: Final = "What is for the public stands in C0: a case's summary, and what is marked C0."
_ELSEWHERE: Final = (
    "Choose other compartments: C0 and C1 are the case, C2 and C3 law and health, C4 to C6 helpers and routes."
)


class NoConsent(CallerError):
    """Nobody has consented that these cases go that far."""

    code = "no_consent"
    default_hint = (
        "Nothing was exported. Ask each person concerned, and note what they say in a consent about them: "
        "one that is only part of a case does not speak for its people."
    )

    def __init__(self, left_out: Iterable[LeftOut] = ()) -> None:
        self.left_out = list(left_out)
        super().__init__(hint=" ".join([self.default_hint, *(f"{left.said}." for left in self.left_out)]))


class NothingLeaves(CallerError):
    """Nothing in the chosen compartments of these cases is there, and may leave."""

    code = "nothing_leaves"
    default_hint = "Nothing was exported."

    def __init__(self, audience: Scope, chosen: Iterable[Sensitivity], left_out: Iterable[LeftOut] = ()) -> None:
        self.left_out = list(left_out)
        named = ", ".join(sorted(compartment.value for compartment in chosen))
        what = _FOR_PUBLIC if audience is Scope.PUBLIC else _ELSEWHERE
        super().__init__(
            f"Nothing of these cases is in {named} and may leave.",
            hint=" ".join(
                [self.default_hint, what, *(f"{left.said}." for left in self.left_out if left.why is not Why.NOTHING)]
            ),
        )


class Kept:
    """The data that stays, by reason: the places of the cases, and the fields or documents."""

    def __init__(self) -> None:
        self._where: dict[_Reason, Marks] = {}
        self._what: dict[_Reason, set[str]] = {}
        self._merged: set[_Reason] = set()
        self._mentioned: dict[str, Marks] = {}

    def add(self, why: Why, place: int, what: str = "", *, merged: bool = False) -> None:
        """`what`: a field, or a kind of documents; "" for the case itself. `merged`: its person has several records."""
        reason = _Reason(why, bool(what), what if why is Why.MENTIONS else "")
        self._where.setdefault(reason, Marks()).add(place + 1)
        if what:
            self._what.setdefault(reason, set()).add(what)
        if merged:
            self._merged.add(reason)

    def add_mentioned(self, place: int, field: str) -> None:
        """Note that a text of this field leaves, and may mention data that stays."""
        self._mentioned.setdefault(field, Marks()).add(place + 1)

    def by_reason(self, ids: Mapping[int, CaseId], numbers: Sequence[int]) -> list[LeftOut]:
        """The reasons in order. `numbers`: of the cases, by their places."""
        return [
            LeftOut(
                reason.why, _cases(self._where[reason], ids, numbers), tuple(sorted(self._what.get(reason, ()))),
                reason in self._merged,
            )
            for reason in sorted(self._where, key=_Reason.rank)
        ]  # fmt: skip

    def mentioned(self, ids: Mapping[int, CaseId], numbers: Sequence[int]) -> list[Mentioned]:
        """The texts that leave with a mention, by field."""
        return [
            Mentioned(_cases(where, ids, numbers), (field,)) for field, where in sorted(self._mentioned.items())
        ]  # fmt: skip


def _cases(where: Marks, ids: Mapping[int, CaseId], numbers: Sequence[int]) -> Cases:
    return Cases(ids, (numbers[place - 1] for place in where))


class _Reason(NamedTuple):
    """The key under which what stays is reported together."""

    why: Why
    some: bool  # some of a case
    field: str  # texts are reported field by field, because a person has to look at them

    def rank(self) -> tuple[bool, int, str]:
        return self.some, list(Why).index(self.why), self.field
