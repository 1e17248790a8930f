"""How long a test waits for something that has to happen.

It says nothing of how long it should take: on a machine with other work everything may take ten times as long, and what
does not happen at all costs this much once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

PATIENCE: Final = 120.0  # seconds


def wait_until(ready: Callable[[], bool], what: str, within: float = PATIENCE) -> None:
    began = time.monotonic()
    while not ready():
        assert time.monotonic() - began < within, f"waited {within:.0f} s in vain: {what}"
        time.sleep(0.02)
