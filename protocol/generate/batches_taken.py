"""The part `batch`: what attaches (protocol/30-history.md, Chains; 50-sync, Batches)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from protocol.generate.asking import asked, question, three
from protocol.generate.cell import CASE, NOON, SIGNERS, Writer, salted
from protocol.generate.hashes import invented
from protocol.generate.packed import packed
from protocol.generate.tables import Tables, framed, parts, tables
from protocol.generate.vector import Vector


def taken() -> Iterator[Vector]:
    ana, bea, eva, base = three()
    yield asked("found", [], base[:1])
    yield asked("found and admit", [], base)
    yield asked("nothing", base, [])
    first = ana.says("one")
    yield asked("a chain goes on", base, [first])
    yield asked("what is held already", [*base, first], [*base, first])
    yield asked("half of it is held", [*base, first], [first, ana.says("two")])
    begins = bea.says("hers", cites=[base[1]])
    yield asked("a chain begins", base, [begins])
    yield asked("a chain begins and is cited", base, [begins, ana.fork(base[2]).says("his", cites=[begins])])
    both = eva.says("both", cites=[first, begins])
    yield asked("two parents", [*base, first], [begins, both])
    turns = [ana.fork(first).says("turn 1", cites=[begins])]
    turns.append(bea.says("turn 2", cites=turns[:1]))
    turns.append(bea.says("turn 3"))
    turns.append(ana.fork(turns[0]).says("turn 4", cites=[turns[-1]]))
    held = [*base, first, begins]
    yield asked("two take turns", held, turns)
    yield asked("two take turns, with numbered shapes", held, turns, numbered=True)
    yield asked("a parent further back", [*held, *turns], [eva.fork(None).says("late", cites=[turns[1]])])


def in_parts() -> Iterator[Vector]:
    ana, bea, _, base = three()
    said = [ana.says("one"), bea.says("two", cites=[base[1]]), ana.says("three"), bea.says("four")]
    built = tables(said, base, numbered=True)
    assert built[2][1][5] == 0
    cuts = [(1, 0, 0), (2, 1, 1), (3, 1, 2)]
    held = [framed(tables(base))]
    yield question("in four parts", held, parts(built, *cuts), base, said)
    yield question(
        "in two parts, the second empty", held, parts(built, (len(built[0]), len(built[1]), len(built[2]))), base, said
    )


def clocks_and_kinds() -> Iterator[Vector]:
    cell = three()
    base, bea, case = cell.base, cell.bea, invented("case")

    def ana() -> Writer:
        """Ana, who has written nothing since she admitted the others."""
        return cell.ana.fork(base[2])

    def written(name: str, kind: int, where: bytes, shape: Any, content: Any) -> Vector:
        """One entry of hers, and one after it."""
        writer = ana()
        return asked(name, base, [writer.write(kind, where, packed(shape), salted(content)), writer.says("after it")])

    writer = ana()
    yield asked("a clock goes back", base, [writer.says("one", clock=NOON + 50_000), writer.says("two", clock=5)])
    writer = ana()
    yield asked("the latest clock", base, [writer.says("late", clock=(1 << 63) - 1), writer.says("early", clock=0)])
    circle = cell.ana.circle
    yield written("an opaque entry", CASE, case, [[1, "list", b""]], [[None] * 1_024])
    yield written("an unknown operation", CASE, case, [[77, "x", b"detail"]], ["value"])
    yield written("an unknown kind", 255, circle, {"any": 1}, [1.5])
    yield written("an opaque entry of an unknown kind", 200, circle, [None] * 4_096, None)
    yield written("a case with the id of zeros", CASE, bytes(32), [[0, "x", 1]], [None])
    yield written("an entry in the circle's own case", CASE, circle, [[7, "log", None]], ["in the circle's case"])
    one = ana().says("one")

    def more(built: Tables) -> None:
        built[1].append(invented("a case that nobody uses"))
        built[0].append([bea.device, bea.incarnation, 7, invented("nobody's"), b""])

    yield asked("rows that nothing uses", base, [one], change=more)


# --- forks --------------------------------------------------------------------------------------


def forks() -> Iterator[Vector]:
    ana, bea, eva, base = three()
    line = [bea.says("1", cites=[base[1]]), bea.says("2"), bea.says("3")]
    held = [*base, *line]
    side = bea.fork(line[0])
    other = [side.says("2, again"), side.says("3, again")]
    yield asked("a fork behind the first", held, other)
    yield asked("a fork wholly inside what is held", held, other[:1])
    yield asked("a fork at the end", held, [bea.fork(line[1]).says("3, again")])
    yield asked("a fork at the beginning", held, [bea.fork(None).says("1, again", cites=[base[1]])])
    yield asked("both sides of a fork at once", base, [line[0], line[1], *other, line[2]])
    yield asked("a side goes on", [*held, *other], [side.says("4, again")])
    yield asked("the other side goes on", [*held, *other], [bea.fork(line[2]).says("4")])
    yield asked("a fork of a fork", [*held, *other], [bea.fork(other[0]).says("3, once more")])
    joined = bea.fork(line[2]).says("both", cites=[other[1]])
    yield asked("one side cites the other", [*held, *other], [joined])
    beside = bea.fork(line[0]).says("2, beside", cites=[line[1]])
    yield asked("a side cites what has its place on the other", held, [beside])
    yield asked("a side cites what has its place on the other, both at once", base, [line[0], line[1], beside])
    third = bea.fork(line[0]).says("2, a third time", cites=[other[0]])
    yield asked("a side cites what has its place on the second", [*held, *other], [third])
    yield asked("somebody cites both sides", [*held, *other], [eva.says("both", cites=[base[2], line[2], other[1]])])
    yield asked("a fork and who cites it", held, [*other, ana.says("hers", cites=[other[1]])])
    third = bea.again().says("again", cites=[line[2]])
    yield asked("another incarnation", held, [third])
    yield asked("a fork whose beginning is sent again", held, [line[0], *other])

    def in_two_rows(built: Tables) -> None:
        """The second entry in a row of its own, which comes first."""
        rows, _, entries = built
        for entry in entries:
            entry[:3] = [1, entry[1], [number + 1 - at % 2 for at, number in enumerate(entry[2])]]
        rows[0][4] = line[0].signed(SIGNERS[line[0].device])
        rows.insert(0, [*rows[0][:2], 2, line[0].id, line[1].signed(SIGNERS[line[1].device])])
        entries[1][0] = 0

    yield asked("a branch that goes on in an earlier row", base, line[:2], change=in_two_rows)

    def from_another(built: Tables) -> None:
        built[0][0][3] = invented("another id")

    yield asked("a fork from something else", held, other, change=from_another, rows=[0], lost=other)


def vectors() -> Iterator[Vector]:
    for make in (taken, in_parts, clocks_and_kinds, forks):
        yield from make()
