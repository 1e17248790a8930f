"""Wrote: what a removal removed, which it names only by who wrote it and where.

There is no index of entries by their ids, for it would cost every arrival (protocol/70-vault.md). What is removed was
mostly written shortly before, so the case's entries are read from the newest back, and never more than somebody says.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from cellsync.core.history.store import Store
from cellsync.core.ids import Ref
from cellsync.core.wire import operations
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind

_PAGE: Final = 64
_ENTRY: Final = 8  # bytes of a ref that name the entry


def wrote(store: Store, head: int, refs: Collection[Ref], within: int) -> tuple[dict[Ref, Operation], int]:
    """The operations of these refs among so many entries of a case, from slot `head` on back; how many were read."""
    found: dict[Ref, Operation] = {}
    wanted: dict[bytes, list[Ref]] = {}
    for ref in refs:
        wanted.setdefault(ref[:_ENTRY], []).append(ref)
    read = 0
    while head and wanted and read < within:
        page = store.case_page(head, 0, min(_PAGE, within - read))
        for entry in page:
            for ref in wanted.pop(entry.id[:_ENTRY], ()) if entry.kind == Kind.CASE else ():
                decoded = operations.decode(entry.shape, entry.content)
                place = int.from_bytes(ref[_ENTRY:], "big")
                if place < len(decoded):
                    found[ref] = decoded[place]
        read += len(page)
        head = page[-1].prior
    return found, read
