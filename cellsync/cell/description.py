"""The description of a case: what people call it, what it may be found by, how it stands, and what it points at.

It goes by the names of fields, so that it holds for kinds of cases that nobody here has a schema for:

    title, name                             registers with a text: what a case is called
    names                                   a set of [text, script, kind]: the names of a person
    description, external_id                what is shown of a case without a name
    given_by, scope, kind, since, …         what tells what has none of these from others of its kind (`_APART`)
    status, state                           how it stands
    links                                   a set of [case, relation]: what it points at

All of it is bounded, for a member may write whatever they like.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from cellsync.core.case.fold import CaseState
from cellsync.core.folded import VERSION as FOLDED
from cellsync.core.folded import folded
from cellsync.core.history.store import ANYTHING, CaseListing
from cellsync.core.ids import ID_BYTES
from cellsync.core.schema.values import moment

VERSION: Final = bytes([3, FOLDED])
"""Raise the first when a case is described otherwise: listings at rest are then made again."""

NAME_KINDS: Final = ("legal", "transliteration", "alias")  # the best first
TITLE: Final = 200  # characters that lists show, and that are searched
NAMES: Final = 64  # that a case may be found by
LINKS: Final = 1_000  # that are listed; a case with more may point at anything, and is found for every target
_TITLES: Final = ("title", "name")
_INSTEAD: Final = ("description", "external_id")  # of what has no name
_APART: Final = {
    "alias": "", "given_by": "", "purpose": "", "recipient": "to ", "scope": "for ", "kind": "", "agency": "",
    "authority": "", "counterpart": "", "court": "", "place": "", "since": "", "given": "", "asked": "", "started": "",
    "observed": "", "happened": "", "leaves": "", "made": "", "next_hearing": "next ", "withdrawn": "withdrawn ",
}  # fmt: skip
"""Registers that tell documents without a name apart, and what is said before each."""
_UNSAID: Final = ("", "unknown", "other")
STATUS: Final = ("status", "state")


class Sought(dict[str, str]):
    """Texts as they are compared, of cases that are described together: the same words and names stand in several."""

    def __missing__(self, text: str) -> str:
        found = self[text] = sought(text)
        return found


def describe(number: int, upto: int, state: CaseState, known: Sought | None = None) -> CaseListing:
    """A case in a list. `state` may be without its logs; `upto`: its newest entry."""
    if not state.counted:
        return CaseListing(number, upto, False, "", "", "", 0, frozenset(), frozenset())
    links = sorted(set(_links(state)))
    if len(links) > LINKS:
        links = [ANYTHING, *links[:LINKS]]
    title = title_of(state)
    return CaseListing(
        number, upto, True, state.kind, title[:TITLE], status_of(state)[:TITLE], len(state.conflicts()),
        frozenset(_called(state, title, Sought() if known is None else known)), frozenset(links),
    )  # fmt: skip


def register(state: CaseState, name: str) -> Any:
    """The displayed value of a register, in plain form; None if nothing was written."""
    found = state.registers.get(name)
    shown = None if found is None else found.shown
    return None if shown is None else shown.value


def title_of(state: CaseState) -> str:
    """What people call it; "" if it has no name."""
    best = min(_names(state), default=None)
    said = [*_texts(state, _TITLES), *([] if best is None else [best[1]]), *_texts(state, _INSTEAD)]
    return said[0] if said else _apart(state)


def _apart(state: CaseState) -> str:
    """`family · for partners · 2024-05`: what tells it from others of its kind; "" if nothing was said."""
    said = ((before, _words(register(state, name))) for name, before in _APART.items() if name in state.registers)
    return " · ".join((before + words).strip() for before, words in said if words not in _UNSAID)[:TITLE]


def _words(plain: Any) -> str:
    """A word, a text, a moment or a partial date, as people read it; "" for anything else."""
    match plain:
        case str():
            return plain.replace("_", " ")
        case bool():
            return ""
        case int():
            return f"{moment(plain):%Y-%m-%d %H:%M} UTC"
        case [int() as year, (int() | None) as month, (int() | None) as day, bool() as estimated]:
            parts = [f"{year:04}", *(f"{part:02}" for part in (month, day) if part is not None)]
            return "~" * estimated + "-".join(parts)
        case [None, None, None, bool()]:
            return " "  # a date, and not known which
    return ""


def status_of(state: CaseState) -> str:
    """How people have said that it stands."""
    return next(iter(_texts(state, STATUS)), "")


def sought(text: str) -> str:
    """A text as it is compared with what a case may be found by; "" only if it is blank."""
    text = text[: 4 * TITLE]
    return (folded(text) or text.strip().casefold())[:TITLE]


def called(state: CaseState) -> Iterator[tuple[str, bool]]:
    """What it may be found by, folded; whether that is its external id."""
    return _called(state, title_of(state), Sought())


def _called(state: CaseState, title: str, known: Sought) -> Iterator[tuple[str, bool]]:
    external = register(state, "external_id")
    if isinstance(external, str) and sought(external):
        yield sought(external), True
    names = [text for _, text, _ in sorted(_names(state))]
    texts = map(known.__getitem__, [*_texts(state, (*_TITLES, "description")), *names, title, *_texts(state, _APART)])
    yield from ((text, False) for text in list(dict.fromkeys(filter(None, texts)))[:NAMES])


def _names(state: CaseState) -> Iterator[tuple[int, str, str]]:
    """(rank of its kind, text, script) of every name."""
    for one in _elements(state, "names"):
        if isinstance(one, list) and one and all(isinstance(part, str) for part in one) and one[0]:
            text, script, kind = [*one, "", ""][:3]
            yield NAME_KINDS.index(kind) if kind in NAME_KINDS else len(NAME_KINDS), text, script


def _links(state: CaseState) -> Iterator[bytes]:
    for one in _elements(state, "links"):
        if isinstance(one, list) and one and isinstance(one[0], bytes) and len(one[0]) == ID_BYTES:
            yield one[0]


def _elements(state: CaseState, name: str) -> Iterator[Any]:
    """What stands in a set, in any order, and as often as it was added."""
    members = state.sets.get(name)
    return iter(()) if members is None else (cell.value for cell in members.live.values())


def _texts(state: CaseState, names: Iterable[str]) -> list[str]:
    said = (register(state, name) for name in names if name in state.registers)
    return [text for text in said if isinstance(text, str) and text]
