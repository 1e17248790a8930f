"""Ports of sites: constant at a site, different elsewhere, renewed after a month; and what is kept of them."""

from __future__ import annotations

from random import Random

import pytest

from cellsync.core import caps
from cellsync.core.errors import DiskFull
from cellsync.core.ids import MILLIS_PER_DAY, Millis
from cellsync.core.wire import codec
from cellsync.node.sites import LASTS, OVERLAP, PORTS, REMEMBERED, UNRECOGNISED, Sites


class Clock:
    def __init__(self) -> None:
        self.now = Millis(1_790_000_000_000)

    def __call__(self) -> Millis:
        return self.now


class Disk:
    def __init__(self) -> None:
        self.kept: bytes | None = None

    async def __call__(self, table: bytes) -> None:
        self.kept = table


def made(disk: Disk, clock: Clock, seed: int = 1) -> Sites:
    return Sites(disk.kept, disk, clock, Random(seed).randbytes)


async def test_a_port_is_kept_before_it_is_used_and_is_another_one_elsewhere() -> None:
    disk, clock = Disk(), Clock()
    first = made(disk, clock)
    ports = {name: await first.port(first.site(name)) for name in (b"home", b"office", b"cafe")}
    assert len(set(ports.values())) == 3
    assert set(ports.values()) <= set(PORTS)
    for seed in range(2, 5):  # the program starts again
        again = made(disk, clock, seed)
        for name, port in ports.items():
            assert await again.port(again.site(name)) == port


async def test_a_table_tells_nobody_which_networks_these_are() -> None:
    disk, clock = Disk(), Clock()
    one, other = made(disk, clock, 1), made(Disk(), clock, 2)
    assert one.site(b"home") != other.site(b"home")
    await one.port(one.site(b"home"))
    assert disk.kept is not None
    assert b"home" not in disk.kept
    assert "home" not in repr(one)


async def test_after_thirty_days_another_one_and_for_a_week_the_old_one_too() -> None:
    disk, clock = Disk(), Clock()
    sites = made(disk, clock)
    home = sites.site(b"home")
    first = await sites.port(home)
    assert sites.port_before(home) is None
    clock.now = Millis(clock.now + LASTS - 1)
    assert await sites.port(home) == first
    clock.now = Millis(clock.now + 1)
    second = await sites.port(home)
    assert second != first
    sites = made(disk, clock, 9)
    assert await sites.port(home) == second
    assert sites.port_before(home) == first
    clock.now = Millis(clock.now + OVERLAP)
    assert sites.port_before(home) is None
    assert await sites.port(home) == second


async def test_a_clock_that_was_wrong_keeps_no_port_for_years() -> None:
    clock = Clock()
    sites = made(Disk(), clock)
    home, now = sites.site(b"home"), clock.now
    clock.now = Millis(now + 400 * MILLIS_PER_DAY)
    wrong = await sites.port(home)
    clock.now = now
    assert await sites.port(home) != wrong


async def test_a_port_that_is_taken_is_replaced_and_not_listened_on() -> None:
    disk, clock = Disk(), Clock()
    sites = made(disk, clock)
    home = sites.site(b"home")
    taken = await sites.port(home)
    other = await sites.another(home)
    assert other != taken
    again = made(disk, clock, 3)
    assert await again.port(home) == other
    assert again.port_before(home) is None


async def test_where_nothing_is_recognised_nothing_is_kept() -> None:
    disk = Disk()
    sites = made(disk, Clock())
    assert sites.site(b"") == UNRECOGNISED
    port = await sites.port(UNRECOGNISED)
    assert await sites.port(UNRECOGNISED) == port
    assert await sites.another(UNRECOGNISED) != port
    assert disk.kept is None


async def test_networks_that_come_and_go_push_out_no_site_where_somebody_was_met() -> None:
    """Who answers as ever new gateways makes us see ever new networks."""
    disk, clock = Disk(), Clock()
    sites = made(disk, clock)
    home = sites.site(b"home")
    port = await sites.port(home)
    sites.met(home)
    for number in range(3 * REMEMBERED):
        await sites.port(sites.site(b"%d" % number))
    assert disk.kept is not None
    assert len(disk.kept) < caps.ENTRY
    again = made(disk, clock, 5)
    assert repr(again) == f"<{REMEMBERED} sites>"
    assert await again.port(home) == port


async def test_on_a_full_disk_it_goes_on() -> None:
    async def full(_: bytes) -> None:
        raise DiskFull

    sites = Sites(None, full, Clock(), Random(1).randbytes)
    home = sites.site(b"home")
    assert await sites.port(home) == await sites.port(home)


SECRET = bytes(32)


@pytest.mark.parametrize(
    "junk",
    [b"", b"\xc1", b"\x91", *(codec.encode(value) for value in (None, 7, [], [b"", []], [SECRET], [bytes(31), []]))],
)
async def test_a_table_that_cannot_be_read_is_forgotten(junk: bytes) -> None:
    assert repr(Sites(junk)) == "<0 sites>"


@pytest.mark.parametrize(
    "row",
    [7, [], [b"x" * 15, 50_000, 1, 0, True], [bytes(16), 80, 1, 0, True], [bytes(16), 50_000, "1", 0, True],
     [bytes(16), 50_000, 1, 80, True], [bytes(16), 50_000, 1, 0, 1], [bytes(16), 50_000, 1, 0]],
)  # fmt: skip
async def test_a_row_that_cannot_be_read_is_left_out(row: object) -> None:
    good = [b"g" * 16, 50_000, 1, 0, True]
    assert repr(Sites(codec.encode([SECRET, [row, good]]))) == "<1 sites>"


async def test_a_table_that_is_found_later_takes_the_place_of_what_was_drawn_meanwhile() -> None:
    disk, clock = Disk(), Clock()
    port = await made(disk, clock).port(made(disk, clock).site(b"home"))
    later, kept = Sites(now=clock, entropy=Random(5).randbytes), disk.kept
    assert await later.port(later.site(b"home")) != port
    later.recall(kept, disk)
    assert await later.port(later.site(b"home")) == port
    office = await later.port(later.site(b"office"))
    again = made(disk, clock, 7)
    assert await again.port(again.site(b"office")) == office


async def test_where_no_table_was_kept_the_own_one_goes_on_and_is_kept_from_then_on() -> None:
    disk, clock = Disk(), Clock()
    sites = Sites(now=clock, entropy=Random(5).randbytes)
    home = await sites.port(sites.site(b"home"))
    sites.recall(None, disk)
    assert await sites.port(sites.site(b"home")) == home
    await sites.port(sites.site(b"office"))
    again = made(disk, clock, 7)
    assert await again.port(again.site(b"home")) == home
