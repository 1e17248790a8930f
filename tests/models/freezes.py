"""Rules 9 and 9b: strikes and votes that somebody may have made up afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

from tests.histories.forms import Entry, Kind, Member
from tests.models import paper
from tests.models.facts import Held, Judge, is_strike


def by_fork(judge: Judge, entry: Entry, held: Held) -> bool:
    """9 Fork: a strike or vote with a concurrent entry of its own device (any incarnation) is OUT unless some entry x
    by an elector of its past, another member, saw it, saw no such branch, and has itself no concurrent entry of its own
    device.

    So is a vote for a strike of somebody whom the voter brought in, perhaps by others, by an admission with concurrent
    entries of its device that the strike did not see: what nobody knew of in the past would else weigh there.
    """
    facts = judge.facts
    if not is_strike(entry) and entry.kind is not Kind.ENDORSE:
        return False
    if any(_is_for_a_planted_puppet(judge, entry, facts.entries[each], held) for each in entry.entries):
        return True
    branches = facts.branches(entry, held)
    if not branches:
        return False
    others = judge.electors(entry.past) - {facts.author(entry)}
    return not any(
        entry.id in x.past and not branches & x.past and facts.author(x) in others and not facts.branches(x, held)
        for x in facts.marks(held)
    )


def _is_for_a_planted_puppet(judge: Judge, vote: Entry, strike: Entry, held: Held) -> bool:
    facts = judge.facts
    if not is_strike(strike) or strike.device is None or vote.device is None:
        return False
    return any(
        facts.author(admission) == facts.author(vote) and facts.branches(admission, held) - strike.past
        for admission in facts.ancestors(strike.device)
    )


def by_anchors(judge: Judge, strike: Entry, held: Held) -> bool:
    """9b Late: a strike (never a vote; never one that hits only its author's own member) is frozen, OUT, if anchors
    passed it by. An endorsement does not thaw it, but for the recovery key's.

    They pass it by if two electors whom the strike does not hit each have an anchor that saw an anchor of both; or more
    than half of the electors (then at least two), each one that saw anchors of more than half.
    """
    facts = judge.facts
    if not is_strike(strike) or facts.hits_own_member_only(strike):
        return False
    if any(paper.spoke(judge, vote, held) for vote in facts.votes(strike, held)):
        return False
    electors = judge.electors(strike.past)
    anchors = {each: _anchors(judge, strike, each, held) for each in sorted(electors)}

    def have_anchored_again(them: Iterable[Member], among: Iterable[frozenset[Member]]) -> bool:
        return all(any(_saw_all(anchors, each, some) for some in among if each in some) for each in them)

    unhit = sorted(electors - facts.hit(strike))
    if any(have_anchored_again(pair, [frozenset(pair)]) for pair in combinations(unhit, 2)):
        return True
    most = max(2, len(electors) // 2 + 1)
    majorities = [frozenset(each) for each in combinations(sorted(electors), most)]
    return any(have_anchored_again(each, majorities) for each in majorities)


def _saw_all(anchors: Mapping[Member, list[Entry]], one: Member, them: frozenset[Member]) -> bool:
    """Whether one of its anchors saw an anchor of each of them."""
    return any(all(any(x.id in again.past for x in anchors[each]) for each in them) for again in anchors[one])


def _anchors(judge: Judge, strike: Entry, member: Member, held: Held) -> list[Entry]:
    """An anchor is a `seal_key` that is concurrent with the strike, by an elector other than the strike's author, who
    is an elector both in the anchor's own past and in the strike's past. Every witness saw it.
    """
    facts = judge.facts
    if member == facts.author(strike):
        return []
    own = (each for each in facts.of(held) if each.kind is Kind.SEAL_KEY and facts.author(each) == member)
    beside = (each for each in own if strike.id not in each.past and each.id not in strike.past)
    witnesses = _witnesses(judge, strike, held)
    return [
        each for each in beside if member in judge.electors(each.past) and all(each.id in x.past for x in witnesses)
    ]


def _witnesses(judge: Judge, strike: Entry, held: Held) -> list[Entry]:
    """A witness, as in 9: an entry of an elector of its past, another member, that saw the strike, and is not forked,
    or is forked but was seen by an unforked elector, another member, who did not see the other branch. (Another one
    than the witness: the strike's author may vouch.)
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

    return [x for x in facts.marks(held) if strike.id in x.past and facts.author(x) in others and vouched_for(x)]
