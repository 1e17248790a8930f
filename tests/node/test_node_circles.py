"""A node with several circles: one session with each device for all that both are in; a guest learns of no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from ipaddress import ip_address
from typing import Final, NamedTuple

import pytest
import trio
from trio.testing import MockClock

from cellsync import Cell
from cellsync.cell.intake import Admission
from cellsync.cell.invites import open_invite
from cellsync.cell.newcomers import join
from cellsync.cell.short_codes import ShortCodes
from cellsync.core.crypto import primitives
from cellsync.core.crypto.channel import Transport
from cellsync.core.errors import DiskFull
from cellsync.core.ids import CaseId, CircleId, DeviceId, SessionSecret, SigningSecret
from cellsync.core.membership.control import DeviceKeys, Role
from cellsync.core.pairing.messages import Welcome
from cellsync.core.replica.planner import Intention
from cellsync.core.session.session import Session
from cellsync.core.wire import codec, messages, operations
from cellsync.core.wire.operations import SALT_BYTES, Operation
from cellsync.core.wire.tags import Kind, Op
from cellsync.ledger.circle import OpenCircle
from cellsync.node.link import PeerLink
from cellsync.testing import MemoryNetwork, SimulatedDevice, accept_any
from cellsync.testing.device import PASSPHRASE

MANY: Final = ("ben", "cara", "dora", "eva", "finn", "gus")  # in the first circle: more than a few


async def until(what: Callable[[], bool], within: float = 900) -> None:
    with trio.fail_after(within):
        while not what():  # noqa: ASYNC110 (a digest tells nobody)
            await trio.sleep(0.25)


async def write(cell: Cell, circle: OpenCircle, text: str = "a word") -> None:
    written = [Operation(Op.SET, "title", b"", text)]
    entropy = circle.surroundings.entropy
    shape, content = operations.encode_shape(written), operations.encode_content(entropy(SALT_BYTES), written)
    await circle.write(
        cell.ledger.secrets(circle.id).signing, [Intention(Kind.CASE, CaseId(entropy(32)), shape, content)]
    )


async def found_beside(cell: Cell, name: str = "Lawyers") -> OpenCircle:
    circle, _ = await cell.ledger.found(name)
    cell.node.add(circle)
    return circle


async def invited(inviter: Cell, circle: OpenCircle, device: SimulatedDevice) -> SimulatedDevice:
    """A device that had no vault joins a circle of the inviter's, not necessarily the first."""
    secrets = inviter.ledger.secrets(circle.id)
    intake = Admission(circle, secrets.signing, "coordinator")
    invite = await open_invite(intake, inviter.node, secrets, accept_any, ShortCodes(), lambda: None, short_code=False)
    inviter.nursery.start_soon(invite.run)
    await join(device.home, invite.code, name=device.name, passphrase=PASSPHRASE, confirm=accept_any)
    await invite.joined()
    return device


async def admitted(inviter: Cell, circle: OpenCircle, joiner: Cell, name: str) -> OpenCircle:
    """A device that has a vault joins one more circle; what a pairing says in between is left out."""
    secrets, ours = joiner.ledger.new_secrets(), inviter.ledger.secrets(circle.id)
    device = await circle.admit(ours.signing, secrets.public, name, Role.WRITER)
    today = circle.epochs.today(circle.surroundings.now())
    welcome = Welcome(circle.id, device, circle.epochs.newest, today, circle.device, ours.public.session)
    joined = await joiner.ledger.join(welcome, secrets)
    joiner.node.add(joined)
    return joined


def level(*circles: OpenCircle) -> Callable[[], bool]:
    return lambda: len({circle.digest() for circle in circles}) == 1


# --- several circles of one device ---------------------------------------------------------------------


