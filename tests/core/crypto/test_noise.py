"""Noise against published vectors and an independent implementation."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core import caps
from cellsync.core.crypto import noise
from cellsync.core.crypto.noise import CipherState, HandshakeState, Pattern
from cellsync.core.crypto.primitives import session_public
from cellsync.core.errors import CapExceeded, Closed, HandshakeFailed, InvalidValue, Malformed
from cellsync.core.ids import Psk, SessionSecret
from tests.core.noise import any_bytes

VECTORS = Path(__file__).parents[3] / "protocol" / "vectors" / "noise" / "cacophony.json"

# Patterns that the product does not use: further rows for the same engine, to run what is published.
NN = Pattern(b"NN", (), (), (("e",), ("e", "ee")))
XX = Pattern(b"XX", (), (), (("e",), ("e", "ee", "s", "es"), ("s", "se")))
KK = Pattern(b"KK", ("s",), ("s",), (("e", "es", "ss"), ("e", "ee", "se")))
IKpsk1 = Pattern(b"IKpsk1", (), ("s",), (("e", "es", "s", "ss", "psk"), ("e", "ee", "se")))
PATTERNS = {row.name.decode(): row for row in (NN, XX, KK, IKpsk1, noise.IKpsk0, noise.NNpsk0)}

CALLER, CALLEE = SessionSecret(b"\x11" * 32), SessionSecret(b"\x22" * 32)
CALLER_E, CALLEE_E = SessionSecret(b"\x33" * 32), SessionSecret(b"\x44" * 32)
PSK = Psk(b"\x55" * 32)


def pair(pattern: Pattern, prologue: bytes = b"prologue") -> tuple[HandshakeState, HandshakeState]:
    psks = [PSK] * pattern.psks
    initiator = HandshakeState(
        pattern,
        True,
        prologue,
        static=CALLER,
        remote_static=session_public(CALLEE) if pattern.pre_responder else None,
        psks=psks,
    )
    responder = HandshakeState(
        pattern,
        False,
        prologue,
        static=CALLEE,
        remote_static=session_public(CALLER) if pattern.pre_initiator else None,
        psks=psks,
    )
    return initiator, responder


# --- an independent implementation --------------------------------------------------------------


def foreign(pattern: Pattern, initiator: bool, prologue: bytes, keys: list[SessionSecret], psk: Psk) -> Any:
    """The `noiseprotocol` package, given the same keys."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from noise.connection import Keypair, NoiseConnection

        name = b"Noise_" + pattern.name + b"_" + noise.SUITE
        other = NoiseConnection.from_name(name)
        (other.set_as_initiator if initiator else other.set_as_responder)()
        static, remote_static, ephemeral = keys
        other.set_prologue(prologue)
        if pattern.psks:
            other.set_psks(psk.reveal())
        if pattern not in (NN, noise.NNpsk0):
            other.set_keypair_from_private_bytes(Keypair.STATIC, static.reveal())
        if pattern.pre_responder if initiator else pattern.pre_initiator:
            other.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, session_public(remote_static))
        other.set_keypair_from_private_bytes(Keypair.EPHEMERAL, ephemeral.reveal())
        other.start_handshake()
        return other


keys = st.binary(min_size=32, max_size=32)


@given(
    st.sampled_from(sorted(PATTERNS)),
    st.booleans(),
    st.lists(keys, min_size=5, max_size=5),
    st.binary(max_size=80),
    st.lists(st.binary(max_size=300), min_size=6, max_size=6),
)
def test_it_speaks_with_another_implementation(
    name: str, we_call: bool, secrets: list[bytes], prologue: bytes, payloads: list[bytes]
) -> None:
    pattern = PATTERNS[name]
    ours, theirs, our_e, their_e = map(SessionSecret, secrets[:4])
    psk = Psk(secrets[4])
    known = pattern.pre_responder if we_call else pattern.pre_initiator
    we = HandshakeState(
        pattern,
        we_call,
        prologue,
        static=ours,
        remote_static=session_public(theirs) if known else None,
        psks=[psk] * pattern.psks,
    )
    they = foreign(pattern, we_call is False, prologue, [theirs, ours, their_e], psk)

    for turn, _ in enumerate(pattern.messages):
        payload = payloads[turn]
        if (turn % 2 == 0) == we_call:
            assert they.read_message(we.write_message(payload, our_e)) == payload
        else:
            assert we.read_message(bytes(they.write_message(payload))) == payload
    assert we.handshake_hash == they.get_handshake_hash()

    ciphers = we.split()
    sending, receiving = ciphers if we_call else ciphers[::-1]
    for payload in payloads:
        assert they.decrypt(sending.encrypt_with_ad(b"", payload)) == payload
        assert receiving.decrypt_with_ad(b"", bytes(they.encrypt(payload))) == payload


# --- tampering and misuse -----------------------------------------------------------------------


@given(st.sampled_from([noise.IKpsk0, noise.NNpsk0]), st.sampled_from([1, 2]), st.data())
def test_no_changed_byte_of_a_message_is_accepted(pattern: Pattern, number: int, data: st.DataObject) -> None:
    initiator, responder = pair(pattern)
    message = initiator.write_message(b"first", CALLER_E)
    reader = responder
    if number == 2:
        responder.read_message(message)
        message = responder.write_message(b"second", CALLEE_E)
        reader = initiator
    place = data.draw(st.integers(0, len(message) - 1))
    change = data.draw(st.integers(1, 255))
    changed = bytearray(message)
    changed[place] ^= change
    with pytest.raises(HandshakeFailed):
        reader.read_message(bytes(changed))
    for attempt in (
        lambda: reader.read_message(message),
        reader.split,
        lambda: reader.mix_key_and_hash(b"x"),
    ):
        with pytest.raises(Closed):  # the same message, unharmed, comes too late
            attempt()


