"""Votes, and rule 7: how much one strike weighs against another.

Votes are counted as they were cast: neither suspicion nor a removal outside the common past takes one away, or else a
removal would settle the quarrel about itself. Members are counted, not devices. Two replacements of one recovery key
are weighed in the same way, by members only (`papers`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from cellsync.core.membership.deeds import PAPER, Bit, Deeds, has
from cellsync.core.membership.label import IN, Label
from cellsync.core.membership.verdicts import Verdicts

WORDS: Final = 2  # members who have to say what one alone must not decide


class Weight(NamedTuple):
    """Compared lexicographically."""

    paper: bool  # whether a recovery key voted
    members: int


NO_WORD: Final = Weight(False, 0)


def votes(deeds: Deeds, within: int, bit: Bit) -> list[Bit]:
    """A vote for r is r itself, or an endorsement of r."""
    return [vote for vote in (bit, *deeds.endorsements_of(bit)) if has(within, vote)]


def voters(deeds: Deeds, within: int, bit: Bit, verdicts: Verdicts) -> set[Bit]:
    """The members who voted for a strike, and whose votes rule 9 does not freeze."""
    said, forked = votes(deeds, within, bit), verdicts.forked(within)
    return {deeds.member(vote) for vote in said if not has(forked, vote)} - {PAPER}


def paper_voted(deeds: Deeds, within: int, bit: Bit, by_paper: Mapping[Bit, Label]) -> bool:
    """Whether a recovery key voted for it."""
    return any(by_paper.get(vote) == IN for vote in votes(deeds, within, bit))


def words_needed(electors: frozenset[Bit]) -> int:
    """Two, or the only one's if there is but one. Without any elector nobody's word is enough."""
    return min(WORDS, max(1, len(electors)))


def rule_7_weight(
    deeds: Deeds, within: int, one: Bit, other: Bit, frozen: int, by_paper: Mapping[Bit, Label], verdicts: Verdicts
) -> Weight:
    """W(one|other) = whether the recovery key voted for one, then the number of members who did. A member counts if an
    elector of the common past C, parties aside, whose device no non-party has removed in C, whose vote is not frozen,
    and of whom no vote for the other saw it. The recovery key changes its mind in the same way."""
    common = deeds[one].past & deeds[other].past
    parties = deeds.hits(one).parties | deeds.hits(other).parties
    electors = verdicts.electors(common, parties)
    contrary = [vote for vote in votes(deeds, within, other) if by_paper.get(vote, IN) == IN]
    standing = [
        vote
        for vote in votes(deeds, within, one)
        if not any(deeds.member(no) == deeds.member(vote) and deeds.saw(no, vote) for no in contrary)
    ]
    members = {
        deeds.member(vote)
        for vote in standing
        if deeds.member(vote) in electors
        and not has(frozen, vote)
        and not _is_removed(deeds, common, deeds.device(vote), parties, verdicts)
    }
    return Weight(any(by_paper.get(vote) == IN for vote in standing), len(members))


def _is_removed(deeds: Deeds, within: int, device: Bit, parties: frozenset[Bit], verdicts: Verdicts) -> bool:
    """Whether somebody who is no party removed a device."""
    return any(
        deeds.is_removal(strike) and deeds.member(strike) not in parties and verdicts.labels(within)[strike] == IN
        for strike in deeds.strikes_at(device)
        if has(within, strike)
    )