async def test_one_session_with_a_device_serves_every_circle_that_both_are_in(autojump_clock: MockClock) -> None:
    net = MemoryNetwork(1)
    async with net.cells("ana", "ben") as [ana, ben]:
        lawyers = await found_beside(ana)
        with_ben = await admitted(ana, lawyers, ben, "ben")
        for cell, circle in ((ana, ana.first.circle), (ana, lawyers), (ben, ben.first.circle), (ben, with_ben)):
            await until(level(lawyers, with_ben))  # he may write once his admission has come
            await write(cell, circle)
        await until(level(ana.first.circle, ben.first.circle))
        await until(level(lawyers, with_ben))
        [link] = ana.node.links.all()
        assert set(link.session.shared) == {ana.first.circle.id, lawyers.id}
        assert ana.node.links[ben.device] is ana.node.links[with_ben.device] is link
        digests = [circle.digest() for circle in (ana.first.circle, lawyers)]
    async with net.device("ana").opened() as ana, net.device("ben").opened() as ben:  # and after opening again
        assert [circle.digest() for circle in ana.ledger.values()] == digests
        for circle in ana.ledger.values():
            await write(ana, circle, "again")
        for circle in ana.ledger.values():
            await until(level(circle, ben.ledger[circle.id]))
        [link] = ana.node.links.all()
        assert len(link.session.shared) == 2
        for circle in ana.ledger.values():
            [device] = circle.others()
            assert ana.node.others.delivered[device] == circle.own_length
    net.check_failures()


async def test_devices_that_share_only_a_later_circle_find_and_call_each_other_in_it(autojump_clock: MockClock) -> None:
    net = MemoryNetwork(2)
    ana_device = await net.device("ana").found()
    async with ana_device.opened() as ana:
        lawyers = await found_beside(ana)
        lea = await invited(ana, lawyers, net.device("lea"))
        async with lea.opened() as guest:
            await until(level(lawyers, guest.first.circle))
            await write(guest, guest.first.circle)
            await until(level(lawyers, guest.first.circle))
    for first in ("ana", "lea"):  # whoever is there first
        async with AsyncExitStack() as stack:
            cells = {}
            for name in (first, *({"ana", "lea"} - {first})):
                cells[name] = await stack.enter_async_context(net.device(name).opened())
            lawyers = cells["ana"].ledger[cells["lea"].first.circle.id]
            await write(cells["ana"], lawyers, first)
            await until(level(lawyers, cells["lea"].first.circle))
    net.check_failures()


async def test_what_is_known_of_a_device_is_kept_in_its_circle_only(autojump_clock: MockClock) -> None:
    net = MemoryNetwork(3)
    async with net.cells("ana", "ben") as [ana, ben]:
        lawyers = await found_beside(ana)
        lea = await invited(ana, lawyers, net.device("lea"))
        async with lea.opened() as guest:
            await until(level(lawyers, guest.first.circle))
            await trio.sleep(60)
            await ana.node.keep()
            for circle, foreign in ((ana.first.circle, guest.device), (lawyers, ben.device)):
                [known] = circle.others()
                for name in ("addresses", "reached", "versions", "clocks"):
                    kept = circle.store.kept(name) or b""
                    assert bytes(known) in kept, name
                    assert bytes(foreign) not in kept, name
            assert ana.first.circle.store.kept("sites")
            assert not lawyers.store.kept("sites")


async def test_a_full_disk_keeps_what_is_known_in_one_circle_from_no_other(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full() -> None:
        raise DiskFull

    net = MemoryNetwork(9)
    async with net.cells("ana", "ben") as [ana, _]:
        lawyers = await found_beside(ana)
        kept = list[CircleId]()

        async def keeps() -> None:
            kept.append(lawyers.id)

        for tidy in ("make_durable", "tidy"):
            monkeypatch.setattr(ana.first.circle, tidy, full)
            monkeypatch.setattr(lawyers, tidy, keeps)
            with pytest.raises(DiskFull):
                await ana.node._keep(tidy=tidy == "tidy")
        assert kept == [lawyers.id, lawyers.id]
        monkeypatch.undo()


# --- a guest --------------------------------------------------------------------------------------------


class Said(NamedTuple):
    """One message of a session with the guest."""

    by_us: bool
    payload: bytes


@contextmanager
def noted() -> Iterator[dict[int, list[bytes]]]:
    """The messages of each side of each session, by its transport."""
    said: dict[int, list[bytes]] = {}
    encrypt = Transport.encrypt_frame
    transports: list[Transport] = []  # so that none has the address of another

    def note(self: Transport, payload: bytes) -> bytes:
        transports.append(self)
        said.setdefault(id(self), []).append(payload)
        return encrypt(self, payload)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transport, "encrypt_frame", note)
        yield said


