"""The state of a case, as a function of the set of its operations (protocol/35-cases.md). Naive on purpose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgpack

from protocol.generate.hashes import h
from protocol.generate.packed import packed

CREATE, SET, ADD, DISCARD, PUT, DELETE, COUNT, APPEND, CORRECT, RETRACT = range(10)
TYPES: Final = {
    "register": (SET,),
    "set": (ADD, DISCARD),
    "map": (PUT, DELETE),
    "counter": (COUNT,),
    "log": (APPEND, CORRECT, RETRACT),
}
ROLES: Final = {APPEND: "append", CORRECT: "correct", RETRACT: "retract"}


class Written(NamedTuple):
    """An entry of the case that is folded."""

    id: bytes
    device: bytes
    height: int
    clock: int
    shape: bytes
    content: bytes


@dataclass(frozen=True)
class Operation:
    entry: Written
    index: int
    tag: int
    field: str
    detail: Any
    value: Any

    @property
    def ref(self) -> bytes:
        return self.entry.id[:8] + self.index.to_bytes(2, "big")

    @property
    def rank(self) -> tuple[int, bytes]:
        return self.entry.height, self.ref

    @property
    def row(self) -> list[Any]:
        return [self.value, self.entry.device, self.entry.clock, self.entry.height, self.ref]

    @property
    def names(self) -> list[bytes]:
        """The refs in its detail."""
        if self.tag not in (SET, DISCARD, PUT, DELETE, CORRECT, RETRACT):
            return []
        return [self.detail[at : at + 10] for at in range(0, len(self.detail), 10)]

    @property
    def is_ill_typed(self) -> bool:
        if self.tag == PUT:
            return not (type(self.value) is list and len(self.value) == 2)
        return self.tag == COUNT and not (type(self.value) is int and abs(self.value) <= 1 << 53)


def decoded(raw: bytes) -> Any:
    return msgpack.unpackb(raw, raw=False, strict_map_key=False)


def elements(value: Any) -> int:
    """The value and all that is in it."""
    if isinstance(value, dict):
        return 1 + len(value) + sum(map(elements, value.values()))
    return 1 + (sum(map(elements, value)) if isinstance(value, list) else 0)


def is_opaque(shape: bytes, content: bytes) -> bool:
    """Of an entry whose bytes are msgpack to the end."""
    heads, values = decoded(shape), decoded(content[16:])
    largest = max(map(elements, values), default=0) if isinstance(values, list) else elements(values)
    return elements(heads) + elements(values) > 4_096 or largest > 1_024


def operations(entries: Iterable[Written]) -> Iterator[Operation]:
    for entry in entries:
        if not is_opaque(entry.shape, entry.content):
            heads, values = decoded(entry.shape), decoded(entry.content[16:])
            for index, ((tag, field, detail), value) in enumerate(zip(heads, values, strict=True)):
                yield Operation(entry, index, tag, field, detail, value)


class State:
    """What a set of entries makes of a case."""

    def __init__(self, entries: Iterable[Written]) -> None:
        self.all = [one for one in operations(entries) if not one.is_ill_typed]
        self.creates = [one for one in self.all if one.tag == CREATE]

    @property
    def kind(self) -> str:
        return min(self.creates, key=lambda one: one.rank).field if self.creates else ""

    @property
    def version(self) -> int:
        return max((one.detail for one in self.creates if one.field == self.kind), default=0)

    def fields(self, kind: str) -> list[tuple[str, list[Operation]]]:
        """The fields of a type, ascending, each with its operations, ascending by ref."""
        of_type = sorted((one for one in self.all if one.tag in TYPES[kind]), key=lambda one: one.ref)
        names = sorted({one.field for one in of_type})
        return [(name, [one for one in of_type if one.field == name]) for name in names]

    # --- the digest ---------------------------------------------------------------------------------

    def digest(self) -> bytes:
        creates = [
            [one.ref, [one.field, one.detail], one.entry.device, one.entry.clock, one.entry.height]
            for one in sorted(self.creates, key=lambda one: one.ref)
        ]
        parts = [packed(creates)]
        for kind in TYPES:
            for name, said in self.fields(kind):
                rows = digest_rows(kind, said)
                if rows:
                    parts.append(packed([kind, name, rows]))
        return h("cs1 state", b"".join(parts))

    # --- what people see ----------------------------------------------------------------------------

    def shown(self) -> list[tuple[str, str, Any]]:
        found = [(name, kind, shown(kind, said)) for kind in TYPES for name, said in self.fields(kind)]
        return sorted((one for one in found if one[2] is not None), key=lambda one: one[:2])


def live(said: Sequence[Operation]) -> list[Operation]:
    """Set, add and put operations that no operation of the field names."""
    named = {ref for one in said for ref in one.names}
    return [one for one in said if one.tag in (SET, ADD, PUT) and one.ref not in named]


def digest_rows(kind: str, said: Sequence[Operation]) -> Any:
    if kind == "counter":
        return str(sum(one.value for one in said))
    if kind == "log":
        return [[one.ref, ROLES[one.tag], one.detail, packed(one.row)] for one in said]
    return [one.row for one in live(said)]


def shown(kind: str, said: Sequence[Operation]) -> Any:
    """The value of a field as people see it; None for a field in which there is nothing to see."""
    if kind == "counter":
        return sum(one.value for one in said)
    if kind == "log":
        return items(said) if any(one.tag == APPEND for one in said) else None
    newest_first = sorted(live(said), key=lambda one: one.rank, reverse=True)
    if not newest_first:
        return None
    if kind == "register":
        return Shown(newest_first[0].value)
    if kind == "set":
        return [value for _, value in sorted({packed(one.value): one.value for one in newest_first}.items())]
    keys: dict[bytes, list[Any]] = {}
    for one in newest_first:
        keys.setdefault(packed(one.value[0]), one.value)
    return [pair for _, pair in sorted(keys.items())]


@dataclass(frozen=True)
class Shown:
    """The value of a register, which may be nil."""

    value: Any


def items(said: Sequence[Operation]) -> list[Any]:
    """The items of a log that are not retracted, each as it is displayed."""
    appends = sorted((one for one in said if one.tag == APPEND), key=lambda one: one.rank)
    corrections = [one for one in said if one.tag == CORRECT]
    retracted = {one.detail for one in said if one.tag == RETRACT}
    by_source: dict[bytes, list[Operation]] = {}
    for one in appends:
        by_source.setdefault(one.detail or one.ref, []).append(one)
    found = []
    for versions in by_source.values():
        values, refs = [packed(one.value) for one in versions], {one.ref for one in versions}
        amending: list[Operation] = []
        while True:
            more = [one for one in corrections if one.detail in refs and one not in amending]
            if not more:
                break
            amending += more
            refs |= {one.ref for one in more}
        named = {one.detail for one in amending}
        different = [one for at, one in enumerate(versions) if values[at] not in values[:at]]
        current = [one for one in amending if one.ref not in named] or different
        if not refs & retracted:
            found.append(max(current, key=lambda one: one.rank).value)
    return found
