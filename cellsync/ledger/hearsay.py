"""Hearsay: what peers have told this device of who is a member, and what it does not hold (core/replica/hearing.py).

It is kept in the circle's store, by peer, as it came. How things stand by it is found out again whenever something new
comes or what is held changes. It is forgotten once all of it is held; and when the circle is opened, if by it this
device is active: then it is served all of that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from cellsync.core import drawers
from cellsync.core.crypto.channel import MAX_PAYLOAD
from cellsync.core.errors import PeerError
from cellsync.core.history.store import Store
from cellsync.core.ids import ID_BYTES, CircleId, DeviceId, EntryId
from cellsync.core.membership.editions import Edition
from cellsync.core.replica.hearing import hear, is_withholding
from cellsync.core.replica.replica import Replica
from cellsync.core.rule import Rule
from cellsync.core.wire import batches, codec, messages
from cellsync.core.wire.batches import Batch, BatchPart
from cellsync.core.wire.forms import NAME_BYTES

FROM_ONE: Final = 2 << 20  # bytes that are kept of one peer
FROM_ALL: Final = 4 * FROM_ONE
IN_VAIN: Final = 64  # batches of one peer that may say nothing new, until no more are heard: to hear takes a while
_NAME: Final = bytes(NAME_BYTES)  # the circle has none, outside of a session


class Hearsay:
    """What was told in one circle. `replica`: what is held with what was told, to ask it how things stand; or None."""

    def __init__(self, circle: CircleId, store: Store, edition: Edition, device: DeviceId) -> None:
        self._circle, self._store, self._edition = circle, store, edition
        self._told: list[tuple[DeviceId, Batch, list[bytes]]] = []
        self.replica: Replica | None = None
        self._new: frozenset[EntryId] = frozenset()  # those entries of it that were not held when it was last heard
        self._vain: Counter[DeviceId] = Counter()  # how often peers have said nothing new
        self._read(store.kept(drawers.TOLD))
        self.renew()
        if self._is_active(device):
            self._forget()

    def __bool__(self) -> bool:
        return bool(self._told)

    def take(self, batch: Batch, refused: list[int], peer: DeviceId) -> list[int] | None:
        """Hear a batch of which these rows were refused; the rows that are refused even so. None: it is not heard.

        Raises PeerError if it breaks a rule. What is kept is staged in the store, to be flushed.
        """
        parts = batches.encode_batch(_NAME, batch, MAX_PAYLOAD)
        size = sum(map(len, parts))
        if not is_withholding(batch) or not self._has_room(peer, size) or self._vain[peer] >= IN_VAIN:
            return None
        before = [one for _, one, _ in self._told]
        replica, new, lost = hear(self._circle, self._store, self._edition, [*before, batch])
        if new <= self._new:
            self._vain[peer] += 1
        else:
            self.replica, self._new = replica, new
            self._told.append((peer, batch, parts))
            self._keep()
        first = sum(len(one.chains) for one in before)
        return [row - first for row in lost if row >= first and row - first in refused]

    def renew(self) -> None:
        """What is held has changed: find out anew how things stand."""
        told = [batch for _, batch, _ in self._told]
        if not told:
            return
        try:
            self.replica, self._new, _ = hear(self._circle, self._store, self._edition, told)
        except PeerError:  # it was well when it came, so it is the store that is not
            self._new = frozenset()
        if not self._new:
            self._forget()

    def _is_active(self, device: DeviceId) -> bool:
        return self.replica is not None and self.replica.circle.is_active(device)

    def _forget(self) -> None:
        self.replica, self._new = None, frozenset()
        self._told.clear()
        self._keep()

    def _has_room(self, peer: DeviceId, size: int) -> bool:
        sizes = [(one, sum(map(len, parts))) for one, _, parts in self._told]
        own = sum(each for one, each in sizes if one == peer)
        return own + size <= FROM_ONE and sum(each for _, each in sizes) + size <= FROM_ALL

    # --- at rest -----------------------------------------------------------------------------------------

    def _keep(self) -> None:
        if self._told:
            self._store.keep(drawers.TOLD, codec.encode([[peer, parts] for peer, _, parts in self._told]))
        else:
            self._store.forget(drawers.TOLD)

    def _read(self, raw: bytes | None) -> None:
        try:
            for peer, parts in _rows(raw):
                self._told.append((peer, _batch(parts), parts))
        except (PeerError, TypeError, ValueError):
            self._told.clear()


def _rows(raw: bytes | None) -> Iterator[tuple[DeviceId, list[bytes]]]:
    rows: list[Any] = codec.decode(raw or b"\x90", 2 * FROM_ALL, Rule.CAP_KEPT)
    for peer, parts in rows:
        if len(peer) == ID_BYTES and all(type(part) is bytes for part in parts):
            yield DeviceId(peer), parts


def _batch(parts: list[bytes]) -> Batch:
    batch = Batch()
    for raw in parts:
        part = messages.decode(raw)
        if isinstance(part, BatchPart):
            batches.extend(batch, part)
    return batch
