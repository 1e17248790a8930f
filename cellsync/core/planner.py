"""From a batch, or from an intention to write, to a `Plan`. Pure: reads through the store's port, changes nothing.

    1  A slice attaches if `previous` of its row is the id of the entry before its first. One that does not attach is
       refused and flagged: a gap, or a fork. What cites it is refused with it; other chains go on.
    2  Ids, heights and control pasts are computed from what is held and from what came before in the batch.
    3  An entry's standing follows from its own control past alone (membership rules 1 and 2).
    4  Per chain one signature, that of its last entry in the batch, covers the slice through `previous`.
    5  A batch that breaks a rule is discarded whole: PeerError, and nothing is planned.

A chain's slice is taken whole or refused whole. So after every commit the newest entry of each chain has its
signature here, and whatever is held can be served on. (protocol/30-history.md, protocol/50-sync.md)
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final, NamedTuple

from cellsync.core import caps
from cellsync.core.errors import BadSignature, InvalidValue, Malformed, WrongLink
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


class _Refused(Exception):
    """The chain of this row does not attach."""

    def __init__(self, row: int) -> None:
        self.row = row


class _Slice:
    """One row of a batch's chains while it is planned: where its next entry goes."""

    __slots__ = ("at", "chain", "head", "height", "next", "past", "prefix", "row", "size", "skip")

    def __init__(self, chain: Chain, row: BatchChain, prefix: bytes, skip: int) -> None:
        self.chain = chain
        self.row = row
        self.prefix = prefix
        self.next = row.first
        self.skip = skip  # entries up to this sequence are held already, or refused
        self.head, self.height, self.past = chain.head, chain.height, chain.past
        self.size = 0
        self.at = -1  # index of its newest staged entry


def plan_batch(held: Holdings, circle: Circle, store: Store, batch: Batch, now: Millis) -> Plan:
    """Verify a peer's batch. Raises PeerError if it breaks a rule."""
    refused: set[int] = set()
    while True:
        try:
            stage = Stage(held, circle, now)
            _stage_batch(stage, store, batch, refused)
        except _Refused as unattached:  # rare; what cites the refused chain falls in the next round
            refused.add(unattached.row)
        else:
            return stage.plan([batch.chains[row][:3] for row in sorted(refused)])


def _stage_batch(stage: Stage, store: Store, batch: Batch, refused: set[int]) -> None:
    slices = [_open_slice(stage, number, row, refused) for number, row in enumerate(batch.chains)]
    numbers = [stage.case_number(case) for case in batch.cases]
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
            height, past, parent_ids, parent_slots = _parents(stage, store, by_slot, slices, row, parents)
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
            counts = stage.circle.counts(kind, past, author)
        number = numbers[case_row]
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
    for number, current in enumerate(slices):
        if current.at >= 0:
            _close_slice(stage, number, current)


def _open_slice(stage: Stage, number: int, row: BatchChain, refused: set[int]) -> _Slice:
    name = row[:3]
    prefix = chain_prefix(stage.held.circle, row.device, row.incarnation)
    chain = stage.find_chain(name)
    if number in refused or row.signature is None:  # nothing of it is taken; others may cite what is held of it
        return _Slice(chain or Chain(0, *name, 0, EntryId(NO_ID), 0, EMPTY_PAST, False), row, prefix, _CLOCK_END)
    chain = chain or stage.chain(name)
    if row.first > chain.length + 1 or (row.first == chain.length + 1 and row.previous != chain.head):
        raise _Refused(number)
    return _Slice(chain, row, prefix, chain.length)


def _parents(
    stage: Stage, store: Store, by_slot: dict[int, Entry], slices: list[_Slice], row: int, parents: list[int]
) -> tuple[int, int, bytes, bytes]:
    """(greatest height, union of control pasts, ids, slots) over an entry's previous and its parents."""
    height, past = slices[row].height, slices[row].past
    found: list[tuple[EntryId, int]] = []
    for at in range(0, len(parents), 2):
        cited = slices[parents[at]]
        sequence = cited.next - parents[at + 1]
        if sequence < 1:
            raise Malformed("a parent is out of range")
        slot = cited.chain.number << SLOT_BITS | sequence
        parent = by_slot.get(slot) or store.entry_at(slot)
        if parent is None:
            raise _Refused(row)
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


def _close_slice(stage: Stage, number: int, current: _Slice) -> None:
    """Check the signature that covers a slice; its chain advances."""
    row = current.row
    key = stage.circle.signing_key(row.device)
    if key is None:
        raise WrongLink("an entry by a device that nothing introduces")
    if row.signature is None or not verify(key, row.signature, current.head):
        if row.first <= current.chain.length:
            raise _Refused(number)  # what we hold of it was not compared, so this may be a fork
        raise BadSignature()
    stage.advance(current.chain, stage.sign_at(current.at, row.signature), current.size)


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
    return stage.plan()


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
