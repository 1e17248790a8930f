"""A founded cell for all tests of a run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from tests.cli.profiles import Profiles, found

NOW: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """For whoever reads "56 s ago", it is `NOW`, however long the test takes."""
    monkeypatch.setattr("cellsync.cli.words.now", lambda: NOW)


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return found(tmp_path_factory.mktemp("founded") / "ana")


@pytest.fixture
def profiles(tmp_path: Path, founded: Path) -> Profiles:
    return Profiles(tmp_path, founded)
