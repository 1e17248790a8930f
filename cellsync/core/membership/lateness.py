"""Rule 9b: a strike that comes after everybody else has moved on is frozen.

A seized laptop that was quiet for weeks could otherwise strike from where it stopped, and take along all that was built
since. What others have attested in two rounds, without having seen a strike, is stable: the strike has to be said
again, with the anchors in its past. An anchor is a `seal_key`.
"""

from __future__ import annotations

from collections.abc import Mapping

from cellsync.core.membership.ballots import WORDS, paper_voted
from cellsync.core.membership.deeds import PAPER, Bit, Deeds, each
from cellsync.core.membership.forks import is_forked, is_witnessed
from cellsync.core.membership.label import Label
from cellsync.core.membership.verdicts import Verdicts


def rule_9b_late(deeds: Deeds, within: int, by_paper: Mapping[Bit, Label], verdicts: Verdicts) -> int:
    """A strike is OUT if anchors passed it by in two rounds: two electors whom it does not hit each anchored after an
    anchor of both; or more than half of the electors, each after anchors of more than half."""
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
    """A witness saves a strike from anchors that it had not seen: an entry of an elector of its past, another member,
    that saw the strike, and is not forked, or was seen by an unforked elector, another member, who saw no other
    branch."""
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
    others = electors - {deeds.member(strike)}
    firsts = {elector: _firsts(deeds, elector, anchors, verdicts) for elector in others}
    seen = {elector: _seen_again(deeds, elector, firsts, anchors, verdicts) for elector in others}
    unhit = others - deeds.hits(strike).parties
    if any(_saw(seen, one, other) and _saw(seen, other, one) for one in unhit for other in unhit if one < other):
        return True
    most = max(WORDS, len(electors) // 2 + 1)
    return sum(any(len(some) >= most for some in seen[elector]) for elector in others) >= most


def _saw(seen: Mapping[Bit, list[set[Bit]]], one: Bit, other: Bit) -> bool:
    return any(other in some for some in seen[one])


def _firsts(deeds: Deeds, elector: Bit, anchors: int, verdicts: Verdicts) -> int:
    """An elector's first anchors: who saw a later one saw one of these. Each is by an elector of its own past."""
    firsts = 0
    for anchor in each(anchors):
        if deeds.member(anchor) == elector and not deeds[anchor].past & firsts:
            firsts |= (elector in verdicts.electors(deeds[anchor].past)) << anchor
    return firsts


def _seen_again(
    deeds: Deeds, elector: Bit, firsts: Mapping[Bit, int], anchors: int, verdicts: Verdicts
) -> list[set[Bit]]:
    """Of whom an elector had seen anchors, its own among them, when it anchored last; of one that forked there may be
    several such anchors."""
    last: list[Bit] = []
    for anchor in reversed(list(each(anchors))):
        later = deeds.member(anchor) == elector and deeds[anchor].past & firsts[elector]
        if later and not any(deeds.saw(other, anchor) for other in last):
            last += [anchor] if elector in verdicts.electors(deeds[anchor].past) else []
    return [{other for other in firsts if deeds[anchor].past & firsts[other]} for anchor in last]
