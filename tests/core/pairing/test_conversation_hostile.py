"""Strangers, damage on the way, and a peer that holds the code but does not keep to the rules: none is admitted."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core import errors
from cellsync.core.crypto import channel, primitives
from cellsync.core.errors import HandshakeFailed, InvalidValue, Malformed, PeerError
from cellsync.core.ids import SealPublic, SessionPublic, SigningPublic
from cellsync.core.membership.control import DeviceKeys
from cellsync.core.pairing import code, commitment, inviter, joiner, messages
from cellsync.core.pairing.code import matches
from cellsync.core.pairing.conversation import Awaited
from cellsync.core.pairing.messages import Done, Hello, Nonce, PairingVerdict, Reveal
from tests.core.noise import any_bytes
from tests.core.pairing.pairs import (
    CLOCK,
    HELLO,
    INVITATION,
    KEYS,
    REVEAL,
    WELCOME,
    Pair,
    cuts,
    failure,
    joiners_failure,
    new_inviter,
    new_joiner,
)

# --- strangers ------------------------------------------------------------------------------------


@given(any_bytes(3_000), cuts)
def test_strangers_get_no_byte_and_no_moment(data: bytes, places: tuple[int, ...]) -> None:
    machine = new_inviter()
    moment = machine.deadline
    at = 0
    for place in sorted({*(place % (len(data) + 1) for place in places), len(data)}):
        assert machine.receive(data[at:place], 1.0) == []
        at = place
    assert machine.deadline == moment  # whatever was sent
    assert 20.0 <= moment <= 40.0
    assert machine.tick(moment - 0.1) == []
    assert failure(machine.tick(moment)) == (HandshakeFailed, False)
    assert machine.outgoing() == b""
    assert not matches(INVITATION, data)


def test_another_code_is_a_stranger() -> None:
    other = code.invite(b"o" * 16, 0.0)
    machine = new_inviter()
    opening = new_joiner(invitation=other).outgoing()
    assert matches(other, opening)
    assert not matches(INVITATION, opening)
    assert machine.receive(opening, 0.0) == []
    assert machine.outgoing() == b""
    assert failure(machine.lost(1.0)) == (HandshakeFailed, False)


def test_42_bytes_tell_whom_a_connection_is_for() -> None:
    opening = new_joiner().outgoing()
    assert matches(INVITATION, opening[:42])
    assert not matches(INVITATION, opening[:41])
    session = channel.match_hint(channel.SESSION, [(code.pairing_key(INVITATION.secret), None)], opening[:42])
    assert session is None


def test_the_moment_is_drawn_for_each_connection() -> None:
    assert len({new_inviter(seed).deadline for seed in range(20)}) == 20


def test_an_expired_invitation_answers_nobody() -> None:
    machine = new_inviter(now=600.0)
    assert machine.receive(new_joiner().outgoing(), 600.0) == []
    assert machine.outgoing() == b""
    assert failure(machine.tick(machine.deadline)) == (HandshakeFailed, False)


def test_an_invitation_that_expires_during_the_opening_answers_nobody() -> None:
    machine = new_inviter(now=599.0)
    opening = new_joiner().outgoing()
    assert machine.receive(opening[:500], 599.0) == [inviter.Knocked()]
    assert machine.receive(opening[500:], 600.0) == []
    assert machine.outgoing() == b""
    assert failure(machine.tick(machine.deadline)) == (HandshakeFailed, True)


def test_a_replayed_opening_reaches_nothing() -> None:
    pair = Pair()
    pair.ask()
    pair.confirm()
    machine = new_inviter(seed=1)  # one that was not told that the invitation is used
    length = len(new_joiner().outgoing())
    assert machine.receive(pair.sent[1][:length], 1.0) == [inviter.Knocked()]
    assert machine.outgoing() != b""
    assert failure(machine.receive(pair.sent[1][length:], 1.0)) == (Malformed, True)
    assert machine.outgoing() == b""


# --- damage ---------------------------------------------------------------------------------------


@given(st.data(), st.booleans(), st.integers(1, 255))
@settings(max_examples=60)
def test_no_changed_byte_admits_anybody(data: st.DataObject, to_inviter: bool, change: int) -> None:
    pair = Pair()
    pair.ask()
    streams = [bytearray(stream) for stream in pair.sent]
    # The same two machines again, but one byte of what one of them hears is another.
    stream = streams[1] if to_inviter else streams[0]
    place = data.draw(st.integers(0, len(stream) - 1))
    machine, peer = new_inviter(), new_joiner()
    position = 0
    invited: list[inviter.Event] = []
    joined: list[joiner.Event] = []
    while outgoing := (machine.outgoing(), peer.outgoing()):
        theirs, ours = bytearray(outgoing[0]), bytearray(outgoing[1])
        if not theirs and not ours:
            break
        heard = ours if to_inviter else theirs
        if position <= place < position + len(heard):
            heard[place - position] ^= change
        position += len(heard)
        invited += machine.receive(bytes(ours), 1.0)
        joined += peer.receive(bytes(theirs), 1.0)
    asked = [event for event in (*invited, *joined) if isinstance(event, inviter.Introduced | joiner.WordsReady)]
    if to_inviter:  # the joiner may have been asked: it had revealed its nonce when the damage was noticed
        assert not any(isinstance(event, inviter.Introduced) for event in asked)
    else:
        assert asked == []
    invited += machine.lost(2.0)
    joined += peer.lost(2.0)
    assert isinstance(invited[-1], inviter.InvitingFailed)
    assert isinstance(joined[-1], joiner.JoiningFailed)
    assert invited[-1].burnt == (inviter.Knocked() in invited)
    assert machine.over
    assert peer.over


@given(any_bytes(200, 1), st.sampled_from(list(range(4))))
def test_garbage_at_any_step_never_raises(garbage: bytes, steps: int) -> None:
    pair = Pair()
    if steps:
        pair.ask()
    if steps > 1:
        pair.confirm()
    if steps > 2:
        pair.inviter.welcome(WELCOME, 0.0)
        pair.pump()
    pair.inviter.outgoing()
    pair.inviter.receive(garbage, 0.0)
    pair.inviter.lost(0.0)
    pair.joiner.receive(garbage, 0.0)
    pair.joiner.lost(0.0)
    assert pair.inviter.over
    assert pair.joiner.over


def test_memory_is_bounded() -> None:
    pair = Pair()
    pair.pump()
    machine = new_inviter()
    block = b"\x55" * 65_536
    tracemalloc.start()
    try:
        for _ in range(200):
            machine.receive(block, 1.0)
            pair.inviter.receive(block, 1.0)
            pair.joiner.receive(block, 1.0)
        assert tracemalloc.get_traced_memory()[0] < 1 << 18
    finally:
        tracemalloc.stop()


# --- a peer that holds the code, but does not keep to the rules -------------------------------------


def talk_to_inviter() -> tuple[inviter.Inviter, channel.Transport]:
    """A hostile joiner that has the code: its end of the channel."""
    machine = new_inviter()
    caller = channel.Initiator(
        channel.PAIRING, code.pairing_key(INVITATION.secret), b"h" * 98, channel.prologue(b"test")
    )
    assert machine.receive(caller.opening, 0.0) == [inviter.Knocked()]
    opened = caller.receive(machine.outgoing())
    assert opened is not None
    return machine, opened[0]


def hello_and_reveal(transport: channel.Transport, hello: Hello, signing: bytes | None = None) -> tuple[bytes, bytes]:
    nonce = b"n" * 32
    hello = hello._replace(commitment=commitment.commit(transport.handshake_hash, nonce))
    claim = commitment.claim(transport.handshake_hash, messages.encode(hello))
    secret = KEYS.signing if signing is None else type(KEYS.signing)(signing)
    signature = primitives.sign(secret, claim)
    return messages.encode(hello), messages.encode(Reveal(nonce, signature))


def test_a_nonce_other_than_the_one_committed_to_is_refused() -> None:
    machine, transport = talk_to_inviter()
    hello, reveal = hello_and_reveal(transport, HELLO)
    assert machine.receive(transport.encrypt_frame(hello), 0.0) == []
    assert machine.outgoing() != b""  # the inviter's nonce: now a cheat would like to choose its own again
    other = bytearray(reveal)
    other[10] ^= 1
    assert failure(machine.receive(transport.encrypt_frame(bytes(other)), 0.0)) == (HandshakeFailed, True)


def test_hello_and_reveal_fit_their_own_conversation_only() -> None:
    _, other = talk_to_inviter()
    machine, transport = talk_to_inviter()
    own = hello_and_reveal(transport, HELLO)
    events = machine.receive(b"".join(transport.encrypt_frame(payload) for payload in own), 0.0)
    assert [type(event) for event in events] == [inviter.Introduced]
    machine, transport = talk_to_inviter()
    foreign = hello_and_reveal(other, HELLO)
    events = machine.receive(b"".join(transport.encrypt_frame(payload) for payload in foreign), 0.0)
    assert failure(events) == (HandshakeFailed, True)


def test_a_signature_fits_its_own_conversation_only() -> None:
    machine, transport = talk_to_inviter()
    hello, reveal = hello_and_reveal(transport, HELLO)
    elsewhere = primitives.sign(KEYS.signing, commitment.claim(b"h" * 64, hello))
    machine.receive(transport.encrypt_frame(hello), 0.0)
    stolen = messages.encode(Reveal(b"n" * 32, elsewhere))
    assert len(stolen) == len(reveal)
    assert failure(machine.receive(transport.encrypt_frame(stolen), 0.0)) == (HandshakeFailed, True)


def test_nobody_pairs_with_somebody_elses_signing_key() -> None:
    machine, transport = talk_to_inviter()
    hello, reveal = hello_and_reveal(transport, HELLO, signing=b"t" * 32)
    machine.receive(transport.encrypt_frame(hello), 0.0)
    assert failure(machine.receive(transport.encrypt_frame(reveal), 0.0)) == (HandshakeFailed, True)


@pytest.mark.parametrize("name", ["", "x" * 257, "я" * 129])
def test_what_is_no_name_is_never_shown(name: str) -> None:
    machine, transport = talk_to_inviter()
    hello, _ = hello_and_reveal(transport, HELLO._replace(name=name))
    assert failure(machine.receive(transport.encrypt_frame(hello), 0.0)) == (Malformed, True)
    assert machine.outgoing() == b""


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (" ", "\ufffd"),
        ("ana\n", "ana"),
        ("a\x00", "a\ufffd"),
        ("a\x1b[31mred", "a\ufffd[31mred"),
        ("\u202eana", "\ufffdana"),
        ("ana\u200b", "ana\ufffd"),
        (" ana ", "ana"),
        ("e\u0301", "é"),
    ],
)
def test_a_hostile_name_is_shown_and_written_without_harm(name: str, shown: str) -> None:
    machine, transport = talk_to_inviter()
    hello, reveal = hello_and_reveal(transport, HELLO._replace(name=name))
    machine.receive(transport.encrypt_frame(hello), 0.0)
    asked = machine.receive(transport.encrypt_frame(reveal), 0.0)
    assert [event.name for event in asked if isinstance(event, inviter.Introduced)] == [shown]
    agreed = machine.confirm(True, 0.0)
    agreed += machine.receive(transport.encrypt_frame(messages.encode(PairingVerdict(True))), 0.0)
    assert [event.name for event in agreed if isinstance(event, inviter.Agreed)] == [shown]


def test_our_own_name_is_checked_before_anything_is_sent() -> None:
    assert new_joiner(name=" ana ")._name == "ana"
    with pytest.raises(InvalidValue):
        new_joiner(name="a\nb")


@pytest.mark.parametrize(
    "keys",
    [
        KEYS.public._replace(signing=SigningPublic(bytes(32))),
        KEYS.public._replace(signing=SigningPublic(b"\x01" + bytes(31))),
        KEYS.public._replace(session=SessionPublic(bytes(32))),
        KEYS.public._replace(session=SessionPublic(b"x" * 31)),
        KEYS.public._replace(seal=SealPublic(b"\xff" * 1_216)),
        KEYS.public._replace(seal=SealPublic(KEYS.public.seal[:-32] + bytes(32))),
        KEYS.public._replace(seal=SealPublic(b"")),
    ],
)
def test_keys_that_do_not_work_are_refused(keys: DeviceKeys) -> None:
    machine, transport = talk_to_inviter()
    hello, _ = hello_and_reveal(transport, HELLO._replace(keys=keys))
    error, burnt = failure(machine.receive(transport.encrypt_frame(hello), 0.0))
    assert issubclass(error, PeerError)
    assert burnt


@pytest.mark.parametrize("message", [HELLO, Nonce(bytes(32), CLOCK), REVEAL, PairingVerdict(True), WELCOME, Done()])
@pytest.mark.parametrize("step", [Awaited.HELLO, Awaited.REVEAL, Awaited.WORDS, Awaited.ADMITTING, Awaited.DONE])
def test_a_message_out_of_turn_ends_it(message: messages.AnyMessage, step: Awaited) -> None:
    machine, transport = talk_to_inviter()
    hello, reveal = hello_and_reveal(transport, HELLO)
    raw = reveal if isinstance(message, Reveal) else messages.encode(message)  # one that would be believed
    script = {Awaited.HELLO: [], Awaited.REVEAL: [hello]}.get(step, [hello, reveal])
    for payload in script:
        machine.receive(transport.encrypt_frame(payload), 0.0)
    if step in (Awaited.ADMITTING, Awaited.DONE):
        machine.confirm(True, 0.0)
        machine.receive(transport.encrypt_frame(messages.encode(PairingVerdict(True))), 0.0)
    if step is Awaited.DONE:
        machine.welcome(WELCOME, 0.0)
    assert machine.awaited is step
    if (step, type(message)) in {
        (Awaited.HELLO, Hello),
        (Awaited.REVEAL, Reveal),
        (Awaited.WORDS, PairingVerdict),
        (Awaited.DONE, Done),
    }:
        return  # in turn
    assert failure(machine.receive(transport.encrypt_frame(raw), 0.0)) == (Malformed, True)


def test_nothing_follows_a_no() -> None:
    machine, transport = talk_to_inviter()
    for payload in hello_and_reveal(transport, HELLO):
        machine.receive(transport.encrypt_frame(payload), 0.0)
    both = [transport.encrypt_frame(messages.encode(PairingVerdict(agree))) for agree in (False, True)]
    assert failure(machine.receive(b"".join(both), 0.0)) == (errors.WordsDiffer, True)


def test_two_verdicts_are_one_too_many() -> None:
    machine, transport = talk_to_inviter()
    for payload in hello_and_reveal(transport, HELLO):
        machine.receive(transport.encrypt_frame(payload), 0.0)
    yes = transport.encrypt_frame(messages.encode(PairingVerdict(True)))
    assert machine.receive(yes, 0.0) == []
    assert failure(machine.receive(transport.encrypt_frame(messages.encode(PairingVerdict(True))), 0.0)) == (
        Malformed,
        True,
    )


def talk_to_joiner() -> tuple[joiner.Joiner, channel.Transport]:
    """A hostile inviter that has the code: its end of the channel."""
    machine = new_joiner()
    candidates = [(code.pairing_key(INVITATION.secret), None)]
    responder = channel.Responder(channel.PAIRING, candidates, channel.prologue(b"test"))
    assert responder.receive(machine.outgoing())
    reply, transport = responder.accept(b"r" * 34)
    assert machine.receive(reply, 0.0) == []
    return machine, transport


def test_an_inviter_cannot_welcome_before_both_said_yes() -> None:
    machine, transport = talk_to_joiner()
    for message in (Nonce(bytes(32), CLOCK), PairingVerdict(True)):
        machine.receive(transport.encrypt_frame(messages.encode(message)), 0.0)
    assert machine.awaited is Awaited.WORDS
    assert joiners_failure(machine.receive(transport.encrypt_frame(messages.encode(WELCOME)), 0.0)) is Malformed


def test_an_inviter_has_one_nonce() -> None:
    machine, transport = talk_to_joiner()
    assert len(machine.receive(transport.encrypt_frame(messages.encode(Nonce(bytes(32), CLOCK))), 0.0)) == 1
    again = transport.encrypt_frame(messages.encode(Nonce(b"2" * 32, CLOCK)))
    assert joiners_failure(machine.receive(again, 0.0)) is Malformed
