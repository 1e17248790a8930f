from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.errors import NoPeer
from cellsync.node.network import Address, Handler, Network, Sighting
from cellsync.testing.network import CONNECTIONS, MemoryHost, MemoryNetwork
from cellsync.testing.pipe import CAPACITY


async def echo(stream: trio.abc.Stream) -> None:
    async for chunk in stream:
        await stream.send_all(chunk)


async def ignore(stream: trio.abc.Stream) -> None:
    await trio.sleep_forever()


@asynccontextmanager
async def serving(net: MemoryNetwork, *names: str, handler: Handler = echo) -> AsyncIterator[dict[str, Address]]:
    async with trio.open_nursery() as nursery:
        yield {name: Address(net.host(name).host, await nursery.start(net.host(name).serve, handler)) for name in names}
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def two_ends(net: MemoryNetwork) -> AsyncIterator[tuple[trio.abc.Stream, trio.abc.Stream]]:
    """Both ends of one connection from ada to ben."""
    send, receive = trio.open_memory_channel[trio.abc.Stream](1)

    async def hand_over(stream: trio.abc.Stream) -> None:
        await send.send(stream)
        await trio.sleep_forever()

    async with serving(net, "ben", handler=hand_over) as at:
        yield await net.host("ada").dial(at["ben"]), await receive.receive()


async def read(stream: trio.abc.Stream) -> tuple[bytes, str]:
    """All that arrives, and how it ended."""
    got = b""
    try:
        async for chunk in stream:
            got += bytes(chunk)
    except trio.BrokenResourceError:
        return got, "broken"
    return got, "end"


def test_a_host_is_a_network() -> None:
    network: Network = MemoryNetwork().host("ada")
    assert isinstance(network, MemoryHost)


async def test_its_streams_keep_every_promise_of_a_trio_stream() -> None:
    async def make() -> tuple[trio.abc.Stream, trio.abc.Stream]:
        net = MemoryNetwork()
        pair: list[trio.abc.Stream] = []

        async def keep(stream: trio.abc.Stream) -> None:
            pair.append(stream)
            await trio.sleep_forever()

        port = await nursery.start(net.host("ben").serve, keep)
        stream = await net.host("ada").dial(Address(net.host("ben").host, port))
        await trio.testing.wait_all_tasks_blocked()
        return stream, pair[0]

    async def clogged() -> tuple[trio.abc.Stream, trio.abc.Stream]:
        one, other = await make()
        async with trio.open_nursery() as senders:
            for end in (one, other):
                senders.start_soon(end.send_all, bytes(CAPACITY + 1))
            await trio.testing.wait_all_tasks_blocked()  # however long that takes: both are full now
            senders.cancel_scope.cancel()
        return one, other

    async with trio.open_nursery() as nursery:
        await trio.testing.check_two_way_stream(make, clogged)
        nursery.cancel_scope.cancel()


async def test_who_does_not_read_holds_the_sender_back(autojump_clock: trio.testing.MockClock) -> None:
    net = MemoryNetwork()
    async with serving(net, "ben", handler=ignore) as at, await net.host("ada").dial(at["ben"]) as stream:
        with trio.move_on_after(60) as gave_up:
            await stream.send_all(bytes(10 * CAPACITY))
        assert gave_up.cancelled_caught
        assert net.bytes_sent["ada", "ben"] == CAPACITY


async def test_bytes_are_counted_per_link_and_way() -> None:
    net = MemoryNetwork()
    async with serving(net, "ben") as at, await net.host("ada").dial(at["ben"]) as stream:
        await stream.send_all(b"12345")
        assert await stream.receive_some() == b"12345"
        await stream.send_all(b"678")
        await net.settle()
    assert net.bytes_sent == {("ada", "ben"): 8, ("ben", "ada"): 8}


async def test_nobody_there_is_no_peer() -> None:
    net = MemoryNetwork()
    async with serving(net, "ben") as at:
        with pytest.raises(NoPeer):
            await net.host("ada").dial(Address(at["ben"].host, 1))
    with pytest.raises(NoPeer):
        await net.host("ada").dial(at["ben"])


async def test_a_partition_breaks_and_healing_lets_new_connections_through() -> None:
    net = MemoryNetwork()
    async with serving(net, "ben", "cleo") as at:
        ada = net.host("ada")
        to_ben, to_cleo = await ada.dial(at["ben"]), await ada.dial(at["cleo"])
        net.partition("ada", "ben")
        with pytest.raises(trio.BrokenResourceError):
            await to_ben.receive_some()
        with pytest.raises(NoPeer):
            await ada.dial(at["ben"])
        await to_cleo.send_all(b"still here")
        assert await to_cleo.receive_some() == b"still here"
        net.heal()
        async with await ada.dial(at["ben"]) as again:
            await again.send_all(b"back")
            assert await again.receive_some() == b"back"


