"""A device that was removed is told, before it uses up a code, that it never comes back into that circle."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

from tests.scenarios.versions.test_commands import run


class Removed:
    """A cell from which this device was removed, or was not."""

    def __init__(self, removal: dict[str, Any] | None) -> None:
        self.removal = removal

    def call(self, operation: str, **_: Any) -> dict[str, Any]:
        match operation:
            case "status":
                return {"v": 1, "name": "Ben"}
            case "roster":
                return {"v": 1, "removed": self.removal}
        raise KeyError(operation)  # nothing is sent for a code that is none


@pytest.mark.parametrize("removal", [None, {"kind": "remove"}])
def test_join_on_a_device_that_was_removed(monkeypatch: pytest.MonkeyPatch, removal: dict[str, Any] | None) -> None:
    monkeypatch.setattr("cellsync.cli.reach.profile_of", lambda _: SimpleNamespace(exists=True))
    reading, writing = os.pipe()
    os.write(writing, b"no code\n")
    done = run(monkeypatch, Removed(removal), "join", "--code-fd", str(reading))
    assert done.exit_code == 6  # no code
    assert ("never comes back into that one" in done.stderr) == (removal is not None)
