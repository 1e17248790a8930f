"""Mapping: which column of a table goes into which field of which document.

Without a mapping, the headings decide (`headings`). A group can decide with a dict, or with a TOML or JSON file of the
same keys and values (`mapping_file`):

    "Nr" = "external_id"              as the example's column of that name
    "ФИО" = "name"
    "Дата рождения" = "person.born"   or a field of a document
    "Разное" = ["note", "case.legal_notes"]   or several of either

Documents: case, person, episode, proceeding, task; one of each per row. One column is the external id; without one,
rows are identified by the name. Several columns that go into "name" form one name, in its usual order.
"""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from cellsync.casework.documents.case_file import CaseFile
from cellsync.casework.documents.episode import Episode
from cellsync.casework.documents.person import Person
from cellsync.casework.documents.proceeding import Proceeding
from cellsync.casework.documents.support_task import SupportTask
from cellsync.casework.importing import cells, codes, fates, headings, lists, persons, ranges
from cellsync.casework.importing.articles import articles
from cellsync.casework.importing.cells import BadCell, Parser
from cellsync.casework.importing.encodings import UnreadableFile
from cellsync.casework.values.choices import offer
from cellsync.casework.vocabulary import says_released
from cellsync.core.errors import InvalidValue
from cellsync.core.folded import folded
from cellsync.core.schema.fields import Field, Log, Register, Set
from cellsync.core.schema.schema import Schema, fields_of

EXTERNAL_ID: Final = "external_id"
DOCUMENTS: Final[dict[str, type[Schema]]] = {
    "case": CaseFile,
    "person": Person,
    "episode": Episode,
    "proceeding": Proceeding,
    "task": SupportTask,
}
_WRITTEN_BY_IMPORT: Final = frozenset({EXTERNAL_ID, "links", "imported"})


class Target(NamedTuple):
    """Where a column goes."""

    column: str
    document: str
    field: str
    parser: Parser

    @property
    def declared(self) -> Field:
        return fields_of(DOCUMENTS[self.document])[self.field]


def _target(column: str, where: str, parser: Parser | None = None) -> Target:
    """Raises InvalidValue for a document or field that does not exist, or that a cell cannot express."""
    document, _, name = where.partition(".")
    if document not in DOCUMENTS:
        raise InvalidValue("the mapping names a document that does not exist", hint=offer(document, DOCUMENTS))
    fields = fields_of(DOCUMENTS[document])
    if name not in fields or name in _WRITTEN_BY_IMPORT:
        offered = [name for name in fields if name not in _WRITTEN_BY_IMPORT]
        raise InvalidValue(f"{document!r} has no such field to import into", hint=offer(name, offered))
    parser = parser or _usual_parser(document, name)
    if parser is None:
        raise InvalidValue(f"a cell cannot be imported into {document}.{name}")
    return Target(column, document, name, parser)


def _usual_parser(document: str, name: str) -> Parser | None:
    special = _SPECIAL.get(f"{document}.{name}")
    declared = fields_of(DOCUMENTS[document])[name]
    if special is not None or not isinstance(declared, (Register, Set, Log)):
        return special
    parser = cells.parser_for(declared.kinds[0])
    parser = cells.event if parser is cells.partial_date else cells.event_day if parser is cells.day else parser
    if parser is None or not isinstance(declared, Set):
        return parser
    return lists.TEXTS if parser is cells.text else lists.several(parser)


# Fields whose cells are usually not written the way their type suggests.
_SPECIAL: Final[dict[str, Parser]] = {
    "person.names": lists.NAMES,
    "person.citizenships": codes.countries,
    "person.languages": codes.languages,
    "person.born": cells.birth,
    "episode.since": ranges.first_day,
    "episode.until": ranges.last_day,
    "proceeding.articles": articles,
    "task.kind": cells.task_kind,
}

