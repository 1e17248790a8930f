"""The command line with many cases: it shows that it is working, and which documents have no title."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import pytest
from click.testing import CliRunner

from cellsync.cli import reach
from cellsync.cli.main import main
from cellsync.cli.terminal import Terminal
from tests.scenarios.versions.test_commands import CIRCLE

EXPORTED = {
    "v": 1, "content": "", "export": "", "next": "", "leaving": 1, "cases": ["ab" * 32], "compartments": ["C0"],
    "left_out": [], "mentions": [], "record": None,
}  # fmt: skip
STATUS = {
    "v": 1, "cell": "Mill Street", "state": "open", "name": "Ana", "role": "writer", "device": "cd" * 32,
    "locks_in": None, "copied": None, "as_of": None, "cases": 1, "key_memory": 256, "beside": 1, "changes": 3,
    "only_here": 2,
    "locked": [], "only_here_cases": [
        {"case": "ab" * 32, "title": "Parcel", "changes": 1}, {"case": "cd" * 32, "title": "", "changes": 1},
    ],
    "conflicts": 0, "others_ahead": None, "peers": [], "flags": [], "circles": [CIRCLE],
}  # fmt: skip
ITEM = {
    "id": "ef" * 8 + ".0", "before": [],
    "values": [{"value": "seen", "text": "seen", "author": "Ana", "at": "2026-03-01T09:58:00+00:00"}],
}  # fmt: skip
NOTES = {"name": "notes", "type": "log", "sensitivity": "C0", "values": [], "keys": [], "items": [ITEM]}
SHOWN = {
    "v": 1, "id": "ab" * 32, "short": "abab", "circle": "c1", "kind": "cellsync.case", "title": "Parcel",
    "fields": [NOTES], "conflicts": [], "links": [], "beside": [], "more_beside": False, "next": "1f2e3d4c-a0",
    "cut": False,
}  # fmt: skip
LOGGED = {"v": 1, "id": "ab" * 32, "title": "Parcel", "lines": [], "next": "1f2e3d4c-a0", "cut": False}
DRAWN = {"v": 1, "id": "ab" * 32, "title": "Parcel", "rows": [], "drawing": "", "next": "1f2e3d4c-a0"}


class Client:
    """A daemon whose answers are given."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def call(self, name: str, /, **_: Any) -> dict[str, Any]:
        return {
            "export": EXPORTED, "status": STATUS, "case.show": SHOWN, "case.log": LOGGED, "case.graph": DRAWN,
            "circles": {"v": 1, "circles": [CIRCLE]},
        }[name]  # fmt: skip


@pytest.fixture(autouse=True)
def _opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "opened", lambda *_, **__: Client())


@pytest.mark.parametrize(("named", "drawn"), [([], ["exporting"]), (["parcel"], [])])
def test_an_export_of_all_shows_that_it_is_at_work(
    named: list[str], drawn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = []

    @contextmanager
    def bar(_: Terminal, what: str) -> Iterator[Any]:
        bars.append(what)
        yield lambda done, total: None

    monkeypatch.setattr(Terminal, "bar", bar)
    done = CliRunner().invoke(main, ["case", "export", *named])
    assert (done.exit_code, bars) == (0, drawn), done.output


def test_a_document_without_a_title_is_named_as_one() -> None:
    said = CliRunner().invoke(main, ["status"]).output
    assert "only here: abababab  Parcel  (1 change)" in said
    assert "only here: cdcdcdcd  (no title)  (1 change)" in said


@pytest.mark.parametrize(
    ("typed", "said", "goes_on"),
    [
        ("case show parcel", "notes  1 item, the newest", "case log"),
        ("case log parcel", "Nothing in the newest changes.", "case log"),
        ("graph parcel", "", "graph"),
    ],
)
def test_a_long_case_says_how_to_see_what_came_before(typed: str, said: str, goes_on: str) -> None:
    done = CliRunner().invoke(main, typed.split())
    assert done.exit_code == 0, done.output
    assert said in done.stdout
    assert done.stderr == f"There is more from before: cellsync {goes_on} abababab --after 1f2e3d4c-a0\n"
