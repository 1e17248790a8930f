"""Questions of the part `batch`: what somebody holds, and the batch that comes (protocol/06-vectors.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from protocol.generate.cell import Writer, founder, introduced
from protocol.generate.header import Entry
from protocol.generate.holding import Holding
from protocol.generate.tables import Tables, framed, tables
from protocol.generate.vector import Vector, fault, refused

Change = Callable[[Tables], object]


class Cell(NamedTuple):
    """Ana, who has founded the circle, and two whom she has admitted; all hold `base`."""

    ana: Writer
    bea: Writer
    eva: Writer
    base: list[Entry]


def three(eva: int = 2) -> Cell:
    ana = founder()
    assert ana.head is not None
    base = [ana.head, ana.admits("bea"), ana.admits("eva", eva)]
    return Cell(ana, introduced("bea", base[1]), introduced("eva", base[2]), base)


def asked(
    name: str, held: Sequence[Entry], new: Sequence[Entry], *, change: Change = lambda _: None, rule: str = "",
    rows: Sequence[int] = (), lost: Sequence[Entry] = (), elsewhere: Sequence[Entry] = (), numbered: bool = False,
) -> Vector:  # fmt: skip
    """A question about a batch of `new` entries, for whoever holds `held` ones.

    `change`: something done to its tables. `rule`: which is broken. `rows`, `lost`: what is refused. `elsewhere`: what
    the sender has and the receiver has not.
    """
    built = tables(new, [*held, *elsewhere], numbered=numbered)
    change(built)
    taken = [entry for entry in new if entry not in lost]
    return question(name, [framed(tables(held))] if held else [], framed(built), held, taken, rule, rows)


def question(
    name: str, before: list[list[bytes]], batch: list[bytes], held: Sequence[Entry], taken: Sequence[Entry],
    rule: str = "", rows: Sequence[int] = (),
) -> Vector:  # fmt: skip
    circle = next(entry.circle for entry in (*held, *taken))
    given: dict[str, Any] = {"circle": circle, "held": before, "batch": batch}
    if rule:
        return Vector("batch", name, given, fault(rule))
    now = Holding([*held, *taken])
    void = any(entry.id in now.void for entry in taken)
    return Vector("batch", name, given, refused(*rows) if rows else "void" if void else "ok", now.result)
