"""Fields of a case as answers have them: values, keys and items, and where people contradict each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import takewhile
from typing import Any, Final

from cellsync.api.contract import shapes
from cellsync.api.pages import Page
from cellsync.api.room import Room
from cellsync.api.times import time_text
from cellsync.casework import SCHEMAS
from cellsync.casework.editing import as_json, as_text
from cellsync.cell.circle import CellCircle
from cellsync.core.crdt.log import LogItem
from cellsync.core.crdt.row import FieldPart, FieldType, Holds
from cellsync.core.crdt.types import TYPES
from cellsync.core.ids import CaseId, Ref
from cellsync.core.schema.generic import GenericCase
from cellsync.core.schema.host import bind
from cellsync.core.schema.schema import AT_ONCE, Conflict, Schema, fields_of, kind_of
from cellsync.core.schema.values import PLAIN, Misfit, ValueType, fits, moment
from cellsync.core.schema.views import Item, LogView, Value, items_of, value_of

_HIDDEN: Final = frozenset({"imported"})  # the import's own marks
_CONFLICTS: Final = 100  # that are shown of one case


@cache
def _schemas() -> dict[str, type[Schema]]:
    return {kind_of(schema): schema for schema in SCHEMAS}


def without_logs(cell: CellCircle, case: CaseId) -> Schema:
    """The case with the schema of its kind, or as a generic one, but for what its logs say. It costs the same however
    long they are. With the lock held."""
    replica = cell.circle.replica
    state = replica.states.get(replica.held.cases[case])
    return bind(_schemas().get(state.kind, GenericCase), cell, case, state)


def fields_shown(case: Schema, room: Room, page: Page | None = None) -> Iterator[shapes.Field]:
    """All but the logs; or the logs, as they are on a page."""
    own = fields_of(type(case))
    for name, field in own.items():
        if name not in _HIDDEN and TYPES[field.crdt].apart == (page is not None):
            yield _field(case, name, field.crdt, field.sensitivity.value, field.kinds, room, page)
    known = {(name, field.crdt) for name, field in own.items()}
    for name, kind in case._state.fields():  # what this version does not know is shown all the same
        if (name, kind) not in known and name not in _HIDDEN and TYPES[kind].apart == (page is not None):
            if not room.has_field(name):
                break
            yield _field(case, name, kind, "", (PLAIN, PLAIN), room, page)


def in_order(case: Schema, fields: list[shapes.Field]) -> list[shapes.Field]:
    """As the schema has them, then what it does not know."""
    order = {name: at for at, name in enumerate(fields_of(type(case)))}
    return sorted(fields, key=lambda field: (order.get(field.name, len(order)), field.name, field.type))


def _field(
    case: Schema, name: str, crdt: str, sensitivity: str, kinds: tuple[ValueType, ...], room: Room, page: Page | None,
) -> shapes.Field:  # fmt: skip
    """A field, by what it holds; of a type whose fields stand apart, what the page has of it."""
    values: list[shapes.Said] = []
    keys: list[shapes.Key] = []
    items: list[shapes.Item] = []
    parts = case._state.parts(crdt, name)
    match TYPES[crdt].holds:
        case Holds.VALUE:
            for part in parts:
                values = _value(case, part, kinds[0], room)
        case Holds.ELEMENTS:
            values = [_alone(part.value, kinds[0]) for part in parts if room.has(part.cells[:1])]
        case Holds.SUM:
            values = [_alone(part.value, PLAIN) for part in parts]
        case Holds.KEYS:
            for part in parts:
                cells = part.cells[:AT_ONCE]
                if not room.has((*cells, *(cell._replace(resting=part.key) for cell in cells[:1]))):
                    break
                said = [_plain_said(case, cell, kinds[-1]) for cell in cells] or [_alone(part.value, kinds[-1])]
                keys.append(shapes.Key(key=as_json(part.key), text=_text(part.key, kinds[0]), values=_alike(said)))
        case Holds.ITEMS if page is not None:
            items = [item_shape(item, kinds[0]) for _, item in fitting(case, name, kinds[0], page.items.get(name, []))]
        case Holds.ITEMS:
            found = (item for item in items_of(case._state, crdt, name) if not item.retractions)
            shown = takewhile(lambda item: room.has(item.versions), found)
            items = [item_shape(item, kinds[0]) for _, item in fitting(case, name, kinds[0], shown)]
    return shapes.Field(name=name, type=str(crdt), sensitivity=sensitivity, values=values, keys=keys, items=items)


def _value(case: Schema, part: FieldPart, kind: ValueType, room: Room) -> list[shapes.Said]:
    cells = part.cells
    if not cells:
        return [_alone(part.value, kind)]
    room.cut = room.cut or len(cells) > AT_ONCE
    if not room.has(cells[:AT_ONCE]) and len(cells) > 1:
        return []
    fitting = ((cell, kind if fits(kind, cell.value) else PLAIN) for cell in cells[:AT_ONCE])
    return [_said(value_of(case, own, cell), kind) for cell, own in fitting]


def fitting(case: Schema, name: str, kind: ValueType, items: Iterable[LogItem]) -> Iterator[tuple[LogItem, Item[Any]]]:
    """Items of a log as they are read, but for those that do not fit the field's type."""
    view = LogView[Any](case, name, kind)
    for raw in items:
        item = view.item(raw)
        if item is not None:
            yield raw, item


