"""What `join` says at the end: what the circle is called, or that its name has yet to come."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from tests.scenarios.versions.test_commands import run

WORDS = ["acorn", "album", "almond", "anchor"]
NAMELESS = "What the circle is called, and its cases, come once a device of it is reached again."


class Joined:
    """A device that is joining; the history of the circle has come, or has not."""

    def __init__(self, name: str) -> None:
        self.name = name

    def call(self, operation: str, **_: Any) -> dict[str, Any]:
        joining = {
            "v": 1,
            "job": "j",
            "step": 1,
            "words": WORDS,
            "clock_ahead": None,
            "circle": "c" * 64,
            "error": None,
        }
        circle = {"id": "c" * 64, "short": "cccccccc", "name": self.name, "cases": 0}
        match operation:
            case "status":
                return {"v": 1, "cell": self.name, "name": "Ben", "role": None, "cases": 0}
            case "roster":
                return {"v": 1, "removed": None}
            case "circles":
                return {"v": 1, "circles": [circle]}
            case "members":
                return {"v": 1, "members": []}
            case "join":
                return {**joining, "state": "connecting"}
            case "join.show" | "join.confirm":
                return {**joining, "state": "joined"}
            case "sync":
                return {"v": 1}
        raise KeyError(operation)


def joined(monkeypatch: pytest.MonkeyPatch, name: str, *, further: bool) -> str:
    """What is said, with the next step."""

    @contextmanager
    def reached(*_: Any, **__: Any) -> Iterator[Joined]:
        yield client

    client = Joined(name)
    monkeypatch.setattr("cellsync.cli.reach.profile_of", lambda _: SimpleNamespace(exists=further))
    monkeypatch.setattr("cellsync.cli.reach.empty", reached)
    monkeypatch.setattr("cellsync.cli.commands.pairing.bring_up", lambda *_: None)
    monkeypatch.setattr("cellsync.cli.waits.finished", lambda _: None)
    monkeypatch.setattr("cellsync.cli.commands.pairing.see_through", lambda *_: None)
    steps: list[str] = []
    monkeypatch.setattr("cellsync.cli.terminal.Terminal.next", lambda _, step: steps.append(step))
    codes, writing = os.pipe()
    os.write(writing, b"7-orbit-maple-tulip\n")
    own = [] if further else ["--name", "Ben", "--passphrase-fd", "0"]
    done = run(monkeypatch, client, "join", "--code-fd", str(codes), *own)
    os.close(writing)
    assert done.exit_code == 0, done.output
    return f"{done.stdout}next: {' '.join(steps)}"


def test_join_says_what_the_circle_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    said = joined(monkeypatch, "Mill Street", further=False)
    assert "✓ Joined Mill Street as Ben. 0 cases here." in said
    assert said.endswith("next: cellsync case list")
    assert NAMELESS not in said


def test_join_before_the_history_has_come_says_so_and_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said = joined(monkeypatch, "", further=False)
    assert f"✓ Joined as Ben. {NAMELESS}" in said
    assert said.endswith("next: cellsync sync")


def test_a_further_circle_is_called_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "✓ Joined Lawyers as Ben. 0 cases of it here." in joined(monkeypatch, "Lawyers", further=True)


def test_a_further_circle_without_history_is_called_by_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    said = joined(monkeypatch, "", further=True)
    assert f"✓ Joined one more circle (cccccccc) as Ben. {NAMELESS}" in said
    assert said.endswith("next: cellsync sync")
