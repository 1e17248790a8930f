"""The messages of a pairing conversation; canonical msgpack, one per frame (protocol/55-pairing.md, Messages).

    HELLO    [1, 1, [Ed25519, X25519, X-Wing], name, commitment 32, clock]      joiner -> inviter
    NONCE    [2, nonce 32, clock]                                               inviter -> joiner
    REVEAL   [3, nonce 32, signature 64]                                        joiner -> inviter
    VERDICT  [4, the words agree]                                               both ways
    WELCOME  [5, circle, device, epoch, branches, sponsor, sponsor's X25519]    inviter -> joiner
    DONE     [6]                                                                joiner -> inviter
    REFUSAL  [7, reason]                                                        inviter -> joiner

Decoding checks a message completely: its names are fit to be shown, its keys fit to be used.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cellsync.core import caps
from cellsync.core.crypto import primitives
from cellsync.core.crypto.primitives import KEY_BYTES, SIGNATURE_BYTES
from cellsync.core.crypto.ratchet import Branches
from cellsync.core.errors import Malformed
from cellsync.core.ids import (
    ID_BYTES,
    CircleId,
    DeviceId,
    EpochId,
    Millis,
    SealPublic,
    SessionPublic,
    SessionSecret,
    Signature,
    SigningPublic,
)
from cellsync.core.membership import control
from cellsync.core.membership.control import DeviceKeys
from cellsync.core.pairing.commitment import NONCE_BYTES
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.core.wire.tags import PairingMessage

_COMMITMENT_BYTES: Final = 32
_CLOCK_END: Final = 1 << 63
_LAST_REASON: Final = 255
_FORM: Final = 1  # in HELLO, from before versions were negotiated
_ANY_SECRET: Final = SessionSecret(bytes(KEY_BYTES))  # guards nothing: it only tries a key


class Hello(NamedTuple):
    """Who wants to join."""

    keys: DeviceKeys
    name: str
    commitment: bytes
    clock: Millis  # what the joiner's clock shows

    def __repr__(self) -> str:
        return "<hello>"  # no name


class Nonce(NamedTuple):
    nonce: bytes
    clock: Millis  # what the inviter's clock shows


class Reveal(NamedTuple):
    """The nonce that was committed to, and the proof that the signing key is the joiner's."""

    nonce: bytes
    signature: Signature


class PairingVerdict(NamedTuple):
    agree: bool


class Welcome(NamedTuple):
    """Everything a new device needs to call its first peer; the rest comes by sync."""

    circle: CircleId
    device: DeviceId  # the joiner's id from now on
    epoch: EpochId
    branches: Branches  # of today, never of an earlier day
    sponsor: DeviceId  # the inviter
    sponsor_session: SessionPublic


class Done(NamedTuple):
    pass


class PairingRefusal(NamedTuple):
    """In place of a welcome: the device is not admitted after all."""

    reason: int


AnyMessage = Hello | Nonce | Reveal | PairingVerdict | Welcome | Done | PairingRefusal


def encode(message: AnyMessage) -> bytes:
    """The canonical bytes of a message."""
    match message:
        case Hello(keys, name, commitment, clock):
            return codec.encode([PairingMessage.HELLO, _FORM, list(keys), name, commitment, clock])
        case Nonce(nonce, clock):
            return codec.encode([PairingMessage.NONCE, nonce, clock])
        case Reveal(nonce, signature):
            return codec.encode([PairingMessage.REVEAL, nonce, signature])
        case PairingVerdict(agree):
            return codec.encode([PairingMessage.VERDICT, agree])
        case Welcome(circle, device, epoch, branches, sponsor, session):
            return codec.encode([PairingMessage.WELCOME, circle, device, epoch, branches.encode(), sponsor, session])
        case Done():
            return codec.encode([PairingMessage.DONE])
        case PairingRefusal(reason):
            return codec.encode([PairingMessage.REFUSAL, reason])


def decode(raw: bytes) -> AnyMessage:
    """One message of a peer, fully checked. Raises Malformed or CapExceeded."""
    match codec.decode(raw, caps.PAIRING, Rule.CAP_PAIRING):
        case [kind, *_] if type(kind) is not int:
            pass  # True equals 1 in Python, and must not be another way to write it
        case [PairingMessage.HELLO, int(form), [*keys], name, bytes(commitment), clock]:
            if type(form) is int and form == _FORM and len(commitment) == _COMMITMENT_BYTES:
                return Hello(_keys(keys), control.claimed_name(name), commitment, _clock(clock))
        case [PairingMessage.NONCE, bytes(nonce), clock] if len(nonce) == NONCE_BYTES:
            return Nonce(nonce, _clock(clock))
        case [PairingMessage.REVEAL, bytes(nonce), bytes(signature)]:
            if len(nonce) == NONCE_BYTES and len(signature) == SIGNATURE_BYTES:
                return Reveal(nonce, Signature(signature))
        case [PairingMessage.VERDICT, bool(agree)]:
            return PairingVerdict(agree)
        case [
            PairingMessage.WELCOME,
            bytes(circle),
            bytes(device),
            bytes(epoch),
            branches,
            bytes(sponsor),
            bytes(session),
        ]:
            if all(len(name) == ID_BYTES for name in (circle, device, epoch, sponsor)):
                return Welcome(
                    CircleId(circle),
                    DeviceId(device),
                    EpochId(epoch),
                    Branches.decode(branches),
                    DeviceId(sponsor),
                    _session_key(session),
                )
        case [PairingMessage.DONE]:
            return Done()
        case [PairingMessage.REFUSAL, int(reason)] if type(reason) is int and 0 <= reason <= _LAST_REASON:
            return PairingRefusal(reason)
    raise Malformed(Rule.PAIRING_MESSAGE)


def _keys(keys: list[object]) -> DeviceKeys:
    """Keys that work: a seal key that cannot be sealed to would spoil the circle's next rotation."""
    match keys:
        case [bytes(signing), bytes(session), bytes(seal)] if primitives.is_signing_key(signing):
            primitives.hpke_seal(SealPublic(seal), b"", b"")
            return DeviceKeys(SigningPublic(signing), _session_key(session), SealPublic(seal))
    raise Malformed(Rule.ENTRY_KEYS)


def _session_key(session: bytes) -> SessionPublic:
    """An X25519 key. Raises HandshakeFailed for one of low order, with which no session could be held."""
    primitives.dh(_ANY_SECRET, SessionPublic(session))
    return SessionPublic(session)


def _clock(clock: object) -> Millis:
    if type(clock) is int and 0 <= clock < _CLOCK_END:
        return Millis(clock)
    raise Malformed(Rule.PAIRING_CLOCK)
