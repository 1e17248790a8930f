"""Rules 2 to 6: which deeds stand.

The labels of a set of deeds are the least fixpoint of these rules: all begin UNDECIDED, and a deed turns IN or OUT only
when that is certain whatever the undecided ones turn out to be. Each rule is monotone (more certain labels never make
its answer less certain), so the fixpoint does not depend on the order in which deeds are looked at.

What could be IN only if it were IN already is OUT: it has no ground. Puppets who second each other's admissions would
otherwise stay UNDECIDED, with everything that they strike.

What is frozen (9, 9b), who weighs how much (7, 8) and what recovery keys sign (12) is known before, from smaller sets.
Only *ballots* are labelled in the fixpoint: grants, strikes, endorsements and recovery keys. Nothing depends on the
label of any other deed, which follows from those of the ballots (`label_of`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from cellsync.core.membership.ballots import NO_WORD, votes
from cellsync.core.membership.bench import Bench
from cellsync.core.membership.control import Role
from cellsync.core.membership.deeds import GRANTS, PAPER, Bit, Deeds, each, has
from cellsync.core.membership.editions import SECOND
from cellsync.core.membership.label import IN, OUT, UNDECIDED, Label, opposite
from cellsync.core.membership.standing import DeviceStatus, rule_10_role, rule_10_status
from cellsync.core.wire.tags import Kind

NEEDS: Final = SECOND.needs


def label_of(bench: Bench, bit: Bit) -> Label:
    """The label of any deed, once the ballots have theirs."""
    return bench.label(bit) if has(bench.deeds.ballots, bit) else ruling(bench, bit)


def ruling(bench: Bench, bit: Bit) -> Label:
    """What the rules say of a deed, as far as the labels of the ballots decide it."""
    deed = bench.deeds[bit]
    if deed.void or has(bench.frozen, bit):
        return OUT
    if bit in bench.by_paper:
        return bench.by_paper[bit]
    if deed.kind == Kind.FOUND:
        return IN if bit == bench.deeds.found else OUT
    if has(bench.deeds.strikes, bit):
        return min(rule_2_cause(bench, bit), rule_3_strike(bench, bit))
    stands = min(
        rule_2_cause(bench, bit),
        rule_4_any_cut(bench, bench.deeds.device(bit), lambda strike: bench.deeds.saw(strike, bit)),
    )
    if stands != IN and deed.kind in GRANTS:
        return max(stands, rule_5_adopt(bench, bit))
    return stands


def role_needed(deeds: Deeds, bit: Bit) -> Role | None:
    """The role that a deed requires of its author; None for a kind that nobody may write."""
    deed = deeds[bit]
    if deed.kind == Kind.REMOVE and deeds.hits(bit).parties == {deeds.member(bit)}:
        return Role.READER
    return NEEDS.get(deed.kind)


def rule_2_cause(bench: Bench, bit: Bit) -> Label:
    """A deed counts only if its past holds the grants that give its author the role it needs, and these are IN. A grant
    does not give what a demotion took that saw neither the grant's successor nor the deed (rule 3).

    A strike needs no `link`, which gives no right: whoever hits the device that linked its author's hits the author,
    and rule 6 weighs that. And if a grant in its past makes its author a coordinator, whatever its label, the right of
    another member who voted for it is enough. Else a removal by two words would rest on a link or a promotion that a
    puppet's strike can void, and the puppet on an admission that the removal voids: UNDECIDED for ever."""
    own = _own_cause(bench, bit)
    if own == IN or not has(bench.deeds.strikes, bit) or not _was_made_coordinator(bench.deeds, bit):
        return own
    others = (v for v in votes(bench.deeds, bench.within, bit) if bench.deeds.member(v) != bench.deeds.member(bit))
    return max(own, max((_seconded(bench, bit, vote) for vote in others), default=OUT))


