"""What the members of a circle choose together: whose words it takes, and who obeys it."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from cellsync import Cell
from cellsync.cell.choices import ChoiceStanding, in_words, parsed
from cellsync.cell.flag import Reason
from cellsync.core.errors import InvalidValue, NotPermitted
from cellsync.core.ids import MemberId
from cellsync.core.membership.control import Role
from cellsync.core.membership.settings import SCALES, Setting
from cellsync.testing import MemoryNetwork, level

WIPE, LOCK = 1, 0


def standing(cell: Cell, setting: Setting) -> ChoiceStanding:
    return next(one for one in cell.first.membership.settings() if one.setting is setting)


def in_force(cells: list[Cell], setting: Setting) -> list[str | None]:
    return [standing(cell, setting).in_force for cell in cells]


def wanted(cell: Cell) -> list[tuple[str, tuple[str, ...]]]:
    return [(flag.author, flag.about) for flag in cell.flags if flag.reason is Reason.WANTED]


async def require_all(cells: list[Cell]) -> None:
    await cells[0].first.membership.require()
    await level(cells)


async def test_harsher_takes_two_and_one_of_them_takes_it_back(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with memory_network.cells("ana", "ben", role="coordinator") as both:
        ana, ben = both
        await require_all(both)
        await ana.first.membership.choose(Setting.WHEN_REMOVED, WIPE)
        await level(both)
        assert in_force(both, Setting.WHEN_REMOVED) == [None, None]
        for cell in both:
            found = standing(cell, Setting.WHEN_REMOVED).wanted
            assert found is not None
            assert (found.value, found.by.name, found.lacks) == ("wipe", "ana", (1, ("ben",)))
            assert wanted(cell) == [("ana", ("when-removed", "wipe"))]
        await ben.first.membership.choose(Setting.WHEN_REMOVED, WIPE)
        await level(both)
        assert in_force(both, Setting.WHEN_REMOVED) == ["wipe", "wipe"]
        assert wanted(ana) == wanted(ben) == []
        assert {(word.name, word.value) for word in standing(ben, Setting.WHEN_REMOVED).words} == {
            ("ana", "wipe"),
            ("ben", "wipe"),
        }
        await ben.first.membership.choose(Setting.WHEN_REMOVED, LOCK)
        await level(both)
        assert in_force(both, Setting.WHEN_REMOVED) == ["lock", "lock"]


async def test_one_who_makes_coordinators_and_demotes_others_has_one_word_still(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """A puppet is no elector until another elector has agreed to it, and who is demoted on one word still is one."""
    async with memory_network.cells("mallory", "ben", "cara", "pip", role="coordinator") as cells:
        mallory, ben, cara, _ = cells
        await require_all(cells)
        await ben.first.membership.endorse(await ben.first.membership.to_endorse(MemberId(cara.device)))
        await level(cells)
        for cell in (mallory, cells[3]):
            await cell.first.membership.choose(Setting.SHOWN, 2)
        await level(cells)
        assert in_force(cells, Setting.SHOWN) == [None] * 4
        for other in (ben, cara):
            await mallory.first.membership.set_role(MemberId(other.device), Role.WRITER)
        await level(cells)
        assert ben.role is cara.role is Role.WRITER
        assert in_force(cells, Setting.SHOWN) == [None] * 4


async def test_the_word_of_who_is_removed_counts_no_more(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with memory_network.cells("ana", "ben", role="coordinator") as both:
        ana, ben = both
        await require_all(both)
        for cell in both:
            await cell.first.membership.choose(Setting.LOCKS_AFTER, 5)
            await level(both)
        assert in_force(both, Setting.LOCKS_AFTER) == ["5", "5"]
        memory_network.partition("ana", "ben")
        await ana.first.membership.remove([MemberId(ben.device)])
        assert in_force(both, Setting.LOCKS_AFTER) == ["5", "5"]  # of one of two electors the other is left
        assert [word.name for word in standing(ana, Setting.LOCKS_AFTER).words] == ["ana"]


async def test_a_writer_chooses_nothing(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        with pytest.raises(NotPermitted):
            await ben.first.membership.choose(Setting.KEPT_FOR, 30)
        await ana.first.membership.choose(Setting.KEPT_FOR, 30)
        await level([ana, ben])
        for cell in (ana, ben):
            assert standing(cell, Setting.KEPT_FOR).in_force == "30"
            assert not standing(cell, Setting.KEPT_FOR).obeyed


async def test_it_is_the_same_when_the_cell_is_opened_again(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    device = await memory_network.device("ana").found()
    async with device.opened() as ana:
        await ana.first.membership.choose(Setting.LOCKS_AFTER, 5)
        await ana.first.membership.choose(Setting.LOCKS_AFTER, 7)
    async with device.opened() as ana:
        assert standing(ana, Setting.LOCKS_AFTER).in_force == "7"


@pytest.mark.parametrize("setting", list(Setting))
def test_words_are_read_as_they_are_shown(setting: Setting) -> None:
    name = standing_name(setting)
    for value in (SCALES[setting][0], SCALES[setting][-1]):
        assert parsed(name, f" {in_words(setting, value).upper()} ") == (setting, value)


def standing_name(setting: Setting) -> str:
    return ChoiceStanding(setting, None, (), None).name


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("when-removed", "burn", "lock or wipe"),
        ("locks-after", "0", "minutes, 1 to 1,440"),
        ("locks-after", "1441", "minutes"),
        ("locks-after", "٥", "minutes"),
        ("kept-for", "9" * 5_000, "days"),
        ("shown", "", "never or asked or always"),
        ("colour", "red", "when-removed"),
    ],
)
def test_what_means_nothing_is_refused_with_what_would(name: str, value: str, hint: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        parsed(name, value)
    assert hint in refused.value.hint
