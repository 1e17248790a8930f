"""The way of a session: whether new entries depend on it (protocol/50-sync.md, Many peers).

With many peers an entry reaches a device over one session, and is on its way over others. So an entry that has only
just come is not offered to a peer that has asked: `Recent` tells which these are.
"""

from __future__ import annotations

import math
from enum import Enum, auto
from typing import Final

ON_ITS_WAY: Final = 1.0  # seconds in which an entry probably reaches every connected device


class Way(Enum):
    """What a session has turned out to be for entries that come while it lasts."""

    TRIED = auto()  # nothing yet
    NEEDED = auto()  # one side had something that the other lacked
    SPARE = auto()  # both got the same, and neither over this session


class Recent:
    """The last arrival before some moment, approximately: two moments are kept, however much arrives."""

    def __init__(self) -> None:
        self._noted = -math.inf  # when something last came
        self._marks = (-math.inf, 0), (-math.inf, 0)

    def note(self, now: float, last: int) -> None:
        self._noted = now
        if now - self._marks[1][0] >= ON_ITS_WAY:
            self._marks = self._marks[1], (now, last)

    def before(self, moment: float, last: int) -> int:
        """An arrival that had come by this moment: the `last` one if none came since."""
        if self._noted <= moment:
            return last
        return max((arrival for when, arrival in self._marks if when <= moment), default=0)
