"""A merge: one document of the table, and its state in the circle. A three-way merge, field by field.

    base    the value of the last import      theirs    the present value    ours    the table's value now

    ours = base            write nothing: the table has not changed, and people's edits stay
    theirs = base          write ours: the field has not been edited
    otherwise              write ours *beside* theirs, as if both were written concurrently: people see a conflict,
                           with both values and authors, and decide. An import replaces only values that it brought.

Of the base, only marks are kept: the set "imported" of each document holds [field, column, mark], where the mark is
8 bytes of a hash keyed with the circle's id over case id, field and value. A mark is written in the same entry as its
value, so it is in the same compartment and is erased with it. Two devices that import different versions of a table
leave two marks, and both are base.

An empty cell means the field's default. In a set, the unit is the element: elements that people added stay, elements
that they removed stay removed. In a log, a cell is one item with a source key, and a changed cell corrects it. An
emptied cell retracts nothing, because a log records what happened. Retracted items stay retracted: a changed cell
becomes a new item. A column of several items, one per line, only adds: a line cannot be recognised as a changed version
of another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache, partial
from typing import Any, Final

from cellsync.casework.importing.cells import guard, tidy
from cellsync.casework.importing.waiting import Place
from cellsync.casework.values.words import as_text
from cellsync.core.case.draft import Draft
from cellsync.core.case.fold import CANONICAL, CaseState
from cellsync.core.crdt.log import LogItem
from cellsync.core.crdt.row import FieldType
from cellsync.core.crdt.types import TYPES
from cellsync.core.schema.fields import Field, Log, Register
from cellsync.core.schema.schema import Schema, fields_of, kind_of, version_of
from cellsync.core.schema.values import Misfit, store
from cellsync.core.schema.views import items_of
from cellsync.core.wire.codec import encode_known
from cellsync.core.wire.operations import SOURCE_BYTES, Operation
from cellsync.core.wire.tags import Op

IMPORTED: Final = "imported"
MARK_BYTES: Final = 8
_SET: Final = int(Op.SET)
_ADD: Final = int(Op.ADD)
_APPEND: Final = int(Op.APPEND)

_new: Any = tuple.__new__  # of a NamedTuple, with all its fields

Shown = Callable[[Any], str]
Keyed = Callable[[str, bytes], bytes]
"""(use, data) -> 32 bytes that are the same on every device of the circle, and different for every case."""


def merge(
    schema: type[Schema],
    state: CaseState | None,
    table: dict[Place, list[Any]],
    keyed: Keyed,
    several: Collection[str] = (),
) -> list[Operation]:
    """The operations that make a document agree with the table; [] if there is nothing to do.

    `state` (with logs; this function takes it over) is None if the document is new; an empty table then creates none.
    `several`: the columns that hold several items of a log, instead of one that is corrected.
    """
    fields = fields_of(schema)
    created = [] if state is not None else [creation(schema)]
    if state is None and _SPELT_OUT.issuperset([fields[name].crdt for name, _ in table]):
        return [*created, *made] if (made := _first(schema, table, keyed, several)) else []
    merging = _Merging(state or CaseState(logs=True), keyed)
    for (name, column), values in table.items():
        declared = fields[name]
        if isinstance(declared, Register):
            merging.register(declared, values)
        elif isinstance(declared, Log) and (len(values) > 1 or column in several):
            merging.items(declared, column, values, partial(_shown, declared))
        elif isinstance(declared, Log):
            merging.log(declared, column, values, partial(_shown, declared))
        else:
            everywhere = [value for (column, _), found in table.items() if column == name for value in found]
            merging.elements(declared, column, values, everywhere)
    return [*created, *made] if (made := merging.operations()) else []


def is_of_another_kind(schema: type[Schema], state: CaseState | None) -> bool:
    """Whether the place of a document is taken by one of another kind, in which nobody would look for it."""
    return state is not None and state.kind not in ("", kind_of(schema))


def has_said(state: CaseState, keyed: Keyed, place: Place, value: Any) -> bool:
    """Whether the last import brought this value of a set."""
    return [*place, _mark(keyed, place[0], value)] in _elements(state, FieldType.SET, IMPORTED)


_SPELT_OUT: Final = frozenset({FieldType.REGISTER, FieldType.SET, FieldType.LOG})


def creation(schema: type[Schema]) -> Operation:
    return _creation(kind_of(schema), version_of(schema))


@cache
def _creation(kind: str, version: int) -> Operation:
    return Operation(int(Op.CREATE), kind, version, None)


def is_not_created(state: CaseState | None) -> bool:
    """Whether somebody has only written into a document: without its kind it stands in no list."""
    return state is not None and not state.kind


def _first(
    schema: type[Schema], table: dict[Place, list[Any]], keyed: Keyed, several: Collection[str]
) -> list[Operation]:
    """The operations that `_Merging` writes into an empty document, without folding them into a view of it.

    Spelt out for speed: when a table is imported for the first time, all documents are empty, and a row then takes a
    third less time. A property test holds the two equal. Fields of other types go through `_Merging`.
    """
    fields = fields_of(schema)
    operations: list[Operation] = []
    marks: list[Operation] = []
    items: dict[str, list[Any]] = {}  # of logs so far
    sources: set[tuple[str, bytes]] = set()
    members: set[tuple[str, bytes]] = set()

    for (name, column), values in table.items():
        if not values:
            continue
        declared, begins = fields[name], _begins(name)
        if isinstance(declared, Register):
            value, raw = values[0], encode_known(values[0])
            if raw != _raw_default(declared):
                operations.append(_new(Operation, (_SET, name, b"", value)))
                mark = keyed("mark", begins + raw)[:MARK_BYTES]
                marks.append(_new(Operation, (_ADD, IMPORTED, None, [name, "", mark])))
        elif isinstance(declared, Log):
            shown = partial(_shown, declared)
            before = {shown(element) for element in items.get(name, ())}
            one_item = len(values) == 1 and column not in several
            for value in values:
                mark = _mark(keyed, name, value)
                source = _source(keyed, name, column) if one_item else _source(keyed, name, column, mark)
                if (not before or shown(value) not in before) and (name, source) not in sources:
                    sources.add((name, source))
                    items.setdefault(name, []).append(value)
                    operations.append(_new(Operation, (_APPEND, name, source, value)))
                if one_item:
                    marks.append(_new(Operation, (_ADD, IMPORTED, None, [name, column, mark])))
        else:
            brought: dict[bytes, tuple[bytes, Any]] = {}
            for value in values:
                raw = encode_known(value)
                brought[keyed("mark", begins + raw)[:MARK_BYTES]] = raw, value
            for raw, value in brought.values():
                if (name, raw) not in members:
                    members.add((name, raw))
                    operations.append(_new(Operation, (_ADD, name, None, value)))
            marks += [_new(Operation, (_ADD, IMPORTED, None, [name, column, mark])) for mark in sorted(brought)]
    return operations + marks


class _Merging:
    def __init__(self, state: CaseState, keyed: Keyed) -> None:
        self._state = state
        self._keyed = keyed
        self._draft = Draft(state)
        self._beside: list[Operation] = []  # written regardless of the present values
        self._marks: dict[Place, dict[bytes, list[Any]]] = {}  # mark -> the element of the set "imported"
        for element in _elements(state, FieldType.SET, IMPORTED):
            if _is_mark(element):
                self._marks.setdefault((element[0], element[1]), {})[element[2]] = element

    def operations(self) -> list[Operation]:
        return self._draft.operations() + self._beside

    def register(self, declared: Register[Any], values: list[Any]) -> None:
        name = declared.name
        base = self._marks.get((name, ""), {}).keys()
        if not base and not values:
            return
        if values and base and self._mark(name, values[0]) in base:
            return
        default = _default(declared)
        ours = values[0] if values else default
        if not base and CANONICAL(ours) == CANONICAL(default):
            return
        mark = self._mark(name, ours)
        if mark in base:
            return
        live = (value for part in self._state.parts(declared.crdt, name) for value in part.values())
        theirs = {self._mark(name, value) for value in live}
        if theirs - base - {mark} - (set() if base else {self._mark(name, default)}):
            if mark not in theirs:
                self._beside += _unseen(declared, ours)
        else:
            self._draft.edit(declared.crdt, "set", name, ours)
        self._remember((name, ""), {mark})

    def elements(self, declared: Field, column: str, values: list[Any], everywhere: list[Any]) -> None:
        """`everywhere`: the elements of this field from all columns."""
        name = declared.name
        base = self._marks.get((name, column), {}).keys()
        ours = {self._mark(name, value): value for value in values}
        for mark, value in ours.items():
            if mark not in base:
                self._draft.edit(declared.crdt, "add", name, value)
        gone = base - ours.keys() - {self._mark(name, value) for value in everywhere}
        for element in _elements(self._state, declared.crdt, name) if gone else []:
            if self._mark(name, element) in gone:
                self._draft.edit(declared.crdt, "discard", name, element)
        self._remember((name, column), set(ours))

    def log(self, declared: Log[Any], column: str, values: list[Any], shown: Shown) -> None:
        """One item, which is corrected; a column of several items is `items`."""
        name, crdt = declared.name, declared.crdt
        base = self._marks.get((name, column), {}).keys()
        ours = {self._mark(name, value) for value in values}
        if ours <= base:
            return
        [value] = values
        source = self._source(name, column)
        item = self._item(declared, source)
        if item is None and not base and shown(value) in self._said(declared, shown):
            pass  # the log says it already
        elif item is None:
            self._draft.edit(crdt, "append", name, value, source)
        elif item.retractions:
            self._draft.edit(crdt, "append", name, value, self._source(name, column, *ours))
        else:
            theirs = {self._mark(name, cell.value) for cell in item.current}
            if theirs <= base:
                self._draft.edit(crdt, "correct", name, item.first.ref, value)
            elif not ours <= theirs:
                self._beside.append(Operation(TYPES[crdt].tag("correct"), name, item.first.ref, value))
        self._remember((name, column), ours)

    def items(self, declared: Log[Any], column: str, values: list[Any], shown: Shown) -> None:
        """Several items: those that the log has never said are added. Corrected and retracted ones count as said."""
        name, written = declared.name, self._said(declared, shown)
        for value in values:
            source = self._source(name, column, self._mark(name, value))
            if shown(value) not in written and self._item(declared, source) is None:
                self._draft.edit(declared.crdt, "append", name, value, source)

    def _said(self, declared: Log[Any], shown: Shown) -> set[str]:
        return {
            shown(cell.value) for item in items_of(self._state, declared.crdt, declared.name) for cell in item.versions
        }

    def _source(self, *named: str | bytes) -> bytes:
        return _source(self._keyed, *named)

    def _item(self, declared: Log[Any], source: bytes) -> LogItem | None:
        return next(
            (item for item in items_of(self._state, declared.crdt, declared.name) if item.source == source), None
        )

    def _mark(self, name: str, value: Any) -> bytes:
        return _mark(self._keyed, name, value)

    def _remember(self, place: Place, marks: set[bytes]) -> None:
        """Make these marks the base of the next import."""
        before = self._marks.get(place, {})
        for mark in before.keys() - marks:
            self._draft.discard(IMPORTED, before[mark])
        for mark in sorted(marks - before.keys()):
            self._beside.append(Operation(int(Op.ADD), IMPORTED, None, [*place, mark]))


@cache
def _default(declared: Register[Any]) -> Any:
    """The plain value of a field that was never written."""
    return store(declared.kinds[0], declared.name, declared.default)


@cache
def _raw_default(declared: Register[Any]) -> bytes:
    return CANONICAL(_default(declared))


@cache
def _begins(name: str) -> bytes:
    """The encoding of the pair (field name, value) up to the value."""
    return CANONICAL([name, None])[:-1]


def _mark(keyed: Keyed, name: str, value: Any) -> bytes:
    return keyed("mark", _begins(name) + CANONICAL(value))[:MARK_BYTES]


def _source(keyed: Keyed, *named: str | bytes) -> bytes:
    """The source key of a log item, by which a later import finds it."""
    return keyed("source", encode_known(named))[:SOURCE_BYTES]


def _unseen(declared: Register[Any], value: Any) -> list[Operation]:
    """The operations that set a field as if its present value had not been seen."""
    draft = Draft(CaseState())
    draft.edit(declared.crdt, "set", declared.name, value)
    return draft.operations()


def _shown(declared: Log[Any], plain: Any) -> str:
    """An item as tables write it: items that differ only in what a table cannot express count as the same."""
    try:
        value = declared.kinds[0].decode(plain)
    except Misfit:
        value = plain
    return tidy(guard(as_text(value)))


def _elements(state: CaseState, crdt: str, name: str) -> list[Any]:
    return [part.value for part in state.parts(crdt, name)]


def _is_mark(element: Any) -> bool:
    """Whether this is a mark: a member may write anything into the set."""
    return type(element) is list and [type(part) for part in element] == [str, str, bytes]
