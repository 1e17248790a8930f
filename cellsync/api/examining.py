"""Examining the machine without a daemon: the vault stays closed."""

from __future__ import annotations

from typing import Any

import msgspec
import trio

from cellsync.api import shapes
from cellsync.api.health import findings
from cellsync.api.profile import Profile, Settings, UnreadableSettings


def examine_here(profile: Profile, *, silent: bool) -> dict[str, Any]:
    """`silent`: something holds the profile and does not answer."""
    found: list[shapes.Finding] = []
    try:
        settings = profile.settings()
    except UnreadableSettings as error:
        found.append(shapes.Finding(check="settings", grade="bad", text=str(error), hint=error.hint))
        settings = Settings()

    async def examine() -> list[shapes.Finding]:
        return await findings(profile, settings, None, runs=silent)

    if silent:
        text = "Something holds this profile and does not answer."
        found.append(shapes.Finding(check="daemon", grade="bad", text=text, hint="cellsync panic"))
    found += trio.run(examine)
    made: dict[str, Any] = msgspec.to_builtins(shapes.Findings(findings=found))
    return made
