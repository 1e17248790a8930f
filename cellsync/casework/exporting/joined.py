"""Joined: records that are one, as somebody has said: two records of one person, or two files of one case.

1. A link `merged_into` joins two records of one kind, whichever of them it stands in. Chains, cycles and several links
   of one record join all that they lead through; a link that was removed joins nothing.
2. A record that is not here yet joins those that are merged into it.
3. Whatever is said about one of them is said about all (`permission`). Of more than `permission.MANY` nobody can tell
   what was meant, and nothing of them goes.
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
    """Which records are one, by their numbers; the greatest of them stands for all."""

    def __init__(self, number: Callable[[bytes], int]) -> None:
        """`number`: of an id, 0 of one that is not here."""
        self._own = number
        self._towards: dict[int, int] = {}  # of each that is joined: another, nearer to the one that stands for all
        self._members: dict[int, list[int]] = {}  # of each that stands for all: all of them
        self._awaited: dict[tuple[type[Schema], bytes], int] = {}  # those that are not here, by numbers below 0

    def join(self, schema: type[Schema], one: bytes, other: bytes) -> None:
        """Two of this kind are one."""
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
        """Of the one that stands for it, also if it is not here itself; else its own."""
        if own := self._own(record):
            return self.first(own)
        found = (self._awaited.get((schema, record)) for schema in _KINDS) if self._awaited else ()
        return next((self._end(node) for node in found if node is not None), 0)

    def first(self, number: int) -> int:
        """Of the one that stands for this one."""
        return self._end(number) if self._towards else number

    def count(self, first: int) -> int:
        """How many are one with it, itself among them."""
        return len(self._members[first]) if first in self._members else 1

    def others(self, number: int) -> Sequence[int]:
        """The others that are one with it, as far as they are here."""
        return [member for member in self._members.get(self.first(number), ()) if member > 0 and member != number]

    def is_awaited_person(self, record: bytes) -> bool:
        return (Person, record) in self._awaited


def all_joined(reader: Reader) -> Steps[Joined]:
    """Of all records. Only those are opened of which a link may lead to another one of their kind."""
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
    """Find out what these records of a kind are one with, and give all. Of more than `most` the rest is left."""
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
    """What a record is merged into, and what is merged into it."""
    yield from _merged(reader, schema, record)
    for case, kind in reader.pointing_at([record]).items():
        if kind == kind_of(schema) and record in _merged(reader, schema, bytes(case)):
            yield bytes(case)


def _merged(reader: Reader, schema: type[Schema], record: bytes) -> Iterator[bytes]:
    """Into which others of its kind, or not here yet, a record is merged."""
    number, kind = reader.number(record), kind_of(schema)
    if not number or reader.kind(number) != kind:
        return
    document: Any = reader.open(schema, record)
    for link in document.links:
        if link.relation is Relation.MERGED_INTO and link.case != record:
            there = reader.number(link.case)
            if not there or reader.kind(there) == kind:
                yield bytes(link.case)
