"""The picture of the floors, out of the contracts in pyproject.toml and what each package says of itself."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
BEGIN: Final = "<!-- floors: made by `make reference` from pyproject.toml -->\n"
END: Final = "<!-- end of floors -->\n"


def with_floors(path: Path) -> str:
    """A document, with the picture between its two marks drawn anew."""
    before, rest = path.read_text().split(BEGIN)
    return before + BEGIN + "\n" + picture() + "\n" + END + rest.split(END)[1]


def picture() -> str:
    """All floors, the highest first, and what stands on each; those of the core are indented."""
    contracts = {contract["name"]: contract for contract in _contracts()}
    lines: list[str] = []
    for floor in _layers(contracts["The floors above the core"]):
        lines += _rows(floor, "")
    for floor in _layers(contracts["The floors of the core"]):
        lines += _rows(floor, "core")
    return "```\n" + "\n".join(lines) + "\n```\n"


def _contracts() -> list[dict[str, Any]]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts: list[dict[str, Any]] = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    return contracts


def _layers(contract: dict[str, Any]) -> list[list[str]]:
    floors = [[name.strip(" ()") for name in layer.split("|")] for layer in contract["layers"]]
    return [floor for floor in floors if floor != ["__main__"]]


def _rows(floor: list[str], folder: str) -> Iterator[str]:
    indent = "    " if folder else ""
    small = [name for name in floor if not (ROOT / "cellsync" / folder / name).is_dir()]
    for name in floor:
        if name not in small or len(small) == 1:
            yield f"{indent}{name:12}{_says(folder, name)}"
    if len(small) > 1:
        yield indent + " ".join(small)


def _says(folder: str, name: str) -> str:
    place = ROOT / "cellsync" / folder / name
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    first = (ast.get_docstring(ast.parse(file.read_text())) or "").splitlines()[0]
    return re.sub(rf"^(The |A )?{name}: ", "", first, flags=re.IGNORECASE).rstrip(".")
