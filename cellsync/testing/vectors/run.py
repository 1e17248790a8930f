"""`python -m cellsync.testing.vectors PATH…`: run the vectors of these files, and of all files in these folders.

Prints a line for each file. Ends with 1 if a vector failed, 2 if a file has no vectors of a known form.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from cellsync.testing.vectors import noise
from cellsync.testing.vectors.verdict import Failed, Unsupported

_ENDINGS: Final = (".json", ".txt")


def main(paths: Sequence[str]) -> int:
    if not paths:
        print(__doc__, file=sys.stderr)
        return 2
    worst = 0
    for path in _files(map(Path, paths)):
        vectors = _vectors(path)
        if vectors is None:
            print(f"{path}: no vectors of a known form", file=sys.stderr)
            worst = 2
            continue
        count = Counter(_judge(path, vector) for vector in vectors)
        print(f"{path}: " + ", ".join(f"{one} {count[one]}" for one in ("passed", "failed", "unsupported")))
        worst = max(worst, 1 if count["failed"] else 0)
    return worst


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.suffix in _ENDINGS)
        else:
            yield path


def _vectors(path: Path) -> list[dict[str, Any]] | None:
    try:
        vectors = json.loads(path.read_bytes())["vectors"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    known = isinstance(vectors, list) and all(isinstance(one, dict) and "protocol_name" in one for one in vectors)
    return vectors if known and vectors else None


def _judge(path: Path, vector: dict[str, Any]) -> str:
    try:
        noise.run(vector)
    except Failed as failure:
        print(f"{path}: {vector['protocol_name']} failed: {failure}", file=sys.stderr)
        return "failed"
    except Unsupported:
        return "unsupported"
    return "passed"
