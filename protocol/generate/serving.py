"""The parts `serving` and `allowance`: what a suspended or a removed device is sent, and how much may come of it
(50-sync, Suspended and removed devices)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from protocol.generate.cell import ADMIT, COORDINATOR, RECOVERY, Writer, founder, introduced, keys_of, salted
from protocol.generate.header import FOUND, ZEROS, Entry
from protocol.generate.holding import Holding
from protocol.generate.packed import packed
from protocol.generate.state import decoded
from protocol.generate.tables import framed, tables
from protocol.generate.telling import ENDORSE, REMOVE, endorses, outlined, removes
from protocol.generate.vector import Vector, fault

LINK, SET_ROLE, ROTATE, SEAL_KEY, LEAVE = 3, 4, 7, 10, 12
DECIDING: Final = {FOUND, ADMIT, LINK, SET_ROLE, REMOVE, ENDORSE, ROTATE, SEAL_KEY, LEAVE, RECOVERY}
DAILY: Final = 1 << 20  # bytes
Steps = Sequence[Sequence[Entry]]


class Served:
    """What one device holds, in the steps in which it came, and what of that another one is sent.

    What the rules of edition 2 say of it is given: who is an elector, and which removals stand and hit the other one.
    """

    def __init__(self, steps: Steps, device: bytes, electors: Sequence[bytes], removals: Sequence[Entry] = ()) -> None:
        self.steps, self.device, self.electors, self.removals = steps, device, electors, removals
        self.held = [entry for step in steps for entry in step]
        self.holding = Holding(self.held)

    @property
    def is_removed(self) -> bool:
        return bool(self.removals)

    @property
    def deciding(self) -> list[Entry]:
        """The entries on which labels depend, in order of arrival: no seal key of somebody who is no coordinator."""
        coordinators = {*self.electors, *(entry.device for entry in self.held if entry.kind == FOUND)}
        return [
            entry
            for entry in self.held
            if entry.kind in DECIDING and (entry.kind != SEAL_KEY or entry.device in coordinators)
        ]

    @property
    def words(self) -> list[Entry]:
        """What a removed device is told: its removals, the votes for them, and of each the first entry of another
        elector who has seen it."""
        struck = {entry.id for entry in self.removals}
        votes = [
            entry for entry in self.deciding if entry.id in struck or (entry.kind == ENDORSE and struck & named(entry))
        ]
        return [*votes, *(seer for vote in votes for seer in self._seers(vote)[:1])]

    def _seers(self, vote: Entry) -> list[Entry]:
        others = (entry for entry in self.deciding if entry.device in self.electors and entry.device != vote.device)
        return [entry for entry in others if vote.id in self.holding.pasts[entry.id] and entry.id != vote.id]

    @property
    def reached(self) -> list[Entry]:
        """All that came up to the end of the step with the newest of what it is told."""
        told = {entry.id for entry in (self.words if self.is_removed else self.deciding)}
        last = max(at for at, step in enumerate(self.steps) if any(entry.id in told for entry in step))
        return [entry for step in self.steps[: last + 1] for entry in step]

    def known(self, heads: Iterable[Entry]) -> set[bytes]:
        """What the other one holds that has named these: each chain up to there."""
        found: set[bytes] = set()
        for head in heads:
            at = head.id
            while at != ZEROS and at in self.holding.entries:
                found.add(at)
                at = self.holding.entries[at].previous
        return found

    def frontier(self, heads: Sequence[Entry]) -> list[list[Any]]:
        """What it is told in answer to a frontier of these."""
        if not self.is_removed:
            return [list(head) for head in self.holding.result["heads"]]
        own = self.holding.ends(entry for entry in self.held if entry.device == self.device)
        places = {entry.id: entry for entry in (*heads, *own) if entry.id in self.holding.entries}
        return sorted([one.device, one.incarnation, one.sequence, one.id] for one in places.values())


def named(entry: Entry) -> set[bytes]:
    """The entries for which it is a vote, if it is an `endorse`: all of them are in its past here."""
    return set(decoded(entry.shape)[0]) if entry.kind == ENDORSE else set()


def asked(name: str, served: Served, heads: Sequence[Entry]) -> Vector:
    """`heads`: what the other one has named in its frontier."""
    known = served.known(heads)
    lacking = (entry for entry in served.reached if entry.id not in known)
    new = sorted(lacking, key=lambda entry: (entry.height, entry.id))
    _, cases, rows = outlined(new, served.held, names=not served.is_removed)
    before: list[Entry] = []
    came = []
    for step in served.steps:
        came.append(framed(tables(step, before)))
        before += step
    given = {
        "circle": served.holding.circle,
        "held": came,
        "device": served.device,
        "standing": "removed" if served.is_removed else "suspended",
        "removals": sorted(entry.id for entry in served.removals),
        "electors": sorted(served.electors),
        "named": sorted([one.device, one.incarnation, one.sequence, one.id] for one in heads),
    }
    result = {
        "digest": ZEROS if served.is_removed else served.holding.result["digest"],
        "frontier": served.frontier(heads),
        "cases": cases,
        "sent": [[entry.id, *row[4:]] for entry, row in zip(new, rows, strict=True)],
    }
    return Vector("serving", name, given, "ok", result)


class Quarrel:
    """Ana and Bea, coordinators whose words weigh; Eva, whom one of them brought in; all hold `base`."""

    def __init__(self, role: int) -> None:
        self.ana = founder()
        assert self.ana.head is not None
        self.base = [self.ana.head, self.ana.admits("bea", COORDINATOR), self.ana.admits("eva", role)]
        self.bea = introduced("bea", self.base[1])
        self.eva = introduced("eva", self.base[2])
        self.electors = [self.ana.device, self.bea.device]


def seal_key(writer: Writer, cites: Sequence[Entry]) -> Entry:
    public = keys_of(f"another seal key of {writer.keys.name}").public[2]
    return writer.write(SEAL_KEY, writer.circle, packed([public]), salted(None, "seal key"), cites)


def to_the_removed() -> Iterator[Vector]:
    cell = Quarrel(role=2)
    ana, bea, eva, base = cell.ana, cell.bea, cell.eva, cell.base
    late = eva.says("late", cites=[base[2]])
    first = [bea.says("hers", cites=[base[2]])]
    removal = removes(ana, eva.device, cites=first)
    newcomer = ana.admits("fay")
    more = ana.says("of whom she is not told")
    steps = [base, first, [removal], [newcomer], [more]]

    def served(*further: Sequence[Entry], among: Steps = steps) -> Served:
        return Served([*among, *further], eva.device, cell.electors, [removal])

    yield asked("to a removed device", served(), base[2:])
    yield asked("to a removed device that holds nothing", served(), [])
    yield asked("to a removed device that holds all of it", served(), [removal, first[0]])
    yield asked("to a removed device, what of hers is here", served([late]), base[2:])
    yield asked("to a removed device that names what is not here", served(), [*base[2:], late])
    at_once = [base, [*first, removal, newcomer], [more]]
    yield asked("to a removed device, to the end of a step", served(among=at_once), base[2:])
    word = endorses(bea, removal, cites=[more])
    yield asked("to a removed device, a second word", served([word]), base[2:])
    after = bea.says("after it")
    seen = ana.admits("gus", cites=[after])
    last = ana.admits("hal")
    yield asked("to a removed device, what makes it final", served([word], [after], [seen], [last]), base[2:])
    unheard = introduced("fay", newcomer)
    link = unheard.write(LINK, ana.circle, packed([*keys_of("fay 2").public]), salted(["fay 2"]), [newcomer, word])
    yield asked("to a removed device, not who sees it and does not weigh", served([word], [link]), base[2:])


def to_the_suspended() -> Iterator[Vector]:
    cell = Quarrel(role=COORDINATOR)
    ana, bea, eva, base = cell.ana, cell.bea, cell.eva, cell.base
    base.append(endorses(bea, base[2], cites=[base[2]]))  # so that Eva's word weighs, too
    first = [bea.says("hers")]
    removal = removes(ana, eva.device, cites=first)
    answer = removes(eva, ana.device, cites=[base[3]])
    newcomer = bea.admits("fay", cites=[removal])
    steps = [base, first, [removal], [answer], [newcomer]]

    def served(*further: Sequence[Entry]) -> Served:
        return Served([*steps, *further], eva.device, [*cell.electors, eva.device])

    heads = [*base[2:], answer]
    yield asked("to a suspended device", served(), heads)
    more = bea.says("of which she is not told")
    yield asked("to a suspended device, nothing that came later", served([more]), heads)
    fay = introduced("fay", newcomer)
    theirs = seal_key(fay, [newcomer])
    yield asked("to a suspended device, no seal key of a writer", served([more], [theirs]), heads)
    hers = seal_key(bea, [])
    yield asked("to a suspended device, a coordinator's seal key", served([more], [hers]), heads)
    yield asked("to a suspended device that holds all of it", served(), [*heads, removal, newcomer])
    yield asked("to a suspended device that holds nothing", served(), [])


def allowances() -> Iterator[Vector]:
    def allowance(name: str, brought: list[list[int]], day: int, size: int, rule: str = "") -> Vector:
        given = {"brought": brought, "day": day, "size": size}
        return Vector("allowance", name, given, fault(rule) if rule else "ok")

    yield allowance("the first batch of a day", [], 20_000, 1_000)
    yield allowance("a first batch that is larger than what a day allows", [], 20_000, DAILY + 1)
    yield allowance("one more, as long as a byte is left", [[20_000, DAILY - 1]], 20_000, 4 << 20)
    yield allowance("a batch after what a day allows", [[20_000, DAILY]], 20_000, 1, "cap.batch")
    yield allowance("little by little", [[20_000, DAILY // 2]] * 2, 20_000, 1, "cap.batch")
    yield allowance("what was brought the day before", [[19_999, DAILY]], 20_000, 1)


def vectors() -> Iterator[Vector]:
    yield from to_the_removed()
    yield from to_the_suspended()
    yield from allowances()
