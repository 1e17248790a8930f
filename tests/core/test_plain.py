"""How clocks that differ are spoken of, and how names are compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.membership.clocks import NOTABLE
from cellsync.core.plain import WORTH_A_WORD, apart, folded

DAY = 86_400


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, ""), (299, ""), (-299, ""), (300, "5 minutes ahead of"), (-600, "10 minutes behind"),
        (7_199, "120 minutes ahead of"), (-3 * 3_600, "3 hours behind"), (1.5 * DAY, "36 hours ahead of"),
        (-3 * DAY, "3 days behind"), (40 * DAY, "40 days ahead of"),
    ],
)  # fmt: skip
def test_a_difference_in_words(seconds: float, said: str) -> None:
    assert apart(seconds) == said


def test_what_is_worth_a_word_is_what_keeps_devices_from_finding_each_other() -> None:
    assert WORTH_A_WORD * 1000 == NOTABLE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Дар'я", "дар’я"), ("Дарʼя", "ДАР`Я"), ("Дар´я", "Дар″я"), ("Дар‘я", "Даря"), ("Семён", "СЕМЕН"),
        ("Воўк", "Воук"), ("Łucja Żółć", "LUCJA ZOLC"), ("Rūta Žąsytė", "ruta zasyte"), ("Strauß", "STRAUSS"),
        ("Вера\u00a0 Ціхая", " вера ціхая"), ("Анна–Мария", "Анна-Мария"), ("и\u0306", "й"), ("І\u0301рма", "Ірма"),
        ("Ве\u200dра", "Вера"), ("Ｖｅｒａ", "vera"),
    ],
)  # fmt: skip
def test_a_name_is_the_same_however_it_is_typed(one: str, other: str) -> None:
    assert folded(one) == folded(other) != ""


@pytest.mark.parametrize(("one", "other"), [("Вера", "Bepa"), ("Вера", "Вера Ціхая"), ("Іна", "Ина")])
def test_other_names_stay_others(one: str, other: str) -> None:
    assert folded(one) != folded(other)


@given(st.text(max_size=20))
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)
