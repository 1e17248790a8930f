"""Fixtures: a profile with the example's cases. Each test works with a copy: making it takes longer than most do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.end_to_end.devices import ROOT
from tests.end_to_end.programs import Program, programs

TABLE: Final = ROOT / "cellsync" / "casework" / "data" / "cases.csv"


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imported")
    with programs(folder, "ana") as [one]:
        one.init("--no-lan")
        assert one.run("case", "import", str(TABLE)).exit == 0
        return one.profile.folder


@pytest.fixture
def ana(imported: Path, tmp_path: Path) -> Iterator[Program]:
    """A cell with the example's cases; no daemon."""
    with programs(tmp_path, "ana") as [one]:
        shutil.copytree(imported, one.profile.folder)
        yield one
