"""Wrote: finding the values that a removal names only by ref.

There is no index of entries by id, because it would slow down every arrival (protocol/70-vault.md). Removed values were
mostly written shortly before, so the case's entries are read from the newest back, up to a limit set by the caller.
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
_ENTRY: Final = 8  # leading bytes of a ref, which name the entry


def wrote(store: Store, head: int, refs: Collection[Ref], within: int) -> tuple[dict[Ref, Operation], int]:
    """The operations of these refs among `within` entries of a case, from slot `head` back; and how many were read."""
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
