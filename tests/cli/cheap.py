"""The command with a cheap key derivation. Everything else is as it ships."""

from __future__ import annotations

from cellsync.store.header import Kdf

Kdf.MODERATE = Kdf.CHEAP  # before anything takes it as a default

from cellsync.__main__ import start  # noqa: E402 (see above)

if __name__ == "__main__":
    start()
