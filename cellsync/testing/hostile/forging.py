"""Forging: batches that no honest device writes, with full control of rows, ids and signatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cellsync.core.history.entry import chain_prefix, entry_id, founding_prefix, sign
from cellsync.core.ids import NO_ID, CaseId, CircleId, DeviceId, EntryId, Incarnation, SigningSecret
from cellsync.core.wire import operations
from cellsync.core.wire.batches import Batch, BatchChain, BatchEntry, entry_size
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind
from cellsync.testing.home import START

SHAPE = operations.encode_shape([Operation(1, "f", b"", None)])


def content(value: object = "x") -> bytes:
    return operations.encode_content(bytes(16), [Operation(1, "f", b"", value)])


CONTENT = content()


class Root(NamedTuple):
    """The introduction of a device: what its first entry has to have in its past."""

    row: BatchChain
    height: int

    @property
    def cited(self) -> tuple[int, int, EntryId, int]:
        """As a parent, if `row` is row 1."""
        return 1, 1, self.row.previous, self.height


class Writer(NamedTuple):
    """Who signs, as whom, after which entry."""

    circle: CircleId
    device: DeviceId
    incarnation: Incarnation
    secret: SigningSecret
    first: int = 1
    previous: EntryId = EntryId(NO_ID)
    height: int = 0  # of the previous entry
    root: Root | None = None  # cited by the first entry of a chain that cites nothing

    def after(self, ids: Sequence[EntryId]) -> Writer:
        """The same, once these are written and none of them has cited anything else."""
        before = self.root.height if self.root is not None and self.first == 1 else self.height
        return self._replace(first=self.first + len(ids), previous=ids[-1], height=before + len(ids))


class Forgery(NamedTuple):
    """One entry to forge."""

    parents: Sequence[tuple[int, int, EntryId, int]] = ()  # row, offset, id, height
    clock: int = START
    kind: int = Kind.CASE
    case: CaseId = CaseId(b"c" * 32)
    shape: bytes = SHAPE
    content: bytes = CONTENT


def forge(writer: Writer, drafts: Sequence[Forgery], others: Sequence[BatchChain] = ()) -> tuple[Batch, list[EntryId]]:
    """A batch of one chain (row 0), rightly signed; rows of `others` follow for parents to name.

    The first entry of a chain cites its author's introduction, in a row behind them, unless it cites something.
    """
    if writer.first == 1 and writer.root is not None and drafts and not drafts[0].parents:
        cited = writer.root.cited
        drafts = [drafts[0]._replace(parents=[(1 + len(others), *cited[1:])]), *drafts[1:]]
        others = [*others, writer.root.row]
    previous, height, ids, rows = writer.previous, writer.height, [], []
    cases = {case: row for row, case in enumerate(sorted({draft.case for draft in drafts}))}
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
        rows.append(BatchEntry(0, cases[draft.case], flat, draft.clock - clock, draft.kind, draft.shape, draft.content))
        clock = draft.clock
        size += entry_size(draft.shape, draft.content, len(draft.parents))
    signature = sign(writer.secret, previous)
    row = BatchChain(writer.device, writer.incarnation, writer.first, writer.previous, signature)
    return Batch([row, *others], list(cases), rows, size), ids


def together(batches: Sequence[Batch]) -> Batch:
    """One batch of several about the same cases, each of whose parents name rows of its own."""
    whole = Batch(cases=batches[0].cases)
    clock = 0
    for batch in batches:
        rows, own = len(whole.chains), 0
        for entry in batch.entries:
            parents = [part + rows * (1 - at % 2) for at, part in enumerate(entry.parents)]
            own += entry.clock
            whole.entries.append(entry._replace(chain=entry.chain + rows, parents=parents, clock=own - clock))
            clock = own
        whole.chains += batch.chains
        whole.size += batch.size
    return whole
