"""Joined: records that were merged by hand, as two records of one person, or two files of one case.

1. A link `merged_into` joins two records of one kind, whichever of them holds it. Chains, cycles and several links of
   one record join all records on the way; a removed link joins nothing.
2. A record that is not here yet joins those that are merged into it.
3. A consent for one of the joined records counts for all (`permission`). If more than `permission.MANY` are joined, the
   intent is unclear, and none of them leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from cellsync.casework.documents.case_file import CaseFile
from cellsync.casework.documents.person import Person
from cellsync.casework.exporting.reader import Reader, Steps
from cellsync.casework.values.link import Relation
from cellsync.cell import description
from cellsync.core.marks import Marks
from cellsync.core.schema.schema import Schema, kind_of

_KINDS: Final[tuple[type[Schema], ...]] = (Person, CaseFile)


class Joined:
    """Groups of joined records, by number. The greatest number of a group represents it."""

    def __init__(self, number: Callable[[bytes], int]) -> None:
        """`number`: returns the number of an id, 0 if it is not here."""
        self._own = number
        self._towards: dict[int, int] = {}  # of each joined record: another, nearer to the representative
        self._members: dict[int, list[int]] = {}  # of each representative: its group
        self._awaited: dict[tuple[type[Schema], bytes], int] = {}  # records that are not here, with numbers below 0

    def join(self, schema: type[Schema], one: bytes, other: bytes) -> None:
        """Join two records of this kind."""
        ends = sorted(self._end(self._node(schema, record)) for record in (one, other))
        if ends[0] != ends[1]:
            self._towards[ends[0]] = ends[1]
            more = self._members.pop(ends[0], [ends[0]])
            self._members.setdefault(ends[1], [ends[1]]).extend(more)

    def _node(self, schema: type[Schema], record: bytes) -> int:
        return self._own(record) or self._awaited.setdefault((schema, record), -1 - len(self._awaited))

    def _end(self, node: int) -> int:
        passed = []
        while (there := self._towards.get(node)) is not None:
            passed.append(node)
            node = there
        for step in passed:
            self._towards[step] = node
        return node

    def number(self, record: bytes) -> int:
        """The number of the representative of a record, which need not be here itself; 0 if it is unknown."""
        if own := self._own(record):
            return self.first(own)
        found = (self._awaited.get((schema, record)) for schema in _KINDS) if self._awaited else ()
        return next((self._end(node) for node in found if node is not None), 0)

    def first(self, number: int) -> int:
        """The number of the representative of this number."""
        return self._end(number) if self._towards else number

    def count(self, first: int) -> int:
        """The size of the group that this number represents."""
        return len(self._members[first]) if first in self._members else 1

    def others(self, number: int) -> Sequence[int]:
        """The other records of its group that are here."""
        return [member for member in self._members.get(self.first(number), ()) if member > 0 and member != number]

    def is_awaited_person(self, record: bytes) -> bool:
        return (Person, record) in self._awaited


def all_joined(reader: Reader) -> Steps[Joined]:
    """The groups among all records. Only records with a link that may lead to one of their kind are opened."""
    joined = Joined(reader.number)
    for schema in _KINDS:
        numbers, marks = reader.of_kind(schema), Marks()
        for number in numbers:
            marks.add(number)
        for number in numbers:
            if _may_join(reader, number, marks):
                record = reader.id(number)
                for into in _merged(reader, schema, record):
                    joined.join(schema, record, into)
            yield from reader.turn()
    return joined


def _may_join(reader: Reader, number: int, alike: Marks) -> bool:
    targets = reader.targets(number)
    return len(targets) >= description.LINKS or any(
        (there := reader.number(target)) in alike or not there for target in targets
    )


def joined_with(
    reader: Reader, schema: type[Schema], records: Iterable[bytes], joined: Joined, most: int
) -> Steps[set[bytes]]:
    """Join these records with the others of their groups, and return all. A group is followed up to `most` records."""
    found: set[bytes] = set()
    for begin in map(bytes, records):
        waiting, group = [] if begin in found else [begin], {begin}
        while waiting and len(group) <= most:
            record = waiting.pop()
            for near in _beside(reader, schema, record):
                joined.join(schema, record, near)
                if near not in group:
                    group.add(near)
                    waiting.append(near)
                if len(group) > most:
                    break
            yield from reader.turn()
        found |= group
    return found


def _beside(reader: Reader, schema: type[Schema], record: bytes) -> Iterator[bytes]:
    """The records that a record is merged into, and those merged into it."""
    yield from _merged(reader, schema, record)
    for case, kind in reader.pointing_at([record]).items():
        if kind == kind_of(schema) and record in _merged(reader, schema, bytes(case)):
            yield bytes(case)


def _merged(reader: Reader, schema: type[Schema], record: bytes) -> Iterator[bytes]:
    """The records that a record is merged into, of its kind or not here yet."""
    number, kind = reader.number(record), kind_of(schema)
    if not number or reader.kind(number) != kind:
        return
    document: Any = reader.open(schema, record)
    for link in document.links:
        if link.relation is Relation.MERGED_INTO and link.case != record:
            there = reader.number(link.case)
            if not there or reader.kind(there) == kind:
                yield bytes(link.case)
