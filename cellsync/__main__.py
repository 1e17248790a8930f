"""`python -m cellsync` is `cellsync`."""

from __future__ import annotations

from cellsync.cli.main import main

if __name__ == "__main__":
    main(prog_name="cellsync")
