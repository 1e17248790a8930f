"""Hearsay: what peers have told this device of who is a member, and what it does not hold (core/replica/hearing.py).

It is kept in the circle's store, by peer, as it came. To find out how things stand by it, all of it is heard again,
when something new comes, and when what is held changes: that costs what there is, however little came. So it is put off
until enough has come (`_may_hear`). What is told is refused until then, and offered again; what is held is taken into
account with the next hearing (`is_behind`, `OpenCircle.catch_up`).

It is forgotten once all of it is held; and when the circle is opened, if by it this device is active: then it is
served all of that.
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
from cellsync.core.replica.hearing import hear, is_of_members, is_withholding
from cellsync.core.replica.replica import Replica
from cellsync.core.rule import Rule
from cellsync.core.wire import batches, codec, messages
from cellsync.core.wire.batches import Batch, BatchPart
from cellsync.core.wire.forms import NAME_BYTES

FROM_ONE: Final = 2 << 20  # bytes that are kept of one peer
FROM_ALL: Final = 4 * FROM_ONE
SHARE: Final = 256  # of what is here this part has to have come since it was last heard
_EACH: Final = 1 << 10  # bytes that each thing counts besides its own
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
        self._came = 0  # bytes of what has come since it was last heard
        self.is_behind = False  # what is held has changed since
        self._read(store.kept(drawers.TOLD))
        self.renew()
        if self._is_active(device):
            self._forget()

    def __bool__(self) -> bool:
        return bool(self._told)

    def may_be_told(self, batch: Batch, peer: DeviceId) -> bool:
        """Whether what does not attach of a batch may be meant to be told: something is withheld in it, or it goes on,
        with entries that have nothing to withhold, after what the same peer told."""
        return is_withholding(batch) or (peer in self.tellers and is_of_members(batch))

    def take(self, batch: Batch, refused: list[int], peer: DeviceId) -> list[int] | None:
        """Hear a batch of which these rows were refused; the rows that are refused even so. None: it is not heard.

        Raises PeerError if it breaks a rule. What is kept is staged in the store, to be flushed.
        """
        if not self.may_be_told(batch, peer):
            return None
        parts = batches.encode_batch(_NAME, batch, MAX_PAYLOAD)
        size = sum(map(len, parts))
        if any(parts == kept for _, _, kept in self._told):  # as it begins in each session
            self._vain[peer] += 0  # it is a teller, too
            return []
        if not self._has_room(peer, size) or self._vain[peer] >= IN_VAIN or not self._may_hear(size):
            return None
        before = [one for _, one, _ in self._told]
        replica, new, lost = hear(self._circle, self._store, self._edition, [*before, batch])
        self._came, self.is_behind = 0, False
        if new <= self._new:
            self._vain[peer] += 1
        else:
            self.replica, self._new = replica, new
            self._told.append((peer, batch, parts))
            self._keep()
        first = sum(len(one.chains) for one in before)
        return [row - first for row in lost if row >= first and row - first in refused]

    def changes(self, size: int) -> bool:
        """What is held has changed, by so many bytes. Whether to `renew` at once; if not, `is_behind` until then."""
        self.is_behind = bool(self._told)
        return self.is_behind and self._may_hear(size)

    def renew(self) -> None:
        """What is held has changed: find out anew how things stand."""
        self._came, self.is_behind = 0, False
        told = [batch for _, batch, _ in self._told]
        if not told:
            return
        try:
            self.replica, self._new, _ = hear(self._circle, self._store, self._edition, told)
        except PeerError:  # it was well when it came, so it is the store that is not
            self._new = frozenset()
        if not self._new:
            self._forget()

    @property
    def tellers(self) -> frozenset[DeviceId]:
        """Who has told something."""
        return frozenset(peer for peer, _, _ in self._told) | self._vain.keys()

    def _may_hear(self, size: int) -> bool:
        """Something of this size has come. Whether that is enough for all of it to be heard again."""
        self._came += size + _EACH
        return self._came * SHARE >= self._size

    @property
    def _size(self) -> int:
        return sum(len(part) for _, _, parts in self._told for part in parts)

    def _is_active(self, device: DeviceId) -> bool:
        return self.replica is not None and self.replica.circle.is_active(device)

    def _forget(self) -> None:
        self.replica, self._new = None, frozenset()
        self._told.clear()
        self._keep()

    def _has_room(self, peer: DeviceId, size: int) -> bool:
        sizes = [(one, sum(map(len, parts))) for one, _, parts in self._told]
        own = sum(each for one, each in sizes if one == peer)
        return own + size <= FROM_ONE and self._size + size <= FROM_ALL

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
