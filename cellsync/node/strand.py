"""A strand: the part of a link that is about one circle. What travels on it of new entries, and when; what is told.

Whether there are many links is asked for each circle. Otherwise a peer could tell from the way in which entries come
that this device has many other links, and so other circles.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection
from typing import Final

import trio

from cellsync.core.ids import DeviceId
from cellsync.core.session.session import Session
from cellsync.core.session.view import Extent
from cellsync.core.session.way import Way
from cellsync.core.wire.messages import Places
from cellsync.node.shared import SharedCircle

HOLD: Final = 0.3  # seconds before entries from one peer are passed on to another: it probably gets them itself


class Strand:
    """One circle on one link."""

    def __init__(self, session: Session, circle: SharedCircle) -> None:
        self.circle = circle
        self.sparse = False  # the circle has many links, and not all of them pass everything on
        self.near = False  # this one does, until it turns out to be spare
        self.watched = False  # the peer is asked often what it holds
        self.told: Places = {}  # the places last told to the peer
        self.named: Collection[DeviceId] = ()  # devices whose places the peer has told
        self.lost_since = math.inf  # since when it has seemed to know few devices
        self.told_of_all = False
        self.other: DeviceId | None = None  # the device it is told about, if not about all
        self.said: Places = {}  # the peer's last word on where it is
        self.strange: Places = {}  # and on where devices are of which nothing was known here then
        self.ripe = math.inf  # the arrival up to which entries may be passed on
        self._session = session
        self._access: Extent | None = None  # what the peer was told when this was last looked at
        self._held: deque[tuple[float, int]] = deque()  # when, and up to which arrival it will be

    @property
    def way(self) -> Way:
        """How new entries travel on it.

        TRIED: the peer is told immediately, and gets them in a moment. NEEDED: it gets them immediately. SPARE: when
        either side asks.
        """
        way = self._session.way(self.circle.id) if self.sparse else Way.TRIED
        return Way.NEEDED if way is Way.TRIED and self.near else way

    def is_told_otherwise(self) -> bool:
        """Whether the peer was told something here when this was last looked at, and is told less now, or more."""
        before, remote = self._access, self._session.remote
        self._access = self.circle.extent(remote) if self.circle.devices_with(remote) else Extent.NOTHING
        return before not in (None, Extent.NOTHING) and self._access is not before

    def place(self, *, sparse: bool, near: bool, watched: bool) -> None:
        """Set its place in the overlay of the circle."""
        self.sparse, self.near, self.watched = sparse, near, watched

    def news(self, first: int, last: int, *, local: bool) -> bool:
        """These arrivals were committed. Whether there may be something to send, now or in a moment."""
        if local and not self.sparse:
            self._held.clear()
            self.ripe = math.inf
        else:
            self.ripe = min(self.ripe, first - 1)
            way = self.way
            if way is Way.SPARE:
                return False
            if way is Way.TRIED:
                self._held.append((trio.current_time() + HOLD, last))
        return True

    def ripen(self) -> None:
        """Let pass on what has been held for long enough."""
        way = self.way
        if way is not Way.TRIED:
            self._held.clear()
        if way is Way.SPARE:
            return
        while self._held and self._held[0][0] <= trio.current_time():
            self.ripe = self._held.popleft()[1]
        if not self._held:
            self.ripe = math.inf

    @property
    def next_ripe(self) -> float:
        """When there is more to pass on."""
        return self._held[0][0] if self._held else math.inf

    @property
    def may_hold_more(self) -> bool:
        """Whether the peer may hold more than it has told."""
        balance = self._session.balance(self.circle.id)
        return self.way is Way.SPARE and balance is not None and not balance.level
