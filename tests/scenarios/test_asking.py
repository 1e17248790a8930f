"""Whoever asks has looked first: what is certain to be refused is refused before a person types anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
import pytest
from click.testing import CliRunner

from cellsync.cli import commands
from cellsync.cli.main import main
from cellsync.cli.options import Options
from cellsync.cli.terminal import Terminal
from cellsync.core.errors import NotPermitted

ASKS: Final = frozenset({"ask", "ask_yes", "ask_hidden", "name_for", "own_name", "new_passphrase", "passphrase"})
THERE: Final[dict[str, Any]] = {
    "circle": "c1", "called": "Mill Street", "name": "Ben", "alike": True, "covered": False, "coordinators": ["Ana"],
    "tell": [], "devices": [], "cases": 0, "changes": 0, "unaware": [], "admitted": [], "seconds": None,
    "last_coordinator": False, "planted": False,
}  # fmt: skip
REFUSED: Final = {  # by command: what is typed, and the question to the cell that refuses it
    "members.remove": (["members", "remove", "Ben"], "removal.preview"),
    "members.endorse": (["members", "endorse", "Ben"], "permission"),
    "members.contest": (["members", "contest"], "permission"),
    "members.leave": (["members", "leave"], "leave.preview"),
    "devices.link": (["device", "link"], "permission"),
    "devices.remove": (["device", "remove", "Phone"], "devices"),
    "moves.move": (["case", "move", "x", "--to", "y"], "case.move.preview"),
    "recovery.replace": (["recovery", "replace", "--lost"], "permission"),
    "circles.set_": (["circle", "passphrase", "set", "Mill Street"], "permission"),
    "circles._its_own": (["circle", "passphrase", "change", "Mill Street"], "permission"),
    "circles.unlock": (["circle", "unlock"], "circles"),
}
OTHERWISE: Final = {  # commands, and what they call, that ask first: and why
    "backup.restore": "the passphrase opens the backup: nothing is known before",
    "cell.init": "there is no cell yet, which is looked at first",
    "cell.unlock": "the passphrase opens the vault: nothing is known before",
    "circles._chosen": "asked by `set_` and `change`",
    "moves._chosen": "asked by `move`, after its preview",
    "pairing._introduce": "the code has matched, and nobody is in a circle yet",
    "pairing._same": "the words are there",
    "pairing._code": "the code says where to",
    "pairing.join": "a name is checked before a code is used up",
    "passphrase.change": "the passphrase opens the vault: nothing is known before",
    "passphrase.rekey": "the same",
    "recovery.use": "whoever has the paper may do all that it can",
    "recovery._typed": "the key says for which circle it speaks",
    "recovery._names": "asked once the key has spoken",
    "recovery._written_down": "asked by `replace`, once the new key is shown",
}


class Cell:
    """One in which nothing is allowed."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def call(self, operation: str, **_: Any) -> dict[str, Any]:
        self.asked.append(operation)
        if operation == "removal.preview":
            return {"v": 1, "name": "Ben", "circles": [THERE], "gone": None}
        if operation == "endorsable":
            return {"v": 1, "name": "Ben", "circle": "c1", "open": [{"entry": "e1", "what": "Ana removed Ben"}]}
        if operation == "circles":
            return {"v": 1, "circles": [], "locked": []}
        raise NotPermitted


@pytest.mark.parametrize("command", sorted(REFUSED))
def test_a_command_that_is_refused_has_asked_nobody_anything(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    cell, (arguments, refuses) = Cell(), REFUSED[command]

    @contextmanager
    def opened(*_: Any, **__: Any) -> Iterator[Cell]:
        yield cell

    def asked(*_: Any, **__: Any) -> Any:
        raise AssertionError("a person was asked")

    for name in ("opened", "the_open_daemon"):
        monkeypatch.setattr(f"cellsync.cli.reach.{name}", opened)
    for name in ASKS:
        monkeypatch.setattr(Terminal, name, asked)
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code, cell.asked[-1]) == (2 if refuses == "circles" else 7, refuses), done.output


def asking() -> set[str]:
    """The functions of commands that ask, as module.function."""
    found = set()
    for path in Path(*commands.__path__).glob("*.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
                if any(
                    isinstance(one, ast.Attribute) and one.attr in ASKS and ast.unparse(one.value) == "terminal"
                    for one in calls
                ):
                    found.add(f"{path.stem}.{function.name}")
    return found


def test_each_command_that_asks_is_in_one_of_the_two_tables() -> None:
    assert asking() == REFUSED.keys() | OTHERWISE.keys()


def test_an_answer_suggests_one_command(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(Options())
    with click.Context(click.Command("status")):
        terminal.next("cellsync sync")
        terminal.next("cellsync invite")
    assert capsys.readouterr().err == "  next: cellsync sync\n"
