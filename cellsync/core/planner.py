"""From a batch, or from an intention to write, to a `Plan`. Pure: reads through the store's port, changes nothing.

    1  A slice attaches if `previous` of its row is the id of the entry before its first, all its parents are held, and
       its device is introduced. One that does not attach is refused and flagged: a gap, or a fork. What cites it is
       refused with it; other chains go on.
    2  Ids, heights and control pasts are computed from what is held and from what came before in the batch.
    3  An entry's standing follows from its own control past alone (membership rules 1 and 2).
    4  Per chain one signature, that of its last entry in the batch, covers the slice through `previous`. Where it does
       not verify, and ids rest on entries that the batch only points at, the two sides may hold different ones in that
       place: then the slice is refused, and nobody is blamed.
    5  A batch that breaks a rule is discarded whole: PeerError, and nothing is planned.

A chain's slice is taken whole or refused whole. So after every commit the newest entry of each chain has its
signature here, and whatever is held can be served on. (protocol/30-history.md, protocol/50-sync.md)
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final, NamedTuple

from cellsync.core import caps
from cellsync.core.errors import BadSignature, CapExceeded, InvalidValue, Malformed
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import (
    SLOT_BITS,
    Entry,
    Standing,
    chain_prefix,
    entry_id,
    founding_prefix,
    pack_slots,
    sign,
    slot_of,
    verify,
)
from cellsync.core.holdings import Holdings
from cellsync.core.ids import NO_ID, CaseId, EntryId, Millis, SigningSecret
from cellsync.core.membership.circle import EMPTY_PAST, Circle
from cellsync.core.ports import Store
from cellsync.core.stage import Plan, Stage
from cellsync.core.wire.messages import Batch, BatchChain, ChainName, entry_size
from cellsync.core.wire.tags import Kind

_FOUND: Final = int(Kind.FOUND)
_CLOCK_END: Final = 1 << 63


class _Slice:
    """One row of a batch's chains while it is planned: where its next entry goes."""

    __slots__ = (
        "at", "chain", "cited_by", "counts", "head", "height", "judged", "next", "past", "pointed", "prefix", "refused",
        "row", "size", "skip",
    )  # fmt: skip

    def __init__(self, chain: Chain, row: BatchChain, prefix: bytes, skip: int) -> None:
        self.chain = chain
        self.row = row
        self.prefix = prefix
        self.next = row.first
        self.skip = skip  # entries up to this sequence are held already, or refused
        self.head, self.height, self.past = chain.head, chain.height, chain.past
        self.judged, self.counts = -1, False  # a control past, and whether case entries with it count
        self.size = 0
        self.at = -1  # index of its newest staged entry
        self.refused = False
        self.pointed = row.first <= chain.length  # whether its ids rest on entries that were only pointed at
        self.cited_by: list[_Slice] = []  # slices with an entry that cites one of its new entries

    def refuse(self) -> None:
        """It does not attach, and neither does what cites it."""
        stack = [self]
        while stack:
            current = stack.pop()
            if not current.refused:
                current.refused, current.skip = True, _CLOCK_END
                stack += current.cited_by


def plan_batch(held: Holdings, circle: Circle, store: Store, batch: Batch, now: Millis) -> Plan:
    """Verify a peer's batch. Raises PeerError if it breaks a rule."""
    if len({row[:3] for row in batch.chains}) != len(batch.chains):
        raise Malformed("a batch names a chain twice")
    refused: set[int] = set()
    while True:
        stage = Stage(held, circle, now)
        found = _stage_batch(stage, store, batch, refused)
        if found == refused:
            return stage.plan([batch.chains[row][:3] for row in sorted(refused)])
        refused = found  # rare: the rest of the batch once more, without them


