"""`header`, `opening`, `call` and `frame`: the bytes of a conversation. `versions` and `agreement`: what it speaks."""

from __future__ import annotations

from typing import Any, Final

from cellsync.core import versions as spoken
from cellsync.core.crypto import channel
from cellsync.core.crypto.channel import PAIRING, SESSION, ChannelKey, Initiator, Purpose, Responder, Transport
from cellsync.core.crypto.noise import CipherState
from cellsync.core.crypto.primitives import KEM_CIPHERTEXT_BYTES, TAG_BYTES
from cellsync.core.errors import HandshakeFailed, InvalidValue, Malformed, NoCommonVersion, PeerOlder
from cellsync.core.ids import Psk, SessionPublic, SessionSecret
from cellsync.core.rule import Rule
from cellsync.core.versions import Versions
from cellsync.testing.answers.question import Answer, BadQuestion, Given, ok

_PURPOSES: Final = {"session": SESSION, "pairing": PAIRING}
_CALLERS: Final = {"caller": True, "callee": False}
_PADDINGS: Final = channel.PADDING + 1 - spoken.BYTES


def versions(given: Given) -> Answer:
    return ok(versions=list(spoken.decode(given.raw("tail"))))


def agreement(given: Given) -> Answer:
    ours, theirs = _versions(given, "ours"), _versions(given, "theirs")
    apart: NoCommonVersion | None = ours.apart(theirs)
    if apart is None:
        return ok(in_use=ours.common(theirs))
    older = "theirs" if isinstance(apart, PeerOlder) else "ours"
    return Answer(f"fault:{apart.rule.label}", {"older": older})


def header(given: Given) -> Answer:
    purpose, key = _purpose(given), _key(given)
    caller: bool = given.one_of("role", _CALLERS)
    context, covered = given.raw("context"), given.raw("header", channel.HEADER_BYTES)
    plain = channel._uncover(purpose, key, channel._CALLER if caller else channel._CALLEE, context, covered)
    if plain is None:
        raise HandshakeFailed
    ephemeral, length = plain
    least = purpose.least_message_1 if caller else KEM_CIPHERTEXT_BYTES + TAG_BYTES
    return ok(ephemeral=ephemeral, length=channel._expected(length, least))


def opening(given: Given) -> Answer:
    callee = Responder(_purpose(given), [(_key(given), None)], _prologue(given), static=_static(given))
    if not callee.receive(given.raw("opening")):
        raise HandshakeFailed(Rule.HANDSHAKE_LENGTH)  # it breaks off, and that is all there is
    callers, static = callee.remote_versions, callee.remote_static
    callee.accept(bytes(channel.REPLY_ENTROPY))  # which looks at the ML-KEM key
    return ok(ephemeral=callee.ephemeral, static=static, versions=None if callers is None else list(callers))


def call(given: Given) -> Answer:
    ephemeral, kem, padding = given.raw("ephemeral", 32), given.raw("kem", 64), given.number("padding")
    if not 0 <= padding < _PADDINGS:
        raise BadQuestion("so much padding has no opening")
    remote = SessionPublic(given.raw("remote_static", 32)) if given.has("remote_static") else None
    entropy = ephemeral + kem + padding.to_bytes(2, "big")
    caller = Initiator(
        _purpose(given), _key(given), entropy, _prologue(given), static=_static(given), remote_static=remote,
        versions=_versions(given, "versions"),
    )  # fmt: skip
    reached = caller.receive(given.raw("reply"))
    if reached is None:
        raise HandshakeFailed(Rule.HANDSHAKE_LENGTH)
    transport, surplus = reached
    received, sends = given.raws("received"), given.raws("sends")
    payloads = transport.receive(surplus) if surplus else []
    for frame in received:
        payloads += transport.receive(frame)
    try:
        frames = [transport.encrypt_frame(payload) for payload in sends]
    except InvalidValue as error:
        raise BadQuestion(str(error)) from None
    callees = caller.remote_versions
    said: dict[str, Any] = {"versions": None if callees is None else list(callees), "hash": transport.handshake_hash}
    return ok(opening=caller.opening, **said, payloads=payloads, frames=frames)


def frame(given: Given) -> Answer:
    receiving = CipherState(given.raw("key", 32))
    receiving.nonce = given.number("number")
    if not 0 <= receiving.nonce < 1 << 64:
        raise BadQuestion("no frame has this number")
    transport = Transport(CipherState(bytes(32)), receiving, b"")
    payloads = transport.receive(given.raw("frame"))
    if len(payloads) != 1 or transport._buffer or transport._expected is not None:
        raise Malformed(Rule.FRAME_LENGTH)  # one frame is asked about
    return ok(payload=payloads[0])


def _purpose(given: Given) -> Purpose:
    purpose: Purpose = given.one_of("purpose", _PURPOSES)
    return purpose


def _key(given: Given) -> ChannelKey:
    return ChannelKey(Psk(given.raw("psk", 32)))


def _prologue(given: Given) -> bytes:
    carrier = given.text("carrier")
    if not carrier.isascii():
        raise BadQuestion("the name of a carrier is ASCII")
    return channel.prologue(carrier.encode())


def _static(given: Given) -> SessionSecret | None:
    return SessionSecret(given.raw("static", 32)) if _purpose(given) is SESSION else None


def _versions(given: Given, name: str) -> Versions:
    match given.values(name):
        case [int(lowest), int(highest)] if 0 < lowest <= highest < 256:
            return Versions(lowest, highest)
    raise BadQuestion(f"{name} are no versions")