@asynccontextmanager
async def cell_of_one() -> AsyncIterator[tuple[MemoryNetwork, Cell, OpenCircle]]:
    """Ana has the circle of the guest, and no other."""
    net = MemoryNetwork(5)
    device = await net.device("ana").found("Lawyers")
    async with device.opened() as ana:
        yield net, ana, ana.first.circle


@asynccontextmanager
async def cell_of_two() -> AsyncIterator[tuple[MemoryNetwork, Cell, OpenCircle]]:
    """Ana has it beside another one with many devices, all connected."""
    net = MemoryNetwork(5)
    async with net.cells("ana", *MANY) as [ana, *_]:
        yield net, ana, await found_beside(ana)


async def visit(net: MemoryNetwork, ana: Cell, lawyers: OpenCircle) -> tuple[list[Said], Cell]:
    """What is said in the sessions of the guest, while Ana writes in all of her circles."""
    lea = await invited(ana, lawyers, net.device("lea"))
    with noted() as said:
        async with lea.opened() as guest:
            await until(level(lawyers, guest.first.circle))
            for number in range(20):
                for circle in ana.ledger.values():
                    await write(ana, circle, f"number {number:03}")
                await trio.sleep(30)
            await until(level(lawyers, guest.first.circle))
            [link] = guest.node.links.all()
            theirs, ours = (
                link.session._connection.transport,
                ana.node.links[guest.device].session._connection.transport,
            )
            assert len(ana.node.links.all()) == len(ana.node.circles.others())
            assert theirs is not None
            assert ours is not None
            said_by = [(True, said[id(ours)]), (False, said[id(theirs)])]
            return [Said(by_us, payload) for by_us, payloads in said_by for payload in payloads], guest


def summary(said: list[Said]) -> Counter[tuple[bool, str, int]]:
    """How many messages of each kind and length; when signs of life are due is drawn."""
    decoded = ((each, messages.decode(each.payload)) for each in said)
    return Counter(
        (each.by_us, type(message).__name__, len(each.payload))
        for each, message in decoded
        if not isinstance(message, (messages.Ping, messages.Pong))
    )


async def test_a_guest_hears_as_many_and_as_long_messages_as_where_there_is_no_other_circle(
    autojump_clock: MockClock,
) -> None:
    summaries = []
    for cell in (cell_of_one, cell_of_two):
        async with cell() as (net, ana, lawyers):
            said, _ = await visit(net, ana, lawyers)
            summaries.append(summary(said))
    assert summaries[0] == summaries[1]
    assert sum(summaries[0].values()) > 40


async def test_a_guest_hears_nothing_of_another_circle_or_of_devices_that_are_only_in_it(
    autojump_clock: MockClock,
) -> None:
    async with cell_of_two() as (net, ana, lawyers):
        said, guest = await visit(net, ana, lawyers)
        told = b"\0".join(each.payload for each in said if each.by_us)
        assert bytes(lawyers.device) in told  # it would be seen
        circle = ana.first.circle
        held = [
            circle.entry_id(chain.number, sequence)
            for chain in circle.replica.held.chains.values()
            for sequence in range(chain.first, chain.length + 1)
        ]
        keys = [part for grant in circle.replica.circle.active() for part in grant.keys]
        common = ana.ledger.secrets(lawyers.id).public  # which she has in both circles
        foreign = [
            circle.id, circle.digest(), b"Mill Street", *circle.others(), circle.device,
            *(chain.incarnation for chain in circle.replica.held.chains.values()),
            *(name.encode() for name in MANY),
            *(entry for entry in held if entry is not None),
            *(key for key in keys if key not in (common.signing, common.session)),
            *(key.key.psk.reveal() for key in circle.session_keys()),
            *(packed for address in others_addresses(ana) for packed in address),
        ]  # fmt: skip
        assert len(foreign) > 50
        assert not [part for part in foreign if bytes(part) in told]
        assert {device.hex() for device in guest.first.circle.others()} == {lawyers.device.hex()}
        assert guest.node.whereabouts[lawyers.id].spots.known.keys() <= {lawyers.device}


