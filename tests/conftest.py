"""Hypothesis profiles: the same examples on every run by default, many new ones in `make test-long`.

No profile has a deadline: a slow machine is not a failure.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("fast", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "long", max_examples=2000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fast")
