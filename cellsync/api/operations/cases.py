"""Cases: listing, reading, writing, their logs and their history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache, partial
from itertools import islice, takewhile
from operator import itemgetter
from typing import Any, Final

import msgspec

from cellsync.api import keyed
from cellsync.api.contract import shapes
from cellsync.api.contract.problems import ChangedMeanwhile
from cellsync.api.lookup import BESIDE, resolve, resolve_locked
from cellsync.api.operations.beside import linked, page_beside, pointing, row
from cellsync.api.operations.people import time_text
from cellsync.api.pages import Page, first_of, logged, place
from cellsync.api.room import Room
from cellsync.api.service import Service
from cellsync.casework import SCHEMAS, CaseFile, Consent, Person
from cellsync.casework.editing import Edit, Taken, apply, as_json, as_text, schema_named, typed_value
from cellsync.cell.cell import Cell
from cellsync.cell.description import called, sought, title_of
from cellsync.core import drawers
from cellsync.core.case.fold import CaseState
from cellsync.core.case.newest import Logged
from cellsync.core.case.states import DIGITS
from cellsync.core.crdt.cells import rank
from cellsync.core.crdt.log import LogItem
from cellsync.core.crdt.row import FieldPart, FieldType, Holds
from cellsync.core.crdt.types import TYPES
from cellsync.core.errors import InvalidValue, NotFound
from cellsync.core.history.store import Listings, Wanted
from cellsync.core.ids import ID_BYTES, CaseId, Ref
from cellsync.core.plain import plain_line
from cellsync.core.replica.replica import Replica
from cellsync.core.replica.stage import Plan
from cellsync.core.schema.generic import GenericCase
from cellsync.core.schema.host import begin, bind, finish
from cellsync.core.schema.schema import AT_ONCE, Conflict, Schema, describe, fields_of, kind_of, version_of
from cellsync.core.schema.values import PLAIN, Misfit, ValueType, fits, moment
from cellsync.core.schema.views import Item, LogView, Value, items_of, value_of
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op

_HIDDEN: Final = frozenset({"imported"})  # the import's own marks
_NAMED: Final = 20  # logs of a case that an error names
_NAMESAKES: Final = 5  # others of the same name that are named
_CONFLICTS: Final = 100  # that are shown of one case


@cache
def _schemas() -> dict[str, type[Schema]]:
    return {kind_of(schema): schema for schema in SCHEMAS}


def _without_logs(cell: Cell, case: CaseId) -> Schema:
    """The case with the schema of its kind, or as a generic one, but for what its logs say. It costs the same however
    long they are. With the lock held."""
    replica = cell.circle.replica
    state = replica.states.get(replica.held.cases[case])
    return bind(_schemas().get(state.kind, GenericCase), cell, case, state)


# --- listing -----------------------------------------------------------------------------------------------


async def list_cases(service: Service, ask: shapes.ListCases) -> shapes.Cases:
    cell = service.cell
    kind = kind_of(schema_named(ask.kind)) if ask.kind and "." not in ask.kind else ask.kind
    narrow = bool(kind or ask.beside or ask.conflicts or ask.of)
    everything = ask.archived or ask.beside or ask.conflicts or ask.of or ask.find
    put_away = None if everything else False
    wanted = Wanted(
        [kind] if kind else None, () if narrow else BESIDE, ask.conflicts, put_away, sought(ask.find).split()
    )
    after = await resolve(cell, ask.after) if ask.after else None
    of = await resolve(cell, ask.of) if ask.of else None

    def listed(replica: Replica, listings: Listings) -> shapes.Cases:
        case_ids = replica.held.case_ids
        archived = 0
        if put_away is False:
            archived = listings.count(wanted._replace(put_away=True)) if kind else listings.put_away()
        first = 0 if after is None else replica.held.cases[after]
        if of is None:
            page = listings.page(wanted, first, ask.limit + 1)
        else:
            page = page_beside(cell, listings, of, wanted, first, ask.limit + 1)
        if narrow:
            left_out = 0
        elif wanted.parts:
            left_out = listings.count(wanted._replace(kinds=BESIDE, besides=()))
        else:
            left_out = sum(count for one, count, _ in listings.counts() if one in BESIDE)
        return shapes.Cases(
            cases=[row(cell, listings, one) for one in page[: ask.limit]],
            more=left_out,
            archived=archived,
            next=case_ids[page[ask.limit - 1].number].hex() if len(page) > ask.limit else "",
        )

    found = await cell.catalogue.look(listed)
    return await _with_contradictions(cell, found) if ask.conflicts else found


async def _with_contradictions(cell: Cell, found: shapes.Cases) -> shapes.Cases:
    """With what people contradict each other in: as many cases as one answer holds, and at least one."""
    room = Room()
    rows: list[shapes.CaseRow] = []
    for one in found.cases:
        case = CaseId(bytes.fromhex(one.id))
        async with cell.circle.lock:
            conflicts = await cell.circle.apart(partial(_contradictions, cell, case, room))
        if room.cut and rows:
            return msgspec.structs.replace(found, cases=rows, next=rows[-1].id)
        rows.append(msgspec.structs.replace(one, contradictions=conflicts))
    return msgspec.structs.replace(found, cases=rows)


def _contradictions(cell: Cell, identity: CaseId, room: Room) -> list[shapes.Conflict]:
    """With the lock held."""
    bare = _without_logs(cell, identity)
    page = logged(cell, cell.circle.replica.held.cases[identity], bare._state, "", 1, room)
    case = bind(type(bare), cell, identity, bare._state.with_logs(page.logs))
    return [_conflict(case, one) for one in _conflicts(case, page, room)]


async def schemas(_: Service, __: shapes.Nothing) -> shapes.Schemas:
    return shapes.Schemas(schemas=[describe(schema) for schema in SCHEMAS])


# --- reading -----------------------------------------------------------------------------------------------


async def show(service: Service, ask: shapes.ShowCase) -> shapes.Case:
    cell = service.cell
    identity = await resolve(cell, ask.case)

    def shown() -> shapes.Case:
        short = cell.catalogue.short(identity)
        room = Room()
        bare = _without_logs(cell, identity)
        fields = list(_fields(bare, room))  # logs take the room that is left: they go on elsewhere
        page = logged(cell, cell.circle.replica.held.cases[identity], bare._state, "", ask.limit, room)
        case = bind(type(bare), cell, identity, bare._state.with_logs(page.logs))
        fields += _fields(case, room, page)
        beside, more = pointing(cell, identity)
        return shapes.Case(
            id=identity.hex(),
            short=short,
            kind=case._state.kind,
            version=case._state.version,
            title=title_of(case._state),
            heads=_heads(cell, identity),
            fields=_in_order(case, [one for one in fields if one.values or one.keys or one.items]),
            conflicts=[_conflict(case, one) for one in _conflicts(case, page, room)],
            links=linked(cell, identity),
            beside=beside,
            more_beside=more,
            next=page.next,
            cut=room.cut,
        )

    async with cell.circle.lock:
        return await cell.circle.apart(shown)


def _heads(cell: Cell, case: CaseId, head: int | None = None) -> str:
    """What changes with every entry of the case, and whenever what counted before counts no more. With the lock held.

    `head`: the slot of its newest entry. A place in this store, as a cursor is, and no digest: that would cost what the
    case holds.
    """
    held = cell.circle.replica.held
    place = held.heads[held.cases[case]] if head is None else head
    return f"{cell.circle.life.hex()[:8]}-{place:x}-{cell.circle.refolded_at:x}"


def _fields(case: Schema, room: Room, page: Page | None = None) -> Iterator[shapes.Field]:
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


def _in_order(case: Schema, fields: list[shapes.Field]) -> list[shapes.Field]:
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
            values = [_alone(one.value, kinds[0]) for one in parts if room.has(one.cells[:1])]
        case Holds.SUM:
            values = [_alone(one.value, PLAIN) for one in parts]
        case Holds.KEYS:
            for part in parts:
                cells = part.cells[:AT_ONCE]
                if not room.has((*cells, *(cell._replace(resting=part.key) for cell in cells[:1]))):
                    break
                said = [_plain_said(case, cell, kinds[-1]) for cell in cells] or [_alone(part.value, kinds[-1])]
                keys.append(shapes.Key(key=as_json(part.key), text=_text(part.key, kinds[0]), values=_alike(said)))
        case Holds.ITEMS if page is not None:
            items = [_item(item, kinds[0]) for _, item in _fitting(case, name, kinds[0], page.items.get(name, []))]
        case Holds.ITEMS:
            found = (one for one in items_of(case._state, crdt, name) if not one.retractions)
            shown = takewhile(lambda one: room.has(one.versions), found)
            items = [_item(item, kinds[0]) for _, item in _fitting(case, name, kinds[0], shown)]
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


def _fitting(case: Schema, name: str, kind: ValueType, items: Iterable[LogItem]) -> Iterator[tuple[LogItem, Item[Any]]]:
    """Items of a log as they are read, but for those that do not fit the field's type."""
    view = LogView[Any](case, name, kind)
    for one in items:
        item = view.item(one)
        if item is not None:
            yield one, item


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
    for one in said:
        found.setdefault(repr(one.value), one)
    return list(found.values())


