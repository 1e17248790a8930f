"""Cases: listed, shown, and what their logs say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from cellsync.api.contract.shapes.base import Answer, Name, Page, Place, Takes, Words
from cellsync.core.case.draft import SETTLES
from cellsync.core.crdt.types import TYPES

if TYPE_CHECKING:
    FieldTypeName = str
    ContestedTypeName = str
else:  # the table of types says which there are
    FieldTypeName = Literal[tuple(str(name) for name in TYPES)]
    ContestedTypeName = Literal[tuple(str(row.name) for row in TYPES.values() if row.holds in SETTLES)]


class ListCases(Takes, kw_only=True, frozen=True):
    """`find`: in titles, names and external ids, folded. `conflicts`: only cases where people contradict
    each other. `beside`: also the persons, episodes and other documents of casework that stand beside case files;
    without effect if a kind is named. `of`: only what stands beside this case: the documents that point at it, and
    those that it points at. `archived`: also cases whose status is "archived", which are left out unless
    people contradict each other there; with `find`, `conflicts`, `beside` or `of` they are there anyway. `limit`: of a
    page, at most; `after`: the `next` of the page before. `circle`: only of this one; else of all, one after the
    other."""

    kind: Words = ""
    find: Words = ""
    circle: Words = ""
    conflicts: bool = False
    beside: bool = False
    of: Words = ""
    archived: bool = False
    after: Place = ""
    limit: Page = 1_000


class CaseName(Struct, kw_only=True, frozen=True):
    """What tells a case from others. `circle`: the id of the one that it is in."""

    id: str
    short: str
    kind: str
    title: str
    circle: str


class CaseRow(CaseName, kw_only=True, frozen=True, omit_defaults=True):
    """A case in a list. `title`: its name; of what has none, what tells it from others of its kind. `about`: of a
    document that stands beside others, what the first that it points at are called; of a consent, the persons for whom
    it speaks, and "the case …". `contradictions`: the first 100
    conflicts, in a list of cases with `conflicts` only."""

    status: str
    conflicts: int
    about: list[str]
    contradictions: list[Conflict] = []


class Cases(Answer, kw_only=True, frozen=True):
    """One page. `more`: how many documents beside case files were left out, on all pages; `archived`: how many cases
    because they are archived. `next`: the id of the last case, if there are more; "" on the last page."""

    cases: list[CaseRow]
    more: int
    archived: int = 0
    next: str = ""


class CaseRef(Takes, kw_only=True, frozen=True):
    """A case: its id, the beginning of it, or its title or external id if no other has the same. `circle`: the one that
    it is in, if cases of several are called so."""

    case: Name
    circle: Words = ""


class ShowCase(Takes, kw_only=True, frozen=True):
    """A case, named as in CaseRef. `limit`: of items of its logs, the newest, at most."""

    case: Name
    circle: Words = ""
    limit: Page = 100


class Said(Struct, kw_only=True, frozen=True):
    """A value that somebody wrote: as it is stored, and for people."""

    value: Any
    text: str
    author: str
    at: str | None


class Key(Struct, kw_only=True, frozen=True):
    """A key of a map."""

    key: Any
    text: str
    values: list[Said]


class Item(Struct, kw_only=True, frozen=True):
    """An item of a log. `id`: which entry wrote it, and its place there. `values`: what it says now; several, if people
    corrected it differently.
    """

    id: str
    values: list[Said]
    before: list[Said]


class Field(Struct, kw_only=True, frozen=True):
    """A field: `values` of a register (the displayed one first), set or counter; `keys` of a map; `items` of a log."""

    name: str
    type: FieldTypeName
    sensitivity: str
    values: list[Said]
    keys: list[Key]
    items: list[Item]


class Settling(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One of the three, with one value: what to send as an edit."""

    set: dict[str, Any] = {}
    put: dict[str, dict[str, Any]] = {}
    correct: dict[str, Any] = {}


class Conflict(Struct, kw_only=True, frozen=True):
    """Where people wrote different things at the same time. `key`: of a map its key, as it is stored; of a log the id
    of the item, or of another line that is the same item; else null. `values`: the displayed one first. `settle`: the
    edit that decides for it; with the `value` of another in its place it decides for that one."""

    field: str
    type: ContestedTypeName
    key: Any
    values: list[Said]
    settle: Settling


class Linked(CaseName, kw_only=True, frozen=True):
    """A case that a link leads to. The others are "" if it is not here: it has not come, or is in a circle
    that this device is not in."""


class Case(Answer, kw_only=True, frozen=True):
    """`heads` changes with every entry of the case. `links`: what it points at, the first 100. `beside`: the first
    documents that point at it; if there are more, `more_beside`, and a list `of` it has them all. Of logs the newest
    items are here; `next`: where `log` goes on with what arrived before, "" if this is all.
    `cut`: it has more than an answer holds, or a place with more than 64 values at once.
    """

    id: str
    short: str
    circle: str
    kind: str
    version: int
    title: str
    heads: str
    fields: list[Field]
    conflicts: list[Conflict]
    links: list[Linked]
    beside: list[CaseRow]
    more_beside: bool
    next: str = ""
    cut: bool = False


class CaseLog(Takes, kw_only=True, frozen=True):
    """`since`: a day, or a time. `field`: one log; "" is all. `limit`: of lines, at most, unless one entry has more;
    `after`: the `next` of the page before, or of `Case`."""

    case: Name
    circle: Words = ""
    since: Place = ""
    field: Words = ""
    after: Place = ""
    limit: Page = 100


class LogLine(Struct, kw_only=True, frozen=True):
    field: str
    item: Item


class Log(Answer, kw_only=True, frozen=True):
    """One page, in the order in which it was recorded. The first page has what arrived here last. `next`: where the
    next one begins, with what arrived before; "" on the last: others may be short, or empty. `cut`: one entry has more
    than an answer holds; exports have all."""

    id: str
    title: str
    lines: list[LogLine]
    next: str = ""
    cut: bool = False


class Schemas(Answer, kw_only=True, frozen=True):
    schemas: list[dict[str, Any]]
