"""How long a test waits for something that has to happen.

The bound does not say how long it should take: on a busy machine everything may take ten times as long, and an event
that never happens costs this much only once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

PATIENCE: Final = 120.0  # seconds


def wait_until(ready: Callable[[], bool], what: str, within: float = PATIENCE) -> None:
    began = time.monotonic()
    while not ready():
        waited = time.monotonic() - began
        assert waited < within, f"waited {within:.0f} s in vain: {what}"
        time.sleep(min(0.1, 0.02 + waited / 20))  # looking takes time from what has to happen
