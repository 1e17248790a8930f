"""First messages by the thousand: whatever a stranger says gets not one byte, and it is left at a moment drawn before.

Five kinds of strangers, whose closing times have one distribution: that of those who said nothing. In virtual time, so
how long a computation takes is not in them; what a real process and a real network add is in
tests/end_to_end/test_hostile_port.py.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Final

import pytest
import trio

from cellsync.node import strangers
from cellsync.node.network import Address
from cellsync.testing import MemoryNetwork, accept_any, simulate
from tests.scenarios.test_strangers import Speech, address, opening, visit

FEW: Final = 3_000
MANY: Final = 100_000
AT_ONCE: Final = strangers.CROWD - 32  # one too many would end the oldest
POOL: Final = 40  # openings of which the others are made
CHANCE: Final = 0.001  # of two samples of one distribution to differ by more; seeds are fixed, so the verdict is
NOTHING: Final = "nothing"

Messages = Callable[[Random], bytes]


# --- what strangers say --------------------------------------------------------------------------------------


def kinds(fresh: Sequence[bytes], used: Sequence[bytes]) -> Mapping[str, Messages]:
    """`fresh`: openings that would be answered. `used`: openings that were."""

    def truncated(drawn: Random) -> bytes:
        whole = drawn.choice([*fresh, *used])
        return whole[: drawn.randrange(1, len(whole))]

    def flipped(drawn: Random) -> bytes:
        whole = bytearray(drawn.choice([*fresh, *used]))
        whole[drawn.randrange(len(whole))] ^= 1 << drawn.randrange(8)
        return bytes(whole)

    return {
        NOTHING: lambda _: b"",
        "random": lambda drawn: drawn.randbytes(drawn.choice((1, 41, 42, 43, 1_300, 4_000)) + drawn.randrange(3)),
        "truncated": truncated,
        "bit-flipped": flipped,
        "replayed": lambda drawn: drawn.choice(used) + drawn.randbytes(drawn.choice((0, 0, 300))),
    }


async def said_before(net: MemoryNetwork, at: Address, openings: Sequence[bytes]) -> None:
    """These openings are used: each was answered once."""
    for said in openings:
        async with await net.host("eve").dial(at) as stream:
            await stream.send_all(said)
            assert await stream.receive_some()


# --- when they are left ------------------------------------------------------------------------------------------


def speech(said: bytes, drawn: Random) -> Speech:
    """At once or later, in one piece or two."""
    middle, later = drawn.randrange(len(said) + 1), drawn.choice((0.0, 0.0, 0.5, 15.0))
    return [(at, piece) for at, piece in ((drawn.choice((0.0, 3.0)), said[:middle]), (later, said[middle:])) if piece]


async def closing_times(number: int) -> dict[str, list[float]]:
    """How long each of so many strangers was kept, by what it said. Asserts that none of them got a byte."""
    net = MemoryNetwork(5)
    async with net.cells("ana", "ben") as [ana, ben]:
        invite = await ana.create_invite("writer", confirm=accept_any)  # one more kind of opening could be answered
        net.partition("ana", "ben")  # what they say to each other is none of this
        at = address(net, ana)
        fresh = [opening(ben, ana, seed) for seed in range(POOL)]
        used = [opening(ben, ana, seed) for seed in range(POOL, 2 * POOL)]
        await said_before(net, at, used)
        answered = net.bytes_sent["ana", "eve"]
        times = await visits(net, at, kinds(fresh, used), number)
        assert net.bytes_sent["ana", "eve"] == answered
        assert len(ana.node.reception.strangers) == 0
        invite.cancel()
    net.check_failures()
    return times


async def visits(net: MemoryNetwork, at: Address, said: Mapping[str, Messages], number: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = defaultdict(list)
    turns: Iterator[int] = iter(range(number))

    async def come_in_turn() -> None:
        for turn in turns:
            kind = list(said)[turn % len(said)]
            drawn = Random(turn)
            times[kind].append(await visit(net, at, speech(said[kind](drawn), drawn)))

    async with trio.open_nursery() as nursery:
        for _ in range(min(AT_ONCE, number)):
            nursery.start_soon(come_in_turn)
    return times


# --- whether that tells anything -------------------------------------------------------------------------------


def distance(one: Sequence[float], other: Sequence[float]) -> float:
    """The statistic of Kolmogorov and Smirnov: the largest difference between the two shares of values up to any."""
    ordered = sorted(one), sorted(other)
    shares = ([bisect_right(values, at) / len(values) for values in ordered] for at in (*one, *other))
    return max(abs(first - second) for first, second in shares)


def critical(one: Sequence[float], other: Sequence[float]) -> float:
    """The distance that two samples of one distribution exceed with the probability CHANCE."""
    sizes = (len(one) + len(other)) / (len(one) * len(other))
    return math.sqrt(-math.log(CHANCE / 2) / 2 * sizes)


@pytest.mark.parametrize("number", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_no_first_message_gets_a_byte_or_another_end(number: int) -> None:
    times = simulate(lambda: closing_times(number), 1)
    assert sum(map(len, times.values())) == number
    even = [20 + 20 * (at + 0.5) / number for at in range(number)]  # from 20 to 40 s, each moment as likely
    assert min(map(min, times.values())) >= 20
    assert max(map(max, times.values())) <= 40
    told = {kind: distance(values, times[NOTHING]) / critical(values, times[NOTHING]) for kind, values in times.items()}
    assert {kind: ratio for kind, ratio in told.items() if ratio > 1} == {}
    assert distance(times[NOTHING], even) <= critical(times[NOTHING], even)


def test_a_difference_would_be_noticed() -> None:
    """In the long run: half a second later, or one in fifty who is left at the first moment."""
    drawn = Random(1)
    one, other = ([drawn.uniform(20, 40) for _ in range(MANY // 5)] for _ in range(2))
    assert distance(one, other) <= critical(one, other)
    assert distance(one, [value + 0.5 for value in other]) > critical(one, other)
    assert distance(one, [*other[: -len(other) // 50], *[20.0] * (len(other) // 50)]) > critical(one, other)