def others_addresses(ana: Cell) -> list[list[bytes]]:
    """Where the devices of the first circle are, as Ana keeps it: each address with its port, as it would be told."""
    known = ana.node.whereabouts[ana.first.circle.id].spots.known
    assert len(known) == len(MANY)
    return [[told_address(spot.host, spot.port) for spot in spots] for spots in known.values()]


def told_address(host: str, port: int) -> bytes:
    return codec.encode([ip_address(host).packed, port])


# --- a coordinator who introduces the key of somebody else's peer ----------------------------------------


async def introduce_ben(guest: Cell, ben: Cell) -> DeviceId:
    """The guest says, in her circle, that Ben's key is a device there: he knows nothing of it."""
    keys = guest.ledger.new_secrets().public._replace(
        signing=primitives.signing_public(SigningSecret(guest.first.circle.surroundings.entropy(32))),
        session=ben.ledger.secrets(ben.first.circle.id).public.session,
    )
    return await guest.first.circle.admit(
        guest.ledger.secrets(guest.first.circle.id).signing, keys, "ben?", Role.WRITER
    )


async def test_a_key_introduced_elsewhere_ends_a_session_once_and_shows_nobody_where_it_is(
    autojump_clock: MockClock,
) -> None:
    net = MemoryNetwork(6)
    async with net.cells("ana", "ben") as [ana, ben]:
        lawyers = await found_beside(ana)
        lea = await invited(ana, lawyers, net.device("lea"))
        async with lea.opened() as guest:
            await until(level(lawyers, guest.first.circle))
            shadow = await introduce_ben(guest, ben)
            await until(level(lawyers, guest.first.circle))
            await trio.sleep(60)
            link = ana.node.links[ben.device]
            for _ in range(3):
                await guest.first.circle.admit(
                    guest.ledger.secrets(guest.first.circle.id).signing, stranger(guest), "nobody", Role.READER
                )
                await until(level(lawyers, guest.first.circle))
                await trio.sleep(30)
            assert ana.node.links[ben.device] is link  # what is written in one circle changes nothing in another
            assert shadow in lawyers.others()
            assert shadow not in ana.node.whereabouts[lawyers.id].spots.known
            assert shadow not in guest.node.whereabouts[lawyers.id].spots.known
            assert lawyers.difference(shadow) is None


def stranger(cell: Cell) -> DeviceKeys:
    entropy = cell.first.circle.surroundings.entropy
    return cell.ledger.new_secrets().public._replace(
        signing=primitives.signing_public(SigningSecret(entropy(32))),
        session=primitives.session_public(SessionSecret(entropy(32))),
    )


async def test_a_circle_that_is_added_while_a_session_opens_comes_up_in_it_or_in_the_next(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = MemoryNetwork(7)
    async with net.cells("ana", "ben") as [ana, ben]:
        lawyers = await found_beside(ana)
        secrets, ours = ben.ledger.new_secrets(), ana.ledger.secrets(lawyers.id)
        device = await lawyers.admit(ours.signing, secrets.public, "ben", Role.WRITER)
        await until(lambda: ben.device in ana.node.links)
        today = lawyers.epochs.today(lawyers.surroundings.now())
        joined = await ben.ledger.join(
            Welcome(lawyers.id, device, lawyers.epochs.newest, today, lawyers.device, ours.public.session), secrets
        )
        make, added = ben.node.links.link, False

        def link(session: Session, stream: trio.abc.Stream) -> PeerLink:
            nonlocal added
            made = make(session, stream)
            if not added:
                added = True
                ben.node.add(joined)
            return made

        monkeypatch.setattr(ben.node.links, "link", link)
        ana.node.links[ben.device].close()
        await until(lambda: added)
        await until(level(lawyers, joined))
