"""The part `circle`: its floor, and its recovery keys in force (protocol/40-membership.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nacl.signing import SigningKey

from protocol.generate.asking import three
from protocol.generate.cell import (
    COORDINATOR,
    RECOVERY,
    REQUIRE,
    Writer,
    founder,
    introduced,
    recovery_keys,
    recovery_secret,
    salted,
)
from protocol.generate.circles import IN_ANOTHER_ORDER, circle
from protocol.generate.hashes import invented
from protocol.generate.header import Entry
from protocol.generate.packed import packed
from protocol.generate.vector import Vector

FIRST = "Mill Street"  # what the paper of the `found` is called


def requires(writer: Writer, edition: Any, cites: Sequence[Entry] = ()) -> Entry:
    return writer.write(REQUIRE, writer.circle, packed([edition]), salted(None), cites)


def floors() -> Iterator[Vector]:
    ana, bea, _, base = three()
    alone = ana.fork(base[2])
    two = requires(alone, 2)
    yield circle("a floor of the only coordinator", base, [two])
    yield circle("a floor of the only coordinator, lower after a higher one", base, [requires(ana.fork(base[2]), 5),
                 requires(ana, 3)])  # fmt: skip
    yield circle("the highest floor there can be", base, [requires(ana.fork(base[2]), 255)])
    yield circle("a floor of edition 0, which is void", base, [requires(ana.fork(base[2]), 0)])
    opaque = ana.fork(base[2]).write(REQUIRE, ana.circle, packed([None] * 4_096), salted(None))
    yield circle("a floor that is opaque", base, [opaque])
    yield circle("a floor of a writer, which is void", base, [requires(bea, 4, base[1:2])])
    one, other = requires(ana.fork(base[2]), 3), requires(ana.fork(base[2]), 6)
    yield circle("a floor on each side of a fork", base, [one], [other])

    grant = ana.fork(base[2]).admits("dan", COORDINATOR)
    dan = introduced("dan", grant)
    after = ana.fork(two).admits("dan", COORDINATOR)
    yield circle("a floor of the only coordinator, until there is a second", base, [two, after])
    his = requires(dan, 4, [grant])
    cell = [*base, grant]
    yield circle("a floor of one of two", cell, [his])
    hers = requires(ana.fork(grant), 2)
    yield circle("the lower of the floors of two", cell, [his, hers])
    yield circle(f"the lower of the floors of two{IN_ANOTHER_ORDER}", cell, [hers], [his])
    same = requires(ana.fork(grant), 4)
    yield circle("one floor of both", cell, [his, same])
    third = ana.fork(same).admits("eli", COORDINATOR)
    eli = requires(introduced("eli", third), 9, [third])
    yield circle("the second highest floor of three", cell, [his, same, third], [eli])
    yield circle("floors of one coordinator, twice", cell, [his, requires(dan, 7)])
    sides = [dan.fork(his).says(f"side {number}") for number in range(17)]
    seen = ana.fork(same).says("I saw it", cites=[his])
    yield circle(
        "a floor of an equivocator, which is not heard",
        cell,
        [his],
        sides,
        [ana.fork(grant).says("I saw it", cites=[his])],
    )
    yield circle("a floor of the only coordinator beside an equivocator", cell, [his, same, seen], sides)


def founding_floors() -> Iterator[Vector]:
    ana = founder()
    assert ana.head is not None
    base = [ana.head]
    first = requires(ana, 2)
    yield circle("a floor of the founding", [*base, first])
    grant = ana.admits("dan", COORDINATOR)
    dan = introduced("dan", grant)
    yield circle("a floor of the founding stays when there is a second coordinator", [*base, first, grant])
    his = requires(dan, 9, [grant])
    yield circle("a floor of the founding beside one of one of two", [*base, first, grant, his])
    hers = requires(ana, 7)
    yield circle("a floor of two above that of the founding", [*base, first, grant, his, hers])
    most = requires(ana.fork(base[0]), 255)
    yield circle("the lower floor of a founding that forked", [*base, first, grant], [most])
    yield circle(f"the lower floor of a founding that forked{IN_ANOTHER_ORDER}", [*base, most], [first, grant])
    third = ana.fork(first).admits("eli", COORDINATOR)
    sides = [ana.fork(first).says(f"side {number}") for number in range(3)]
    yield circle("a floor of the founding by an equivocator", [*base, first, grant, third], sides)
    late = requires(ana.fork(third), 5)
    yield circle("a floor of one of three, which is not of the founding", [*base, first, grant, third, late])


def brings(
    writer: Writer, name: str, gives_way: dict[bytes, bytes] | None = None, cites: Sequence[Entry] = ()
) -> Entry:
    """The key of another paper. `gives_way`: signatures by the ids of the entries whose keys it replaces."""
    rows = [list(row) for row in sorted((gives_way or {}).items())]
    return writer.write(RECOVERY, writer.circle, packed([recovery_keys(name), rows]), salted(None), cites)


def way(by: str, entry: bytes, to: str, of: bytes) -> bytes:
    """A key gives way to another."""
    signed = SigningKey(recovery_secret(by)).sign(b"cellsync/1 recovery\0" + of + entry + b"".join(recovery_keys(to)))
    return signed.signature


def papers() -> Iterator[Vector]:
    ana, bea, _, base = three()
    own, found = ana.circle, base[0].id

    def alone() -> Writer:
        return ana.fork(base[2])

    older = founder("ana", FIRST, older=True)
    began = older.head
    assert began is not None
    yield circle("a recovery key of the older form", [began])
    replaced = brings(older, "second", {older.circle: way(FIRST, older.circle, "second", older.circle)})
    yield circle("a recovery key of the older form gives way", [began], [replaced])
    yield circle("a second recovery key", base, [brings(alone(), "second")])
    second = brings(alone(), "second", {found: way(FIRST, found, "second", own)})
    yield circle("a recovery key gives way", base, [second])
    for name, signature in (
        ("of zeros", bytes(64)),
        ("for another circle", way(FIRST, found, "second", invented("another circle"))),
        ("about another entry", way(FIRST, base[1].id, "second", own)),
        ("for another key", way(FIRST, found, "third", own)),
        ("by the new key itself", way("second", found, "second", own)),
    ):
        yield circle(
            f"a recovery key stays: the signature is {name}", base, [brings(alone(), "second", {found: signature})]
        )
    admitted = {base[1].id: way(FIRST, base[1].id, "second", own)}
    yield circle("what gives way is no recovery key", base, [brings(alone(), "second", admitted)])
    by_writer = brings(bea, "second", {found: way(FIRST, found, "second", own)}, base[1:2])
    yield circle("a recovery key of a writer, which is void", base, [by_writer])

    third = brings(ana.fork(second), "third", {second.id: way("second", second.id, "third", own)})
    yield circle("a recovery key gives way, and the next as well", base, [second, third])
    beside = brings(alone(), "third", {found: way(FIRST, found, "third", own)})
    yield circle("a recovery key gives way to two at a time", base, [second], [beside])
    yield circle(f"a recovery key gives way to two at a time{IN_ANOTHER_ORDER}", base, [beside], [second])
    added = brings(alone(), "second")
    both = {found: way(FIRST, found, "third", own), added.id: way("second", added.id, "third", own)}
    yield circle("two recovery keys give way to one", base, [added, brings(ana.fork(added), "third", both)])
    half = {**both, added.id: bytes(64)}
    yield circle("one of two recovery keys gives way", base, [added, brings(ana.fork(added), "third", half)])
    grant = alone().admits("dan", COORDINATOR)
    dan = introduced("dan", grant)
    his = brings(dan, "second", {found: way(FIRST, found, "second", own)}, [grant])
    sides = [dan.fork(None).says(f"side {number}", cites=[grant]) for number in range(16)]
    blind = ana.fork(grant).says("I saw nothing")
    yield circle("a recovery key of an equivocator, which nobody saw", [*base, grant, blind], sides, [his])
    saw = ana.fork(grant).says("I saw it", cites=[his])
    yield circle("a recovery key of an equivocator, which somebody saw", [*base, grant, his, saw], sides)


def vectors() -> Iterator[Vector]:
    yield from floors()
    yield from founding_floors()
    yield from papers()
