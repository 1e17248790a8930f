"""settings in a terminal: what is in force, who says what, and whose word is missing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.versions.test_commands import run

ENTRY = "ab" * 32
CIRCLES = ("c1", "c2")


def setting(name: str, **other: Any) -> dict[str, Any]:
    return {"name": name, "in_force": None, "obeyed": True, "words": [], "wanted": None, "circle": "c1"} | other


def word(name: str, value: str) -> dict[str, Any]:
    return {"member": name.encode().hex(), "name": name, "value": value, "me": False}


WANTED = setting(
    "when-removed", words=[word("Anna", "wipe")],
    wanted={"value": "wipe", "by": "Anna", "lacks": {"words": 1, "of": ["Ben", "Cara"]}},
)  # fmt: skip


class Cell:
    def __init__(self, *settings: dict[str, Any]) -> None:
        chosen = {"v": 1, "entry": ENTRY, "setting": settings[0], "confirmed": 0, "others": 2}
        self.answers: dict[str, dict[str, Any]] = {
            "settings": {"v": 1, "settings": list(settings)}, "settings.choose": chosen,
            "circles": {"v": 1, "circles": [{"id": id_, "name": f"Circle {id_}", "short": id_} for id_ in CIRCLES]},
        }  # fmt: skip
        self.asked: dict[str, dict[str, Any]] = {}

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        self.asked[operation] = given
        return self.answers[operation]


@pytest.mark.parametrize("command", [["settings"], ["settings", "show"]])
def test_the_list_says_whose_word_is_missing(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell(WANTED, setting("locks-after", in_force="5", words=[word("Anna", "5"), word("Ben", "2")]))
    said = run(monkeypatch, cell, *command).output
    for sentence in (
        "when-removed  each device for itself  (Anna: wipe)",
        "locks-after   5                       (Anna: 5, Ben: 2)",
        "Anna wants when-removed wipe (it also wipes this circle 72 h later, if two have agreed to the removal).",
        "It takes a second word, of Ben or Cara: cellsync settings set when-removed wipe",
    ):
        assert sentence in said
    assert "Circle c1" not in said


def test_with_several_circles_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell(setting("shown"), setting("shown", circle="c2", in_force="never"))
    said = run(monkeypatch, cell, "settings").output
    assert "Circle c1" in said
    assert "Circle c2" in said


def test_a_word_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell(WANTED)
    done = run(monkeypatch, cell, "settings", "set", "when-removed", "wipe", "--circle", "c1")
    assert done.exit_code == 0, done.output
    assert cell.asked["settings.choose"] == {"name": "when-removed", "value": "wipe", "circle": "c1"}
    assert "✓ You say when-removed wipe. In force: each device for itself. Confirmed by 0 of 2" in done.output
    assert "of Ben or Cara" in done.output


@pytest.mark.parametrize("lacks", [None, {"words": 1, "of": ["Ben"]}])
def test_of_one_whose_word_does_not_count_yet_it_says_so(
    monkeypatch: pytest.MonkeyPatch, lacks: dict[str, Any] | None
) -> None:
    cell = Cell(setting("shown"))
    cell.answers["settings.choose"]["lacks"] = lacks
    cell.answers["members"] = {"v": 1, "members": [{"name": "Ben", "me": False}, {"name": "Cara", "me": True}]}
    said = run(monkeypatch, cell, "settings", "set", "shown", "asked").stdout
    assert ("⚠ Your word does not count yet, so this changes nothing." in said) == (lacks is not None)
    assert ("1 word more, of Ben: cellsync members endorse Cara" in said) == (lacks is not None)


def test_what_nothing_obeys_yet_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell(setting("kept-for", in_force="30", obeyed=False, words=[word("Anna", "30")]))
    said = run(monkeypatch, cell, "settings", "set", "kept-for", "30").output
    assert "kept-for is kept for a later version: nothing obeys it yet." in said


def test_where_nobody_else_s_word_counts_it_takes_the_recovery_key(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = WANTED | {"wanted": WANTED["wanted"] | {"lacks": {"words": 1, "of": []}}}
    said = run(monkeypatch, Cell(alone), "settings").output
    assert "It takes the recovery key: there is no other coordinator whose word counts." in said