@given(st.sampled_from([noise.IKpsk0, noise.NNpsk0]), any_bytes(300))
def test_random_bytes_are_no_handshake(pattern: Pattern, message: bytes) -> None:
    with pytest.raises(HandshakeFailed):
        pair(pattern)[1].read_message(message)


@pytest.mark.parametrize("pattern", [noise.IKpsk0, noise.NNpsk0])
def test_everything_both_must_agree_on(pattern: Pattern) -> None:
    message = pair(pattern)[0].write_message(b"", CALLER_E)
    with pytest.raises(HandshakeFailed):
        pair(pattern, b"another prologue")[1].read_message(message)
    with pytest.raises(HandshakeFailed):
        HandshakeState(pattern, False, b"prologue", static=CALLEE, psks=[Psk(bytes(32))]).read_message(message)
    if pattern is noise.IKpsk0:
        with pytest.raises(HandshakeFailed):
            HandshakeState(pattern, False, b"prologue", static=CALLER, psks=[PSK]).read_message(message)


def test_low_order_ephemeral() -> None:
    initiator, responder = pair(noise.NNpsk0)
    responder.read_message(initiator.write_message(b"", CALLER_E))
    reply = responder.write_message(b"", CALLEE_E)
    with pytest.raises(HandshakeFailed):
        initiator.read_message(bytes(32) + reply[32:])


def test_a_message_never_exceeds_the_cap() -> None:
    initiator, responder = pair(noise.NNpsk0)
    longest = initiator.write_message(bytes(caps.FRAME - 48), CALLER_E)
    assert len(longest) == caps.FRAME
    assert len(responder.read_message(longest)) == caps.FRAME - 48
    with pytest.raises(InvalidValue):
        pair(noise.NNpsk0)[0].write_message(bytes(caps.FRAME - 47), CALLER_E)
    with pytest.raises(CapExceeded):
        pair(noise.NNpsk0)[1].read_message(bytes(caps.FRAME + 1))


def test_a_further_secret_changes_hash_and_ciphers() -> None:
    def talk(caller_mixes: bytes, callee_mixes: bytes) -> tuple[HandshakeState, HandshakeState]:
        initiator, responder = pair(noise.IKpsk0)
        responder.read_message(initiator.write_message(b"", CALLER_E))
        initiator.read_message(responder.write_message(b"", CALLEE_E))
        before = initiator.handshake_hash
        initiator.mix_key_and_hash(caller_mixes)
        responder.mix_key_and_hash(callee_mixes)
        assert initiator.handshake_hash != before
        return initiator, responder

    same, agreed = talk(b"\x01" * 32, b"\x01" * 32)
    assert same.handshake_hash == agreed.handshake_hash
    sealed = same.split()[0].encrypt_with_ad(b"", b"hello")
    assert agreed.split()[0].decrypt_with_ad(b"", sealed) == b"hello"

    ours, theirs = talk(b"\x01" * 32, b"\x02" * 32)
    assert ours.handshake_hash != theirs.handshake_hash
    with pytest.raises(Malformed):
        theirs.split()[0].decrypt_with_ad(b"", ours.split()[0].encrypt_with_ad(b"", b"hello"))


def test_turns_are_kept_and_split_happens_once() -> None:
    initiator, responder = pair(noise.NNpsk0)
    with pytest.raises(Closed):
        responder.write_message(b"", CALLEE_E)
    with pytest.raises(Closed):
        initiator.split()
    message = initiator.write_message(b"", CALLER_E)
    with pytest.raises(Closed):
        initiator.write_message(b"", CALLER_E)
    responder.read_message(message)
    reply = responder.write_message(b"", CALLEE_E)
    initiator.read_message(reply)
    with pytest.raises(Closed):
        initiator.read_message(reply)
    initiator.split()
    for again in (initiator.split, lambda: initiator.mix_key_and_hash(b"")):
        with pytest.raises(Closed):
            again()


def test_missing_and_needless_keys() -> None:
    with pytest.raises(InvalidValue):
        HandshakeState(noise.NNpsk0, True, b"")
    with pytest.raises(InvalidValue):
        HandshakeState(NN, True, b"", psks=[PSK])
    with pytest.raises(InvalidValue):
        HandshakeState(noise.IKpsk0, True, b"", static=CALLER, psks=[PSK])
    with pytest.raises(InvalidValue):
        pair(noise.NNpsk0)[0].write_message(b"")


def test_the_last_nonce_is_never_used() -> None:
    cipher = CipherState(b"\x01" * 32)
    cipher.nonce = noise.MAX_NONCE - 1
    last = cipher.encrypt_with_ad(b"", b"last")
    for use in (cipher.encrypt_with_ad, cipher.decrypt_with_ad):
        with pytest.raises(CapExceeded):
            use(b"", last)


def test_a_failed_decryption_does_not_count() -> None:
    sender, receiver = CipherState(b"\x01" * 32), CipherState(b"\x01" * 32)
    sealed = sender.encrypt_with_ad(b"ad", b"x")
    with pytest.raises(Malformed):
        receiver.decrypt_with_ad(b"other", sealed)
    assert receiver.decrypt_with_ad(b"ad", sealed) == b"x"


def test_without_the_psk_the_caller_stays_unknown() -> None:
    """psk0: even the callee's static key does not open who calls (in psk1 it would)."""
    message = pair(noise.IKpsk0)[0].write_message(b"", CALLER_E)
    without = HandshakeState(noise.IKpsk0, False, b"prologue", static=CALLEE, psks=[Psk(b"\x56" * 32)])
    with pytest.raises(HandshakeFailed):
        without.read_message(message)
    assert without.remote_static is None
    assert message.find(session_public(CALLER)) == -1
