"""A case written anew in another circle, with what somebody chose of its logs."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final, NamedTuple

from cellsync.api.contract import shapes
from cellsync.api.lookup import resolve
from cellsync.api.operations.fields import item_label, log_view, without_logs
from cellsync.api.operations.standings import waiting
from cellsync.api.service import Service
from cellsync.api.times import time_text
from cellsync.casework.editing import as_text
from cellsync.casework.values.link import Relation
from cellsync.casework.values.timeline import TimelineEntry
from cellsync.cell import moving
from cellsync.cell.circle import CellCircle
from cellsync.cell.description import title_of
from cellsync.cell.moving import Content
from cellsync.core.crdt.log import LogItem
from cellsync.core.errors import CellsyncError, InvalidValue
from cellsync.core.ids import CaseId
from cellsync.core.schema.schema import Schema
from cellsync.core.schema.values import Misfit, moment

_ITEMS: Final = 1_000


class _Meant(NamedTuple):
    source: CellCircle
    case: CaseId
    target: CellCircle
    shown: Schema
    content: Content


async def _meant(service: Service, named: str, circle: str, to: str) -> _Meant:
    source, case = await resolve(service.cell, named, circle)
    target = service.cell.circle(to or None)
    found = await moving.content(source, case, target)
    async with source.circle.lock:
        shown = await source.circle.apart(lambda: without_logs(source, case))
    return _Meant(source, case, target, shown, found)


async def preview(service: Service, ask: shapes.MovePreviewed) -> shapes.MovePreview:
    source, case, target, shown, found = await _meant(service, ask.case, ask.circle, ask.to)
    roster = await source.membership.roster()
    return shapes.MovePreview(
        id=case.hex(), title=title_of(shown._state), called=source.name, to=target.name,
        fields=list(dict.fromkeys(operation.field for operation in found.written)), left_out=found.left_out,
        items=[_item(source, shown, name, item) for name, item in found.items[-_ITEMS:]],
        read_by=[one.name for one in roster.members], will_read=_names(target),
        linked=source.is_restricted(target),
    )  # fmt: skip


async def move(service: Service, ask: shapes.MoveCase) -> shapes.Moved:
    source, case, target, shown, found = await _meant(service, ask.case, ask.circle, ask.to)
    labels = {item_label(item.first.ref): item.first.ref for _, item in found.items}
    unknown = [label for label in ask.items if label not in labels]
    if unknown:
        raise InvalidValue("There is no such item in the logs of this case, or it cannot go along.", hint="Look again.")

    def noted(name: str, item: LogItem, plain: Any) -> Any:
        day = moment(item.first.clock).date().isoformat()
        who = f", {source.name_of(item.first.device)}" if ask.with_authors else ""
        return _noted(shown, name, plain, f"{day}{who}")

    chosen = [labels[label] for label in ask.items]
    moved = await moving.move(found, target, chosen, noted)
    linked = False
    with suppress(CellsyncError):  # the new one is written all the same, and must not be written twice
        linked = await moving.link(source, case, target, moved, Relation.MERGED_INTO.value)
    return shapes.Moved(
        id=moved.hex(), short=target.short(moved), circle=target.id.hex(), title=title_of(shown._state),
        items=len(chosen), linked=linked, waits=await waiting(target),
    )  # fmt: skip


def _item(source: CellCircle, shown: Schema, name: str, item: LogItem) -> shapes.MovableItem:
    kind, plain = log_view(shown, name)._kind, item.shown.value
    try:
        text = as_text(kind.decode(plain))
    except Misfit:
        text = as_text(plain)
    return shapes.MovableItem(
        id=item_label(item.first.ref), field=name, at=time_text(moment(item.first.clock)) or "",
        author=source.name_of(item.first.device), text=text,
    )  # fmt: skip


def _noted(shown: Schema, name: str, plain: Any, note: str) -> Any:
    """An item as it is written there: with the day on which it was recorded, and by whom, if that is wanted. What is no
    text has no place for that, and goes along as it is."""
    kind = log_view(shown, name)._kind
    try:
        value = kind.decode(plain)
    except Misfit:
        value = plain
    if isinstance(value, TimelineEntry):
        return kind.encode(value._replace(text=f"{value.text} ({note})".strip()))
    return f"{plain} ({note})" if isinstance(plain, str) else plain


def _names(circle: CellCircle) -> list[str]:
    """Who is in it."""
    return list(dict.fromkeys(member.name for member in circle.members()))
