"""A finding: one statement of the doctor."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Grade(StrEnum):
    """The verdict of a check. `UNKNOWN`: it could not be determined, or was not looked at."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    UNKNOWN = "unknown"


class Finding(NamedTuple):
    """The result of one check."""

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