def _was_made_coordinator(deeds: Deeds, strike: Bit) -> bool:
    return role_needed(deeds, strike) == Role.COORDINATOR and any(
        deeds.saw(strike, grant) and deeds.role(grant) == Role.COORDINATOR
        for grant in deeds.grants_to(deeds.member(strike))
    )


def _own_cause(bench: Bench, bit: Bit) -> Label:
    """By the right of its author."""
    deeds, device = bench.deeds, bench.deeds.device(bit)
    needed = role_needed(deeds, bit)
    if needed is None or device == PAPER or not has(deeds[bit].past, device):
        return OUT
    introduced = bench.label(deeds.member(bit) if has(deeds.strikes, bit) else device)
    if needed == Role.READER or introduced == OUT:
        return introduced
    return min(
        introduced,
        has_role(
            bench, device, deeds[bit].past, needed, lambda k: strike_applies(bench, k, bit) if k != bit else False
        ),
    )


def _seconded(bench: Bench, strike: Bit, vote: Bit) -> Label:
    """Whether a strike may rest on the right of somebody who voted for it: as if that member had written it there."""
    if vote in bench.by_paper:
        return bench.by_paper[vote]
    deeds, device = bench.deeds, bench.deeds.device(vote)
    if has(bench.frozen, vote) or not has(deeds[vote].past, device):
        return OUT

    def applies(other: Bit) -> bool:
        return other != strike and rule_6_dispute(bench, other, strike, vote)

    struck = (
        opposite(bench.strikes_with(other))
        for other in bench.strikes_at(device)
        if deeds.is_removal(other) and applies(other)
    )
    right = has_role(bench, device, deeds[vote].past, Role.COORDINATOR, applies)
    return min((bench.label(deeds.member(vote)), right, *struck))


def has_role(bench: Bench, device: Bit, past: int, needed: Role, applies: Callable[[Bit], bool]) -> Label:
    """Whether the grants of a past give a device's owner a role, demotions that apply considered."""
    deeds = bench.deeds

    def gives(grant: Bit) -> Label:
        demotions = (
            opposite(bench.strikes_with(strike))
            for strike in bench.strikes_at(device)
            if deeds[strike].kind == Kind.SET_ROLE
            and deeds.role(strike) < needed
            and not deeds.saw(grant, strike)
            and applies(strike)
        )
        return min((bench.label(grant), *demotions))

    grants = (grant for grant in deeds.grants_to(deeds.owner(device)) if has(past, grant))
    return max((gives(grant) for grant in grants if deeds.role(grant) >= needed), default=OUT)


def rule_3_strike(bench: Bench, bit: Bit) -> Label:
    """An IN removal of the author of a strike voids it, if it applies (rule 6); an UNDECIDED one leaves it open."""
    return min(
        (
            opposite(bench.strikes_with(strike))
            for strike in _strikes_at_author(bench, bit)
            if bench.deeds.is_removal(strike) and strike_applies(bench, strike, bit)
        ),
        default=IN,
    )


def rule_4_any_cut(bench: Bench, device: Bit, seen_by: Callable[[Bit], bool]) -> Label:
    """An IN removal that hits the author of an entry voids it if it did not see it, unless another one saw it: what is
    no strike stands against removals that did not see it if an IN removal of its author saw it."""
    removals = [strike for strike in bench.strikes_at(device) if bench.deeds.is_removal(strike)]
    blind = [opposite(bench.strikes_with(strike)) for strike in removals if not seen_by(strike)]
    if not blind:
        return IN
    saw = [bench.label(strike) for strike in removals if seen_by(strike)]
    return max(min(blind), max(saw, default=OUT))


def rule_5_adopt(bench: Bench, bit: Bit) -> Label:
    """A grant whose author had the right in its own past is IN if an IN endorsement of it exists."""
    endorsed = [bench.label(vote) for vote in bench.deeds.endorsements_of(bit) if has(bench.within, vote)]
    if max(endorsed, default=OUT) == OUT or not had_the_right(bench, bit):
        return OUT
    return max(endorsed)


