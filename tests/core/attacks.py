"""Batches that no honest device writes: whole freedom over rows, ids and signatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cellsync.core.history.entry import chain_prefix, entry_id, founding_prefix, sign
from cellsync.core.ids import NO_ID, CaseId, CircleId, DeviceId, EntryId, Incarnation, SigningSecret
from cellsync.core.wire import operations
from cellsync.core.wire.batches import Batch, BatchChain, BatchEntry, entry_size
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind
from tests.core.replicas import START, MemoryReplica

SHAPE = operations.encode_shape([Operation(1, "f", b"", None)])


def content(value: object = "x") -> bytes:
    return operations.encode_content(bytes(16), [Operation(1, "f", b"", value)])


CONTENT = content()


class Writer(NamedTuple):
    """Who signs, as whom, after which entry."""

    circle: CircleId
    device: DeviceId
    incarnation: Incarnation
    secret: SigningSecret
    first: int = 1
    previous: EntryId = EntryId(NO_ID)
    height: int = 0  # of the previous entry


def of(device: MemoryReplica) -> Writer:
    """A device that goes on where its own chain stands."""
    chain, writer = device.own(), Writer(device.id, *device.line, secret=device.secrets.signing)
    return writer._replace(first=chain.length + 1, previous=chain.head, height=chain.height) if chain else writer


class Draft(NamedTuple):
    """One entry to forge."""

    parents: Sequence[tuple[int, int, EntryId, int]] = ()  # row, offset, id, height
    clock: int = START
    kind: int = Kind.CASE
    case: CaseId = CaseId(b"c" * 32)
    shape: bytes = SHAPE
    content: bytes = CONTENT


def forge(writer: Writer, drafts: Sequence[Draft], others: Sequence[BatchChain] = ()) -> tuple[Batch, list[EntryId]]:
    """A batch of one chain (row 0), rightly signed; rows of `others` follow for parents to name."""
    previous, height, ids, rows = writer.previous, writer.height, [], []
    cases = sorted({draft.case for draft in drafts})
    clock = size = 0
    for at, draft in enumerate(drafts):
        height = 1 + max([height, *(parent[3] for parent in draft.parents)])
        prefix, case = chain_prefix(writer.circle, writer.device, writer.incarnation), draft.case
        if draft.kind == Kind.FOUND:
            prefix, case = founding_prefix(writer.incarnation), CaseId(NO_ID)
        parents = b"".join(sorted(parent[2] for parent in draft.parents))
        hashed_clock = draft.clock if 0 <= draft.clock < 1 << 64 else 0
        previous = entry_id(
            prefix, writer.first + at, previous, height, hashed_clock, draft.kind, case,
            draft.shape, draft.content, parents,
        )  # fmt: skip
        ids.append(previous)
        flat = [part for row, offset, _, _ in draft.parents for part in (row, offset)]
        rows.append(
            BatchEntry(0, cases.index(draft.case), flat, draft.clock - clock, draft.kind, draft.shape, draft.content)
        )
        clock = draft.clock
        size += entry_size(draft.shape, draft.content, len(draft.parents))
    signature = sign(writer.secret, previous)
    row = BatchChain(writer.device, writer.incarnation, writer.first, writer.previous, signature)
    return Batch([row, *others], cases, rows, size), ids


def pointer(holder: MemoryReplica, name: MemoryReplica) -> tuple[BatchChain, EntryId, int]:
    """A row that only points at a chain which `holder` holds: (row, its head's id, its height); its offset is 1."""
    [chain] = holder.branches(name.line)
    row = BatchChain(*name.line, chain.length + 1, chain.head, None)
    return row, chain.head, chain.height
