"""A case in another circle: what goes along, what stays behind, and that nothing there tells of the old circle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from trio.testing import MockClock

from cellsync import Cell
from cellsync.cell import moving
from cellsync.cell.circle import CellCircle
from cellsync.core.errors import InvalidValue, Removed
from cellsync.core.ids import CaseId
from cellsync.core.schema.generic import GenericCase
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from cellsync.testing import level
from tests.cell.cells import Visit
from tests.cell.test_cell_circles import two


def as_it_is(_: str, __: Any, plain: Any) -> Any:
    return plain


async def written(circle: CellCircle, *said: tuple[Op, str, bytes | None, Any]) -> CaseId:
    """A case of a kind without a schema."""
    case = CaseId(circle.circle.surroundings.entropy(32))
    operations = [Operation(int(op), field, detail, value) for op, field, detail, value in said]
    await circle.write([(case, [Operation(int(Op.CREATE), "note", 3, None), *operations])])
    return case


def everything(cell: Cell, circle: CellCircle) -> bytes:
    """All that a circle's database holds, in the clear."""
    database = cell.ledger.store(circle.id)._db
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]

    def values() -> Iterator[bytes]:
        for table in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 (names of our own tables)
                for value in row:
                    yield value if isinstance(value, bytes) else str(value).encode()

    return b"\0".join(values())


def traces(circle: CellCircle) -> Iterator[bytes]:
    """Ids, hashes and keys of a circle: of it, its devices, cases, entries and epochs; but for what this device has in
    all of its circles."""
    held, store = circle.circle.replica.held, circle.circle.store
    yield from (circle.id, *circle.circle.replica.circle.grants, *held.cases)
    yield circle.circle.epochs.newest
    yield circle.secrets.seal.reveal()
    for chain in held.chains.values():
        yield chain.incarnation
        for row in store.standings(chain.number, chain.first, chain.length):
            yield row.id
            yield row.id[:8]  # as refs have it


async def test_values_and_chosen_items_go_along_and_no_trace_of_the_old_circle(autojump_clock: MockClock) -> None:
    async with two() as (_, ana, ben, _, inner):
        outer, target = ana.circle(inner), ana.first  # Lea is in the old one only
        other = await written(outer, (Op.SET, "title", b"", "another"))
        case = await written(
            outer, (Op.SET, "title", b"", "Anton"), (Op.ADD, "tags", None, "urgent"), (Op.ADD, "tags", None, "old"),
            (Op.PUT, "phones", b"", ["home", "123"]), (Op.COUNT, "calls", None, 3), (Op.COUNT, "calls", None, -1),
            (Op.ADD, "links", None, [other, "part_of"]), (Op.SET, "of", b"", {"deep": [bytes(range(32))]}),
            (Op.APPEND, "log", None, "first"), (Op.APPEND, "log", None, "second"), (Op.APPEND, "log", None, [other]),
        )  # fmt: skip
        await level([ana, ben])
        async with (await ben.circle(inner).get(GenericCase, case)).edit() as draft:
            draft.log("log").append("by Ben")
        await level([ana, ben])
        before = {bytes(trace) for trace in traces(outer)}
        found = await moving.content(outer, case, target)
        assert found.left_out == ["links", "log", "of"]
        texts = [item.shown.value for _, item in found.items]
        assert texts == ["first", "second", "by Ben"]
        chosen = [item.first.ref for _, item in found.items if item.shown.value != "second"]
        moved = await moving.move(found, target, chosen, as_it_is)
        assert not await moving.link(outer, case, target, moved, "merged_into")  # Lea must not know of it
        new = await target.get(GenericCase, moved)
        assert (new.kind, new.version, new.read("title"), new.read("calls", "counter")) == ("note", 3, "Anton", 2)
        assert sorted(new.set("tags")) == ["old", "urgent"]
        assert dict(new.map("phones")) == {"home": "123"}
        assert [item.value for item in new.log("log").items] == ["first", "by Ben"]
        assert not new.read("links", "set")
        assert await outer.get(GenericCase, case) is not None  # it stays
        held = everything(ana, target)
        assert b"Anton" in held  # the search finds what is there
        assert not [trace.hex() for trace in before if trace in held]
        assert [trace for trace in before if trace in everything(ana, outer)]


async def test_the_old_one_points_at_the_new_one_from_the_restricted_side(autojump_clock: MockClock) -> None:
    async with two() as (_, ana, ben, lea, inner):
        lawyers = ana.circle(inner)
        await lea.cases(Visit)
        route, _ = await ana.create_circle("Route")
        case = await written(route, (Op.SET, "title", b"", "Anton"))
        moved = await moving.move(await moving.content(route, case, lawyers), lawyers, [], as_it_is)
        assert await moving.link(route, case, lawyers, moved, "merged_into")
        old = await route.get(GenericCase, case)
        assert list(old.set("links")) == [[moved, "merged_into"]]
        await level([ana, ben, lea])
        assert bytes(route.id) not in everything(ana, lawyers)


async def test_links_to_cases_of_the_target_go_along_and_many_items_take_several_entries(
    autojump_clock: MockClock,
) -> None:
    async with two() as (_, ana, _, _, inner):
        outer, source = ana.first, ana.circle(inner)
        parcel = await written(outer, (Op.SET, "title", b"", "Parcel"))
        route, _ = await ana.create_circle("Route")
        items = [(Op.APPEND, "log", None, f"{number} " + "x" * 300) for number in range(150)]
        case = await written(route, (Op.ADD, "links", None, [parcel, "about"]), *items)
        for _ in range(2):
            await route.write(
                [(case, [Operation(int(op), field, detail, value) for op, field, detail, value in items])]
            )
        found = await moving.content(route, case, outer)
        assert found.left_out == []
        moved = await moving.move(found, outer, [item.first.ref for _, item in found.items], as_it_is)
        new = await outer.get(GenericCase, moved)
        assert list(new.set("links")) == [[parcel, "about"]]
        assert len(new.log("log")) == 450
        assert source.entries() > 0


async def test_what_cannot_be_moved(autojump_clock: MockClock) -> None:
    async with two() as (_, ana, ben, _, inner):
        outer = ana.first
        case = await written(outer, (Op.SET, "title", b"", "Anton"))
        with pytest.raises(InvalidValue, match="already"):
            await moving.content(outer, case, outer)
        await level([ana, ben])
        await ana.circle(inner).membership.require()
        await level([ana, ben])
        await ben.circle(inner).membership.leave()
        found = await moving.content(ben.first, case, ben.circle(inner))
        with pytest.raises(Removed):
            await moving.move(found, ben.circle(inner), [], as_it_is)
