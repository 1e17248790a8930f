"""A cable that is out lets nothing through, in either direction; put back, it lets everything through again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trio.testing

from cellsync import Log, Register, Schema, empty
from cellsync.cli.demo.cable import Cable
from cellsync.core.errors import NoPeer, Timeout
from cellsync.node.network import Address, Network
from cellsync.testing import MemoryNetwork


class Note(Schema, kind="org.example.note", version=1):
    title: Register[str]
    lines: Log[str] = empty()


@asynccontextmanager
async def plain(network: Network) -> AsyncIterator[Network]:
    yield network


@asynccontextmanager
async def ada_and_ben(
    net: MemoryNetwork,
) -> AsyncIterator[tuple[Cable, Network, Address, Network, Address, trio.MemoryReceiveChannel[trio.abc.Stream]]]:
    """ada behind a cable, ben without; where each listens; and whoever connected to one of them."""
    cable, ben = Cable(), net.host("ben")
    send, connected = trio.open_memory_channel[trio.abc.Stream](10)

    async def take(stream: trio.abc.Stream) -> None:
        await send.send(stream)
        await trio.sleep_forever()

    async with cable.through(lambda: plain(net.host("ada")))() as ada, trio.open_nursery() as nursery:
        at_ada = Address(net.host("ada").host, await nursery.start(ada.serve, take))
        at_ben = Address(ben.host, await nursery.start(ben.serve, take))
        yield cable, ada, at_ada, ben, at_ben, connected
        nursery.cancel_scope.cancel()


async def ends(stream: trio.abc.Stream) -> bool:
    """Whether it is over, not only silent."""
    with trio.move_on_after(5):
        try:
            return not await stream.receive_some()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return True
    return False


async def test_connections_pass_in_both_directions_and_are_counted(autojump_clock: trio.testing.MockClock) -> None:
    async with ada_and_ben(MemoryNetwork()) as (cable, ada, at_ada, ben, at_ben, connected):
        called = await ada.dial(at_ben)
        await called.send_all(b"five!")
        assert await (await connected.receive()).receive_some() == b"five!"
        calling = await ben.dial(at_ada)
        await calling.send_all(b"not counted: ben's cable")
        answering = await connected.receive()
        assert await answering.receive_some() == b"not counted: ben's cable"
        await answering.send_all(b"six...")
        assert await calling.receive_some() == b"six..."
        assert cable.sent == 5 + 6


async def test_pulling_it_out_closes_what_was_open(autojump_clock: trio.testing.MockClock) -> None:
    async with ada_and_ben(MemoryNetwork()) as (cable, ada, at_ada, ben, at_ben, connected):
        called, calling = await ada.dial(at_ben), await ben.dial(at_ada)
        others = [await connected.receive(), await connected.receive()]
        assert not await ends(called)
        await cable.pull_out()
        for stream in (called, calling, *others):
            assert await ends(stream)


async def test_out_nobody_is_called_and_nobody_answered(autojump_clock: trio.testing.MockClock) -> None:
    async with ada_and_ben(MemoryNetwork()) as (cable, ada, at_ada, ben, at_ben, connected):
        await cable.pull_out()
        with pytest.raises(NoPeer):
            await ada.dial(at_ben)
        with suppress(NoPeer):
            assert await ends(await ben.dial(at_ada))
        with pytest.raises(trio.WouldBlock):
            connected.receive_nowait()

        cable.plug_in()
        await ada.dial(at_ben)
        await ben.dial(at_ada)
        await connected.receive()
        await connected.receive()


async def test_pulled_out_while_dialling(autojump_clock: trio.testing.MockClock) -> None:
    net = MemoryNetwork()
    net.latency(1.0)
    async with ada_and_ben(net) as (cable, ada, _, _, at_ben, _), trio.open_nursery() as nursery:

        @nursery.start_soon
        async def pull() -> None:
            await trio.sleep(0.5)
            await cable.pull_out()

        with pytest.raises(NoPeer):
            await ada.dial(at_ben)


async def test_out_nothing_is_shown_and_nothing_seen(autojump_clock: trio.testing.MockClock) -> None:
    async with ada_and_ben(MemoryNetwork()) as (cable, ada, _, ben, _, _), trio.open_nursery() as nursery:
        async with ada.sightings() as at_ada, ben.sightings() as at_ben:
            await cable.pull_out()
            nursery.start_soon(ada.announce, lambda addresses: b"ada")
            nursery.start_soon(ben.announce, lambda addresses: b"ben")
            await trio.sleep(2)
            seen = [channel.statistics().current_buffer_used for channel in (at_ada, at_ben)]
            assert seen == [0, 0]

            cable.plug_in()
            assert (await at_ben.receive()).blob == b"ada"
        nursery.cancel_scope.cancel()


async def test_putting_it_back_is_a_change_of_addresses(autojump_clock: trio.testing.MockClock) -> None:
    async with ada_and_ben(MemoryNetwork()) as (cable, ada, *_), ada.changes() as changes:
        await trio.testing.wait_all_tasks_blocked()
        await cable.pull_out()
        await trio.testing.wait_all_tasks_blocked()
        assert changes.statistics().current_buffer_used == 0
        cable.plug_in()
        with trio.fail_after(1):
            await changes.receive()


async def test_cells_part_and_meet_again(autojump_clock: trio.testing.MockClock) -> None:
    net, cable = MemoryNetwork(), Cable()
    device, other = net.device("ana"), net.device("ben")
    other = other.with_home(network=cable.through(other.home.network))
    await device.found()
    async with device.opened() as ana:
        await other.join(ana)
        note = await ana.create(Note, title="first")
        async with other.opened() as ben:
            theirs = await ben.get(Note, note.id, wait=60)
            await cable.pull_out()
            async with theirs.edit() as draft:
                draft.lines.append("written alone")
            with pytest.raises(Timeout):
                await ben.synced(timeout=60)
            assert list(note.lines) == []
            cable.plug_in()
            await ben.synced(timeout=10)
            assert list(note.lines) == ["written alone"]