def log_view(case: Schema, name: str, crdt: str = FieldType.LOG) -> LogView[Any]:
    own = fields_of(type(case)).get(name)
    return LogView(case, name, own.kinds[0] if own is not None and own.crdt == crdt else PLAIN, crdt)


def _text(plain: Any, kind: ValueType) -> str:
    try:
        return as_text(kind.decode(plain))
    except Misfit:
        return as_text(plain)


def _alone(plain: Any, kind: ValueType) -> shapes.Said:
    return shapes.Said(value=as_json(plain), text=_text(plain, kind), author="", at=None)


def _said(value: Value[Any], kind: ValueType) -> shapes.Said:
    try:
        plain = kind.encode(value.value)
    except Misfit:
        plain = value.value
    return shapes.Said(value=as_json(plain), text=as_text(value.value), author=value.author, at=time_text(value.at))


def _plain_said(case: Schema, cell: Any, kind: ValueType) -> shapes.Said:
    author = case._host.name_of(cell.device)
    value = cell.value
    return shapes.Said(value=as_json(value), text=_text(value, kind), author=author, at=time_text(moment(cell.clock)))


def _alike(said: list[shapes.Said]) -> list[shapes.Said]:
    """Equal values once."""
    found: dict[str, shapes.Said] = {}
    for each in said:
        found.setdefault(repr(each.value), each)
    return list(found.values())


def item_shape(item: Item[Any], kind: ValueType) -> shapes.Item:
    current = {version.id for version in item.current}
    return shapes.Item(
        id=item_label(item.id),
        values=_alike([_said(version, kind) for version in item.current]),
        before=[_said(version, kind) for version in item.versions if version.id not in current],
    )


def item_label(item: Ref) -> str:
    """`5d93376712345678.4`: which entry wrote it, and its place there."""
    return f"{item[:8].hex()}.{int.from_bytes(item[8:], 'big')}"


def conflicts_on(case: Schema, page: Page, room: Room) -> list[Conflict]:
    """Of all that a case says. Those of items that are not on the page take room of their own."""
    shown = {cell.ref for items in page.items.values() for item in items for cell in item.current}
    found: list[Conflict] = []
    for conflict in case.conflicts()[:_CONFLICTS]:
        cells = conflict.raw.cells
        if conflict.raw.type != FieldType.LOG or cells[0].ref in shown or room.has(cells[:AT_ONCE]):
            found.append(conflict)
    return found


def conflict_shape(case: Schema, conflict: Conflict) -> shapes.Conflict:
    kind = case._kind_at(conflict.raw)
    values = [_said(value, kind) for value in conflict.values]
    name, chosen, raw = conflict.path, values[0].value, conflict.raw
    key: Any = None
    match TYPES[raw.type].holds:
        case Holds.ITEMS:
            key = item_label(raw.key)
            settle = shapes.Settling(correct={key: chosen})
        case Holds.KEYS:
            key = as_json(raw.key)
            settle = shapes.Settling(put={name: {as_text(conflict.key): chosen}})
        case _:
            settle = shapes.Settling(set={name: chosen})
    return shapes.Conflict(field=name, type=str(raw.type), key=key, values=values, settle=settle)
