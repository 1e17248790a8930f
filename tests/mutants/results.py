"""What mutmut found out: the mutants of a part, each with what it changes and what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import ndiff
from pathlib import Path
from typing import Final, NamedTuple

_KILLED: Final = frozenset({1, 3, 24, -24, 36, 152, 255, -9, -11})  # a failure, an endless loop, a crash
_ALIVE: Final = frozenset({0, 5, 33})  # survived; no test of the part calls it
_SEPARATOR: Final = "ǁ"  # of a class and its method, in mutmut's names


class Mutant(NamedTuple):
    function: str  # `core.crdt.log:LogState.take`
    was: str  # the lines that are mutated, and what they become; spaces and line breaks do not count
    becomes: str
    killed: bool | None  # None: not tried yet

    def __str__(self) -> str:
        return f"{self.function} | {self.was} | {self.becomes}"


def mutants(folder: Path) -> Iterator[Mutant]:
    """All of a run, in `folder/mutants`."""
    for meta in sorted((folder / "mutants" / "cellsync").rglob("*.py.meta")):
        source = meta.with_suffix("")
        outcomes = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
        if outcomes:
            yield from _of_module(folder / "mutants", source, outcomes)


def forget_the_living(folder: Path) -> None:
    """Have mutmut try again, with the tests as they are now, what none noticed before."""
    for meta in (folder / "mutants" / "cellsync").rglob("*.py.meta"):
        known = json.loads(meta.read_text(encoding="utf-8"))
        outcomes = known["exit_code_by_key"]
        again = {key: code if code in _KILLED else None for key, code in outcomes.items()}
        if again != outcomes:
            meta.write_text(json.dumps(known | {"exit_code_by_key": again}), encoding="utf-8")


def _of_module(root: Path, source: Path, outcomes: dict[str, int | None]) -> Iterator[Mutant]:
    lines = source.read_text(encoding="utf-8").splitlines()
    spans = json.loads(source.with_name(source.name + ".spans").read_text(encoding="utf-8"))["spans"]
    module = ".".join(source.relative_to(root / "cellsync").with_suffix("").parts)
    for key, code in outcomes.items():
        name = key.rpartition(".")[2]
        own = name.partition("__mutmut_")[0]
        before, after = (_body(lines, spans[one], one) for one in (f"{own}__mutmut_orig", name))
        changed = list(ndiff(before, after))
        was, becomes = (_joined(changed, sign) for sign in ("- ", "+ "))
        function = own.removeprefix(f"x{_SEPARATOR}").removeprefix("x_").replace(_SEPARATOR, ".")
        killed = True if code in _KILLED else False if code in _ALIVE else None
        yield Mutant(f"{module}:{function}", was, becomes, killed)


def _body(lines: list[str], span: tuple[int, int], name: str) -> list[str]:
    start, end = span
    return [line.replace(name, "f") for line in lines[start - 1 : end]]


def _joined(changed: list[str], sign: str) -> str:
    return " ".join(line[2:].strip() for line in changed if line.startswith(sign))
