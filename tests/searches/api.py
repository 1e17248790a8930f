"""Searches through the operations of the local API."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import trio

from tests.scenarios.test_any_value import attempt


def values(seed: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        trio.run(partial(attempt, Path(folder), seed))
    return 1
