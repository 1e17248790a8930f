"""What is remembered of other devices; damaged records neither break anything nor claim too much."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell, Register, Schema
from cellsync.core import caps
from cellsync.core.drawers import ADDRESSES, REACHED, VERSIONS
from cellsync.core.ids import DeviceId, Millis
from cellsync.core.session.silence import CALLEE_WAITS
from cellsync.core.versions import Versions
from cellsync.core.wire import codec
from cellsync.node import remembered
from cellsync.node.offline import no_network
from cellsync.node.remembered import Reached, SpokenVersions
from cellsync.node.shared import SharedCircle
from cellsync.node.sites import UNRECOGNISED, Site
from cellsync.node.spots import Basis, Spot
from cellsync.node.upkeep import SEEN_WITHIN
from cellsync.testing import MemoryNetwork


class Note(Schema, kind="org.example.note", version=1):
    title: Register[str]


@pytest.fixture
async def cell() -> AsyncIterator[Cell]:
    """One that has written four entries, of which one admits Ben, who is never there."""
    net = MemoryNetwork()
    device = await net.device("ana").found()
    async with device.opened() as cell:
        await net.device("ben").join(cell)
        await cell.create(Note, title="x")
        assert cell.first.circle.own_length == 4
        yield cell


async def test_what_is_kept_reads_the_same(cell: Cell) -> None:
    [ben] = cell.first.circle.others()
    site = Site(bytes(16))
    known = {ben: [Spot("10.0.0.7", 4000, site, Basis.MET), Spot("fe80::1", 4000, UNRECOGNISED, Basis.HAND)]}
    await cell.first.circle.keep(ADDRESSES, remembered.encode_spots(known))
    await cell.first.circle.keep(
        REACHED, remembered.encode_reached(cell.first.circle, Reached({ben: 2}, {ben: Millis(77)}, {ben: b"digest"}))
    )
    assert remembered.spots(cell.first.circle) == known
    assert remembered.reached(cell.first.circle) == Reached({ben: 2}, {ben: Millis(77)}, {ben: b"digest"})


async def test_what_an_earlier_version_kept_is_read(cell: Cell) -> None:
    """It kept addresses alone; link-local ones with the number that the interface had then."""
    [ben] = cell.first.circle.others()
    await cell.first.circle.keep(ADDRESSES, codec.encode([[ben, [["10.0.0.7", 4000], ["fe80::1%3", 4001]]]]))
    assert remembered.spots(cell.first.circle) == {
        ben: [Spot("10.0.0.7", 4000, UNRECOGNISED, Basis.MET), Spot("fe80::1", 4001, UNRECOGNISED, Basis.MET)]
    }
    await cell.first.circle.keep(REACHED, codec.encode([cell.first.circle.life, [[ben, 2, 77]]]))
    assert remembered.reached(cell.first.circle) == Reached({ben: 2}, {ben: Millis(77)}, {})


async def test_thousands_of_devices_of_which_others_spoke_push_nobody_out(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was kept could not be read any more, and all addresses were forgotten with the next start."""
    [ben] = cell.first.circle.others()
    crowd = [DeviceId(number.to_bytes(32, "big")) for number in range(2_000)]
    monkeypatch.setattr(cell.first.circle, "others", lambda: [ben, *crowd])
    heard = {device: [Spot("10.0.0.9", 4000, UNRECOGNISED, Basis.HEARD)] for device in crowd}
    met = {ben: [Spot("10.0.0.7", 4000, UNRECOGNISED, Basis.MET)]}
    raw = remembered.encode_spots(heard | met)
    await cell.first.circle.keep(ADDRESSES, raw)
    assert len(raw) <= caps.ENTRY
    assert next(iter(remembered.spots(cell.first.circle).items())) == (ben, met[ben])
    delivered = dict.fromkeys([ben, *crowd], 1)
    await cell.first.circle.keep(REACHED, remembered.encode_reached(cell.first.circle, Reached(delivered, {}, {})))
    assert remembered.reached(cell.first.circle).delivered[ben] == 1
    spoken = dict.fromkeys([ben, *crowd], SpokenVersions(Versions(1, 1), 1))
    await cell.first.circle.keep(VERSIONS, remembered.encode_versions(cell.first.circle, spoken))
    assert ben in remembered.versions(cell.first.circle)


async def test_only_the_others_are_kept(cell: Cell) -> None:
    gone = DeviceId(b"g" * 32)
    await cell.first.circle.keep(
        REACHED, remembered.encode_reached(cell.first.circle, Reached({gone: 2}, {gone: Millis(77)}, {gone: b"d"}))
    )
    assert remembered.reached(cell.first.circle) == Reached({}, {}, {})


async def test_of_another_life_of_the_store_only_when_a_device_was_heard_counts(cell: Cell) -> None:
    """A copy may lack entries that the device held then, but it was heard all the same."""
    [ben] = cell.first.circle.others()
    await cell.first.circle.keep(REACHED, codec.encode([b"8 others", [[ben, 2, 77, b"d"]]]))
    assert remembered.reached(cell.first.circle) == Reached({}, {ben: Millis(77)}, {})


