"""Every command that a hint tells people to type exists."""

from __future__ import annotations

import ast
import re

import click

from cellsync.cli.main import main
from tests.cli.terminals import ROOT


def test_no_hint_leaves_out_the_group_of_a_command() -> None:
    """`cellsync export` is none: it is `cellsync case export`."""
    context = click.Context(main)
    first = set(main.list_commands(context))
    groups = [one for name in first if isinstance(one := main.get_command(context, name), click.Group)]
    second = {name for one in groups for name in one.list_commands(click.Context(one))} - first
    assert {"export", "import", "show"} <= second
    wrong = [
        (path.name, found[0])
        for path in sorted((ROOT / "cellsync").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for found in re.finditer(r"\bcellsync ([a-z]+)\b", node.value)
        if found[1] in second
    ]
    assert wrong == []
