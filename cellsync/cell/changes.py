"""Changes: the effect of a step on the fields of cases, as told to followers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, assert_never

from cellsync.core.crdt.row import REMOVES
from cellsync.core.crdt.types import BY_TAG, verb_of
from cellsync.core.ids import REF_BYTES, CaseId, Ref
from cellsync.core.schema.fields import Field
from cellsync.core.schema.host import Bound, Cause, Change
from cellsync.core.schema.schema import Schema, fields_of
from cellsync.core.schema.values import fits
from cellsync.core.schema.views import MapView, SetView
from cellsync.core.wire.operations import Operation, split_refs
from cellsync.core.wire.tags import Op
from cellsync.ledger.source import FromSession, OwnHand, Source

NAMED: Final = 20  # refs named of those that one operation removes


def cause_of(source: Source) -> Cause:
    """The cause of a change, by the source of its step."""
    match source:
        case OwnHand():
            return "edit"
        case FromSession():
            return "sync"
        case _:
            assert_never(source)


def change_size(change: Change) -> int:
    return size_of(change.value) + size_of(change.before)


def size_of(value: Any) -> int:
    """The approximate memory of a decoded value, in bytes."""
    if isinstance(value, (str, bytes)):
        return len(value) + 50
    if isinstance(value, Mapping):
        return 100 + sum(100 + size_of(key) + size_of(inner) for key, inner in value.items())
    if isinstance(value, (tuple, list, frozenset)):
        return 60 + sum(10 + size_of(element) for element in value)
    return 32


def touched(operations: list[Operation]) -> list[str]:
    """The fields that operations write, in order, without repeats."""
    return list(dict.fromkeys(operation.field for operation in operations if operation.tag != Op.CREATE))


def readings(case: Bound | None, names: list[str]) -> dict[str, Any]:
    """The current values of these fields; logs are left out, they only grow."""
    known = _fields(case)
    return {name: _now(getattr(case, name)) for name in names if name in known}


def told(
    case: Bound | None, identity: CaseId, operations: list[Operation], before: dict[str, Any], author: str,
    local: bool, cause: Cause,
) -> Iterator[Change]:  # fmt: skip
    """One change per field that an entry wrote; one per item for logs. Their cursors are yet to be filled in."""
    known = _fields(case)
    seen: set[str] = set()
    for operation in operations:
        name = operation.field
        own = known.get(name)
        if operation.tag == Op.CREATE or name in seen:
            continue
        row = BY_TAG.get(operation.tag)
        if (row is not None and row.apart) or case is None or own is None:
            value = operation.plain
            if own is not None and own.kinds and fits(own.kinds[0], value):
                value = own.kinds[0].decode(value)
            did = verb_of(operation.tag) or "other"
            yield Change(identity, name, value, None, author, local, cause, "", did, _removed(operation))
        else:
            seen.add(name)
            now, did = _now(getattr(case, name)), verb_of(operation.tag) or "other"
            yield Change(identity, name, now, before.get(name), author, local, cause, "", did, _removed(operation))


def _removed(operation: Operation) -> tuple[Ref, ...]:
    """The refs that an operation removes, as far as they are told."""
    if verb_of(operation.tag) not in REMOVES or not isinstance(operation.detail, bytes):
        return ()
    return tuple(split_refs(operation.detail[: NAMED * REF_BYTES]))


def _fields(case: Bound | None) -> Mapping[str, Field]:
    return fields_of(type(case)) if isinstance(case, Schema) else {}


def _now(value: Any) -> Any:
    """A copy of a view's current value: the view itself keeps changing."""
    if isinstance(value, SetView):
        return frozenset(value)
    return dict(value) if isinstance(value, MapView) else value