def _item(item: Item[Any], kind: ValueType) -> shapes.Item:
    current = {one.id for one in item.current}
    return shapes.Item(
        id=_label(item.id),
        values=_alike([_said(one, kind) for one in item.current]),
        before=[_said(one, kind) for one in item.versions if one.id not in current],
    )


def _label(item: Ref) -> str:
    """`5d93376712345678.4`: which entry wrote it, and its place there."""
    return f"{item[:8].hex()}.{int.from_bytes(item[8:], 'big')}"


def _means(begins: str, item: Ref) -> bool:
    """Whether somebody means this item: the beginning of its entry's id, and its place if that is not enough."""
    entry, _, place = begins.partition(".")
    own, _, own_place = _label(item).partition(".")
    return entry != "" and own.startswith(entry.lower()) and place in ("", own_place)


def _entry_of(begins: str) -> str:
    """How the id of the entry begins that wrote the item that somebody means; "" if that is no such beginning."""
    entry = begins.partition(".")[0].lower()
    return entry if len(entry) <= DIGITS and set(entry) <= set("0123456789abcdef") else ""


def _conflicts(case: Schema, page: Page, room: Room) -> list[Conflict]:
    """Of all that a case says. Those of items that are not on the page take room of their own."""
    shown = {cell.ref for items in page.items.values() for one in items for cell in one.current}
    found: list[Conflict] = []
    for one in case.conflicts()[:_CONFLICTS]:
        cells = one.raw.cells
        if one.raw.type != FieldType.LOG or cells[0].ref in shown or room.has(cells[:AT_ONCE]):
            found.append(one)
    return found


