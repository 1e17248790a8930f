"""The form of a vector, and of values in it (protocol/06-vectors.md)."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

VECTORS: Final = Path(__file__).parents[1] / "vectors"
_EXACT: Final = 1 << 53  # up to here every number is exact in every JSON reader


@dataclass(frozen=True)
class Vector:
    """A question with its answer."""

    part: str
    name: str
    given: dict[str, Any]
    expect: str = "ok"
    result: dict[str, Any] | None = None
    steps: dict[str, Any] | None = None  # what was computed on the way

    @property
    def path(self) -> Path:
        words = re.findall(r"[a-z0-9]+", re.sub(r"[',]", "", self.name.lower()))
        return VECTORS / self.part / ("-".join(words) + ".json")

    @property
    def text(self) -> str:
        said: dict[str, Any] = {"name": self.name, "part": self.part, "given": plain(self.given), "expect": self.expect}
        if self.result is not None:
            said["result"] = plain(self.result)
        if self.steps is not None:
            said["steps"] = plain(self.steps)
        return json.dumps(said, indent=1) + "\n"


def fault(rule: str) -> str:
    return f"fault:{rule}"


def refused(*rows: int) -> str:
    return f"refused:[{','.join(map(str, rows))}]"


def plain(value: Any) -> Any:
    """Bytes as hexadecimal texts, large integers as decimal ones."""
    match value:
        case bytes():
            return value.hex()
        case bool() | None | str():
            return value
        case int():
            return value if abs(value) <= _EXACT else str(value)
        case dict():
            return {name: plain(field) for name, field in value.items()}
        case list() | tuple():
            return [plain(element) for element in value]
    raise TypeError(type(value))


def shown(value: Any) -> Any:
    """A value of msgpack as it is written in a result: no two values look alike."""
    match value:
        case bytes():
            return {"bin": value.hex()}
        case float():
            return {"float": struct.pack(">d", value).hex()}
        case bool() | None | str():
            return value
        case int():
            return value if abs(value) <= _EXACT else {"int": str(value)}
        case dict():
            return {"map": [[key, shown(field)] for key, field in value.items()]}
        case list() | tuple():
            return [shown(element) for element in value]
    raise TypeError(type(value))
