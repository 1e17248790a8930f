"""Doors: the listeners of this device, on each network at the port kept for it.

A listener is bound to the interface of its network: over any other, the port is closed. A second one on the same port
serves other programs on this machine, whose calls come over the loopback interface. Where sockets cannot be bound to
interfaces, each address has a listener. Connections outlive the listener that accepted them.

A network that is not recognised yet, because it is new or has changed, counts as absent: a peer that is told the port
of the previous network, at an address of this one, would call it here, which links the two networks, and keep it in
place of the right one.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from itertools import groupby
from typing import Final, NamedTuple

import trio

from cellsync import system
from cellsync.core.errors import ExternalError
from cellsync.node import tcp
from cellsync.node.interfaces import Interfaces, Local
from cellsync.node.network import Address, Here, without_scope
from cellsync.node.recognition import Recogniser
from cellsync.node.sites import Site, Sites

LOOK_EVERY: Final = 2.0  # seconds: a gateway may change even if no address does
LOOK_SOON: Final = 0.1  # while a network has not been recognised yet
PORT_TRIES: Final = 16
GONE: Final = (errno.EADDRNOTAVAIL, errno.ENODEV, errno.EPERM, errno.EAFNOSUPPORT)  # of a link that goes away

log = logging.getLogger(__name__)


class _Spot(NamedTuple):
    """The place on which one socket listens."""

    link: int  # 0: any
    host: str  # "": all of the link
    port: int


class Doors:
    """The listeners of all networks, while `keep` runs."""

    def __init__(self, interfaces: Interfaces, *, everywhere: bool, fixed: int, moved: Callable[[], None]) -> None:
        self.here: tuple[Here, ...] = ()
        self._interfaces = interfaces
        self._everywhere = everywhere  # on all addresses that a link has, and not only on some
        self._fixed = fixed
        self._moved = moved
        self._turn = trio.Event()
        self._recognition = Recogniser()
        self._by_link = system.sockets.listen_on_links()
        self._open: dict[_Spot, trio.CancelScope] = {}

    async def keep(
        self, entrance: tcp.Entrance, sites: Sites, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Listen on this device's networks, until cancelled; reports the port of the first one, 0 if there is none."""
        async with trio.open_nursery() as nursery:
            known = await self._look(entrance, sites, nursery)
            task_status.started(next((address.port for here in self.here for address in here.addresses), self._fixed))
            while True:
                seen = self._interfaces.here
                with trio.move_on_after(LOOK_EVERY if known else LOOK_SOON):
                    await self._interfaces.other_than(seen)
                known = await self._look(entrance, sites, nursery)

    async def _look(self, entrance: tcp.Entrance, sites: Sites, nursery: trio.Nursery) -> bool:
        """Open and close listeners as needed; returns whether every network was recognised."""
        here = self._interfaces.here
        described = self._recognition.describe(here, system.interfaces.tables(), trio.current_time())
        wanted: dict[_Spot, None] = {}
        found: list[Here] = []
        for link, group in groupby(here, lambda local: local.link):
            locals_, description = tuple(group), described[link]
            if description is not None:
                site = sites.site(description)
                found.append(await self._open_on(link, locals_, site, sites, entrance, nursery, wanted))
        for gone in self._open.keys() - wanted.keys():
            self._open.pop(gone).cancel()
        if tuple(found) != self.here:
            self.here = tuple(found)
            self._turn.set()
            self._turn = trio.Event()
            self._moved()
        return None not in described.values()

    async def _open_on(
        self, link: int, locals_: tuple[Local, ...], site: Site, sites: Sites, entrance: tcp.Entrance,
        nursery: trio.Nursery, wanted: dict[_Spot, None],
    ) -> Here:  # fmt: skip
        port = self._fixed or await sites.port(site)
        for _ in range(PORT_TRIES):
            spots = () if self._fixed else self._spots(link, locals_, port)
            if self._open_all(spots, entrance, nursery, wanted):
                before = None if self._fixed else sites.port_before(site)
                if before is not None:  # never mind if it is taken
                    self._open_all(self._spots(link, locals_, before), entrance, nursery, wanted)
                return _at(site, link, locals_, port)
            log.info("the port of a network is taken by another program; listening on another one")
            port = await sites.another(site)
        raise ExternalError("cannot listen: EADDRINUSE", hint="Fix a port that is free with --port.")

    def _spots(self, link: int, locals_: tuple[Local, ...], port: int) -> list[_Spot]:
        if not self._by_link:
            return [_Spot(0, local.host, port) for local in locals_]
        hosts = [""] if self._everywhere else [local.host for local in locals_]
        of_the_link = [_Spot(link, host, port) for host in hosts]
        # A link-local address has a different meaning on the loopback interface.
        of_this_machine = [_Spot(system.interfaces.loopback(), host, port) for host in hosts if "%" not in host]
        return of_the_link + of_this_machine

    def _open_all(
        self, spots: tuple[_Spot, ...] | list[_Spot], entrance: tcp.Entrance, nursery: trio.Nursery,
        wanted: dict[_Spot, None],
    ) -> bool:  # fmt: skip
        """Listen on all of them, or on none if one is taken by another program."""
        listeners: dict[_Spot, trio.SocketListener] = {}
        for spot in spots:
            if spot in self._open or spot in listeners:
                continue
            try:
                listeners[spot] = tcp.listen_on_link(*spot)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    for listener in listeners.values():
                        listener.socket.close()
                    return False
                if error.errno not in GONE:
                    raise
        for spot, listener in listeners.items():
            self._open[spot] = trio.CancelScope()
            nursery.start_soon(_serve, entrance, listener, self._open[spot])
        wanted.update(dict.fromkeys(spot for spot in spots if spot in self._open))
        return True

    async def port_on(self, link: int) -> int:
        """The port on a link, once there is one."""
        while True:
            for here in self.here:
                if here.link == link and here.addresses:
                    return here.addresses[0].port
            await self._turn.wait()

    async def port_other_than(self, link: int, port: int) -> None:
        """Wait until the port on a link is a different one."""
        while await self.port_on(link) == port:
            await self._turn.wait()


async def _serve(entrance: tcp.Entrance, listener: trio.SocketListener, scope: trio.CancelScope) -> None:
    with scope:
        await entrance.serve([listener])


def _at(site: Site, link: int, locals_: tuple[Local, ...], port: int) -> Here:
    addresses = tuple(Address(without_scope(local.host), port) for local in locals_)
    return Here(site, link, addresses, tuple(dict.fromkeys(local.network for local in locals_)))
