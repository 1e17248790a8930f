"""The devices of the core's tests as forgers: how they go on, and what they cite (cellsync.testing.hostile.forging)."""

from __future__ import annotations

from cellsync.core.history.entry import chain_of, sequence_of
from cellsync.core.ids import EntryId, Incarnation
from cellsync.core.wire.batches import BatchChain
from cellsync.testing.hostile.forging import CONTENT, SHAPE, Forgery, Root, Writer, content, forge, together
from tests.core.replicas import MemoryReplica

__all__ = [
    "CONTENT", "SHAPE", "Draft", "Root", "Writer", "anew", "content", "forge", "of", "pointer", "root", "together",
]  # fmt: skip

Draft = Forgery


def of(device: MemoryReplica) -> Writer:
    """A device that goes on where its own chain stands."""
    chain, writer = device.own(), Writer(device.id, *device.line, device.secrets.signing, root=root(device))
    return writer._replace(first=chain.length + 1, previous=chain.head, height=chain.height) if chain else writer


def root(of: MemoryReplica, holder: MemoryReplica | None = None) -> Root | None:
    """The introduction of a device, as `holder` or it itself holds it."""
    replica = (holder or of).replica
    slot = replica.introduction_of(of.device)
    entry = None if slot is None else (holder or of).store.entry_at(slot)
    if slot is None or entry is None:
        return None
    line = replica.held.chains[chain_of(slot)].line
    return Root(BatchChain(*line, sequence_of(slot) + 1, entry.id, None), entry.height)


def anew(device: MemoryReplica, incarnation: Incarnation, holder: MemoryReplica | None = None) -> Writer:
    """A device that begins another chain; what it holds of its introduction, `holder` may hold for it."""
    found = root(device, holder)
    return Writer(device.id, device.device, incarnation, device.secrets.signing, root=found)


def pointer(holder: MemoryReplica, name: MemoryReplica) -> tuple[BatchChain, EntryId, int]:
    """A row that only points at a chain which `holder` holds: (row, its head's id, its height); its offset is 1."""
    [chain] = holder.branches(name.line)
    row = BatchChain(*name.line, chain.length + 1, chain.head, None)
    return row, chain.head, chain.height
