"""Fixtures of scenarios: those of the folders whose modules they go through."""

from __future__ import annotations

from tests.api.conftest import declared_events
from tests.cli.conftest import founded, profiles

__all__ = ["declared_events", "founded", "profiles"]
