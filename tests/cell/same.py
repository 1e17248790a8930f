"""Running the same twice: virtual time, and a scheduler that takes tasks in an order given by a seed.

trio shuffles tasks that are ready at the same moment, so that nobody relies on their order. Here the shuffling is
seeded, so that an example that fails fails again. A founding draws randomness of its own (HPKE), on which all ids
rest: so scenarios start from copies of vaults that were made once.
"""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from unittest.mock import patch

import trio
from trio.testing import MockClock

from cellsync.core.ids import CaseId
from cellsync.testing import MemoryNetwork
from tests.cell.cells import Visit, cells, level

NAMES: Final = ["ana", "ben", "cara"]

T = TypeVar("T")


def run_the_same(scenario: Callable[[], Awaitable[T]], seed: int) -> T:
    """`trio.run` in virtual time, scheduled alike for the same seed."""
    internal: Any = trio._core._run
    internal._r.seed(seed)
    with patch.object(internal, "_ALLOW_DETERMINISTIC_SCHEDULING", True):
        return trio.run(scenario, clock=MockClock(autojump_threshold=0))


@dataclass(frozen=True)
class Template:
    """Vaults of three devices that are level, and the case that they share."""

    folder: Path
    shared: CaseId

    @classmethod
    def make(cls, folder: Path) -> Template:
        async def scenario() -> CaseId:
            net = MemoryNetwork(1)
            async with cells(net, *NAMES) as among:
                case = await among[0].create(Visit, title="in the beginning")
                await level(among)
            for name in NAMES:
                shutil.copytree(net.home(name).path, folder / name)
            return case.id

        return cls(folder, run_the_same(scenario, 1))

    def copy_to(self, net: MemoryNetwork) -> None:
        """Give each device its vault, at the home of its name."""
        for name in NAMES:
            shutil.copytree(self.folder / name, net.home(name).path)
