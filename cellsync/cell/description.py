"""The description of a case: its title, the texts it is found by, its status, and its links.

It relies on field names only, so it works for kinds of cases without a schema in this program:

    title, name                             registers with a text: the title of a case
    names                                   a set of [text, script, kind]: the names of a person
    description, external_id                shown for a case without a name
    given_by, scope, kind, since, …         distinguish a case with none of these from others of its kind (`_APART`)
    status, state                           its status
    links                                   a set of [case, relation]: the cases it points at

All of it is bounded, since a member may write anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from cellsync.core import caps
from cellsync.core.case.fold import CaseState
from cellsync.core.folded import VERSION as FOLDED
from cellsync.core.folded import folded
from cellsync.core.history.store import ANYTHING, CaseListing
from cellsync.core.ids import ID_BYTES
from cellsync.core.packed import plain
from cellsync.core.schema.values import moment
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op

VERSION: Final = bytes([3, FOLDED])
"""Raise the first number when the description changes: stored listings are then remade."""

NAME_KINDS: Final = ("legal", "transliteration", "alias")  # the best first
TITLE: Final = 200  # characters shown in lists, and searched
NAMES: Final = 64  # that a case is found by
LINKS: Final = 1_000  # that are listed; a case with more may point at anything, and is found for every target
_TITLES: Final = ("title", "name")
_INSTEAD: Final = ("description", "external_id")  # for a case without a name
_APART: Final = {
    "alias": "", "given_by": "", "purpose": "", "recipient": "to ", "scope": "for ", "kind": "", "agency": "",
    "authority": "", "counterpart": "", "court": "", "place": "", "since": "", "given": "", "asked": "", "started": "",
    "observed": "", "happened": "", "leaves": "", "made": "", "next_hearing": "next ", "withdrawn": "withdrawn ",
}  # fmt: skip
"""Registers that tell documents without a name apart, each with the words to put before it."""
_FOUND_BY: Final = (*_TITLES, "description")
_UNSAID: Final = ("", "unknown", "other")
STATUS: Final = ("status", "state")
_REGISTERS: Final = tuple(dict.fromkeys([*_TITLES, *_INSTEAD, *_APART, *STATUS]))
_RANK: Final = {name: rank for rank, name in enumerate(_REGISTERS)}
# Plain numbers: comparing with an enum's member costs an attribute look-up per operation.
_CREATE, _SET, _ADD, _APPEND = map(int, (Op.CREATE, Op.SET, Op.ADD, Op.APPEND))


_TEXT: Final = frozenset({str})

Names = list[tuple[int, str, str]]
"""(rank of its kind, text, script), sorted."""


class Sought(dict[str, str]):
    """Cache of folded texts, for cases that are described together: they share many words and names."""

    def __missing__(self, text: str) -> str:
        found = self[text] = sought(text)
        return found


class Described(NamedTuple):
    """The input of a description: the parts of a case that it looks at."""

    kind: str
    registers: Mapping[str, Any]  # the displayed values of `_REGISTERS`, in their order, as far as they were written
    names: Sequence[Any]  # the elements of these sets, in any order, as often as they were added
    links: Sequence[Any]
    conflicts: int

    def __repr__(self) -> str:
        return f"<what is said of a {self.kind}>"  # no content


def said_in(state: CaseState) -> Described:
    """`state` may lack its logs."""
    return _naming(state)._replace(conflicts=len(state.conflicts()))


def _naming(state: CaseState) -> Described:
    """The same without conflicts, which may be in 131,072 fields."""
    registers = {name: register(state, name) for name in _REGISTERS if name in state.registers}
    names, links = (list(_elements(state, name)) for name in ("names", "links"))
    return Described(state.kind, registers, names, links, 0)


def names_in(person: CaseState) -> list[str]:
    """All names of a person, in any order."""
    return [text for _, text, _ in _names(said_in(person))]


def said_first(operations: Sequence[Operation]) -> Described | None:
    """The same for a case that consists of these operations of one entry; None if only a fold can tell.

    Spelt out for speed: describing what an import has just written without folding it saves a sixth of the import's
    time. The plain version is `said_in` of the folded state; a property test holds the two equal.
    """
    if len(operations) > caps.CASE_OPERATIONS:
        return None
    kind: str | None = None
    registers: dict[str, Any] = {}
    written: set[str] = set()
    names: list[Any] = []
    links: list[Any] = []
    for operation in operations:
        tag, field, detail, value = operation
        if tag == _ADD:
            if field == "names":
                names.append(plain(value))
            elif field == "links":
                links.append(plain(value))
        elif tag == _SET:
            if detail or field in written:  # two values in one place are a conflict
                return None
            written.add(field)
            if field in _RANK:
                registers[field] = plain(value)
        elif tag == _CREATE and kind is None:
            kind = field
        elif tag != _APPEND:
            return None
    if len(registers) > 1:
        registers = {name: registers[name] for name in sorted(registers, key=_RANK.__getitem__)}
    return Described(kind or "", registers, names, links, 0)


def describe(number: int, upto: int, state: CaseState, known: Sought | None = None) -> CaseListing:
    """The listing of a case. `state` may lack its logs; `upto`: its newest entry."""
    if not state.counted:
        return CaseListing(number, upto, False, "", "", "", 0, frozenset(), frozenset())
    return describe_said(number, upto, said_in(state), Sought() if known is None else known)


def describe_said(number: int, upto: int, said: Described, known: Sought) -> CaseListing:
    """The same for a case of which something counts."""
    links = _links(said)
    if len(links) > LINKS:
        links = {ANYTHING, *sorted(links)[:LINKS]}
    texts, names = _texts(said), sorted(_names(said))
    title = _title(said, texts, names)
    return CaseListing(
        number, upto, True, said.kind, title[:TITLE], _first(texts, STATUS)[:TITLE], said.conflicts,
        frozenset(_called(said, texts, names, title, known)), frozenset(links),
    )  # fmt: skip


def register(state: CaseState, name: str) -> Any:
    """The displayed value of a register, in plain form; None if nothing was written."""
    found = state.registers.get(name)
    shown = None if found is None else found.shown
    return None if shown is None else shown.value


def title_of(state: CaseState) -> str:
    """The title of a case; "" if it has none. Not for the event loop: a person may have very many names."""
    naming = _naming(state)
    return _title(naming, _texts(naming), sorted(_names(naming)))


def _title(said: Described, texts: Mapping[str, str], names: Names) -> str:
    return _first(texts, _TITLES) or (names[0][1] if names else "") or _first(texts, _INSTEAD) or _apart(said)


def _first(texts: Mapping[str, str], registers: Iterable[str]) -> str:
    """The text of the first of these registers that has one."""
    for name in registers:
        if name in texts:
            return texts[name]
    return ""


def _apart(said: Described) -> str:
    """`family · for partners · 2024-05`: distinguishes it from others of its kind; "" if all of that is unwritten."""
    found = ((_APART[name], _words(value)) for name, value in said.registers.items() if name in _APART)
    return " · ".join((before + words).strip() for before, words in found if words not in _UNSAID)[:TITLE]


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
            return " "  # an unknown date
    return ""


def sought(text: str) -> str:
    """A search text in the form in which cases are found; "" only if it is blank."""
    text = text[: 4 * TITLE]
    return (folded(text) or text.strip().casefold())[:TITLE]


def called(state: CaseState) -> Iterator[tuple[str, bool]]:
    """The folded texts it is found by; whether each is its external id."""
    naming = _naming(state)
    texts, names = _texts(naming), sorted(_names(naming))
    return iter(_called(naming, texts, names, _title(naming, texts, names), Sought()))


def _called(
    said: Described, texts: Mapping[str, str], names: Names, title: str, known: Sought
) -> list[tuple[str, bool]]:
    external = sought(texts.get("external_id", ""))
    own = [texts[name] for name in _FOUND_BY if name in texts]
    apart = [text for name, text in texts.items() if name in _APART]
    found = dict.fromkeys([known[text] for text in (*own, *[name[1] for name in names], title, *apart)])
    found.pop("", None)
    return [(external, True)] * bool(external) + [(text, False) for text in found][:NAMES]


def _names(said: Described) -> Iterator[tuple[int, str, str]]:
    """(rank of its kind, text, script) of every name."""
    for name in said.names:
        if isinstance(name, list) and name and _TEXT.issuperset(map(type, name)) and name[0]:
            text, script, kind = [*name, "", ""][:3]
            yield NAME_KINDS.index(kind) if kind in NAME_KINDS else len(NAME_KINDS), text, script


def _links(said: Described) -> set[bytes]:
    return {
        link[0]
        for link in said.links
        if isinstance(link, list) and link and isinstance(link[0], bytes) and len(link[0]) == ID_BYTES
    }


def _elements(state: CaseState, name: str) -> Iterator[Any]:
    """The elements of a set, in any order, as often as they were added."""
    members = state.sets.get(name)
    return iter(()) if members is None else (cell.value for cell in members.live.values())


def _texts(said: Described) -> dict[str, str]:
    """The registers with a text, in their order."""
    return {name: text for name, text in said.registers.items() if isinstance(text, str) and text}
