"""New cases, and edits of those that are here."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec

from cellsync.api import keyed
from cellsync.api.contract import shapes
from cellsync.api.contract.problems import ChangedMeanwhile
from cellsync.api.lookup import NotHere, resolve, resolve_locked
from cellsync.api.operations.cases import heads_of
from cellsync.api.operations.fields import item_label, log_view, without_logs
from cellsync.api.operations.standings import waiting
from cellsync.api.service import Service
from cellsync.casework import CaseFile, Consent, Person
from cellsync.casework.editing import Edit, Taken, apply, schema_named, typed_value
from cellsync.cell.cell import Cell
from cellsync.cell.circle import CellCircle
from cellsync.cell.description import called, title_of
from cellsync.core import drawers
from cellsync.core.case.fold import CaseState
from cellsync.core.case.states import DIGITS
from cellsync.core.crdt.row import Holds
from cellsync.core.crdt.types import TYPES
from cellsync.core.errors import InvalidValue, NotFound
from cellsync.core.ids import ID_BYTES, CaseId, Ref
from cellsync.core.replica.stage import Plan
from cellsync.core.schema.host import begin, bind, finish
from cellsync.core.schema.schema import Schema, kind_of, version_of
from cellsync.core.schema.views import Item, LogView
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op

_NAMESAKES: Final = 5  # others of the same name that are named

S = TypeVar("S", bound=Schema)


class _Elsewhere:
    """Finds the cases that an edit names: in the circle that is written to, else in the others, once they were asked.

    Those are asked without this circle's lock, so what a name means there is looked up before the edit is tried again.
    """

    def __init__(self, cell: Cell, circle: CellCircle) -> None:
        self._cell, self._circle = cell, circle
        self._found: dict[tuple[str, str], CaseId] = {}

    def find(self, named: str, kind: str = "") -> CaseId:
        """With the circle's lock held. Raises NotHere, Ambiguous."""
        found = self._found.get((named, kind))
        return resolve_locked(self._circle, named, kind) if found is None else found

    async def look(self, missing: NotHere) -> None:
        """Raises NotFound, Ambiguous."""
        found = await resolve(self._cell, missing.named, kind=missing.kind)
        self._found[missing.named, missing.kind] = found.case


async def new(service: Service, ask: shapes.NewCase) -> shapes.Written:
    cell = service.cell.circle(ask.circle or None)
    elsewhere = _Elsewhere(service.cell, cell)
    while True:
        try:
            written = await _new(cell, ask, elsewhere)
            return msgspec.structs.replace(written, waits=await waiting(cell))
        except NotHere as missing:
            await elsewhere.look(missing)


async def _new(cell: CellCircle, ask: shapes.NewCase, elsewhere: _Elsewhere) -> shapes.Written:
    schema = schema_named(ask.kind)
    case = CaseId(cell.circle.surroundings.entropy(ID_BYTES)) if ask.key is None else _case_of(cell, ask.key)
    draft = unwritten(cell, schema, case)
    await cell.catalogue.ready()
    async with cell.circle.lock:
        if await cell.circle.apart(lambda: cell.circle.replica.shows(case)):
            return await write_locked(cell, case, [])
        taken = await cell.circle.apart(lambda: apply(draft, _edit(ask), elsewhere.find))
        alike = await cell.circle.apart(lambda: _namesakes(cell, draft))
        written = await write_locked(cell, case, [created(schema), *finish(draft)])
    title = written.title or title_of(draft._state)  # nothing is folded of what waits
    return msgspec.structs.replace(written, title=title, alike=alike, taken=_taken(taken))


def unwritten(cell: CellCircle, schema: type[S], case: CaseId) -> S:
    """The draft of a new document."""
    return begin(bind(schema, cell, case, CaseState(logs=True)))


def created(schema: type[Schema]) -> Operation:
    """What its first entry begins with."""
    return Operation(int(Op.CREATE), kind_of(schema), version_of(schema), None)


def _namesakes(cell: CellCircle, draft: Schema) -> list[str]:
    """Other cases and persons that are called like a new one. Holds the circle's lock."""
    if not isinstance(draft, (CaseFile, Person)):
        return []
    listings, case_ids = cell.catalogue.fresh(), cell.circle.replica.held.case_ids
    names = [name for name, is_external in called(draft._state) if not is_external]
    numbers = {number for name in names for number, is_external in listings.called(name) if not is_external}
    kinds = (kind_of(CaseFile), kind_of(Person))
    found = [
        case_ids[listing.number] for listing in listings.get(sorted(numbers)[:_NAMESAKES]) if listing.kind in kinds
    ]
    return [cell.short(case) for case in found]


def _case_of(cell: CellCircle, key: str) -> CaseId:
    """The case that a request with this key makes on this device. No schema has such a kind."""
    return cell.case_id("key of a request", cell.device.hex() + key)


async def edit(service: Service, ask: shapes.EditCase) -> shapes.Written:
    asked = None if ask.key is None else keyed.Request.of(ask.key, ask)
    if asked is not None:
        for circle in service.cell.circles:
            if written_before := await _written_before(circle, asked):
                return written_before
    found = await resolve(service.cell, ask.case, ask.circle)
    elsewhere = _Elsewhere(service.cell, found.circle)
    while True:
        try:
            written = await _edited(*found, ask, asked, elsewhere)
            return msgspec.structs.replace(written, waits=await waiting(found.circle) if written.written else None)
        except NotHere as missing:
            await elsewhere.look(missing)


