"""Words of the calendar: months and seasons as people write them, in the languages of the tables."""

from __future__ import annotations

from functools import cache
from typing import Final

from cellsync.casework.values.nations import TONGUES
from cellsync.core.folded import folded

SEASONS: Final = frozenset(
    folded(word)
    for word in (
        "spring", "summer", "autumn", "fall", "winter", "весна", "весной", "лето", "летом", "осень", "осенью", "зима",
        "зимой", "вясна", "вясной", "лета", "летам", "восень", "восенню", "зіма", "зімой", "wiosna", "wiosną", "lato",
        "latem", "jesień", "jesienią", "zima", "zimą",
    )
)  # fmt: skip
_ALSO: Final = {"лютый": 2, "сент": 9, "sept": 9, "травня": 5, "траўня": 5, "травень": 5, "трав": 5}
_ROMAN: Final = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")


def month_in_figures(roman: str) -> int | None:
    """The number of a month in Roman figures, as used in Poland: 3.V.1981; None for other text."""
    figure = roman.rstrip(".")
    return _ROMAN.index(figure) + 1 if figure in _ROMAN else None


def month(word: str) -> int | None:
    """The number of a month, from its name in any grammatical case or an abbreviation; None for other words."""
    return _months().get(folded(word).rstrip("."))


def is_weekday(word: str) -> bool:
    """Whether a word is the name of a day of the week, or an abbreviation of one."""
    return folded(word) in _weekdays()


@cache
def _weekdays() -> frozenset[str]:
    from babel import Locale

    forms = [Locale.parse(tongue).days for tongue in TONGUES]
    return frozenset(
        folded(name)
        for days in forms
        for case in ("format", "stand-alone")
        for length in ("wide", "abbreviated")
        for name in days[case][length].values()
    )


@cache
def _months() -> dict[str, int]:
    from babel import Locale

    found = {folded(word): number for word, number in _ALSO.items()}
    for tongue in TONGUES:
        forms = Locale.parse(tongue).months
        for case in ("format", "stand-alone"):
            for length in ("wide", "abbreviated"):
                for number, name in forms[case][length].items():
                    if not name.isdigit():
                        found.setdefault(folded(name).rstrip("."), number)
    return found
