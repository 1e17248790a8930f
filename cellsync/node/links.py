"""The links of this device: one session with each session key, for all circles that both are in.

If there are many in one circle, `overlay` decides which of them carry its new entries.

A session proves a key. So links are kept by key: a device has a different id in each circle, and a coordinator who
introduces another device's key again shadows nobody. Asking for a device gives the link with its key.

Of two crossing sessions, the one called by the holder of the smaller session key stays, at both ends. Later, the new
one stays: a device calls only after it has lost the old one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from random import Random
from typing import Final

import trio

from cellsync.core.errors import PeerError
from cellsync.core.ids import CircleId, DeviceId, SessionPublic
from cellsync.core.session.events import Event
from cellsync.core.session.session import Session
from cellsync.node import overlay
from cellsync.node.circles import Circles
from cellsync.node.link import PeerLink

log = logging.getLogger(__name__)

CROSSING: Final = 5.0  # seconds within which two calls count as crossing


class Links(Mapping[DeviceId, PeerLink]):
    """The links, by device."""

    def __init__(
        self, circles: Circles, key: SessionPublic, report: Callable[[PeerLink, Event], None],
        ended: Callable[[PeerLink], None],
    ) -> None:  # fmt: skip
        """`key`: this device's own. `report` gets the events of sessions, `ended` the links removed from these."""
        self._circles, self._key = circles, key
        self._report, self._ended = report, ended
        self._by_key: dict[SessionPublic, PeerLink] = {}
        self._numbers = count(1)
        self._watched: dict[CircleId, frozenset[SessionPublic]] = {}
        self._random = Random(circles.surroundings.entropy(16))  # noqa: S311 (whom to watch; secret, and no key)
        self.changed = trio.Event()  # set, and replaced, when the links or what is known of the others changed

    def __getitem__(self, device: DeviceId) -> PeerLink:
        key = self._circles.key_of(device)
        if key is None:
            raise KeyError(device)
        return self._by_key[key]

    def __iter__(self) -> Iterator[DeviceId]:
        return (device for key in list(self._by_key) for device in self._circles.devices_with(key))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def all(self) -> list[PeerLink]:
        """Each link once."""
        return list(self._by_key.values())

    # --- one link ------------------------------------------------------------------------------------------

    def link(self, session: Session, stream: trio.abc.Stream) -> PeerLink:
        """A session over a stream, to be `run`."""
        now = self._circles.surroundings.now
        return PeerLink(session, stream, self._circles, self._report, now, next(self._numbers))

    async def run(self, link: PeerLink) -> None:
        """Drive a link until it ends."""
        try:
            await link.run()
            if isinstance(link.outcome, PeerError):
                log.warning("a session ended: %s (%s)", link.outcome.rule.says, link.outcome.rule.label)
        finally:
            if self._by_key.get(link.session.remote) is link:
                del self._by_key[link.session.remote]
                self.place()
                self._ended(link)
                self.wake()

    def keep(self, link: PeerLink) -> bool:
        """A session has opened: keep it, or the existing one with the same key. Returns whether this one stays."""
        key = link.session.remote
        other = self._by_key.get(key)
        if other is not None and other is not link:
            # Two in one direction: the caller has lost the older one, even if we have not noticed.
            crossing = link.called is not other.called and trio.current_time() - other.since < CROSSING
            if crossing and link.called is not (self._key < key):
                link.close()
                return False
            other.close()
        self._by_key[key] = link
        link.since = trio.current_time()
        self.place()
        return True

    def place(self) -> None:
        """The links, or what they are about, have changed: set the place of each in the overlay of each circle."""
        for circle in self._circles:
            linked = {
                key: link
                for key, link in self._by_key.items()
                if link.is_about(circle.id) and link.device_in(circle) is not None
            }
            sparse = len(linked) > overlay.FEW
            near = overlay.near(self._key, linked) if sparse else frozenset()
            others = linked if len(circle.others()) > overlay.FEW else ()
            watched = overlay.watched(self._watched.get(circle.id, ()), others, self._random)
            self._watched[circle.id] = watched
            for key, link in linked.items():
                link.place(circle.id, sparse=sparse, near=key in near, watched=key in watched)

    def wake(self) -> None:
        """Wake the tasks that wait for `changed`."""
        self.changed.set()
        self.changed = trio.Event()
