"""What is mutated, and which tests have to notice: those of its own folder, so that a mutant costs a second or so."""

from __future__ import annotations

from typing import Final, NamedTuple


class Part(NamedTuple):
    name: str
    modules: tuple[str, ...]  # patterns of paths
    tests: tuple[str, ...]


PARTS: Final[dict[str, Part]] = {
    part.name: part
    for part in (
        Part("codec", ("cellsync/core/wire/*",), ("tests/core/wire",)),
        Part("crdt", ("cellsync/core/crdt/*",), ("tests/core/crdt",)),
        Part(
            "rules",
            (
                "cellsync/core/rule.py",
                *(
                    f"cellsync/core/membership/{name}.py"
                    for name in ("rules", "circle", "control", "editions", "floor", "pasts", "recovery")
                ),
            ),
            ("tests/core/membership", "tests/core/test_rule.py"),
        ),
        Part("crypto", ("cellsync/core/crypto/*",), ("tests/core/crypto",)),
    )
}