def _stage_batch(stage: Stage, store: Store, batch: Batch, refused: set[int]) -> set[int]:
    """Stage a batch but for the rows in `refused`; all rows that turned out not to attach, those included."""
    slices = [_open_slice(stage, store, row, number in refused) for number, row in enumerate(batch.chains)]
    numbers = [0] * len(batch.cases)  # a case is numbered when an entry of it is staged
    by_slot: dict[int, Entry] = {}
    heads = stage.heads
    clock = 0
    for row, case_row, parents, difference, kind, shape, content in batch.entries:
        clock += difference
        current = slices[row]
        sequence = current.next
        current.next = sequence + 1
        if sequence <= current.skip:
            continue
        if not 0 <= clock < _CLOCK_END:
            raise Malformed("a clock is out of range")
        height, past = current.height, current.past
        parent_ids = parent_slots = b""
        if parents:
            named = _parents(stage, store, by_slot, slices, current, parents)
            if named is None:
                current.refuse()
                continue
            height, past, parent_ids, parent_slots = named
        case, prefix, author = batch.cases[case_row], current.prefix, current.chain.device
        if kind:
            if bytes(case) != stage.held.circle:
                raise Malformed("a control entry outside the circle's own case")
            if kind == _FOUND:  # it names the circle, so it cannot contain the name
                case, prefix = CaseId(NO_ID), founding_prefix(current.chain.incarnation)
        height += 1
        identity = entry_id(prefix, sequence, current.head, height, clock, kind, case, shape, content, parent_ids)
        if kind:
            past, counts = stage.control(identity, kind, past, author, shape, content)
        else:
            if past != current.judged:  # rights follow from the past alone, and that seldom changes
                current.judged, current.counts = past, stage.circle.counts(kind, past, author)
            counts = current.counts
        number = numbers[case_row] or stage.case_number(batch.cases[case_row])
        numbers[case_row] = number
        slot = current.chain.number << SLOT_BITS | sequence
        standing = Standing.IN if counts else Standing.VOID
        entry = Entry(
            slot, number, heads[number], identity, height, Millis(clock), kind, past, standing,
            parent_slots, shape, content, None,
        )  # fmt: skip
        by_slot[slot] = entry
        current.at = len(stage.entries)
        current.head, current.height, current.past = identity, height, past
        current.size += entry_size(shape, content, len(parents) >> 1)
        stage.add(entry, author, counts)
    for current in slices:
        if (current.next > current.row.first) != (current.row.signature is not None):
            raise Malformed("a row with a signature and no entries, or with entries and no signature")
        if current.at >= 0 and not current.refused:
            _close_slice(stage, current)
    return {number for number, current in enumerate(slices) if current.refused}


def _open_slice(stage: Stage, store: Store, row: BatchChain, refused: bool) -> _Slice:
    name = row[:3]
    prefix = chain_prefix(stage.held.circle, row.device, row.incarnation)
    chain = stage.find_chain(name)
    if not refused and row.signature is not None:
        if chain is not None:
            refused = row.first > chain.length + 1 or row.previous != _id_at(store, chain, row.first - 1)
        elif row.first > 1 or row.previous != NO_ID or row.branch:
            refused = True  # branches are opened by whoever sees a fork, never on a peer's word
        else:
            try:
                chain = stage.chain(name)
            except CapExceeded:
                refused = True
    if chain is None:
        chain = Chain(0, *name, 0, EntryId(NO_ID), 0, EMPTY_PAST, False)
    # Of a row without a signature nothing is taken, but others may cite what is held of it. The same if it is refused.
    current = _Slice(chain, row, prefix, chain.length if row.signature is not None else _CLOCK_END)
    if refused:
        current.refuse()
    return current


def _id_at(store: Store, chain: Chain, sequence: int) -> EntryId | None:
    """The id of an entry held; zeros before the first."""
    if sequence == chain.length:
        return chain.head
    entry = store.entry_at(slot_of(chain.number, sequence)) if sequence else None
    return EntryId(NO_ID) if not sequence else entry and entry.id


