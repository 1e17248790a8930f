"""Homes for tests: a real vault in a temporary folder, cheap keys, no threads, seeded randomness, virtual time."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final

import trio

from cellsync.cell.home import Home
from cellsync.core.ids import Millis
from cellsync.ledger.surroundings import Surroundings
from cellsync.node.network import Network
from cellsync.store.header import Kdf

START: Final = 1_790_000_000_000  # ms: the simulated clock when trio's clock is at 0


def make_home(host: Network, seed: str) -> Home:
    """A home on `host`. Its folder is deleted with it."""
    folder = tempfile.TemporaryDirectory(prefix="cellsync-", ignore_cleanup_errors=True)

    @asynccontextmanager
    async def network() -> AsyncIterator[Network]:
        yield host

    surroundings = Surroundings(_now, Random(seed).randbytes, _lived, threads=False)
    made = Home(Path(folder.name) / "vault", network, surroundings, Kdf.CHEAP)
    weakref.finalize(made, folder.cleanup)
    return made


def _lived() -> int:
    try:
        return int(trio.current_time() * 1000)
    except RuntimeError:  # in a thread
        return int(trio.from_thread.run_sync(trio.current_time) * 1000)


def _now() -> Millis:
    return Millis(START + int(trio.current_time() * 1000))
