"""Rule 9b, where there are many electors: what dozens who collude show each other must not cost the others anything."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from cellsync.core.ids import DeviceId, EntryId, MemberId
from cellsync.core.membership.control import Role
from cellsync.core.membership.deeds import NOBODY, Bit, Deed, Deeds
from cellsync.core.membership.label import Label
from cellsync.core.membership.lateness import rule_9b_late
from cellsync.core.wire.tags import Kind

ELECTORS = 40


def entry(number: int) -> EntryId:
    return EntryId(number.to_bytes(32, "big"))


class Electors:
    """`Verdicts` of a circle in which everybody's word weighs."""

    def electors(self, within: int, parties: frozenset[Bit] = NOBODY) -> frozenset[Bit]:
        return frozenset(Bit(number) for number in range(ELECTORS))

    def forked(self, within: int) -> int:
        return 0

    def by_paper(self, within: int) -> Mapping[Bit, Label]:
        return {}

    def frozen(self, within: int) -> int:
        raise NotImplementedError

    def labels(self, within: int) -> Mapping[Bit, Label]:
        raise NotImplementedError


def anchored(seen: list[set[int]], hit: range = range(1, ELECTORS)) -> Deeds:
    """A circle of forty; the first one strikes those hit; each other one anchors, and again after some others did."""
    deeds = Deeds([Deed(entry(0), Kind.FOUND, DeviceId(entry(0)), 0, 1)])
    for number in range(1, ELECTORS):
        past = (1 << number) - 1
        deeds.add(Deed(entry(number), Kind.ADMIT, DeviceId(entry(0)), past, number, role=Role.COORDINATOR))
    founded, firsts = (1 << ELECTORS) - 1, dict[int, int]()
    targets = tuple(MemberId(entry(each)) for each in hit)
    deeds.add(Deed(entry(ELECTORS), Kind.REMOVE, DeviceId(entry(0)), founded, 50, members=targets))
    for number in range(1, ELECTORS):
        name = entry(100 + number)
        firsts[number] = deeds.add(Deed(name, Kind.SEAL_KEY, DeviceId(entry(number)), founded, 51))
    for number, others in enumerate(seen, 1):
        past = founded | sum(1 << firsts[other] for other in others | {number})
        deeds.add(Deed(entry(200 + number), Kind.SEAL_KEY, DeviceId(entry(number)), past, 52))
    return deeds


def is_late(deeds: Deeds) -> bool:
    return bool(rule_9b_late(deeds, deeds.all, {}, Electors()))


def shown(each: int, seed: int = 0) -> list[set[int]]:
    """Each elector but the first has seen so many of the others' anchors, and its own."""
    random = Random(seed)
    electors = range(1, ELECTORS)
    return [set(random.sample([other for other in electors if other != one], each - 1)) for one in electors]


def test_of_forty_more_than_half_have_to_have_seen_more_than_half() -> None:
    assert is_late(anchored(shown(21)))
    assert not is_late(anchored(shown(20)))


def test_more_than_half_have_to_have_anchored_again() -> None:
    assert is_late(anchored(shown(30)[:21]))
    assert not is_late(anchored(shown(30)[:20]))


def test_two_whom_it_does_not_hit_are_enough_if_each_saw_the_other() -> None:
    hit = range(3, ELECTORS)
    assert is_late(anchored([{2}, {1}], hit))
    assert not is_late(anchored([{2}, set()], hit))
    assert not is_late(anchored([{2}, {1}]))
