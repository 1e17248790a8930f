"""A founded cell for all tests of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.profiles import Profiles, found


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return found(tmp_path_factory.mktemp("founded") / "ana")


@pytest.fixture
def profiles(tmp_path: Path, founded: Path) -> Profiles:
    return Profiles(tmp_path, founded)
