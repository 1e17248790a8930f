"""Searches with whole cells: their own vaults, sessions and discovery, over a network in memory and in virtual time."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from random import Random

from cellsync.testing import schedule
from tests.cell.template import Template
from tests.faults import none_survived
from tests.scenarios.test_histories import WORDS, play


@cache
def _template() -> Template:
    return Template.make(Path(tempfile.mkdtemp()))


def histories(seed: int) -> int:
    random = Random(f"cells {seed}")
    steps = schedule(random, random.randrange(20, 200), WORDS, 3)
    with none_survived():
        play(_template(), steps, seed)
    return 1
