"""Public names: each from exactly one place, and imported only when asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import cellsync


def test_type_checkers_and_python_see_the_same_names() -> None:
    tree = ast.parse(Path(cellsync.__file__).read_text())
    seen = {
        (alias.name, node.module)
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module != "typing"
        for alias in node.names
    }
    assert seen == set(cellsync._HOMES.items())
    assert sorted(cellsync.__all__) == sorted(name for name, _ in seen)


def test_every_name_is_there() -> None:
    for name, home in cellsync._HOMES.items():
        found = getattr(cellsync, name)
        assert found is (import_module(f"{home}.{name}") if name == "errors" else getattr(import_module(home), name))


def test_importing_the_package_imports_none_of_its_parts() -> None:
    others = ("trio", "nacl", "typing")
    code = f"import cellsync, sys; print([m for m in sys.modules if m.startswith('cellsync.') or m in {others}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
