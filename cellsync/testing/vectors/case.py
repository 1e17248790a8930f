"""Vectors of this protocol, one case a file (protocol/06-vectors.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellsync.testing.vectors.verdict import Failed, Unsupported


def is_case(content: object) -> bool:
    return isinstance(content, dict) and {"name", "part", "given", "expect"} <= set(content)


def judge(vector: Mapping[str, Any], reply: Mapping[str, Any]) -> None:
    """Whether a reply is the answer of a vector. Raises Failed or Unsupported."""
    if "error" in reply:
        raise Failed(str(reply["error"]))
    if reply.get("expect") == "unsupported":
        raise Unsupported
    if reply.get("expect") != vector["expect"]:
        raise Failed(f"{reply.get('expect')} in place of {vector['expect']}")
    found = reply.get("result") or {}
    for name, value in (vector.get("result") or {}).items():
        if name not in found:
            raise Failed(f"no {name}")
        if not same(found[name], value):
            raise Failed(f"{name} is another")


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same: for Python, 1 equals true and 1.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(field, other[name]) for name, field in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
