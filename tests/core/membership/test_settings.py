"""Settings in force: against a model that asks of every value whether it is reached. The vectors have the rest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.ids import EntryId, MemberId
from cellsync.core.membership.settings import SCALES, CircleSettings, Said, Setting, in_force

VALUES = st.dictionaries(st.integers(1, 5), st.integers(0, 3), max_size=3)
Written = list[dict[int, int]]
AUTHOR = st.lists(VALUES, max_size=3)
LOCK = Setting.LOCKS_AFTER


def entry(number: int) -> EntryId:
    return EntryId(bytes([number]) * 32)


def one(**values: int) -> CircleSettings:
    return CircleSettings({Setting[name]: value for name, value in values.items()})


def closed(sees: set[tuple[EntryId, EntryId]]) -> set[tuple[EntryId, EntryId]]:
    """With what is seen through others."""
    for between in sorted({later for later, _ in sees}):
        sees |= {(a, d) for a, b in sees for c, d in sees if b == c == between}
    return sees


def never(later: EntryId, earlier: EntryId) -> bool:
    return False


def test_what_means_nothing_is_not_said() -> None:
    assert CircleSettings({1: 2, 2: 0, 3: 0, 4: 3, 5: 1}).says(Setting.WHEN_REMOVED) is None
    for setting, scale in SCALES.items():
        assert CircleSettings({setting: scale[0]}).says(setting) == scale[0]
        assert CircleSettings({setting: scale[-1]}).says(setting) == scale[-1]
        assert CircleSettings({}).says(setting) is None
    assert CircleSettings({LOCK: 0}).says(LOCK) is CircleSettings({LOCK: 1_441}).says(LOCK) is None


def test_a_later_word_replaces_only_what_it_says() -> None:
    written = {entry(1): one(LOCKS_AFTER=5, SHOWN=2), entry(2): one(LOCKS_AFTER=60)}
    assert in_force({MemberId(entry(9)): written}, lambda later, earlier: later > earlier) == {
        Setting.LOCKS_AFTER: 60,
        Setting.SHOWN: 2,
    }


@given(st.lists(AUTHOR, max_size=4), st.lists(AUTHOR, max_size=2), st.data())
def test_two_words_or_the_paper_s(said: list[Written], papers: list[Written], data: st.DataObject) -> None:
    count = sum(map(len, said)) + sum(map(len, papers))
    order = data.draw(st.sets(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=count))
    sees = closed({(entry(later), entry(earlier)) for later, earlier in order if later > earlier})
    numbers = iter(range(count))
    members = [{entry(next(numbers)): CircleSettings(values) for values in each} for each in said]
    paper = [{entry(next(numbers)): CircleSettings(values) for values in each} for each in papers]
    found = in_force({MemberId(entry(at)): each for at, each in enumerate(members)}, lambda *pair: pair in sees, paper)

    def harshness(setting: Setting, author: Said) -> int | None:
        values = {at: value for at, each in author.items() if (value := each.says(setting)) is not None}
        seen = {earlier for later, earlier in sees if later in values}
        return min((SCALES[setting].index(value) for at, value in values.items() if at not in seen), default=None)

    for setting, scale in SCALES.items():
        words = [word for each in members if (word := harshness(setting, each)) is not None]
        alone = [word for each in paper if (word := harshness(setting, each)) is not None]
        for value in range(4):
            if value not in scale:
                continue
            harsh = scale.index(value)
            supporters = sum(word >= harsh for word in words)
            is_reached = supporters >= (1 if len(members) == 1 else 2) or any(word >= harsh for word in alone)
            assert is_reached == (setting in found and scale.index(found[setting]) >= harsh)


def test_nothing_is_in_force_where_nobody_has_said_anything() -> None:
    assert in_force({}, never) == in_force({MemberId(entry(1)): {}}, never) == {}
