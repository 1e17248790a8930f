"""Pairings between builds without a common version: both people are told, and nothing is given away."""

from __future__ import annotations

import random

import pytest

from cellsync.core.crypto import channel, noise, primitives
from cellsync.core.crypto.channel import HEADER_BYTES, PAIRING
from cellsync.core.errors import HandshakeFailed, NoCommonVersion, PeerNewer, PeerOlder
from cellsync.core.ids import KemPublic, KemSecret, SessionSecret
from cellsync.core.pairing import code, inviter, joiner
from cellsync.core.pairing.inviter import Inviter, Knocked
from cellsync.core.pairing.joiner import Joiner
from cellsync.core.versions import Versions
from tests.core.pairing.pairs import CLOCK, INVITATION, KEYS, Pair

KEY = code.pairing_key(INVITATION.secret)
PROLOGUE = channel.prologue(b"test")
TAILS = [b"", b"\0", b"\0\0", bytes(511)]


def pair_of(inviters: Versions, joiners: Versions) -> Pair:
    pair = Pair()
    entropy = [random.Random(seed).randbytes(200) for seed in (1, 2)]
    pair.inviter = Inviter(
        INVITATION, entropy[0][: inviter.ENTROPY], 0.0, b"test", 30.0, clock=CLOCK, versions=inviters
    )
    pair.joiner = Joiner(
        INVITATION.secret, KEYS, "ben", entropy[1][: joiner.ENTROPY], 0.0, b"test", clock=CLOCK, versions=joiners
    )
    return pair


def record(patch: pytest.MonkeyPatch) -> list[bytes]:
    """All that is said in any conversation from here on."""
    said: list[bytes] = []
    original = channel.Transport.encrypt_frame

    def encrypt_frame(self: channel.Transport, payload: bytes) -> bytes:
        said.append(payload)
        return original(self, payload)

    patch.setattr(channel.Transport, "encrypt_frame", encrypt_frame)
    return said


@pytest.mark.parametrize(
    ("inviters", "joiners", "at_inviter", "at_joiner"),
    [
        (Versions(2, 2), Versions(3, 3), PeerNewer, PeerOlder),
        (Versions(2, 2), Versions(1, 1), PeerOlder, PeerNewer),
        (Versions(5, 9), Versions(1, 4), PeerOlder, PeerNewer),
    ],
)
def test_both_humans_are_told_and_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, inviters: Versions, joiners: Versions,
    at_inviter: type[NoCommonVersion], at_joiner: type[NoCommonVersion],
) -> None:  # fmt: skip
    said = record(monkeypatch)
    pair = pair_of(inviters, joiners)
    pair.pump()
    knocked, failed = pair.invited
    (failed_too,) = pair.joined
    assert knocked == Knocked()
    assert isinstance(failed, inviter.InvitingFailed)
    assert isinstance(failed_too, joiner.JoiningFailed)
    assert type(failed.error) is at_inviter
    assert type(failed_too.error) is at_joiner
    assert failed.burnt
    for error in (failed.error, failed_too.error):
        assert "update it" in str(error)
        assert error.hint == "Nobody was added. After the update, pair with a new code."
    assert pair.inviter.over
    assert pair.joiner.over
    assert said == [], "no name, no key, no nonce"
    assert [machine.lost(1.0) for machine in (pair.inviter, pair.joiner)] == [[], []]


def test_the_highest_that_both_speak_is_in_use() -> None:
    pair = pair_of(Versions(2, 7), Versions(1, 5))
    assert [machine.version for machine in (pair.inviter, pair.joiner)] == [None, None]
    pair.ask()
    assert [machine.version for machine in (pair.inviter, pair.joiner)] == [5, 5]


# --- a build from before versions were negotiated, from the primitives -----------------------------------


def old_opening(tail: bytes) -> bytes:
    state = noise.HandshakeState(noise.NNpsk0, True, PROLOGUE, psks=[KEY.psk])
    payload = primitives.kem_public(KemSecret(bytes(range(64)))) + tail
    message = state.write_message(payload, SessionSecret(b"e" * 32))
    return channel._cover(PAIRING, KEY, b"\x01", b"", message[:32], len(message) - 32) + message[32:]


