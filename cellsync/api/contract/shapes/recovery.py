"""The recovery key of a circle, from paper: what it would change, and what it has changed."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from cellsync.api.contract.shapes.base import Answer, Name, Secret, Takes, Words
from cellsync.api.contract.shapes.membership import KeptThere, MissingWords, StrikeStanding

_Names = Annotated[list[Name], Meta(max_length=48)]


class PaperOrders(Takes, kw_only=True, frozen=True):
    """`paper`: the recovery key as it was written down, however it is grouped; it is kept nowhere. `remove` and
    `coordinators`: members by name, or by the beginning of an id. `endorse`: members whose removal, or whose role as
    coordinator, the key agrees to. `circle`: needed only if the key speaks for several."""

    paper: Secret
    remove: _Names = []
    coordinators: _Names = []
    endorse: _Names = []
    circle: Words = ""


class GivePaperOrders(PaperOrders, kw_only=True, frozen=True):
    """`confirm`: the name of the circle, as the preview shows it: it cannot be taken back."""

    confirm: Name


class MemberBecomes(Struct, kw_only=True, frozen=True):
    """How a member stands before and after. `role`: null if they have none."""

    member: str
    name: str
    me: bool
    was: str
    status: str
    old_role: str | None
    role: str | None


class PaperPreview(Answer, kw_only=True, frozen=True):
    """`circle` and `name`: for which circle the key speaks. `members`: all of them. `unsettled`: removals that are
    undecided, or rest on one word; `left_unsettled`: those that would be so afterwards. `agrees`: what the key would
    agree to. `devices`: what those who would be removed keep, at most so many `changes` in so many `cases`.
    `no_coordinator`: whether none would be active."""

    circle: str
    name: str
    members: list[MemberBecomes]
    unsettled: list[StrikeStanding]
    left_unsettled: list[StrikeStanding]
    agrees: list[str]
    devices: list[KeptThere]
    cases: int
    changes: int
    no_coordinator: bool


class PaperUsed(Answer, kw_only=True, frozen=True):
    """`members`: whom it changed. `confirmed`: how many of the `others` are known to hold it by now."""

    circle: str
    name: str
    entries: list[str]
    members: list[MemberBecomes]
    left_unsettled: list[StrikeStanding]
    confirmed: int
    others: int


class KeptKey(Struct, kw_only=True, frozen=True):
    """A recovery key of a circle. `in_force`: it speaks for it; `undecided`: two have replaced one key, and neither
    speaks until more words are with one; `waits`: words are missing (`lacks`). `by`: who brought it in, `since` then.
    `exposed`: members who are gone, coordinated while it was in force, and may hold it."""

    entry: str
    state: Literal["in_force", "undecided", "waits"]
    by: str
    since: str
    exposed: list[str]
    lacks: MissingWords | None
    circle: str


class KeptKeys(Answer, kw_only=True, frozen=True):
    """Of all circles, or of one."""

    keys: list[KeptKey]


class DrawnPaper(Answer, kw_only=True, frozen=True):
    """A new recovery key, which counts nowhere yet. It is kept nowhere: show it, have it written down, and let its end
    be typed from the paper, before `recovery.replace`."""

    recovery_key: str


class ReplacePaper(Takes, kw_only=True, frozen=True):
    """`new`: a key that was drawn, and is on paper by now. `paper`: the key that gives way; "": it is lost, which takes
    the words of two coordinators. `circle`: needed if it is lost and there are several."""

    new: Annotated[str, Meta(max_length=1024)]
    paper: Annotated[str, Meta(max_length=1024)] = ""
    circle: Words = ""


class ReplacedPaper(Answer, kw_only=True, frozen=True):
    """`recovery_key`: the new one. `kept`: how it stands now."""

    circle: str
    name: str
    recovery_key: str
    entry: str
    kept: KeptKey | None
    confirmed: int
    others: int
