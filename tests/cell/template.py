"""Vaults made once and copied: founding is the most expensive part of a scenario, and draws its own randomness."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from cellsync.core.ids import CaseId
from cellsync.testing import MemoryNetwork, level, simulate
from tests.cell.cells import Visit

NAMES: Final = ["ana", "ben", "cara"]


@dataclass(frozen=True)
class Template:
    """Vaults of three devices that are level, and the case that they share."""

    folder: Path
    shared: CaseId

    @classmethod
    def make(cls, folder: Path) -> Template:
        async def scenario() -> CaseId:
            net = MemoryNetwork(1)
            async with net.cells(*NAMES) as among:
                case = await among[0].create(Visit, title="in the beginning")
                await level(among)
            for name in NAMES:
                net.device(name).copy_to(folder / name)
            return case.id

        return cls(folder, simulate(scenario, 1))

    def copy_to(self, net: MemoryNetwork) -> None:
        """Give each device its vault."""
        for name in NAMES:
            net.device(name).put_back(self.folder / name)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Vaults of three devices, to be copied."""
    return Template.make(tmp_path_factory.mktemp("vaults"))
