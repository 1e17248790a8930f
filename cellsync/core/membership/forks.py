"""Rule 9: of a device that wrote two things at once, only what somebody else had seen before is believed.

A vault that was copied, or a device that backdates, has concurrent entries, and its strikes and votes could be aimed at
any moment of the past. To freeze all of them would be a weapon (after a fork at the root every admission would freeze),
so a vote with a witness stays, and grants are never frozen.

Case entries are neither branches nor witnesses: there are thousands, and every device writes a `seal_key` each week.
"""

from __future__ import annotations

from cellsync.core.membership.deeds import Bit, Deeds, each, has
from cellsync.core.membership.verdicts import Verdicts


def rule_9_forks(deeds: Deeds, within: int, verdicts: Verdicts) -> int:
    """A strike or vote with a concurrent entry of its own device is OUT unless some entry by an elector of its past,
    another member, saw it, saw no such branch, and has itself no concurrent entry of its own device.

    As such a branch counts as well what it did not see and is concurrent with the link of its device. And an
    endorsement is OUT if it is of a strike by somebody whom its author brought in, by an admission with a branch that
    the strike did not see: a puppet planted in the past strikes where few weigh, and its maker, who weighs there, votes
    today."""
    if not deeds.forked & within:
        return 0
    suspects = (deeds.strikes | deeds.endorsements) & within
    frozen = 0
    for vote in each(suspects):
        if any(_is_for_a_planted_puppet(deeds, within, vote, strike) for strike in deeds.named(vote)):
            frozen |= 1 << vote
        elif is_forked(deeds, within, vote):
            electors = verdicts.electors(deeds[vote].past) - {deeds.member(vote)}
            if not is_witnessed(deeds, within, vote, electors):
                frozen |= 1 << vote
    return frozen


def _is_for_a_planted_puppet(deeds: Deeds, within: int, vote: Bit, strike: Bit) -> bool:
    return (
        has(deeds.endorsements, vote)
        and has(deeds.strikes, strike)
        and any(
            deeds.member(admission) == deeds.member(vote) and deeds.beside(admission) & within & ~deeds[strike].past
            for admission in deeds.ancestors(strike)
        )
    )


def is_forked(deeds: Deeds, within: int, bit: Bit) -> bool:
    """Whether it has a concurrent entry of its own device. What a recovery key signs is a chain of its own."""
    return bool(deeds.beside(bit) & within)


def is_witnessed(deeds: Deeds, within: int, bit: Bit, members: frozenset[Bit]) -> bool:
    """Whether an unforked entry of one of these members saw it, and no branch beside it."""
    branches = deeds.beside(bit) & within
    return any(
        deeds.member(witness) in members
        and deeds.saw(witness, bit)
        and not deeds[witness].past & branches
        and not is_forked(deeds, within, witness)
        for witness in each(later_than(deeds.marks & within, bit))
    )


def later_than(within: int, bit: Bit) -> int:
    """The ones after it in order of arrival, among which are all that saw it."""
    return within >> (bit + 1) << (bit + 1)
