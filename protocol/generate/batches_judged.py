"""The part `batch`: what is refused, what is void, and what does not count (30-history, 40-membership)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nacl.signing import SigningKey

from protocol.generate.asking import asked, question, three
from protocol.generate.cell import (
    CASE,
    COORDINATOR,
    READER,
    RECOVERY,
    REQUIRE,
    founder,
    introduced,
    keys_of,
    recovery_keys,
    recovery_secret,
    salted,
)
from protocol.generate.hashes import invented
from protocol.generate.header import Entry
from protocol.generate.packed import packed
from protocol.generate.tables import Tables, framed, tables
from protocol.generate.vector import Vector

# --- refused ------------------------------------------------------------------------------------


def gaps() -> Iterator[Vector]:
    ana, bea, eva, base = three()
    one, two = ana.says("1"), ana.says("2")
    yield asked("previous is not held", base, [two], rows=[0], lost=[two], elsewhere=[one])
    hers = bea.says("hers", cites=[base[1]])
    yield asked("other chains are taken", base, [two, hers], rows=[0], lost=[two], elsewhere=[one])
    cites = eva.says("cites", cites=[base[2], two])
    yield asked("a parent is not held", base, [cites], rows=[0], lost=[cites], elsewhere=[one, two])
    yield asked(
        "what cites the refused is refused", base, [two, cites, hers], rows=[0, 1], lost=[two, cites], elsewhere=[one]
    )
    again = eva.fork(None).says("cites", cites=[base[2], one])
    later = [again, bea.fork(hers).says("then", cites=[again])]
    yield asked("a chain of gaps", [*base, hers], later, rows=[0, 3], lost=later, elsewhere=[one])

    slowly = eva.fork(None)
    half = [slowly.says("good", cites=[base[2]]), slowly.says("cites what is not there", cites=[one])]
    yield asked("a slice is refused whole", base, half, rows=[0], lost=half, elsewhere=[one])
    yield asked("a device that is not known", base[:1], [hers], rows=[0], lost=[hers], elsewhere=[base[1]])
    unseen = eva.fork(None).says("I saw nothing", cites=[])
    yield asked("an introduction that is held and not seen", base, [unseen], rows=[0], lost=[unseen])
    before = eva.fork(None).says("I saw too little", cites=[base[1]])
    yield asked("an introduction that comes after what was seen", base, [before], rows=[0], lost=[before])
    grant = ana.fork(base[2]).admits("carol")
    hello = introduced("carol", grant).says("hello", cites=[grant])
    yield asked("an introduction in the same batch", base, [grant, hello])
    void = bea.fork(hers).admits("carol")
    nobody = introduced("carol", void).says("hello", cites=[void])
    yield asked("an introduction that is void", [*base, hers], [void, nobody], rows=[1], lost=[nobody])

    def wrong(built: Tables) -> None:
        built[0][1][3] = invented("another id")

    citing = ana.fork(base[2]).says("cites", cites=[hers])
    yield asked(
        "a row that is cited names another entry", [*base, hers], [citing], change=wrong, rows=[0], lost=[citing]
    )

    def unsigned(built: Tables) -> None:
        built[0][0][4] = invented("no signature", 64)

    yield asked(
        "a bad signature of what does not attach", base, [two], change=unsigned, rows=[0], lost=[two], elsewhere=[one]
    )
    bad = ana.fork(one).write(CASE, invented("case"), packed([]), salted([]))
    yield asked("a bad form of what does not attach", base, [bad], rows=[0], lost=[bad], elsewhere=[one])


# --- void ---------------------------------------------------------------------------------------


def void() -> Iterator[Vector]:
    ana, bea, eva, base = three(READER)
    reads = eva.says("I may not", cites=[base[2]])
    yield asked("a reader writes", base, [reads])
    yield asked("somebody cites what is void", base, [reads, ana.says("yes", cites=[reads])])
    hers = bea.says("hers", cites=[base[1]])
    yield asked("a writer admits", [*base, hers], [bea.fork(hers).admits("carol")])
    yield asked("what comes after it counts", [*base, hers], [bea.admits("carol"), bea.says("mine")])
    for at, what in enumerate(("a signing key", "a session key", "a seal key")):
        ana.head = base[2]
        keys = list(keys_of("carol").public)
        keys[at] = keys_of("bea").public[at]
        yield asked(f"{what} that is taken", base, [ana.admits("carol", keys=keys)])
    ana.head = base[2]
    yield asked("the keys of the founder", base, [ana.admits("ana again", keys=list(keys_of("ana").public))])
    ana.head = base[2]
    coordinator = ana.admits("dan", COORDINATOR)
    dan = introduced("dan", coordinator)
    theirs = dan.admits("carol", cites=[coordinator])
    yield asked("a coordinator who was admitted admits", [*base, coordinator], [theirs])
    same = ana.fork(coordinator).admits("carol again", keys=list(keys_of("carol").public))
    yield asked("one key introduced twice at a time", [*base, coordinator, theirs], [same])
    both = [introduced("carol", grant).says("I am here", cites=[grant]) for grant in (theirs, same)]
    yield asked("both of them write", [*base, coordinator, theirs, same], both)
    ana.head = base[2]
    full = [ana.admits(f"guest {number}", READER, keys=list(keys_of(f"guest {number}").public)) for number in range(46)]
    yield asked("the 49th device", [*base, *full[:45]], [full[45]])
    yield asked("the 48th device", [*base, *full[:44]], [full[44]])


# --- what grew ---------------------------------------------------------------------------------


def editions() -> Iterator[Vector]:
    """Kinds of edition 1 that are no introduction: without their form they are void, and never at fault."""
    ana, bea, _, base = three()
    hers = bea.says("hers", cites=[base[1]])

    def said(kind: int, shape: Any, content: Any = None) -> Any:
        return ana.fork(base[2]).write(kind, ana.circle, packed(shape), salted(content))

    yield asked("require", base, [said(REQUIRE, [1])])
    yield asked("require of the last edition there can be", base, [said(REQUIRE, [255])])
    others: list[tuple[str, Any, Any]] = [
        ("require of edition 0", [0], None),
        ("require of edition 256", [256], None),
        ("require of an edition that is true", [True], None),
        ("require of two editions", [1, 2], None),
        ("require with a content", [1], []),
        ("an opaque require", [[None] * 4_096], None),
    ]
    for name, shape, content in others:
        yield asked(name, base, [said(REQUIRE, shape, content)])
    yield asked("require by a writer", [*base, hers], [bea.write(REQUIRE, bea.circle, packed([1]), salted(None))])
    keys, found = recovery_keys("another paper"), base[0].id
    signed = SigningKey(recovery_secret("Mill Street")).sign(
        b"cellsync/1 recovery\0" + ana.circle + found + b"".join(keys)
    )
    rows = [[one, invented("signature", 64)] for one in sorted(invented(f"id {number}") for number in range(17))]
    yield asked("recovery", base, [said(RECOVERY, [keys, []])])
    yield asked("recovery in place of the first", base, [said(RECOVERY, [keys, [[found, signed.signature]]])])
    yield asked(
        "recovery in place of the first, which did not sign", base, [said(RECOVERY, [keys, [[found, bytes(64)]]])]
    )
    yield asked("recovery in place of 16", base, [said(RECOVERY, [keys, rows[:16]])])
    for name, shape in (
        ("recovery in place of 17", [keys, rows]),
        ("recovery with ids that descend", [keys, rows[:2][::-1]]),
        ("recovery with an id twice", [keys, [rows[0], rows[0]]]),
        ("recovery with an id of 31 bytes", [keys, [[found[:31], bytes(64)]]]),
        ("recovery with a signature of 63 bytes", [keys, [[found, bytes(63)]]]),
        ("recovery with ids and no signatures", [keys, [found]]),
        ("recovery with one key", [keys[:1], []]),
        ("recovery with a seal key of 1,215 bytes", [[keys[0], keys[1][:-1]], []]),
        ("recovery without ids", [keys]),
    ):
        yield asked(name, base, [said(RECOVERY, shape)])
    for kind in range(3, 13):
        yield asked(f"the reserved kind {kind}", base, [said(kind, [found], "anything")])
    yield asked("the older founding", [], [founder_of_old()])


def founder_of_old() -> Entry:
    head = founder("ana", "Mill Street", older=True).head
    assert head is not None
    return head


# --- equivocators -------------------------------------------------------------------------------


def equivocators() -> Iterator[Vector]:
    ana, bea, _, base = three()
    sides = [bea.fork(None).says(f"side {number}", cites=[base[1]]) for number in range(18)]
    yield asked("16 branches", [*base, *sides[:15]], [sides[15]])
    yield asked("17 branches, of which none counts", [*base, *sides[:16]], [sides[16]])
    yield asked("17 branches at once", base, sides[:17])
    yield asked("18 branches at once", base, sides, rows=[18], lost=sides[17:])
    cites = ana.says("I saw one", cites=[sides[3]])
    yield asked("17 branches, of which one counts", [*base, *sides[:16], cites], [sides[16]])
    yield asked("one of 17 branches begins to count", [*base, *sides[:17]], [cites])
    goes_on = bea.fork(sides[3]).says("further")
    yield asked("what counts goes on, and does not count", [*base, *sides[:17], cites], [goes_on])
    yield asked("an 18th branch", [*base, *sides[:17]], [sides[17]])
    later = ana.says("another", cites=[sides[17]])
    yield asked("an 18th branch, and who cites it", [*base, *sides[:17], cites], [sides[17], later])
    many = [bea.fork(None).says(f"side {number}", cites=[base[1]]) for number in range(17 + 256 + 1)]
    known, more = many[:17], many[17:]
    before = [framed(tables([*base, *known])), framed(tables(more[:-2], base))]
    held = [*base, *known, *more[:-2]]
    yield question("256 branches beyond the 17th", before, framed(tables(more[-2:-1], base)), held, more[-2:-1])
    yield question("257 branches beyond the 17th", before, framed(tables(more[-2:], base)), held, more[-2:-1], rows=[2])
    own = bea.fork(sides[0]).says("my own", cites=[sides[1]])
    yield asked("an equivocator cites itself", [*base, *sides[:17]], [own])
    lives = [bea.again(number).says(f"life {number}", cites=[base[1]]) for number in range(17)]
    yield asked("17 incarnations", [*base, *lives[:16]], [lives[16]])
    dan = ana.fork(base[2]).admits("dan", COORDINATOR)
    bad = introduced("dan", dan)
    grant = bad.admits("carol", cites=[dan])
    branches = [bad.fork(None).says(f"side {number}", cites=[dan]) for number in range(16)]
    carol = introduced("carol", grant).says("hello", cites=[grant])
    held = [*base, dan, grant, *branches]
    yield asked("who was admitted by an equivocator writes", held, [carol])
    yield asked("an equivocator's grant that nobody saw", held[:-1], branches[-1:])


def vectors() -> Iterator[Vector]:
    for make in (gaps, void, editions, equivocators):
        yield from make()
