"""The channel: members can talk through it, and others can neither say nor see anything."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.crypto import channel, noise, primitives
from cellsync.core.crypto.channel import (
    HEADER_BYTES,
    MAX_PAYLOAD,
    OPENING_ENTROPY,
    PAIRING,
    REPLY_ENTROPY,
    SESSION,
    SIZES,
    ChannelKey,
    Initiator,
    Purpose,
    Responder,
    Transport,
    match_hint,
    prologue,
)
from cellsync.core.crypto.noise import CipherState
from cellsync.core.crypto.primitives import session_public
from cellsync.core.errors import Closed, HandshakeFailed, InvalidValue, Malformed
from cellsync.core.ids import Psk, SessionPublic, SessionSecret
from cellsync.core.rule import Rule

CALLER, CALLEE = SessionSecret(b"\x11" * 32), SessionSecret(b"\x22" * 32)
KEY = ChannelKey(Psk(b"\x55" * 32))
OTHERS = [(ChannelKey(Psk(bytes([n]) * 32)), f"circle {n}") for n in range(5)]
TCP = prologue(b"tcp")

kinds = st.sampled_from([SESSION, PAIRING])
entropies = st.binary(min_size=OPENING_ENTROPY, max_size=OPENING_ENTROPY)


def call(kind: Purpose = SESSION, entropy: bytes = bytes(range(OPENING_ENTROPY)), key: ChannelKey = KEY) -> Initiator:
    if kind is PAIRING:
        return Initiator(kind, key, entropy, TCP)
    return Initiator(kind, key, entropy, TCP, static=CALLER, remote_static=session_public(CALLEE))


def answer(kind: Purpose = SESSION) -> Responder[str]:
    static = CALLEE if kind is SESSION else None
    return Responder(kind, [*OTHERS, (KEY, "ours")], TCP, static=static)


def chunks(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """`data` cut at these places, wherever they fall."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return (data[a:b] for a, b in pairwise(places))


cuts = st.lists(st.integers(0, 1 << 20), max_size=12)


# --- handshake ----------------------------------------------------------------------------------


@given(kinds, entropies, st.binary(min_size=REPLY_ENTROPY, max_size=REPLY_ENTROPY), cuts, cuts)
def test_two_devices_meet_however_the_bytes_are_cut(
    kind: Purpose, ours: bytes, theirs: bytes, first: list[int], second: list[int]
) -> None:
    initiator, responder = call(kind, ours), answer(kind)
    arrived = [responder.receive(chunk) for chunk in chunks(initiator.opening, first)]
    assert arrived == [False] * (len(arrived) - 1) + [True]
    assert responder.tag == "ours"
    assert responder.ephemeral == session_public(SessionSecret(ours[:32]))
    assert responder.remote_static == (session_public(CALLER) if kind is SESSION else None)

    reply, callee = responder.accept(theirs)
    early = callee.encrypt_frame(b"at once")
    received: list[Any] = [initiator.receive(chunk) for chunk in chunks(reply, second)]
    assert received[:-1] == [None] * (len(received) - 1)
    caller, surplus = received[-1]
    assert surplus == b""
    assert caller.receive(early) == [b"at once"]
    assert callee.receive(caller.encrypt_frame(b"first")) == [b"first"]
    assert caller.handshake_hash == callee.handshake_hash


def test_bytes_after_the_reply_belong_to_the_conversation() -> None:
    initiator, responder = call(), answer()
    responder.receive(initiator.opening)
    reply, callee = responder.accept(bytes(REPLY_ENTROPY))
    opened = initiator.receive(reply + callee.encrypt_frame(b"one") + callee.encrypt_frame(b"two")[:5])
    assert opened is not None
    caller, surplus = opened
    assert caller.receive(surplus) == [b"one"]


@given(kinds, st.data())
def test_no_changed_byte_of_an_opening_is_answered(kind: Purpose, data: st.DataObject) -> None:
    opening = bytearray(call(kind).opening)
    opening[data.draw(st.integers(0, len(opening) - 1))] ^= data.draw(st.integers(1, 255))
    responder = answer(kind)
    with pytest.raises(HandshakeFailed):
        responder.receive(bytes(opening))
    with pytest.raises(Closed):
        responder.accept(bytes(REPLY_ENTROPY))
    with pytest.raises(Closed):
        responder.receive(call(kind).opening)


