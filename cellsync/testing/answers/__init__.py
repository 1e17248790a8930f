"""Our answers to questions about the protocol: a function for each part (protocol/06-vectors.md)."""

from __future__ import annotations

from cellsync.testing.answers.table import answer

__all__ = ["answer"]
