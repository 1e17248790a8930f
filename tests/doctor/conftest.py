"""Fixtures of the doctor's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellsync.doctor.subject import Visit
from tests.doctor.machines import well


@pytest.fixture
def visit(tmp_path: Path) -> Visit:
    return well(tmp_path)
