"""Noise in the wrong hands: what our own callers are told, and which rule a peer's message breaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cellsync.core import caps
from cellsync.core.crypto.noise import MAX_NONCE, CipherState, HandshakeState, IKpsk0, NNpsk0
from cellsync.core.errors import CapExceeded, CellsyncError, Closed, HandshakeFailed, InvalidValue, PeerError
from cellsync.core.ids import Psk, SessionSecret
from cellsync.core.rule import Rule

PSK = Psk(b"k" * 32)
EPHEMERAL = SessionSecret(b"e" * 32)
OVER = "this handshake is over, or it is the other side's turn"
UNFINISHED = "this handshake has failed, is not finished, or was split"


def caller() -> HandshakeState:
    return HandshakeState(NNpsk0, True, b"", psks=[PSK])


def callee() -> HandshakeState:
    return HandshakeState(NNpsk0, False, b"", psks=[PSK])


def finished() -> HandshakeState:
    one, other = caller(), callee()
    other.read_message(one.write_message(b"", EPHEMERAL))
    one.read_message(other.write_message(b"", EPHEMERAL))
    return one


def split() -> HandshakeState:
    state = finished()
    state.split()
    return state


def failed() -> HandshakeState:
    state = callee()
    with pytest.raises(HandshakeFailed):
        state.read_message(bytes(48))
    return state


MISUSED: list[tuple[Callable[[], Any], type[CellsyncError], str, str | None]] = [
    (lambda: CipherState().derive(b"label"), InvalidValue, "there is no key yet", None),
    (lambda: HandshakeState(NNpsk0, True, b""), InvalidValue,
     "a pattern needs one psk for each of its psk tokens", None),
    (lambda: HandshakeState(IKpsk0, True, b"", psks=[PSK]), InvalidValue,
     "this pattern needs a key that was not given", None),
    (lambda: caller().write_message(bytes(caps.FRAME), EPHEMERAL), InvalidValue,
     "the payload is too long for a Noise message", None),
    (lambda: callee().write_message(b"", EPHEMERAL), Closed, OVER, "Start a new one."),
    (lambda: finished().write_message(b"", EPHEMERAL), Closed, OVER, "Start a new one."),
    (lambda: failed().read_message(b""), Closed, OVER, "Start a new one."),
    (lambda: caller().split(), Closed, UNFINISHED, "Start a new one."),
    (lambda: failed().mix_key_and_hash(b""), Closed, UNFINISHED, "Start a new one."),
    (lambda: split().split(), Closed, UNFINISHED, "Start a new one."),
]  # fmt: skip


@pytest.mark.parametrize(("misuse", "error", "said", "hint"), MISUSED, ids=range(len(MISUSED)))
def test_callers_are_told_what_they_did_and_what_helps(
    misuse: Callable[[], Any], error: type[CellsyncError], said: str, hint: str | None
) -> None:
    with pytest.raises(error) as caught:
        misuse()
    assert str(caught.value) == said
    assert hint is None or caught.value.hint == hint


def last() -> CipherState:
    state = CipherState(b"k" * 32)
    state.nonce = MAX_NONCE
    return state


@pytest.mark.parametrize(("peers", "error", "rule"), [
    (lambda: callee().read_message(bytes(caps.FRAME + 1)), CapExceeded, Rule.CAP_FRAME),
    (lambda: callee().read_message(bytes(31)), HandshakeFailed, Rule.HANDSHAKE_LENGTH),
    (lambda: callee().read_message(bytes(48)), HandshakeFailed, Rule.HANDSHAKE),
    (lambda: last().encrypt_with_ad(b"", b""), CapExceeded, Rule.CAP_MESSAGES),
    (lambda: last().decrypt_with_ad(b"", bytes(16)), CapExceeded, Rule.CAP_MESSAGES),
])  # fmt: skip
def test_what_a_peer_does_wrong_has_the_name_of_its_rule(
    peers: Callable[[], Any], error: type[PeerError], rule: Rule
) -> None:
    with pytest.raises(error) as caught:
        peers()
    assert caught.value.rule is rule
