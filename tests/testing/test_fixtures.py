"""The fixtures in another project, whose pytest has no configuration at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.patience import PATIENCE

CONFTEST = 'pytest_plugins = ["cellsync.testing.fixtures"]\n'
TESTS = """
import pytest
import trio
from cellsync import Register, Schema
from trio.testing import MockClock


class Note(Schema, kind="org.example.note", version=1):
    title: Register[str]


@pytest.fixture
async def note(cell_pair):
    return await cell_pair.ana.create(Note, title="12 Mill St")


async def test_the_title_arrives(autojump_clock, cell_pair, note):
    assert (await cell_pair.ben.get(Note, note.id, wait=60)).title == "12 Mill St"


async def test_a_wait_of_an_hour(memory_network, autojump_clock):
    assert isinstance(trio.lowlevel.current_clock(), MockClock)
    await trio.sleep(3600)


async def test_without_the_clock(cell_pair):
    pass


def test_that_is_not_asynchronous(memory_network):
    assert memory_network.home("ana") is not memory_network.home("ben")
"""


def test_they_need_no_setting(tmp_path: Path) -> None:
    """Without `trio_mode = true` pytest once ended in errors of its own."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_notes.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(tmp_path)]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=PATIENCE)
    said = run.stdout + run.stderr
    assert "INTERNALERROR" not in said
    assert "3 passed, 1 error" in said or "1 failed, 3 passed" in said, said
    assert "asks for `autojump_clock` too" in said
