"""Running the same twice: virtual time, and a scheduler that takes tasks in an order given by a seed.

trio shuffles tasks that are ready at the same moment, so that nobody relies on their order. Here the shuffling is
seeded, so that an example that fails fails again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from unittest.mock import patch

import trio
from trio.testing import MockClock

T = TypeVar("T")


def run_the_same(scenario: Callable[[], Awaitable[T]], seed: int) -> T:
    """`trio.run` in virtual time, scheduled alike for the same seed."""
    internal: Any = trio._core._run
    internal._r.seed(seed)
    with patch.object(internal, "_ALLOW_DETERMINISTIC_SCHEDULING", True):
        return trio.run(scenario, clock=MockClock(autojump_threshold=0))
