"""The walks that docs/architecture.md describes, and the modules that a run really passes through."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

import cellsync

HOP: Final = re.compile(r"^\d+\. `cellsync/([\w/]+\.py)`, `([\w.]+)`", re.MULTILINE)
ASKED: Final = re.compile(r"^ +- asks `cellsync/([\w/]+\.py)`, `([\w.]+)`(?: and `(\w+)`)?", re.MULTILINE)
_HERE: Final = f"{Path(cellsync.__file__).parent}/"


class Function(NamedTuple):
    file: str  # seen from `cellsync/`
    name: str

    def is_in(self, stack: Stack) -> bool:
        """Also if only a function that is defined in it is."""
        return any(file == self.file and f"{name}.".startswith(f"{self.name}.") for file, name in stack)


Stack = tuple[tuple[str, str], ...]
"""Functions of cellsync that were being carried out, the innermost first."""


class Walk(NamedTuple):
    hops: list[Function]
    asked: list[list[Function]]  # by each hop

    @property
    def files(self) -> set[str]:
        """All that are named."""
        return {function.file for function in [*self.hops, *(each for hop in self.asked for each in hop)]}


def described(text: str, title: str) -> Walk:
    """The walk under a heading that begins like this."""
    section = re.split(r"^#+ ", text, flags=re.MULTILINE)
    [walk] = [part for part in section if part.startswith(title)]
    walked = Walk([], [])
    for line in walk.splitlines():
        if hop := HOP.match(line):
            walked.hops.append(Function(hop[1], hop[2]))
            walked.asked.append([])
        elif asked := ASKED.match(line):
            of = asked[2].rpartition(".")[0]
            names = [asked[2], *([f"{of}.{asked[3]}" if of else asked[3]] if asked[3] else [])]
            walked.asked[-1] += [Function(asked[1], name) for name in names]
    return walked


class Trail:
    """What is called while it is followed, in this thread and in threads that begin meanwhile."""

    def __init__(self) -> None:
        self.stacks: list[Stack] = []
        self._following = False
        self._looked = 0

    @contextmanager
    def followed(self) -> Iterator[None]:
        before, self._following = sys.getprofile(), True
        threading.setprofile(self._note)
        sys.setprofile(self._note)
        try:
            yield
        finally:
            self._following = False
            sys.setprofile(before)
            threading.setprofile(None)

    def _note(self, frame: FrameType, event: str, _: Any) -> None:
        if self._following and event in ("call", "return") and frame.f_code.co_filename.startswith(_HERE):
            stack: list[tuple[str, str]] = []
            outer: FrameType | None = frame
            while outer is not None:
                if outer.f_code.co_filename.startswith(_HERE):
                    stack.append((outer.f_code.co_filename.removeprefix(_HERE), outer.f_code.co_qualname))
                outer = outer.f_back
            self.stacks.append(tuple(stack))

    def has_passed(self, function: Function) -> bool:
        """Asked again and again while it is followed: looks at what is new."""
        start, self._looked = self._looked, len(self.stacks)
        return any(function.is_in(stack) for stack in self.stacks[start : self._looked])

    def passes(self, function: Function, start: int = 0) -> int | None:
        """Where it is first passed from `start` on."""
        return next((at for at in range(start, len(self.stacks)) if function.is_in(self.stacks[at])), None)


def hidden(walk: Walk, hop: int, stack: Stack) -> set[str]:
    """Files that stand between a hop and the one before, and are not named."""
    between: list[str] = []
    names = iter(stack)
    for file, name in names:
        if walk.hops[hop].is_in(((file, name),)):
            break
    for file, _ in names:
        if file == walk.hops[hop - 1].file:
            return set(between) - walk.files
        between.append(file)
    return set()  # it was left for this hop to take
