"""The part `circle`: the digests of all that is held, and of what it says (30-history, Frontier; 35-cases, Digest)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from protocol.generate.asking import three
from protocol.generate.cell import CASE, COORDINATOR, READER, SIGNERS, introduced, salted
from protocol.generate.hashes import h, invented
from protocol.generate.header import Entry
from protocol.generate.holding import Holding
from protocol.generate.marks import DETACHED, marked
from protocol.generate.packed import packed
from protocol.generate.tables import NAME, framed, tables
from protocol.generate.vector import Vector

IN_ANOTHER_ORDER = ", in another order"
BESIDE = ", beside what does not belong to it"
REMOVE = 5


def circle(
    name: str, *batches: Sequence[Entry], lost: Sequence[Entry] = (), elsewhere: Sequence[Entry] = (),
    detached: Sequence[bytes] = (),
) -> Vector:  # fmt: skip
    """What is held after these batches. `lost`: what was refused of them; `elsewhere`: what only their sender has."""
    held: list[Entry] = []
    came = []
    for batch in batches:
        came.append(framed(tables(batch, [*held, *elsewhere])))
        held += [entry for entry in batch if entry not in lost]
    now = Holding(held)
    given: dict[str, Any] = {"circle": now.circle, "held": came, "detached": list(detached)}
    steps = {
        "heads": now.counted_heads,
        "equivocators": now.counted_equivocators,
        "gaps": [],
        "documents": now.documents,
    }
    return Vector("circle", name, given, result=now.circle_result, steps=steps)


def removal(by: Any, of: bytes, cites: Sequence[Entry]) -> bytes:
    """An entry that the circle does not hold, as it travels alone."""
    entry = by.write(REMOVE, by.circle, packed([[of]]), salted(None), cites)
    told = [
        12, NAME, entry.device, entry.incarnation, entry.sequence, entry.previous, entry.height, entry.clock,
        marked(REMOVE, DETACHED), entry.shape, h("cs1 content", entry.content), len(entry.content),
        sorted(entry.parents), entry.signed(SIGNERS[entry.device]),
    ]  # fmt: skip
    return packed(told)


def chains() -> Iterator[Vector]:
    ana, bea, eva, base = three()
    yield circle("a founding", base[:1])
    yield circle("one chain", base)
    first = ana.says("one")
    yield circle("one chain, and a document", base, [first])
    hers = bea.says("hers", cites=[base[1]])
    his = eva.says("his", case="another case", cites=[base[2]])
    yield circle("three chains", base, [first, hers, his])
    yield circle(f"three chains{IN_ANOTHER_ORDER}", base, [his], [hers], [first])
    both = [bea.says("both", cites=[his]), bea.says("more", case="a third case")]
    yield circle("three chains, one of which cites another", base, [first, hers, his], both)
    yield circle(f"three chains, one of which cites another{IN_ANOTHER_ORDER}", base, [his, hers, *both], [first])
    again = bea.again().says("again", cites=[both[-1]])
    yield circle("two incarnations of a device", base, [first, hers, his, *both, again])
    own = ana.says("of the circle", case="case")
    there = ana.fork(own).write(CASE, ana.circle, packed([[7, "log", None]]), salted(["in the circle's own case"]))
    yield circle("an entry in the circle's own case, which is no document", base, [first, own, there])
    late = ana.fork(there)
    skipped, after = late.says("not held"), late.says("after it")
    yield circle(
        f"an entry in the circle's own case, which is no document{BESIDE}", base, [first, own, there], [after],
        lost=[after], elsewhere=[skipped],
    )  # fmt: skip
    dan = ana.fork(first)
    gone = removal(dan, base[1].id, [hers])
    yield circle(f"three chains{BESIDE}", base, [first, hers, his], detached=[gone])


def forks() -> Iterator[Vector]:
    _, bea, eva, base = three()
    line = [bea.says("1", cites=[base[1]]), bea.says("2"), bea.says("3")]
    side = bea.fork(line[0])
    other = [side.says("2, again"), side.says("3, again")]
    yield circle("a fork", base, line, other)
    yield circle(f"a fork{IN_ANOTHER_ORDER}", base, [line[0], *other], line[1:])
    joined = bea.fork(line[2]).says("both", cites=[other[1]])
    yield circle("a fork, and one side cites the other", base, line, other, [joined])
    third = bea.fork(None).says("1, again", cites=[base[1]])
    seen = eva.says("I saw three", cites=[base[2], line[2], other[1], third])
    yield circle("three branches, and somebody who cites them", base, line, other, [third, seen])
    yield circle(
        f"three branches, and somebody who cites them{IN_ANOTHER_ORDER}",
        base,
        [third],
        [line[0], *other],
        line[1:],
        [seen],
    )


def void() -> Iterator[Vector]:
    ana, bea, eva, base = three(READER)
    reads = eva.says("I may not", cites=[base[2]])
    yield circle("what a reader wrote, which is void", base, [reads])
    yield circle("what is void, and an entry that cites it", base, [reads, ana.says("yes", cites=[reads])])
    unknown = ana.fork(base[2]).write(255, ana.circle, packed({"any": 1}), salted(None))
    yield circle("an entry of an unknown kind", base, [unknown])
    opaque = ana.fork(base[2]).write(CASE, invented("case"), packed([[1, "list", b""]]), salted([[None] * 1_024]))
    yield circle("an opaque entry", base, [opaque])
    hers = bea.says("hers", cites=[base[1]])
    grant = bea.admits("carol")
    yield circle("an admission that is void", base, [hers, grant])


def equivocators() -> Iterator[Vector]:
    ana, bea, _, base = three()
    sides = [bea.fork(None).says(f"side {number}", cites=[base[1]]) for number in range(17)]
    cites = ana.says("I saw one", cites=[sides[3]])
    further = bea.fork(sides[3]).says("further")
    yield circle("16 branches", base, sides[:16])
    yield circle("17 branches, of which none counts", base, sides)
    yield circle(f"17 branches, of which none counts{IN_ANOTHER_ORDER}", base, sides[9:], sides[:9])
    yield circle("17 branches, of which one counts", base, sides[:9], [cites], sides[9:])
    yield circle(f"17 branches, of which one counts{BESIDE}", base, sides, [cites], [further])
    coordinator = ana.fork(base[2]).admits("dan", COORDINATOR)
    dan = introduced("dan", coordinator)
    grant = dan.admits("carol", cites=[coordinator])
    carol = introduced("carol", grant)
    theirs = [carol.fork(None).says(f"side {number}", cites=[grant]) for number in range(17)]
    own = [dan.fork(None).says(f"side {number}", cites=[coordinator]) for number in range(16)]
    yield circle(
        "an equivocator who admitted another, of whom nothing counts", base, [coordinator, grant, *theirs], own
    )
    saw = ana.fork(coordinator).says("I saw the admission", cites=[grant])
    yield circle("an equivocator who admitted another, and was seen", base, [coordinator, grant, *theirs, saw], own)


def vectors() -> Iterator[Vector]:
    for make in (chains, forks, void, equivocators):
        yield from make()
