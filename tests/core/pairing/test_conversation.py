"""The two machines: the result that two honest devices reach, and that no others reach it."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core import errors
from cellsync.core.crypto import channel, primitives
from cellsync.core.errors import CapExceeded, CellsyncError, HandshakeFailed, InvalidValue, Malformed, PeerError
from cellsync.core.ids import Millis, SealPublic, SessionPublic, Signature, SigningPublic
from cellsync.core.membership.control import DeviceKeys, Role
from cellsync.core.pairing import code, commitment, inviter, joiner, messages
from cellsync.core.pairing.code import matches
from cellsync.core.pairing.conversation import Awaited
from cellsync.core.pairing.messages import Done, Hello, Nonce, PairingVerdict, Reveal
from cellsync.core.wire import codec
from tests.core.pairing.pairs import CLOCK, INVITATION, KEYS, SPONSOR, WELCOME, Pair, new_inviter, new_joiner

HELLO = Hello(KEYS.public, "ben-laptop", bytes(32), CLOCK)
REVEAL = Reveal(b"n" * 32, Signature(bytes(64)))
cuts = st.lists(st.integers(0, 1 << 16), max_size=12).map(tuple)


def failure(events: list[inviter.Event]) -> tuple[type[CellsyncError], bool]:
    (failed,) = events
    assert isinstance(failed, inviter.InvitingFailed)
    return type(failed.error), failed.burnt


def joiners_failure(events: list[joiner.Event]) -> type[CellsyncError]:
    (failed,) = events
    assert isinstance(failed, joiner.JoiningFailed)
    return type(failed.error)


# --- what honest devices reach --------------------------------------------------------------------


@given(st.integers(0, 1 << 32), cuts, st.booleans())
@settings(max_examples=40)
def test_a_device_is_admitted_however_the_bytes_are_cut(seed: int, places: tuple[int, ...], we_first: bool) -> None:
    pair = Pair(seed, places)
    asked, asked_too = pair.ask()
    assert asked.words == asked_too.words
    assert (asked.name, asked.keys) == ("ben-laptop", KEYS.public)
    if we_first:
        assert pair.inviter.confirm(True, 1.0) == []
        pair.pump()
        assert pair.joiner.confirm(True, 1.0) == []
    else:
        assert pair.joiner.confirm(True, 1.0) == []
        pair.pump()
        pair.invited += pair.inviter.confirm(True, 1.0)
    pair.pump()
    assert pair.invited == [inviter.Agreed("ben-laptop", KEYS.public)]
    assert pair.joined == []

    assert pair.inviter.welcome(WELCOME, 2.0) == []
    pair.pump()
    assert pair.joined == [joiner.Welcomed(WELCOME)]
    pair.joiner.done()
    pair.pump()
    assert pair.invited[1:] == [inviter.Finished()]
    assert pair.inviter.over
    assert pair.joiner.over


def test_no_two_pairings_show_the_same_words() -> None:
    assert len({Pair(seed).ask()[0].words for seed in range(20)}) == 20


@pytest.mark.parametrize(("inviters", "joiners"), [(True, False), (False, True), (False, False)])
@pytest.mark.parametrize("one_first", [True, False])
def test_one_no_admits_nobody(inviters: bool, joiners: bool, one_first: bool) -> None:
    pair = Pair()
    pair.ask()
    pair.invited += pair.inviter.confirm(inviters, 1.0)
    if one_first:
        pair.pump()
    if not pair.joiner.over:
        pair.joined += pair.joiner.confirm(joiners, 1.0)
    pair.pump()
    expected = errors.WordsDiffer if inviters else errors.Declined
    assert failure(pair.invited) == (expected, True)
    both_asked = not (one_first and not inviters)
    assert joiners_failure(pair.joined) is (errors.WordsDiffer if joiners or not both_asked else errors.Declined)
    assert pair.inviter.over
    assert pair.joiner.over
    assert pair.inviter.welcome(WELCOME, 2.0) == []
    assert pair.inviter.outgoing() == b""


def test_an_answer_after_the_end_changes_nothing() -> None:
    pair = Pair()
    pair.ask()
    pair.confirm(inviters=False)
    assert pair.inviter.confirm(True, 1.0) == []
    assert pair.joiner.confirm(True, 1.0) == []
    pair.joiner.done()
    assert pair.inviter.receive(b"more", 1.0) == []
    assert pair.inviter.tick(1e9) == []
    assert pair.inviter.lost(1e9) == []
    assert pair.inviter.outgoing() + pair.joiner.outgoing() == b""


def test_answers_that_nobody_asked_for_are_the_callers_fault() -> None:
    pair = Pair()
    with pytest.raises(ValueError, match="no question"):
        pair.inviter.confirm(True, 0.0)
    with pytest.raises(ValueError, match="nobody"):
        pair.inviter.welcome(WELCOME, 0.0)
    with pytest.raises(ValueError, match="no welcome"):
        pair.joiner.done()
    pair.ask()
    pair.inviter.confirm(True, 0.0)
    with pytest.raises(ValueError, match="no question"):
        pair.inviter.confirm(True, 0.0)
    with pytest.raises(ValueError, match="nobody"):
        pair.inviter.welcome(WELCOME, 0.0)


# --- strangers ------------------------------------------------------------------------------------


@given(st.binary(max_size=3_000), cuts)
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
    other = code.invite(Role.READER, b"o" * 16, 0.0)
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


@given(st.binary(min_size=1, max_size=200), st.sampled_from(list(range(4))))
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


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "ana\n",
        "a\x00",
        "a\x1b[31mred",
        "\u202eana",
        "ana\u200b",
        " ana",
        "ana ",
        "e\u0301",
        "x" * 257,
        "я" * 129,
    ],
)
def test_a_hostile_name_is_never_shown(name: str) -> None:
    machine, transport = talk_to_inviter()
    hello, _ = hello_and_reveal(transport, HELLO._replace(name=name))
    assert failure(machine.receive(transport.encrypt_frame(hello), 0.0)) == (Malformed, True)
    assert machine.outgoing() == b""


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


# --- the form of messages ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [HELLO, Nonce(bytes(32), CLOCK), Reveal(bytes(32), Signature(bytes(64))), PairingVerdict(False), WELCOME, Done()],
)
def test_messages_survive(message: messages.AnyMessage) -> None:
    raw = messages.encode(message)
    assert messages.decode(raw) == message
    assert len(raw) <= 2_048
    for other in (raw[:-1], raw + b"\0", b"\xc1" + raw):
        with pytest.raises(PeerError):
            messages.decode(other)


@pytest.mark.parametrize(
    "value",
    [
        [], [0], [7], [6, 0], None, 6, [True, 1], [2, "x" * 32], [2, bytes(31)], [3, bytes(32), bytes(63)], [4, 1],
        [1, 2, list(KEYS.public), "ana", bytes(32)], [True, 1, list(KEYS.public), "ana", bytes(32)],
        [1, True, list(KEYS.public), "ana", bytes(32)],
        [1, 1, list(KEYS.public), b"ana", bytes(32)], [1, 1, list(KEYS.public), "ana", bytes(31)],
        [1, 1, list(KEYS.public)[:2], "ana", bytes(32)], [1, 1, ["a", "b", "c"], "ana", bytes(32)],
        [5, *[bytes(32)] * 3, [-1, *[bytes(32)] * 4], bytes(32), KEYS.public.session],
        [5, *[bytes(32)] * 3, [1, *[bytes(32)] * 3], bytes(32), KEYS.public.session],
        [5, *[bytes(32)] * 3, [1, *[bytes(32)] * 4], bytes(31), KEYS.public.session],
        [5, *[bytes(32)] * 3, [1, *[bytes(32)] * 4], bytes(32), bytes(32)],
    ],
)  # fmt: skip
def test_other_forms_are_refused(value: object) -> None:
    with pytest.raises(PeerError):
        messages.decode(codec.encode(value))


def test_the_cap_comes_before_decoding() -> None:
    with pytest.raises(CapExceeded, match="pairing message"):
        messages.decode(codec.encode([6, bytes(2_048)]))


# --- time -----------------------------------------------------------------------------------------


def test_humans_have_two_minutes_and_a_late_yes_is_none() -> None:
    pair = Pair()
    pair.ask()
    assert pair.inviter.deadline == 120.0
    assert pair.joiner.deadline == 150.0
    assert failure(pair.inviter.confirm(True, 120.0)) == (errors.Timeout, True)
    assert pair.inviter.outgoing() == b""
    assert joiners_failure(pair.joiner.tick(150.0)) is errors.Timeout


def test_nothing_is_admitted_after_ten_minutes() -> None:
    pair = Pair()
    pair.inviter = new_inviter(now=590.0)
    pair.now = 595.0
    pair.joiner = new_joiner()
    pair.joiner._until = 1e9
    pair.ask()
    pair.joiner.confirm(True, 599.0)
    pair.pump()
    assert pair.inviter.deadline == 600.0
    assert failure(pair.inviter.confirm(True, 600.0)) == (errors.InviteExpired, True)


def test_an_admission_that_has_begun_is_finished_after_ten_minutes() -> None:
    pair = Pair()
    pair.inviter = new_inviter(now=590.0)
    pair.now = 595.0
    pair.joiner._until = 1e9
    pair.ask()
    pair.confirm()
    assert pair.invited == [inviter.Agreed("ben-laptop", KEYS.public)]
    assert pair.inviter.deadline == 625.0
    assert pair.inviter.welcome(WELCOME, 601.0) == []
    pair.pump()
    pair.joiner.done()
    pair.pump()
    assert pair.invited[1:] == [inviter.Finished()]


def test_silence_before_the_reply_means_that_the_code_is_used_or_expired() -> None:
    assert joiners_failure(new_joiner().tick(20.0)) is errors.InviteExpired
    assert joiners_failure(new_joiner().lost(1.0)) is errors.InviteExpired


def test_a_lost_connection_burns_the_code() -> None:
    pair = Pair()
    pair.ask()
    assert failure(pair.inviter.lost(1.0)) == (errors.Interrupted, True)
    assert joiners_failure(pair.joiner.lost(1.0)) is errors.Interrupted


@pytest.mark.parametrize("end", ["lost", "late", "garbage"])
@pytest.mark.parametrize("welcomed", [True, False])
def test_after_the_admission_the_failure_says_what_to_do(end: str, welcomed: bool) -> None:
    pair = Pair()
    pair.ask()
    pair.confirm()
    pair.invited.clear()
    if welcomed:
        pair.inviter.welcome(WELCOME, 0.0)
    match end:
        case "lost":
            events = pair.inviter.lost(1.0)
        case "late":
            events = pair.inviter.tick(60.0)
        case _:
            events = pair.inviter.receive(b"\xff" * 2, 1.0)
    (failed,) = events
    assert isinstance(failed, inviter.InvitingFailed)
    assert "Remove it" in failed.error.hint


def test_after_the_welcome_the_joiner_is_a_member_whatever_happens() -> None:
    pair = Pair()
    pair.ask()
    pair.confirm()
    pair.inviter.welcome(WELCOME, 0.0)
    pair.pump()
    assert pair.joined == [joiner.Welcomed(WELCOME)]
    assert pair.joiner.receive(b"garbage", 1.0) == []
    assert pair.joiner.tick(1e9) == []
    assert pair.joiner.lost(1.0) == []
    pair.joiner.done()
    assert pair.joiner.outgoing() == b""


# --- secrets ----------------------------------------------------------------------------------------


def test_nothing_that_is_printed_holds_a_secret() -> None:
    pair = Pair()
    pair.ask()
    pair.confirm()
    pair.inviter.welcome(WELCOME, 0.0)
    pair.pump()
    printed = repr((INVITATION, pair.joined, pair.invited, pair.inviter, pair.joiner, WELCOME))
    assert "hidden" in printed
    for secret in (INVITATION.secret, KEYS.signing, WELCOME.branches.session):
        assert repr(secret.reveal())[2:-1] not in printed
        assert secret.reveal().hex() not in printed
    assert INVITATION.code not in printed
    assert SPONSOR.public.session == WELCOME.sponsor_session


def test_entropy_of_another_length_is_refused() -> None:
    with pytest.raises(InvalidValue):
        inviter.Inviter(INVITATION, b"", 0.0, b"", 0.0, clock=CLOCK)
    with pytest.raises(InvalidValue):
        joiner.Joiner(INVITATION.secret, KEYS, "ana", b"", 0.0, b"", clock=CLOCK)


# --- clocks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [0, 60_000, -3 * 86_400_000, 40 * 86_400_000])
def test_both_sides_learn_by_how_much_the_clocks_differ(ahead: int) -> None:
    """Each way takes two seconds here: what is told is right within the time that a side waited."""
    pair = Pair()
    pair.joiner = new_joiner(clock=Millis(CLOCK + ahead))
    asked: list[inviter.Introduced | joiner.WordsReady] = []
    now, limit = 0.0, 20
    while len(asked) < 2 and now < limit:
        theirs, ours = pair.inviter.outgoing(), pair.joiner.outgoing()
        now += 2.0
        events = [*pair.inviter.receive(ours, now), *pair.joiner.receive(theirs, now)]
        asked += [event for event in events if isinstance(event, inviter.Introduced | joiner.WordsReady)]
    assert len(asked) == 2
    for event in asked:
        expected = ahead if isinstance(event, inviter.Introduced) else -ahead
        assert abs(event.difference.ahead - expected) <= event.difference.within <= 2_000


def test_a_hello_or_nonce_from_before_clocks_were_told_is_refused() -> None:
    """And not taken for something else."""
    hello: list[Any] = codec.decode(messages.encode(HELLO), 4_096, "hello")
    nonce: list[Any] = codec.decode(messages.encode(Nonce(bytes(32), CLOCK)), 4_096, "nonce")
    for whole in (hello, nonce):
        assert messages.decode(codec.encode(whole))
        for wrong in (whole[:-1], [*whole, 0], *([*whole[:-1], bad] for bad in (-1, 1 << 63, True, None, 1.0, b"1"))):
            with pytest.raises(Malformed):
                messages.decode(codec.encode(wrong))
