"""How differences of clocks are worded."""

from __future__ import annotations

import pytest

from cellsync.core.membership.clocks import NOTABLE
from cellsync.core.plain import WORTH_A_WORD, apart

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
