"""All types of bytes that come from outside, by name; and cases to begin with, partly from the protocol's vectors."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.fuzz import kept, said, sealed, written
from tests.fuzz.wire_type import WireType

VECTORS: Final = Path(__file__).parents[2] / "protocol" / "vectors"
TYPES: Final[dict[str, WireType]] = {
    one.name: one for room in (said, written, sealed, kept) for one in room.TYPES
}  # fmt: skip


def seeds(of: WireType) -> list[bytes]:
    """Cases to begin with: good ones, and of the strings of bytes in the vectors those that are read or begin alike."""
    good = of.good()
    beginnings = {case[:1] for case in good}
    found = {case.removeprefix(of.begins) for case in _vectors()}
    fits = [case for case in sorted(found) if len(case) <= of.most and (case[:1] in beginnings or of.accepts(case))]
    return [*good, *fits]


@cache
def _vectors() -> frozenset[bytes]:
    files = [path for path in VECTORS.rglob("*.json") if path.parent.name != "noise"]  # others' handshakes
    return frozenset(case for path in files for case in _strings(json.loads(path.read_text(encoding="utf-8"))))


def _strings(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)
    elif isinstance(value, str) and value:
        with contextlib.suppress(ValueError):
            yield bytes.fromhex(value)