# If a table has several columns for a field that holds one value, the first in this order is used.
_EXAMPLE: Final = (
    _target("title", "case.title"),
    _target("name", "case.title", persons.titled),
    _target("description", "person.description"),
    _target("name", "person.names", persons.name_if_any),
    _target("name", "person.description", persons.description_if_no_name),
    _target("name_latin", "person.names", lists.TRANSLITERATIONS),
    _target("name_local", "person.names"),
    _target("other_names", "person.names", lists.ALIASES),
    _target("sex", "person.sex"),
    _target("birth_date", "person.born"),
    _target("citizenship", "person.citizenships"),
    _target("occupation", "person.occupation"),
    _target("languages", "person.languages"),
    _target("residence", "person.residence"),
    _target("status", "case.status", fates.status),
    _target("status", "case.timeline", fates.entries),
    _target("priority", "case.priority"),
    _target("recognition", "case.recognition"),
    _target("line_of_work", "case.line_of_work"),
    _target("tags", "case.tags"),
    _target("summary", "case.summary"),
    _target("demands", "case.release_demands"),
    _target("further_demands", "case.release_demands", lists.lines),
    _target("handler", "case.handler"),
    _target("episode_kind", "episode.kind"),
    _target("agency", "episode.agency"),
    _target("warrant", "episode.warrant"),
    _target("detained_on", "episode.since"),
    _target("detained_until", "episode.until"),
    _target("detention", "episode.since"),
    _target("detention", "episode.until", ranges.range_end),
    _target("facility", "episode.place"),
    _target("articles", "proceeding.articles"),
    _target("court", "proceeding.court"),
    _target("sentence", "proceeding.sentence"),
    _target("next_task_kind", "task.kind"),
    _target("next_task", "task.kind"),
    _target("next_task", "task.title"),
    _target("next_task_due", "task.due"),
    _target("note", "case.timeline"),
    _target("timeline", "case.timeline", lists.entries),
)
COLUMNS: Final = tuple(dict.fromkeys([EXTERNAL_ID, *(target.column for target in _EXAMPLE)]))
"""The columns that need no mapping, in the order of our own tables."""
_PLACES: Final = {
    column: frozenset(f"{target.document}.{target.field}" for target in _EXAMPLE if target.column == column)
    for column in COLUMNS
}
TOLD: Final = frozenset({"also", "conflicts"})
"""Columns of our own tables that only tell something."""
SEVERAL_ITEMS: Final = frozenset({"further_demands", "timeline", "status"})
"""Columns with several items of a log."""
_NAMES_IF_ANY: Final = tuple(target for target in _EXAMPLE if target.parser is persons.name_if_any)
_PLACE: Final = {target: at for at, target in enumerate(_EXAMPLE)}


class BadMapping(InvalidValue):
    """One line of a mapping makes no sense."""

    def __init__(self, message: str, hint: str, column: str = "") -> None:
        super().__init__(message, hint=hint)
        self.column = column  # of the table; the key of that line


class Placed(NamedTuple):
    """A mapping on the header of one table."""

    positions: dict[str, tuple[int, ...]]  # of a column's cells; several are joined
    targets: tuple[Target, ...]
    id_column: str  # "": rows are identified by name
    taken: dict[str, str]  # columns of the table whose name is not ours -> ours
    ignored: list[str]
    doubted: dict[str, str]  # columns left out because it is not clear whether they are ours -> ours


