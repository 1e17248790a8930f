"""Sessions between builds that speak other versions of the protocol: they agree, or part and say who is older.

The build from before versions were negotiated is made here from the primitives of the handshake: to it, everything
after the ML-KEM key is padding.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.crypto import channel, noise, primitives
from cellsync.core.crypto.channel import HEADER_BYTES, SESSION, Transport
from cellsync.core.errors import HandshakeFailed, NoCommonVersion, PeerError, PeerNewer, PeerOlder
from cellsync.core.ids import KemPublic, KemSecret, SessionSecret
from cellsync.core.session.connection import HANDSHAKE_WITHIN
from cellsync.core.session.events import Apart, Called, Ended, Opened
from cellsync.core.session.session import Session
from cellsync.core.session.state import State
from cellsync.core.versions import SPOKEN, UNSAID, Versions
from cellsync.core.wire import messages
from tests.core import replicas
from tests.core.replicas import START, MemoryReplica, admitted, founded, pass_on
from tests.core.session.pumps import CARRIER, End, entropy, recorded, run

OURS = SPOKEN
HANG_UP = 31.0
TAILS = [b"", b"\0", b"\0\0", b"\0\0\0", bytes(510), bytes(511)]  # what an old build has after its key


@pytest.fixture
def pair() -> tuple[MemoryReplica, MemoryReplica]:
    return replicas.pair()


def sessions(
    ana: MemoryReplica, bea: MemoryReplica, callers: Versions, callees: Versions, seed: int = 1
) -> tuple[End, End]:
    peer = bea.device, bea.secrets.public.session
    calls = Session.call(
        [ana], ana.id, peer, ana.secrets.session, CARRIER, entropy(seed), 0.0, clock=START, versions=callers
    )
    answers = Session.answer(
        [bea], bea.secrets.session, CARRIER, entropy(seed + 1), 0.0, HANG_UP, clock=START, versions=callees
    )
    return End(calls, ana), End(answers, bea)


# --- an old build, from the primitives -----------------------------------------------------------------


class OldCaller:
    """A caller of version 1. `tail` is what it has after its ML-KEM key."""

    def __init__(self, ana: MemoryReplica, bea: MemoryReplica, tail: bytes, seed: int = 1) -> None:
        source = random.Random(seed)
        self._key = ana.session_keys()[0].key
        self._kem = KemSecret(source.randbytes(64))
        self._noise = noise.HandshakeState(
            noise.IKpsk0, True, channel.prologue(CARRIER), static=ana.secrets.session,
            remote_static=bea.secrets.public.session, psks=[self._key.psk],
        )  # fmt: skip
        payload = primitives.kem_public(self._kem) + tail
        message = self._noise.write_message(payload, SessionSecret(source.randbytes(32)))
        self._ephemeral, rest = message[:32], message[32:]
        self.opening = channel._cover(SESSION, self._key, b"\x01", b"", self._ephemeral, len(rest)) + rest
        self.reply_payload = b""

    def read(self, reply: bytes) -> Transport:
        plain = channel._uncover(SESSION, self._key, b"\x02", self._ephemeral, reply[:HEADER_BYTES])
        assert plain is not None
        assert 1_104 <= plain[1] <= 1_104 + 511, "an old build refuses any other length"
        assert len(reply) == HEADER_BYTES + plain[1]
        self.reply_payload = self._noise.read_message(plain[0] + reply[HEADER_BYTES:])
        self._noise.mix_key_and_hash(primitives.decapsulate(self._kem, self.reply_payload[:1_088]))
        return Transport(*self._noise.split(), self._noise.handshake_hash)


class OldCallee:
    """A callee of version 1, with what it has after its ciphertext."""

    def __init__(self, bea: MemoryReplica, tail: bytes) -> None:
        self._device, self._tail = bea, tail

    def answer(self, opening: bytes, seed: int = 2) -> tuple[bytes, Transport]:
        key = self._device.session_keys()[0].key
        plain = channel._uncover(SESSION, key, b"\x01", b"", opening[:HEADER_BYTES])
        assert plain is not None
        ephemeral, length = plain
        assert 1_248 <= length <= 1_248 + 511, "an old build refuses any other length"
        state = noise.HandshakeState(
            noise.IKpsk0, False, channel.prologue(CARRIER), static=self._device.secrets.session, psks=[key.psk]
        )
        payload = state.read_message(ephemeral + opening[HEADER_BYTES:])
        secret, ciphertext = primitives.encapsulate(KemPublic(payload[:1_184]))
        message = state.write_message(ciphertext + self._tail, SessionSecret(random.Random(seed).randbytes(32)))
        own, rest = message[:32], message[32:]
        state.mix_key_and_hash(secret)
        first, second = state.split()
        header = channel._cover(SESSION, key, b"\x02", ephemeral, own, len(rest))
        return header + rest, Transport(second, first, state.handshake_hash)


@pytest.mark.parametrize("tail", TAILS, ids=len)
def test_an_old_build_calls(pair: tuple[MemoryReplica, MemoryReplica], tail: bytes) -> None:
    ana, bea = pair
    old = OldCaller(ana, bea, tail)
    session = Session.answer([bea], bea.secrets.session, CARRIER, entropy(2), 0.0, HANG_UP, clock=START)
    (called,) = session.receive(old.opening, 0.0)
    assert isinstance(called, Called)
    assert called.device == ana.device
    assert session.version is None
    session.accept()
    transport = old.read(session.outgoing())
    assert old.reply_payload[1_088:1_090] == bytes(OURS)
    # Nothing is believed before the caller has proved itself, and nothing is said.
    assert (session.state, session.version, session.remote_versions) == (State.PARTING, None, UNSAID)
    events = session.receive(transport.encrypt_frame(messages.encode_offer([bytes([n]) * 16 for n in range(32)])), 1.0)
    apart, ended = events
    assert isinstance(apart, Apart)
    assert isinstance(ended, Ended)
    assert type(apart.error) is type(ended.error) is PeerOlder
    assert session.closed
    assert session.device == ana.device
    assert session.outgoing() == b""


@pytest.mark.parametrize("tail", TAILS, ids=len)
def test_an_old_build_is_called(pair: tuple[MemoryReplica, MemoryReplica], tail: bytes) -> None:
    ana, bea = pair
    peer = bea.device, bea.secrets.public.session
    session = Session.call([ana], ana.id, peer, ana.secrets.session, CARRIER, entropy(1), 0.0, clock=START)
    reply, transport = OldCallee(bea, tail).answer(session.outgoing())
    (apart,) = session.receive(reply, 1.0)
    assert isinstance(apart, Apart)
    assert type(apart.error) is PeerOlder
    assert (session.state, session.version, session.remote_versions) == (State.PARTING, None, UNSAID)
    assert transport.receive(session.outgoing()) == [b""], (
        "one frame, in which nothing is said: a fault to an old build"
    )
    with pytest.raises(PeerError):
        messages.decode(b"")
    # Whatever an old build says to that is ignored, without end; then the session is over.
    for _ in range(50):
        assert session.receive(transport.encrypt_frame(b"x" * 60_000), 2.0) == []
    assert session.outgoing() == b""
    assert session.pull() == []
    assert session.deadline == HANDSHAKE_WITHIN
    (ended,) = session.tick(HANDSHAKE_WITHIN)
    assert isinstance(ended, Ended)
    assert type(ended.error) is PeerOlder


# --- any two builds --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("callers", "callees", "at_caller", "at_callee"),
    [
        (Versions(2, 2), Versions(3, 3), PeerNewer, PeerOlder),
        (Versions(3, 3), Versions(2, 2), PeerOlder, PeerNewer),
        (Versions(1, 1), Versions(2, 9), PeerNewer, PeerOlder),
        (Versions(4, 9), Versions(1, 3), PeerOlder, PeerNewer),
    ],
)
def test_without_a_common_version_both_say_who_is_older(
    pair: tuple[MemoryReplica, MemoryReplica], callers: Versions, callees: Versions,
    at_caller: type[NoCommonVersion], at_callee: type[NoCommonVersion],
) -> None:  # fmt: skip
    ana, bea = pair
    calls, answers = sessions(ana, bea, callers, callees)
    with recorded() as said:
        run(calls, answers)
    assert said == [b""], "no offer, no digest: nothing that says which circles these are"
    assert answers.ended
    assert type(answers.error) is at_callee
    assert answers.session.closed
    assert not calls.opened
    assert not answers.opened
    assert calls.session.state is State.PARTING
    assert calls.session.version is answers.session.version is None
    calls.handle(calls.session.tick(HANDSHAKE_WITHIN))
    assert type(calls.error) is at_caller


@pytest.mark.parametrize(
    ("callers", "callees", "in_use"),
    [
        (Versions(2, 2), Versions(2, 2), 2),
        (Versions(2, 5), Versions(1, 3), 3),
        (Versions(2, 2), Versions(1, 9), 2),
        (Versions(1, 1), Versions(1, 4), 1),
        (Versions(255, 255), Versions(2, 255), 255),
    ],
)
def test_the_highest_that_both_speak_is_in_use(
    pair: tuple[MemoryReplica, MemoryReplica], callers: Versions, callees: Versions, in_use: int
) -> None:
    ana, bea = pair
    calls, answers = sessions(ana, bea, callers, callees)
    assert [end.session.version for end in (calls, answers)] == [None, None]
    run(calls, answers)
    assert [end.session.version for end in (calls, answers)] == [in_use, in_use]
    assert (calls.session.remote_versions, answers.session.remote_versions) == (callees, callers)
    assert calls.opened
    assert answers.opened


# --- somebody in the middle ------------------------------------------------------------------------------

ANA, BEA = replicas.pair()


def opening_and_reply(ana: MemoryReplica, bea: MemoryReplica) -> tuple[Session, bytes, bytes]:
    calls, answers = sessions(ana, bea, Versions(1, 9), Versions(1, 9))
    opening = calls.session.outgoing()
    answers.session.receive(opening, 0.0)
    answers.session.accept()
    return calls.session, opening, answers.session.outgoing()


@given(st.data())
def test_no_changed_bit_of_an_opening_is_answered(data: st.DataObject) -> None:
    ana, bea = ANA, BEA
    _, opening, _ = opening_and_reply(ana, bea)
    changed = bytearray(opening)
    # The two bytes follow header, static key and ML-KEM key; any other place is as good for a downgrade.
    versions = HEADER_BYTES + 48 + 1_184
    changed[data.draw(st.sampled_from([versions, versions + 1]) | st.integers(0, len(opening) - 1))] ^= data.draw(
        st.integers(1, 255)
    )
    session = Session.answer(
        [bea], bea.secrets.session, CARRIER, entropy(2), 0.0, HANG_UP, clock=START, versions=Versions(1, 9)
    )
    assert session.receive(bytes(changed), 0.0) == []
    assert session.outgoing() == b""
    assert session.remote_versions is None
    assert session.state in (State.SILENT, State.LISTENING)


@given(st.data())
def test_no_changed_bit_of_a_reply_is_believed(data: st.DataObject) -> None:
    ana, bea = ANA, BEA
    session, _, reply = opening_and_reply(ana, bea)
    changed = bytearray(reply)
    versions = HEADER_BYTES + 1_088
    changed[data.draw(st.sampled_from([versions, versions + 1]) | st.integers(0, len(reply) - 1))] ^= data.draw(
        st.integers(1, 255)
    )
    events = session.receive(bytes(changed), 0.0)
    assert all(isinstance(event, Ended) and isinstance(event.error, HandshakeFailed) for event in events)
    assert (session.version, session.remote_versions) == (None, None)
    assert session.state in (State.CLOSED, State.OPENING)


@pytest.mark.parametrize("said", [b"\0\1", b"\3\2", b"\2\0"])
def test_impossible_versions_get_no_byte(pair: tuple[MemoryReplica, MemoryReplica], said: bytes) -> None:
    ana, bea = pair
    session = Session.answer([bea], bea.secrets.session, CARRIER, entropy(2), 0.0, HANG_UP, clock=START)
    assert session.receive(OldCaller(ana, bea, said).opening, 0.0) == []
    session.accept()
    assert session.state is State.SILENT
    assert session.outgoing() == b""


@pytest.mark.parametrize("said", [b"\0\1", b"\3\2", b"\2\0"])
def test_impossible_versions_in_a_reply_end_it(pair: tuple[MemoryReplica, MemoryReplica], said: bytes) -> None:
    ana, bea = pair
    peer = bea.device, bea.secrets.public.session
    session = Session.call([ana], ana.id, peer, ana.secrets.session, CARRIER, entropy(1), 0.0, clock=START)
    reply, _ = OldCallee(bea, said).answer(session.outgoing())
    (ended,) = session.receive(reply, 1.0)
    assert isinstance(ended, Ended)
    assert type(ended.error) is HandshakeFailed


# --- who has not proved itself ---------------------------------------------------------------------------


def test_a_caller_that_sends_no_frame_is_nobody(pair: tuple[MemoryReplica, MemoryReplica]) -> None:
    """A thief of the callee's key can make an opening in anybody's name: it must not make a person believe anything."""
    ana, bea = pair
    calls, answers = sessions(ana, bea, Versions(1, 1), OURS)
    answers.take(calls.session.outgoing(), 0.0)
    answers.session.outgoing()
    assert answers.session.state is State.PARTING
    assert (until := answers.session.deadline) == HANG_UP
    assert answers.session.tick(until - 0.01) == []
    assert answers.session.outgoing() == b"", "not even a ping"
    assert answers.session.tick(until) == [Ended(None)]


def test_part_of_a_frame_proves_nothing(pair: tuple[MemoryReplica, MemoryReplica]) -> None:
    ana, bea = pair
    calls, answers = sessions(ana, bea, Versions(1, 1), OURS)
    answers.take(calls.session.outgoing(), 0.0)
    calls.take(answers.session.outgoing(), 0.0)
    frame = calls.session.outgoing()
    assert answers.session.receive(frame[:-1], 1.0) == []
    assert answers.session.state is State.PARTING
    apart, _ = answers.session.receive(frame[-1:], 1.0)
    assert isinstance(apart, Apart)


def test_a_frame_of_somebody_else_proves_nothing(pair: tuple[MemoryReplica, MemoryReplica]) -> None:
    ana, bea = pair
    calls, answers = sessions(ana, bea, Versions(1, 1), OURS)
    answers.take(calls.session.outgoing(), 0.0)
    (ended,) = answers.session.receive(bytes(400), 1.0)
    assert isinstance(ended, Ended)
    assert not isinstance(ended.error, NoCommonVersion)


def test_a_caller_that_nobody_knows_learns_who_is_older_too() -> None:
    ana = founded()
    bea = admitted(ana, "bea", 2)
    cara = admitted(ana, "cara", 3)  # of whom bea has not heard
    pass_on(ana, cara)
    calls, answers = sessions(cara, bea, Versions(OURS.highest + 1, OURS.highest + 1), OURS)
    run(calls, answers)
    assert answers.session.device is None
    assert type(answers.error) is PeerNewer
    assert not any(isinstance(event, Opened) for event in calls.session.tick(HANDSHAKE_WITHIN))
