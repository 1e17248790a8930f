"""Rules 9 and 9b: strikes and votes that somebody may have made up afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product

from tests.histories.forms import Entry, Kind, Member
from tests.models import paper
from tests.models.facts import Held, Judge, is_strike


def by_fork(judge: Judge, entry: Entry, held: Held) -> bool:
    """9 Fork: a strike or vote with a concurrent entry of its own device (any incarnation) is OUT unless some entry x
    by an elector of its past, another member, saw it, saw no such branch, and has itself no concurrent entry of its own
    device.
    """
    facts = judge.facts
    if not is_strike(entry) and entry.kind is not Kind.ENDORSE:
        return False
    branches = facts.branches(entry, held)
    if not branches:
        return False
    others = judge.electors(entry.past) - {facts.author(entry)}
    return not any(
        entry.id in x.past and not branches & x.past and facts.author(x) in others and not facts.branches(x, held)
        for x in facts.marks(held)
    )


def by_anchors(judge: Judge, strike: Entry, held: Held) -> bool:
    """9b Late: a strike (never a vote; never one that hits only its author's own member) is frozen, OUT, if four
    anchors passed it by: e1 and e2 each anchored, each saw the other's anchor, each anchored again, and none of the
    four saw the strike or was seen by it. An endorsement does not thaw it, but for the recovery key's.

    (A majority of three or more anchors in the same way: each twice, each the second time after the first of all.)
    """
    facts = judge.facts
    if not is_strike(strike) or facts.hits_own_member_only(strike):
        return False
    if any(paper.spoke(judge, vote, held) for vote in facts.votes(strike, held)):
        return False
    return any(not _witnessed(judge, strike, rounds, held) for rounds in _rounds(judge, strike, held))


def _rounds(judge: Judge, strike: Entry, held: Held) -> Iterator[Held]:
    """Two rounds of anchors that passed the strike by.

    Who anchors: two electors whom the strike does not hit, or a majority of the electors.
    """
    facts = judge.facts
    electors = judge.electors(strike.past)
    anchors = {each: _anchors(judge, strike, each, held) for each in electors}
    unhit = electors - facts.hit(strike)
    for size in {2, len(electors) // 2 + 1} - {1}:
        for them in combinations(sorted(each for each in electors if anchors[each]), size):
            if not ((size == 2 and unhit.issuperset(them)) or size > len(electors) / 2):
                continue
            for first in product(*(anchors[each] for each in them)):
                again = [[each for each in anchors[one] if each.past.issuperset(a.id for a in first)] for one in them]
                for second in product(*again):
                    yield frozenset(each.id for each in (*first, *second))


def _anchors(judge: Judge, strike: Entry, member: Member, held: Held) -> list[Entry]:
    """An anchor is a `seal_key` by an elector other than the strike's author, who is an elector both in the anchor's
    own past and in the strike's past.
    """
    facts = judge.facts
    if member == facts.author(strike):
        return []
    own = (each for each in facts.of(held) if each.kind is Kind.SEAL_KEY and facts.author(each) == member)
    beside = (each for each in own if strike.id not in each.past and each.id not in strike.past)
    return [each for each in beside if member in judge.electors(each.past)]


def _witnessed(judge: Judge, strike: Entry, rounds: Held, held: Held) -> bool:
    """A witness saves it as in 9: an entry of an elector of its past, another member, that saw it before it saw all
    four, and is not forked, or is forked but was seen by an unforked elector, another member, who did not see the other
    branch. (Another one than the witness: the strike's author may vouch.)
    """
    facts = judge.facts
    electors = judge.electors(strike.past)
    others = electors - {facts.author(strike)}

    def vouched_for(x: Entry) -> bool:
        branches = facts.branches(x, held)
        return not branches or any(
            x.id in y.past
            and not branches & y.past
            and facts.author(y) in electors - {facts.author(x)}
            and not facts.branches(y, held)
            for y in facts.marks(held)
        )

    return any(
        strike.id in x.past and facts.author(x) in others and not rounds <= x.past and vouched_for(x)
        for x in facts.marks(held)
    )
