"""What is behind a key, as strangers and as holders of the key could send it: headers, handshakes, frames, beacons."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from cellsync.core import beacon
from cellsync.core.crypto import channel, labels, noise, ratchet, seal
from cellsync.core.crypto.channel import (
    PAIRING,
    SESSION,
    SIZES,
    ChannelKey,
    Initiator,
    Responder,
    Transport,
)
from cellsync.core.crypto.noise import CipherState
from cellsync.core.crypto.primitives import (
    KEM_CIPHERTEXT_BYTES,
    KEM_PUBLIC_BYTES,
    TAG_BYTES,
    encapsulate,
    kem_public,
    session_public,
)
from cellsync.core.errors import CallerError, HandshakeFailed, Malformed
from cellsync.core.ids import Day, EpochSecret, KemSecret, Millis, Psk, SealPublic, SealSecret, SessionSecret, Wrap
from cellsync.core.membership import epochs
from cellsync.core.membership.control import WRAP_BYTES, FirstRotation
from cellsync.core.pairing import code, exchange, short
from cellsync.core.pairing.code import Invitation
from cellsync.core.pairing.short import ShortCode
from cellsync.core.rule import Rule
from tests.fuzz.wire_type import WireType

_KEYS: Final = [ChannelKey(Psk(bytes([number]) * 32)) for number in range(3)]
_CANDIDATES: Final = [(key, number) for number, key in enumerate(_KEYS)]
_OURS, _THEIRS = SessionSecret(b"o" * 32), SessionSecret(b"t" * 32)
_EPHEMERAL, _OTHER_EPHEMERAL = SessionSecret(b"e" * 32), SessionSecret(b"f" * 32)
_PROLOGUE: Final = channel.prologue(b"fuzz")
_OPENING: Final = bytes(range(channel.OPENING_ENTROPY))
_REPLY: Final = bytes(range(channel.REPLY_ENTROPY))


def _responder() -> Responder[int]:
    return Responder(SESSION, _CANDIDATES, _PROLOGUE, static=_OURS)


def read_opening(raw: bytes) -> None:
    """What a stranger sends to a device that listens; it is whole only if a holder of the key sent it."""
    if not _responder().receive(raw):
        raise HandshakeFailed  # it waits for more


def read_greeting(raw: bytes) -> None:
    """The payload of an opening by a holder of the key: an ML-KEM key, versions, padding."""
    state = noise.HandshakeState(noise.NNpsk0, True, _PROLOGUE, psks=[_KEYS[1].psk])
    message = state.write_message(raw, _EPHEMERAL)
    ephemeral, rest = message[:32], message[32:]
    responder = Responder(PAIRING, _CANDIDATES, _PROLOGUE)
    whole = responder.receive(channel._cover(PAIRING, _KEYS[1], b"\x01", b"", ephemeral, len(rest)) + rest)
    assert whole
    assert responder.tag == 1
    responder.accept(_REPLY)


@cache
def _called() -> tuple[bytes, bytes, bytes]:
    """An opening of ours, in a pairing: its entropy, its ephemeral key, and the message that follows the header."""
    made = Initiator(PAIRING, _KEYS[1], _OPENING, _PROLOGUE)
    return _OPENING, made._ephemeral, made.opening[channel.HEADER_BYTES :]


def read_answer(raw: bytes) -> None:
    """The payload of a reply by a holder of the key: an ML-KEM ciphertext, versions, padding."""
    entropy, ephemeral, rest = _called()
    initiator = Initiator(PAIRING, _KEYS[1], entropy, _PROLOGUE)
    state = noise.HandshakeState(noise.NNpsk0, False, _PROLOGUE, psks=[_KEYS[1].psk])
    state.read_message(ephemeral + rest)
    message = state.write_message(raw, _OTHER_EPHEMERAL)
    header = channel._cover(PAIRING, _KEYS[1], b"\x02", ephemeral, message[:32], len(message) - 32)
    found = initiator.receive(header + message[32:])
    assert found is not None
    assert found[1] == b""


def read_frames(raw: bytes) -> None:
    """Frames to one end of a conversation. The first byte says how many bytes are sent as they are; the rest is the
    plaintext of a frame of the smallest class that has room for it, sealed rightly."""
    cut = 1 + (raw[0] if raw else 0)
    junk, plaintext = raw[1:cut], raw[cut:]
    sending, receiving = CipherState(b"k" * 32), CipherState(b"k" * 32)
    transport = Transport(CipherState(b"q" * 32), receiving, bytes(64))
    size = next((size for size in SIZES if size >= len(plaintext)), SIZES[-1])
    length = channel._mask_length(size + TAG_BYTES, sending.derive(labels.FRAME_KEY), 0)
    frame = length.to_bytes(2, "big") + sending.encrypt_with_ad(b"", plaintext.ljust(size, b"\0")[:size])
    payloads = transport.receive(junk + frame)
    if junk:
        assert not payloads
        raise Malformed(Rule.FRAME_LENGTH)  # it waits for more
    [payload] = payloads
    again = Transport(CipherState(b"k" * 32), CipherState(b"q" * 32), bytes(64))
    assert again.encrypt_frame(payload) == frame


_NOW: Final = Millis(1_790_000_000_000)
_WHO: Final = b"w" * 32
_HERE: Final = bytes([10, 0, 0, 7])


def read_beacon(raw: bytes) -> None:
    found = beacon.match(raw, [(bytes(32), _WHO), (b"k" * 32, _WHO)], [_HERE, bytes(16), b"no address"], 40_001, _NOW)
    places = [beacon.Place(_HERE, 40_001)]
    traces = list(beacon.search(raw, lambda _: [(b"k" * 32, _WHO)], places, _NOW, hashes=20))
    if found is None:
        raise Malformed(Rule.MESSAGE)
    assert found == beacon.Match(_WHO, _HERE)
    assert any(trace is not None and trace.who == _WHO for trace in traces)


@cache
def _seal_keys() -> tuple[SealSecret, SealPublic]:
    return seal.seal_keypair(b"s" * 32)


def read_wrap(raw: bytes) -> None:
    """A wrap in a rotation: bytes of anybody's, or, if the first one is even, what a coordinator seals to us."""
    secret, public = _seal_keys()
    kind, inside = raw[:1], raw[1:]
    commitment = ratchet.commitment(EpochSecret(inside[:32]))
    wrap = inside if kind and kind[0] % 2 else seal.seal(public, labels.WRAP + commitment, inside)
    if len(wrap) != WRAP_BYTES:
        raise Malformed(Rule.ENTRY_CONTROL)  # as in a `found` entry
    opened = epochs.open_rotation(FirstRotation(commitment, Day(20_000), Wrap(wrap)), secret, _NOW)
    assert opened == ratchet.branches(EpochSecret(inside), Day(20_000))


