"""The history of a case as a graph: who had seen what, in words and pictures that no content of a case can break."""

from __future__ import annotations

from random import Random
from xml.etree import ElementTree

import pytest
from trio.testing import MockClock

from cellsync.cell.cell import Cell
from cellsync.cell.drawing import as_svg, as_text, lay_out
from cellsync.cell.graph import Graph, Row
from cellsync.core.errors import NotFound
from cellsync.core.history.entry import Entry, unpack_slots
from cellsync.core.ids import CaseId, EntryId
from cellsync.core.plain import plain_line
from cellsync.core.schema.values import moment
from cellsync.testing import MemoryNetwork, level
from cellsync.testing.fixtures import CellPair
from tests.cell.cells import Visit


def graph(*rows: tuple[str, tuple[int, ...]]) -> Graph:
    """A graph of (what was done, parents)."""
    made = [
        Row(EntryId(at.to_bytes(32, "big")), f"{at:02x}{at:02x}", "ana", moment(0), (did,), parents, True)
        for at, (did, parents) in enumerate(rows)
    ]
    return Graph(CaseId(bytes(32)), made)


def drawn(text: str) -> list[str]:
    """The picture without the words."""
    return [line[:6].rstrip(" 0123456789abcdef") for line in text.splitlines()]


async def test_edits_that_were_apart_are_drawn_side_by_side(autojump_clock: MockClock) -> None:
    net = MemoryNetwork(seed=5)
    async with net.cells("ana", "ben") as (ana, ben):
        case = await ana.create(Visit, title="mill")
        theirs = await ben.get(Visit, case.id, wait=60)
        await level([ana, ben])
        net.partition("ana", "ben")
        async with theirs.edit() as draft:
            draft.notes.append("hearing 3 May")
        async with case.edit() as draft:
            draft.status = "closed"
        net.heal()
        await level([ana, ben])
        async with case.edit() as draft:
            draft.parcels.increment(2)
        await level([ana, ben])

        history = await ana.graph(case)
        top, *middle, bottom = history.rows
        assert (bottom.did, bottom.author, bottom.parents) == (("created", "title=mill"), "ana", ())
        assert {row.did: (row.author, row.parents) for row in middle} == {
            ('notes +"hearing 3 May"',): ("ben", (3,)),
            ("status=closed",): ("ana", (3,)),
        }
        assert (top.did, top.parents) == (("parcels +2",), (1, 2))
        assert await ben.graph(theirs) == history

        text = as_text(history)
        assert drawn(text) == ["●", "├─╮", "● │", "│ ●", "├─╯", "●"]
        assert "merge " in text.splitlines()[0]
        assert all(row.short in text for row in history.rows)


def naive(cell: Cell, case: CaseId) -> dict[EntryId, set[EntryId]]:
    """The nearest ancestors in the case, from the whole past of every entry."""
    store, held = cell.first.circle.store, cell.first.circle.replica.held
    entries: dict[int, Entry] = {
        entry.slot: entry for chain in held.chains for entry in store.chain_slice(chain, 1, held.chains[chain].length)
    }
    pasts: dict[int, set[int]] = {}
    for entry in sorted(entries.values(), key=lambda one: one.height):
        before = {slot for slot in (entry.slot - 1, *unpack_slots(entry.parents)) if slot in entries}
        pasts[entry.slot] = before.union(*(pasts[slot] for slot in before))
    own = {slot for slot, entry in entries.items() if held.case_ids[entry.case] == case}
    found = {}
    for slot in own:
        past = pasts[slot] & own
        found[entries[slot].id] = {entries[one].id for one in past if not any(one in pasts[other] for other in past)}
    return found


@pytest.mark.parametrize("seed", range(3))
async def test_parents_are_the_nearest_entries_of_the_case_in_the_past(autojump_clock: MockClock, seed: int) -> None:
    """Against the whole past of every entry, where several write in several cases, together and apart."""
    random, net = Random(seed), MemoryNetwork(seed=seed)
    async with net.cells("ana", "ben", "eva") as everyone:
        made = [await everyone[0].create(Visit, title=str(number)) for number in range(3)]
        await level(everyone)
        for _ in range(12):
            apart = random.sample(["ana", "ben", "eva"], 2)
            net.partition(*apart)
            for _ in range(random.randrange(6)):
                cell = random.choice(everyone)
                async with (await cell.get(Visit, random.choice(made).id)).edit() as draft:
                    draft.parcels.increment(1)
            if random.random() < 0.6:
                net.heal()
                await level(everyone)
        net.heal()
        await level(everyone)
        for case in made:
            rows = (await everyone[1].graph(case)).rows
            assert {row.id: {rows[at].id for at in row.parents} for row in rows} == naive(everyone[1], case.id)
            assert all(parent > at for at, row in enumerate(rows) for parent in row.parents)


