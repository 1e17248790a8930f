"""What the doctor found on this machine."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from cellsync.api.contract.shapes.base import Answer


class Finding(Struct, kw_only=True, frozen=True):
    check: str
    grade: Literal["good", "warning", "bad", "unknown"]
    text: str
    hint: str


class Findings(Answer, kw_only=True, frozen=True):
    findings: list[Finding]
