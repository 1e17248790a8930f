"""Fixtures for pytest with pytest-trio. Name this module in the `conftest.py` beside your tests' root:

    pytest_plugins = ["cellsync.testing.fixtures"]

    async def test_the_title_arrives(autojump_clock, cell_pair):
        ana, ben = cell_pair
        case = await ana.create(Eviction, title="12 Mill St")
        assert (await ben.get(Eviction, case.id, wait=60)).title == "12 Mill St"

Time is virtual: a wait of a minute takes no time. That needs pytest-trio's `autojump_clock`, which has effect only if
a test requests it directly. No setting is needed: trio runs the asynchronous tests that use these fixtures or that
clock; your own settings decide about all others. No other module of cellsync imports pytest.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from inspect import iscoroutinefunction
from typing import Final, NamedTuple

import pytest
import trio
from trio.testing import MockClock

from cellsync.cell.cell import Cell
from cellsync.testing.device import SimulatedDevice, level
from cellsync.testing.network import MemoryNetwork

_OURS: Final = frozenset({"cell_pair", "memory_network", "autojump_clock"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let trio run the asynchronous tests that use these fixtures, even without `trio_mode = true`."""
    for item in items:
        if isinstance(item, pytest.Function) and iscoroutinefunction(item.function) and _OURS & {*item.fixturenames}:
            item.add_marker(pytest.mark.trio)


class CellPair(NamedTuple):
    """One cell, open on two devices: Ana founded it and is a coordinator, Ben is a writer."""

    ana: Cell
    ben: Cell


@pytest.fixture
def memory_network() -> MemoryNetwork:
    """A simulated network; `cell_pair` is on it, at the homes "ana" and "ben"."""
    return MemoryNetwork()


@pytest.fixture
async def cell_pair(memory_network: MemoryNetwork) -> AsyncIterator[CellPair]:
    """Two open cells that have met, on `memory_network`, in virtual time."""
    if not isinstance(trio.lowlevel.current_clock(), MockClock):
        pytest.fail("a test with `cell_pair` asks for `autojump_clock` too: else it waits in real time")
    of_ana = await SimulatedDevice("Ana", memory_network.home("ana"), "of Ana").found()
    async with of_ana.opened() as ana:
        of_ben = await SimulatedDevice("Ben", memory_network.home("ben"), "of Ben").join(ana)
        async with of_ben.opened() as ben:
            await level([ana, ben])
            yield CellPair(ana, ben)