async def test_a_long_history_is_read_page_by_page(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellsync.cell.graph.PAGE", 7)
    async with MemoryNetwork(seed=1).cells("ana", "ben") as (ana, _):
        case, other = await ana.create(Visit, title="a"), await ana.create(Visit, title="b")
        for number in range(30):
            async with (case if number % 3 else other).edit() as draft:
                draft.parcels.increment(1)
        rows = (await ana.graph(case)).rows
        assert len(rows) == 21
        assert [row.parents for row in rows] == [(at,) for at in range(1, 21)] + [()]


async def test_every_operation_is_said_in_words(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, _ = cell_pair
    case = await ana.create(Visit, title="a")
    async with case.edit() as draft:
        draft.title = "two words"
        draft.tags.add("urgent")
        draft.roles["lawyer"] = "M."
        draft.parcels.increment(-3)
        draft.notes.append("first")
    async with case.edit() as draft:
        draft.notes.correct(draft.notes.items[0], "1st")
    async with case.edit() as draft:
        draft.tags.discard("urgent")
        del draft.roles["lawyer"]
        draft.notes.retract(draft.notes.items[0])
    did = [row.did for row in (await ana.graph(case)).rows]
    assert did == [
        ('tags -"urgent"', "roles -lawyer", 'notes -"first"'),
        ('notes corrected: "1st"',),
        ('title="two words"', 'tags +"urgent"', "roles[lawyer]=M.", "parcels -3", 'notes +"first"'),
        ("created", "title=a"),
    ]


async def test_a_case_that_is_not_here(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, ben = cell_pair
    case = await ana.create(Visit, title="a")
    await level([ana, ben])
    case._id = CaseId(bytes(32))
    with pytest.raises(NotFound):
        await ben.graph(case)


HOSTILE = '<script>alert(1)</script>&"\x1b[2J\x07\u202e\u2028\x00\ufffe' + "x" * 15_000


async def test_hostile_text_stays_text(autojump_clock: MockClock, cell_pair: CellPair) -> None:
    ana, _ = cell_pair
    case = await ana.create(Visit, title=HOSTILE)
    async with case.edit() as draft:
        draft.tags.add(HOSTILE)
        draft.roles[HOSTILE] = HOSTILE
    history = await ana.graph(case)
    text, svg = as_text(history), as_svg(history)
    assert len(text) < 1_000
    assert len(text.splitlines()) == 2
    for one in "\x1b\x07\u202e\u2028\x00\ufffe":
        assert one not in text + svg
    root = ElementTree.fromstring(svg)  # noqa: S314 - made here
    assert {element.tag.rpartition("}")[2] for element in root.iter()} == {
        "svg",
        "title",
        "rect",
        "path",
        "circle",
        "text",
    }
    assert "<script>alert(1)" in "".join(root.itertext())


def test_lines_are_one_line() -> None:
    assert plain_line(" a\n\tb ") == "a b"
    assert plain_line("a" * 41) == "a" * 40 + "…"
    assert plain_line("\x9b31m") == "\ufffd31m"


def test_crossings_and_several_heads() -> None:
    #  0 and 1 are heads; 0 has seen 2 and 4, 1 has seen 3
    text = as_text(graph(("a", (2, 4)), ("b", (3,)), ("c", (5,)), ("d", (5,)), ("e", (5,)), ("f", ())))
    assert drawn(text) == ["●", "├─╮", "│ │ ●", "● │ │", "│ │ ●", "│ ● │", "├─┴─╯", "●"]
    crossed = as_text(graph(("a", (3,)), ("b", (3,)), ("c", (4, 3)), ("d", (5,)), ("e", (5,)), ("f", ())))
    assert drawn(crossed)[:5] == ["●", "│ ●", "│ │ ●", "│ │ ├─╮"[:6].rstrip(), "├─┴─┼─╯"[:6].rstrip()]
    assert crossed.splitlines()[4].rstrip() == "├─┴─┼─╯"


def test_a_thousand_entries_with_many_forks() -> None:
    random = Random(7)
    rows = [
        (f"step {at}", tuple(sorted({min(at + random.randrange(1, 6), 999) for _ in range(random.randrange(1, 4))})))
        for at in range(999)
    ]
    big = graph(*rows, ("created", ()))._replace()
    big = big._replace(rows=[row._replace(short=f"{at:04x}") for at, row in enumerate(big.rows)])
    text, svg = as_text(big), as_svg(big)
    assert text == as_text(big)
    assert svg == as_svg(big)
    assert sum(line.count("●") for line in text.splitlines()) == 1_000
    root = ElementTree.fromstring(svg)  # noqa: S314 - made here
    assert sum(1 for _ in root.iter("{http://www.w3.org/2000/svg}circle")) == 1_000
    _, lines = lay_out(big.rows)
    assert sorted((line.child, line.parent) for line in lines) == [
        (at, to) for at, row in enumerate(rows) for to in row[1]
    ]


def test_no_history_is_no_picture() -> None:
    assert as_text(graph()) == ""
    ElementTree.fromstring(as_svg(graph()))  # noqa: S314 - made here
