"""Detached entries: how one is made and identified, and whom a removal is about (protocol/30-history.md, Forms).

A detached entry is authentic if its own signature covers it; nothing that it rests on has to be held.
"""

from __future__ import annotations

from cellsync.core import caps
from cellsync.core.history.entry import Entry, Outline, chain_prefix, hash_shape
from cellsync.core.ids import ID_BYTES, CaseId, CircleId, EntryId, Signature
from cellsync.core.rule import Rule
from cellsync.core.wire import codec, operations
from cellsync.core.wire.detached import Detached
from cellsync.core.wire.mark import Hashed
from cellsync.core.wire.places import Line
from cellsync.core.wire.tags import Kind


def detached_id(circle: CircleId, entry: Detached) -> EntryId:
    """The id, which is that of the whole entry."""
    outline = Outline(
        entry.height, entry.clock, entry.kind, hash_shape(CaseId(circle), entry.shape), entry.content.hash,
        len(entry.shape), entry.content.length, entry.parents,
    )  # fmt: skip
    return outline.identity(chain_prefix(circle, *entry.line), entry.sequence, entry.previous)


def detach(
    line: Line, sequence: int, previous: EntryId, entry: Entry, outline: Outline, signature: Signature
) -> Detached:
    """A held control entry, detached. `signature`: its own."""
    content = Hashed(outline.content_hash, outline.content_length)
    return Detached(
        *line,
        sequence,
        previous,
        entry.height,
        entry.clock,
        entry.kind,
        entry.shape,
        content,
        outline.parents,
        signature,
    )


def targets(entry: Detached) -> frozenset[bytes]:
    """The ids of devices and members whose removal it says: none, if it says something else."""
    if entry.kind != Kind.REMOVE or operations.is_opaque(entry.shape, b""):
        return frozenset()
    match codec.decode(entry.shape, caps.ENTRY, Rule.CAP_ENTRY):
        case [[*ids], *_] if 0 < len(ids) <= caps.DEVICES:
            if all(type(one) is bytes and len(one) == ID_BYTES for one in ids):
                return frozenset(ids)
    return frozenset()
