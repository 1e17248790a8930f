"""`python -m bench.quarantine`: how soon somebody honest has written what a draft of the design wanted to allow of one
device in quarantine (protocol/40-membership.md, Quarantine has no bound).

Whoever was removed and has not heard of it goes on with their work, and all of that is in quarantine until somebody
releases it.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Final

import trio

from bench.importing import wide
from cellsync.casework.importing import import_cases
from cellsync.cell.founding import found_cell
from cellsync.cell.home import Home
from cellsync.cell.opening import open_cell
from cellsync.core.history.entry import slot_of
from cellsync.core.wire import operations
from cellsync.core.wire.batches import entry_size
from cellsync.core.wire.operations import SALT_BYTES, Operation
from cellsync.core.wire.tags import Op
from cellsync.ledger.allowance import DAILY
from cellsync.ledger.circle import OpenCircle
from cellsync.node.lan import open_lan
from cellsync.store.header import Kdf

DRAFTED: Final = 16 << 20  # bytes
ROWS: Final = 500
LINE: Final = 200  # characters


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "table.csv")
        table.write_bytes(wide(ROWS))
        row = trio.run(_bytes_of_an_import, Path(folder, "vault"), table) / ROWS
    line = _bytes_of_a_line()
    print(f"one row of a table that is imported: {row:,.0f} bytes; {DRAFTED >> 20} MiB are {DRAFTED / row:,.0f} rows")
    print(f"one line of {LINE} letters in a log: {line:,} bytes; {DRAFTED >> 20} MiB are {DRAFTED // line:,} lines")
    print(f"a removed member who is told: {DAILY >> 20} MiB a day; {DRAFTED >> 20} MiB are {DRAFTED // DAILY} days")


async def _bytes_of_an_import(vault: Path, table: Path) -> int:
    home = Home(vault, partial(open_lan, ["127.0.0.1"], mode="off"), kdf=Kdf.CHEAP)
    await found_cell(home, "bench", name="bench", passphrase="bench")
    async with open_cell(home, passphrase="bench") as cell:
        before = _size(cell.first.circle)
        await import_cases(cell, table)
        return _size(cell.first.circle) - before


def _size(circle: OpenCircle) -> int:
    """Of all entries, as batches count it."""
    slots = (
        slot_of(chain.number, place)
        for chain in circle.replica.held.chains.values()
        for place in range(chain.first, chain.length + 1)
    )
    held = [entry for slot in slots if (entry := circle.store.entry_at(slot)) is not None]
    return sum(entry_size(entry.shape, entry.content, len(entry.parents)) for entry in held)


def _bytes_of_a_line() -> int:
    said = [Operation(Op.APPEND, "log", None, "б" * LINE)]
    return entry_size(operations.encode_shape(said), operations.encode_content(bytes(SALT_BYTES), said), 1)


if __name__ == "__main__":
    main()
