"""Rule 8: whose word weighs.

Being a coordinator is not enough: one who has turned could make puppets, or strike the others down before the vote. So
it takes two electors' words to change who the electors are, and what the parties to a quarrel did to one another does
not change who decides it.
"""

from __future__ import annotations

from cellsync.core.membership.ballots import WORDS, paper_voted, voters, votes, words_needed
from cellsync.core.membership.deeds import Bit, Deeds, each, has
from cellsync.core.membership.label import IN
from cellsync.core.membership.verdicts import Verdicts
from cellsync.core.wire.tags import Kind


def rule_8_electors(deeds: Deeds, within: int, parties: frozenset[Bit], verdicts: Verdicts) -> frozenset[Bit]:
    """An elector of C is a member whose grant as coordinator weighs in C, and is followed there by no strike that
    weighs: every such strike is in the past of a grant that weighs."""
    electors: set[Bit] = set()
    for grant in each(deeds.promotions & within):
        for member in deeds.subjects(grant):
            if member not in electors and weighs_as_grant(deeds, within, grant, member, parties, verdicts):
                struck = (k for k in deeds.strikes_at_member(member) if has(within, k) and not deeds.saw(grant, k))
                if not any(weighs_as_strike(deeds, within, k, member, parties, verdicts) for k in struck):
                    electors.add(member)
    return frozenset(electors)


def weighs_as_grant(
    deeds: Deeds, within: int, grant: Bit, member: Bit, parties: frozenset[Bit], verdicts: Verdicts
) -> bool:
    """In: `found`; a coordinator grant by the recovery key, or with two votes of electors of its past (one if there is
    one elector), its subject not counted. Nobody takes such a vote back by forking."""
    if deeds[grant].kind == Kind.FOUND:
        return True
    if paper_voted(deeds, within, grant, verdicts.by_paper(within)):
        return True
    electors = verdicts.electors(deeds[grant].past, parties)
    voted = {deeds.member(vote) for vote in votes(deeds, within, grant)}
    return len(voted & electors - {member}) >= words_needed(electors)


def weighs_as_strike(
    deeds: Deeds, within: int, strike: Bit, member: Bit, parties: frozenset[Bit], verdicts: Verdicts
) -> bool:
    """Out: an IN strike by its subject, by the recovery key, or with two votes of electors of its past (one if they are
    at most two). Votes of parties do not count."""
    if verdicts.labels(within)[strike] != IN:
        return False
    if deeds.member(strike) == member or paper_voted(deeds, within, strike, verdicts.by_paper(within)):
        return True
    electors = verdicts.electors(deeds[strike].past, parties)
    needed = 1 if len(electors) <= WORDS else WORDS
    return len(voters(deeds, within, strike, verdicts) & electors - parties) >= needed
