"""Summaries: what an entry did, in a few words: "created", "status=closed", 'notes +"hearing 3 May"'.

User text is shortened, and whatever could control a terminal or reverse a line is replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from enum import Enum
from itertools import islice
from typing import Any, Final

from cellsync.core.crdt.types import verb_of
from cellsync.core.ids import ID_BYTES, EntryId, Ref
from cellsync.core.plain import LONGEST, plain_line
from cellsync.core.schema.fields import Field
from cellsync.core.schema.host import Bound
from cellsync.core.schema.schema import Schema, fields_of
from cellsync.core.schema.values import PLAIN, fits
from cellsync.core.wire.operations import Operation, ref, split_refs
from cellsync.core.wire.tags import Op

GONE: Final = 3  # removed values named in one summary
_UNSHOWN: Final = frozenset({"imported"})  # bookkeeping of the import


class Teller:
    """Summarises entries of one case, in any order in which values come before their removal."""

    def __init__(self, case: Bound, named: Callable[[bytes], str] = lambda _: "") -> None:
        """`named`: the title of the case with this id; "" if there is none."""
        self._named = named
        self._fields = fields_of(type(case)) if isinstance(case, Schema) else {}
        self._said: dict[Ref, str] = {}  # for later operations that name it by ref only

    def learn(self, written: Mapping[Ref, Operation]) -> None:
        """Take note of values written before the summarised entries, and removed by one of them."""
        for own, operation in written.items():
            self._one(own, operation)

    def tell(self, entry: EntryId, done: list[Operation]) -> Iterator[str]:
        for index, operation in enumerate(done):
            if operation.field not in _UNSHOWN or operation.tag == Op.CREATE:
                yield self._one(ref(entry, index), operation)

    def _one(self, own: Ref, operation: Operation) -> str:
        tag, field, detail, _ = operation
        value = operation.plain
        name = plain_line(field)
        match verb_of(tag), value:
            case None, _ if tag == Op.CREATE:
                return "created"
            case "set", _:
                return f"{name}={self._value(field, value)}"
            case "add" | "append", _:
                self._said[own] = text = self._value(field, value, quoted=True)
                return f"{name} +{text}"
            case "put", [key, put]:
                self._said[own] = text = self._value(field, key)
                return f"{name}[{text}]={self._value(field, put, at=1)}"
            case "count", _:
                return f"{name} {value:+}" if type(value) is int else f"{name} ?"
            case "correct", _:
                self._said[own] = text = self._value(field, value, quoted=True)
                return f"{name} corrected: {text}"
            case "retract" | "discard" | "delete", _:
                gone = [self._said.get(ref, "?") for ref in split_refs(detail if isinstance(detail, bytes) else b"")]
                few = dict.fromkeys(gone[:GONE])
                return f"{name} -{', '.join(few)}" + (" …" if len(gone) > GONE else "")
        return f"{name} changed in a way that this version does not know"

    def _value(self, field: str, value: Any, *, quoted: bool = False, at: int = 0) -> str:
        own: Field | None = self._fields.get(field)
        kind = own.kinds[at] if own is not None and len(own.kinds) > at and fits(own.kinds[at], value) else PLAIN
        found = kind.decode(value)
        text = plain_line(_words(found, self._named))
        plain = isinstance(found, Enum) or not isinstance(found, str)
        return f'"{text}"' if (quoted and not plain) or (not plain and (" " in text or not text)) else text


def _words(value: Any, named: Callable[[bytes], str]) -> str:
    """A value in words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bytes):
        return (named(value) if len(value) == ID_BYTES else "") or value[:4].hex()
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        defaults = getattr(value, "_field_defaults", {})
        parts = zip(value._fields, value, strict=True)
        told = [part for name, part in parts if name not in defaults or part != defaults[name]]
        return " ".join(_words(part, named) for part in sorted(told, key=lambda part: isinstance(part, bytes)))
    if isinstance(value, (list, tuple)):
        return " ".join(_words(part, named) for part in value[:LONGEST])
    if isinstance(value, Mapping):
        return " ".join(f"{key}: {_words(part, named)}" for key, part in islice(value.items(), LONGEST))
    return value.isoformat() if isinstance(value, date) else str(value)
