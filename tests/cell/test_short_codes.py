"""Short codes in the library: one guess, whichever form is used first, and nothing is sent for a typing error."""

from __future__ import annotations

import random
from functools import partial
from os import urandom

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from cellsync import Asked, Invite, Reason, errors
from cellsync.cell import short_codes
from cellsync.cell.short_codes import ShortCodes
from cellsync.core.pairing import exchange, short
from cellsync.core.pairing.exchange import JoinersExchange
from cellsync.core.pairing.short import ShortCode
from cellsync.core.pairing.words import WORDS
from cellsync.node.network import Address
from cellsync.testing import MemoryNetwork, accept_any, level
from cellsync.testing.device import PASSPHRASE
from tests.scenarios.test_pairing import both, is_untouched, joining, outcome


def shown(invite: Invite) -> str:
    assert invite.short_code is not None
    return invite.short_code


def mistaken(text: str) -> str:
    """The code with another word of the list in the place of the last."""
    *kept, last = text.split("-")
    return "-".join([*kept, next(word for word in WORDS if word != last)])


async def test_a_device_joins_by_a_short_code(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    asked: list[Asked] = []

    def remember(one: Asked) -> bool:
        asked.append(one)
        return True

    net = memory_network
    net.latency(0.05)
    async with (await net.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=remember)
        device = net.device("ben")
        await joining(device, shown(invite), confirm=remember)
        assert (await invite.joined()).name == "ben"
        one, two = asked
        assert one.words == two.words
        async with device.opened() as ben:
            await level([ana, ben])
            assert ben.name == "Mill Street"
        assert ana.flags == []
    net.check_failures()


async def test_as_people_type_it(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        await joining(memory_network.device("ben"), f" {shown(invite).upper().replace('-', ' -- ')}\n")
        assert (await invite.joined()).name == "ben"


async def test_by_address(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        at = (memory_network.host("ana").host, ana.port)
        await joining(memory_network.device("ben"), shown(invite), address=at)
        assert (await invite.joined()).name == "ben"


@pytest.mark.parametrize("first", ["short", "long"])
async def test_both_forms_are_one_invitation(
    memory_network: MemoryNetwork, autojump_clock: MockClock, first: str
) -> None:
    net = memory_network
    async with (await net.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        forms = [shown(invite), invite.code]
        at = (net.host("ana").host, ana.port)
        used, left = forms if first == "short" else reversed(forms)
        await joining(net.device("ben"), used, address=at)
        await invite.joined()
        assert await outcome(partial(joining, net.device("eve"), left, "eve", address=at)) == "invite_expired"
        assert len(ana.members()) == 2


@pytest.mark.parametrize("latency", [0.0, 0.2])
async def test_a_wrong_word_uses_up_both_forms(
    memory_network: MemoryNetwork, autojump_clock: MockClock, latency: float
) -> None:
    net = memory_network
    net.latency(latency)
    async with (await net.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        at = (net.host("ana").host, ana.port)
        ended = await both(invite, partial(joining, net.device("ben"), mistaken(shown(invite))))
        assert ended == ("code_burnt", "wrong_code")
        for form in (shown(invite), invite.code):
            assert await outcome(partial(joining, net.device("cara"), form, "cara", address=at)) == "invite_expired"
        assert len(ana.members()) == 1
        assert ana.flags == []
        invite = await ana.create_invite(confirm=accept_any)
        await joining(net.device("ben"), shown(invite))
        await invite.joined()
    assert is_untouched(net.device("cara"))
    net.check_failures()


async def test_three_burnt_codes_raise_one_flag(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    """In the circle into which they led."""
    net = memory_network
    async with (await net.device("ana").found()).opened() as ana:
        lawyers, _ = await ana.create_circle("Lawyers")
        for burnt in range(1, 6):
            invite = await ana.create_invite(confirm=accept_any, circle=lawyers)
            await both(invite, partial(joining, net.device("eve"), mistaken(shown(invite)), "eve"))
            raised = [(flag.reason, flag.circle) for flag in ana.flags]
            assert raised == [(Reason.BURNT_CODES, lawyers.id)] * (burnt >= short_codes.ALARM)
        assert ana.flags[0].device == lawyers.device


async def test_a_slip_of_the_finger_sends_nothing(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    net = memory_network
    async with (await net.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        device = net.device("ben")
        *_, last = shown(invite).split("-")
        with pytest.raises(errors.MalformedCode) as caught:
            await joining(device, shown(invite) + "x")
        assert caught.value.code == "unknown_word"
        assert f'did you mean "{last}"?' in caught.value.hint
        assert last not in str(caught.value)
        await joining(device, shown(invite))  # nothing was burnt
        await invite.joined()


async def test_the_words_still_decide(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    net = memory_network
    async with (await net.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=lambda _: False)
        ended = await both(invite, partial(joining, net.device("ben"), shown(invite)))
        assert ended == ("declined", "words_differ")
        assert len(ana.members()) == 1
        assert ana.flags == []


async def test_an_invitation_without_a_short_code_hears_no_guess(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    async with (await net.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any, short_code=False)
        assert invite.short_code is None
        for number in short.NUMBERS:
            assert await said_to(net, Address(net.host("ana").host, ana.port), number) == b""
        await joining(net.device("ben"), invite.code)
        await invite.joined()


async def test_a_stranger_gets_no_byte_unless_a_short_code_is_open(
    memory_network: MemoryNetwork, autojump_clock: MockClock
) -> None:
    net = memory_network
    async with (await net.device("ana").found()).opened() as ana:
        at = Address(net.host("ana").host, ana.port)
        invite = await ana.create_invite(confirm=accept_any)
        number = int(shown(invite).split("-")[0])
        assert await said_to(net, at, number % 99 + 1) == b""
        assert invite._is_open()
        assert len(await said_to(net, at, number)) == exchange.HEADER_BYTES
        with pytest.raises(errors.CodeBurnt):  # it knew the number, and said no more
            await invite.joined()
        assert await said_to(net, at, number) == b""


async def said_to(net: MemoryNetwork, at: Address, number: int) -> bytes:
    """What a stranger who knows a number hears."""
    machine = JoinersExchange(ShortCode(number, WORDS[:3]), bytes(64))
    stream = await net.host("eve").dial(at)
    await stream.send_all(machine.knock)
    heard = b""
    with trio.move_on_after(1):
        heard = bytes(await stream.receive_some())
    await trio.aclose_forcefully(stream)
    return heard


async def test_an_impostor_learns_nothing_of_the_code(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    """Somebody shows beacons for every number: the joiner makes its guess there, and both get errors."""
    net = memory_network
    device = net.device("ben")
    guess = ShortCode(7, WORDS[:3])
    ended: list[str] = []

    async def pose(stream: trio.abc.Stream) -> None:
        header = bytes(await stream.receive_some())
        with pytest.raises(errors.CodeBurnt):
            await ShortCodes().check(guess, stream, header, random.Random(5).randbytes, lambda: None)
        ended.append("impostor")

    async with trio.open_nursery() as nursery:
        port = await nursery.start(net.host("eve").serve, pose)
        at = (net.host("eve").host, port)
        assert await outcome(partial(joining, device, "7 zebra zigzag zipper", address=at)) == "wrong_code"
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert ended == ["impostor"]
    assert is_untouched(device)


@pytest.mark.parametrize("after", range(0, 200, 20))
async def test_the_line_breaks_during_the_guess(
    memory_network: MemoryNetwork, autojump_clock: MockClock, after: int
) -> None:
    net = memory_network
    async with (await net.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        at = (net.host("ana").host, ana.port)
        net.cut_after(after)
        joined = partial(joining, net.device("ben"), shown(invite), address=at, timeout=5)
        with trio.fail_after(1000):
            joiners = await outcome(joined)
            assert joiners in {"no_peer", "invite_expired", "interrupted"}
            net.heal()
            inviters = await outcome(invite.joined)
        assert inviters in {"code_burnt", "invite_expired", "handshake_failed"}
        assert len(ana.members()) == 1
    net.check_failures()


async def test_a_stream_that_is_closed_here_ends_the_guess() -> None:
    """As when the cable goes out: then another task closes what nothing reaches any more."""
    ours, theirs = memory_stream_pair()
    alarms, codes, other = list[None](), ShortCodes(), ShortCodes()
    shown = other.draw(urandom)
    assert shown is not None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(close_when_idle, ours)
        with pytest.raises(errors.InviteExpired):
            await short_codes.prove(ours, shown, urandom)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(close_when_idle, theirs)
        knock = JoinersExchange(shown, urandom(exchange.JOINER_ENTROPY)).knock
        with pytest.raises(errors.CodeBurnt):
            await codes.check(shown, theirs, knock, urandom, lambda: alarms.append(None))


async def close_when_idle(stream: trio.abc.Stream) -> None:
    await wait_all_tasks_blocked()
    await trio.aclose_forcefully(stream)


async def test_numbers_of_open_invitations_differ(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        invites = [await ana.create_invite(confirm=accept_any) for _ in short.NUMBERS]
        assert {int(shown(invite).split("-")[0]) for invite in invites} == set(short.NUMBERS)
        assert (await ana.create_invite(confirm=accept_any)).short_code is None
        invites[0].cancel()
        await trio.sleep(1)
        again = shown(await ana.create_invite(confirm=accept_any))
        assert again.split("-")[0] == shown(invites[0]).split("-")[0]


async def test_the_code_shows_nowhere_by_accident(memory_network: MemoryNetwork, autojump_clock: MockClock) -> None:
    async with (await memory_network.device("ana").found()).opened() as ana:
        invite = await ana.create_invite(confirm=accept_any)
        for word in shown(invite).split("-")[1:]:
            assert word not in repr(invite)
            assert word not in repr(invite._short)


def test_passphrase_is_of_the_same_words_and_still_no_code() -> None:
    with pytest.raises(errors.MalformedCode):
        short.parse(PASSPHRASE)
