"""Further devices of one member, in whole cells: linked without a coordinator, shown to them, counted, cut off."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
import trio
from trio.testing import MockClock

from cellsync import Asked, Cell
from cellsync.cell.flag import Reason
from cellsync.core import caps
from cellsync.core.errors import AlreadyIn, FloorTooLow, InvalidValue, NeverBack, NotPermitted, TooManyDevices
from cellsync.core.ids import EpochId, MemberId
from cellsync.core.membership.control import Role
from cellsync.testing import MemoryNetwork, accept_any, level
from tests.cell.cells import Visit, founded_as_before


async def ready(ana: Cell, *others: Cell) -> None:
    """Let all know that links are understood everywhere."""
    assert await ana.first.membership.require()
    await level([ana, *others])


def told(cell: Cell) -> list[str]:
    return [flag.author for flag in cell.flags if flag.reason is Reason.LINKED]


async def test_a_writer_links_a_phone_while_no_coordinator_is_there(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """The phone is Ben's for everybody: it writes as his, coordinators are told once, he too, and others are not."""
    net = memory_network
    async with net.cells("ana", "ben", "cara") as [ana, ben, cara], AsyncExitStack() as stack:
        case = await ana.create(Visit, title="12 Mill St")
        await ready(ana, ben, cara)
        net.partition("ana", ["ben", "cara", "phone"])
        asked: list[Asked] = []

        def compare(what: Asked) -> bool:
            asked.append(what)
            return True

        link = await ben.create_link("Phone", confirm=compare)
        device = net.device("phone")
        await device.join_with(link.code)
        assert (await link.joined()).name == "ben / Phone"
        assert [one.namesakes for one in asked] == [()]
        phone = await stack.enter_async_context(device.opened())
        await level([ben, cara, phone])
        async with (await phone.get(Visit, case.id)).edit() as draft:
            draft.notes.append("from the prison gate")
        net.heal()
        await level([ana, ben, cara, phone])
        for cell in (ana, ben, cara, phone):
            (item,) = (await cell.get(Visit, case.id)).notes.items
            assert item.author == "ben / Phone"
            assert {one.device: (one.name, one.role) for one in cell.members()} == {
                ana.device: ("ana", "coordinator"), ben.device: ("ben", "writer"), cara.device: ("cara", "writer"),
                phone.device: ("ben / Phone", "writer"),
            }  # fmt: skip
            assert {one.member for one in cell.members() if one.name.startswith("ben")} == {MemberId(ben.device)}
            assert {peer.member for peer in cell.peers() if peer.name.startswith("ben")} == {MemberId(ben.device)}
            [bens] = [one for one in (await cell.first.membership.roster()).members if one.name == "ben"]
            assert [one.name for one in bens.devices] == ["ben", "ben / Phone"]
        assert (told(ana), told(ben), told(cara), told(phone)) == (["ben / Phone"], [], [], [])
        [flag] = [flag for flag in ana.flags if flag.reason is Reason.LINKED]
        ana.dismiss(flag)
        await ana.create(Visit, title="another")
        await level([ana, ben, cara, phone])
        assert told(ana) == []
        await ana.sync(everyone=True, timeout=600)


