"""Sites: the networks where this device has been, as it alone recognises them, and its port at each.

A port that outlives locks and restarts is what lets two devices find each other without showing anything. The same port
everywhere would name the device wherever it goes; so there is one for each site, and a new one after 30 days
(protocol/60-lan.md). The table is kept in the vault: its reader learns where the device was.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NamedTuple, NewType

from cellsync.core import caps
from cellsync.core.crypto import labels
from cellsync.core.crypto.primitives import blake2b
from cellsync.core.drawers import SITES
from cellsync.core.errors import CellsyncError, PeerError
from cellsync.core.ids import MILLIS_PER_DAY, Millis
from cellsync.core.wire import codec

Site = NewType("Site", bytes)

UNRECOGNISED: Final = Site(b"")
"""Where the system does not say what tells a network from others: every such network is this one."""

SITE_BYTES: Final = 16
SECRET_BYTES: Final = 32
LASTS: Final = 30 * MILLIS_PER_DAY
OVERLAP: Final = 7 * MILLIS_PER_DAY  # for which the port before is still listened on: others may not know the new one
AHEAD: Final = MILLIS_PER_DAY  # what was drawn later than that from now was drawn by a wrong clock
REMEMBERED: Final = 64
PORTS: Final = range(49_152, 65_536)  # for nobody in particular (RFC 6335, section 6); a power of two of them

Keep = Callable[[bytes], Awaitable[None]]


class _Row(NamedTuple):
    port: int
    drawn: Millis
    before: int  # the port before, when it was renewed; 0 if it was taken, or there was none
    met: bool  # somebody was met there: such a site is forgotten last


class Sites:
    """After a restart it knows nothing. `keep` makes its table durable; without, it lasts as long as the program."""

    def __init__(
        self,
        kept: bytes | None = None,
        keep: Keep | None = None,
        now: Callable[[], Millis] = lambda: Millis(time.time_ns() // 1_000_000),
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._keep, self._now, self._entropy = keep, now, entropy
        self._secret, self._rows = _decode(kept)
        self._secret = self._secret or entropy(SECRET_BYTES)
        self._passing: dict[Site, int] = {}

    def __repr__(self) -> str:
        return f"<{len(self._rows)} sites>"

    def site(self, description: bytes) -> Site:
        """The site of a network that is described so."""
        if not description:
            return UNRECOGNISED
        return Site(blake2b(labels.SITE, description, key=self._secret, size=SITE_BYTES))

    async def port(self, site: Site) -> int:
        """Where to listen there: where we did before, for 30 days."""
        if site == UNRECOGNISED:
            return self._passing.setdefault(site, self._draw())
        row = self._rows.get(site)
        if row is None or not row.drawn - AHEAD <= self._now() < row.drawn + LASTS:
            return await self._renew(site, 0 if row is None else row.port)
        if next(reversed(self._rows)) != site:
            del self._rows[site]
            self._rows[site] = row  # used last; kept with the next one that is drawn
        return row.port

    def port_before(self, site: Site) -> int | None:
        """Where others may still call us there: the port of before, for a week after it was renewed."""
        row = self._rows.get(site)
        return row.before if row is not None and row.before and self._now() < row.drawn + OVERLAP else None

    async def another(self, site: Site) -> int:
        """Another port there from now on: the one we had is taken."""
        return await self._renew(site, 0)

    async def _renew(self, site: Site, old: int) -> int:
        port = self._draw()
        if site == UNRECOGNISED:
            self._passing[site] = port
            return port
        before = self._rows.pop(site, None)
        while len(self._rows) >= REMEMBERED:
            oldest = next(iter(self._rows))
            del self._rows[next((old for old, row in self._rows.items() if not row.met), oldest)]
        self._rows[site] = _Row(port, self._now(), old, before is not None and before.met)
        if self._keep is not None:
            with suppress(CellsyncError):  # on a full disk the port lasts as long as the program
                await self._keep(self.encode())
        return port

    def met(self, site: Site) -> None:
        """Somebody was met there."""
        if site in self._rows:
            self._rows[site] = self._rows[site]._replace(met=True)

    def _draw(self) -> int:
        return PORTS[int.from_bytes(self._entropy(2), "big") % len(PORTS)]

    def encode(self) -> bytes:
        """The table, to be kept."""
        rows = [[site, *row] for site, row in self._rows.items()]
        return codec.encode([self._secret, rows])


def _decode(kept: bytes | None) -> tuple[bytes, dict[Site, _Row]]:
    """What cannot be read is forgotten."""
    with suppress(PeerError):
        match codec.decode(kept or b"", caps.ENTRY, SITES):
            case [bytes(secret), [*rows]] if len(secret) == SECRET_BYTES:
                found: dict[Site, _Row] = {}
                for row in rows[-REMEMBERED:]:
                    match row:
                        case [bytes(site), int(port), int(drawn), int(old), bool(met)] if (
                            len(site) == SITE_BYTES and port in PORTS and (old in PORTS or not old)
                        ):
                            found[Site(site)] = _Row(port, Millis(drawn), old, met)
                return secret, found
    return b"", {}
