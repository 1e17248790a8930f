"""Audit: whether the stored entries are what their authors signed. Slow, thorough, and changes nothing.

1. The id of every entry is computed again, from its contents and the id before it. It must equal the stored id, and the
   id of a branch's newest entry must be the head of that branch.
2. Every stored signature must verify, and the newest entry of every branch must have one.
3. Every entry is on the list of its case exactly once.

The audit covers what was held when it began; more entries may arrive between two of its steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cellsync.core.errors import VaultDamaged
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import chain_prefix, founding_prefix, verify
from cellsync.core.history.store import Store
from cellsync.core.ids import NO_ID, EntryId
from cellsync.core.replica.replica import Replica
from cellsync.core.wire.tags import Kind

PAGE: Final = 256  # entries in one step


def audit(replica: Replica, store: Store) -> Iterator[int]:
    """Yields, after each step, how many entries that step checked. Raises VaultDamaged."""
    chains, heads = list(replica.held.chains.values()), list(replica.held.heads.values())
    yield 0
    total = sum(chain.length - chain.first + 1 for chain in chains)
    for chain in chains:
        yield from _chain(replica, store, chain)
    listed = 0
    for head in heads:
        while head and listed <= total:
            page = store.case_page(head, 0, PAGE)
            listed, head = listed + len(page), page[-1].prior
            yield 0
    if listed != total:
        raise VaultDamaged("An entry is missing in the list of its case.")


def _chain(replica: Replica, store: Store, chain: Chain) -> Iterator[int]:
    before = EntryId(NO_ID) if chain.first == 1 else replica.entry_id(chain.number, chain.first - 1)
    usual = chain_prefix(replica.circle.id, *chain.line)
    key = replica.circle.signing_key(chain.device)
    at = chain.first
    while at <= chain.length:
        page = store.chain_slice(chain.number, at, min(at + PAGE - 1, chain.length))
        if before is None or not page:
            raise VaultDamaged("An entry is missing.")
        for sequence, entry in enumerate(page, at):
            prefix = founding_prefix(chain.incarnation) if entry.kind == Kind.FOUND else usual
            if replica.outline(entry).identity(prefix, sequence, before) != entry.id:
                raise VaultDamaged("An entry is not what its author signed.")
            before = entry.id
            if entry.signature is not None and key is not None and not verify(key, entry.signature, entry.id):
                raise VaultDamaged("A signature does not fit its entry.")
            if sequence == chain.length and (entry.signature is None or entry.id != chain.head):
                raise VaultDamaged("The newest entry of a device is not the one that is named.")
        at += len(page)
        yield len(page)
