"""Sight: how much of each branch an entry has seen, found by going through its past once.

A control past says which deeds an entry has seen, and not which of the many other entries. What a strike has seen of
the chains that it strikes is asked seldom, so it is found when it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import chain_of, sequence_of, slot_of


def sight(slot: int, branch: Callable[[int], Chain], cited: Callable[[int, int, int], Iterable[int]]) -> dict[int, int]:
    """By branch, the sequence of the last entry of its own that the entry at this slot has seen, itself included.

    `cited`: the slots that the entries of a branch from one sequence to another name as parents.
    """
    seen: dict[int, int] = {}
    waiting = [slot]
    while waiting:
        at = waiting.pop()
        number, sequence = chain_of(at), sequence_of(at)
        chain = branch(number)
        known = seen.get(number, chain.first - 1)
        if sequence > known:
            if number not in seen and chain.base:
                waiting.append(slot_of(chain.base, chain.first - 1))
            seen[number] = sequence
            waiting.extend(cited(number, known + 1, sequence))
    return seen
