"""The part `batch`: batches that no honest device sends (protocol/05-rules.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from protocol.generate.asking import asked, question, three
from protocol.generate.cell import ADMIT, CASE, NOON, SIGNERS, Writer, founder, keys_of, salted
from protocol.generate.curve import L
from protocol.generate.hashes import invented
from protocol.generate.header import FOUND, Entry
from protocol.generate.packed import packed
from protocol.generate.tables import NAME, Tables, framed, part, tables
from protocol.generate.vector import Vector

ENTRY: Final = {"chain": 0, "case": 1, "parents": 2, "clock": 3, "kind": 4, "shape": 5, "content": 6}
CHAIN: Final = {"device": 0, "incarnation": 1, "first": 2, "previous": 3, "signature": 4}


def set_to(table: int, row: int, column: int, value: Any) -> Callable[[Tables], None]:
    def change(built: Tables) -> None:
        built[table][row][column] = value  # type: ignore[index]

    return change


def in_chain(name: str, value: Any, row: int = 0) -> Callable[[Tables], None]:
    return set_to(0, row, CHAIN[name], value)


def in_entry(name: str, value: Any, row: int = 0) -> Callable[[Tables], None]:
    return set_to(2, row, ENTRY[name], value)


def signatures() -> Iterator[Vector]:
    ana, bea, _, base = three()
    one = ana.says("one")
    two = ana.says("two")
    hers = bea.says("hers", cites=[base[1], one])
    good = two.signed(SIGNERS[two.device])

    def changed(name: str, change: Callable[[Tables], object]) -> Vector:
        return asked(name, base, [one, two], change=change, rule="signature")

    yield changed("a signature with a bit flipped", in_chain("signature", bytes([good[0] ^ 1]) + good[1:]))
    scalar = (int.from_bytes(good[32:], "little") + L).to_bytes(32, "little")
    yield changed("a signature that is not reduced", in_chain("signature", good[:32] + scalar))
    yield changed("a signature of zeros", in_chain("signature", bytes(64)))
    yield changed("the signature of the entry before", in_chain("signature", one.signed(SIGNERS[one.device])))
    yield changed("the signature of another device", in_chain("signature", two.signed(SIGNERS[hers.device])))
    yield changed("another clock", in_entry("clock", NOON + 1))
    yield changed("another content", in_entry("content", salted(["another"])))
    yield changed("another salt", in_entry("content", bytes(16) + packed(["one"])))
    yield changed("another shape", in_entry("shape", packed([[7, "lag", None]])))
    yield changed("another case", _another_case)
    yield changed("an incarnation that its signer did not write in", _another_life)

    def swapped(built: Tables) -> None:
        built[2].reverse()
        built[2][0][3], built[2][1][3] = built[2][0][3] + built[2][1][3], -built[2][0][3]

    yield changed("entries in another order", swapped)

    def fewer(built: Tables) -> None:
        del built[2][1]

    yield changed("a slice without its last entry", fewer)

    def parentless(built: Tables) -> None:
        built[2][1][2] = []

    held = [*base, bea.fork(None).says("seen", cites=[base[1]])]
    cites = ana.fork(two).says("cites", cites=held[-1:])
    yield asked("without its parent", [*held, one], [two, cites], change=parentless, rule="signature")
    yield asked(
        "the second of two signatures", base, [one, two, hers], change=in_chain("signature", good, 1), rule="signature"
    )


def _another_case(built: Tables) -> None:
    built[1][0] = invented("another case")


def _another_life(built: Tables) -> None:
    """It begins a chain, and has what introduces its device in its past: so it attaches, and only its id is another."""
    chain, entry = built[0][0], built[2][0]
    built[0].append([*chain[:2], chain[2], chain[3], b""])
    chain[1], chain[2], chain[3] = invented("another life", 8), 1, bytes(32)
    entry[2] = [1, 1]


def rows() -> Iterator[Vector]:
    ana, bea, _, base = three()
    one = ana.says("one")
    two = ana.says("two")
    signature = one.signed(SIGNERS[one.device])
    hers = bea.says("hers", cites=[base[1]])
    yield asked("entries without a signature", base, [one], change=in_chain("signature", b""), rule="batch.signature")

    def idle(built: Tables) -> None:
        built[0].append([*built[0][0][:2], 6, two.id, signature])

    yield asked("a signature without entries", base, [one, two], change=idle, rule="batch.signature")
    held = [*base, hers]
    cites = ana.fork(base[2]).says("cites", cites=[hers])
    yield asked(
        "a row that is cited, and signed",
        held,
        [cites],
        change=in_chain("signature", signature, 1),
        rule="batch.signature",
    )  # fmt: skip
    previous = in_chain("previous", invented("something"))
    yield asked("something before the first entry", base, [hers], change=previous, rule="batch.previous")
    yield asked("a parent before sequence 1", held, [cites], change=in_entry("parents", [1, 2]), rule="entry.parents")
    far = in_entry("parents", [1, 2])

    def through_nothing(built: Tables) -> None:
        """The cited row goes on from an entry that nobody holds: that a parent is before sequence 1 is seen first."""
        built[0][1][2:4] = 5, invented("nothing")
        built[2][0][2] = [1, 5]

    def not_attached(built: Tables) -> None:
        built[0][0][3] = invented("nothing")
        far(built)

    def one_not_held(built: Tables) -> None:
        built[0].append([*built[0][1][:2], 7, invented("nothing"), b""])
        built[2][0][2] = [2, 1, 1, 2]

    yield asked(
        "a parent before sequence 1, in a row that goes on from nothing",
        held,
        [cites],
        change=through_nothing,
        rule="entry.parents",
    )
    yield asked(
        "a parent before sequence 1, in a slice that does not attach",
        held,
        [cites],
        change=not_attached,
        rows=[0],
        lost=[cites],
    )
    yield asked(
        "a parent before sequence 1, behind one that is not held",
        held,
        [cites],
        change=one_not_held,
        rows=[0],
        lost=[cites],
    )
    yield asked("a parent at sequence 0", base, [hers, cites], change=_before_the_first, rule="entry.parents")

    def own(built: Tables) -> None:
        built[0].append([*built[0][0][:3], base[2].id, b""])
        built[2][0][2] = [1, 1]

    yield asked("a parent that is its previous, through another row", base, [one], change=own, rule="entry.own-chain")

    def further(built: Tables) -> None:
        built[0].append([*built[0][0][:2], 2, base[0].id, b""])
        built[2][0][2] = [1, 1]

    yield asked("a parent in its own past, through another row", base, [one], change=further, rule="entry.own-chain")

    def twice(built: Tables) -> None:
        built[2][0][2] = built[2][0][2] * 2

    yield asked("a parent named twice", held, [cites], change=twice, rule="entry.twice")

    def through_two(built: Tables) -> None:
        built[0].append(list(built[0][1]))
        built[2][0][2] = [1, 1, 2, 1]

    yield asked("a parent named through two rows", held, [cites], change=through_two, rule="entry.twice")
    early = in_entry("clock", -1)
    yield asked("a clock before the first moment", base, [one], change=early, rule="entry.clock")
    yield asked("a clock beyond the last moment", base, [one], change=in_entry("clock", 1 << 63), rule="entry.clock")
    over = in_entry("clock", (1 << 63) - one.clock, 1)
    yield asked("clocks that add up to too much", base, [one, two], change=over, rule="entry.clock")


def _before_the_first(built: Tables) -> None:
    built[2][1][2] = [0, 2]


def forms() -> Iterator[Vector]:
    ana, bea, _, base = three()
    hers = bea.says("hers", cites=[base[1]])

    def written(kind: int, shape: Any, content: Any, case: bytes | None = None) -> Entry:
        where = case or (ana.circle if kind else invented("case"))
        return ana.fork(base[2]).write(kind, where, packed(shape), salted(content))

    keys = list(keys_of("carol").public)
    rows: list[tuple[str, Entry, str]] = [
        ("no operations", written(CASE, [], []), "entry.operations"),
        ("an operation of another form", written(CASE, [[1, "name", 5]], ["x"]), "entry.operation"),
        ("two values for one operation", written(CASE, [[7, "log", None]], ["x", "y"]), "entry.content"),
        ("a shape too deep", written(CASE, [[[[[[[[[]]]]]]]]], [None]), "cap.nesting"),
        ("a control entry in a case", written(ADMIT, [2, keys], ["carol"], invented("case")), "entry.case"),
        ("an unknown kind in a case", written(255, 1, 1, invented("case")), "entry.case"),
        ("admit of another form", written(ADMIT, [2], ["carol"]), "entry.control"),
        ("admit of no role", written(ADMIT, [4, keys], ["carol"]), "entry.role"),
        ("admit of two keys", written(ADMIT, [2, keys[:2]], ["carol"]), "entry.keys"),
        ("admit without a name", written(ADMIT, [2, keys], [""]), "entry.name"),
    ]
    for name, entry, rule in rows:
        yield asked(f"{name}, in a batch", base, [entry], rule=rule)
    yield asked("a bad form behind a good entry", base, [hers, rows[0][1]], rule="entry.operations")
    broken = ana.fork(base[2]).write(CASE, invented("case"), b"\x91\x93\x07\xa3log", salted(["x"]))
    yield asked("a shape that breaks off, in a batch", base, [broken], rule="codec.msgpack")
    longer = ana.fork(base[2]).write(CASE, invented("case"), b"\x91\x93\x07\xd9\x03log\xc0", salted(["x"]))
    yield asked("a shape in a longer encoding, in a batch", base, [longer], rule="codec.canonical")
    void = bea.fork(hers).write(ADMIT, ana.circle, packed([2]), salted(["carol"]))
    yield asked("a bad form of what would be void", [*base, hers], [void], rule="entry.control")


def foundings() -> Iterator[Vector]:
    ana, bea, _, base = three()
    other = founder("zoe", "Bridge Street").head
    assert other is not None
    again = ana.fork(base[2]).write(FOUND, ana.circle, base[0].shape, base[0].content)
    yield asked("a second found", base, [again], rule="entry.found")
    hers = bea.says("hers", cites=[base[1]])
    copied = bea.fork(hers).write(FOUND, ana.circle, base[0].shape, base[0].content)
    yield asked("a found in another's chain", [*base, hers], [copied], rule="entry.found")
    foreign = tables([replace(other, circle=ana.circle, device=ana.circle, case=ana.circle)])
    SIGNERS[ana.circle] = ana.keys.signing
    yield question("the found of another circle", [], [part(foreign)], base[:1], [], "entry.found")


def sizes() -> Iterator[Vector]:
    ana, bea, _, base = three()
    one = ana.says("one")
    content = one.content + bytes(64_513 - len(one.shape) - len(one.content))
    yield asked("an entry over its cap, in a batch", base, [one], change=in_entry("content", content), rule="cap.entry")
    hers = bea.says("hers", cites=[base[1]])
    many = [number for offset in range(1, 66) for number in (1, offset)]
    yield asked("65 parents, in a batch", base, [hers], change=in_entry("parents", many), rule="cap.parents")

    # Each counts 64 parents; and it refers to a chain of which nothing is held, so nothing else is wrong with it.
    far = [
        [*line_of(bea), 1, bytes(32), hers.signed(SIGNERS[hers.device])],
        [*line_of(ana), 200, invented("far"), b""],
    ]
    parents = [number for offset in range(1, 65) for number in (1, offset)]
    row = [0, 0, parents, 0, 0, hers.shape, hers.content]
    each = len(hers.shape) + len(hers.content) + 32 + 14 * 64
    count = (1 << 20) // each + 1
    pieces = []
    for first in range(0, count, 300):
        rows = [row] * (min(count, first + 300) - first)
        tables_ = (far, [invented("case")], rows) if not first else ([], [], rows)
        pieces.append(part(tables_, last=first + 300 >= count))
    assert all(len(piece) < 65_517 for piece in pieces)
    yield question("a batch over its cap", [framed(tables(base))], pieces, base, [], "cap.batch")


def line_of(writer: Writer) -> list[bytes]:
    return [writer.device, writer.incarnation]


def messages() -> Iterator[Vector]:
    """Faults of the rows themselves: the same as in the part `message`, here in the second part of a batch."""
    ana, _, _, base = three()
    one = ana.says("one")
    chains, cases, entries = tables([one], base)
    held = [framed(tables(base))]

    def second(name: str, rule: str, *rows: Any) -> Vector:
        first = part((chains, cases, []), last=False)
        return question(name, held, [first, packed([4, NAME, True, *rows])], base, [], rule)

    row = entries[0]
    yield second("a chain that the second part does not have", "batch.entry", [], [], [[1, *row[1:]]])
    yield second("a shape's number that no part has", "batch.entry", [], [], [[*row[:5], 0, row[6]]])
    yield second("a case of another form in the second part", "batch.case", [], [b"case"], [row])
    yield second("a chain of another form in the second part", "batch.chain", [[]], [], [row])


def vectors() -> Iterator[Vector]:
    for make in (signatures, rows, forms, foundings, sizes, messages):
        yield from make()
