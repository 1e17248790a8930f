"""What the members of a circle have chosen together."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from cellsync.api.contract.shapes.base import Answer, Takes, Words
from cellsync.api.contract.shapes.membership import MissingWords

SettingName = Literal["when-removed", "locks-after", "kept-for", "shown"]


class SettingWord(Struct, kw_only=True, frozen=True):
    """What a member says. Only coordinators are here whose word weighs (`counts` in the roster)."""

    member: str
    name: str
    value: str
    me: bool


class WantedSetting(Struct, kw_only=True, frozen=True):
    """What one member wants, and is harsher than what is in force. `lacks`: whose second word it takes."""

    value: str
    by: str
    lacks: MissingWords


class SettingStanding(Struct, kw_only=True, frozen=True):
    """`when-removed`: lock or wipe; `locks-after`: minutes; `kept-for`: days; `shown`: never, asked or always.
    `in_force`: null: each device decides for itself. `obeyed`: whether this version acts on it."""

    name: SettingName
    in_force: str | None
    obeyed: bool
    words: list[SettingWord]
    wanted: WantedSetting | None
    circle: str


class CircleSettings(Answer, kw_only=True, frozen=True):
    settings: list[SettingStanding]


class Choose(Takes, kw_only=True, frozen=True):
    """`value`: as it is shown. `circle`: needed if there are several."""

    name: SettingName
    value: Words
    circle: Words = ""


class ChosenSetting(Answer, kw_only=True, frozen=True):
    """`setting`: how it stands now. `confirmed`: how many of the `others` are known to hold it. `lacks`: what it takes
    before the word of whoever has said this counts; null if it does."""

    entry: str
    setting: SettingStanding
    confirmed: int
    others: int
    lacks: MissingWords | None = None
