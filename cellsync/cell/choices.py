"""Choices: what the members of a circle have chosen together, in words.

    when-removed   lock, wipe            what a device does that learns of its own removal
    locks-after    minutes               without use
    kept-for       days                  for which what expires is kept
    shown          never, asked, always  the most that a device shows itself on a network

To make something harsher takes the words of two; one of them takes it back alone (core/membership/settings.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from cellsync.cell.standing import CircleStanding, MissingWords
from cellsync.core.errors import InvalidValue
from cellsync.core.ids import MemberId
from cellsync.core.membership.control import Role
from cellsync.core.membership.settings import SCALES, Setting, Shown, WhenRemoved
from cellsync.core.membership.words import NEEDED
from cellsync.core.replica.choices import Choices

SettingName = Literal["when-removed", "locks-after", "kept-for", "shown"]
NAMES: Final[Mapping[Setting, SettingName]] = {
    Setting.WHEN_REMOVED: "when-removed",
    Setting.LOCKS_AFTER: "locks-after",
    Setting.KEPT_FOR: "kept-for",
    Setting.SHOWN: "shown",
}
_WORDS: Final = {Setting.WHEN_REMOVED: WhenRemoved, Setting.SHOWN: Shown}
_UNITS: Final = {Setting.LOCKS_AFTER: "minutes", Setting.KEPT_FOR: "days"}
NOT_OBEYED: Final = frozenset({Setting.KEPT_FOR})
"""What can be chosen, and nothing here obeys yet."""


class MemberWord(NamedTuple):
    """What an elector says of a setting."""

    member: MemberId
    name: str
    value: str
    is_me: bool

    def __repr__(self) -> str:
        return f"<word of {self.member.hex()[:8]}>"  # no name


class WantedChoice(NamedTuple):
    """Something harsher than what is in force that one member wants, and whose second word it takes."""

    value: str
    by: MemberWord
    lacks: MissingWords


class ChoiceStanding(NamedTuple):
    """How one setting stands. `in_force`: None if each device decides for itself."""

    setting: Setting
    in_force: str | None
    words: tuple[MemberWord, ...]
    wanted: WantedChoice | None

    @property
    def name(self) -> SettingName:
        return NAMES[self.setting]

    @property
    def obeyed(self) -> bool:
        return self.setting not in NOT_OBEYED


def in_words(setting: Setting, value: int) -> str:
    """A value as people write it."""
    return _WORDS[setting](value).name.lower() if setting in _WORDS else str(value)


def parsed(name: str, value: str) -> tuple[Setting, int]:
    """A setting and its value, by their words. Raises InvalidValue."""
    setting = next((setting for setting, known in NAMES.items() if known == name.strip().lower()), None)
    if setting is None:
        raise InvalidValue("There is no such setting.", hint="One of " + ", ".join(NAMES.values()) + ".")
    given = value.strip().lower()
    if setting in _WORDS:
        found = next((one.value for one in _WORDS[setting] if one.name.lower() == given), None)
        form = " or ".join(one.name.lower() for one in _WORDS[setting])
    else:
        found = int(given) if given.isascii() and given.isdigit() and len(given) <= 10 else None
        form = f"{_UNITS[setting]}, {SCALES[setting][-1]} to {SCALES[setting][0]:,}"
    if found is None or found not in SCALES[setting]:
        raise InvalidValue(f"That is no value of {NAMES[setting]}.", hint=f"It is {form}.")
    return setting, found


class CircleChoices:
    """How the settings of one circle stand at this moment. Made anew for each question."""

    def __init__(self, choices: Choices, standing: CircleStanding) -> None:
        self._choices, self._standing = choices, standing

    def all(self) -> list[ChoiceStanding]:
        return [self.of(setting) for setting in Setting]

    def of(self, setting: Setting) -> ChoiceStanding:
        value = self._choices.in_force.get(setting)
        said = {member: words[setting] for member, words in self._choices.words.items() if setting in words}
        return ChoiceStanding(
            setting,
            None if value is None else in_words(setting, value),
            tuple(self._word(setting, member, said[member]) for member in sorted(said, key=self._standing.name)),
            self._wanted(setting),
        )

    def _word(self, setting: Setting, member: MemberId, value: int) -> MemberWord:
        return MemberWord(member, self._standing.name(member), in_words(setting, value), member == self._me)

    def _wanted(self, setting: Setting) -> WantedChoice | None:
        wanted = self._choices.wanted(setting)
        if wanted is None:
            return None
        able = [member for member in self._choices.words if member != wanted.by and self._speaks(member)]
        word = self._word(setting, wanted.by, wanted.value)
        return WantedChoice(word.value, word, MissingWords(NEEDED - 1, self._standing.names(able)))

    def _speaks(self, member: MemberId) -> bool:
        standing = self._standing
        return standing.decision.roles.get(member) is Role.COORDINATOR and standing.is_present(member)

    @property
    def _me(self) -> MemberId | None:
        return self._standing.me
