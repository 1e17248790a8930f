"""Planting: members who made coordinators where nobody else had a word, in a branch beside another one of theirs.

No rule tells which of two such branches was there first, so whoever was planted weighs in what both share as much as
whom everybody knows, and their strikes can make a removal undecided even if it was final (protocol/40-membership.md,
T9). The recovery key settles that.
"""

from __future__ import annotations

from cellsync.core.membership.deeds import Bit, Deeds, each
from cellsync.core.membership.verdicts import Verdicts


def planters(deeds: Deeds, within: int, verdicts: Verdicts) -> frozenset[Bit]:
    """Who decided alone, and forked there."""
    if not deeds.forked & within:
        return frozenset()
    return frozenset(
        deeds.member(grant)
        for grant in each(deeds.promotions & within & ~deeds.by_paper)
        if deeds.beside(grant) & within and verdicts.electors(deeds[grant].past) == {deeds.member(grant)}
    )
