"""Names lead to what they name: no two public classes have one, and what texts say of modules holds.

The shapes of the local API may repeat the name of what they show: their names are in the OpenAPI document.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

import cellsync

ROOT = Path(cellsync.__file__).parent
SHAPES = ROOT / "api" / "contract"


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def public_classes() -> dict[str, list[str]]:
    """Name -> modules that define a class of it."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(ROOT.rglob("*.py")):
        if SHAPES not in path.parents:
            for node in parsed(path).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].append(str(path.relative_to(ROOT)))
    return found


def test_no_two_public_classes_have_one_name() -> None:
    classes = public_classes()
    assert classes
    assert {name: modules for name, modules in classes.items() if len(modules) > 1} == {}


def docstring(path: Path) -> str:
    return ast.get_docstring(parsed(path)) or ""


def test_a_module_called_by_a_noun_does_not_begin_with_another_word_for_it() -> None:
    """A title like "Searching:" is left over from a module that was called so."""
    paths = [path for path in sorted(ROOT.rglob("*.py")) if path.name != "__init__.py"]
    begun = {path: match[1].lower() for path in paths if (match := re.match(r"(\w+ing)\b", docstring(path)))}
    assert begun
    assert [str(path.relative_to(ROOT)) for path, word in begun.items() if word != path.stem] == []


def listed(text: str) -> set[str]:
    """What the indented list of a package's docstring names: `name, name   what they are;  name  what it is`."""
    rows = [line for line in text.splitlines() if re.match(r" *[a-z_, ]+  |    [a-z_, ]+,?$", line)]
    names = re.findall(r"(?:^ *|;  )([a-z_]+(?:, [a-z_]+)*)(?=,?  |,?$)", "\n".join(rows), re.MULTILINE)
    return {name for each in names for name in each.split(", ")}


@pytest.mark.parametrize("package", sorted(ROOT.rglob("__init__.py")), ids=lambda path: path.parent.name)
def test_the_modules_that_a_package_lists_are_there(package: Path) -> None:
    here = {path.stem for path in package.parent.iterdir()}
    offered = re.findall(r'"(\w+)"', package.read_text(encoding="utf-8").partition("__all__")[2])
    assert sorted(listed(docstring(package)) - here - set(offered)) == []


def test_the_list_of_a_package_is_read_as_it_is_written() -> None:
    text = "Title.\n\n    one, two   the first;  three  the third\n    four, five,\n    six\n\nNothing else  here."
    assert listed(text) == {"one", "two", "three", "four", "five", "six"}
