from __future__ import annotations

import math
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cellsync import Asked, Cell, Home, Invite, errors, found_cell, join, open_cell
from cellsync.core import caps
from cellsync.core.errors import NoPeer
from cellsync.core.pairing import code
from cellsync.core.replica import founding
from cellsync.node.lan import open_lan
from cellsync.store.header import Kdf
from cellsync.testing import MemoryNetwork, SimulatedDevice, accept_any, level
from cellsync.testing.device import PASSPHRASE
from tests.cell.cells import DAY, Visit

HALF = "may not know it"  # in the hint for a device that was admitted and perhaps not told


def say(answer: bool) -> Any:
    return lambda _: answer


def joining(device: SimulatedDevice, text: str, name: str = "ben", confirm: Any = accept_any, **more: Any) -> Any:
    return join(device.home, text, name=name, passphrase=PASSPHRASE, confirm=confirm, **more)


def is_untouched(device: SimulatedDevice) -> bool:
    return not (device.home.path / "vault").exists()


async def outcome(call: Any) -> str:
    """ "" or the code of the error that came out."""
    try:
        await call()
    except errors.CellsyncError as error:
        return error.code
    return ""


async def both(invite: Invite, call: Any) -> tuple[str, str]:
    """How an invitation ended for the inviter and for the joiner."""
    ended: dict[str, str] = {}

    async def note(who: str, what: Any) -> None:
        ended[who] = await outcome(what)

    with trio.fail_after(3600):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(note, "inviter", invite.joined)
            nursery.start_soon(note, "joiner", call)
    return ended["inviter"], ended["joiner"]


# --- it works ---------------------------------------------------------------------------------------


