"""The window of forward secrecy: how many days back a thief who takes a device, or a copy of it, can read.

What was recorded on the network before that stays closed. The window reaches back to the longest of

- the oldest seal secret that is still here: it opens every rotation that was sealed to it;
- the oldest day of which states are held, because nobody has attested that it has passed;
- the member who has been absent longest: their device has the states and the seal secret of the day on which it left;
- the oldest backup of this vault: the same.

(protocol/40-membership.md, Epochs)
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from cellsync.core.ids import Day, DeviceId


class WindowBound(Enum):
    """What the window reaches back to."""

    SEAL_SECRET = "seal secret"
    UNATTESTED = "unattested"
    ABSENT = "absent"
    BACKUP = "backup"


class Window(NamedTuple):
    """How many days the window has, and what sets it."""

    days: int
    bound: WindowBound
    device: DeviceId | None = None  # that is absent


def window(
    today: Day,
    seal_secret: Day,
    oldest_state: Day,
    heard: Mapping[DeviceId, Day],
    backup: Day | None = None,
) -> list[Window]:
    """What sets the window, the longest first.

    `seal_secret`: the day on which the oldest of ours was made. `heard`: of each other active device, the day of its
    newest entry. Days that have not come yet are today: a wrong clock makes no window shorter than the others do.
    """
    reach: list[tuple[Day, WindowBound, DeviceId | None]] = [
        (seal_secret, WindowBound.SEAL_SECRET, None),
        (oldest_state, WindowBound.UNATTESTED, None),
    ]
    if heard:
        absent = min(heard, key=lambda device: (heard[device], device))
        reach.append((heard[absent], WindowBound.ABSENT, absent))
    if backup is not None:
        reach.append((backup, WindowBound.BACKUP, None))
    rows = [Window(max(0, today - day), bound, device) for day, bound, device in reach]
    return sorted(rows, key=lambda row: row.days, reverse=True)
