"""Detached entries that have come to a circle, ahead of the history that they rest on (protocol/30-history.md, Forms).

    taken    if a coordinator who is active here has signed it, it is not held, and it is not about this device
    heeded   from then on for 30 days, while its author is an active coordinator and the entry itself is not held:
             nothing is sent to its targets
    kept     by author, in the circle's store, so that opening the circle again changes nothing

A device keeps them after those 30 days, too, so that another one cannot bring the same again as if it were new. They
are no part of the history: not held, not cited, not in the digest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final, NamedTuple

from cellsync.core import caps, drawers
from cellsync.core.errors import BadSignature, PeerError
from cellsync.core.history import detached
from cellsync.core.history.entry import Entry, chain_of, sequence_of, verify
from cellsync.core.history.store import Store
from cellsync.core.ids import NO_ID, DeviceId, EntryId, Millis
from cellsync.core.membership.control import Role
from cellsync.core.replica.replica import Replica
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.core.wire.detached import Detached, of_fields, to_fields

LASTS: Final = Millis(30 * 24 * 3600 * 1000)  # from when an entry came: its history has stayed out for too long then
AUTHORS: Final = caps.DEVICES  # whose entries are kept
_MOST_BYTES: Final = 2 * caps.DETACHED * caps.ENTRY


class _Kept(NamedTuple):
    came: Millis
    entry: Detached
    targets: frozenset[bytes]  # ids of devices and members


class Announced(NamedTuple):
    """What people are told: a coordinator says that these were removed, and the entry itself has not arrived."""

    author: DeviceId
    targets: tuple[DeviceId, ...]  # those that are known here
    heeded: bool  # not any more once it has stayed out for too long


class DetachedEntries:
    """Those of one circle, by author. `device`: this one."""

    def __init__(self, replica: Replica, store: Store, device: DeviceId) -> None:
        self._replica, self._store, self._device = replica, store, device
        self._by_author: dict[DeviceId, dict[EntryId, _Kept]] = {}
        for author in replica.circle.grants:
            if replica.circle.granted(author) is Role.COORDINATOR:
                self._read(author, store.kept(_drawer(author)))

    # --- what comes, and what goes -------------------------------------------------------------------

    def take(self, entry: Detached, now: Millis) -> bool:
        """Whether an entry that a peer brought is new and is kept; the store is to be flushed then.

        Raises BadSignature, if its author is known here and has not signed it.
        """
        circle, author = self._replica.circle, entry.device
        key = circle.signing_key(author)
        if key is None:
            return False
        identity = detached.detached_id(circle.id, entry)
        if not verify(key, entry.signature, identity):
            raise BadSignature
        about = detached.targets(entry)
        if (
            not self._is_heard(author)
            or identity in self._by_author.get(author, {})
            or self._is_held(entry, identity)
            or self._names(about, self._device)
            or not self._has_room(author, now)
        ):
            return False
        self._by_author.setdefault(author, {})[identity] = _Kept(now, entry, about)
        self._keep(author)
        return True

    def announce(self, own: Entry, now: Millis) -> Detached | None:
        """Detach a control entry of this device that is held, so that peers are told of it before it reaches them.

        None if it was not written here or is held without a signature of its own.
        """
        chain = self._replica.held.chains[chain_of(own.slot)]
        if chain.device != self._device or not own.kind or own.signature is None:
            return None
        sequence = sequence_of(own.slot)
        previous = self._replica.entry_id(chain.number, sequence - 1) if sequence > 1 else EntryId(NO_ID)
        if previous is None:
            return None
        outline = self._replica.outline(own)
        entry = detached.detach(chain.line, sequence, previous, own, outline, own.signature)
        self._by_author.setdefault(self._device, {})[own.id] = _Kept(now, entry, detached.targets(entry))
        self._keep(self._device)
        return entry

    def set_aside(self, now: Millis) -> None:
        """The user of this device does not heed those that are here, nor if they are brought again."""
        for author, entries in list(self._by_author.items()):
            if author != self._device:
                aside = Millis(now - 2 * LASTS)
                self._by_author[author] = {
                    identity: kept._replace(came=min(kept.came, aside)) for identity, kept in entries.items()
                }
                self._keep(author)

    def attached(self, entries: Iterable[Entry]) -> None:
        """These control entries are held now."""
        held = {entry.id for entry in entries} if self._by_author else set()
        for author, kept in list(self._by_author.items()):
            if author != self._device and held & kept.keys():
                self._by_author[author] = {one: kept[one] for one in kept if one not in held}
                self._keep(author)

    # --- what follows from them --------------------------------------------------------------------------

    def withholds(self, devices: Collection[DeviceId], now: Millis) -> bool:
        """Whether all of these devices are targets, so nothing is sent to their holder."""
        if not self._by_author or not devices:
            return False
        heeded = [kept.targets for _, kept in self._heeded(now)]
        return all(any(self._names(about, device) for about in heeded) for device in devices)

    def to_tell(self, devices: Collection[DeviceId], now: Millis) -> list[tuple[EntryId, Detached]]:
        """The entries of which the holder of these devices is told: not those that are about one of them."""
        found = [*self._heeded(now), *self._own(now)] if self._by_author else []
        return [
            (identity, kept.entry)
            for identity, kept in found
            if not any(self._names(kept.targets, device) for device in devices)
        ]

    def said(self, now: Millis) -> Iterator[Announced]:
        """What people are told, as long again as it is heeded."""
        known = self._replica.circle.grants
        for author, entries in self._by_author.items():
            for kept in entries.values() if self._is_heard(author) and author != self._device else ():
                about = tuple(device for device in known if self._names(kept.targets, device))
                if kept.targets and now < kept.came + 2 * LASTS:
                    yield Announced(author, about, now < kept.came + LASTS)

    def _heeded(self, now: Millis) -> Iterator[tuple[EntryId, _Kept]]:
        for author, entries in self._by_author.items():
            if author != self._device and self._is_heard(author):
                yield from ((identity, kept) for identity, kept in entries.items() if now < kept.came + LASTS)

    def _own(self, now: Millis) -> Iterator[tuple[EntryId, _Kept]]:
        """Those written here: they are held, so they have no effect of this kind here, and peers are told of them."""
        own = self._by_author.get(self._device, {})
        return ((identity, kept) for identity, kept in own.items() if now < kept.came + LASTS)

    # --- conditions --------------------------------------------------------------------------------------

    def _is_heard(self, author: DeviceId) -> bool:
        return self._replica.circle.current_role(author) is Role.COORDINATOR

    def _is_held(self, entry: Detached, identity: EntryId) -> bool:
        return self._replica.find(entry.line, entry.sequence, identity) is not None

    def _names(self, targets: frozenset[bytes], device: DeviceId) -> bool:
        """Whether a device, or its member, is among these ids."""
        grant = self._replica.circle.grant(device)
        return device in targets or (grant is not None and grant.member in targets)

    def _has_room(self, author: DeviceId, now: Millis) -> bool:
        """Whether one more may be kept of this author. The oldest that is not heeded any more makes room for it.

        Of too many authors those are kept whose introductions came first, so that nobody's creatures crowd out a
        coordinator who was there before them.
        """
        own = self._by_author.get(author)
        if own is not None:
            oldest = min(own, key=lambda identity: own[identity].came)
            if len(own) >= caps.DETACHED and now >= own[oldest].came + LASTS:
                del own[oldest]
            return len(own) < caps.DETACHED
        if len(self._by_author) >= AUTHORS:
            grants = self._replica.circle.grants
            latest = max((*self._by_author, author), key=lambda one: grants[one].bit)
            if latest == author:
                return False
            del self._by_author[latest]
            self._keep(latest)
        return True

    # --- at rest -----------------------------------------------------------------------------------------

    def _keep(self, author: DeviceId) -> None:
        rows = [[kept.came, to_fields(kept.entry)] for kept in self._by_author.get(author, {}).values()]
        if rows:
            self._store.keep(_drawer(author), codec.encode(rows))
        else:
            self._by_author.pop(author, None)
            self._store.forget(_drawer(author))

    def _read(self, author: DeviceId, raw: bytes | None) -> None:
        """Take in what was kept of an author. What cannot be read, and what is held by now, is left out."""
        for came, entry in _rows(raw):
            identity = detached.detached_id(self._replica.circle.id, entry)
            if author == self._device or not self._is_held(entry, identity):
                kept = _Kept(came, entry, detached.targets(entry))
                self._by_author.setdefault(author, {})[identity] = kept


def _drawer(author: DeviceId) -> str:
    return f"{drawers.DETACHED} {author.hex()}"


def _rows(raw: bytes | None) -> Iterator[tuple[Millis, Detached]]:
    try:
        rows: list[Any] = codec.decode(raw or b"\x90", _MOST_BYTES, Rule.CAP_KEPT)
        for row in rows:
            match row:
                case [int(came), [*fields]]:
                    entry = of_fields(fields)
                    if entry is not None:
                        yield Millis(came), entry
    except (PeerError, TypeError):
        return