async def test_a_joiner_has_its_role_and_the_whole_history(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    net.latency(0.05)
    async with (await net.device("ana").found()).opened() as ana:
        made = [await ana.create(Visit, title=str(number)) for number in range(50)]
        async with made[0].edit() as draft:
            draft.notes.append("before anybody came")
        for name, role in (("ben", "writer"), ("cara", "reader"), ("dina", "coordinator")):
            device = await net.device(name).join(ana, role)
            async with device.opened() as joined:
                case = await joined.get(Visit, made[0].id, wait=120)
                await level([ana, joined])
                assert joined.role is not None
                assert joined.role.name.lower() == role
                assert joined.name == "Mill Street"
                assert len(await joined.cases(Visit)) == 50
                assert list(case.notes) == ["before anybody came"]
                assert {(member.name, member.role) for member in joined.members()} == {
                    (member.name, member.role) for member in ana.members()
                }
                assert [member.name for member in joined.members() if member.is_me] == [name]
    net.check_failures()


async def test_both_are_asked_the_same_words(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    asked: list[Asked] = []

    async def remember(one: Asked) -> bool:
        asked.append(one)
        await trio.sleep(5)  # a person reads
        return True

    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=remember)
        await joining(memory_network.device("ben"), invite.code, confirm=remember)
        await invite.joined()
    assert len(asked) == 2
    assert asked[0].words == asked[1].words
    assert len(asked[0].words) == 4
    assert {one.name for one in asked} == {"ben", ""}


async def test_a_code_as_people_type_it(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        typed = "  " + invite.code.lower().replace("-", " ") + "\n"
        await joining(memory_network.device("ben"), typed)
        assert (await invite.joined()).name == "ben"


async def test_by_address_without_beacons(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        host = memory_network.host("ana")
        await joining(memory_network.device("ben"), invite.code, address=(host.host, ana.node.port))
        assert (await invite.joined()).name == "ben"


@pytest.mark.parametrize("at", [("ana.local", 5000), ("", 5000), ("10.0.0.1", 0), ("10.0.0.1", 65536), ("::1%", -1)])
async def test_a_name_is_no_address(
    at: tuple[str, int], memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """It would be looked up in the DNS, and once remembered it would spoil the other addresses."""
    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        began = trio.current_time()
        with pytest.raises(errors.InvalidValue):
            await joining(memory_network.device("ben"), invite.code, address=at)
        with pytest.raises(errors.InvalidValue):
            await ana.add_address(ana.device, *at)
        assert trio.current_time() == began


async def test_several_invitations_at_once(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    names = ["ben", "cara", "dina"]
    async with (await memory_network.device("ana").found()).opened() as ana:
        invites = {name: await ana.create_invite(confirm=accept_any) for name in names}
        async with trio.open_nursery() as nursery:
            for name, invite in invites.items():
                nursery.start_soon(joining, memory_network.device(name), invite.code, name)
        assert {name: (await invite.joined()).name for name, invite in invites.items()} == {n: n for n in names}
        assert len(ana.members()) == 4


# --- the answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mine", "theirs"), list(product([True, False], repeat=2)))
@pytest.mark.parametrize("delays", [(0, 0), (30, 0), (0, 30)])
async def test_every_combination_of_answers(
    memory_network: MemoryNetwork, autojump_clock: MockClock, mine: bool, theirs: bool, delays: tuple[float, float]
) -> None:
    def after(seconds: float, answer: bool) -> Any:
        async def confirm(_: Asked) -> bool:
            await trio.sleep(seconds)
            return answer

        return confirm

    net = memory_network
    net.latency(0.05)
    device = net.device("ben")
    async with (await net.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=after(delays[0], mine))
        ended = await both(invite, partial(joining, device, invite.code, confirm=after(delays[1], theirs)))
        if mine and theirs:
            assert ended == ("", "")
            assert len(ana.members()) == 2
        else:
            assert all(ended)
            assert ended[0] in ("declined", "words_differ")
            assert ended[1] in ("declined", "words_differ")
            assert is_untouched(device)
            assert len(ana.members()) == ana.entries() - 1 == 1
            again = await net.device("ben").join(ana)  # the folder can be used with another code
            assert not is_untouched(again)
    net.check_failures()


async def test_a_question_ends_when_the_other_side_says_no(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """The person at the other device need not answer any more: the call ends by itself, and soon."""

    async def think(_: Asked) -> bool:
        await trio.sleep(20 * 3600)
        return True

    device = memory_network.device("ben")
    async with (await memory_network.device("ana").found()).opened() as ana:
        for mine, theirs in ((say(False), think), (think, say(False))):
            invite = await ana.create_invite(confirm=mine)
            with trio.fail_after(30):
                assert all(await both(invite, partial(joining, device, invite.code, confirm=theirs)))
        invite = await ana.create_invite(confirm=think)
        with trio.fail_after(300):
            assert all(await both(invite, partial(joining, device, invite.code, confirm=think)))
    assert is_untouched(device)


class Broken(Exception):
    pass


async def test_a_confirm_that_fails_is_a_no(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    def broken(_: Asked) -> bool:
        raise Broken

    device = memory_network.device("ben")
    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=broken)
        with pytest.raises(errors.WordsDiffer):
            await joining(device, invite.code)
        with pytest.raises(Broken):
            await invite.joined()
        invite = await ana.create_invite(confirm=accept_any)
        with pytest.raises(Broken):
            await joining(device, invite.code, confirm=broken)
        with pytest.raises(errors.CellsyncError):
            await invite.joined()
        assert len(ana.members()) == 1
        await ana.create(Visit, title="and the cell lives")
    assert is_untouched(device)
    assert memory_network.failures == []


# --- codes that do not serve --------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "x", "0000-0000", "é" * 32, "A" * 31, "A" * 33, "AAAA-" * 8, "\x00" * 32])
async def test_what_is_no_code_sends_nothing(
    memory_network: MemoryNetwork, autojump_clock: MockClock, text: str
) -> None:
    device = memory_network.device("ben")
    async with (await memory_network.device("ana").found()).opened() as ana:
        await ana.create_invite(confirm=accept_any)
        sent = memory_network.bytes_sent.total()
        with pytest.raises(errors.MalformedCode):
            await joining(device, text)
        assert memory_network.bytes_sent.total() == sent
    assert is_untouched(device)


async def test_one_wrong_letter_is_found_before_anything_is_sent(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        wrong = ("B" if invite.code[0] != "B" else "C") + invite.code[1:]
        refused = await outcome(partial(joining, memory_network.device("ben"), wrong, timeout=30))
        assert refused in ("malformed_code", "no_peer")
        await joining(memory_network.device("ben"), invite.code)  # a mistake burns nothing
        await invite.joined()


async def test_another_code_that_is_well_formed(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    host = memory_network.host("ana")
    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        other = code.invite(bytes(code.SECRET_BYTES), 0).code
        device = memory_network.device("ben")
        assert await outcome(partial(joining, device, other, timeout=30)) == "no_peer"
        at = (host.host, ana.node.port)
        assert await outcome(partial(joining, device, other, address=at)) == "invite_expired"
        assert is_untouched(device)
        await joining(device, invite.code)  # the true one still serves
        await invite.joined()
        assert len(ana.members()) == 2


async def test_a_code_serves_once(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        at = (memory_network.host("ana").host, ana.node.port)
        await joining(memory_network.device("ben"), invite.code)
        await invite.joined()
        device = memory_network.device("cara")
        assert await outcome(partial(joining, device, invite.code, "cara", timeout=30)) == "no_peer"
        assert await outcome(partial(joining, device, invite.code, "cara", address=at)) == "invite_expired"
        assert is_untouched(device)
        assert len(ana.members()) == 2


async def test_two_joiners_at_once_with_one_code(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    net = memory_network
    net.latency(0.05)
    ended: dict[str, str] = {}

    async def try_it(name: str, text: str) -> None:
        ended[name] = await outcome(partial(joining, net.device(name), text, name))

    async with (await net.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        async with trio.open_nursery() as nursery:
            for name in ("ben", "cara", "dina"):
                nursery.start_soon(try_it, name, invite.code)
        winner = (await invite.joined()).name
        assert ended.pop(winner) == ""
        assert set(ended.values()) <= {"invite_expired", "no_peer", "interrupted"}
        assert all(is_untouched(net.device(name)) for name in ended)
        assert {member.name for member in ana.members()} == {"ana", winner}


async def test_an_invitation_expires(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        at = (memory_network.host("ana").host, ana.node.port)
        began = trio.current_time()
        with pytest.raises(errors.InviteExpired):
            await invite.joined()
        assert trio.current_time() - began == pytest.approx(600, abs=1)
        await trio.sleep(1)
        device = memory_network.device("ben")
        assert await outcome(partial(joining, device, invite.code, timeout=30)) == "no_peer"
        assert await outcome(partial(joining, device, invite.code, address=at)) == "invite_expired"
        assert is_untouched(device)
        assert len(ana.members()) == 1


async def test_an_answer_after_the_end_is_no_answer(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async def slow(_: Asked) -> bool:
        await trio.sleep(119)
        return True

    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=slow)
        await trio.sleep(590)
        device = memory_network.device("ben")
        ended = await both(invite, partial(joining, device, invite.code))
        assert all(ended)
        assert len(ana.members()) == 1
    assert is_untouched(device)


@pytest.mark.parametrize("moment", [None, 0.0, 0.15, 0.5, 5.0, 20.0])
async def test_an_invitation_taken_back(
    memory_network: MemoryNetwork, autojump_clock: MockClock, moment: float | None
) -> None:
    """Also while people compare the words: then a yes comes too late."""

    async def slow(_: Asked) -> bool:
        await trio.sleep(10)
        return True

    net = memory_network
    net.latency(0.05)
    device = net.device("ben")
    async with (await net.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=slow)
        if moment is None:
            invite.cancel()
            await net.settle()  # so that it is hidden again
            assert await outcome(partial(joining, device, invite.code, timeout=30)) == "no_peer"
            assert await outcome(invite.joined) == "invite_expired"
        else:
            async with trio.open_nursery() as nursery:

                async def take_back(seconds: float) -> None:
                    await trio.sleep(seconds)
                    invite.cancel()

                nursery.start_soon(take_back, moment)
                ended = await both(invite, partial(joining, device, invite.code, confirm=slow))
            assert ended == ("", "") if moment > 11 else all(ended)
        await trio.sleep(100)
        assert len(ana.members()) == (2 if moment == 20 else 1)
        assert is_untouched(device) == (moment != 20)
    net.check_failures()


async def test_closing_the_cell_ends_its_invitations(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
    with trio.fail_after(1), pytest.raises(errors.InviteExpired):
        await invite.joined()


@pytest.mark.parametrize("role", ["", "boss", "Writer ", "0"])
async def test_no_such_role(memory_network: MemoryNetwork, autojump_clock: MockClock, role: str) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        with pytest.raises(errors.InvalidValue):
            await ana.create_invite(role, confirm=accept_any)


async def test_what_an_invitation_prints_is_not_its_code(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        for group in invite.code.split("-"):
            assert group not in repr(invite)
            assert group not in repr(invite._invitation)
        assert len(invite.qr().splitlines()) <= 19


# --- the joiner's side ----------------------------------------------------------------------------------


async def test_a_vault_is_never_overwritten(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    device = memory_network.device("ben")
    await found_cell(device.home, "Another", name="ben", passphrase=PASSPHRASE)
    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        with pytest.raises(errors.VaultExists):
            await joining(device, invite.code)
        assert len(ana.members()) == 1
    async with device.opened() as ben:
        assert ben.name == "Another"


@pytest.mark.parametrize(("name", "passphrase"), [("", "x"), ("a\nb", "x"), ("x" * 257, "x"), ("ben", "")])
async def test_names_and_passphrases_are_checked_first(
    memory_network: MemoryNetwork, autojump_clock: MockClock, name: str, passphrase: str
) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        device = memory_network.device("ben")
        with pytest.raises(errors.InvalidValue):
            await join(device.home, invite.code, name=name, passphrase=passphrase, confirm=accept_any)
        await joining(device, invite.code)
        await invite.joined()


@pytest.mark.parametrize("cut", [True, False], ids=["connection breaks", "joiner is killed"])
async def test_it_breaks_at_any_moment(memory_network: MemoryNetwork, autojump_clock: MockClock, cut: bool) -> None:
    """Whatever the moment: a vault only with a member, a member without a vault only with a warning, nothing hangs,
    and the next invitation works."""
    net = memory_network
    net.latency(0.05)
    seen = set()
    async with (await net.device("ana").found()).opened() as ana:
        expected = 1
        for step in range(30):
            name = f"ben{step}"
            device = net.device(name)
            invite = await ana.create_invite(confirm=accept_any)
            warned = ""
            with trio.move_on_after(math.inf if cut else 0.05 * step + 0.001) as scope:
                if cut:
                    net.cut_after(step * 600)
                ended = await outcome(partial(joining, device, invite.code, name, timeout=40))
            with trio.fail_after(900):
                try:
                    await invite.joined()
                except errors.CellsyncError as error:
                    warned = error.hint or error.code
            net.heal()
            members = {member.name for member in ana.members()}
            seen.add((is_untouched(device), name in members, bool(warned)))
            if not is_untouched(device):
                assert name in members
            if name in members and is_untouched(device):
                assert HALF in warned
            if not scope.cancelled_caught and not ended:
                assert not is_untouched(device)
            if name in members and not is_untouched(device):
                async with device.opened() as joined:
                    await level([ana, joined])
            expected += name in members
            assert len(members) == expected
    assert (True, False, True) in seen
    assert (False, True, False) in seen
    net.check_failures()


async def test_a_full_disk_at_the_joiner(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cellsync.ledger import joining as module

    def full(*_: object, **__: object) -> None:
        raise errors.DiskFull

    device = memory_network.device("ben")
    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        with monkeypatch.context() as patched:
            patched.setattr(module, "fill", full)
            with pytest.raises(errors.DiskFull, match="this device has not joined"):
                await joining(device, invite.code)
        with pytest.raises(errors.Interrupted) as caught:
            await invite.joined()
        assert HALF in caught.value.hint
        assert is_untouched(device)
        invite = await ana.create_invite(confirm=accept_any)
        await joining(device, invite.code)
        await invite.joined()


async def test_a_full_circle_invites_nobody(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        await memory_network.device("ben").join(ana)
        monkeypatch.setattr(caps, "DEVICES", 2)
        with pytest.raises(errors.CircleFull):
            await ana.create_invite(confirm=accept_any)


@pytest.mark.parametrize("why", ["full circle", "full disk", "keys of another device"])
async def test_who_cannot_be_admitted_after_all(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """The inviter is told why, and that is all: nobody is half admitted."""
    device = memory_network.device("ben")
    async with (await memory_network.device("ana").found()).opened() as ana:
        cara_device = await memory_network.device("cara").join(ana)
        before, entries = ana.members(), ana.entries()
        invite = await ana.create_invite(confirm=accept_any)
        with monkeypatch.context() as patched:
            if why == "full circle":
                patched.setattr(caps, "DEVICES", 2)
            elif why == "full disk":
                patched.setattr(ana.first.circle.store, "flush", partial(fill_up, ana))
            else:
                async with cara_device.opened() as cara:
                    hers = cara.secrets
                patched.setattr(founding, "device_secrets", lambda entropy: hers)
            with trio.fail_after(3600):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(outcome, partial(joining, device, invite.code))
                    wanted = {"full circle": errors.CircleFull, "full disk": errors.DiskFull}.get(why, errors.AlreadyIn)
                    with pytest.raises(wanted) as told:
                        await invite.joined()
        assert HALF not in told.value.hint
        assert is_untouched(device)
        assert (ana.members(), ana.entries()) == (before, entries)
        invite = await ana.create_invite(confirm=accept_any)
        await joining(device, invite.code)
        assert (await invite.joined()).name == "ben"


def fill_up(cell: Cell) -> None:
    """As a flush on a full disk: nothing of what was staged is kept."""
    store: Any = cell.first.circle.store
    store._roll_back()
    raise errors.DiskFull


async def test_a_key_that_is_not_ones_own_is_not_admitted(
    memory_network: MemoryNetwork, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever joins proves that they hold the signing key: else they could pass off another's entries as a member's."""
    stolen = founding.device_secrets(bytes(range(96))).public.signing
    original = founding.device_secrets

    class Posing:
        def __init__(self, true: founding.DeviceSecrets) -> None:
            self.signing, self.session, self.seal = true.signing, true.session, true.seal
            self.public = true.public._replace(signing=stolen)

    device = memory_network.device("eve")
    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        monkeypatch.setattr(founding, "device_secrets", lambda entropy: Posing(original(entropy)))
        ended = await both(invite, partial(joining, device, invite.code, "eve"))
        assert ended[0] == "handshake_failed"
        assert ended[1]
        assert len(ana.members()) == 1
    assert is_untouched(device)


async def test_the_same_name_twice_is_two_members(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        for host in ("one", "two"):
            invite = await ana.create_invite(confirm=accept_any)
            await joining(memory_network.device(host), invite.code, "ben")
            await invite.joined()
        names = [member.name for member in ana.members() if not member.is_me]
        assert all(name.startswith("ben (") for name in names)  # told apart
        assert len(set(names)) == 2
        assert len({member.device for member in ana.members()}) == 3


async def test_a_joiner_with_a_clock_that_is_hours_off(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    """By address it works with any clock; a beacon is recognised within a few minutes."""
    async with (await memory_network.device("ana").found()).opened() as ana:
        for name, ahead in (("ben", 3 * DAY), ("cara", -3 * DAY), ("dina", 60)):
            device = memory_network.device(name).with_clock(ahead)
            invite = await ana.create_invite(confirm=accept_any)
            at = (memory_network.host("ana").host, ana.node.port) if abs(ahead) > 60 else None
            await joining(device, invite.code, name, address=at)
            assert (await invite.joined()).name == name


async def test_members_learn_of_a_new_one(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with memory_network.cells("ana", "ben") as [ana, ben]:
        device = await memory_network.device("cara").join(ana)
        async with device.opened() as cara:
            await level([ana, ben, cara])
            everyone: list[Cell] = [ana, ben, cara]
            assert all({one.name for one in cell.members()} == {"ana", "ben", "cara"} for cell in everyone)


async def test_what_joining_raises_is_no_group(tmp_path: Path) -> None:
    """On a real network, which has tasks of its own."""
    home = Home(tmp_path / "vault", partial(open_lan, ["127.0.0.1"], mode="off"), kdf=Kdf.CHEAP)
    with pytest.raises(NoPeer):
        await join(
            home, "7-orbit-maple-tulip", name="Ben", passphrase="his own", confirm=accept_any,
            address=("127.0.0.1", 9), timeout=0.1,
        )  # fmt: skip


@pytest.mark.parametrize("code", [None, 7, b"7-orbit-maple-tulip", ["7", "orbit"]])
async def test_a_code_that_is_no_text_is_the_callers_mistake(code: Any, memory_network: MemoryNetwork) -> None:
    with pytest.raises(errors.InvalidValue, match="a code is a text"):
        await joining(memory_network.device("ben"), code)


async def test_what_cannot_be_asked_is_refused_before_it_costs_a_code(memory_network: MemoryNetwork) -> None:
    """It came out at the words, when the code was used up."""
    device = memory_network.device("ana")
    await found_cell(device.home, "Mill Street", name="ana", passphrase=PASSPHRASE)
    with pytest.raises(errors.InvalidValue, match="no bool"):
        await joining(memory_network.device("ben"), "7-orbit-maple-tulip", confirm=True)
    async with open_cell(device.home, passphrase=PASSPHRASE) as ana:
        confirm: Any
        role: Any
        for confirm in (True, None, "yes"):
            with pytest.raises(errors.InvalidValue, match="asks a person"):
                await ana.create_invite("writer", confirm=confirm)
        for role in (3, None, "boss"):
            with pytest.raises(errors.InvalidValue, match="a role is reader"):
                await ana.create_invite(role, confirm=accept_any)
