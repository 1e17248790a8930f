"""Nations: the codes of countries and languages, from the names that people write for them.

The names are those of the Unicode consortium (CLDR, through Babel) in the languages of the tables, with the
three-letter codes, and some abbreviations that are common in tables of the region.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from cellsync.core.folded import folded

TONGUES: Final = ("en", "be", "ru", "pl", "uk", "lt", "de")
_TWO_LETTERS: Final = re.compile(r"[A-Za-z]{2}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE | re.ASCII)
_CODE: Final = re.compile(r"[a-z]{2}")
_LOCALE: Final = re.compile(r"([a-z]{2,3})_[A-Z]{2}")
_COUNTRIES: Final = {
    "BY": (
        "РБ, Республика Беларусь, Рэспубліка Беларусь, Белоруссия, Republic of Belarus, беларус, беларуска, "
        "белорус, белоруска, белорусское, беларускае, белорусская, беларуская, białoruskie, Belarusian, гражданин "
        "РБ, гражданка РБ, грамадзянін РБ, грамадзянка РБ"
    ),
    "RU": (
        "РФ, Российская Федерация, Расійская Федэрацыя, Russian Federation, россиянин, россиянка, российское, "
        "расійскае, rosyjskie, Russian"
    ),
    "PL": "РП, Rzeczpospolita Polska, польское, польскае, polskie, Polish",
    "UA": "украинское, украінскае, ukraińskie, Ukrainian",
    "LT": "литовское, літоўскае, litewskie, Lithuanian",
    "LV": "латвийское, латвійскае, łotewskie, Latvian",
    "DE": "ФРГ, германское, нямецкае, niemieckie, German",
    "US": "США, ЗША, USA, U.S.",
    "GB": "UK, United Kingdom, Great Britain, England, Великобритания, Вялікабрытанія",
}
_LANGUAGES: Final = {
    "be": "бел, бел., беларуская мова, белорусский язык, по-белорусски, па-беларуску, język białoruski, мова",
    "ru": "рус, рус., русский язык, руская, руская мова, расейская, по-русски, па-руску, język rosyjski",
    "pl": "пол, пол., польский язык, польская мова, język polski, по-польски",
    "en": "англ, англ., английский язык, ангельская, angielski",
}


def country(text: str) -> str | None:
    """The two-letter code (ISO 3166); None if the text is no country."""
    if _TWO_LETTERS.fullmatch(text) and text.isascii():
        return text.upper()
    return _countries().get(_key(text))


def language(text: str) -> str | None:
    """The code (BCP 47), unchanged if the text is a code already; None if it is no language.

    Two small letters are a code: "ga" is Irish, and "Ga" another language. Most tables have nothing else, and reading
    the names of all languages takes longer than three hundred rows.
    """
    if locale := _LOCALE.fullmatch(text):
        return locale[1]
    if _CODE.fullmatch(text):
        return text
    if found := _languages().get(_key(text)):
        return found
    return text if _LANGUAGE.fullmatch(text) and (len(text) < 4 or "-" in text) else None


@cache
def _countries() -> dict[str, str]:
    from babel.core import get_global

    places = _names("territories", re.compile("[A-Z]{2}"))
    aliases = get_global("territory_aliases")
    codes = {name.lower(): now[0] for name, now in aliases.items() if re.fullmatch("[A-Z]{3}", name) and len(now) == 1}
    return places | codes | _said(_COUNTRIES)


@cache
def _languages() -> dict[str, str]:
    return _names("languages", re.compile("[a-z]{2,3}")) | _said(_LANGUAGES)


def _names(what: str, code: re.Pattern[str]) -> dict[str, str]:
    """Names in the languages of the tables, folded; the first language that has a name decides its code."""
    from babel import Locale

    found: dict[str, str] = {}
    for tongue in TONGUES:
        for short, name in getattr(Locale.parse(tongue), what).items():
            if code.fullmatch(short):
                found.setdefault(_key(name), short)
    return found


def _said(words: dict[str, str]) -> dict[str, str]:
    return {_key(name): code for code, several in words.items() for name in several.split(",")}


def _key(text: str) -> str:
    return folded(text).strip(" .")