class Mapping(NamedTuple):
    """Which column is the external id, and where the others go. A column that it does not name goes where its heading
    says, unless that is full already; one that goes nowhere is left out.
    """

    id_column: str  # "": none
    targets: tuple[Target, ...]
    sources: dict[str, tuple[str, ...]] | None  # the table's columns for each column; None: the headings decide

    @classmethod
    def of(cls, columns: AnyMapping[str, object]) -> Mapping:
        """From column → example column, or "document.field", or several. Raises BadMapping, with what was meant."""
        ids: list[str] = []
        names: list[str] = []
        found: list[tuple[Target, Target | None]] = []  # a target, and the one of the example that it comes from
        for column, places in columns.items():
            for where in places if isinstance(places, list) else [places]:
                if not isinstance(where, str):
                    raise BadMapping(
                        f"the mapping of {column!r} is no text", hint='Write "name" or "person.born".', column=column
                    )
                if where == EXTERNAL_ID:
                    ids.append(column)
                elif where == "name":
                    names.append(column)
                else:
                    found += _found(column, where)
        if len(ids) > 1:
            raise BadMapping("two columns are the external id", hint='Write "Nr" = "external_id" once.', column=ids[1])
        if ids and not names and not _is_named(found) and headings.is_name(ids[0]):
            names = list(ids)
        sources: dict[str, tuple[str, ...]] = {column: (column,) for column in columns}
        if names:
            joined = headings.in_order(names)
            label = ", ".join(joined)
            sources[label] = joined
            found += [(target._replace(column=label), target) for target in _EXAMPLE if target.column == "name"]
        return cls(ids[0] if ids else "", _single(found), sources)

    def on(self, header: Sequence[str]) -> Placed:
        """Where its columns stand. Raises UnreadableFile."""
        if self.sources is not None:
            return self._with_headings(header)._on(header, self.sources)
        return self._on(header, {})

    def _with_headings(self, header: Sequence[str]) -> Mapping:
        """This mapping, extended by the headings of the columns that it does not name."""
        demanded = self.sources or {}
        named = {one_line(name) for several in demanded.values() for name in several}
        meant = headings.recognised([name for name in header if name and name not in named and header.count(name) == 1])
        ids = meant.pop(EXTERNAL_ID, ("",))
        if _is_named([(target, None) for target in self.targets]):
            meant = {ours: several for ours, several in meant.items() if ours not in ("name", "title")}
        full = {(target.document, target.field) for target in self.targets if isinstance(target.declared, Register)}
        found = [
            (target._replace(column=", ".join(several)), target)
            for ours, several in meant.items()
            for target in _EXAMPLE
            if target.column == ours and (target.document, target.field) not in full
        ]
        more = {", ".join(several): several for several in (ids, *meant.values()) if any(several)}
        return Mapping(self.id_column or ids[0], (*self.targets, *_single(found)), {**more, **demanded})

    def _on(self, header: Sequence[str], demanded: AnyMapping[str, tuple[str, ...]]) -> Placed:
        """`demanded`: the columns that the mapping names, all of which must be in the header."""
        known = [name for name in header if name]
        sources = headings.recognised(known) if self.sources is None else self.sources
        wanted = dict.fromkeys([self.id_column, *(target.column for target in self.targets)])
        positions = {
            label: tuple(_position(header, name, label in demanded) for name in sources[label])
            for label in wanted
            if label in sources
        }
        id_column = self.id_column if self.id_column in positions else ""
        present = [(target, target) for target in self.targets if target.column in positions]
        if not id_column and not any(target.document == "person" and target.field == "names" for target, _ in present):
            hint = (
                _perhaps(known)
                or _meant(self.id_column or EXTERNAL_ID, known)
                or "Does the first line name the columns?"
            )
            raise UnreadableFile(f"no column {self.id_column or EXTERNAL_ID!r}, and none for the name", hint=hint)
        single = _single(present) if self.sources is None else self.targets
        if set(header) >= TOLD:  # our own table: all in its name column are names
            single = tuple(
                target._replace(parser=lists.NAMES) if target in _NAMES_IF_ANY else target for target in single
            )
        used = {header[at] for several in positions.values() for at in several}
        if self.sources is None:
            named: frozenset[str] = frozenset()
            taken = {header[at]: label for label, several in positions.items() for at in several if header[at] != label}
        else:
            named = frozenset(one_line(name) for several in demanded.values() for name in several)
            taken = _taken([name for name in known if name in used - named])
        told = named or TOLD
        left = [name for name in known if name not in used and name not in told]
        doubted = {name: meant for name in left if (meant := headings.doubted(name))}
        return Placed(positions, single, id_column, taken, [name for name in left if name not in doubted], doubted)

    def knows(self, cells: Sequence[str]) -> int:
        """How many of these are the headings of columns that it wants."""
        if self.sources is None:
            return sum(bool(cell) and bool(headings.ours(cell) or headings.is_name(cell)) for cell in cells)
        wanted = {one_line(name) for several in self.sources.values() for name in several}
        return sum(cell in wanted or folded(cell) in map(folded, wanted) for cell in cells if cell)