async def test_who_joins_later_is_not_told_of_what_was_there_and_ones_own_devices_are(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    async with net.cells("ana", "ben") as [ana, ben], AsyncExitStack() as stack:
        await ready(ana, ben)
        phone = await stack.enter_async_context((await net.device("phone").link(ben, "Phone")).opened())
        await level([ana, ben, phone])
        dan = await stack.enter_async_context((await net.device("dan").join(ana, "coordinator")).opened())
        await level([ana, ben, phone, dan])
        assert told(dan) == []
        await net.device("tablet").link(phone, "Tablet")
        await level([ana, ben, phone, dan])
        assert (told(ben), told(dan), told(phone)) == (["ben / Tablet"], ["ben / Tablet"], [])


async def test_a_lost_phone_is_removed_without_a_coordinator(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Ben's laptop removes it, with what it linked; the others hear, and it is cut off; so there is room again."""
    net = memory_network
    async with net.cells("ana", "ben") as [ana, ben], AsyncExitStack() as stack:
        await ready(ana, ben)
        phone = await stack.enter_async_context((await net.device("phone").link(ben, "Phone")).opened())
        await level([ana, ben, phone])
        watch = await stack.enter_async_context((await net.device("watch").link(phone, "Watch")).opened())
        await level([ana, ben, phone, watch])
        seen = await ben.first.membership.preview([], [phone.device])
        assert {kept.name for kept in seen.devices} == {"ben / Phone", "ben / Watch"}
        assert seen.seconds is None  # nobody else has a word in it
        await ben.first.membership.remove([], [phone.device])
        await level([ana, ben])
        for cell in (ana, ben):
            [bens] = [one for one in (await cell.first.membership.roster()).members if one.name == "ben"]
            assert {one.name: one.status for one in bens.devices} == {
                "ben": "active", "ben / Phone": "removed", "ben / Watch": "removed",
            }  # fmt: skip
        assert {flag.author for flag in ana.flags if flag.reason is Reason.MEMBER_REMOVED} == {
            "ben / Phone", "ben / Watch",
        }  # fmt: skip
        later = await ana.create(Visit, title="after")
        await level([ana, ben])
        await trio.sleep(3600)
        assert not phone.first.holds(later.id)
        assert not watch.first.holds(later.id)
        await net.device("phone-2").link(ben, "Phone two")
        await level([ana, ben])


async def test_what_linked_this_device_is_removed_by_a_coordinator(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """With a stolen laptop its thief could have linked devices: all that it linked goes. So the phone that it linked
    cannot remove it, since nobody listens to who is removed; a coordinator can."""
    net = memory_network
    async with net.cells("ana", "ben") as [ana, ben], AsyncExitStack() as stack:
        await ready(ana, ben)
        phone = await stack.enter_async_context((await net.device("phone").link(ben, "Phone")).opened())
        await level([ana, ben, phone])
        for device in (ben.device, phone.device):
            with pytest.raises(InvalidValue, match="This device would go with it"):
                await phone.first.membership.preview([], [device])
            with pytest.raises(InvalidValue, match="This device would go with it"):
                await phone.first.membership.remove([], [device])
        seen = await ana.first.membership.preview([], [ben.device])
        assert {kept.name for kept in seen.devices} == {"ben", "ben / Phone"}
        await ana.first.membership.remove([], [ben.device])
        assert [one.name for one in ana.members()] == ["ana"]


async def test_before_a_code_is_shown_it_is_known_whether_it_would_serve(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = memory_network
    with monkeypatch.context() as older:
        founded_as_before(older)
        await net.device("ana").found()
    async with net.device("ana").opened() as ana, (await net.device("ben").join(ana)).opened() as ben:
        await level([ana, ben])
        with pytest.raises(FloorTooLow):
            await ben.create_link("Phone", confirm=accept_any)
        await ready(ana, ben)
        for name in ("", "two\nlines"):
            with pytest.raises(InvalidValue):
                await ben.create_link(name, confirm=accept_any)
        await net.device("phone").link(ben, "Phone")
        await level([ana, ben])
        with pytest.raises(InvalidValue, match="called so already"):
            await ben.create_link("phone", confirm=accept_any)
        await net.device("ana-2").link(ana, "Phone")  # two people may call theirs the same
        monkeypatch.setattr(caps, "DEVICES_PER_MEMBER", 2)
        with pytest.raises(TooManyDevices):
            await ben.create_link("Tablet", confirm=accept_any)
        await ben.first.membership.leave()
        with pytest.raises(NotPermitted):
            await ben.create_link("Tablet", confirm=accept_any)


async def test_a_coordinator_alone_requires_what_a_link_needs_and_any_role_links(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    async with (await net.device("ana").found()).opened() as ana, AsyncExitStack() as stack:
        laptop = await stack.enter_async_context((await net.device("laptop").link(ana, "Laptop")).opened())
        await level([ana, laptop])
        assert laptop.role is Role.COORDINATOR
        eva = await stack.enter_async_context((await net.device("eva").join(laptop, "reader")).opened())
        await level([ana, laptop, eva])
        await net.device("eva-2").link(eva, "Phone")
        await level([ana, laptop, eva])
        assert {one.name: one.role for one in ana.members()} == {
            "ana": "coordinator", "ana / Laptop": "coordinator", "eva": "reader", "eva / Phone": "reader",
        }  # fmt: skip


async def test_a_linked_device_joins_a_further_circle_of_its_member(autojump_clock: MockClock) -> None:
    """One circle for each pairing; its keys say that it is the same device."""
    net = MemoryNetwork(9)
    async with (await net.device("ana").found()).opened() as ana, AsyncExitStack() as stack:
        lawyers, _ = await ana.create_circle("Lawyers")
        device = await net.device("phone").link(ana, "Phone", "Mill Street")
        phone = await stack.enter_async_context(device.opened())
        await level([ana, phone])
        assert [circle.name for circle in phone.circles] == ["Mill Street"]
        await device.link(ana, "Phone", lawyers.id)
        await level([ana, phone])
        assert [circle.name for circle in phone.circles] == ["Mill Street", "Lawyers"]
        assert {one.name for one in lawyers.members()} == {"ana", "ana / Phone"}


async def coordinators(ana: Cell, *others: Cell) -> None:
    for cell in others:
        await ana.first.membership.set_role(MemberId(cell.device), Role.COORDINATOR)
        await level([ana, *others])
        with trio.fail_after(600):
            while cell.first.circle.replica.floor < 2:
                await cell.node.links.changed.wait()


async def test_after_custody_two_coordinators_let_somebody_back(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """The one admits her as a reader, once both have said that her old devices are out; the other gives her more."""
    net = memory_network
    async with net.cells("ana", "ben", "cara") as [ana, ben, cara], AsyncExitStack() as stack:
        await coordinators(ana, ben)
        old = MemberId(cara.device)
        with pytest.raises(InvalidValue, match="were not removed"):
            await ana.create_invite(confirm=accept_any, after_custody=old)
        await ana.first.membership.remove([old])
        await level([ana, ben])
        with pytest.raises(NotPermitted, match="After custody it takes two"):
            await ana.create_invite(confirm=accept_any, after_custody=old)
        await ben.first.membership.endorse(await ben.first.membership.to_endorse(old))
        await level([ana, ben])
        asked: list[Asked] = []

        def compare(what: Asked) -> bool:
            asked.append(what)
            return True

        invite = await ana.create_invite(confirm=compare, after_custody=old)
        device = net.device("new phone")
        await device.join_with(invite.code)
        back = await invite.joined()
        assert (back.name, back.role) == (f"cara ({back.device.hex()[:4]})", "reader")
        assert [(one.name[:4], one.by, one.left) for one in asked[0].former] == [("cara", "ana", False)]
        again = await stack.enter_async_context(device.opened())
        await level([ana, ben, again])
        with pytest.raises(NotPermitted, match="second coordinator"):
            await ana.first.membership.set_role(back.member, Role.WRITER)
        await ben.first.membership.set_role(back.member, Role.WRITER)
        await level([ana, ben, again])
        assert again.role is Role.WRITER
        await ana.first.membership.set_role(back.member, Role.READER)  # less is given by anybody


async def test_a_namesake_of_somebody_who_was_removed_is_no_surprise(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """An ordinary invitation says it too; another reader is given more by who admitted them."""
    net = memory_network
    async with net.cells("ana", "ben", "cara") as [ana, ben, cara]:
        await coordinators(ana, ben)
        await ana.first.membership.remove([MemberId(cara.device)])
        asked: list[Asked] = []

        def compare(what: Asked) -> bool:
            asked.append(what)
            return True

        come = []
        for name in ("Cara", "dora"):
            invite = await ana.create_invite("reader", confirm=compare)
            await net.device(f"{name}'s").join_with(invite.code, name)
            come.append((await invite.joined()).member)
        assert [[(one.by, one.left) for one in each.former] for each in asked] == [[("ana", False)], []]
        with pytest.raises(NotPermitted, match="second coordinator"):
            await ana.first.membership.set_role(come[0], Role.WRITER)
        await ana.first.membership.set_role(come[1], Role.WRITER)


async def test_keys_that_are_here_or_were_removed_do_not_come_in_again(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """Both people are told which of the two it is."""
    net = memory_network
    async with net.cells("ana", "ben") as [ana, ben]:
        for error in (AlreadyIn, NeverBack):
            invite = await ana.create_invite(confirm=accept_any)
            known = ana.first.circle.replica.circle.grants
            with pytest.raises(error):
                await ben.join(invite.code, confirm=accept_any)
            with pytest.raises(error):
                await invite.joined()
            assert (len(known), len(ben.circles)) == (2, 1)
            if error is AlreadyIn:
                await ana.first.membership.remove([MemberId(ben.device)])


async def test_a_linked_device_comes_into_later_epochs(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """What is sealed from then on is sealed to it: it was linked after one epoch, and has a removal begin the next."""
    net = memory_network
    async with net.cells("ana", "ben", "cara", "dan") as [ana, ben, cara, dan], AsyncExitStack() as stack:
        await ana.first.membership.remove([MemberId(dan.device)])
        await level([ana, ben, cara])
        phone = await stack.enter_async_context((await net.device("phone").link(ben, "Phone")).opened())
        await level([ana, ben, cara, phone])
        assert phone.first.circle.epochs.newest == ana.first.circle.epochs.newest
        removal = await ana.first.membership.remove([MemberId(cara.device)])
        await level([ana, ben, phone])
        with trio.fail_after(600):
            while phone.first.circle.epochs.newest != EpochId(removal):
                await phone.node.links.changed.wait()
        await ben.first.membership.remove([], [phone.device])
        await level([ana, ben])
        assert ana.first.circle.epochs.newest == ben.first.circle.epochs.newest != EpochId(removal)
        assert phone.first.circle.epochs.newest == EpochId(removal)


async def test_who_coordinates_alone_lets_somebody_back_alone(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        old = MemberId(ben.device)
        await ana.first.membership.remove([old])
        invite = await ana.create_invite(confirm=accept_any, after_custody=old)
        await memory_network.device("ben again").join_with(invite.code)
        back = await invite.joined()
        assert back.role == "reader"
        await ana.first.membership.set_role(back.member, Role.WRITER)
