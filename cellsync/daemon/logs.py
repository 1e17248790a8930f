"""Logs: one JSON object per line on standard error. No content, names, addresses or secrets.

    {"at": "2026-03-01T09:58:00.123+00:00", "level": "warning", "where": "cellsync.node.tcp", "what": "a connection …"}

Messages of cellsync's own modules say what happened and at most the type of an error. Those of libraries may quote a
stranger's input, or an address, so only their place and level are written.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

LEVELS: Final = {-1: logging.ERROR, 0: logging.INFO, 1: logging.DEBUG}


class JsonLines(logging.Formatter):
    """Formats a record as above."""

    def format(self, record: logging.LogRecord) -> str:
        ours = record.name.split(".")[0] == "cellsync"
        return json.dumps(
            {
                "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
                "level": record.levelname.lower(),
                "where": record.name,
                "what": record.getMessage() if ours else "a message of a library, not shown",
                **({"error": record.exc_info[0].__name__} if record.exc_info and record.exc_info[0] else {}),
            }
        )


def start(verbosity: int) -> None:
    """Log to standard error; `verbosity`: -1 quiet, 0, 1 verbose."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=LEVELS[max(-1, min(verbosity, 1))], handlers=[handler], force=True)
    logging.raiseExceptions = False  # with a full disk, do not print what could not be logged
