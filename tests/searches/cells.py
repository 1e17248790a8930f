"""Searches with whole cells: their own vaults, sessions and discovery, over a network in memory and in virtual time."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from random import Random

from tests.cell.same import Template
from tests.faults import none_survived
from tests.scenarios.test_histories import WORDS, play


@cache
def _template() -> Template:
    return Template.make(Path(tempfile.mkdtemp()))


def histories(seed: int) -> int:
    random = Random(f"cells {seed}")
    steps = [
        (random.choice(WORDS), random.randrange(3), random.randrange(64)) for _ in range(random.randrange(20, 200))
    ]
    with none_survived():
        play(_template(), steps, seed)
    return 1
