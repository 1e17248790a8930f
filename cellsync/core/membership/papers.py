"""Rule 12, and how a recovery key gives way to another (trade-off T8).

A recovery key speaks for the circle: it needs no grant, cannot be struck, and outweighs all. So who speaks with which
paper is decided before anything else, by signatures and electors' words alone, and never by what a recovery key voted.
Nor has the author of a `recovery` to be a coordinator: what counts is who backs it.

    p replaces K    a `recovery` p names what brought in K, and has the signature of K, or two electors' words
    p rivals q      p replaces what q replaces, neither saw the other, and p has at least as many electors' words

A key that a coordinator merely adds opens what is sealed to it, and speaks for nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cellsync.core.membership.ballots import WORDS, rule_7_weight, voters
from cellsync.core.membership.deeds import Bit, Deeds, each, has
from cellsync.core.membership.label import IN, OUT, UNDECIDED, Label, opposite
from cellsync.core.membership.recovery import WRITES
from cellsync.core.membership.verdicts import Verdicts
from cellsync.core.wire.tags import Kind


def rule_12_recovery_key(deeds: Deeds, within: int, forked: int, verdicts: Verdicts) -> dict[Bit, Label]:
    """What a recovery key signs is IN as long as the key speaks for the circle: `found` named it, or it replaced one
    that does; and nothing that did not see what it signs has replaced it. Of two replacements that did not see each
    other the one with more electors' words stands. With equally many both are UNDECIDED, and so is what either signs,
    or the replaced key."""
    replacements = [bit for bit in each(deeds.recoveries & within) if deeds.named(bit)]
    with_words = {bit for bit in replacements if _has_words(deeds, within, bit, verdicts)}
    backed = [bit for bit in replacements if bit in with_words or deeds[bit].signed]
    rivals = {bit: _rivals(deeds, within, bit, backed, forked, verdicts) for bit in backed}
    labels = dict.fromkeys(replacements, UNDECIDED)

    def born(key: Bit) -> Label:
        return IN if deeds[key].kind == Kind.FOUND else labels.get(key, OUT)

    def in_force(key: Bit, since: Collection[Bit]) -> Label:
        gone = (opposite(labels[new]) for new in since if key in deeds.named(new))
        return min((born(key), *gone))

    def stands(bit: Bit) -> Label:
        if bit not in rivals:
            return OUT
        seen = [new for new in replacements if deeds.saw(bit, new)]
        claim = IN if bit in with_words else max(in_force(key, seen) for key in deeds.named(bit))
        return min((claim, *(opposite(labels[rival]) for rival in rivals[bit])))

    def speaks(bit: Bit) -> Label:
        key = deeds.key(bit) if deeds[bit].kind in WRITES else None
        return OUT if key is None else in_force(key, [new for new in replacements if not deeds.saw(new, bit)])

    before: dict[Bit, Label] = {}
    while before != labels:
        before = dict(labels)
        labels.update((bit, stands(bit)) for bit in replacements)
    return {bit: speaks(bit) for bit in each(deeds.by_paper & within)} | labels


def papers_in_force(deeds: Deeds, within: int, by_paper: Mapping[Bit, Label]) -> frozenset[Bit]:
    """What brought in the recovery keys that speak for the circle now."""
    brought = {bit for bit in each(deeds.recoveries & within) if by_paper.get(bit) == IN} | {deeds.found}
    replaced = {
        old
        for bit, label in by_paper.items()
        if label != OUT
        for old in (deeds.named(bit) if has(deeds.recoveries, bit) else ())
    }
    return frozenset(bit for bit in brought - replaced if bit is not None)


def replaced_papers(deeds: Deeds, by_paper: Mapping[Bit, Label]) -> frozenset[Bit]:
    """What brought in the recovery keys that have given way, whatever speaks for the circle now."""
    standing = (bit for bit, label in by_paper.items() if label == IN and has(deeds.recoveries, bit))
    return frozenset(old for bit in standing for old in deeds.named(bit))


def _has_words(deeds: Deeds, within: int, bit: Bit, verdicts: Verdicts) -> bool:
    """Two electors' words, where the paper is lost. One is never enough: in some past its author was the only one."""
    return len(voters(deeds, within, bit, verdicts) & verdicts.electors(deeds[bit].past)) >= WORDS


def _rivals(deeds: Deeds, within: int, bit: Bit, backed: Collection[Bit], forked: int, verdicts: Verdicts) -> list[Bit]:
    def words(one: Bit, other: Bit) -> int:
        return rule_7_weight(deeds, within, one, other, forked, {}, verdicts).members

    return [
        other
        for other in backed
        if other != bit
        and not deeds.saw(other, bit)
        and not deeds.saw(bit, other)
        and not set(deeds.named(other)).isdisjoint(deeds.named(bit))
        and words(other, bit) >= words(bit, other)
    ]
