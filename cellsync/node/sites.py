"""Sites: the networks where this device has been, as it alone recognises them, and its port at each.

A port that outlives locks and restarts lets two devices find each other without showing anything. The same port
everywhere would identify the device wherever it goes; so there is one for each site, and a new one after 30 days
(protocol/60-lan.md). The table is kept in the vault, because it reveals where the device was.
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
from cellsync.core.errors import CellsyncError, PeerError
from cellsync.core.ids import MILLIS_PER_DAY, Millis
from cellsync.core.rule import Rule
from cellsync.core.wire import codec

Site = NewType("Site", bytes)

UNRECOGNISED: Final = Site(b"")
"""The site of every network on a system that does not tell networks apart."""

SITE_BYTES: Final = 16
SECRET_BYTES: Final = 32
LASTS: Final = 30 * MILLIS_PER_DAY
OVERLAP: Final = 7 * MILLIS_PER_DAY  # for which the previous port is kept open: others may not know the new one
AHEAD: Final = MILLIS_PER_DAY  # a port drawn further in the future was drawn under a wrong clock
REMEMBERED: Final = 64
PORTS: Final = range(49_152, 65_536)  # the dynamic ports (RFC 6335, section 6); a power of two of them

Keep = Callable[[bytes], Awaitable[None]]


class _Row(NamedTuple):
    port: int
    drawn: Millis
    before: int  # the previous port, if it was renewed; 0 if it was taken, or there was none
    met: bool  # a device was met there: such a site is forgotten last


class Sites:
    """The table of sites. `keep` makes it durable; without, it lasts as long as the program."""

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

    def recall(self, kept: bytes | None, keep: Keep) -> None:
        """Go on with a table that was kept elsewhere, in place of this one, and keep it there."""
        self._keep = keep
        secret, rows = _decode(kept)
        if secret:
            self._secret, self._rows = secret, rows

    def site(self, description: bytes) -> Site:
        """The site of a network with this description."""
        if not description:
            return UNRECOGNISED
        return Site(blake2b(labels.SITE, description, key=self._secret, size=SITE_BYTES))

    async def port(self, site: Site) -> int:
        """The port to listen on there: the same for 30 days."""
        if site == UNRECOGNISED:
            return self._passing.setdefault(site, self._draw())
        row = self._rows.get(site)
        if row is None or not row.drawn - AHEAD <= self._now() < row.drawn + LASTS:
            return await self._renew(site, 0 if row is None else row.port)
        if next(reversed(self._rows)) != site:
            del self._rows[site]
            self._rows[site] = row  # most recently used; stored with the next one drawn
        return row.port

    def port_before(self, site: Site) -> int | None:
        """The port on which others may still call us there: the previous one, for a week after its renewal."""
        row = self._rows.get(site)
        return row.before if row is not None and row.before and self._now() < row.drawn + OVERLAP else None

    async def another(self, site: Site) -> int:
        """A new port there from now on: the old one is taken."""
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
        """A device was met there."""
        if site in self._rows:
            self._rows[site] = self._rows[site]._replace(met=True)

    def _draw(self) -> int:
        return PORTS[int.from_bytes(self._entropy(2), "big") % len(PORTS)]

    def encode(self) -> bytes:
        """The table, for storing."""
        rows = [[site, *row] for site, row in self._rows.items()]
        return codec.encode([self._secret, rows])


def _decode(kept: bytes | None) -> tuple[bytes, dict[Site, _Row]]:
    """Unreadable rows are forgotten."""
    with suppress(PeerError):
        match codec.decode(kept or b"", caps.ENTRY, Rule.CAP_KEPT):
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
