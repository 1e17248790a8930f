"""Hypothesis tests and state machines as searches: new examples from a seed, counted.

The profile (`tests/profiles.py`) sets how many examples a test tries. It must be loaded before the tests are imported,
which `tests/searches/worker.py` does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


def examples(test: Any, number: int, **arguments: Any) -> int:
    """Call a `@given` test. Returns how many examples it tried. `arguments`: in place of its fixtures."""
    count = 0
    inner: Callable[..., None] = test.hypothesis.inner_test

    def counted(*args: Any, **kwargs: Any) -> None:
        nonlocal count
        count += 1
        inner(*args, **kwargs)

    test.hypothesis.inner_test = counted
    try:
        seed(number)(test)(**arguments)
    finally:
        test.hypothesis.inner_test = inner
    return count


def runs(machine: type[RuleBasedStateMachine], number: int, how_many: int, steps: int) -> int:
    """Run a state machine. Returns how many runs it had."""
    count = 0

    class Counted(machine):  # type: ignore[misc,valid-type]
        def teardown(self) -> None:
            nonlocal count
            count += 1
            super().teardown()

    run_state_machine_as_test(
        seed(number)(Counted), settings=settings(max_examples=how_many, stateful_step_count=steps)
    )
    return count
