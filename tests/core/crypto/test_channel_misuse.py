"""Channel, exchange, ratchet and seals in the wrong hands: what our callers are told, and which rule a peer breaks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from cellsync.core.crypto import channel, ratchet, seal
from cellsync.core.crypto.channel import (
    OPENING_ENTROPY,
    PADDING,
    PAIRING,
    REPLY_ENTROPY,
    ChannelKey,
    Initiator,
    Responder,
)
from cellsync.core.crypto.pake import ENTROPY, Pake
from cellsync.core.crypto.primitives import KEM_PUBLIC_BYTES, TAG_BYTES
from cellsync.core.errors import Closed, HandshakeFailed, InvalidValue, Malformed
from cellsync.core.ids import BranchState, Day, EpochSecret, Psk
from cellsync.core.rule import Rule
from cellsync.core.versions import BYTES, SPOKEN, Versions

KEY = ChannelKey(Psk(b"k" * 32))
LISTENS = "Wait for the next call."


def caller(padding: int = 0, versions: Versions = SPOKEN) -> Initiator:
    entropy = b"e" * (OPENING_ENTROPY - 2) + padding.to_bytes(2, "big")
    return Initiator(PAIRING, KEY, entropy, b"", versions=versions)


def callee(versions: Versions = SPOKEN) -> Responder[None]:
    return Responder(PAIRING, [(KEY, None)], b"", versions=versions)


def opened() -> Responder[None]:
    responder = callee()
    assert responder.receive(caller().opening)
    return responder


def spent() -> Responder[None]:
    responder = opened()
    responder.accept(bytes(REPLY_ENTROPY))
    return responder


def ended() -> Initiator:
    initiator = caller()
    with pytest.raises(HandshakeFailed):
        initiator.receive(bytes(100))
    return initiator


def broken() -> channel.Transport:
    _, transport = opened().accept(bytes(REPLY_ENTROPY))
    with pytest.raises(Malformed):
        transport.receive(bytes(70_000))
    return transport


def used() -> Pake:
    one, other = (Pake(b"p", calls=calls, entropy=bytes([calls]) * ENTROPY) for calls in (True, False))
    one.finish(other.element)
    return one


MISUSED: list[tuple[Callable[[], Any], type[Exception], str, str | None]] = [
    (lambda: Initiator(PAIRING, KEY, bytes(97), b""), InvalidValue, "an opening is made from 98 random bytes", None),
    (lambda: opened().accept(bytes(33)), InvalidValue, "a reply is made from 34 random bytes", None),
    (lambda: spent().accept(bytes(34)), Closed, "there is no opening to answer", LISTENS),
    (lambda: callee().accept(bytes(34)), Closed, "there is no opening to answer", LISTENS),
    (lambda: callee().tag, Closed, "no opening has matched", LISTENS),
    (lambda: ended().receive(b""), Closed, "this handshake is over", "Start a new one."),
    (lambda: spent().receive(b""), Closed, "this handshake is over", "Start a new one."),
    (lambda: broken().receive(b""), Closed, "this conversation has failed", "Connect again."),
    (lambda: broken().encrypt_frame(b""), Closed, "this conversation has failed", "Connect again."),
    (lambda: spent().accept(b""), InvalidValue, "a reply is made from 34 random bytes", None),
    (lambda: Pake(b"p", calls=True, entropy=b""), InvalidValue, "an exchange takes 64 random bytes", None),
    (lambda: used().finish(bytes(32)), Closed, "this exchange is over", "Start a new one, with a new password."),
    (lambda: ratchet.branches(EpochSecret(bytes(32)), Day(-1)), InvalidValue, "not a day", None),
    (lambda: ratchet.ratchet(BranchState(bytes(32)), Day(5), Day(4)), InvalidValue,
     "a branch is ratcheted forward, and at most 4,000 days", None),
    (lambda: seal.seal_keypair(bytes(31)), InvalidValue, "a seal key is made from 32 bytes", None),
]  # fmt: skip


@pytest.mark.parametrize(("misuse", "error", "said", "hint"), MISUSED, ids=range(len(MISUSED)))
def test_callers_are_told_what_they_did_and_what_helps(
    misuse: Callable[[], Any], error: type[Exception], said: str, hint: str | None
) -> None:
    with pytest.raises(error) as caught:
        misuse()
    assert str(caught.value) == said
    if hint is not None:
        assert getattr(caught.value, "hint", None) == hint


def test_a_payload_that_is_too_long_is_not_sent() -> None:
    _, transport = opened().accept(bytes(REPLY_ENTROPY))
    with pytest.raises(InvalidValue, match=r"^the payload is too long for a frame$"):
        transport.encrypt_frame(bytes(channel.MAX_PAYLOAD + 1))
    assert transport.encrypt_frame(bytes(channel.MAX_PAYLOAD))


def rule_of(peer: Callable[[], Any]) -> Rule:
    with pytest.raises(HandshakeFailed) as caught:
        peer()
    return caught.value.rule


def test_what_a_peer_does_wrong_has_the_name_of_its_rule() -> None:
    assert rule_of(lambda: callee().receive(caller().opening + b"\0")) is Rule.HANDSHAKE_EARLY
    least = PAIRING.least_message_1
    for length in (least - 1, least + PADDING + 1):
        header = channel._cover(PAIRING, KEY, b"\x01", b"", bytes(32), length)
        assert rule_of(partial(callee().receive, header)) is Rule.HANDSHAKE_LENGTH
    for length in (least, least + PADDING):
        assert not callee().receive(channel._cover(PAIRING, KEY, b"\x01", b"", bytes(32), length))
    for element in (bytes(32), b"\xff" * 32, b"", Pake(b"p", calls=True, entropy=bytes(ENTROPY)).element):
        side = Pake(b"p", calls=True, entropy=bytes(ENTROPY))
        assert rule_of(partial(side.finish, element)) is Rule.SHORT_ELEMENT


@pytest.mark.parametrize("drawn", [0, 1, 255, 256, 509, 510, 511, 65_535])
def test_padding_is_drawn_by_the_last_two_bytes_and_versions_come_before_it(drawn: int) -> None:
    most = PADDING - BYTES
    plain = channel.HEADER_BYTES + KEM_PUBLIC_BYTES + TAG_BYTES + BYTES
    initiator = caller(drawn, Versions(2, 3))
    assert len(initiator.opening) == plain + drawn % (most + 1)
    responder = callee(Versions(1, 2))
    assert (initiator.remote_versions, responder.remote_versions) == (None, None)
    assert responder.receive(initiator.opening)
    reply, _ = responder.accept(b"e" * (REPLY_ENTROPY - 2) + drawn.to_bytes(2, "big"))
    assert initiator.receive(reply) is not None
    assert (initiator.remote_versions, responder.remote_versions) == (Versions(1, 2), Versions(2, 3))


def test_a_prologue_names_protocol_version_suite_and_carrier() -> None:
    assert channel.prologue(b"tcp") == b"cellsync/1 noise\0\x0125519_ChaChaPoly_BLAKE2b\0tcp"


def test_nothing_secret_shows() -> None:
    assert repr(KEY) == "ChannelKey(hidden)"
    assert repr(used()) == "<pake>"
