from __future__ import annotations

import pytest

from tests.cell.same import Template


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Vaults of three devices, to be copied."""
    return Template.make(tmp_path_factory.mktemp("vaults"))
