"""The generated reference is up to date with the program."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import cellsync
from cellsync.api import web
from cellsync.core import caps
from cellsync.core.schema import values
from docs import generate
from docs.library import undescribed

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("path", sorted(generate.files()), ids=lambda path: path.name)
def test_reference_is_current(path: Path) -> None:
    assert path.read_text() == generate.files()[path], "run `make reference`"


def test_nothing_else_lies_there() -> None:
    there = {*(generate.DOCS / "reference").iterdir(), *(generate.DOCS / "man").iterdir()}
    assert there == {path for path in generate.files() if path.parent.parent == generate.DOCS}


def test_the_last_words_of_a_command_are_on_its_manual_page() -> None:
    """click-man leaves them out (findings/click-man-lost-lines.sh)."""
    pages = generate.files()
    said = {name: command.epilog for name, command in generate.commands() if command.epilog}
    assert "case new" in said
    for name, words in said.items():
        assert pages[generate.DOCS / "man" / f"cellsync-{name.replace(' ', '-')}.1"].endswith(f"\n{words}\n"), name


def test_everything_that_programs_may_import_says_what_it_is() -> None:
    assert undescribed() == []
    page = generate.files()[generate.DOCS / "reference" / "library.md"]
    for name in cellsync.__all__:
        assert f"### cellsync.{name}\n" in page or name == "errors", name
    assert " at 0x" not in page
    assert "async with open_cell(place: Place, *, passphrase: str) as Cell" in page


def test_every_cap_is_on_the_page_of_limits() -> None:
    page = generate.files()[generate.DOCS / "reference" / "limits.md"]
    for name, value in vars(caps).items():
        if name.isupper():
            assert f"| {name} | {value:,}" in page, name
    for limit in (values.LARGEST, values.ELEMENTS, caps.ENTRY, web.LARGEST):
        assert f"| {limit:,}" in page


def test_every_command_says_what_it_prints() -> None:
    own = {
        "daemon",
        "daemon install",
        "daemon run",
        "case",
        "circle",
        "circle passphrase",
        "completion",
        "demo",
        "device",
        "fork",
        "help",
        "passphrase",
        "quarantine",
        "recovery",
    }  # texts
    assert {name for name, _ in generate.commands()} == generate.PRINTS.keys() | own


def test_the_schema_of_the_commands_is_one() -> None:
    schema = json.loads((generate.DOCS / "reference" / "commands.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator({**schema, "$ref": "#/$defs/error"})
    validator.validate({"v": 1, "error": {"code": "locked", "message": "", "hint": "", "exit": 3}})
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"v": 1, "error": {"code": "locked"}})
