"""The aftermath: what this device does in a circle once it has learnt of its own removal.

    it stops        nothing is sent or received there (`OpenCircle.is_removed`)
    it locks, once  for each removal: who opens the vault again with the passphrase reads, exports and contests
    it wipes        only if the removal may do that (core/replica/own_removal.py), and 72 hours later

Hours are counted by a clock that nobody sets: that of the time since the machine was started, which goes on while it
sleeps. Only between two looks within one such start has so much passed as it has gone on. So a clock set forward wipes
nothing, nor does a vault that is carried to a machine that has been on for months. Time for which the machine was off
does not count. (protocol/40-membership.md)
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Final, NamedTuple

from cellsync.core import drawers
from cellsync.core.errors import DiskFull, PeerError, StorageFailed
from cellsync.core.ids import ID_BYTES, CircleId, EntryId
from cellsync.core.replica.own_removal import may_wipe, removals_of
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.ledger.circle import OpenCircle

PATIENCE: Final = 72 * 3_600_000  # ms
_MOST: Final = 1_024  # removals that have been heeded: a device has written 32 at most, and few stand
_BYTES: Final = 256


class Countdown(NamedTuple):
    """How long a removal that may wipe the vault has been known here."""

    removal: EntryId
    lived: int  # ms
    seen: int  # ms since the machine was started, at the last look
    boot: bytes  # which start of which machine that was

    def at(self, now: int, boot: bytes) -> Countdown:
        """`now`: ms since the machine was started, perhaps once more, or another one."""
        passed = max(0, now - self.seen) if boot == self.boot else 0
        return Countdown(self.removal, self.lived + passed, now, boot)

    @property
    def left(self) -> int:
        return max(0, PATIENCE - self.lived)


class RemovalAftermath:
    """Of one circle. `look` at it with every step, when the circle is opened, and as time passes."""

    def __init__(self, circle: OpenCircle) -> None:
        self._circle = circle
        self._heeded = _ids(circle.store.kept(drawers.HEEDED))
        self._standing: list[EntryId] = []
        self.countdown = _countdown(circle.store.kept(drawers.COUNTDOWN))

    def look(self) -> None:
        """Look at what removed this device, and count the time. It asks the rules: hold the lock."""
        replica, device = self._circle.shown, self._circle.device
        self._standing = removals_of(replica, device) if self._circle.is_removed else []
        able = may_wipe(replica, device) if self._standing else []
        now, boot = self._circle.surroundings.lived(), self._circle.surroundings.boot()
        if not able:
            self.countdown = None
        elif self.countdown is None or self.countdown.removal not in able:
            self.countdown = Countdown(able[0], 0, now, boot)
        else:
            self.countdown = self.countdown.at(now, boot)

    def tick(self) -> None:
        """Count the time alone: what removed this device changes with steps only."""
        if self.countdown is not None:
            surroundings = self._circle.surroundings
            self.countdown = self.countdown.at(surroundings.lived(), surroundings.boot())

    @property
    def is_lock_due(self) -> bool:
        """Whether a removal stands for which this device has not locked yet."""
        return not self._heeded.keys() >= set(self._standing)

    def heed(self) -> None:
        """It locks now; or who opened the vault knows of it."""
        self._heeded |= dict.fromkeys(self._standing)

    @property
    def is_wipe_due(self) -> bool:
        return self.countdown is not None and not self.countdown.left

    def stage(self) -> bool:
        """Stage in the store what has to be remembered. Returns whether it has to be flushed. Hold the lock."""
        store, count = self._circle.store, self.countdown
        kept = {
            drawers.HEEDED: b"".join(list(self._heeded)[-_MOST:]),
            drawers.COUNTDOWN: b"" if count is None else codec.encode(list(count)),
        }
        changed = {name: value for name, value in kept.items() if (store.kept(name) or b"") != value}
        for name, value in changed.items():
            if value:
                store.keep(name, value)
            else:
                store.forget(name)
        return bool(changed)

    async def keep(self) -> None:
        """Make it durable. Raises DiskFull, StorageFailed."""
        async with self._circle.lock:
            if self.stage():
                await self._circle.make_durable()


def doomed(circles: Iterable[OpenCircle], *, opened: bool = False) -> list[CircleId]:
    """The circles whose time has come, as is found and remembered now. `opened`: with the passphrase, just now: so its
    owner is there, and no removal that is known already locks it. Nothing else may use them. Blocks."""
    found = []
    for circle in circles:
        after = RemovalAftermath(circle)
        after.look()
        if opened:
            after.heed()
        with suppress(DiskFull, StorageFailed):  # time that is not remembered was not lived
            if after.stage():
                circle.store.flush()
        if after.is_wipe_due:
            found.append(circle.id)
    return found


def _ids(raw: bytes | None) -> dict[EntryId, None]:
    found = raw or b""
    return dict.fromkeys(EntryId(found[at : at + ID_BYTES]) for at in range(0, len(found), ID_BYTES))


def _countdown(raw: bytes | None) -> Countdown | None:
    """What cannot be read has not begun."""
    try:
        match codec.decode(raw or b"\xc0", _BYTES, Rule.CAP_KEPT):
            case [bytes() as removal, int() as lived, int() as seen, bytes() as boot] if lived >= 0 and seen >= 0:
                return Countdown(EntryId(removal), lived, seen, boot)
    except PeerError:
        pass
    return None