async def test_a_partition_parts_groups() -> None:
    net = MemoryNetwork()
    async with serving(net, "ben", "cleo", "dan") as at:
        for name in ("ada", "ben", "cleo", "dan"):
            net.host(name)
        net.partition(["ada", "ben"], ["cleo", "dan"])
        await net.host("ada").dial(at["ben"])
        await net.host("cleo").dial(at["dan"])
        for one, other in [("ada", "cleo"), ("ada", "dan"), ("cleo", "ben")]:
            with pytest.raises(NoPeer):
                await net.host(one).dial(at[other])


async def test_a_silent_partition_stalls_and_loses_nothing(autojump_clock: trio.testing.MockClock) -> None:
    net = MemoryNetwork()
    async with two_ends(net) as (one, other):
        net.partition("ada", "ben", silent=True)
        await one.send_all(b"patience")
        with trio.move_on_after(1000) as waited:
            await other.receive_some()
        assert waited.cancelled_caught
        net.heal()
        assert await other.receive_some() == b"patience"


async def test_latency_delays_each_way(autojump_clock: trio.testing.MockClock) -> None:
    net = MemoryNetwork()
    async with serving(net, "ben") as at:
        net.latency(0.5)
        start = trio.current_time()
        async with await net.host("ada").dial(at["ben"]) as stream:
            await stream.send_all(b"x")
            await stream.receive_some()
        assert trio.current_time() - start == pytest.approx(1.5)


@given(st.binary(min_size=1, max_size=300), st.integers(0, 400), st.integers(1, 50))
def test_a_cut_delivers_exactly_what_came_before_it(sent: bytes, at: int, piece: int) -> None:
    async def main() -> None:
        net = MemoryNetwork()
        async with two_ends(net) as (one, other):
            net.cut_after(at)
            try:
                for start in range(0, len(sent), piece):
                    await one.send_all(sent[start : start + piece])
                await one.aclose()
            except trio.BrokenResourceError:
                pass
            got, ending = await read(other)
            assert got == sent[:at]
            assert ending == ("broken" if at <= len(sent) else "end")

    trio.run(main)


async def test_drop_breaks_connections_as_often_as_said() -> None:
    net = MemoryNetwork(seed=3)
    broken = 0
    async with serving(net, "ben") as at:
        net.drop(0.3)
        for _ in range(200):
            async with await net.host("ada").dial(at["ben"]) as stream:
                try:
                    await stream.send_all(b"x")
                    assert await stream.receive_some() == b"x"
                except trio.BrokenResourceError:
                    broken += 1
    assert 70 < broken < 130  # 1 - 0.7 * 0.7 = 0.51


async def garbled(seed: int) -> bytes:
    net = MemoryNetwork()
    async with two_ends(net) as (one, other):
        net.garble(seed)
        for number in range(100):
            await one.send_all(b"%03d," % number)
        await one.aclose()
        got, ending = await read(other)
        assert ending == "end"
        return got


async def test_garble_repeats_swaps_and_flips_the_same_way_for_the_same_seed() -> None:
    true = b"".join(b"%03d," % number for number in range(100))
    first = await garbled(1)
    assert first != true
    assert first == await garbled(1)
    assert first != await garbled(2)


async def test_duplicate_repeats_a_connection_and_its_answers_go_nowhere() -> None:
    net, heard = MemoryNetwork(), list[bytes]()

    async def hear(stream: trio.abc.Stream) -> None:
        async for chunk in stream:
            heard.append(bytes(chunk))
            await stream.send_all(b"answer")

    async with serving(net, "ben", handler=hear) as at:
        net.duplicate()
        async with await net.host("ada").dial(at["ben"]) as stream:
            await stream.send_all(b"hello")
            await net.settle()
            assert heard == [b"hello", b"hello"]
            assert await stream.receive_some() == b"answer"
            await stream.aclose()
            await net.settle()
    assert net.failures == []


