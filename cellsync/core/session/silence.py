"""Silence: how long a peer may be silent before it is asked for a sign of life, or for what it holds.

A PING and its answer are a sign of life for both sides. So the callee waits longer than the caller, and while the
caller is alive only the caller asks. Each wait is random, so a device cannot be recognised by the timing of its PINGs.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cellsync.core.crypto import labels, primitives


class Wait(NamedTuple):
    """A range of seconds, from which a wait is drawn uniformly."""

    least: float
    spread: float

    @property
    def most(self) -> float:
        return self.least + self.spread


class Waits(NamedTuple):
    """How long one side waits: usually, and when something is due to be told to the peer."""

    usual: Wait
    due: Wait


CALLER_WAITS: Final = Waits(usual=Wait(30.0, 10.0), due=Wait(15.0, 5.0))
CALLEE_WAITS: Final = Waits(usual=Wait(40.0, 5.0), due=Wait(20.0, 5.0))
WATCHED: Final = Wait(5.0, 1.0)  # of either side, in place of these
LACKING: Final = Wait(0.1, 0.5)  # until a spare peer is asked for something it has named and no peer has brought since
SILENCE_ENDS: Final = 60.0  # seconds after which a session with a silent peer ends
KEY_BYTES: Final = 16


class Silence:
    """The waits of one side of a session, drawn from a random key."""

    def __init__(self, waits: Waits, key: bytes) -> None:
        self._waits, self._key = waits, key
        self._drawn = 0
        self._part = 0.0  # of the spread
        self.draw()

    def draw(self) -> None:
        """Draw the next wait, after the peer was asked."""
        self._drawn += 1
        number = primitives.blake2b(labels.SILENCE, self._drawn.to_bytes(8, "big"), key=self._key, size=4)
        self._part = int.from_bytes(number, "big") / (1 << 32)

    def ask_at(self, heard: float, due: float, *, watched: bool) -> float:
        """When to ask a peer last heard at `heard`; `due`: when something is due to be told to it."""
        if watched:
            return heard + self._of(WATCHED)
        told = max(heard + self._waits.due.least, due) + self._waits.due.spread * self._part
        return min(heard + self._of(self._waits.usual), told)

    def lacking(self) -> float:
        """How long to wait before the peer is asked for what it has named: others may have been told of it too."""
        self.draw()
        return self._of(LACKING)

    def _of(self, wait: Wait) -> float:
        return wait.least + wait.spread * self._part
