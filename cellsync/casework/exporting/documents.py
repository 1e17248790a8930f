"""Documents: those that an export can hold, and the fields that a word in a consent withholds.

A consent withholds "residence", or "person.residence". A field can also be given the name of a table's column:
"birth_date" is person.born. A word that means no field must not let out the field that it may have meant.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final

from cellsync.casework.documents.access import Access, ConditionsReport
from cellsync.casework.documents.case_file import CaseFile
from cellsync.casework.documents.contact import Contact
from cellsync.casework.documents.demand import Demand
from cellsync.casework.documents.episode import Episode
from cellsync.casework.documents.evacuation import Adaptation, Evacuation
from cellsync.casework.documents.group_support import Grant
from cellsync.casework.documents.person import Person
from cellsync.casework.documents.proceeding import Proceeding
from cellsync.casework.documents.support_task import SupportTask
from cellsync.casework.documents.talks import Talks
from cellsync.casework.importing.mapping import COLUMNS, places_of
from cellsync.core.schema.schema import Schema, fields_of, kind_of

BESIDE: Final[tuple[type[Schema], ...]] = (
    Episode, Proceeding, SupportTask, Demand, ConditionsReport, Access, Talks, Evacuation, Adaptation, Contact, Grant,
)  # fmt: skip
_NUMBER: Final = re.compile(r"[^\W\d_]{0,4}[-_./№#]?\d{1,8}(?:/\d{1,6})?")


def named_kind(kind: str) -> str:
    """The name of a kind in lists of withheld and left out fields: `cellsync.person` is "person"."""
    return kind.rpartition(".")[2]


_FIELDS: Final = frozenset(
    f"{named_kind(kind_of(schema))}.{name}" for schema in (CaseFile, Person, *BESIDE) for name in fields_of(schema)
)
_TITLES: Final = frozenset(field for field in _FIELDS if field.endswith(".title"))


def meant(word: str) -> frozenset[str]:
    """The fields that a consent means by a word, as "person.residence". Empty if no field has that name."""
    said = word.strip().casefold()
    document, _, name = said.rpartition(".")
    found = {field for field in _FIELDS if field == said or (not document and field.rpartition(".")[2] == name)}
    found |= places_of(name)
    if "person.names" in found:
        found |= _TITLES  # the title of a case is usually the name of its person
    return frozenset(found)


def nearest(word: str) -> str:
    """The name of a field or column that is most similar to a word that is neither; "" if none is similar."""
    said = word.strip().casefold()
    names = _FIELDS if "." in said else {field.rpartition(".")[2] for field in _FIELDS}.union(COLUMNS)
    close = get_close_matches(said, sorted(names), n=1) or get_close_matches(said, sorted(_FIELDS), n=1)
    return close[0] if close else ""


def is_number(external_id: str) -> bool:
    """Whether an id is a mere number, "VR-17", and names no person. Rows without an id get one of name and birth."""
    return not external_id or _NUMBER.fullmatch(external_id) is not None
