"""Mappings: a table with columns of its own, and mappings that make no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellsync.casework.importing import (
    Mapping,
    UnreadableFile,
    mapping_file,
    read_csv,
)
from cellsync.core.errors import InvalidValue


def test_a_groups_own_table(tmp_path: Path) -> None:
    columns = {"Nr": "external_id", "ФИО": "name", "Родился": "person.born", "Разное": "case.legal_notes"}
    file = tmp_path / "columns.toml"
    file.write_text("\n".join(f'"{name}" = "{where}"' for name, where in columns.items()), "utf-8")
    assert mapping_file.load(file) == columns
    [row] = read_csv("Nr;ФИО;Родился;Разное\n1;Вера Тихая;05.1984;пишет\n".encode(), Mapping.of(columns)).rows
    assert row.documents == {
        "case": {("title", ""): ["Вера Тихая"], ("legal_notes", "Разное"): ["пишет"]},
        "person": {
            ("names", "ФИО"): [["Вера Тихая", "cyrillic", "legal"]],
            ("description", ""): [],
            ("born", ""): [[1984, 5, None, False]],
        },
    }


@pytest.mark.parametrize(
    ("columns", "hint"),
    [
        ({"Nr": "external_id", "a": "nmae"}, "'name'"),
        ({"Nr": "external_id", "a": "persn.born"}, "'person'"),
        ({"Nr": "external_id", "a": "person.bron"}, "'born'"),
        ({"Nr": "external_id", "a": "person.links"}, "born"),
        ({"Nr": "external_id", "a": 7}, "person.born"),
        ({"Nr": "external_id", "b": "external_id"}, "external_id"),
        ({"Nr": "external_id", "a": "person.born", "b": "birth_date"}, ""),
        ({"Nr": "external_id", "a": "task.cost"}, ""),
    ],
)
def test_a_mapping_that_makes_no_sense(columns: dict[str, object], hint: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        Mapping.of(columns)
    assert hint in caught.value.hint


@pytest.mark.parametrize("content", ["{", "[1]"])
def test_a_mapping_file_that_is_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "columns.json"
    file.write_text(content)
    with pytest.raises(InvalidValue):
        mapping_file.load(file)


def test_a_mapped_column_has_to_be_in_the_file() -> None:
    mapping = Mapping.of({"Nr": "external_id", "ФИО": "name"})
    with pytest.raises(UnreadableFile, match="ФИО"):
        read_csv(b"Nr\n1\n", mapping)
