"""A case that is written anew in another circle: what that would do, and what it did."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from cellsync.api.contract.shapes.base import Answer, Name, Takes, Words
from cellsync.api.contract.shapes.membership import OwnStanding


class MovePreviewed(Takes, kw_only=True, frozen=True):
    """`circle`: if cases in several are called so. `to`: the circle that it goes into."""

    case: Name
    to: Words = ""
    circle: Words = ""


class MovableItem(Struct, kw_only=True, frozen=True):
    """An item of a log, as it reads today."""

    id: str
    field: str
    at: str
    author: str
    text: str


class MovePreview(Answer, kw_only=True, frozen=True):
    """`fields`: what goes along besides items. `left_out`: fields of which something does not, because it names what is
    not in the target. `items`: the newest 1,000. `read_by`: who is, or was, in the circle where it is, and may have
    read it; that stays so. `will_read`: who is in the target. `linked`: whether the old case will point at the new."""

    id: str
    title: str
    called: str
    to: str
    fields: list[str]
    left_out: list[str]
    items: list[MovableItem]
    read_by: list[str]
    will_read: list[str]
    linked: bool


class MoveCase(Takes, kw_only=True, frozen=True):
    """`items`: the ids of those that go along. `with_authors`: their authors' names too, as text."""

    case: Name
    to: Name
    circle: Words = ""
    items: Annotated[list[Name], Meta(max_length=1_000)] = []
    with_authors: bool = False


class Moved(Answer, kw_only=True, frozen=True):
    """The new case. `linked`: whether the old one, which stays, points at it. `waits`: as in `Written`."""

    id: str
    short: str
    circle: str
    title: str
    items: int
    linked: bool
    waits: OwnStanding | None
