"""The tests of a module are found by its name: `tests/` has the folders of `cellsync/`, and in them

    test_NAME.py            tests the module or package NAME of that folder
    test_NAME_ASPECT.py     tests one aspect of it, if one file would be too long
    test_ROOM.py            tests the folder as a whole

Tests that go through several modules are in `tests/scenarios/`, where a file is named for what happens.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cellsync

TESTS: Final = Path(__file__).parent
MODULES: Final = Path(cellsync.__file__).parent

# Folders that are none of cellsync's, and why they are there.
OTHERS: Final = {
    "docs": "what is documented is what there is",
    "end_to_end": "real processes, sockets, networks and disks; marked e2e",
    "examples": "what stands in `examples/` runs",
    "fuzz": "bytes that come from outside: what is claimed of each type, and the fuzzer",
    "histories": "what happened to the membership of a circle, told in files, and what must be shown then",
    "models": "naive models, which tests compare with; no tests",
    "mutants": "whether tests notice when the program is changed, and the tests of that",
    "protocol": "what the text says of itself, and of the program",
    "scenarios": "what happens, across modules",
    "searches": "looking for counterexamples, and the tests of that",
    "transcripts": "what documents show of a terminal is what one sees there",
    "vaults": "vaults of each release, which open for ever",
}

# Files named for something else than a module, and why.
ASIDE: Final = {
    "core/membership/test_histories.py": "named for `tests/histories`, which it plays",
    "core/crypto/test_vectors.py": "named for `protocol/vectors`, and goes further than to pass them",
}


def is_named_for_a_module(path: Path) -> bool:
    """`path`: of a test, seen from `tests/`."""
    room = MODULES / path.parent
    name = path.stem.removeprefix("test_")
    if not room.is_dir():
        return False
    modules = {each.stem for each in room.iterdir() if each.suffix == ".py" or (each / "__init__.py").exists()}
    modules.add(room.name)
    return any(name == module or name.startswith(module + "_") for module in modules)


def named() -> list[Path]:
    return [path.relative_to(TESTS) for path in sorted(TESTS.rglob("test_*.py"))]


def test_every_folder_is_one_of_cellsync_or_says_why_not() -> None:
    rooms = {path.name for path in TESTS.iterdir() if path.is_dir() and not path.name.startswith(("_", "."))}
    assert rooms - set(OTHERS) == {room for room in rooms if (MODULES / room / "__init__.py").exists()}
    assert set(OTHERS) <= rooms


def test_every_test_is_named_for_a_module_or_for_what_happens() -> None:
    mirrored = [path for path in named() if len(path.parts) > 1 and path.parts[0] not in OTHERS]
    assert len(mirrored) > 100
    assert {str(path) for path in mirrored if not is_named_for_a_module(path)} == set(ASIDE)


def test_a_test_that_is_named_for_nothing_is_found() -> None:
    assert is_named_for_a_module(Path("core/session/test_session_hostile.py"))
    assert is_named_for_a_module(Path("casework/test_casework.py"))
    assert not is_named_for_a_module(Path("core/session/test_hostile.py"))
    assert not is_named_for_a_module(Path("scenarios/test_pairing.py"))