def _conflict(case: Schema, conflict: Conflict) -> shapes.Conflict:
    kind = case._kind_at(conflict.raw)
    values = [_said(one, kind) for one in conflict.values]
    name, chosen, raw = conflict.path, values[0].value, conflict.raw
    key: Any = None
    match TYPES[raw.type].holds:
        case Holds.ITEMS:
            key = _label(raw.key)
            settle = shapes.Settling(correct={key: chosen})
        case Holds.KEYS:
            key = as_json(raw.key)
            settle = shapes.Settling(put={name: {as_text(conflict.key): chosen}})
        case _:
            settle = shapes.Settling(set={name: chosen})
    return shapes.Conflict(field=name, type=str(raw.type), key=key, values=values, settle=settle)


# --- writing -------------------------------------------------------------------------------------------------


async def new(service: Service, ask: shapes.NewCase) -> shapes.Written:
    cell = service.cell
    schema = schema_named(ask.kind)
    created = Operation(int(Op.CREATE), kind_of(schema), version_of(schema), None)
    case = CaseId(cell.circle.surroundings.entropy(ID_BYTES)) if ask.key is None else _case_of(cell, ask.key)
    draft = begin(bind(schema, cell, case, CaseState(logs=True)))
    await cell.catalogue.ready()
    async with cell.circle.lock:
        if await cell.circle.apart(lambda: cell.circle.replica.shows(case)):
            return await _write_locked(cell, case, [])
        taken = await cell.circle.apart(lambda: apply(draft, _edit(ask), partial(resolve_locked, cell)))
        alike = await cell.circle.apart(lambda: _namesakes(cell, draft))
        written = await _write_locked(cell, case, [created, *finish(draft)])
    return msgspec.structs.replace(written, alike=alike, taken=_taken(taken))


