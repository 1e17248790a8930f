"""The demo whose devices have a cheap key derivation. Everything else is as it ships.

python tests/cli/cheap_demo.py demo …           the demo
python tests/cli/cheap_demo.py demo.device …    one of its devices
"""

from __future__ import annotations

import sys
from typing import Any, Final

import trio

from cellsync.store.header import Kdf

Kdf.MODERATE = Kdf.CHEAP  # before anything takes it as a default

from cellsync.__main__ import start  # noqa: E402 (see above)
from cellsync.cli.demo import device  # noqa: E402

_AS_SHIPPED: Final = trio.lowlevel.open_process


async def _open(command: list[str], **given: Any) -> trio.Process:
    """A device of the demo is started as one of these."""
    at = command.index(device.__name__)
    return await _AS_SHIPPED([sys.executable, __file__, "demo.device", *command[at + 1 :]], **given)


if __name__ == "__main__":
    if sys.argv[1] == "demo.device":
        del sys.argv[1]
        device.main()
    else:
        setattr(trio.lowlevel, "open_process", _open)  # noqa: B010 (it has overloads)
        start()
