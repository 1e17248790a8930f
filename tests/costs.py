"""The budget of a test.

The duration of a test says more about the machine than about the test, but its processor time, with that of all
processes that it started, hardly grows while other programs run. The suite has eight minutes on two cores, and must not
exceed them when it is three times as large: so no test may take much of that by itself, and every run shows the sum.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from typing import Final

import pytest

BUDGET: Final = 8 * 60 * 2 * 0.8  # seconds of processor time for all that is not marked slow
MOST: Final = 45.0  # seconds for one such test: three times what the most expensive one needs
_COST: Final = "processor seconds"
_began = 0.0
_elsewhere = 0.0
_costs: list[tuple[float, str]] = []
_SHOWN: Final = 15  # folders and tests, if all take long


def _spent() -> float:
    """By this process, all children that have ended, and what others did for it."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system + _elsewhere


def add(seconds: float) -> None:
    """That a process which is no child of this one worked for it."""
    global _elsewhere
    _elsewhere += seconds


def pytest_runtest_logstart() -> None:
    global _began
    _began = _spent()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "teardown":
        cost = _spent() - _began
        report.user_properties.append((_COST, cost))
        if cost > MOST and report.passed and not item.get_closest_marker("slow"):
            report.outcome = "failed"
            report.longrepr = f"it took {cost:.0f} seconds of processor time: mark it slow, or let it do less"
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for name, value in report.user_properties:
        if name == _COST:
            _costs.append((float(str(value)), report.nodeid))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    spent = sum(cost for cost, _ in _costs)
    if spent > BUDGET / 2:
        folders = Counter[str]()
        for cost, name in _costs:
            folders["/".join(name.split("/")[:2])] += round(1000 * cost)
        for folder, cost in folders.most_common(_SHOWN):
            terminalreporter.write_line(f"{cost / 1000:7.1f} s of processor time  {folder}")
        for seconds, name in sorted(_costs, reverse=True)[:_SHOWN]:
            terminalreporter.write_line(f"{seconds:7.1f} s of processor time  {name}")
    if len(_costs) > 1:
        said = f"{spent:.0f} seconds of processor time; make test may take {BUDGET:.0f}"
        too_many = spent - BUDGET
        terminalreporter.write_line(f"{said}: {too_many:.0f} TOO MANY" if too_many > 0 else said, red=too_many > 0)
