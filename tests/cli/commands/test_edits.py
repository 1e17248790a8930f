"""case new: the edit that the options and the title become."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.versions.test_commands import run


class Taking:
    """Takes what is new, and keeps how it was asked for."""

    asked: dict[str, Any]

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        assert operation == "case.new"
        self.asked = {name: value for name, value in given.items() if value}
        return {"v": 1, "short": "4f2a", "title": "", "alike": [], "taken": [], "doubts": []}


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        (["Parcel"], {"kind": "case", "set": {"title": "Parcel"}}),
        (["Call her", "--kind", "task"], {"kind": "task", "set": {"title": "Call her"}}),
        (["Вера", "--kind", "person"], {"kind": "person", "add": {"names": ["Вера"]}}),
        (
            ["Вера", "--kind", "cellsync.person", "--add", "names=Vera"],
            {"kind": "cellsync.person", "add": {"names": ["Вера", "Vera"]}},
        ),
        (["--kind", "task", "--set", "status=open"], {"kind": "task", "set": {"status": "open"}}),
    ],
)
def test_what_something_new_is_called(monkeypatch: pytest.MonkeyPatch, typed: list[str], asked: dict[str, Any]) -> None:
    taking = Taking()
    assert run(monkeypatch, taking, "case", "new", *typed).exit_code == 0
    assert taking.asked == asked


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        (["Parcel", "--set", "title=Letter"], "title"),
        (["Parcel", "--set", "priority=high", "--set", "priority=low"], "priority"),
        (["Parcel", "--count", "letters=+1", "--count", "letters=+1"], "letters"),
        (["Parcel", "--put", "roles.lawyer=Vera", "--put", "roles.lawyer=Lea"], "roles.lawyer"),
    ],
)
def test_of_two_values_for_one_place_none_is_dropped_without_a_word(
    monkeypatch: pytest.MonkeyPatch, typed: list[str], place: str
) -> None:
    taking = Taking()
    done = run(monkeypatch, taking, "case", "new", *typed)
    assert done.exit_code == 2
    assert f"Two values are given for '{place}', and it takes one." in done.output
    assert not hasattr(taking, "asked"), "it is written all the same"
