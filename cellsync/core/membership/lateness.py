"""Rule 9b: a strike that comes after everybody else has moved on is frozen.

A seized laptop that was quiet for weeks could otherwise strike from where it stopped, and take along all that was built
since. What two others have attested in two rounds, without having seen a strike, is stable: the strike has to be said
again, with the anchors in its past. An anchor is a `seal_key`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cellsync.core.membership.ballots import paper_voted
from cellsync.core.membership.deeds import PAPER, Bit, Deeds, each
from cellsync.core.membership.forks import is_forked, is_witnessed
from cellsync.core.membership.label import Label
from cellsync.core.membership.verdicts import Verdicts


class Rounds(NamedTuple):
    """Two anchors of one elector, the second of which saw the first."""

    first: Bit
    second: Bit


def rule_9b_late(deeds: Deeds, within: int, by_paper: Mapping[Bit, Label], verdicts: Verdicts) -> int:
    """A strike is OUT if anchors passed it by: electors whom it does not hit, or a majority of the electors, each
    anchored, each saw the others' anchors, each anchored again, and none of the anchors saw it or was seen by it."""
    frozen = 0
    for strike in each(deeds.strikes & within):
        anchors = deeds.passing(strike) & deeds.seal_keys & within
        if are_enough(anchors) and can_be_late(deeds, within, strike, by_paper):
            electors = verdicts.electors(deeds[strike].past)
            left = _seen_by_all_witnesses(deeds, within, strike, electors, anchors)
            if are_enough(left) and _passed_by(deeds, strike, electors, left, verdicts):
                frozen |= 1 << strike
    return frozen


def can_be_late(deeds: Deeds, within: int, strike: Bit, by_paper: Mapping[Bit, Label]) -> bool:
    """Never one that hits only its author's own member, and none for which a recovery key voted."""
    author = deeds.member(strike)
    return (
        author != PAPER
        and not deeds.hits(strike).parties <= {author}
        and not paper_voted(deeds, within, strike, by_paper)
    )


def are_enough(anchors: int) -> bool:
    """Two rounds of two electors are four anchors."""
    return anchors.bit_count() >= 4


def _seen_by_all_witnesses(deeds: Deeds, within: int, strike: Bit, electors: frozenset[Bit], anchors: int) -> int:
    """A witness saves a strike: an entry of an elector of its past, another member, that saw it before it saw all of
    the anchors, and is not forked, or was seen by an unforked elector, another member, who saw no other branch. So
    anchors pass it by only if every witness saw all of them."""
    for witness in each(deeds.after(strike) & within):
        member = deeds.member(witness)
        if member in electors and member != deeds.member(strike):
            others = electors - {member}
            if not is_forked(deeds, within, witness) or is_witnessed(deeds, within, witness, others):
                anchors &= deeds[witness].past
                if not are_enough(anchors):
                    break
    return anchors


def _passed_by(deeds: Deeds, strike: Bit, electors: frozenset[Bit], anchors: int, verdicts: Verdicts) -> bool:
    rounds: dict[Bit, list[Rounds]] = {}
    for elector in electors - {deeds.member(strike)}:
        if found := _rounds(deeds, elector, anchors, verdicts):
            rounds[elector] = found
    unhit = {elector: found for elector, found in rounds.items() if elector not in deeds.hits(strike).parties}
    return _agree(deeds, list(unhit.values()), 2) or _agree(
        deeds, list(rounds.values()), max(2, len(electors) // 2 + 1)
    )


def _rounds(deeds: Deeds, elector: Bit, anchors: int, verdicts: Verdicts) -> list[Rounds]:
    """An elector's anchors, two by two: no earlier first one and no later second one would do. Each is by an elector of
    its own past."""
    own = [anchor for anchor in each(anchors) if deeds.member(anchor) == elector]

    def counts(anchor: Bit) -> bool:
        return elector in verdicts.electors(deeds[anchor].past)

    firsts: list[Bit] = []
    for anchor in own:
        if not any(deeds.saw(anchor, first) for first in firsts) and counts(anchor):
            firsts.append(anchor)
    seconds: list[Bit] = []
    for anchor in reversed(own):
        if not any(deeds.saw(second, anchor) for second in seconds) and counts(anchor):
            seconds.append(anchor)
    return [Rounds(first, second) for first in firsts for second in seconds if deeds.saw(second, first)]


def _agree(deeds: Deeds, rounds: list[list[Rounds]], needed: int, chosen: tuple[Rounds, ...] = ()) -> bool:
    """Whether so many electors have rounds of which each second anchor saw every first one."""
    if needed == 0:
        return True
    if len(rounds) < needed:
        return False
    own, *others = rounds
    with_own = (
        _agree(deeds, others, needed - 1, (*chosen, mine))
        for mine in own
        if all(deeds.saw(mine.second, theirs.first) and deeds.saw(theirs.second, mine.first) for theirs in chosen)
    )
    return any(with_own) or _agree(deeds, others, needed, chosen)
