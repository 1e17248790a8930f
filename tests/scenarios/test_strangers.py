"""A port that strangers have found: members get in through a flood, and the end of a connection reveals nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from random import Random

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell, errors
from cellsync.core import caps
from cellsync.core.ids import DeviceId, SessionSecret
from cellsync.core.pairing import code, joiner
from cellsync.core.pairing.joiner import Joiner
from cellsync.core.session import connection
from cellsync.core.session.connection import ENTROPY
from cellsync.core.session.session import Session
from cellsync.node import reception, strangers
from cellsync.node.lan import CARRIER
from cellsync.node.network import Address
from cellsync.store.sqlite import SqliteStore
from cellsync.testing import MemoryNetwork, accept_any, level
from tests.cell.cells import Visit
from tests.core.pairing.pairs import CLOCK, KEYS

Speech = list[tuple[float, bytes]]
"""The messages of a stranger, each with the seconds after the beginning at which it is sent."""


def opening(caller: Cell, callee: Cell, seed: int, secret: SessionSecret | None = None) -> bytes:
    """What `caller` begins a session with; with `secret`, what a holder of the circle's key with other keys would."""
    key = callee.first.circle.key_of(callee.device)
    assert key is not None
    called = Session.call(
        [caller.first.circle], caller.first.circle.id, (callee.device, key), secret or caller.node.calls._secret,
        CARRIER,
        Random(seed).randbytes(ENTROPY), trio.current_time(), clock=caller.first.circle.surroundings.now(),
    )  # fmt: skip
    return called.outgoing()


def address(net: MemoryNetwork, cell: Cell, name: str = "ana") -> Address:
    return Address(net.host(name).host, cell.node.port)


