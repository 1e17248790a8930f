"""Histories to measure with: people who wrote a great deal.

    70 %  an item appended to a case's log
    30 %  one of ten registers set, naming the value that it replaces
    500   cases, 200 characters per value, some seconds between two entries

The authors write in turn, `burst` entries each, and each has seen everything written before. Entries are exactly as the
devices themselves would have written them. Only signatures are left out where a batch carries one for thousands of
entries.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from bench.ground import Ground, Seat
from cellsync.core import caps
from cellsync.core.history.entry import (
    Entry,
    Standing,
    chain_of,
    chain_prefix,
    entry_id,
    pack_slots,
    sign,
    slot_of,
)
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.ids import ID_BYTES, CaseId, Millis, Ref
from cellsync.core.replica.stage import Plan, Stage
from cellsync.core.wire import operations
from cellsync.core.wire.batches import Batch, BatchChain, BatchEntry, entry_size
from cellsync.core.wire.operations import SALT_BYTES, Operation
from cellsync.core.wire.tags import Kind, Op
from cellsync.ledger.surroundings import REAL

CASES: Final = 500
REGISTERS: Final = 10
CHARACTERS: Final = 200  # of each value: 150 random bytes in base64
APPENDS: Final = 0.7
LONGEST_PAUSE: Final = 52_000  # ms: 100,000 entries in a month
COMMIT: Final = 2_000  # entries per commit while a history is made
PER_BATCH: Final = 3_500  # entries, about 1 MB


class Edit(NamedTuple):
    """One change to a case."""

    case: CaseId
    operation: Operation


class Edits:
    """The stream of edits that people make."""

    def __init__(self, source: Random) -> None:
        self._random = source
        self._cases = [CaseId(source.randbytes(ID_BYTES)) for _ in range(CASES)]
        self._set: dict[tuple[CaseId, str], Ref] = {}

    def next(self) -> Edit:
        text = base64.b64encode(self._random.randbytes(CHARACTERS * 3 // 4)).decode()
        case = self._random.choice(self._cases)
        if self._random.random() < APPENDS:
            return Edit(case, Operation(Op.APPEND, "timeline", None, text))
        field = f"field{self._random.randrange(REGISTERS)}"
        return Edit(case, Operation(Op.SET, field, self._set.get((case, field), b""), text))

    def written(self, edit: Edit, ref: Ref) -> None:
        """An edit was written under this ref, which the next setting of the same register names."""
        if edit.operation.tag == Op.SET:
            self._set[edit.case, edit.operation.field] = ref


def began_before(entries: int) -> Millis:
    """The time at which a circle was founded, if the last of its entries is from today."""
    return Millis(REAL.now() - entries * LONGEST_PAUSE // 2)


class History:
    """The history written on a ground that has no other writers."""

    def __init__(self, ground: Ground, burst: int = 1) -> None:
        self._ground = ground
        self._burst = burst
        self._edits = Edits(ground.random)
        self._clock = ground.began
        self._count = 0
        self._last = ground.founder.line  # the chain of the newest entry
        circle = ground.circle
        self._prefixes = {seat.line: chain_prefix(circle, seat.device, seat.incarnation) for seat in ground.authors}

    def write(self, entries: int) -> None:
        """Write entries into the founder's store, each signed and with its own arrival, as if received live."""
        for count in _portions(entries, COMMIT):
            self._ground.keep(self._plan(count, each_signed=True))
        self._ground.store.save_snapshots(self._ground.replica.states.snapshots())
        self._ground.store.flush()

    def batches(self, entries: int) -> Iterator[Batch]:
        """Batches of entries of one author, which are not stored; the first batch introduces the devices."""
        replica = self._ground.replica
        introduction = replica.serve(0, PeerHoldings({}, (), ()), replica.held.arrival).batch
        assert introduction is not None
        yield introduction
        for count in _portions(entries, PER_BATCH):
            before = replica.held.chains[1]
            plan = self._plan(count, each_signed=False)
            replica.held.advance(plan.commit)
            replica.held.take_cases(plan.commit.cases)
            newest = plan.commit.entries[-1]
            row = BatchChain(*self._last, before.length + 1, before.head, newest.signature)
            yield self._pack(row, plan)

    def _plan(self, count: int, *, each_signed: bool) -> Plan:
        replica, authors = self._ground.replica, self._ground.authors
        stage = Stage(replica.held, replica.circle, self._ground.store)
        for left in reversed(range(count)):
            author = authors[self._count // self._burst % len(authors)]
            self._write(stage, author, signed=each_signed or not left)
            self._count += 1
        return stage.plan(each_ends=True)

    def _write(self, stage: Stage, author: Seat, *, signed: bool) -> None:
        """Like planner.plan_writes, but without looking for the heads: the only one is the newest entry."""
        own, last = stage.own(author.line), stage.own(self._last)
        height, past, parent, parents = own.height, own.past, b"", b""
        if last.number != own.number:
            height, past = max(height, last.height), stage.union(past, last.past)
            parent, slot = last.head, slot_of(last.number, last.length)
            parents = pack_slots([slot])
            stage.cited.add(slot)
        edit = self._edits.next()
        shape = operations.encode_shape([edit.operation])
        content = operations.encode_content(self._ground.random.randbytes(SALT_BYTES), [edit.operation])
        self._clock = clock = Millis(self._clock + self._ground.random.randrange(1, LONGEST_PAUSE))
        sequence, height = own.length + 1, height + 1
        identity = entry_id(
            self._prefixes[author.line],
            sequence,
            own.head,
            height,
            clock,
            Kind.CASE,
            edit.case,
            shape,
            content,
            parent,
        )
        number = stage.case_number(edit.case)
        entry = Entry(
            slot_of(own.number, sequence), number, stage.heads[number], identity, height, clock, Kind.CASE, past,
            Standing.IN, parents, shape, content, sign(author.secrets.signing, identity) if signed else None,
        )  # fmt: skip
        stage.add(entry, author.device, True)
        stage.advance(own.number, entry, entry_size(shape, content, len(parents) // 8))
        self._edits.written(edit, operations.ref(identity, 0))
        self._last = author.line

    def _pack(self, row: BatchChain, plan: Plan) -> Batch:
        """The batch of entries that are all in one chain."""
        case_ids, rows = self._ground.replica.held.case_ids, dict[int, int]()
        batch = Batch(chains=[row])
        clock = 0
        for entry in plan.commit.entries:
            case = rows.setdefault(entry.case, len(rows))
            batch.entries.append(BatchEntry(0, case, [], entry.clock - clock, entry.kind, entry.shape, entry.content))
            batch.size += entry_size(entry.shape, entry.content, 0)
            clock = entry.clock
        batch.cases = [case_ids[number] for number in rows]
        assert batch.size <= caps.BATCH
        assert chain_of(plan.commit.entries[-1].slot) == 1
        return batch


def _portions(whole: int, most: int) -> Iterator[int]:
    """`whole` in portions of at most `most`."""
    for at in range(0, whole, most):
        yield min(most, whole - at)