def _parents(
    stage: Stage, store: Store, by_slot: dict[int, Entry], slices: list[_Slice], current: _Slice, parents: list[int]
) -> tuple[int, int, bytes, bytes] | None:
    """(greatest height, union of control pasts, ids, slots) over an entry's previous and its parents; None if one is
    not held."""
    height, past = current.height, current.past
    found: list[tuple[EntryId, int]] = []
    for at in range(0, len(parents), 2):
        cited = slices[parents[at]]
        sequence = cited.next - parents[at + 1]
        if sequence < 1:
            raise Malformed("a parent is out of range")
        slot = cited.chain.number << SLOT_BITS | sequence
        parent = by_slot.get(slot)
        if parent is None:
            parent = store.entry_at(slot)
            current.pointed = True
            if parent is None:
                return None
        else:
            current.pointed = current.pointed or cited.pointed
            if not cited.cited_by or cited.cited_by[-1] is not current:
                cited.cited_by.append(current)
        if parent.height > height:
            height = parent.height
        if parent.past != past:
            past = stage.union(past, parent.past)
        found.append((parent.id, slot))
        stage.cited.add(slot)
    if len(found) == 1:  # the common case: two people taking turns
        return height, past, found[0][0], pack_slots([found[0][1]])
    found.sort()
    if any(one[0] == other[0] for one, other in pairwise(found)):
        raise Malformed("an entry cites a parent twice")
    return height, past, b"".join([parent for parent, _ in found]), pack_slots([slot for _, slot in found])


def _close_slice(stage: Stage, current: _Slice) -> None:
    """Check the signature that covers a slice; its chain advances."""
    row = current.row
    key = stage.circle.signing_key(row.device)
    if key is None:
        current.refuse()
    elif row.signature is not None and verify(key, row.signature, current.head):
        stage.advance(current.chain, stage.sign_at(current.at, row.signature), current.size)
    elif current.pointed:
        current.refuse()  # what we hold was not compared with what the peer holds, so this may be a fork
    else:
        raise BadSignature()


class Intention(NamedTuple):
    """An entry to write."""

    kind: int
    case: CaseId
    shape: bytes
    content: bytes


def plan_writes(
    held: Holdings, circle: Circle, chain: ChainName, secret: SigningSecret, intentions: list[Intention], now: Millis
) -> Plan:
    """Write entries of our own, one after the other, each signed. Raises InvalidValue if one is too large."""
    stage = Stage(held, circle, now)
    for intention in intentions:
        _stage_write(stage, chain, secret, intention, now)
    return stage.plan(each_ends=True)


def _stage_write(stage: Stage, name: ChainName, secret: SigningSecret, intention: Intention, clock: Millis) -> None:
    kind, case, shape, content = intention
    if len(shape) + len(content) > caps.ENTRY:
        raise InvalidValue(f"one edit holds at most {caps.ENTRY >> 10} KiB; attach larger things as files")
    own = stage.chain(name)
    height, past = own.height, own.past
    found: list[tuple[EntryId, int]] = []
    for head in stage.open_heads(own):
        height = max(height, head.height)
        past = stage.union(past, head.past)
        found.append((head.head, slot_of(head.number, head.length)))
    found.sort()
    parent_ids = b"".join(parent for parent, _ in found)
    stage.cited.update(slot for _, slot in found)
    device, incarnation, _ = name
    hashed_case, prefix = case, chain_prefix(stage.held.circle, device, incarnation)
    if kind == _FOUND:
        hashed_case, prefix = CaseId(NO_ID), founding_prefix(incarnation)
    sequence = own.length + 1
    height += 1
    identity = entry_id(prefix, sequence, own.head, height, clock, kind, hashed_case, shape, content, parent_ids)
    if kind:
        past, counts = stage.control(identity, kind, past, device, shape, content)
    else:
        counts = stage.circle.counts(kind, past, device)
    number = stage.case_number(case)
    standing = Standing.IN if counts else Standing.VOID
    slots = pack_slots([slot for _, slot in found])
    entry = Entry(
        slot_of(own.number, sequence), number, stage.heads[number], identity, height, clock, kind, past, standing,
        slots, shape, content, sign(secret, identity),
    )  # fmt: skip
    stage.add(entry, device, counts)
    stage.advance(own, entry, entry_size(shape, content, len(found)))
