"""`cellsync`, and `python -m cellsync`: both begin here.

The program takes longer to load than some people take to press Ctrl-C, so that is what is seen to first, and nothing is
loaded for it that is not needed. While Python itself starts, and its script for us, there is nothing that we could do.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal


def start() -> None:
    """Load the program, and run it."""
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not if the parent process ignores Ctrl-C
    if usual:
        signal.signal(signal.SIGINT, _leave)
    from cellsync.ledger.pause import rarely

    # What is loaded stays to the end, and ends with the process: a search for cycles in it takes as long as the work.
    rarely()
    atexit.register(gc.freeze)
    from cellsync.cli.main import main

    if usual:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main(prog_name="cellsync")


def _leave(*_: object) -> None:
    """There is nothing to close yet, and an exception would come up in the middle of some import."""
    os.write(2, b"error: interrupted\n")
    os._exit(130)


if __name__ == "__main__":
    start()