async def test_never_more_than_was_written(cell: Cell) -> None:
    [ben] = cell.first.circle.others()
    await cell.first.circle.keep(REACHED, codec.encode([cell.first.circle.life, [[ben, 9, 0]]]))
    assert remembered.reached(cell.first.circle) == Reached({ben: 4}, {}, {})


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\xc1",
        b"\x91",
        bytes(caps.ENTRY + 1),
        *(
            codec.encode(value)
            for value in (None, 7, [7], [[7]], [[7, 7]], [[b"d", "x"]], [[b"d", [[7, 7]]]], [b"", 7])
        ),
        codec.encode([[b"d" * 32, [["not an address", 1]]]]),
        codec.encode([[b"d" * 32, [["10.0.0.7", 0]]]]),
        codec.encode([[b"d" * 32, [["10.0.0.7", 1, 7, 0]]]]),
        codec.encode([[b"d" * 32, [["10.0.0.7", 1, b"", 9]]]]),
        codec.encode([[b"d" * 32, [["10.0.0.7", 1, b"", 0, 0]]]]),
    ],
)
async def test_what_cannot_be_read_is_forgotten(cell: Cell, junk: bytes) -> None:
    for name in (ADDRESSES, REACHED):
        await cell.first.circle.keep(name, junk)
    assert remembered.spots(cell.first.circle) == {}
    assert remembered.reached(cell.first.circle) == Reached({}, {}, {})


@pytest.mark.parametrize("more", [[7], [b""], [None], [b"d", b"d"]])
async def test_a_digest_that_cannot_be_read_is_none(cell: Cell, more: list[object]) -> None:
    [ben] = cell.first.circle.others()
    await cell.first.circle.keep(REACHED, codec.encode([cell.first.circle.life, [[ben, 1, 5, *more]]]))
    assert remembered.reached(cell.first.circle) == Reached({ben: 1}, {ben: Millis(5)}, {})


@pytest.mark.parametrize("row", [7, [], [b"d", 1], [b"d", -1, 5], [b"d", 1, -5], [b"d", "1", 5], ["d", 1, 5]])
async def test_a_row_that_cannot_be_read_is_left_out(cell: Cell, row: object) -> None:
    [ben] = cell.first.circle.others()
    await cell.first.circle.keep(REACHED, codec.encode([cell.first.circle.life, [row, [ben, 1, 5]]]))
    assert remembered.reached(cell.first.circle) == Reached({ben: 1}, {ben: Millis(5)}, {})


async def test_versions_read_the_same(cell: Cell) -> None:
    [ben] = cell.first.circle.others()
    kept = remembered.encode_versions(
        cell.first.circle,
        {ben: SpokenVersions(Versions(1, 2), 3), DeviceId(b"x" * 32): SpokenVersions(Versions(1, 1), 1)},
    )
    await cell.first.circle.keep(VERSIONS, kept)
    assert remembered.versions(cell.first.circle) == {ben: SpokenVersions(Versions(1, 2), 3)}, (
        "and nothing of who is not there"
    )
    await cell.first.circle.keep(VERSIONS, codec.encode([[ben, 1, 3]]))
    assert remembered.versions(cell.first.circle) == {ben: SpokenVersions(Versions(1, 3), 3)}, (
        "as an earlier version kept it"
    )


@pytest.mark.parametrize(
    "rows",
    [
        None,
        7,
        [7],
        [[]],
        [[b"x" * 32, 0, 0]],
        [[b"x" * 32, 3, 2]],
        [[b"x" * 32, 1, 256]],
        [["x", 1, 2]],
        [[b"x" * 32, 1, 2, 1]],
        [[b"x" * 32, 1, 2, 256]],
        [[b"x" * 32, 1, 2, "3"]],
        [[b"x" * 32, 1, 2, 3, 4]],
    ],
    ids=str,
)
async def test_nothing_in_the_place_of_versions_breaks_anything(cell: Cell, rows: object) -> None:
    await cell.first.circle.keep(VERSIONS, codec.encode(rows))
    assert remembered.versions(cell.first.circle) == {}
    await cell.first.circle.keep(VERSIONS, b"\xff garbage")
    assert remembered.versions(cell.first.circle) == {}


async def test_a_kill_loses_seconds_of_it(tmp_path: Path, autojump_clock: MockClock) -> None:
    """What came while somebody wrote without a pause, and who was there while nobody did, was once lost with it."""
    net = MemoryNetwork()
    async with net.cells("ana", "ben") as [ana, _]:
        kept: list[float] = []
        keep = ana.node.others.keep

        def noted(circle: SharedCircle) -> None:
            kept.append(trio.current_time())
            keep(circle)

        ana.node.others.keep = noted  # type: ignore[method-assign]
        for number in range(40):
            await ana.create(Note, title=str(number))
            await trio.sleep(1)
        assert (ana.only_here(), len(kept)) == (0, 40 // 6)  # and it is not kept with each of them
        async with killed(net, tmp_path / "busy") as left:
            assert 0 < left.only_here() <= 9
        await trio.sleep(30 * 60)
        async with killed(net, tmp_path / "idle") as left:
            [ben] = left.peers()
            assert (left.only_here(), ben.in_step, ben.connected) == (0, True, False)
            assert ben.last_seen is not None
            kept_within = 1000 * (SEEN_WITHIN + CALLEE_WAITS.usual.most)
            assert ana.first.circle.surroundings.now() - ben.last_seen.timestamp() * 1000 < kept_within


@asynccontextmanager
async def killed(net: MemoryNetwork, folder: Path) -> AsyncIterator[Cell]:
    """The cell as it is found after a kill in this moment, alone."""
    device = net.device("ana")
    found = device.with_home(path=device.copy_to(folder), network=no_network)
    async with found.opened() as left:
        yield left
