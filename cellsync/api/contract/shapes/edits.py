"""What is written to a case, and what comes of it."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from cellsync.api.contract.shapes.base import Answer, Name, RequestKey, Takes, Words
from cellsync.api.contract.shapes.membership import OwnStanding


class Writing(Takes, kw_only=True, frozen=True):
    """What to write. A text is read as people type it, anything else is taken as the field stores it."""

    set: dict[str, Any] = {}
    add: dict[str, list[Any]] = {}
    discard: dict[str, list[Any]] = {}
    append: dict[str, list[Any]] = {}
    put: dict[str, dict[str, Any]] = {}
    delete: dict[str, list[Any]] = {}
    count: dict[str, int] = {}


class NewCase(Writing, kw_only=True, frozen=True):
    """`kind` is a kind of a schema, or its short name. `circle`: where it goes; "": into the only one. With a `key`
    this device makes one case, however often it is asked, and whatever ends the daemon meanwhile."""

    kind: Words = "case"
    circle: Words = ""
    key: RequestKey | None = None


class EditCase(Writing, kw_only=True, frozen=True):
    """`correct` and `retract`: items of logs by the beginnings of their ids. `heads`: as they were read, or several,
    with commas; if the case has changed since, nothing is written. "*": whatever they are."""

    case: Name
    circle: Words = ""
    correct: dict[str, Any] = {}
    retract: dict[str, str] = {}
    heads: Annotated[str, Meta(max_length=4096)] | None = None
    key: RequestKey | None = None


class Doubt(Struct, kw_only=True, frozen=True):
    """What in a consent does not say what it seems to say: a field that is withheld and that there is not, say."""

    field: str
    text: str


class TakenAs(Struct, kw_only=True, frozen=True):
    """A word that is no choice of its field, and the choice that it was taken as: "urgent" is critical."""

    field: str
    text: str


class Written(Answer, kw_only=True, frozen=True):
    """`written` is false if nothing changed. `heads`: of the case with what was written, and nothing after it. `alike`:
    short ids of other cases and persons that are called like a new one, which may be the same. `doubts`: about a
    consent, as it stands now. `taken`: what was not written as it was said. `waits`: this device is suspended, so what
    was written waits in quarantine, and no list shows it; null: it is shown to all."""

    id: str
    short: str
    circle: str
    title: str
    heads: str
    written: bool
    alike: list[str] = []
    doubts: list[Doubt] = []
    taken: list[TakenAs] = []
    waits: OwnStanding | None = None
