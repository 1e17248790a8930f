"""The mutants that may live, each with its reason, one a line: `explained.txt` beside this file.

function | was | becomes | why no test could tell
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

DOCUMENT: Final = Path(__file__).with_name("explained.txt")
_PARTS: Final = 4


def explained() -> dict[str, str]:
    """Why, by mutant. Raises ValueError for a line that is none."""
    reasons: dict[str, str] = {}
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            mutant, _, why = line.rpartition(" | ")
            if mutant.count(" | ") < _PARTS - 2 or not why or mutant in reasons:
                raise ValueError(f"this is no explanation, or a second one: {line!r}")
            reasons[mutant] = why
    return reasons