def _namesakes(cell: Cell, draft: Schema) -> list[str]:
    """Other cases and persons that are called like a new one. Holds the circle's lock."""
    if not isinstance(draft, (CaseFile, Person)):
        return []
    listings, case_ids = cell.catalogue.fresh(), cell.circle.replica.held.case_ids
    names = [name for name, is_external in called(draft._state) if not is_external]
    numbers = {number for name in names for number, is_external in listings.called(name) if not is_external}
    kinds = (kind_of(CaseFile), kind_of(Person))
    found = [case_ids[one.number] for one in listings.get(sorted(numbers)[:_NAMESAKES]) if one.kind in kinds]
    return [cell.catalogue.short(case) for case in found]


def _case_of(cell: Cell, key: str) -> CaseId:
    """The case that a request with this key makes on this device. No schema has such a kind."""
    return cell.case_id("key of a request", cell.device.hex() + key)


async def edit(service: Service, ask: shapes.EditCase) -> shapes.Written:
    cell = service.cell
    asked = None if ask.key is None else keyed.Request.of(ask.key, ask)
    if asked is not None and (again := await _written_before(cell, asked)):
        return again
    identity = await resolve(cell, ask.case)

    def drafted() -> tuple[list[Operation], list[Taken]]:
        if ask.heads is not None and not {"*", _heads(cell, identity)} & set(map(str.strip, ask.heads.split(","))):
            raise ChangedMeanwhile
        case = _with_items(cell, identity, [*ask.correct, *ask.retract])
        draft = begin(case, cell.device, cell.circle.surroundings.now())
        find = partial(resolve_locked, cell)
        taken = apply(draft, _edit(ask), find)
        for begins, value in ask.correct.items():
            log, item = _find_item(draft, begins)
            log.correct(item, typed_value(log._kind, log._name, value, find, instead_of=item.value))
        for begins, reason in ask.retract.items():
            log, item = _find_item(draft, begins)
            log.retract(item, reason or None)
        return finish(draft), taken

    async with cell.circle.lock:  # until it is written: of two with the same heads, only one writes
        done, taken = await cell.circle.apart(drafted)
        written = await _write_locked(cell, identity, done, asked)
    return msgspec.structs.replace(written, taken=_taken(taken))


def _taken(taken: list[Taken]) -> list[shapes.TakenAs]:
    return [shapes.TakenAs(field=one.field, text=one.text) for one in taken]


def _with_items(cell: Cell, identity: CaseId, named: list[str]) -> Schema:
    """A case with those items of its logs that somebody may mean. With the lock held."""
    case = _without_logs(cell, identity)
    if not named:
        return case
    replica = cell.circle.replica
    begins = {_entry_of(one) for one in named} - {""}
    logs = replica.states.named(replica.held.cases[identity], case._state, sorted(begins))
    return bind(type(case), cell, identity, case._state.with_logs(logs))


async def _written_before(cell: Cell, asked: keyed.Request) -> shapes.Written | None:
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
    logs = [_log(draft, name, kind) for name, kind in draft._state.fields() if TYPES[kind].holds is Holds.ITEMS]
    items = [(log, item) for log in logs for item in log.all]
    found = [one for one in items if _means(begins, one[1].id)] or [
        one for one in items if any(_means(begins, version.id) for version in one[1].versions)
    ]
    if len(found) != 1:
        raise NotFound(
            "No item of a log has an id that begins like that." if not found else "Several items begin like that.",
            hint="cellsync case log shows the ids.",
        )
    return found[0]


def _log(case: Schema, name: str, crdt: str = FieldType.LOG) -> LogView[Any]:
    own = fields_of(type(case)).get(name)
    return LogView(case, name, own.kinds[0] if own is not None and own.crdt == crdt else PLAIN, crdt)


async def _write_locked(
    cell: Cell, case: CaseId, done: list[Operation], asked: keyed.Request | None = None
) -> shapes.Written:
    """Write this, if it is anything. With the lock held."""

    def head_of(plan: Plan) -> int:
        [head] = [one.head for one in plan.commit.cases if one.id == case]
        return head

    def note(plan: Plan) -> dict[str, bytes]:
        if asked is None:
            return {}
        return {
            drawers.KEYED_EDITS: keyed.add(
                cell.circle.store.kept(drawers.KEYED_EDITS), asked, keyed.Wrote(case, head_of(plan))
            )
        }

    head = head_of(await cell.own_entries.write_locked([(case, done)], note)) if done else None
    return await cell.circle.apart(lambda: _written(cell, case, head))