def had_the_right(bench: Bench, bit: Bit) -> bool:
    """Whether, in the deed's own past alone, its author was active and had the role that it needs."""
    deeds, past, needed = bench.deeds, bench.deeds[bit].past, role_needed(bench.deeds, bit)
    if needed is None or not has(past, deeds.device(bit)):
        return False
    then = Bench(deeds, past, 0, {}, bench.verdicts, bench.verdicts.labels(past))
    role = rule_10_role(then, deeds.member(bit))
    return role is not None and role >= needed and rule_10_status(then, deeds.device(bit)) == DeviceStatus.ACTIVE


def strike_applies(bench: Bench, strike: Bit, bit: Bit) -> bool:
    """Whether a strike that hits the author of a deed voids it: if it did not see it, and of two strikes by rule 6."""
    if has(bench.deeds.strikes, bit):
        return rule_6_dispute(bench, strike, bit)
    return not bench.deeds.saw(strike, bit)


def rule_6_dispute(bench: Bench, strike: Bit, other: Bit, said: Bit | None = None) -> bool:
    """Between strikes k and o, k hitting o's author, rule 3 applies only if k did not see o, or k answers o (o hits k's
    author, another member), and W(k|o) >= W(o|k), and somebody's word weighs for k; or if k names o as disputed, and
    W(k|o) > W(o|k), or nobody's word weighs for o. `said`: the vote for o whose author is taken to have written it."""
    deeds, said = bench.deeds, other if said is None else said
    answers = deeds.member(strike) != deeds.member(said) and deeds.is_struck(deeds.device(strike), other)
    disputes = other in deeds.named(strike)
    unseen = not deeds.saw(strike, said)
    if not (unseen or answers or disputes):
        return False
    weight, against = bench.weight(strike, other), bench.weight(other, strike)
    if disputes and against == NO_WORD:
        return True
    return weight > against or ((unseen or answers) and weight == against > NO_WORD)


def _strikes_at_author(bench: Bench, bit: Bit) -> Iterator[Bit]:
    """The strikes that hit the author of a deed, itself aside."""
    return (strike for strike in bench.strikes_at(bench.deeds.device(bit)) if strike != bit)


def least_fixpoint(bench: Bench, forced: int = 0) -> dict[Bit, Label]:
    """The labels of the ballots of a set. `forced`: those that may at most be UNDECIDED (rule 11)."""
    labels: dict[Bit, Label] = {}
    bench = replace(bench, labels=labels)
    waiting = list(each(bench.deeds.ballots & bench.within))
    while waiting:
        waiting = _settle(bench, labels, waiting, forced)
        groundless = _groundless(bench, waiting)
        if not groundless:
            break
        labels.update(dict.fromkeys(groundless, OUT))
        waiting = [bit for bit in waiting if bit not in groundless]
    return labels


def _settle(bench: Bench, labels: dict[Bit, Label], waiting: list[Bit], forced: int) -> list[Bit]:
    """Label what is certain. Returns what is not."""
    settled = True
    while settled:
        settled = False
        still: list[Bit] = []
        for bit in waiting:
            label = ruling(bench, bit)
            if label == IN and has(forced, bit):
                label = UNDECIDED
            labels[bit] = label
            if label == UNDECIDED:
                still.append(bit)
            else:
                settled = True
        waiting = still
    return waiting


def _groundless(bench: Bench, waiting: list[Bit]) -> set[Bit]:
    """Of UNDECIDED deeds, those that could not be IN even if none of the strikes among them were."""
    groundless = set(waiting)
    fallen = {**bench.labels, **dict.fromkeys(waiting, OUT)}
    hopeful = dict(fallen)
    bench = replace(bench, labels=hopeful, striking=fallen)
    while grounded := [bit for bit in groundless if ruling(bench, bit) != OUT]:
        groundless.difference_update(grounded)
        hopeful.update(dict.fromkeys(grounded, IN))
    return groundless
