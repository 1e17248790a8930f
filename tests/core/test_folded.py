"""Folding: spellings that people take for one name fold alike, and no others do."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cellsync.core.folded import folded
from tests.models import folding

ALIKE = [
    ("Дем'ян", "Дем’ян", "Демʼян", "Дем`ян", "Дем´ян", "Дем‘ян", "ДЕМ＇ЯН", "дем′ян"),
    ("Пётр Ёлкин", "Петр Елкин", "ПЁТР  ЁЛКИН", "Пе\u0308тр\u00a0Ёлкин"),
    ("Аўласевіч", "Ауласевіч", "АЎЛАСЕВІЧ", "Ау\u0306ласевіч"),
    ("Łukasz Żółć", "Lukasz Zolc", "łukasz żółć", "LUKASZ ŻÓŁĆ"),
    ("Weiß", "WEISS", "weiss"),
    ("İpek Yılmaz", "Ipek Yilmaz", "ipek yılmaz"),
    ("Анна-Марыя", "Анна–Марыя", "Анна—Марыя", "анна‑марыя"),
    ("ﬁlip", "Filip", "Ｆｉｌｉｐ"),
    ("שָׁלוֹם", "שלום"),
]
APART = [("Анна", "Ганна"), ("Иванов", "Іванов"), ("की", "का"), ("Anna Maria", "Annamaria"), ("5", "V")]


@pytest.mark.parametrize("names", ALIKE, ids=lambda names: names[0])
def test_what_people_take_for_one_name_folds_alike(names: tuple[str, ...]) -> None:
    assert len({folded(name) for name in names}) == 1


@pytest.mark.parametrize("names", APART, ids=lambda names: names[0])
def test_other_names_stay_apart(names: tuple[str, str]) -> None:
    assert len({folded(name) for name in names}) == 2


MARKS = "\u0300\u0301\u0308\u0323\u0327\u0345\u05b0\u05b7\u093c\u094d\u0f71\u0f74\u1ab7\u3099"
LETTERS = "aåeжёўіİıßﬁΐᾳᾼΣςϓǅ¨'’ ´-—\u00ad\u00a0\u1100\u1161\u11a8각しが가ﾞﾟकक़शאשׁ\u0344\u0f73\u1fb7"


@given(st.text(max_size=40) | st.text(MARKS + LETTERS, max_size=12))
@example("ᾳ\u0301\u0323\u0345")
def test_letter_by_letter_is_as_all_at_once(text: str) -> None:
    assert folded(text) == folding.folded(text)


def test_every_letter_folds_alone_as_between_others() -> None:
    letters = [chr(letter) for letter in range(0x3100) if not 0xD800 <= letter < 0xE000]
    assert folded("|".join(letters)) == folding.folded("|".join(letters))


@given(st.text(max_size=40))
@example("ΐ")
@example("ﬀ'ß")
@example("ẚ")
@example("¨")
def test_folding_again_changes_nothing(text: str) -> None:
    once = folded(text)
    assert folded(once) == once


@given(st.text(max_size=40))
def test_case_and_blanks_around_never_matter(text: str) -> None:
    assert folded(f"\u3000{text}\t") == folded(text)
    assert folded(text.swapcase().swapcase().casefold()) == folded(text.casefold())