def _written(cell: Cell, case: CaseId, head: int | None = None) -> shapes.Written:
    """`head`: of what was written. With the lock held."""
    replica = cell.circle.replica
    state = replica.states.get(replica.held.cases[case])
    heads, short = _heads(cell, case, head), cell.catalogue.short(case)
    return shapes.Written(
        id=case.hex(), short=short, title=title_of(state), heads=heads, written=head is not None,
        doubts=_doubts(cell, case, state) if state.kind == kind_of(Consent) else [],
    )  # fmt: skip


def _doubts(cell: Cell, case: CaseId, state: CaseState) -> list[shapes.Doubt]:
    """About a consent. With the lock held."""
    from cellsync.casework.exporting.doubts import about, doubts

    consent, cases = bind(Consent, cell, case, state), cell.circle.replica.held.cases
    numbers = {number: one for one in about(consent) if (number := cases.get(CaseId(one))) is not None}
    kinds = {numbers[one.number]: one.kind for one in cell.catalogue.fresh().get(numbers)}
    return [shapes.Doubt(field=one.field, text=one.text) for one in doubts(consent, kinds)]


# --- the logs of a case, and its history ------------------------------------------------------------------------


async def log(service: Service, ask: shapes.CaseLog) -> shapes.Log:
    cell = service.cell
    identity = await resolve(cell, ask.case)
    since = _moment(ask.since)
    room = Room()

    def wanted(one: Logged) -> bool:
        return ask.field in ("", one.field) and moment(one.item.first.clock) >= since

    def told() -> shapes.Log:
        case = _without_logs(cell, identity)
        number = cell.circle.replica.held.cases[identity]
        page = logged(cell, number, case._state, ask.after, ask.limit, room, wanted)
        if (
            ask.field
            and not (ask.after or page.next)
            and ask.field not in page.logs
            and ask.field not in fields_of(type(case))
        ):
            some = ", ".join(map(plain_line, sorted(islice(page.logs, _NAMED))))
            raise InvalidValue(f"no log {plain_line(ask.field)!r}", hint="Its logs: " + (some or "none yet"))
        lines = [
            (one.first.clock, rank(one.first), shapes.LogLine(field=name, item=_item(item, kind)))
            for name, items in page.items.items()
            for kind in [_log(case, name)._kind]
            for one, item in _fitting(case, name, kind, items)
        ]
        shown = [line for *_, line in sorted(lines, key=itemgetter(0, 1))]
        title = title_of(case._state)
        return shapes.Log(id=identity.hex(), title=title, lines=shown, next=page.next, cut=room.cut)

    async with cell.circle.lock:
        return await cell.circle.apart(told)


def _moment(text: str) -> datetime:
    """A day or a time; without a zone in UTC. Raises InvalidValue."""
    if not text:
        return datetime.min.replace(tzinfo=UTC)
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidValue("not a day or a time", hint="Write 2024-05-03, or 2024-05-03T14:00.") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


async def graph(service: Service, ask: shapes.DrawGraph) -> shapes.Graph:
    from cellsync.cell import drawing  # only those who draw need it
    from cellsync.cell.graph import graph_of

    cell = service.cell
    identity = await resolve(cell, ask.case)
    async with cell.circle.lock:
        case = await cell.circle.apart(lambda: _without_logs(cell, identity))
        title = title_of(case._state)
        first = first_of(cell, cell.circle.replica.held.cases[identity], ask.after)
    drawn = await graph_of(cell.circle, case, first, ask.limit, cell.catalogue.title)
    return shapes.Graph(
        id=case.id.hex(),
        title=title,
        rows=[
            shapes.GraphRow(
                id=row.id.hex(), short=row.short, author=row.author, at=time_text(row.at) or "", did=list(row.did),
                parents=list(row.parents), counts=row.counts,
            )
            for row in drawn.rows
        ],
        drawing=await cell.circle.surroundings.in_thread(
            lambda: drawing.as_text(drawn) if ask.format == "text" else drawing.as_svg(drawn)
        ),
        next=place(cell, drawn.older),
    )  # fmt: skip
