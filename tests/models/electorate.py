"""Rules 7 and 8: whose votes count, and what two strikes weigh against each other."""

from __future__ import annotations

from tests.histories.forms import Entry, Label, Member, Role
from tests.models import freezes, paper
from tests.models.facts import Held, Judge, is_grant, is_removal

Weight = tuple[bool, int]


def weight(judge: Judge, strike: Entry, other: Entry, held: Held) -> Weight:
    """7 Weight: (recovery key voted, number of members who voted), lexicographic.

    (A vote of the paper is withdrawn by a later one in the same way, if that has rule 12.)
    """
    votes, against = judge.facts.votes(strike, held), judge.facts.votes(other, held)
    spoken = [each for each in votes if paper.spoke(judge, each, held)]
    later = [each for each in against if paper.spoke(judge, each, held)]
    stands = any(not any(vote.id in each.past for each in later) for vote in spoken)
    return stands, members(judge, strike, other, held)


def members(judge: Judge, strike: Entry, other: Entry, held: Held) -> int:
    """A member counts if in E(C, parties), C = past(k) & past(o), its device is not removed in C by a non-party, the
    vote is not frozen, and no vote of the same member for o saw it. Parties: the members that k or o hit. Nothing else
    voids a vote: not suspension, not removal outside C.
    """
    facts = judge.facts
    common = strike.past & other.past
    parties = facts.hit(strike) | facts.hit(other)
    against = facts.votes(other, held)

    def counts(vote: Entry) -> bool:
        later = (each for each in against if facts.author(each) == facts.author(vote))
        return not (
            any(vote.id in each.past for each in later)
            or freezes.by_fork(judge, vote, held)
            or _removed_before(judge, vote, common, parties)
        )

    authors = {facts.author(vote) for vote in facts.votes(strike, held) if counts(vote)}
    return len(authors & judge.electors(common, parties))


def _removed_before(judge: Judge, vote: Entry, common: Held, parties: frozenset[Member]) -> bool:
    facts = judge.facts
    labels = judge.state(common).labels
    return any(
        labels[each.id] is Label.IN and facts.hits_author(each, vote) and facts.author(each) not in parties
        for each in facts.strikes(common)
        if is_removal(each)
    )


def electors(judge: Judge, held: Held, parties: frozenset[Member]) -> frozenset[Member]:
    """8 Electors E(C, parties), by recursion on smaller sets: who is in by a grant, and out by no strike unseen by it.

    (The text says E(past(grant)): the parties are the same all the way down, so that a party cannot first remove the
    others, one word among two, and then make electors alone.)
    """
    facts = judge.facts
    grants = [each for each in facts.of(held) if is_grant(each) and each.role is Role.COORDINATOR]
    strikes = [each for each in facts.strikes(held) if judge.state(held).labels[each.id] is Label.IN]
    found: set[Member] = set()
    for grant in grants:
        subject = facts.subject(grant)
        if subject not in found and _brings_in(judge, grant, held, parties):
            later = (each for each in strikes if subject in each.members and each.id not in grant.past)
            if not any(_puts_out(judge, each, subject, held, parties) for each in later):
                found.add(subject)
    return frozenset(found)


def _brings_in(judge: Judge, grant: Entry, held: Held, parties: frozenset[Member]) -> bool:
    """in: found; a coordinator grant by the recovery key, or with min(2, |E(past(grant))|) votes of electors, its
    subject not counted. (At least one vote, where there is no elector any more. Rule 9 freezes no such vote: whoever
    seconded somebody would fork, to take that back in a past of their own.)
    """
    facts = judge.facts
    if not grant.past or any(paper.spoke(judge, each, held) for each in facts.votes(grant, held)):
        return True
    among = judge.electors(grant.past, parties)
    voted = {facts.author(each) for each in facts.votes(grant, held)}
    return len((among & voted) - {facts.subject(grant)}) >= max(1, min(2, len(among)))


def _puts_out(judge: Judge, strike: Entry, subject: Member, held: Held, parties: frozenset[Member]) -> bool:
    """out: an IN strike (not followed by a new grant) by its subject, by the recovery key, or with 2 votes of electors
    (1 if |E(past(strike))| <= 2); votes of parties do not count.
    """
    facts = judge.facts
    if facts.author(strike) == subject:
        return True
    if any(paper.spoke(judge, each, held) for each in facts.votes(strike, held)):
        return True
    among = judge.electors(strike.past, parties)
    return len(voters(judge, strike, held, among) - parties) >= (1 if len(among) <= 2 else 2)


def voters(judge: Judge, entry: Entry, held: Held, among: frozenset[Member]) -> frozenset[Member]:
    """Whose votes for a strike are not frozen."""
    votes = judge.facts.votes(entry, held)
    authors = {judge.facts.author(each) for each in votes if not freezes.by_fork(judge, each, held)}
    return frozenset(each for each in among if each in authors)
