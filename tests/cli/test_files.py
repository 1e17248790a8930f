"""Files that commands write: none is overwritten or half-written, and no export is recorded without its file."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from cellsync.api.client import DaemonGone
from cellsync.api.contract.problems import Refusal
from cellsync.cli.files import new_file
from tests.scenarios.versions.test_commands import run


class Exporting:
    """A cell that gives out one table, one drawing and one proof, and counts what it was asked."""

    def __init__(self, *left_out: str) -> None:
        self.asked: list[str] = []
        self.left_out = [{"text": one} for one in left_out]
        self.mentions: list[dict[str, str]] = []

    def call(self, name: str, /, **given: Any) -> dict[str, Any]:
        self.asked.append(name)
        content = base64.b64encode(b"new").decode()
        return {
            "export": {
                "v": 1,
                "content": content,
                "export": "",
                "next": "",
                "leaving": 1,
                "cases": ["a"],
                "refused": [],
                "left_out": self.left_out,
                "mentions": self.mentions,
                "record": "cd" * 32,
                "compartments": ["C0"],
            },
            "case.graph": {"v": 1, "drawing": "new", "rows": [1], "next": ""},
            "fork.proof": {"v": 1, "proof": content, "fork": {"author": "Ana", "sequence": 1}},
        }[name]


COMMANDS = [["case", "export", "--to"], ["graph", "4f2a", "--to"], ["fork", "proof", "4f2a"]]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_there_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: list[str]) -> None:
    place, cell = tmp_path / "mine.csv", Exporting()
    place.write_text("mine")
    done = run(monkeypatch, cell, *command, str(place))
    assert (done.exit_code, place.read_text(), cell.asked) == (2, "mine", [])  # nothing was noted in the cell either
    assert "there already" in done.output
    assert "--replace" in done.output

    done = run(monkeypatch, cell, *command, str(place), "--replace")
    assert (done.exit_code, place.read_text(), len(cell.asked)) == (0, "new", 1)
    assert place.stat().st_mode & 0o777 == 0o600  # also where the old one could be read by others


@pytest.mark.parametrize("command", COMMANDS)
def test_a_new_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: list[str]) -> None:
    place = tmp_path / "new.csv"
    assert run(monkeypatch, Exporting(), *command, str(place)).exit_code == 0
    assert (place.read_text(), place.stat().st_mode & 0o777) == ("new", 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["new.csv"]


def test_a_place_that_cannot_be_written_is_known_before_anything_is_noted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cell = Exporting()
    done = run(monkeypatch, cell, "case", "export", "--to", str(tmp_path / "no" / "such.csv"))
    assert (done.exit_code, cell.asked) == (2, [])


def test_a_file_that_appears_meanwhile_stays(tmp_path: Path) -> None:
    place = tmp_path / "mine.csv"
    with new_file(place) as write:
        place.write_text("another's")
        with pytest.raises(Refusal):
            write([b"new"])
    assert place.read_text() == "another's"
    assert [one.name for one in tmp_path.iterdir()] == ["mine.csv"]


def test_what_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    place = tmp_path / "mine.csv"
    place.write_text("mine")
    with pytest.raises(KeyError), new_file(place, replace=True):
        raise KeyError
    assert place.read_text() == "mine"
    assert [one.name for one in tmp_path.iterdir()] == ["mine.csv"]


def test_a_link_is_followed_and_a_device_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with new_file(tmp_path / "link") as write:
        write([b"new"])
    assert (tmp_path / "real").read_text() == "new"
    with new_file(Path(os.devnull)) as write:
        write([b"new"])
    assert Path(os.devnull).is_char_device()


class InPieces(Exporting):
    """The same table in three pieces; the last of them may be missing."""

    def __init__(self, *, whole: bool = True) -> None:
        super().__init__()
        self._whole = whole

    def call(self, name: str, /, **given: Any) -> dict[str, Any]:
        if name != "export.read":
            return {**super().call(name, **given), "export": "ab", "next": "1"}
        if given["after"] == "2" and not self._whole:
            raise DaemonGone
        content = base64.b64encode("é".encode()[int(given["after"]) - 1 :][:1]).decode()
        return {"v": 1, "content": content, "next": "2" if given["after"] == "1" else ""}


def test_an_export_is_put_together_of_its_pieces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = tmp_path / "new.csv"
    assert run(monkeypatch, InPieces(), "case", "export", "--to", str(place)).exit_code == 0
    assert place.read_text() == "newé"
    assert run(monkeypatch, InPieces(), "--quiet", "case", "export").stdout == "newé"
    said = json.loads(run(monkeypatch, InPieces(), "--json", "case", "export").stdout)
    assert (base64.b64decode(said["content"]).decode(), said["next"]) == ("newé", "")
    place.unlink()
    said = json.loads(run(monkeypatch, InPieces(), "--json", "case", "export", "--to", str(place)).stdout)
    assert (place.read_text(), said["content"]) == ("newé", "")


@pytest.mark.parametrize("there", [True, False])
def test_an_export_that_breaks_off_leaves_everything_as_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, there: bool
) -> None:
    place = tmp_path / "mine.csv"
    if there:
        place.write_text("mine")
    done = run(monkeypatch, InPieces(whole=False), "case", "export", "--replace", "--to", str(place))
    assert done.exit_code != 0
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("mine.csv", "mine")] * there


def test_an_export_says_what_it_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    said = ("person.health left out of 2 cases: a consent does not cover their compartment", "1 case left out: …")
    done = run(monkeypatch, Exporting(*said), "--quiet", "case", "export")
    assert (done.exit_code, done.stdout, done.stderr.splitlines()) == (9, "new", list(said))


@pytest.mark.parametrize("given", ["", "\n", "\n\n"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["case", "edit", "4f2a", "--set", "summary=-"], ["case", "new", "-"],
        ["case", "edit", "4f2a", "--append", "notes=-"], ["case", "edit", "4f2a", "--add", "tags=-"],
        ["case", "edit", "4f2a", "--put", "roles.lawyer=-"], ["case", "edit", "4f2a", "--correct", "12ab.0=-"],
        ["case", "log", "4f2a", "--write", "-"], ["case", "edit", "4f2a", "--set", "title=-", "--set", "summary=-"],
    ],
)  # fmt: skip
def test_what_comes_to_nothing_erases_nothing(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], given: str
) -> None:
    cell = Exporting()
    done = run(monkeypatch, cell, *arguments, given=given)
    assert (done.exit_code, cell.asked) == (2, [])
    assert "nothing was written" in done.output


def test_an_export_says_which_texts_left_that_may_say_what_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = Exporting()
    daemon.mentions = [{"text": "case.summary of 1 case (4f2a): these texts leave, …"}]
    done = run(monkeypatch, daemon, "--quiet", "case", "export", "--with-mentions")
    assert (done.exit_code, done.stderr.splitlines()) == (0, [daemon.mentions[0]["text"]])