async def _edited(
    cell: CellCircle, identity: CaseId, ask: shapes.EditCase, asked: keyed.Request | None, elsewhere: _Elsewhere
) -> shapes.Written:
    def drafted() -> tuple[list[Operation], list[Taken]]:
        if ask.heads is not None and not {"*", heads_of(cell, identity)} & set(map(str.strip, ask.heads.split(","))):
            raise ChangedMeanwhile
        case = _with_items(cell, identity, [*ask.correct, *ask.retract])
        draft = begin(case, cell.device, cell.circle.surroundings.now())
        find = elsewhere.find
        taken = apply(draft, _edit(ask), find)
        for begins, value in ask.correct.items():
            log, item = _find_item(draft, begins)
            log.correct(item, typed_value(log._kind, log._name, value, find, instead_of=item.value))
        for begins, reason in ask.retract.items():
            log, item = _find_item(draft, begins)
            log.retract(item, reason or None)
        return finish(draft), taken

    async with cell.circle.lock:  # until it is written: of two with the same heads, only one writes
        operations, taken = await cell.circle.apart(drafted)
        written = await write_locked(cell, identity, operations, asked)
    return msgspec.structs.replace(written, taken=_taken(taken))


def _taken(taken: list[Taken]) -> list[shapes.TakenAs]:
    return [shapes.TakenAs(field=value.field, text=value.text) for value in taken]


def _with_items(cell: CellCircle, identity: CaseId, named: list[str]) -> Schema:
    """A case with those items of its logs whose ids begin like these. With the lock held."""
    case = without_logs(cell, identity)
    if not named:
        return case
    replica = cell.circle.replica
    begins = set(map(_entry_of, named)) - {""}
    logs = replica.states.named(replica.held.cases[identity], case._state, sorted(begins))
    return bind(type(case), cell, identity, case._state.with_logs(logs))


async def _written_before(cell: CellCircle, asked: keyed.Request) -> shapes.Written | None:
    """What this very request has written, if it comes again. Raises KeyReused."""
    circle = cell.circle
    async with circle.lock:
        found = keyed.find(circle.store.kept(drawers.KEYED_EDITS), asked)
        return None if found is None else await circle.apart(lambda: _written(cell, found.case, found.head))


def _edit(ask: shapes.Writing) -> Edit:
    """Raises InvalidValue for a title of nothing: what nobody can call, nobody finds."""
    title = ask.set.get("title", "_")
    if title is None or (isinstance(title, str) and not title.strip()):
        raise InvalidValue("a title cannot be empty", hint="Set another one.")
    return Edit(ask.set, ask.add, ask.discard, ask.append, ask.put, ask.delete, ask.count)


def _find_item(draft: Schema, begins: str) -> tuple[LogView[Any], Item[Any]]:
    """An item of one of the logs, by its id; or by that of a version, if no item's begins so. Raises NotFound."""
    logs = [log_view(draft, name, kind) for name, kind in draft._state.fields() if TYPES[kind].holds is Holds.ITEMS]
    items = [(log, item) for log in logs for item in log.all]
    found = [(log, item) for log, item in items if _means(begins, item.id)] or [
        (log, item) for log, item in items if any(_means(begins, version.id) for version in item.versions)
    ]
    if len(found) != 1:
        raise NotFound(
            "No item of a log has an id that begins like that." if not found else "Several items begin like that.",
            hint="cellsync case log shows the ids.",
        )
    return found[0]


def _means(begins: str, item: Ref) -> bool:
    """Whether an item is meant by the beginning of its entry's id, and its place there if one is given."""
    entry, _, place = begins.partition(".")
    own, _, own_place = item_label(item).partition(".")
    return entry != "" and own.startswith(entry.lower()) and place in ("", own_place)


def _entry_of(begins: str) -> str:
    """The part of an item's label that names its entry; "" if it cannot be the beginning of an id."""
    entry = begins.partition(".")[0].lower()
    return entry if len(entry) <= DIGITS and set(entry) <= set("0123456789abcdef") else ""


async def write_locked(
    cell: CellCircle, case: CaseId, operations: list[Operation], asked: keyed.Request | None = None
) -> shapes.Written:
    """Write these operations, if there are any. With the lock held."""

    def head_of(plan: Plan) -> int:
        [head] = [written.head for written in plan.commit.cases if written.id == case]
        return head

    def note(plan: Plan) -> dict[str, bytes]:
        if asked is None:
            return {}
        return {
            drawers.KEYED_EDITS: keyed.add(
                cell.circle.store.kept(drawers.KEYED_EDITS), asked, keyed.Wrote(case, head_of(plan))
            )
        }

    head = head_of(await cell.own_entries.write_locked([(case, operations)], note)) if operations else None
    return await cell.circle.apart(lambda: _written(cell, case, head))


def _written(cell: CellCircle, case: CaseId, head: int | None = None) -> shapes.Written:
    """`head`: of what was written. With the lock held."""
    replica = cell.circle.replica
    state = replica.states.get(replica.held.cases[case])
    heads, short = heads_of(cell, case, head), cell.short(case)
    return shapes.Written(
        id=case.hex(), short=short, circle=cell.id.hex(), title=title_of(state), heads=heads, written=head is not None,
        doubts=_doubts(cell, case, state) if state.kind == kind_of(Consent) else [],
    )  # fmt: skip


def _doubts(cell: CellCircle, case: CaseId, state: CaseState) -> list[shapes.Doubt]:
    """About a consent. With the lock held."""
    from cellsync.casework.exporting.doubts import about, doubts
    from cellsync.casework.exporting.reader import today

    consent, cases = bind(Consent, cell, case, state), cell.circle.replica.held.cases
    numbers = {number: about_id for about_id in about(consent) if (number := cases.get(CaseId(about_id))) is not None}
    kinds = {numbers[listing.number]: listing.kind for listing in cell.catalogue.fresh().get(numbers)}
    return [shapes.Doubt(field=doubt.field, text=doubt.text) for doubt in doubts(consent, kinds, today(cell))]
