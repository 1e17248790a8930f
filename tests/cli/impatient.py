"""The command, as `cheap`, of a build in which 72 hours are two seconds."""

from __future__ import annotations

import tests.cli.cheap  # noqa: F401 (the key derivation)
from cellsync.__main__ import start
from cellsync.ledger import aftermath

aftermath.PATIENCE = 2_000  # type: ignore[misc]

if __name__ == "__main__":
    start()
