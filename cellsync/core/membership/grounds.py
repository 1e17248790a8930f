"""Grounds: why a deed has its label, and whose word would change that. Data, for programs to put in words.

Several may hold at once: an entry can rest on a fallen grant and be struck as well. The first ones decide alone.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from cellsync.core.ids import EntryId, MemberId
from cellsync.core.membership.ballots import WORDS, Weight, paper_voted, voters, votes, words_needed
from cellsync.core.membership.bench import Bench
from cellsync.core.membership.deeds import GRANTS, Bit, each, has
from cellsync.core.membership.label import IN, OUT, UNDECIDED, Label, opposite
from cellsync.core.membership.rulings import (
    label_of,
    rule_2_cause,
    rule_5_adopt,
    ruling,
    strike_applies,
)
from cellsync.core.wire.tags import Kind


class Clause(Enum):
    """The rule that a ground comes from (protocol/40-membership.md)."""

    VOID = "1"
    CAUSE = "2"
    STRIKE = "3"
    ANY_CUT = "4"
    ADOPT = "5"
    DISPUTE = "6"
    ELECTORS = "8"
    FORK = "9"
    LATE = "9b"
    ZERO = "11"
    RECOVERY_KEY = "12"


class Ground(NamedTuple):
    """One reason for a label."""

    clause: Clause
    label: Label  # what it makes of the deed
    entries: tuple[EntryId, ...] = ()  # grants, strikes, endorsements, branches or anchors on which it rests
    weights: tuple[Weight, Weight] | None = None  # of a dispute: against the deed, and for it
    missing: frozenset[MemberId] = frozenset()  # whose word counts there, and has not been said
    paper: bool = False  # whether the recovery key's word would settle it
    words: int = 0  # how many of the missing words are enough, where that is known


def grounds(bench: Bench, bit: Bit) -> list[Ground]:
    """Why a deed has its label. None: it is IN, and nobody ever spoke against it."""
    deeds, deed = bench.deeds, bench.deeds[bit]
    if deed.void:
        return [Ground(Clause.VOID, OUT)]
    if has(bench.frozen, bit):
        return [_frozen(bench, bit)]
    if bit in bench.by_paper:
        key = deeds.key(bit)
        rests = deeds.named(bit) if key is None else (key,)
        return [Ground(Clause.RECOVERY_KEY, bench.by_paper[bit], _ids(bench, *rests))]
    if deed.kind == Kind.FOUND:
        return []
    found = [*_from_cause(bench, bit), *_from_strikes(bench, bit)]
    if found and deed.kind in GRANTS and not has(deeds.strikes, bit) and rule_5_adopt(bench, bit) != OUT:
        said = [vote for vote in votes(deeds, bench.within, bit) if vote != bit and bench.label(vote) != OUT]
        found.insert(0, Ground(Clause.ADOPT, rule_5_adopt(bench, bit), _ids(bench, *said)))
    if label_of(bench, bit) == UNDECIDED and ruling(bench, bit) == IN:
        found.insert(0, Ground(Clause.ZERO, UNDECIDED, paper=True))
    return found


def seconds(bench: Bench, removal: Bit) -> Ground | None:
    """Whose word a removal lacks that is IN on one word, and so may still fall. None if it lacks none."""
    deeds, said = bench.deeds, voters(bench.deeds, bench.within, removal, bench.verdicts)
    electors = bench.verdicts.electors(deeds[removal].past) - deeds.hits(removal).parties
    spoken = paper_voted(deeds, bench.within, removal, bench.by_paper)
    if bench.label(removal) != IN or spoken or len(said & electors) >= WORDS:
        return None
    missing, words = _members(bench, electors - said), WORDS - len(said & electors)
    return Ground(Clause.DISPUTE, IN, (deeds[removal].id,), missing=missing, paper=True, words=words)


def promotion(bench: Bench, member: Bit) -> Ground | None:
    """Whose word the newest grant lacks that makes a member a coordinator, and not an elector yet (trade-off U1). None
    if there is no such grant, or their word counts."""
    deeds = bench.deeds
    if member in bench.verdicts.electors(bench.within):
        return None
    granted = [bit for bit in deeds.grants_to(member) if has(deeds.promotions & bench.within, bit)]
    for grant in reversed([bit for bit in granted if bench.label(bit) == IN]):
        electors = bench.verdicts.electors(deeds[grant].past)
        said = voters(deeds, bench.within, grant, bench.verdicts) & electors - {member}
        missing = _members(bench, electors - said - {member})
        words = words_needed(electors) - len(said)
        return Ground(Clause.ELECTORS, IN, (deeds[grant].id,), missing=missing, paper=True, words=words)
    return None


def _frozen(bench: Bench, bit: Bit) -> Ground:
    deeds = bench.deeds
    if has(bench.verdicts.forked(bench.within), bit):
        electors = bench.verdicts.electors(deeds[bit].past) - {deeds.member(bit)}
        branches = each(deeds.beside(bit) & bench.within)
        return Ground(Clause.FORK, OUT, _ids(bench, *branches), missing=_members(bench, electors))
    anchors = each(deeds.passing(bit) & deeds.seal_keys & bench.within)
    return Ground(Clause.LATE, OUT, _ids(bench, *anchors), paper=True)


def _from_cause(bench: Bench, bit: Bit) -> list[Ground]:
    deeds, label = bench.deeds, rule_2_cause(bench, bit)
    if label == IN:
        return []
    device, member = deeds.device(bit), deeds.member(bit)
    introduced = member if has(deeds.strikes, bit) else device
    rests = [grant for grant in (introduced, *deeds.grants_to(member)) if has(deeds[bit].past, grant)]
    fallen = [grant for grant in dict.fromkeys(rests) if bench.label(grant) != IN]
    taken = [
        strike
        for strike in bench.strikes_at(device)
        if strike != bit
        and not deeds.is_removal(strike)
        and bench.label(strike) != OUT
        and strike_applies(bench, strike, bit)
    ]
    return [Ground(Clause.CAUSE, label, _ids(bench, *fallen, *taken))]


def _from_strikes(bench: Bench, bit: Bit) -> list[Ground]:
    deeds, found = bench.deeds, list[Ground]()
    removals = [s for s in bench.strikes_at(deeds.device(bit)) if s != bit and deeds.is_removal(s)]
    if has(deeds.strikes, bit):
        return [_dispute(bench, removal, bit) for removal in removals if _matters(bench, removal, bit)]
    blind = [s for s in removals if not deeds.saw(s, bit) and bench.label(s) != OUT]
    saw = [s for s in removals if deeds.saw(s, bit) and bench.label(s) != OUT]
    if blind and saw:
        found.append(Ground(Clause.ANY_CUT, max(bench.label(s) for s in saw), _ids(bench, *saw)))
    if blind:
        worst = OUT if any(bench.label(s) == IN for s in blind) else UNDECIDED
        found.append(Ground(Clause.STRIKE, worst, _ids(bench, *blind)))
    return found


def _matters(bench: Bench, strike: Bit, bit: Bit) -> bool:
    """Whether a strike voids another one, or would if it weighed more."""
    unseen = not bench.deeds.saw(strike, bit)
    return unseen or bit in bench.deeds.named(strike) or strike_applies(bench, strike, bit)


def _dispute(bench: Bench, strike: Bit, bit: Bit) -> Ground:
    deeds = bench.deeds
    parties = deeds.hits(strike).parties | deeds.hits(bit).parties
    electors = bench.verdicts.electors(deeds[strike].past & deeds[bit].past, parties)
    said = {deeds.member(vote) for one in (strike, bit) for vote in votes(deeds, bench.within, one)}
    label = opposite(bench.label(strike)) if strike_applies(bench, strike, bit) else IN
    weights = bench.weight(strike, bit), bench.weight(bit, strike)
    return Ground(Clause.DISPUTE, label, _ids(bench, strike), weights, _members(bench, electors - said), True)


def _ids(bench: Bench, *bits: Bit) -> tuple[EntryId, ...]:
    return tuple(bench.deeds[bit].id for bit in bits)


def _members(bench: Bench, members: frozenset[Bit]) -> frozenset[MemberId]:
    return frozenset(MemberId(bench.deeds[member].id) for member in members)
