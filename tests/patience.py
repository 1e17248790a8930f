"""How long a test waits for something that has to happen.

It says nothing of how long it should take: on a machine with other work everything may take ten times as long, and what
does not happen at all costs this much once.
"""

from __future__ import annotations

from typing import Final

PATIENCE: Final = 120.0  # seconds
