"""No two public classes of one name: a reader who searches for a name finds one thing.

The shapes of the local API may repeat the name of what they show: their names are in the OpenAPI document.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import cellsync

ROOT = Path(cellsync.__file__).parent
SHAPES = ROOT / "api" / "contract"

# To be renamed: a name leaves this list for good, and none is added.
TWICE = frozenset(
    [
        "Admit",
        "Asked",
        "Called",
        "Cell",
        "Change",
        "Conflict",
        "Failed",
        "Fork",
        "Form",
        "Grant",
        "Held",
        "Here",
        "Kind",
        "Link",
        "Listing",
        "Pairing",
        "Peer",
        "Place",
        "Profile",
        "Reading",
        "Recognition",
        "Responder",
        "Row",
        "Said",
        "Search",
        "Source",
        "Spoken",
        "Step",
        "Teller",
        "Verdict",
        "Whereabouts",
    ]
)


def public_classes() -> dict[str, list[str]]:
    """Name -> modules that define a class of it."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(ROOT.rglob("*.py")):
        if SHAPES not in path.parents:
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].append(str(path.relative_to(ROOT)))
    return found


def test_no_two_public_classes_have_one_name() -> None:
    twice = {name: modules for name, modules in public_classes().items() if len(modules) > 1}
    assert {name: modules for name, modules in twice.items() if name not in TWICE} == {}
