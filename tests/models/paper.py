"""Rule 12: the recovery keys. What they do is never weighed, so a recovery key's acts are known before any label.

12 Recovery key: named in found, needs no grant, cannot be struck, outweighs all. The kind `recovery` replaces the key:
signed by it, or by two electors' words where the paper is lost. Two concurrent replacements are weighed by electors'
votes only (as strikes are, rule 7); equal = UNDECIDED, and neither key, nor the one that they replace, has rule 12
meanwhile.

(What a replaced key did stands as far as its replacement has seen it. Who writes a `recovery` in needs no right: the
signature or the words are what counts. One with neither is void, so no coordinator adds a paper alone.)
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.histories.forms import Entry, Id, Kind, Label
from tests.models import electorate
from tests.models.facts import Held, Judge, all_of, any_of, opposite


def papers(judge: Judge, held: Held) -> dict[Id, Label]:
    """The labels of the `found` and of each `recovery`: the least fixpoint, all of the latter UNDECIDED at first.

    (Whether one is backed can depend on others that it rivals, in a circle: with two chains of one stolen paper.)
    """
    brought = [each for each in judge.facts.of(held) if each.kind in (Kind.FOUND, Kind.RECOVERY)]
    labels = {each.id: Label.IN if each.kind is Kind.FOUND else Label.UNDECIDED for each in brought}
    while True:
        found = {each.id: _brought(judge, each, held, labels) for each in brought}
        if found == labels:
            return labels
        labels = found


def spoke(judge: Judge, entry: Entry, held: Held) -> bool:
    """Whether a recovery key wrote it that has rule 12."""
    return entry.key is not None and acted(judge, entry, held) is Label.IN


def acted(judge: Judge, entry: Entry, held: Held) -> Label:
    """The label of what a recovery key wrote."""
    assert entry.key is not None
    labels = judge.papers(held)
    later = (each for each in _replacements(judge, entry.key, held) if entry.id not in each.past and each is not entry)
    return all_of(labels[entry.key], opposite(any_of(*(labels[each.id] for each in later))))


def in_force(judge: Judge, key: Id, held: Held) -> Label:
    """Whether what this key writes next has rule 12."""
    labels = judge.papers(held)
    return all_of(labels[key], opposite(any_of(*(labels[each.id] for each in _replacements(judge, key, held)))))


def _brought(judge: Judge, entry: Entry, held: Held, labels: Mapping[Id, Label]) -> Label:
    """The label of the `found` or `recovery` that brought a key in."""
    if entry.kind is Kind.FOUND:
        return Label.IN
    label = _backed(judge, entry, held, labels)
    for rival in _rivals(judge, entry, held):
        ours, theirs = (electorate.members(judge, *each, held) for each in ((entry, rival), (rival, entry)))
        if ours <= theirs:
            equal = Label.UNDECIDED if ours == theirs else Label.OUT
            label = all_of(label, any_of(equal, opposite(_backed(judge, rival, held, labels))))
    return label


def _replacements(judge: Judge, key: Id, held: Held) -> list[Entry]:
    return [each for each in judge.facts.of(held) if key in each.replaces]


def _backed(judge: Judge, entry: Entry, held: Held, labels: Mapping[Id, Label]) -> Label:
    """Said by two electors of its past, or signed by a key that was in force when it saw it.

    (What that key rests on may fall later, by what it had not seen: then so does this.)
    """
    if len(electorate.voters(judge, entry, held, judge.electors(entry.past))) >= 2:
        return Label.IN
    if not entry.signed:
        return Label.OUT
    seen = {key: [each for each in _replacements(judge, key, held) if each.id in entry.past] for key in entry.replaces}
    return any_of(
        *(all_of(labels[key], *(opposite(labels[each.id]) for each in replaced)) for key, replaced in seen.items())
    )


def _rivals(judge: Judge, entry: Entry, held: Held) -> list[Entry]:
    return [
        each
        for each in judge.facts.of(held)
        if each.replaces & entry.replaces
        and each.id != entry.id
        and each.id not in entry.past
        and entry.id not in each.past
    ]