def _taken(names: Sequence[str]) -> dict[str, str]:
    """Which of our columns these columns of a table mean, except those that have our name already."""
    meant = headings.recognised([name for name in names if name])
    return {name: ours for ours, several in meant.items() for name in several if name != ours}


def one_line(heading: str) -> str:
    """A heading without line ends, repeated blanks or invisible characters."""
    return " ".join("".join(character for character in heading if character not in _UNSEEN).split())


_UNSEEN: Final = frozenset("\ufeff\u200b\u2060\u00ad\u200e\u200f")


def _position(header: Sequence[str], name: str, demanded: bool) -> int:
    wanted = one_line(name) if demanded else name
    if header.count(wanted) > 1:
        raise UnreadableFile(f"the column {wanted!r} stands there twice", hint="Give each its own name.")
    if wanted not in header:
        hint = _meant(wanted, header) or "Does the first line name the columns?"
        raise UnreadableFile(f"no column {wanted!r}", hint=hint)
    return header.index(wanted)


def _meant(name: str, header: Sequence[str]) -> str:
    """A hint at the column that was probably meant."""
    alike = [heading for heading in header if heading and folded(heading) == folded(name)]
    alike = alike or [
        heading for heading in header if name and headings.ours(name) and headings.ours(heading) == headings.ours(name)
    ]
    close = alike or get_close_matches(name, [name for name in header if name], n=1, cutoff=0.8)
    return f"Did you mean {close[0]!r}?" if close else ""


def _perhaps(header: Sequence[str]) -> str:
    """A hint at a column that may be the name."""
    found = next((heading for heading in header if headings.doubted(heading) == "name"), "")
    return f"If {found!r} are the names, say so in a mapping." if found else ""


def _found(column: str, where: str) -> list[tuple[Target, Target | None]]:
    try:
        if "." in where:
            return [(_target(column, where), None)]
    except InvalidValue as error:
        raise BadMapping(str(error), hint=error.hint, column=column) from None
    if where not in COLUMNS:
        raise BadMapping(f"the mapping of {column!r} is unknown", hint=offer(where, COLUMNS), column=column)
    return [(target._replace(column=column), target) for target in _EXAMPLE if target.column == where]


def places_of(column: str) -> frozenset[str]:
    """The fields that a column of the example goes into, as "person.born"."""
    return _PLACES.get(column, frozenset())


def fitting(cell: str) -> list[str]:
    """The columns whose field has a choice that this word means; the word may be in another column."""
    fit = [target.column for target in _EXAMPLE if _is_choice(target) and _takes(target, cell)]
    return [*fit, *(["detained_until"] if says_released(cell) else [])]


def _is_choice(target: Target) -> bool:
    described: Any = target.declared.kinds[0].description
    while isinstance(described, dict) and "optional" in described:
        described = described["optional"]
    return isinstance(described, dict) and "enum" in described and target.parser is not cells.task_kind


def _takes(target: Target, cell: str) -> bool:
    try:
        return bool(target.parser(cell))
    except BadCell:
        return False


def _is_named(found: Sequence[tuple[Target, Any]]) -> bool:
    return any((target.document, target.field) in (("case", "title"), ("person", "names")) for target, _ in found)


def _single(found: Sequence[tuple[Target, Target | None]]) -> tuple[Target, ...]:
    """The targets, with one for each register, which holds one value. Raises BadMapping for two that mean the same."""
    chosen: dict[tuple[str, str], tuple[Target, Target | None]] = {}
    for target, example in sorted(found, key=lambda pair: -1 if pair[1] is None else _PLACE[pair[1]]):
        at = (target.document, target.field)
        if not isinstance(target.declared, Register):
            at = (f"{target.document}.{target.field}", target.column)
        elif at in chosen:
            other = chosen[at][1]
            if example is None or other is None or other.column == example.column:
                raise BadMapping(
                    f"two columns go into {target.document}.{target.field}, which holds one value",
                    hint="Map one of them somewhere else.", column=target.column,
                )  # fmt: skip
            continue
        chosen[at] = target, example
    return tuple(target for target, _ in chosen.values())


EXAMPLE: Final = Mapping(EXTERNAL_ID, _EXAMPLE, None)
"""The columns of the example that ships, or what people call them; a file may have fewer."""
