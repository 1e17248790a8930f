"""Mapping: which column of a table goes into which field of which document.

A group's own table is mapped with a dict, or a TOML or JSON file with the same keys and values:

    "Nr" = "external_id"              as the example's column of that name
    "ФИО" = "name"
    "Дата рождения" = "person.born"   or a field of a document
    "Разное" = "case.legal_notes"

Documents: case, person, episode, proceeding, task; one of each per row. Exactly one column is the external id.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping as AnyMapping
from pathlib import Path
from typing import Final, NamedTuple

from cellsync.casework.case_file import CaseFile
from cellsync.casework.choices import offer
from cellsync.casework.episode import Episode
from cellsync.casework.importing import cells
from cellsync.casework.importing.cells import Parser
from cellsync.casework.person import Person
from cellsync.casework.proceeding import Proceeding
from cellsync.casework.support_task import SupportTask
from cellsync.core import strict_json
from cellsync.core.case.fields import Field, Log, Register, Set
from cellsync.core.case.schema import Schema, fields_of
from cellsync.core.errors import InvalidValue

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
    """Raises InvalidValue for a document or field that does not exist, or that a cell cannot say."""
    document, _, name = where.partition(".")
    if document not in DOCUMENTS:
        raise InvalidValue("the mapping names a document that does not exist", hint=offer(document, DOCUMENTS))
    fields = fields_of(DOCUMENTS[document])
    if name not in fields or name in _WRITTEN_BY_IMPORT:
        offered = [one for one in fields if one not in _WRITTEN_BY_IMPORT]
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
    return cells.several(parser) if parser is not None and isinstance(declared, Set) else parser


# Fields whose cells people write in other ways than their type suggests.
_SPECIAL: Final[dict[str, Parser]] = {
    "case.priority": cells.priority,
    "person.sex": cells.sex,
    "person.citizenships": cells.countries,
    "person.languages": cells.languages,
    "proceeding.articles": cells.articles,
}

_EXAMPLE: Final = (
    _target("name", "case.title"),
    _target("name", "person.names", cells.name_if_any),
    _target("name", "person.description", cells.description_if_no_name),
    _target("name_latin", "person.names", cells.transliteration),
    _target("name_local", "person.names"),
    _target("sex", "person.sex"),
    _target("birth_date", "person.born"),
    _target("citizenship", "person.citizenships"),
    _target("occupation", "person.occupation"),
    _target("languages", "person.languages"),
    _target("status", "case.status"),
    _target("priority", "case.priority"),
    _target("recognition", "case.recognition"),
    _target("line_of_work", "case.line_of_work"),
    _target("demands", "case.release_demands"),
    _target("handler", "case.handler"),
    _target("episode_kind", "episode.kind"),
    _target("agency", "episode.agency"),
    _target("warrant", "episode.warrant"),
    _target("detained_on", "episode.since"),
    _target("facility", "episode.place"),
    _target("articles", "proceeding.articles"),
    _target("court", "proceeding.court"),
    _target("sentence", "proceeding.sentence"),
    _target("next_task", "task.kind"),
    _target("next_task", "task.title"),
    _target("next_task_due", "task.due"),
    _target("note", "case.timeline"),
)


class Mapping(NamedTuple):
    """Which column is the external id, and where the others go."""

    id_column: str
    targets: tuple[Target, ...]
    whole: bool  # whether a column that the file lacks is an error

    @classmethod
    def of(cls, columns: AnyMapping[str, object]) -> Mapping:
        """From column → example column, or "document.field". Raises InvalidValue, with a hint at what was meant."""
        examples = list(dict.fromkeys([EXTERNAL_ID, *(target.column for target in _EXAMPLE)]))
        ids, targets = [], []
        for column, where in columns.items():
            if not isinstance(where, str):
                raise InvalidValue(f"the mapping of {column!r} is not text", hint='Write "name" or "person.born".')
            if where == EXTERNAL_ID:
                ids.append(column)
            elif "." in where:
                targets.append(_target(column, where))
            elif where in examples:
                targets += [target._replace(column=column) for target in _EXAMPLE if target.column == where]
            else:
                raise InvalidValue(f"the mapping of {column!r} is unknown", hint=offer(where, examples))
        if len(ids) != 1:
            raise InvalidValue("exactly one column has to be the external id", hint='Write "Nr" = "external_id".')
        _check_single(targets)
        return cls(ids[0], tuple(targets), True)

    @classmethod
    def load(cls, path: Path) -> Mapping:
        """From a .toml or .json file. Raises InvalidValue."""
        try:
            read = strict_json.read_text if path.suffix.lower() == ".json" else tomllib.loads
            columns = read(path.read_text("utf-8-sig"))
        except OSError:
            raise InvalidValue("the mapping file cannot be opened") from None
        except ValueError:  # also what is not UTF-8, TOML or JSON
            raise InvalidValue("the mapping file is neither TOML nor JSON") from None
        if not isinstance(columns, dict):
            raise InvalidValue("the mapping file is not a list of columns")
        return cls.of(columns)


def _check_single(targets: list[Target]) -> None:
    """A register is one value, so it comes from one column."""
    taken: set[tuple[str, str]] = set()
    for _, document, name, _ in targets:
        if isinstance(fields_of(DOCUMENTS[document])[name], Register) and (document, name) in taken:
            raise InvalidValue(f"two columns go into {document}.{name}, which holds one value")
        taken.add((document, name))


EXAMPLE: Final = Mapping(EXTERNAL_ID, _EXAMPLE, False)
"""The columns of the example that ships; a file may have fewer."""
