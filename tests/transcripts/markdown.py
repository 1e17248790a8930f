"""A Markdown file as the runner reads it: its console blocks, and the declarations in its HTML comments.

A console block inside a comment counts as well: it runs without being shown to readers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_FENCE: Final = re.compile(r"( *)(`{3,}|~{3,})([^`]*)")
_DECLARATION: Final = re.compile(r"(example|asks|hidden|environment)(?: ([A-Za-z]\w*))?:(.*)")


class Malformed(ValueError):
    """The document says something that cannot be meant."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line, self.problem = line, problem


class Block(NamedTuple):
    """```console TERMINAL"""

    line: int  # of the first line inside
    terminal: str
    lines: tuple[str, ...]


class Declaration(NamedTuple):
    """<!-- KEYWORD NAME: TEXT -->"""

    line: int
    keyword: str
    name: str
    text: str


def read(text: str) -> Iterator[Block | Declaration]:
    """All of them in their order. Raises Malformed."""
    lines = enumerate(text.split("\n"), 1)
    in_comment = False
    for number, line in lines:
        if fence := _FENCE.fullmatch(line.rstrip()):
            block = _block(fence, number, lines)
            if block is not None:
                yield block
            continue
        stripped = line.strip()
        in_comment = in_comment or stripped.startswith("<!--")
        if in_comment:
            said = stripped.removeprefix("<!--").partition("-->")[0].strip()
            if declared := _DECLARATION.fullmatch(said):
                yield Declaration(number, declared[1], declared[2] or "", declared[3].strip())
            in_comment = "-->" not in stripped


def _block(fence: re.Match[str], number: int, lines: Iterator[tuple[int, str]]) -> Block | None:
    """The block that this fence opens, if it is for a console; up to its end in any case."""
    indent, marks, info = fence[1], fence[2], fence[3].split()
    closing = re.compile(rf" *{marks[0]}{{{len(marks)},}}")
    content: list[str] = []
    for _, line in lines:
        if closing.fullmatch(line.rstrip()):
            return Block(number + 1, " ".join(info[1:]), tuple(content)) if info[:1] == ["console"] else None
        content.append(line.removeprefix(indent).rstrip())
    raise Malformed(number, "a block that is never closed")
