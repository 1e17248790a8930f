"""What counts of an equivocator: a device that wrote more branches than any honest one can (protocol/30-history.md).

    device with at most caps.BRANCHES branches         all its entries count
    device with more (an equivocator)                  only those in the past of some other device's entry count

Both sides of a fork are kept, because restoring a backup makes one. Sixteen branches are more than honest devices need;
an equivocator could feed every replica different branches without end. Which ones arrive first depends on the replica,
so the rule must not: once a replica holds any seventeen, only what others have built on counts there. Those seventeen
prove the equivocation to every other replica, and then all agree again, because what others built on reaches all.
Entries that do not count are not folded, not in the digest, and introduce nobody; none of them is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import Entry, chain_of, sequence_of, slot_of, unpack_slots
from cellsync.core.ids import DeviceId

Counted = dict[int, int]
"""Number of an equivocator's branch -> sequence of its last entry that counts; before its first if none does."""


def count(
    counted: Callable[[int], int | None], branch: Callable[[int], Chain], equivocators: Collection[DeviceId],
    cited: Iterable[int], entry_at: Callable[[int], Entry | None],
) -> Counted:  # fmt: skip
    """The entries that newly count when others cite these slots: their past, as far as equivocators wrote it.

    `counted`: up to where a branch counted before, None if nothing on it did. The cost is proportional to the entries
    that newly count, however many are held.
    """
    grown: Counted = {}
    stack = list(cited)
    while stack:
        slot = stack.pop()
        chain, sequence = branch(chain_of(slot)), sequence_of(slot)
        if chain.device not in equivocators:
            continue  # it counts, and so does its past
        last = grown.get(chain.number)
        if last is None:
            before = counted(chain.number)
            last = chain.first - 1 if before is None else before
        if sequence <= last:
            continue
        grown[chain.number] = sequence
        if last < chain.first and chain.base:
            stack.append(slot_of(chain.base, chain.first - 1))
        for at in range(last + 1, sequence + 1):
            entry = entry_at(slot_of(chain.number, at))
            if entry is not None and entry.parents:
                stack += unpack_slots(entry.parents)
    return grown
