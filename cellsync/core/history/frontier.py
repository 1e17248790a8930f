"""Frontiers: what a replica holds, chain by chain, and the 32-byte digest that says so in short."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cellsync.core.crypto import labels, primitives
from cellsync.core.history.chain import Chain, name_of
from cellsync.core.ids import EntryId
from cellsync.core.wire import codec
from cellsync.core.wire.messages import ChainName

Frontier = Mapping[ChainName, tuple[int, EntryId]]
"""Chain name -> (sequence, id) of its newest entry. Signatures are left out: two replicas that hold the same
entries agree, whichever signatures came with them."""


def frontier(chains: Iterable[Chain]) -> dict[ChainName, tuple[int, EntryId]]:
    return {name_of(chain): (chain.length, chain.head) for chain in chains if chain.length}


def digest(held: Frontier) -> bytes:
    """32 bytes, equal exactly when the frontiers are."""
    rows = sorted((*name, length, head) for name, (length, head) in held.items())
    return primitives.blake2b(labels.FRONTIER, codec.encode(rows))
