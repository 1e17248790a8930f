"""What the doctor says."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Grade(StrEnum):
    """How something is. `UNKNOWN`: it could not be told, or it was not looked at."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    UNKNOWN = "unknown"


class Finding(NamedTuple):
    """One thing that was looked at."""

    check: str  # a stable code
    grade: Grade
    text: str  # one short sentence
    hint: str = ""  # what to do, with whole commands


def good(check: str, text: str) -> Finding:
    return Finding(check, Grade.GOOD, text)


def warning(check: str, text: str, hint: str) -> Finding:
    return Finding(check, Grade.WARNING, text, hint)


def bad(check: str, text: str, hint: str) -> Finding:
    return Finding(check, Grade.BAD, text, hint)


def unknown(check: str, text: str, hint: str = "") -> Finding:
    return Finding(check, Grade.UNKNOWN, text, hint)
