"""Rule 15: which removals are beyond dispute. Only these may wipe a vault."""

from __future__ import annotations

from cellsync.core.membership.ballots import WORDS, paper_voted, votes
from cellsync.core.membership.bench import Bench
from cellsync.core.membership.deeds import Bit, each, has
from cellsync.core.membership.forks import later_than
from cellsync.core.membership.label import IN
from cellsync.core.wire.tags import Kind


def rule_15_final(bench: Bench, removal: Bit) -> bool:
    """An IN removal with two electors' words, each seen by another elector's entry, or with the recovery key's word.
    Whom it hits has no word in it."""
    deeds, within = bench.deeds, bench.within
    if deeds[removal].kind != Kind.REMOVE or bench.label(removal) != IN:
        return False
    if paper_voted(deeds, within, removal, bench.by_paper):
        return True
    electors = bench.verdicts.electors(deeds[removal].past) - deeds.hits(removal).parties
    words = {
        deeds.member(vote)
        for vote in votes(deeds, within, removal)
        if deeds.member(vote) in electors
        and not has(bench.frozen, vote)
        and any(
            deeds.member(witness) in electors - {deeds.member(vote)} and deeds.saw(witness, vote)
            for witness in each(later_than(deeds.marks & within, vote))
        )
    }
    return len(words) >= WORDS
