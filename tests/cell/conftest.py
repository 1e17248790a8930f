from __future__ import annotations

import pytest

from cellsync.testing.fixtures import cell_pair, memory_network
from tests.cell.same import Template

__all__ = ["cell_pair", "memory_network"]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Vaults of three devices, to be copied."""
    return Template.make(tmp_path_factory.mktemp("vaults"))
