"""peers: the next command, as shown, can be pasted into a shell."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from tests.scenarios.versions.test_commands import run


@pytest.mark.parametrize("name", ["Ben", "Ben O'Hara", "Ben; rm x"])
def test_the_next_step_names_the_device_as_a_shell_takes_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    class Adds:
        def call(self, operation: str, **given: Any) -> dict[str, Any]:
            assert (operation, given["peer"]) == ("peers.add", name)
            return {"v": 1}

    done = run(monkeypatch, Adds(), "peers", "add", name, "192.168.1.20:51234")
    assert done.exit_code == 0
    _, said = done.output.split("next: ")
    assert shlex.split(said) == ["cellsync", "peers", "ping", name]