@given(kinds, st.data())
def test_no_changed_byte_of_a_reply_is_believed(kind: Purpose, data: st.DataObject) -> None:
    initiator, responder = call(kind), answer(kind)
    responder.receive(initiator.opening)
    reply = bytearray(responder.accept(bytes(range(REPLY_ENTROPY)))[0])
    reply[data.draw(st.integers(0, len(reply) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(HandshakeFailed):
        initiator.receive(bytes(reply))
    with pytest.raises(Closed):
        initiator.receive(b"")


@given(kinds, st.binary(min_size=HEADER_BYTES, max_size=3_000))
def test_strangers_match_no_hint(kind: Purpose, anything: bytes) -> None:
    with pytest.raises(HandshakeFailed):
        answer(kind).receive(anything)
    with pytest.raises(HandshakeFailed):
        call(kind).receive(anything)
    assert match_hint(kind, [(KEY, "ours"), *OTHERS], anything[:HEADER_BYTES]) is None


def test_no_curve_operation_happens_for_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    opening = call(key=ChannelKey(Psk(b"\x66" * 32))).opening

    def forbidden(*_: object) -> bytes:
        raise AssertionError("a curve operation for a stranger")

    responder = answer()
    monkeypatch.setattr(noise, "dh", forbidden)
    monkeypatch.setattr(noise, "session_public", forbidden)
    with pytest.raises(HandshakeFailed):
        responder.receive(opening)


def test_an_opening_does_not_serve_as_its_own_reply() -> None:
    initiator = call(PAIRING)
    with pytest.raises(HandshakeFailed):
        initiator.receive(initiator.opening)


def test_a_reply_to_another_call_is_not_believed() -> None:
    first, second, responder = call(), call(entropy=bytes(OPENING_ENTROPY)), answer()
    responder.receive(first.opening)
    reply, _ = responder.accept(bytes(REPLY_ENTROPY))
    with pytest.raises(HandshakeFailed):
        second.receive(reply)


def test_what_both_must_agree_on() -> None:
    opening = call().opening
    candidates = [(KEY, "ours")]
    with pytest.raises(HandshakeFailed):  # another carrier
        Responder(SESSION, candidates, prologue(b"relay"), static=CALLEE).receive(opening)
    with pytest.raises(HandshakeFailed):  # meant for another device
        Responder(SESSION, candidates, TCP, static=CALLER).receive(opening)
    with pytest.raises(HandshakeFailed):  # a pairing is no session, whatever the secret
        Responder(PAIRING, candidates, TCP).receive(opening)


@pytest.mark.parametrize("kind", [SESSION, PAIRING])
def test_a_member_cannot_promise_an_impossible_length(kind: Purpose) -> None:
    """The header alone is refused, so that nobody makes us wait for, or hold, what cannot be a message."""
    least = kind.least_message_1
    for length in (0, least - 1, least + channel.PADDING + 1, caps.FRAME):
        header = channel._cover(kind, KEY, channel._CALLER, b"", bytes(32), length)
        with pytest.raises(HandshakeFailed):
            answer(kind).receive(header)
    for length in (least, least + channel.PADDING):
        header = channel._cover(kind, KEY, channel._CALLER, b"", bytes(32), length)
        assert answer(kind).receive(header) is False


def test_a_caller_does_not_speak_before_it_is_answered() -> None:
    with pytest.raises(HandshakeFailed):
        answer().receive(call().opening + b"\0")


def test_each_object_serves_once() -> None:
    initiator, responder = call(), answer()
    for early in (lambda: responder.tag, lambda: responder.ephemeral, lambda: responder.accept(bytes(34))):
        with pytest.raises(Closed):
            early()
    responder.receive(initiator.opening)
    with pytest.raises(Closed):
        responder.receive(initiator.opening)
    reply, _ = responder.accept(bytes(REPLY_ENTROPY))
    with pytest.raises(Closed):
        responder.accept(bytes(REPLY_ENTROPY))
    initiator.receive(reply)
    with pytest.raises(Closed):
        initiator.receive(reply)


def test_entropy_of_the_wrong_size() -> None:
    with pytest.raises(InvalidValue):
        call(entropy=bytes(OPENING_ENTROPY - 1))
    responder = answer()
    responder.receive(call().opening)
    with pytest.raises(InvalidValue):
        responder.accept(bytes(REPLY_ENTROPY + 1))
    responder.accept(bytes(REPLY_ENTROPY))  # a slip of ours does not burn the call


@pytest.mark.parametrize("kind", [SESSION, PAIRING])
def test_the_ml_kem_secret_is_mixed_in(kind: Purpose, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever breaks X25519 and has the psk still lacks it: with another secret the two cannot talk."""
    initiator, responder = call(kind), answer(kind)
    responder.receive(initiator.opening)
    reply, callee = responder.accept(bytes(REPLY_ENTROPY))
    monkeypatch.setattr(channel, "decapsulate", lambda *_: bytes(32))
    opened = initiator.receive(reply)
    assert opened is not None
    caller, _ = opened
    assert caller.handshake_hash != callee.handshake_hash
    with pytest.raises(Malformed):
        callee.receive(caller.encrypt_frame(bytes(MAX_PAYLOAD)) * 2)


@pytest.mark.parametrize("kind", [SESSION, PAIRING])
def test_fresh_keys_of_both_sides_are_in_every_conversation(kind: Purpose, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever later has all keys that last, and the psk, lacks what only the two ephemeral keys give."""
    lasting = {CALLER.reveal(), CALLEE.reveal(), session_public(CALLER), session_public(CALLEE)}
    agree = primitives.dh
    lacking: list[SessionPublic] = []

    def without(secret: SessionSecret, public: SessionPublic) -> bytes:
        if lasting & {secret.reveal(), public}:
            return agree(secret, public)
        lacking.append(public)
        return bytes(32)

    initiator, responder = call(kind), answer(kind)
    responder.receive(initiator.opening)
    reply, _ = responder.accept(bytes(REPLY_ENTROPY))
    monkeypatch.setattr(noise, "dh", without)
    with pytest.raises(HandshakeFailed):
        initiator.receive(reply)
    assert len(lacking) == 1


def test_a_stranger_sees_nothing_constant() -> None:
    """300 conversations: no byte, and no bit, has one value throughout; lengths vary."""
    draw = random.Random(1)
    for kind in (SESSION, PAIRING):
        openings, replies, frames = [], [], []
        for _ in range(300):
            initiator, responder = call(kind, draw.randbytes(OPENING_ENTROPY)), answer(kind)
            responder.receive(initiator.opening)
            reply, transport = responder.accept(draw.randbytes(REPLY_ENTROPY))
            openings.append(initiator.opening)
            replies.append(reply)
            frames.append(transport.encrypt_frame(b""))
        for seen in (openings, replies, frames):
            shortest = min(map(len, seen))
            for place in range(shortest):
                column = [message[place] for message in seen]
                for bit in range(8):
                    ones = sum(byte >> bit & 1 for byte in column)
                    assert 75 < ones < 225, (place, bit)  # 150 ± 8.7: over eight standard deviations
        assert len(set(map(len, openings))) > 150
        assert len(set(map(len, replies))) > 150


def test_the_ephemeral_key_is_not_on_the_wire() -> None:
    initiator, responder = call(), answer()
    responder.receive(initiator.opening)
    assert responder.ephemeral not in initiator.opening


# --- frames -------------------------------------------------------------------------------------

payloads = st.lists(
    st.one_of(
        st.binary(max_size=300),
        st.sampled_from([0, 1, *(size - 2 for size in SIZES), *(size - 1 for size in SIZES[:-1])]).map(bytes),
    ),
    max_size=8,
)


def transports() -> tuple[Transport, Transport]:
    """Two ends with fixed keys: what a handshake gives, without its cost."""
    one, two = b"\x01" * 32, b"\x02" * 32
    return (
        Transport(CipherState(one), CipherState(two), b"hash"),
        Transport(CipherState(two), CipherState(one), b"hash"),
    )


@given(payloads, cuts)
def test_frames_arrive_however_they_are_cut(sent: list[bytes], places: list[int]) -> None:
    here, there = transports()
    stream = b"".join(map(here.encrypt_frame, sent))
    got: list[bytes] = []
    for chunk in chunks(stream, places):
        got += there.receive(chunk)
        assert len(there._buffer) < caps.FRAME + 2  # less than one frame is kept
    assert got == sent
    assert there.receive(b"") == []


def test_one_byte_at_a_time() -> None:
    here, there = transports()
    stream = here.encrypt_frame(b"one") + here.encrypt_frame(b"two" * 200)
    got = [payload for byte in stream for payload in there.receive(bytes([byte]))]
    assert got == [b"one", b"two" * 200]


@given(payloads.filter(bool), st.data())
def test_no_changed_byte_of_a_stream_is_believed(sent: list[bytes], data: st.DataObject) -> None:
    here, there = transports()
    frames = [here.encrypt_frame(payload) for payload in sent]
    which = data.draw(st.integers(0, len(frames) - 1))
    harmed = bytearray(frames[which])
    harmed[data.draw(st.integers(0, len(harmed) - 1))] ^= data.draw(st.integers(1, 255))
    for frame, payload in zip(frames[:which], sent, strict=False):
        assert there.receive(frame) == [payload]
    with pytest.raises(Malformed):  # a longer length may have been promised: give it that much
        there.receive(bytes(harmed) + bytes(caps.FRAME))
    with pytest.raises(Closed):
        there.receive(frames[which])
    with pytest.raises(Closed):
        there.encrypt_frame(b"")


@pytest.mark.parametrize("size", SIZES)
def test_an_impossible_length_is_refused_before_the_frame_arrives(size: int) -> None:
    here, there = transports()
    frame = here.encrypt_frame(bytes(size - 2))
    with pytest.raises(Malformed):
        there.receive(bytes([frame[0], frame[1] ^ 1]))


@given(st.integers(0, 1 << 32))
def test_random_bytes_are_malformed(seed: int) -> None:
    with pytest.raises(Malformed):
        transports()[1].receive(random.Random(seed).randbytes(caps.FRAME + 2))


def test_frames_do_not_swap_repeat_or_return() -> None:
    for order in ([1, 0], [0, 0], [1]):
        here, there = transports()
        frames = [here.encrypt_frame(bytes(MAX_PAYLOAD)), here.encrypt_frame(bytes(MAX_PAYLOAD))]
        with pytest.raises(Malformed):
            there.receive(b"".join(frames[n] for n in order) + bytes(caps.FRAME))
    here, _ = transports()
    with pytest.raises(Malformed):
        here.receive(here.encrypt_frame(b"mirror") + bytes(caps.FRAME))


@pytest.mark.parametrize("size", SIZES)
def test_the_wire_shows_size_classes_only(size: int) -> None:
    here, _ = transports()
    smaller = SIZES[SIZES.index(size) - 1] if size != SIZES[0] else 2
    lengths = {len(here.encrypt_frame(bytes(n))) for n in (smaller - 1, size // 2, size - 2)}
    assert lengths == {size + 18}


def test_a_payload_has_a_greatest_length() -> None:
    here, there = transports()
    assert there.receive(here.encrypt_frame(bytes(MAX_PAYLOAD))) == [bytes(MAX_PAYLOAD)]
    with pytest.raises(InvalidValue):
        here.encrypt_frame(bytes(MAX_PAYLOAD + 1))
    assert there.receive(here.encrypt_frame(b"still alive")) == [b"still alive"]


def framed(here: Transport, plaintext: bytes) -> bytes:
    """One frame with this plaintext, as a member makes it who keeps to no rule."""
    length = channel._mask_length(len(plaintext) + 16, here._sending_mask, 0)
    return length.to_bytes(2, "big") + here._sending.encrypt_with_ad(b"", plaintext)


def sized(length: int, payload: bytes, size: int, filler: bytes = b"\0") -> bytes:
    return (length.to_bytes(2, "big") + payload).ljust(size, filler)


@pytest.mark.parametrize(
    ("plaintext", "rule"),
    [
        (sized(255, b"", SIZES[0]), Rule.FRAME_PAYLOAD),
        (sized(4, b"ping", SIZES[1]), Rule.FRAME_CLASS),
        (sized(SIZES[0] - 2, bytes(SIZES[0] - 2), SIZES[1]), Rule.FRAME_CLASS),
        (sized(SIZES[3] - 2, bytes(SIZES[3] - 2), SIZES[4]), Rule.FRAME_CLASS),
        (sized(4, b"ping", SIZES[0], b"\1"), Rule.FRAME_PADDING),
        (sized(4, b"ping", SIZES[0] - 1) + b"\1", Rule.FRAME_PADDING),
        (sized(4, b"ping\1", SIZES[0]), Rule.FRAME_PADDING),
    ],
)
def test_a_member_has_one_frame_for_each_payload(plaintext: bytes, rule: Rule) -> None:
    here, there = transports()
    with pytest.raises(Malformed) as caught:
        there.receive(framed(here, plaintext))
    assert caught.value.rule is rule


@pytest.mark.parametrize("length", [0, 4, *(size - 2 for size in SIZES), *(size - 1 for size in SIZES[:-1])])
def test_the_one_frame_arrives(length: int) -> None:
    here, there = transports()
    size = min(size for size in SIZES if length + 2 <= size)
    assert there.receive(framed(here, sized(length, b"\1" * length, size))) == [b"\1" * length]