def old_reply(opening: bytes, tail: bytes) -> bytes:
    plain = channel._uncover(PAIRING, KEY, b"\x01", b"", opening[:HEADER_BYTES])
    assert plain is not None
    ephemeral, length = plain
    assert 1_200 <= length <= 1_200 + 511, "an old build refuses any other length"
    state = noise.HandshakeState(noise.NNpsk0, False, PROLOGUE, psks=[KEY.psk])
    payload = state.read_message(ephemeral + opening[HEADER_BYTES:])
    _, ciphertext = primitives.encapsulate(KemPublic(payload[:1_184]))
    message = state.write_message(ciphertext + tail, SessionSecret(b"f" * 32))
    return channel._cover(PAIRING, KEY, b"\x02", ephemeral, message[:32], len(message) - 32) + message[32:]


@pytest.mark.parametrize("tail", TAILS, ids=len)
def test_an_old_build_joins(monkeypatch: pytest.MonkeyPatch, tail: bytes) -> None:
    said = record(monkeypatch)
    machine = pair_of(Versions(2, 2), Versions(2, 2)).inviter
    knocked, failed = machine.receive(old_opening(tail), 0.0)
    assert knocked == Knocked()
    assert isinstance(failed, inviter.InvitingFailed)
    assert (type(failed.error), failed.burnt) == (PeerOlder, True)
    assert machine.over
    assert 1_146 <= len(machine.outgoing()) <= 1_146 + 511, "the reply, of a length that an old build reads; no frame"
    assert said == []


@pytest.mark.parametrize("tail", TAILS, ids=len)
def test_an_old_build_invites(monkeypatch: pytest.MonkeyPatch, tail: bytes) -> None:
    said = record(monkeypatch)
    machine = pair_of(Versions(2, 2), Versions(2, 2)).joiner
    (failed,) = machine.receive(old_reply(machine.outgoing(), tail), 0.0)
    assert isinstance(failed, joiner.JoiningFailed)
    assert type(failed.error) is PeerOlder
    assert machine.over
    assert machine.outgoing() == b""
    assert said == []


@pytest.mark.parametrize("tail", [b"\0\1", b"\3\2"])
def test_impossible_versions_end_it(tail: bytes) -> None:
    pair = pair_of(Versions(2, 2), Versions(2, 2))
    assert pair.inviter.receive(old_opening(tail), 0.0) == [Knocked()]
    assert pair.inviter.outgoing() == b""
    (failed,) = pair.joiner.receive(old_reply(pair.joiner.outgoing(), tail), 0.0)
    assert isinstance(failed, joiner.JoiningFailed)
    assert type(failed.error) is HandshakeFailed


@pytest.mark.parametrize("place", [HEADER_BYTES + 1_184, HEADER_BYTES + 1_185])
@pytest.mark.parametrize("bit", range(8))
def test_nobody_in_the_middle_lowers_what_the_joiner_speaks(place: int, bit: int) -> None:
    pair = pair_of(Versions(1, 9), Versions(1, 9))
    opening = bytearray(pair.joiner.outgoing())
    opening[place] ^= 1 << bit
    assert pair.inviter.receive(bytes(opening), 0.0) == [Knocked()]  # who knows the code spoiled it; nothing else
    assert pair.inviter.outgoing() == b""
    assert pair.inviter.version is None


@pytest.mark.parametrize("place", [HEADER_BYTES + 1_088, HEADER_BYTES + 1_089])
@pytest.mark.parametrize("bit", range(8))
def test_nobody_in_the_middle_lowers_what_the_inviter_speaks(place: int, bit: int) -> None:
    pair = pair_of(Versions(1, 9), Versions(1, 9))
    pair.inviter.receive(pair.joiner.outgoing(), 0.0)
    reply = bytearray(pair.inviter.outgoing())
    reply[place] ^= 1 << bit
    (failed,) = pair.joiner.receive(bytes(reply), 0.0)
    assert isinstance(failed, joiner.JoiningFailed)
    assert type(failed.error) is HandshakeFailed
    assert pair.joiner.version is None
