"""Home: where a device's vault lives, and what world it lives in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path

import trio

from cellsync.core.errors import NotInTrio
from cellsync.core.versions import SPOKEN, Versions
from cellsync.node.lan import open_lan
from cellsync.node.network import Network
from cellsync.node.surroundings import REAL, Surroundings
from cellsync.store.header import Kdf


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Home:
    """A folder for the vault, a network to open with it, and the surroundings; the real ones by default.

    `network` opens the network for as long as the cell is open. The usual one shows this device only while it invites
    or syncs. Give `partial(open_lan, mode="announce")` to show it always, so that devices find each other again at
    whatever addresses; `mode="listen"` to look without showing oneself, `mode="off"` to be called by address only.
    """

    path: Path
    network: Callable[[], AbstractAsyncContextManager[Network]] = open_lan
    surroundings: Surroundings = REAL
    kdf: Kdf = Kdf.MODERATE
    versions: Versions = SPOKEN  # of the protocol; another build's, to see how the two get on

    @property
    def is_for_tests(self) -> bool:
        """Cheap key derivation: such a vault is refused by every other home."""
        return self.kdf == Kdf.CHEAP


Place = Home | str | PathLike[str]


def home_of(place: Place) -> Home:
    """A home as it is, or a real one in the folder of this name. Raises NotInTrio."""
    if not trio.lowlevel.in_trio_task():
        raise NotInTrio
    return place if isinstance(place, Home) else Home(Path(fspath(place)).expanduser())
