"""case move in a terminal: who has read it, who will, and which items go along."""

from __future__ import annotations

from typing import Any

import pytest

from cellsync.cli.commands.moves import numbers
from cellsync.cli.terminal import Terminal
from cellsync.core.errors import InvalidValue
from tests.scenarios.versions.test_commands import run


class Cell:
    """A case with two items. `asked`: what was asked of it."""

    def __init__(self, **seen: Any) -> None:
        items = [
            {
                "id": f"0{at}.1",
                "field": "timeline",
                "at": "2026-03-01T10:00:00+00:00",
                "author": "Ben",
                "text": f"item {at}",
            }
            for at in (1, 2)
        ]
        self.seen: dict[str, Any] = {
            "v": 1, "id": "ab" * 32, "title": "Anton", "called": "Mill Street", "to": "Lawyers",
            "fields": ["title", "summary"], "left_out": ["links"], "items": items, "read_by": ["Ana", "Ben"],
            "will_read": ["Ana", "Lea"], "linked": False,
        } | seen  # fmt: skip
        self.asked: dict[str, dict[str, Any]] = {}

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        self.asked[operation] = given
        moved = {
            "v": 1, "id": "cd" * 32, "short": "cdcd", "circle": "c2", "title": "Anton",
            "items": len(given.get("items", [])),
            "linked": False,
        }  # fmt: skip
        return self.seen if operation == "case.move.preview" else moved


def test_it_says_who_has_read_it_and_who_will_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell()
    done = run(monkeypatch, cell, "case", "move", "anton", "--to", "lawyers", "--items", "2", "--yes")
    said = " ".join(done.output.split())
    assert done.exit_code == 0
    for sentence in (
        "Anton: from Mill Street to Lawyers",
        "goes along: title, summary",
        "because it names what is in no case there: links",
        "has been read, or can be, by: Ana, Ben. Nobody can take that back.",
        "will be read by: Ana, Lea.",
        "✓ cdcd Anton, with 1 item of its logs",
        "The old one stays, and does not point at it: some must not know.",
    ):
        assert sentence in said
    assert "Ben: item 1" not in said
    assert cell.asked["case.move"] == {
        "case": "ab" * 32, "to": "lawyers", "circle": "", "items": ["02.1"], "with_authors": False,
    }  # fmt: skip
    said = run(monkeypatch, cell, "case", "move", "a", "--to", "l", "--items", "all", "--with-authors", "--yes").output
    assert "Ben: item 1" in said
    assert cell.asked["case.move"]["items"] == ["01.1", "02.1"]


def test_without_a_terminal_a_script_says_which_items_and_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    for given in (["--yes"], ["--items", "none"]):
        cell = Cell()
        assert run(monkeypatch, cell, "case", "move", "anton", "--to", "lawyers", *given).exit_code != 0
        assert "case.move" not in cell.asked
    linked = Cell(linked=True, items=[])
    said = run(monkeypatch, linked, "case", "move", "anton", "--to", "lawyers", "--yes").output
    assert "could not be made to point at it" in said


@pytest.mark.parametrize(
    ("text", "found"), [("all", [1, 2, 3]), (" None ", []), ("3,1", [1, 3]), ("1-2,2", [1, 2]), ("2-2", [2])]
)
def test_numbers(text: str, found: list[int]) -> None:
    assert numbers(text, 3) == found


@pytest.mark.parametrize("text", ["", "0", "4", "2-1", "a", "1-9", "1,,2", "-1"])
def test_numbers_that_are_none(text: str) -> None:
    with pytest.raises(InvalidValue):
        numbers(text, 3)


def test_a_slip_in_the_numbers_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = ["1,9", "all of them", "2"]
    monkeypatch.setattr(Terminal, "ask", lambda *_: answers.pop(0))
    cell = Cell()
    done = run(monkeypatch, cell, "case", "move", "anton", "--to", "lawyers", "--yes")
    assert done.exit_code == 0
    assert done.output.count("error: Those are no numbers of items here: all, none, or numbers up to 2: 1,3-5") == 2
    assert cell.asked["case.move"]["items"] == ["02.1"]
    assert run(monkeypatch, Cell(), "case", "move", "a", "--to", "l", "--yes", "--items", "9").exit_code == 2
