"""What a user writes; mypy --strict and pyright have nothing to say about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Literal, ParamSpec, TypeVar, assert_type

from cellsync.core.schema.fields import Counter, Log, Map, Register, Sensitivity, Set, empty, field
from cellsync.core.schema.schema import Schema
from cellsync.core.schema.views import Count, Item, LogView, MapView, SetView

P = ParamSpec("P")
S = TypeVar("S", bound=Schema)


class Eviction(Schema, kind="org.example.eviction", version=1):
    title: Register[str]
    status: Register[Literal["open", "closed"]] = field(default="open")
    due: Register[date | None] = field(default=None, sensitivity=Sensitivity.C2)
    court: Register[str] = field(default="")
    notes: Log[str] = empty()
    tags: Set[str] = empty(sensitivity=Sensitivity.C4)
    phones: Map[str, int] = empty()
    letters: Counter = empty()


class Cell:
    """As the library declares it."""

    async def create(self, schema: Callable[P, S], /, *_: P.args, **fields: P.kwargs) -> S:
        raise NotImplementedError


async def use(cell: Cell) -> None:
    case = await cell.create(Eviction, title="12 Mill St", status="open")
    await cell.create(Eviction, title="x", due=date(2024, 5, 3))
    assert_type(case, Eviction)
    assert_type(case.title, str)
    assert_type(case.due, date | None)
    assert_type(case.notes, LogView[str])
    assert_type(case.notes[0], str)
    assert_type(case.notes.items[0], Item[str])
    assert_type(case.tags, SetView[str])
    assert_type(case.phones, MapView[str, int])
    assert_type(case.letters, Count)
    assert_type(Eviction.title, Register[str])
    total: int = case.letters + 1
    async with case.edit() as draft:
        draft.status = "closed"
        draft.due = None
        draft.notes.append("hearing 3 May")
        draft.notes.correct(draft.notes.items[0], "hearing 4 May")
        draft.tags.add("urgent")
        draft.phones["home"] = total
        draft.letters.increment(2)
        for conflict in draft.conflicts():
            draft.resolve(conflict, conflict.values[0].value)
    async with case.changes() as changes:
        async for change in changes:
            print(change.author, change.path, change.value)
