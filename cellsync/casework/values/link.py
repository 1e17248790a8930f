"""Links between cases. The more restricted document holds the link, which points outwards."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Relation(StrEnum):
    ABOUT = "about"  # this document is about that person
    PART_OF = "part_of"  # of that case
    AT = "at"  # that facility
    WITH = "with"  # that partner or contact
    SUPPORTS = "supports"  # that demand, proceeding or plan
    RELATIVE_OF = "relative_of"
    MERGED_INTO = "merged_into"  # the same as that one; removing the link undoes it
    SUPERSEDES = "supersedes"


class Link(NamedTuple):
    """A reference to another case."""

    case: bytes  # its id
    relation: Relation
