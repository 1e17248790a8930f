"""A process that commits until it is killed, or that holds a store open. Run by the tests."""

from __future__ import annotations

import sys
from pathlib import Path

from cellsync.core.errors import CellsyncError
from cellsync.core.ids import DatabaseKey
from cellsync.store.sqlite import SqliteStore
from tests.store.commits import Author, numbered


def main(path: str, key: str) -> None:
    try:
        store = SqliteStore.open(Path(path), DatabaseKey(bytes.fromhex(key)))
    except CellsyncError as error:
        print(error.code, flush=True)
        return
    author = Author()
    author.lengths = {chain.number: chain.length for chain in store.chains()}
    author.heads = {case.number: case.head for case in store.cases()}
    author.arrived = store.last_arrival()
    number = int.from_bytes(store.kept("number") or b"")
    while True:
        number += 1
        store.write(numbered(author, number, 40))
        store.keep("number", number.to_bytes(8))
        store.flush()
        print(number, flush=True)  # acknowledged


if __name__ == "__main__":
    main(*sys.argv[1:])
