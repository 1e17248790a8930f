"""The local network: streams that nothing can reach any more are closed, and whoever waits on one hears of it."""

from __future__ import annotations

import pytest
import trio

from cellsync import system
from cellsync.node.interfaces import idle
from cellsync.node.lan import open_lan
from cellsync.node.network import Address, packed
from tests.patience import PATIENCE

HERE = packed("127.0.0.1")


async def has_ended(stream: trio.abc.ReceiveStream) -> bool:
    """Both ends are here: whichever is closed first, the other may hear of it as an end or as an error."""
    try:
        return await stream.receive_some(1) == b""
    except (trio.ClosedResourceError, trio.BrokenResourceError):
        return True


async def test_a_stream_over_an_interface_that_is_down_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps its IPv4 address while it is down, or the cable is out: so the address alone says nothing."""
    async with open_lan(["127.0.0.1"], mode="off") as network, trio.open_nursery() as nursery:

        async def answer(stream: trio.abc.Stream) -> None:
            await trio.sleep_forever()

        port = await nursery.start(network.serve, answer)
        stream = await network.dial(Address("127.0.0.1", port))
        network._interfaces.tell()
        with trio.move_on_after(0):
            await stream.receive_some(1)
        assert HERE not in idle()
        monkeypatch.setattr(system.interfaces, "is_up", lambda name: False)
        assert HERE in idle()
        network._interfaces.look()
        with trio.fail_after(PATIENCE):
            assert await has_ended(stream)
        nursery.cancel_scope.cancel()