@asynccontextmanager
async def flood(net: MemoryNetwork, at: Address, each_second: int, says: Callable[[int], bytes]) -> AsyncIterator[None]:
    """Within the block, `each_second` new connections a second, which stay open unless the callee ends them."""
    eve = net.host("eve")
    streams = []

    async def connect(number: int) -> None:
        try:
            streams.append(stream := await eve.dial(at))
            await stream.send_all(says(number))
        except (trio.BrokenResourceError, errors.NoPeer):
            pass

    async def go_on(nursery: trio.Nursery) -> None:
        began = trio.current_time()
        for number in range(1_000_000):
            await trio.sleep_until(began + number / each_second)
            nursery.start_soon(connect, number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(go_on, nursery)
        await trio.sleep(0.2 + 1.2 * strangers.CROWD / each_second)  # all places are taken
        yield
        nursery.cancel_scope.cancel()


# --- a flood ----------------------------------------------------------------------------------------------


def only_called(cell: Cell) -> None:
    """From now on this cell makes no calls: members that want to meet it have to get in."""

    async def call(device: DeviceId, *addresses: Address) -> None:
        raise errors.NoPeer

    cell.node.calls.call = call  # type: ignore[method-assign]


async def gets_in(net: MemoryNetwork, ana: Cell, ben: Cell) -> None:
    """Ben's first call reaches ana, and they exchange what is new."""
    with trio.fail_after(3):
        while ben.device not in ana.node.links:
            await ana.node.links.changed.wait()
    await ben.create(Visit, title="it works on")
    await level([ana, ben], 3)
    assert net.bytes_sent["ana", "eve"] == 0


@pytest.mark.parametrize(("each_second", "round_trip"), [(1000, 0.05), (2000, 0.1)])
@pytest.mark.parametrize("size", [0, 1, 2000])
async def test_a_member_gets_in_through_a_flood_of_connections(
    autojump_clock: MockClock, each_second: int, round_trip: float, size: int
) -> None:
    net = MemoryNetwork(7)
    net.latency(round_trip / 2)
    async with net.cells("ana", "ben") as [ana, ben]:
        net.partition("ana", "ben")
        await trio.sleep(5)
        said = Random(1).randbytes(size)
        async with flood(net, address(net, ana), each_second, lambda _: said):
            assert len(ana.node.reception.strangers) == strangers.CROWD
            only_called(ana)
            net.heal()
            ben.node.calls.now()
            await gets_in(net, ana, ben)
            assert len(ana.node.reception.strangers) <= strangers.CROWD + 1
    net.check_failures()


async def test_a_member_gets_in_though_its_own_opening_is_repeated_a_thousand_times(autojump_clock: MockClock) -> None:
    """What members said to each other, recorded, a header or all of it, takes no place but one of the crowd."""
    net = MemoryNetwork(7)
    net.latency(0.05)
    async with net.cells("ana", "ben", "cara") as [ana, ben, cara]:
        net.partition("ana", "ben")
        used = opening(ben, ana, 1)
        await (await net.host("eve").dial(address(net, ana))).send_all(used)
        await trio.sleep(1)
        answered = net.bytes_sent["ana", "eve"]
        assert answered > 0  # it was new
        recorded = [used, used[:42], opening(ben, cara, 2), opening(ben, cara, 2)[:42], opening(ben, ana, 3)[:100]]
        async with flood(net, address(net, ana), 2000, lambda number: recorded[number % len(recorded)]):
            only_called(ana)
            net.heal()
            ben.node.calls.now()
            with trio.fail_after(3):
                while ben.device not in ana.node.links:
                    await ana.node.links.changed.wait()
        assert net.bytes_sent["ana", "eve"] == answered
    net.check_failures()


# --- holders of a current key with ever new keys of their own ---------------------------------------------


async def test_callers_that_nobody_knows_take_few_rows_and_few_places(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caps, "EPHEMERALS", 40)
    net = MemoryNetwork(7)
    net.latency(0.05)
    async with net.cells("ana", "ben") as [ana, ben]:
        net.partition("ana", "ben")
        before = rows(ana)
        made = [opening(ben, ana, seed, SessionSecret(Random(seed).randbytes(32))) for seed in range(100)]
        async with flood(net, address(net, ana), 50, lambda number: made[number % 100]):
            await trio.sleep(2)
            assert rows(ana) == before + caps.EPHEMERALS
            assert len(ana.node.reception.strangers._newcomers) == strangers.NEWCOMERS
            assert not ana.node.links
            only_called(ana)
            net.heal()
            ben.node.calls.now()
            with trio.fail_after(3):
                while ben.device not in ana.node.links:
                    await ana.node.links.changed.wait()
        assert rows(ana) == before + caps.EPHEMERALS + 1
    net.check_failures()


def rows(cell: Cell) -> int:
    store = cell.first.circle.store
    assert isinstance(store, SqliteStore)
    return store._number("SELECT count(*) FROM ephemerals")


async def test_a_member_whose_calls_never_go_on_takes_two_places(autojump_clock: MockClock) -> None:
    net = MemoryNetwork(7)
    async with net.cells("ana", "ben", "cara") as [ana, ben, cara]:
        net.partition("ana", ["ben", "cara"])
        at = address(net, ana)
        streams = []
        for seed in range(10):
            streams.append(await net.host("eve").dial(at))
            await streams[-1].send_all(opening(ben, ana, seed))
        await trio.sleep(1)
        assert len(ana.node.reception.strangers) == strangers.CALLERS
        only_called(ana)
        net.heal()
        cara.node.calls.now()
        with trio.fail_after(3):
            while cara.device not in ana.node.links:
                await ana.node.links.changed.wait()
    net.check_failures()


# --- when a stranger is left -------------------------------------------------------------------------------


def speeches(ana: Cell, ben: Cell, cara: Cell, used: bytes) -> dict[str, Speech]:
    garbage = Random(3).randbytes(3000)
    new = opening(ben, ana, 50)
    changed = bytearray(opening(ben, ana, 51))
    changed[600] ^= 1
    key = ana.first.circle.key_of(ana.device)
    assert key is not None
    return {
        "nothing": [],
        "one byte": [(0, b"\0")],
        "a byte less than a header": [(0, garbage[:41])],
        "a header": [(0, garbage[:42])],
        "garbage": [(0, garbage)],
        "garbage, late": [(19.5, garbage)],
        "a header in two pieces": [(0, garbage[:20]), (18, garbage[20:42])],
        "byte after byte": [(number / 4, garbage[number : number + 1]) for number in range(70)],
        "a replay": [(0, used)],
        "a replay, late": [(10, used[:50]), (19, used[50:])],
        "a replayed header": [(0, used[:42])],
        "less than an opening": [(0, new[:-1])],
        "a changed opening": [(0, bytes(changed))],
        "an opening for another device": [(0, opening(ben, cara, 52))],
        "an opening and more": [(0, opening(ben, ana, 53) + b"x")],
        "a web browser": [(0, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
    }


async def visit(net: MemoryNetwork, at: Address, speech: Speech) -> float:
    """Say it, and wait to be left: how long that took from the moment when the callee noticed us."""
    began = trio.current_time()
    stream = await net.host("eve").dial(at)
    async with stream, trio.open_nursery() as nursery:

        async def talk() -> None:
            for after, said in speech:
                await trio.sleep_until(began + after)
                try:
                    await stream.send_all(said)
                except trio.BrokenResourceError:
                    return

        nursery.start_soon(talk)
        with suppress(trio.BrokenResourceError):
            assert await stream.receive_some() == b""
        nursery.cancel_scope.cancel()
    return trio.current_time() - began


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long after its beginning each connection is to be left, in the order in which they began."""
    times: list[float] = []

    def hang_up_at(entropy: bytes, began: float) -> float:
        at = connection.hang_up_at(entropy, began)
        times.append(at - began)
        return at

    monkeypatch.setattr(reception, "hang_up_at", hang_up_at)
    return times


async def test_every_stranger_is_left_when_that_was_drawn_and_never_otherwise(
    autojump_clock: MockClock, drawn: list[float]
) -> None:
    net = MemoryNetwork(7)
    async with net.cells("ana", "ben", "cara") as [ana, ben, cara]:
        at = address(net, ana)
        used = opening(ben, ana, 49)
        await (await net.host("eve").dial(at)).send_all(used)
        await trio.sleep(1)
        answered = net.bytes_sent["ana", "eve"]
        for what, speech in speeches(ana, ben, cara, used).items():
            drawn.clear()
            took = await visit(net, at, speech)
            assert took == pytest.approx(drawn[0], abs=0.001), what
            assert 20 <= took <= 40, what
        assert net.bytes_sent["ana", "eve"] == answered
    net.check_failures()


@pytest.mark.parametrize("what", ["garbage", "less than an opening", "a changed opening"])
async def test_it_is_the_same_while_somebody_is_invited(
    autojump_clock: MockClock, drawn: list[float], what: str
) -> None:
    net = MemoryNetwork(7)
    async with net.cells("ana") as [ana]:
        invite = await ana.create_invite("writer", confirm=accept_any, short_code=False)
        secret = code.parse(invite.code)
        said = bytearray(
            Joiner(secret, KEYS, "ben", Random(1).randbytes(joiner.ENTROPY), 0.0, CARRIER, clock=CLOCK).outgoing()
        )
        if what == "garbage":
            said = bytearray(Random(1).randbytes(1500))
        elif what == "less than an opening":
            del said[-1]
        else:
            said[300] ^= 1
        took = await visit(net, address(net, ana), [(7, bytes(said))])
        assert took == pytest.approx(drawn[0], abs=0.001)
        assert 20 <= took <= 40
        assert net.bytes_sent["ana", "eve"] == 0
        invite.cancel()
    net.check_failures()
