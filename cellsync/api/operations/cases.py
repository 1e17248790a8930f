"""Cases: listing and reading them, their logs and their history."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from itertools import islice
from operator import itemgetter
from typing import Final

import msgspec

from cellsync.api.contract import shapes
from cellsync.api.lookup import BESIDE, resolve
from cellsync.api.operations.beside import linked, page_beside, pointing, row
from cellsync.api.operations.fields import (
    conflict_shape,
    conflicts_on,
    fields_shown,
    fitting,
    in_order,
    item_shape,
    log_view,
    without_logs,
)
from cellsync.api.operations.people import time_text
from cellsync.api.pages import first_of, logged, place
from cellsync.api.room import Room
from cellsync.api.service import Service
from cellsync.casework import SCHEMAS
from cellsync.casework.editing import schema_named
from cellsync.cell.cell import Cell
from cellsync.cell.description import sought, title_of
from cellsync.core.case.newest import Logged
from cellsync.core.crdt.cells import rank
from cellsync.core.errors import InvalidValue
from cellsync.core.history.store import Listings, Wanted
from cellsync.core.ids import CaseId
from cellsync.core.plain import plain_line
from cellsync.core.replica.replica import Replica
from cellsync.core.schema.host import bind
from cellsync.core.schema.schema import describe, fields_of, kind_of
from cellsync.core.schema.values import moment

_NAMED: Final = 20  # logs of a case that an error names


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
            left_out = sum(count for kind, count, _ in listings.counts() if kind in BESIDE)
        return shapes.Cases(
            cases=[row(cell, listings, listed_case) for listed_case in page[: ask.limit]],
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
    for found_row in found.cases:
        case = CaseId(bytes.fromhex(found_row.id))
        async with cell.circle.lock:
            conflicts = await cell.circle.apart(partial(_contradictions, cell, case, room))
        if room.cut and rows:
            return msgspec.structs.replace(found, cases=rows, next=rows[-1].id)
        rows.append(msgspec.structs.replace(found_row, contradictions=conflicts))
    return msgspec.structs.replace(found, cases=rows)


def _contradictions(cell: Cell, identity: CaseId, room: Room) -> list[shapes.Conflict]:
    """With the lock held."""
    bare = without_logs(cell, identity)
    page = logged(cell, cell.circle.replica.held.cases[identity], bare._state, "", 1, room)
    case = bind(type(bare), cell, identity, bare._state.with_logs(page.logs))
    return [conflict_shape(case, conflict) for conflict in conflicts_on(case, page, room)]


async def schemas(_: Service, __: shapes.Nothing) -> shapes.Schemas:
    return shapes.Schemas(schemas=[describe(schema) for schema in SCHEMAS])


async def show(service: Service, ask: shapes.ShowCase) -> shapes.Case:
    cell = service.cell
    identity = await resolve(cell, ask.case)

    def shown() -> shapes.Case:
        short = cell.catalogue.short(identity)
        room = Room()
        bare = without_logs(cell, identity)
        shown_fields = list(fields_shown(bare, room))  # logs take the room that is left: they go on elsewhere
        page = logged(cell, cell.circle.replica.held.cases[identity], bare._state, "", ask.limit, room)
        case = bind(type(bare), cell, identity, bare._state.with_logs(page.logs))
        shown_fields += fields_shown(case, room, page)
        beside, more = pointing(cell, identity)
        return shapes.Case(
            id=identity.hex(),
            short=short,
            kind=case._state.kind,
            version=case._state.version,
            title=title_of(case._state),
            heads=heads_of(cell, identity),
            fields=in_order(case, [field for field in shown_fields if field.values or field.keys or field.items]),
            conflicts=[conflict_shape(case, conflict) for conflict in conflicts_on(case, page, room)],
            links=linked(cell, identity),
            beside=beside,
            more_beside=more,
            next=page.next,
            cut=room.cut,
        )

    async with cell.circle.lock:
        return await cell.circle.apart(shown)


def heads_of(cell: Cell, case: CaseId, head: int | None = None) -> str:
    """What changes with every entry of the case, and whenever what counted before counts no more. With the lock held.

    `head`: the slot of its newest entry. A place in this store, as a cursor is, and no digest: that would cost what the
    case holds.
    """
    held = cell.circle.replica.held
    place = held.heads[held.cases[case]] if head is None else head
    return f"{cell.circle.life.hex()[:8]}-{place:x}-{cell.circle.refolded_at:x}"


async def log(service: Service, ask: shapes.CaseLog) -> shapes.Log:
    cell = service.cell
    identity = await resolve(cell, ask.case)
    since = _moment(ask.since)
    room = Room()

    def wanted(logged_item: Logged) -> bool:
        return ask.field in ("", logged_item.field) and moment(logged_item.item.first.clock) >= since

    def told() -> shapes.Log:
        case = without_logs(cell, identity)
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
            (raw.first.clock, rank(raw.first), shapes.LogLine(field=name, item=item_shape(item, kind)))
            for name, items in page.items.items()
            for kind in [log_view(case, name)._kind]
            for raw, item in fitting(case, name, kind, items)
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
        case = await cell.circle.apart(lambda: without_logs(cell, identity))
        title = await cell.circle.apart(lambda: title_of(case._state))
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