_SHORT: Final = ShortCode(7, ("meadow", "bicycle", "zipper"))


def read_knock(raw: bytes) -> None:
    """The first bytes of somebody who has a short code, or has guessed its number."""
    if not exchange.knocks(_SHORT, raw):
        raise HandshakeFailed
    element = exchange._uncover(short.number_key(7), b"\x01", b"", raw)
    assert element is not None
    assert exchange._cover(short.number_key(7), b"\x01", b"", element) == raw


def read_code(raw: bytes) -> None:
    """A code as it is typed, scanned or pasted."""
    found = short.parse(raw.decode("utf-8", "replace"))
    if isinstance(found, ShortCode):
        assert short.parse(found.text) == found
    else:
        again = short.parse(Invitation(found, 0.0).code)
        assert not isinstance(again, ShortCode)
        assert again.reveal() == found.reveal()


# --- good ones ----------------------------------------------------------------------------------


def openings() -> Iterator[bytes]:
    for key in _KEYS[1:]:
        yield Initiator(SESSION, key, _OPENING, _PROLOGUE, static=_THEIRS, remote_static=session_public(_OURS)).opening


def greetings() -> Iterator[bytes]:
    public = kem_public(KemSecret(bytes(range(64))))
    for rest in (b"", b"\2\2", b"\1\3" + bytes(100), bytes(511)):
        yield public + rest
    yield bytes(KEM_PUBLIC_BYTES)


def answers() -> Iterator[bytes]:
    secret = KemSecret(_OPENING[32:96])
    _, ciphertext = encapsulate(kem_public(secret))
    for rest in (b"", b"\2\2", b"\1\3" + bytes(100), bytes(511)):
        yield ciphertext + rest
    yield bytes(KEM_CIPHERTEXT_BYTES)


def frames() -> Iterator[bytes]:
    for payload in (b"", b"payload", bytes(254), b"p" * 255, b"p" * 1_500):
        yield b"\0" + len(payload).to_bytes(2, "big") + payload
    yield b"\2" + bytes(9)


def beacons() -> Iterator[bytes]:
    for number in range(4):
        nonce = bytes([number]) * beacon.NONCE
        tag = beacon.tag(b"k" * 32, nonce, _WHO, _HERE, 40_001, beacon.period_of(_NOW))
        yield beacon.make([tag], nonce, bytes(beacon.ENTROPY))


def wraps() -> Iterator[bytes]:
    yield b"\0" + b"r" * 32
    yield b"\1" + bytes(WRAP_BYTES)


def codes() -> list[bytes]:
    long = code.invite(bytes(range(16)), 0.0)
    return [text.encode() for text in (long.code, long.qr_payload, _SHORT.text, "7 meadow, bicycle zipper")]


TYPES: Final = (
    WireType("opening", "any bytes to a device that listens", read_opening, openings, most=1_700),
    WireType("greeting", "the payload of an opening, by a holder of the key", read_greeting, greetings, most=2_000),
    WireType("answer", "the payload of a reply, by a holder of the key", read_answer, answers, most=2_000),
    WireType("frame", "bytes, then the plaintext of a frame, sealed rightly", read_frames, frames, most=1_600),
    WireType("beacon", "any bytes in place of a beacon", read_beacon, beacons, most=300),
    WireType("wrap", "a wrap, or what is sealed in one", read_wrap, wraps, most=1_300),
    WireType("knock", "any bytes to a device that shows a short code", read_knock,
             lambda: [exchange.JoinersExchange(_SHORT, bytes(range(64))).knock], most=100),
    WireType("code", "any text as a code of a pairing", read_code, codes, most=200, refusals=(CallerError,)),
)  # fmt: skip
