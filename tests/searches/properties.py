"""Every property of the suite in turn: `make test` tries each with a few fixed examples, this search with new ones."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from hypothesis import is_hypothesis_test

from tests.searches.drawn import examples

_TESTS = Path(__file__).parents[1]


@cache
def properties() -> tuple[Callable[..., Any], ...]:
    """All `@given` tests that need no fixture, in an order that is the same everywhere."""
    found = []
    for path in sorted(_TESTS.rglob("test_*.py")):
        if "hypothesis" in path.read_text(encoding="utf-8"):
            module = import_module(".".join(path.relative_to(_TESTS.parent).with_suffix("").parts))
            found += [
                thing
                for name, thing in sorted(vars(module).items())
                if name.startswith("test_") and is_hypothesis_test(thing) and not _needs_more(thing)
            ]
    return tuple(found)


def _needs_more(test: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(test) or bool(inspect.signature(test).parameters)


def in_turn(seed: int) -> int:
    tests = properties()
    return examples(tests[seed % len(tests)], seed)
