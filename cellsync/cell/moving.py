"""Moving a case: its content, written anew by the mover into another circle of this device.

Rules:

1. **A move is a copy.** What others wrote stays where it was written, with its signatures: it cannot be taken back from
   those who have it. The new case has a new id, and the mover as its author.
2. **The target holds no trace of the old circle.** No id, key or hash of it is written there: so no value with 32 bytes
   in it goes along that is not a case of the target itself, links to others of the old circle among them. Names of
   authors go along as text only where that is wanted.
3. **What is shown is what is taken:** the value of a field that is shown first, where people contradict each other, and
   of the logs the items that somebody chose, as they read today.
4. **A link leads from the restricted side only** (`restriction`): the old case points at the new one if all who read it
   are in the target as well. From the new one nothing points back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final, NamedTuple

from cellsync.cell.circle import CellCircle
from cellsync.cell.restriction import ids_in
from cellsync.core import caps
from cellsync.core.case.fold import CaseState
from cellsync.core.crdt.log import LogItem
from cellsync.core.crdt.row import Holds
from cellsync.core.crdt.types import TYPES
from cellsync.core.errors import InvalidValue
from cellsync.core.ids import ID_BYTES, CaseId, Ref
from cellsync.core.schema.generic import GenericCase
from cellsync.core.schema.views import items_of
from cellsync.core.wire.operations import SALT_BYTES, Operation, encode_content, encode_shape
from cellsync.core.wire.tags import Op

HIDDEN: Final = frozenset({"imported"})  # an import's own marks: hashes of where a row came from
_WRITES: Final = {"set": (Op.SET, b""), "add": (Op.ADD, None), "put": (Op.PUT, b""), "count": (Op.COUNT, None)}
_MOST: Final = 200  # operations of one entry
_SALT: Final = bytes(SALT_BYTES)

Noted = Callable[[str, LogItem, Any], Any]
"""How an item is written there: its field, itself, and its plain value; None: not at all."""


class Content(NamedTuple):
    """What a case says that can go into another circle."""

    kind: str
    version: int
    written: list[Operation]  # all but the logs
    items: list[tuple[str, LogItem]]  # of its logs, in order, with their fields
    left_out: list[str]  # names of fields of which something cannot go along

    def __repr__(self) -> str:
        return f"<content of a {self.kind}>"  # no content


async def content(source: CellCircle, case: CaseId, target: CellCircle) -> Content:
    """What of a case can go into another circle. Raises NotFound, InvalidValue (it is the same circle)."""
    if source is target:
        raise InvalidValue("The case is in that circle already.", hint="cellsync circle list")
    state = (await source.get(GenericCase, case))._state
    if not state.kind:
        raise InvalidValue("The beginning of this case has not arrived yet.", hint="cellsync sync")
    allowed = target.circle.replica.held.cases
    written: list[Operation] = []
    items: list[tuple[str, LogItem]] = []
    left_out: dict[str, None] = {}
    for name, crdt in state.fields():
        if name in HIDDEN:
            continue
        if TYPES[crdt].holds is Holds.ITEMS:
            for item in items_of(state, crdt, name):
                if item.retractions:
                    continue
                if any(found not in allowed for found in ids_in([item.current[0].value])):
                    left_out[name] = None
                else:
                    items.append((name, item))
            continue
        for operation in _writes(state, name, crdt):
            if any(found not in allowed for found in ids_in([operation.plain])):
                left_out[name] = None
            else:
                written.append(operation)
    return Content(state.kind, state.version, written, items, list(left_out))


def _writes(state: CaseState, name: str, crdt: str) -> Iterator[Operation]:
    """The operations that write what a field shows."""
    for verb in TYPES[crdt].holds.verbs:
        if verb not in _WRITES:
            continue
        op, detail = _WRITES[verb]
        for part in state.parts(crdt, name):
            value = [part.key, part.value] if verb == "put" else part.value
            yield Operation(int(op), name, detail, value)


async def move(found: Content, target: CellCircle, chosen: Collection[Ref], noted: Noted) -> CaseId:
    """Write a new case of this content, with these items of its logs, into another circle; its id.

    Raises NotPermitted, Removed, Outdated, TooLarge, DiskFull: nothing is written then.
    """
    case = CaseId(target.circle.surroundings.entropy(ID_BYTES))
    said = [Operation(int(Op.CREATE), found.kind, found.version, None), *found.written]
    for name, item in found.items:
        if item.first.ref in chosen and (value := noted(name, item, item.current[0].value)) is not None:
            said.append(Operation(int(Op.APPEND), name, None, value))
    await target.write([(case, part) for part in _entries(said)])
    return case


def _entries(said: Iterable[Operation]) -> Iterator[list[Operation]]:
    """As many as one entry holds, and so on."""
    part: list[Operation] = []
    size = 0
    for operation in said:
        own = len(encode_shape([operation])) + len(encode_content(_SALT, [operation]))
        if part and (len(part) == _MOST or size + own > caps.ENTRY):
            yield part
            part, size = [], 0
        part.append(operation)
        size += own
    if part:
        yield part


async def link(source: CellCircle, case: CaseId, target: CellCircle, moved: CaseId, relation: str) -> bool:
    """Let the old case point at the new one, if all who read it may know that one; whether it does."""
    if not source.is_restricted(target):
        return False
    await source.write([(case, [Operation(int(Op.ADD), "links", None, [moved, relation])])])
    return True
