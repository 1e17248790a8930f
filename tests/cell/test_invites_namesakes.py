"""A guest may take a member's name: the inviter is told before the guest is added, and then the two are told apart."""

from __future__ import annotations

from contextlib import AsyncExitStack

from trio.testing import MockClock

from cellsync import Asked, join
from cellsync.cell.flag import Reason
from cellsync.testing import MemoryNetwork, accept_any, level
from cellsync.testing.device import PASSPHRASE
from tests.cell.cells import Visit


async def test_a_guest_with_the_name_of_a_member(autojump_clock: MockClock) -> None:
    net = MemoryNetwork()
    async with AsyncExitStack() as stack:
        ana = await stack.enter_async_context((await net.device("ana").found()).opened())
        ben = await stack.enter_async_context((await net.device("ben").join(ana)).opened())
        await level([ana, ben])
        asked: list[Asked] = []

        def compare(what: Asked) -> bool:
            asked.append(what)
            return True

        device = net.device("guest")
        invite = await ana.create_invite(confirm=compare)
        await join(device.home, invite.code, name="Веn", passphrase=PASSPHRASE, confirm=accept_any)  # Cyrillic В and е
        mallory = await invite.joined()
        [warned] = asked
        assert [(one.name, one.device, one.is_me) for one in warned.namesakes] == [("ben", ben.device, False)]

        guest = await stack.enter_async_context(device.opened())
        await level([ana, ben, guest])
        marks = {ben.device: f"ben ({ben.device.hex()[:4]})", guest.device: f"Веn ({guest.device.hex()[:4]})"}
        for one in (ana, ben, guest):  # the same on every device, in every list
            assert {member.device: member.name for member in one.members()} == {ana.device: "ana", **marks}
            assert {peer.device: peer.name for peer in one.peers()}.items() <= {ana.device: "ana", **marks}.items()
        assert mallory.name == marks[guest.device]

        case = await ben.create(Visit, title="by ben")
        await level([ana, ben, guest])
        theirs = await guest.get(Visit, case.id)
        async with theirs.edit() as draft:
            draft.title = "by the guest"
            draft.notes.append("a line")
        await level([ana, ben, guest])
        seen = await ana.get(Visit, case.id)
        assert [value.author for value in seen.said("title")] == [marks[guest.device]]
        assert [item.author for item in seen.notes.items] == [marks[guest.device]]
        assert {row.author for row in (await ana.graph(seen)).rows} == set(marks.values())
        for one in (ben, guest):  # whoever did not see the warning is told as well
            assert [flag.device for flag in one.flags if flag.reason is Reason.NAMESAKE] == [guest.device]
        assert not any(flag.reason is Reason.NAMESAKE for flag in ana.flags)


async def test_a_guest_with_a_name_of_their_own(autojump_clock: MockClock) -> None:
    net = MemoryNetwork()
    async with (await net.device("ana").found()).opened() as ana:
        asked: list[Asked] = []

        def compare(what: Asked) -> bool:
            asked.append(what)
            return True

        invite = await ana.create_invite(confirm=compare)
        await join(net.device("ben").home, invite.code, name="Ben", passphrase=PASSPHRASE, confirm=accept_any)
        assert [one.namesakes for one in asked] == [()]
        assert sorted(member.name for member in ana.members()) == ["Ben", "ana"]
        assert ana.flags == []