async def test_reorder_swaps_deliveries_but_never_bytes_of_one_stream(
    autojump_clock: trio.testing.MockClock,
) -> None:
    net, order = MemoryNetwork(), list[bytes]()

    async def hear(stream: trio.abc.Stream) -> None:
        got, _ = await read(stream)
        order.append(got)

    async with serving(net, "ben", handler=hear) as at:
        net.reorder(4)

        async def say(name: bytes) -> None:
            async with await net.host("ada").dial(at["ben"]) as stream:
                for letter in range(20):
                    await stream.send_all(name + b"%02d " % letter)

        async with trio.open_nursery() as nursery:
            for number in range(8):
                nursery.start_soon(say, b"%d-" % number)
        await net.settle()
    whole = [b"".join(b"%d-%02d " % (number, letter) for letter in range(20)) for number in range(8)]
    assert sorted(order) == whole
    assert order != whole


async def test_more_than_64_connections_are_closed_and_a_failure_ends_nothing_else() -> None:
    net = MemoryNetwork()

    async def fail(stream: trio.abc.Stream) -> None:
        if await stream.receive_some() == b"fail":
            raise KeyError

    async with serving(net, "ben", handler=fail) as at:
        ada = net.host("ada")
        crowd = [await ada.dial(at["ben"]) for _ in range(CONNECTIONS)]
        assert await read(await ada.dial(at["ben"])) == (b"", "end")
        await crowd[0].send_all(b"fail")
        assert await read(crowd[0]) == (b"", "end")
        await net.settle()
        assert [type(failure) for failure in net.failures] == [KeyError]
        await crowd[1].send_all(b"fine")
        assert await read(crowd[1]) == (b"", "end")
        for stream in crowd:
            await stream.aclose()


# --- beacons ------------------------------------------------------------------------------------------


def taken(sightings: trio.MemoryReceiveChannel[Sighting]) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(sightings.receive_nowait().blob)
        except trio.WouldBlock:
            return found


async def test_beacons_reach_those_who_look_early_or_late_and_rotate(
    autojump_clock: trio.testing.MockClock,
) -> None:
    net = MemoryNetwork()
    turn = iter(range(100))
    ada, ben, cleo = net.host("ada"), net.host("ben"), net.host("cleo")
    async with serving(net, "ada") as at, ben.sightings() as early, trio.open_nursery() as nursery:
        nursery.start_soon(ada.announce, lambda addresses: f"{next(turn)} {addresses[0].host}".encode())
        await net.settle()
        assert taken(early) == [b"0 " + at["ada"].host.encode()]
        async with cleo.sightings() as late, ada.sightings() as own:
            await net.settle()
            assert len(taken(late)) == 1
            assert taken(own) == []
            await trio.sleep(1000)
            assert 3 <= len(taken(late)) <= 4
        nursery.cancel_scope.cancel()


async def test_beacons_stop_at_a_partition_and_come_again_when_it_heals() -> None:
    net = MemoryNetwork()
    net.partition("ada", "ben")
    async with serving(net, "ada"), net.host("ben").sightings() as sightings, trio.open_nursery() as nursery:
        nursery.start_soon(net.host("ada").announce, lambda addresses: b"here")
        await net.settle()
        assert taken(sightings) == []
        net.heal()
        await net.settle()
        assert taken(sightings) == [b"here"]
        net.duplicate()
        net.host("ada").show_again()
        await net.settle()
        assert taken(sightings) == [b"here", b"here"]
        nursery.cancel_scope.cancel()


async def test_a_flood_of_beacons_is_bounded() -> None:
    net = MemoryNetwork()
    async with net.host("ben").sightings() as sightings:
        for number in range(1000):
            net.show(net.host("ada"), Sighting(b"%d" % number, ()))
        await net.settle()
        assert len(taken(sightings)) <= 128


async def test_a_new_address_breaks_connections_and_is_told_and_shown() -> None:
    net = MemoryNetwork()
    ada = net.host("ada")
    async with (
        serving(net, "ada") as at,
        net.host("ben").sightings() as sightings,
        ada.changes() as changes,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(ada.announce, lambda addresses: addresses[0].host.encode())
        stream = await net.host("ben").dial(at["ada"])
        await net.settle()
        ada.change_address()
        await changes.receive()
        await net.settle()
        assert taken(sightings) == [at["ada"].host.encode(), ada.host.encode()]
        assert await read(stream) == (b"", "broken")
        with pytest.raises(NoPeer):
            await net.host("ben").dial(at["ada"])
        nursery.cancel_scope.cancel()


async def test_settle_advances_a_mock_clock_as_far_as_bytes_need(mock_clock: trio.testing.MockClock) -> None:
    net = MemoryNetwork()
    async with two_ends(net) as (one, other), trio.open_nursery() as nursery:
        net.latency(3)
        start = trio.current_time()
        await one.send_all(b"x")
        nursery.start_soon(other.receive_some)
        await net.settle()
        assert trio.current_time() - start == pytest.approx(3)
