"""Hypothesis profiles: the same examples on every run by default and under mutants, new ones for the searches.

No profile has a deadline: a slow machine is not a failure.
"""

from __future__ import annotations

from typing import Final

from hypothesis import HealthCheck, Phase, settings

FAST: Final = "fast"
SEARCH: Final = "search"
MUTANTS: Final = "mutants"

settings.register_profile(FAST, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    SEARCH,
    max_examples=200,
    database=None,  # a seed means the same everywhere
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)
settings.register_profile(  # as FAST, but what is wrong is not made simple: nobody reads it
    MUTANTS,
    settings.get_profile(FAST),
    phases=[Phase.explicit, Phase.generate],
)
