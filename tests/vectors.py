"""Vectors of one part of the protocol, for tests that go further than to pass them (protocol/06-vectors.md)."""

from __future__ import annotations

import json
from typing import Any

from protocol.generate.vector import VECTORS


def vectors(part: str, *names: str) -> list[dict[str, Any]]:
    """What is given in each good case of a part, or in the cases with these names, with its result and `name`."""
    found = [json.loads(path.read_text()) for path in sorted((VECTORS / part).glob("*.json"))]
    chosen = [one for one in found if (one["name"] in names if names else one["expect"] == "ok")]
    assert chosen
    return [{"name": one["name"]} | one["given"] | one.get("result", {}) | one.get("steps", {}) for one in chosen]
