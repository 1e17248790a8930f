"""What holds for every test: the same examples on every run."""

from __future__ import annotations

from hypothesis import settings

from tests import profiles

settings.load_profile(profiles.FAST)
