"""The part `telling`: what a suspended or a removed device is told, and does not hold (50-sync, Suspended and removed
devices)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from protocol.generate.asking import three
from protocol.generate.batches_in_forms import erased, skeleton
from protocol.generate.cell import CASE, Writer, salted
from protocol.generate.header import Entry
from protocol.generate.holding import Holding
from protocol.generate.packed import packed
from protocol.generate.tables import Tables, framed, tables
from protocol.generate.vector import Vector, fault, refused

REMOVE, ENDORSE = 5, 6
Change = Callable[[Tables], object]


def outlined(entries: Sequence[Entry], cited: Sequence[Entry], *, names: bool) -> Tables:
    """What a suspended device is sent, or, without names, a removed one that is told so. No case is named in it."""
    chains, cases, rows = built = tables(entries, cited)
    for row, entry in enumerate(entries):
        if entry.kind == CASE:
            skeleton(built, row, entry)
        elif not names:
            erased(built, row, entry)
    named = [case for number, case in enumerate(cases) if any(row[1] == number for row in rows)]
    for one in rows:
        one[1] = None if one[1] is None else named.index(cases[one[1]])
    return chains, named, rows


def asked(
    name: str, held: Sequence[Entry], sent: Tables, *, before: Sequence[Tables] = (), told: Sequence[Entry] = (),
    taken: Sequence[Entry] = (), rows: Sequence[int] = (), rule: str = "", change: Change = lambda _: None,
) -> Vector:  # fmt: skip
    """`before`: what was told earlier. `told`: all that is told in the end. `taken`: what is held besides."""
    change(sent)
    given: dict[str, Any] = {
        "circle": held[0].circle,
        "held": [framed(tables(held))],
        "told": [framed(one) for one in before],
        "batch": framed(sent),
    }
    if rule:
        return Vector("telling", name, given, fault(rule))
    digest = Holding([*held, *taken]).result["digest"]
    result = {"digest": digest, "told": sorted(entry.id for entry in told)}
    return Vector("telling", name, given, refused(*rows) if rows else "ok", result)


def removes(writer: Writer, device: bytes, cites: Sequence[Entry] = ()) -> Entry:
    return writer.write(REMOVE, writer.circle, packed([[device], [], [], None]), salted(None, "remove"), cites)


def endorses(writer: Writer, entry: Entry, cites: Sequence[Entry] = ()) -> Entry:
    return writer.write(ENDORSE, writer.circle, packed([[entry.id]]), salted(None, "endorse"), cites)


def vectors() -> Iterator[Vector]:
    yield from what_is_told()
    yield from what_is_not()


def what_is_told() -> Iterator[Vector]:
    ana, bea, eva, base = three(eva=3)
    hers = [bea.says("hers", cites=[base[1]]), bea.says("more of hers")]
    removal = removes(ana, eva.device, cites=[hers[0]])
    word = endorses(bea, removal, cites=[removal])
    said = [*hers, removal, word]
    for device, names in (("suspended", True), ("removed", False)):
        yield asked(f"to a {device} device", base, outlined(said, base, names=names), told=said)
    fay = ana.admits("fay", cites=[word])
    later = [bea.says("later"), fay]
    known = [*base, *said]
    for device, names in (("suspended", True), ("removed", False)):
        before = outlined(said, base, names=names)
        after = outlined(later, known, names=names)
        yield asked(f"to a {device} device, in two batches", base, after, before=[before], told=[*said, *later])
        again = outlined(said, base, names=names)
        yield asked(f"to a {device} device, what it was told", base, again, before=[before], told=said)
        yield asked(f"to a {device} device, and then everything", base, tables(said, base), before=[before], taken=said)
        yield asked(f"to a {device} device, which holds all of it", known, before)
    alone = base[:2]
    yield asked("a newcomer whose name is withheld", alone, outlined(base[2:], alone, names=False), told=base[2:])
    begun = [*base[2:], eva.says("of whom is told", cites=[base[2]])]
    yield asked("what a newcomer wrote whose name is withheld", alone, outlined(begun, alone, names=False), told=begun)
    ana = ana.fork(base[2])
    mixed = [hers[0], ana.admits("gus")]
    yield asked("a slice in which nothing is withheld", base, outlined(mixed, base, names=True), told=hers[:1],
                taken=mixed[1:])  # fmt: skip
    side = [hers[0], bea.fork(hers[0]).says("one side"), bea.fork(hers[0]).says("another")]
    yield asked("both sides of a fork", base, outlined(side, base, names=True), told=side)
    upon = [hers[0], ana.fork(base[2]).says("upon it", cites=hers[:1])]
    sent = outlined(upon, base, names=True)
    full = tables(upon, base)
    sent[2][1] = [*full[2][1]]
    sent[1].append(upon[1].case)
    sent[2][1][1] = len(sent[1]) - 1
    yield asked("a full case entry upon what is withheld", base, sent, told=upon)


def what_is_not() -> Iterator[Vector]:
    ana, bea, eva, base = three(eva=3)
    hers = [bea.says("hers", cites=[base[1]]), bea.says("more of hers")]
    removal = removes(ana, eva.device, cites=[hers[1]])
    said = [*hers, removal]

    def sent(*entries: Entry, names: bool = True, cited: Sequence[Entry] = base) -> Tables:
        return outlined(entries, cited, names=names)

    between = sent(removal, cited=[*base, *hers])
    yield asked("without what lies between", base, sent(hers[1], cited=[*base, hers[0]]), rows=[0])
    yield asked("a word that nothing leads to", base, between, rows=[0])
    only = sent(*said)
    skeleton(only, 2, removal)
    yield asked("a control entry without its shape", base, only, rows=[only[2][2][0]], told=hers)
    beside = sent(hers[0], eva.says("beside", cites=[base[2], hers[1]]), cited=[*base, hers[1]])
    yield asked("a slice that does not attach beside one that does", base, beside, rows=[beside[2][1][0]],
                told=hers[:1])  # fmt: skip

    def in_row(row: int, element: int, change: Callable[[Any], Any]) -> Change:
        def made(built: Tables) -> None:
            built[2][row][element] = change(built[2][row][element])

        return made

    def signature(built: Tables) -> None:
        built[0][0][4] = bytes(64)

    other = lambda hashed: bytes(32) + hashed[32:]  # noqa: E731
    longer = lambda hashed: hashed[:32] + (len(hashed) + 1).to_bytes(4, "big")  # noqa: E731
    for names, device in ((True, "suspended"), (False, "removed")):
        faults: list[tuple[str, Change]] = [
            ("another clock", in_row(0, 3, lambda clock: clock + 1)),
            ("another kind of entry", in_row(2, 4, lambda kind: kind + 1)),
            ("another shape's hash", in_row(1, 5, other)),
            ("another length", in_row(1, 6, longer)),
            ("no signature of its author", signature),
        ]
        for name, change in faults:
            yield asked(
                f"to a {device} device, {name}", base, sent(*said, names=names), rule="signature", change=change
            )
    yield asked("to a removed device, another content's hash", base, sent(*said, names=False), rule="signature",
                change=in_row(2, 6, other))  # fmt: skip
    swapped = packed([[bea.device], [], [], None])
    yield asked("to a removed device, with another's id in a removal", base, sent(*said, names=False), rule="signature",
                change=in_row(2, 5, lambda _: swapped))  # fmt: skip
