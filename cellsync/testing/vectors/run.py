"""Run the vectors of these files, and of all files in these folders:

    python -m cellsync.testing.vectors [--drive COMMAND] PATH…

They are those of this protocol (protocol/06-vectors.md), and those of Noise in the form in which others publish them.
With `--drive` another implementation is asked, over its standard input and output; but nothing about Noise.

Prints a line for each part of the protocol and for each file of Noise. Ends with 1 if a vector failed, 2 if a file has
no vectors of a known form, or if there are none.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from cellsync.testing import harness
from cellsync.testing.harness import Reply
from cellsync.testing.vectors import case, noise
from cellsync.testing.vectors.drive import Gone, driven
from cellsync.testing.vectors.verdict import Failed, Unsupported

_ENDINGS: Final = (".json", ".txt")
_Cases = list[tuple[Path, dict[str, Any]]]


def main(arguments: Sequence[str]) -> int:
    drive = arguments[1] if arguments[:1] == ["--drive"] and len(arguments) > 1 else None
    paths = arguments[2:] if drive else arguments
    if not paths or paths[0].startswith("--"):
        print(__doc__, file=sys.stderr)
        return 2
    parts, others, strange = _sorted(_files(map(Path, paths)))
    worst = 0
    if drive is None:
        for path, vectors in others:
            worst |= _tell(
                path, (_outcome(f"{path}: {one['protocol_name']}", partial(noise.run, one)) for one in vectors)
            )
        worst |= _run(parts, harness.ask)
    elif parts:
        try:
            with driven(drive) as other:
                worst |= _run(parts, other.ask)
        except Gone as gone:
            print(f"no more answers: {gone}", file=sys.stderr)
            worst = 1
    for path in strange:
        print(f"{path}: no vectors of a known form", file=sys.stderr)
    return 2 if strange or not (parts or others) else worst


def _sorted(files: Iterable[Path]) -> tuple[dict[str, _Cases], _Files, list[Path]]:
    """The cases by part; the files of Noise; and files that are neither."""
    parts: dict[str, _Cases] = {}
    others: _Files = []
    strange: list[Path] = []
    for path in files:
        content = _content(path)
        if case.is_case(content):
            parts.setdefault(content["part"], []).append((path, content))
        elif noise.is_file(content):
            others.append((path, content["vectors"]))
        else:
            strange.append(path)
    return parts, others, strange


_Files = list[tuple[Path, list[dict[str, Any]]]]


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.suffix in _ENDINGS)
        else:
            yield path


def _content(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _run(parts: dict[str, _Cases], ask: Callable[[Iterable[tuple[str, object]]], Iterator[Reply]]) -> int:
    worst = 0
    for part, cases in sorted(parts.items()):
        replies = ask((part, vector["given"]) for _, vector in cases)
        worst |= _tell(part, [_outcome(str(path), partial(_judge, vector, replies)) for path, vector in cases])
    return worst


def _judge(vector: dict[str, Any], replies: Iterator[Reply]) -> None:
    case.judge(vector, next(replies))


def _outcome(name: str, check: Callable[[], None]) -> str:
    try:
        check()
    except Failed as failure:
        print(f"{name} failed: {failure}", file=sys.stderr)
        return "failed"
    except Unsupported:
        return "unsupported"
    return "passed"


def _tell(what: object, outcomes: Iterable[str]) -> int:
    count = Counter(outcomes)
    print(f"{what}: " + ", ".join(f"{one} {count[one]}" for one in ("passed", "failed", "unsupported")))
    return 1 if count["failed"] else 0
