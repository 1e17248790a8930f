"""Clocks that differ: each command says whose, and by how much, and does not blame the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import click
import pytest
from click.testing import CliRunner, Result

from cellsync.cli import reach
from cellsync.cli.main import main
from tests.scenarios.versions.test_commands import CIRCLE

DAY = 86_400.0


def peer(
    name: str = "Ben", ahead: float | None = None, *, connected: bool = True, measured: bool = True
) -> dict[str, Any]:
    return {
        "name": name, "device": "ab" * 32, "connected": connected, "last_seen": "2026-03-01T09:58:00+00:00",
        "lacks": 0, "lacks_of_others": 0, "owes": 0, "in_step_now": connected,
        "in_step": connected or None, "version": None, "reached": connected,
        "came_in_step": "2026-03-01T09:58:00+00:00" if connected else None,
        "clock": None if ahead is None else {"ahead": ahead, "measured": measured}, "circle": "c1",
        "suspended": False,
    }  # fmt: skip


class Client:
    """A daemon whose answers are given."""

    def __init__(self, peers: list[dict[str, Any]], error: dict[str, Any] | None, ahead: float | None) -> None:
        self.peers, self.error, self.ahead = peers, error, ahead

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def call(self, name: str, /, **_: Any) -> dict[str, Any]:
        common = {
            "v": 1, "job": "ef" * 8, "step": 1, "words": ["orbit"] * 4, "error": None, "clock_ahead": self.ahead,
            "namesakes": [], "former": [], "link": False, "elsewhere": [],
        }  # fmt: skip
        match name:
            case "status":
                return {
                    "v": 1, "cell": "Mill Street", "state": "open", "name": "Ana", "role": "writer",
                    "device": "cd" * 32, "locks_in": None, "copied": None, "as_of": None, "cases": 0,
                    "key_memory": 256, "beside": 0, "changes": 2,
                    "only_here": 0, "only_here_cases": [], "locked": [],
                    "conflicts": 0, "others_ahead": self.ahead, "peers": self.peers, "flags": [],
                    "circles": [CIRCLE],
                }  # fmt: skip
            case "circles":
                return {"v": 1, "circles": [CIRCLE]}
            case "peers":
                return {"v": 1, "port": 1, "peers": self.peers}
            case "sync" | "sync.show":
                state = "failed" if self.error else "done"
                return {**common, "state": state, "changes": 2, "peers": self.peers, "error": self.error}
            case "invite" | "invite.show":
                state = "verify_words" if name == "invite" else "joined"
                codes = {"code": "X", "short_code": "7-orbit", "qr": "", "expires_in": 1.0, "hidden_by": None}
                return {
                    **common,
                    **codes,
                    "state": state,
                    "role": "writer",
                    "name": "Ben",
                    "circle": "c1",
                    "device": "ab" * 32,
                }
            case "join" | "join.show":
                return {**common, "circle": "c1", "state": "verify_words" if name == "join" else "joined"}
        return common


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(*arguments: str, peers: tuple[Any, ...] = (), error: Any = None, ahead: float | None = None) -> Result:
        @contextmanager
        def opened(_: click.Context, **__: Any) -> Iterator[Any]:
            yield Client(list(peers), error, ahead)

        monkeypatch.setattr(reach, "opened", opened)
        monkeypatch.setattr(reach, "empty", opened)
        monkeypatch.setattr("cellsync.cli.terminal.Terminal.ask_yes", lambda *_: True)
        monkeypatch.setattr("cellsync.cli.terminal.Terminal.new_passphrase", lambda *_: ("a long sentence", False))
        return CliRunner().invoke(main, list(arguments))

    return run


@pytest.mark.parametrize("command", ["status", "peers", "sync"])
@pytest.mark.parametrize(
    ("one", "said"),
    [
        (peer(ahead=3 * DAY), "⚠ Ben's clock is 3 days ahead of this device's."),
        (peer(ahead=-2 * 3_600, connected=False), "⚠ Ben's clock was, when last met, 2 hours behind this device's."),
        (
            peer(ahead=DAY, connected=False, measured=False),
            "⚠ Ben's clock seems to be 24 hours ahead of this device's.",
        ),
    ],
    ids=["now", "then", "seems"],
)
def test_it_says_whose_clock_differs(run: Any, command: str, one: dict[str, Any], said: str) -> None:
    result = run(command, peers=(peer("Cara", 2.0), one, peer("Dina")))
    assert result.exit_code == 0, result.output
    assert said in result.output.splitlines()
    assert result.output.count("clock") == 1


@pytest.mark.parametrize("command", ["status", "peers", "sync"])
def test_clocks_that_agree_are_not_spoken_of(run: Any, command: str) -> None:
    assert "clock" not in run(command, peers=(peer("Cara", 299.0), peer("Dina", -299.0), peer())).output


def test_where_two_others_agree_it_is_this_devices_clock(run: Any) -> None:
    result = run("status", peers=(peer("Cara", 3 * DAY), peer("Dina", 3 * DAY)), ahead=3 * DAY)
    assert "⚠ This device's clock is 3 days behind the others'. Set date and time." in result.output.splitlines()
    assert "Cara's clock" not in result.output


def test_a_sync_that_fails_for_a_clock_names_it(run: Any) -> None:
    error = {
        "code": "clocks_differ", "message": "A device is there whose clock is 3 days ahead of this one's.",
        "hint": "Set date and time right on both devices, then sync again.", "exit": 5,
    }  # fmt: skip
    result = run("sync", peers=(peer("Cara", 1.0, connected=False), peer(ahead=3 * DAY, connected=False)), error=error)
    assert result.exit_code == 5
    assert "Ben's clock was, when last met, 3 days ahead of this device's." in result.output
    assert "Set date and time" in result.output
    assert "network" not in result.output


def test_both_people_are_told_beside_the_words(run: Any) -> None:
    said = "is 36 hours behind this device's. Set the one that is wrong."
    assert f"⚠ Ben's clock {said}" in run("invite", ahead=-1.5 * DAY).output.splitlines()
    joining = ["join", "--name", "Ben", "--code-fd", "0", "--passphrase-fd", "0"]
    assert "clock" not in run("invite", ahead=2.0).output
    from unittest.mock import patch

    with patch("cellsync.cli.commands.pairing._code", lambda *_: "7-orbit-maple-tulip"):
        result = run(*joining, ahead=-1.5 * DAY)
    assert f"⚠ The other device's clock {said}" in result.output.splitlines()
