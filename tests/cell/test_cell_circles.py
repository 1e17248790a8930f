"""A cell of several circles: each has its members and cases; together they are listed, followed and synced."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell, found_cell
from cellsync.cell.circle import CellCircle
from cellsync.core.errors import InvalidValue, LinkLeaks, NotFound, WhichCircle
from cellsync.core.ids import ID_BYTES, CaseId, CircleId
from cellsync.core.schema.schema import creation
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from cellsync.testing import MemoryNetwork, level
from cellsync.testing.confirmation import accept_any
from tests.cell.cells import Visit

OWN: Final = "orchard lantern sparrow quilt"


class Two(NamedTuple):
    """Ana is in two circles with Ben; Lea is in the second one only."""

    net: MemoryNetwork
    ana: Cell
    ben: Cell
    lea: Cell
    inner: CircleId


@asynccontextmanager
async def two() -> AsyncIterator[Two]:
    net = MemoryNetwork(4)
    async with net.cells("ana", "ben") as [ana, ben]:
        inner, _ = await ana.create_circle("Lawyers")
        await net.device("ben").join(ana, circle=inner)
        lea = await net.device("lea").join(ana, circle="Lawyers")
        async with lea.opened() as guest:
            await level([ana, ben, guest])
            yield Two(net, ana, ben, guest, inner.id)
    net.check_failures()


async def test_a_circle_is_founded_joined_by_an_open_device_and_kept_in_step(autojump_clock: MockClock) -> None:
    async with two() as (_, ana, ben, lea, inner):
        assert [circle.name for circle in ana.circles] == [circle.name for circle in ben.circles] == [
            "Mill Street", "Lawyers",
        ]  # fmt: skip
        assert [circle.name for circle in lea.circles] == ["Lawyers"]
        assert {member.name for member in ben.circle("Lawyers").members()} == {"ana", "ben", "lea"}
        assert {member.name for member in ben.first.members()} == {"ana", "ben"}
        assert sorted(member.name for member in ana.members()) == ["ana", "ana", "ben", "ben", "lea"]
        assert ben.first.device != ben.circle(inner).device
        case = await ben.circle("lawyers").create(Visit, title="Appeal")
        assert (await lea.get(Visit, case.id, wait=60)).title == "Appeal"
        await level([ana, ben, lea])
        assert [found.title for found in await ana.cases(Visit)] == ["Appeal"]
        assert await ana.first.cases(Visit) == []
        peers = await ben.sync(everyone=True, timeout=60)
        assert {(peer.name, peer.circle == inner) for peer in peers} == {("ana", False), ("ana", True), ("lea", True)}
        assert all(peer.came_in_step for peer in peers)
        await ben.synced(case)


async def test_what_belongs_into_one_circle_names_it_where_there_are_several(autojump_clock: MockClock) -> None:
    async with two() as (_, ana, _, lea, inner):
        for asks in (
            ana.create(Visit, title="x"),
            ana.create_invite(confirm=accept_any),
            ana.write([]),
            ana.carry_on(),
        ):
            with pytest.raises(WhichCircle):
                await asks
        with pytest.raises(WhichCircle):
            ana.case_id("kind", "7")
        assert (await lea.create(Visit, title="x")).title == "x"  # she has only one
        ids = {circle.case_id("kind", "7") for circle in ana.circles}
        assert len(ids) == 2
        assert ana.circle(inner) is ana.circle(inner.hex()) is ana.circle(inner.hex()[:4]) is ana.circle("LAWYERS")
        with pytest.raises(NotFound):
            ana.circle("Doctors")
        with pytest.raises(InvalidValue, match="of that name"):
            await ana.create_circle("lawyers")
        await ana._add((await ana.ledger.found("Lawyers"))[0])  # as if another one of that name had been joined
        with pytest.raises(WhichCircle, match="Several"):
            ana.circle("Lawyers")


async def test_followers_are_told_of_all_circles_and_go_on_where_they_were(autojump_clock: MockClock) -> None:
    async with two() as (_, ana, ben, _, inner):
        async with ana.changes() as changes:
            await ben.first.create(Visit, title="Parcel")
            told = [await anext(changes)]
            await ben.circle(inner).create(Visit, title="Appeal")
            told.append(await anext(changes))
            third, _ = await ana.create_circle("Doctors")  # also of one that comes later
            await third.create(Visit, title="Check-up")
            told.append(await anext(changes))
        assert [(change.value, change.circle) for change in told] == [
            ("Parcel", ana.first.id), ("Appeal", inner), ("Check-up", third.id),
        ]  # fmt: skip
        assert told[-1].cursor == ana.cursor()
        async with ana.changes(since=told[1].cursor) as changes:
            again = [await anext(changes) for _ in range(1)]
            assert again[0].cause == "reset"  # it knows no place in the third circle
            assert again[0].circle == third.id
        async with ana.changes(since=f"{told[0].cursor},{third.cursor()}") as changes:
            assert (await anext(changes)).value == "Appeal"


async def test_a_case_is_found_in_its_circle_and_two_of_one_id_are_told_apart(autojump_clock: MockClock) -> None:
    async with two() as (_, ana, ben, lea, inner):
        outer = await ana.first.create(Visit, title="Parcel")
        assert ana.circle_with(outer.id) is ana.first
        assert ana.first.short(outer.id) == outer.id.hex()[:4]
        async with ana.edit(outer) as draft:
            draft.status = "sent"
        await lea.write([(outer.id, creation(Visit, {"title": "not that one"}))])  # she may choose any id
        await level([ana, ben, lea])
        with pytest.raises(WhichCircle):
            await ana.get(Visit, outer.id)
        assert (await ana.first.get(Visit, outer.id)).status == "sent"
        assert (await ana.circle(inner).get(Visit, outer.id)).title == "not that one"
        beside = CaseId(outer.id[:3] + bytes(ID_BYTES - 3))
        await ana.circle(inner).write([(beside, creation(Visit, {"title": "begins alike"}))])
        assert len(ana.first.short(outer.id)) > 4


async def test_a_link_leads_out_of_the_circle_that_fewer_are_in_and_never_into_it(autojump_clock: MockClock) -> None:
    async with two() as (net, ana, ben, _, inner):
        parcel = await ana.first.create(Visit, title="Parcel")
        appeal = await ana.circle(inner).create(Visit, title="Appeal")
        assert ana.first.is_restricted(ana.circle(inner))  # who is in it is also among the lawyers
        assert not ana.circle(inner).is_restricted(ana.first)  # but for Lea
        net_cara = await net.device("cara").join(ana, circle="Mill Street")
        async with net_cara.opened() as cara:
            await level([ana, ben, cara])
            assert not ana.first.is_restricted(ana.circle(inner))
            core, _ = await ana.create_circle("Core")
            await net.device("ben").join(ana, circle=core)
            await level([ana, ben, cara])
            assert core.is_restricted(ana.first)
            await core.write([(CaseId(bytes(range(32))), [*creation(Visit, {"title": "x"}), link(parcel.id)])])
            entries = ana.entries()
            for circle, target in (
                (ana.first, bytes(range(32))),
                (ana.first, appeal.id),
                (ana.circle(inner), parcel.id),
            ):
                with pytest.raises(LinkLeaks, match="not everybody in"):
                    await circle.write([(CaseId(bytes(32)), [*creation(Visit, {"title": "x"}), link(target)])])
            assert ana.entries() == entries
            await ana.first.write([(CaseId(bytes(32)), [*creation(Visit, {"title": "x"}), link(bytes(range(9, 41)))])])


def link(case: bytes) -> Operation:
    return Operation(int(Op.ADD), "links", None, [case, "about"])


async def test_a_guest_holds_and_is_told_nothing_of_other_circles(autojump_clock: MockClock) -> None:
    async with two() as (_, ana, ben, lea, _):
        secret = await ana.first.create(Visit, title="Zinnia smuggles the parcel")
        await level([ana, ben])
        await trio.sleep(60)
        shown = repr([
            *map(tuple, lea.members()), *map(tuple, lea.peers()), *map(tuple, lea.flags), lea.name, lea.cursor(),
            [tuple(peer) for peer in await lea.sync(timeout=30)], lea.entries(), lea.circles, lea.first.name,
        ])  # fmt: skip
        outer: CellCircle = ana.first
        foreign = [
            outer.id, outer.device, ben.first.device, secret.id, b"Mill Street", b"Zinnia", outer.secrets.seal.reveal(),
            *(key.key.psk.reveal() for key in outer.circle.session_keys()),
        ]  # fmt: skip
        assert not [part for part in foreign if repr(bytes(part))[2:-1] in shown]
        assert not lea.circles[0].holds(secret.id)
        await lea.node.keep()
        store = lea.first.circle.store
        kept = b"\0".join(store.kept(name) or b"" for name in DRAWERS)
        assert bytes(lea.first.circle.device) in kept
        assert not [part for part in foreign if bytes(part) in kept]


DRAWERS = ("addresses", "reached", "versions", "clocks", "sites", "epochs", "device", "sponsor", "flags", "detached")


async def test_a_circle_that_cannot_be_is_refused(autojump_clock: MockClock) -> None:
    async with two() as (net, ana, ben, _, inner):
        with pytest.raises(InvalidValue):
            await ana.create_circle("")
        with pytest.raises(Exception, match=r".") as refused:
            await net.device("ben").join(ana, circle=inner)  # he is in it
        assert len(ben.circles) == 2
        assert "internal" not in getattr(refused.value, "code", "")


def hidden(cell: Cell) -> bool:
    return cell.node.hidden_by is not None


async def test_a_device_listens_where_it_did_once_the_circle_is_unlocked_that_remembers(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Where all are locked it is on its networks, shows itself to nobody, and listens somewhere else."""
    ana = memory_network.device("ana")
    await found_cell(ana.home, "Mill Street", name="ana", passphrase=ana.passphrase)
    async with ana.opened() as cell:
        port = cell.port
        await cell.create_circle("Lawyers")
    for _ in range(2):
        async with ana.opened() as cell:
            assert cell.port == port
            for name in [circle.name for circle in cell.circles]:
                await cell.change_circle_passphrase(name, old=ana.passphrase, new=OWN)
        async with ana.opened() as cell:
            assert (cell.circles, cell.name, cell.role, cell.own_name) == ([], "", None, "ana")
            assert cell.port != port
            assert hidden(cell)
            for locked in list(cell.locked_circles):
                await cell.unlock_circle(OWN, locked.hex()[:8])
            await trio.sleep(60)
            assert [circle.name for circle in cell.circles] == ["Mill Street", "Lawyers"]
            assert not hidden(cell)
            for name in ("Mill Street", "Lawyers"):
                await cell.change_circle_passphrase(name, old=OWN, new=None)
        async with ana.opened() as cell:
            assert cell.port == port
