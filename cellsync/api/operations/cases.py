"""Cases: listing and reading them, their logs and their history."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from itertools import islice
from operator import itemgetter
from typing import Final, NamedTuple

import msgspec

from cellsync.api.contract import shapes
from cellsync.api.lookup import BESIDE, resolve
from cellsync.api.operations.beside import all_targets, linked, page_beside, pointing, row, targets
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
from cellsync.api.pages import first_of, logged, place
from cellsync.api.room import Room
from cellsync.api.service import Service
from cellsync.api.times import time_text
from cellsync.casework import SCHEMAS
from cellsync.casework.editing import schema_named
from cellsync.cell.cell import Cell
from cellsync.cell.circle import CellCircle
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


class _Listed(NamedTuple):
    """What a list has of one circle."""

    rows: list[shapes.CaseRow]
    more: int
    archived: int


async def list_cases(service: Service, ask: shapes.ListCases) -> shapes.Cases:
    """One circle after the other. What was left out is counted in all of them, whichever the page is about."""
    cell = service.cell
    circles = [cell.circle(ask.circle)] if ask.circle else cell.circles
    after = await resolve(cell, ask.after, ask.circle) if ask.after else None
    of = await resolve(cell, ask.of, ask.circle) if ask.of else None
    at = [] if of is None else await of.circle.catalogue.look(lambda _, __: all_targets(*of))
    rows: list[shapes.CaseRow] = []
    more = archived = 0
    begun = after is None
    for circle in circles:
        is_first = after is not None and circle is after.circle
        begun = begun or is_first
        room = ask.limit + 1 - len(rows) if begun else 0
        begins = after.case if after is not None and is_first else None
        work = partial(_listed, circle, ask, begins, None if of is None else of.case, at, room)
        found = await circle.catalogue.look(work)
        rows, more, archived = rows + found.rows, more + found.more, archived + found.archived
    page = shapes.Cases(
        cases=rows[: ask.limit],
        more=more,
        archived=archived,
        next=rows[ask.limit - 1].id if len(rows) > ask.limit else "",
    )
    return await _with_contradictions(cell, page) if ask.conflicts else page


def _listed(
    circle: CellCircle, ask: shapes.ListCases, after: CaseId | None, of: CaseId | None, at: list[bytes], room: int,
    replica: Replica, listings: Listings,
) -> _Listed:  # fmt: skip
    """Up to `room` rows after this case; `at`: what the case `of` points at."""
    kind = kind_of(schema_named(ask.kind)) if ask.kind and "." not in ask.kind else ask.kind
    narrow = bool(kind or ask.beside or ask.conflicts or ask.of)
    everything = ask.archived or ask.beside or ask.conflicts or ask.of or ask.find
    put_away = None if everything else False
    wanted = Wanted(
        [kind] if kind else None, () if narrow else BESIDE, ask.conflicts, put_away, sought(ask.find).split()
    )
    archived = 0
    if put_away is False:
        archived = listings.count(wanted._replace(put_away=True)) if kind else listings.put_away()
    first = 0 if after is None else replica.held.cases[after]
    if not room:
        page = []
    elif of is None:
        page = listings.page(wanted, first, room)
    else:
        page = page_beside(circle, listings, of, at, wanted, first, room)
    if narrow:
        left_out = 0
    elif wanted.parts:
        left_out = listings.count(wanted._replace(kinds=BESIDE, besides=()))
    else:
        left_out = sum(count for kind, count, _ in listings.counts() if kind in BESIDE)
    return _Listed([row(circle, listings, listed_case) for listed_case in page], left_out, archived)


async def _with_contradictions(cell: Cell, found: shapes.Cases) -> shapes.Cases:
    """With what people contradict each other in: as many cases as one answer holds, and at least one."""
    room = Room()
    rows: list[shapes.CaseRow] = []
    for found_row in found.cases:
        case, circle = CaseId(bytes.fromhex(found_row.id)), cell.circle(found_row.circle)
        async with circle.circle.lock:
            conflicts = await circle.circle.apart(partial(_contradictions, circle, case, room))
        if room.cut and rows:
            return msgspec.structs.replace(found, cases=rows, next=rows[-1].id)
        rows.append(msgspec.structs.replace(found_row, contradictions=conflicts))
    return msgspec.structs.replace(found, cases=rows)


def _contradictions(cell: CellCircle, identity: CaseId, room: Room) -> list[shapes.Conflict]:
    """With the lock held."""
    bare = without_logs(cell, identity)
    page = logged(cell, cell.circle.replica.held.cases[identity], bare._state, "", 1, room)
    case = bind(type(bare), cell, identity, bare._state.with_logs(page.logs))
    return [conflict_shape(case, conflict) for conflict in conflicts_on(case, page, room)]


async def schemas(_: Service, __: shapes.Nothing) -> shapes.Schemas:
    return shapes.Schemas(schemas=[describe(schema) for schema in SCHEMAS])


async def show(service: Service, ask: shapes.ShowCase) -> shapes.Case:
    cell, identity = await resolve(service.cell, ask.case, ask.circle)

    def shown() -> tuple[shapes.Case, list[bytes]]:
        short = cell.short(identity)
        room = Room()
        bare = without_logs(cell, identity)
        shown_fields = list(fields_shown(bare, room))  # logs take the room that is left: they go on elsewhere
        page = logged(cell, cell.circle.replica.held.cases[identity], bare._state, "", ask.limit, room)
        case = bind(type(bare), cell, identity, bare._state.with_logs(page.logs))
        shown_fields += fields_shown(case, room, page)
        case_shown = shapes.Case(
            id=identity.hex(),
            short=short,
            circle=cell.id.hex(),
            kind=case._state.kind,
            version=case._state.version,
            title=title_of(case._state),
            heads=heads_of(cell, identity),
            fields=in_order(case, [field for field in shown_fields if field.values or field.keys or field.items]),
            conflicts=[conflict_shape(case, conflict) for conflict in conflicts_on(case, page, room)],
            links=[],
            beside=[],
            more_beside=False,
            next=page.next,
            cut=room.cut,
        )
        return case_shown, targets(cell, identity)

    async with cell.circle.lock:
        found, at = await cell.circle.apart(shown)
    links, (beside, more) = await linked(service.cell, cell, at), await pointing(service.cell, identity)
    return msgspec.structs.replace(found, links=links, beside=beside, more_beside=more)


def heads_of(cell: CellCircle, case: CaseId, head: int | None = None) -> str:
    """What changes with every entry of the case, and whenever what counted before counts no more. With the lock held.

    `head`: the slot of its newest entry. A place in this store, as a cursor is, and no digest: that would cost what the
    case holds.
    """
    held = cell.circle.replica.held
    place = held.heads[held.cases[case]] if head is None else head
    return f"{cell.circle.life.hex()[:8]}-{place:x}-{cell.circle.refolded_at:x}"


async def log(service: Service, ask: shapes.CaseLog) -> shapes.Log:
    cell, identity = await resolve(service.cell, ask.case, ask.circle)
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

    cell, identity = await resolve(service.cell, ask.case, ask.circle)
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
