"""The secret of one invitation, in the form people carry from screen to screen (protocol/55-pairing.md, The code).

    code  = base32(secret (16) ‖ check (4)), 32 characters, in 8 groups of 4
    check = H(PAIRING_CHECK, secret)[:4]
    QR    = "CELLSYNC:" ‖ the 32 characters

The check is verified here, before anything is sent: a typing error costs nothing. Base32 has no 0, 1 and 8, so these
can only be a misread O, I and B.
"""

from __future__ import annotations

import hmac
import unicodedata
from base64 import b32decode, b32encode
from typing import Final, NamedTuple

from cellsync.core.crypto import channel, labels
from cellsync.core.crypto.channel import ChannelKey
from cellsync.core.crypto.primitives import blake2b
from cellsync.core.errors import InvalidValue, MalformedCode
from cellsync.core.ids import PairingSecret, Psk

SECRET_BYTES: Final = 16
LIFETIME: Final = 600.0  # seconds
CHARACTERS: Final = 32  # of a code, without its dashes

_CHECK_BYTES: Final = 4
_GROUP: Final = 4
_PREFIX: Final = "CELLSYNC:"
_LONGEST: Final = 256  # characters that people may have typed around a code
_SPACE_AND_DASHES: Final = ("Zs", "Zl", "Zp", "Cc", "Cf", "Pd")  # Unicode categories
_MINUS: Final = "\u2212"
_LOOK_ALIKES: Final = str.maketrans("018", "OIB")


class Invitation(NamedTuple):
    """One invitation: for one conversation, until `expires` (seconds, on the state machines' clock)."""

    secret: PairingSecret
    expires: float

    @property
    def code(self) -> str:
        """`ABCD-EFGH-…`, to be read or typed. Secret."""
        characters = _characters(self.secret)
        return "-".join(characters[at : at + _GROUP] for at in range(0, CHARACTERS, _GROUP))

    @property
    def qr_payload(self) -> str:
        """41 characters of QR's alphanumeric mode. Secret."""
        return _PREFIX + _characters(self.secret)


def invite(entropy: bytes, now: float) -> Invitation:
    """A new invitation for the next ten minutes, from 16 random bytes."""
    if len(entropy) != SECRET_BYTES:
        raise InvalidValue("an invitation is made from 16 random bytes")
    return Invitation(PairingSecret(entropy), now + LIFETIME)


def parse(text: str) -> PairingSecret:
    """The secret of a typed or scanned code. Anything else raises `MalformedCode`, which does not show the input."""
    if len(text) > _LONGEST:
        raise MalformedCode
    packed = "".join(character for character in text if not _is_filler(character)).upper()
    characters = packed.removeprefix(_PREFIX).translate(_LOOK_ALIKES)
    if len(characters) != CHARACTERS:
        raise MalformedCode
    try:
        raw = b32decode(characters)
    except ValueError:
        raise MalformedCode from None
    secret, check = raw[:SECRET_BYTES], raw[SECRET_BYTES:]
    if not hmac.compare_digest(check, _check(secret)):
        raise MalformedCode
    return PairingSecret(secret)


def pairing_key(secret: PairingSecret) -> ChannelKey:
    """The psk of the conversation that an invitation is for."""
    return ChannelKey(Psk(blake2b(labels.PAIRING_PSK, b"", key=_checked(secret))))


def beacon_key(secret: PairingSecret) -> bytes:
    """The key of the beacon tag by which the joiner finds the inviter on a LAN, 32 bytes (60-lan)."""
    return blake2b(labels.PAIRING_TAG, b"", key=_checked(secret))


def matches(invitation: Invitation, header: bytes) -> bool:
    """Whether a connection whose first 42 bytes are `header` is for this invitation. Hashes only."""
    if len(header) < channel.HEADER_BYTES:
        return False
    candidates = [(pairing_key(invitation.secret), None)]
    return channel.match_hint(channel.PAIRING, candidates, header[: channel.HEADER_BYTES]) is not None


def _characters(secret: PairingSecret) -> str:
    raw = _checked(secret)
    return b32encode(raw + _check(raw)).decode()


def _check(secret: bytes) -> bytes:
    return blake2b(labels.PAIRING_CHECK, secret)[:_CHECK_BYTES]


def _checked(secret: PairingSecret) -> bytes:
    raw = secret.reveal()
    if len(raw) != SECRET_BYTES:
        raise InvalidValue("the secret of an invitation has 16 bytes")
    return raw


def _is_filler(character: str) -> bool:
    return character in ("_", _MINUS) or unicodedata.category(character) in _SPACE_AND_DASHES
