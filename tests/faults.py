"""A fault of ours that was survived is still a fault: it is logged as an error, and the test fails because of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SURVIVED = logging.getLogger("cellsync")


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@contextmanager
def none_survived() -> Iterator[list[str]]:
    """Gives what was logged as an error. Raises AssertionError at the end if anything is left in it."""
    kept = _Kept()
    SURVIVED.addHandler(kept)
    try:
        yield kept.said
    finally:
        SURVIVED.removeHandler(kept)
    assert not kept.said, kept.said


def logged_below(folder: Path) -> list[str]:
    """The same of programs that wrote their logs below this folder, and tracebacks."""
    return [
        line
        for pattern in ("*.stderr", "*.log")
        for path in folder.glob(f"**/{pattern}")
        for line in path.read_text(errors="replace").splitlines()
        if '"level": "error"' in line or line.startswith("Traceback")
    ]
