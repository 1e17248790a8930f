"""Forks: places where a device signed two entries, and their proofs, to be shown to others."""

from __future__ import annotations

from typing import NamedTuple

from cellsync.core.errors import PeerError, ProvesNothing
from cellsync.core.history import fork_proof
from cellsync.core.history.chain import Chain
from cellsync.core.history.entry import slot_of
from cellsync.core.ids import CircleId, DeviceId, EntryId
from cellsync.ledger.circle import OpenCircle


class Fork(NamedTuple):
    """Two entries of one device in one place. It blames nobody: restoring a backup makes one as well."""

    id: EntryId  # of one of the two
    device: DeviceId
    author: str
    sequence: int  # their place in the device's chain
    equivocator: bool  # the device has more branches than any honest one: only its entries that others cite count
    circle: CircleId

    def __repr__(self) -> str:
        return f"<fork of {self.device.hex()[:8]}>"  # no name


def forks(circle: OpenCircle) -> list[Fork]:
    """All forks that are held, the oldest first. Hold the lock."""
    return [_fork(circle, chain) for chain in circle.replica.forks()]


def proof(circle: OpenCircle, fork: EntryId) -> bytes | None:
    """The proof of one of them; None if there is no such fork, or its proof would be too large. Hold the lock."""
    for chain in circle.replica.forks():
        if _first(circle, chain) == fork:
            found = circle.replica.fork_proof(chain.number)
            return None if found is None else found.encode()
    return None


def check(circle: OpenCircle, raw: bytes) -> Fork:
    """The fork that a proof shows. The two sides need not be held here. Raises ProvesNothing."""
    try:
        shown = fork_proof.decode(raw)
        key = circle.replica.circle.signing_key(shown.device)
        if key is None or shown.circle != circle.id:
            raise ProvesNothing
        fork_proof.check(shown, key)
    except PeerError:
        raise ProvesNothing from None
    name = circle.replica.name(shown.device)
    is_one = shown.device in circle.equivocators
    return Fork(shown.ids(shown.sides[1])[0], shown.device, name, shown.sequence, is_one, circle.id)


def _fork(circle: OpenCircle, chain: Chain) -> Fork:
    name, is_one = circle.replica.name(chain.device), chain.device in circle.equivocators
    return Fork(_first(circle, chain), chain.device, name, chain.first, is_one, circle.id)


def _first(circle: OpenCircle, chain: Chain) -> EntryId:
    entry = circle.store.entry_at(slot_of(chain.number, chain.first))
    return EntryId(b"") if entry is None else entry.id
