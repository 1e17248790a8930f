"""Hypothesis tests and state machines as searches: new examples from a seed, counted.

How many examples a test tries is said by the profile (`tests/profiles.py`), which has to be loaded before the tests are
imported: `tests/searches/worker.py` does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


def examples(test: Any, number: int, **arguments: Any) -> int:
    """Call a `@given` test; how many examples it had. `arguments` are what fixtures would give."""
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
    """Run a state machine; how many runs it had."""
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
