"""Who made coordinators where nobody else had a word, in two histories at once."""

from __future__ import annotations

import pytest

from cellsync.core.membership.deliberation import Deliberation
from tests.core.deeds import Told
from tests.histories import reader
from tests.histories.forms import Member

PLANTERS: dict[str, set[str]] = {
    "T9-planted-by-the-only-elector": {"M"},
    "search-planted-by-the-only-elector": {"M"},
    "search-final-removal-and-the-planted": {"M"},
    "search-planted-puppet": set(),  # there two had a word
    "circle-of-three": set(),
}


@pytest.mark.parametrize("name", PLANTERS)
def test_who_has_planted(name: str) -> None:
    history = reader.histories()[name]
    told = Told(history, next(reader.assignments(history, 1)))
    decision = Deliberation(told.deeds(history.entries)).decide()
    assert decision.planters == {told.members[Member(each)] for each in PLANTERS[name]}
