"""One host on a LAN, as a process, without a cell: announces, meets those it recognises, and tells in lines of JSON.

lan_host.py NAME ROTATE_SECONDS
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sys
import time
from contextlib import suppress
from typing import Final

import trio

from cellsync.core import beacon
from cellsync.core.errors import NoPeer
from cellsync.core.ids import Millis
from cellsync.node import discovery, interfaces
from cellsync.node.lan import open_lan
from cellsync.node.network import BROKEN, Address, Network

KEY: Final = hashlib.sha256(b"the circle's discovery branch").digest()
NAMES: Final = ("ada", "ben")


def who(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def tell(**event: object) -> None:
    print(json.dumps(event), flush=True)


def now() -> Millis:
    return Millis(time.time_ns() // 1_000_000)


async def reach(network: Network, address: Address) -> trio.abc.Stream:
    """Call again, as cells do: for two seconds after the cable was out nobody listens, until the network is known."""
    while True:
        try:
            return await network.dial(address)
        except NoPeer:
            await trio.sleep(0.2)


async def main(name: str, rotate: float) -> None:
    discovery.ROTATE_SECONDS = (rotate, rotate * 1.2)  # type: ignore[misc]
    interfaces.POLL_SECONDS = (0.1, 0.2)  # type: ignore[misc]

    def make_blob(addresses: tuple[Address, ...]) -> bytes:
        nonce, period = secrets.token_bytes(16), beacon.period_of(now())
        tell(announces=[address.host for address in addresses], port=addresses[0].port)
        tags = [beacon.tag(KEY, nonce, who(name), at.packed, at.port, period) for at in addresses]
        return beacon.make(tags, nonce, secrets.token_bytes(32))

    async def greet(stream: trio.abc.Stream) -> None:
        await stream.send_all(name.encode())

    async with open_lan(mode="announce") as network, trio.open_nursery() as nursery:
        await nursery.start(network.serve, greet)
        nursery.start_soon(network.announce, make_blob)

        @nursery.start_soon
        async def tell_changes() -> None:
            async with network.changes() as changes:
                async for _ in changes:
                    tell(changed=True)

        async with network.sightings() as sightings:
            tell(ready=True)
            async for sighting in sightings:
                places = {address.packed: address for address in sighting.addresses}
                port = sighting.addresses[0].port
                candidates = [(KEY, who(other)) for other in NAMES if other != name]
                match = beacon.match(sighting.blob, candidates, places, port, now())
                if match is None:
                    tell(stranger=True)
                    continue
                with suppress(*BROKEN):  # its cable may go out while it waits
                    async with await reach(network, places[match.address]) as stream:
                        tell(met=bytes(await stream.receive_some()).decode(), at=places[match.address].host)


if __name__ == "__main__":
    trio.run(main, sys.argv[1], float(sys.argv[2]))
