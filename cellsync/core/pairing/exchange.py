"""From a short code to the secret of a pairing: one guess, made online (protocol/55-pairing.md, The exchange).

    joiner                                    inviter
      ├── knock   header(X) ─────────────────▶│          the code is no longer offered to others
      │◀───────────────── answer  header(Y) ──┤
      ├── proof   32 ────────────────────────▶│          wrong: the code is burnt, and nothing else said
      │◀──────────────────── reply 32, last ──┤          or as many random bytes
      then the conversation, with the machines of the long code, under the secret that both have computed

Rules:

1. *The joiner proves first.* An inviter's proof under a guesser's key would allow an offline search through all 2²⁴
   codes, so after a wrong proof the reply is random.
2. *Nothing constant.* X and Y begin a connection and are curve points, as only half of all strings are. So they are
   covered like the header of a handshake (core/crypto/channel), under a key derived from the number. An observer who
   tries all 99 numbers can lift the cover, and learns only that someone is pairing by a short code.
3. *Each side hashes under its own role*: a reflected or replayed message proves nothing.
"""

from __future__ import annotations

import hmac
from typing import Final

from cellsync.core.crypto import labels, pake
from cellsync.core.crypto.pake import Pake
from cellsync.core.crypto.primitives import blake2b
from cellsync.core.errors import HandshakeFailed, InvalidValue
from cellsync.core.ids import PairingSecret
from cellsync.core.pairing import code, short
from cellsync.core.pairing.short import ShortCode

HINT_BYTES: Final = 10
HEADER_BYTES: Final = HINT_BYTES + pake.ELEMENT_BYTES  # as long as the header of any other conversation
PROOF_BYTES: Final = 32
JOINER_ENTROPY: Final = pake.ENTROPY
INVITER_ENTROPY: Final = pake.ENTROPY + PROOF_BYTES

_JOINER: Final = b"\x01"
_INVITER: Final = b"\x02"


class JoinersExchange:
    """The side that was given the code. Send `knock`; `entropy` is 64 fresh random bytes."""

    def __init__(self, given: ShortCode, entropy: bytes) -> None:
        self._number = short.number_key(given.number)
        self._pake = Pake(given.text.encode(), calls=True, entropy=entropy)
        self.knock = _cover(self._number, _JOINER, b"", self._pake.element)
        self._key, self._elements = b"", b""

    def prove(self, answer: bytes) -> bytes:
        """The proof to send once the answer has come, 32 bytes. Raises HandshakeFailed."""
        element = _uncover(self._number, _INVITER, self._pake.element, answer)
        if element is None:
            raise HandshakeFailed
        self._key, self._elements = self._pake.finish(element), self._pake.element + element
        return _proof(self._key, _JOINER, self._elements)

    def accept(self, reply: bytes) -> PairingSecret:
        """The secret of the pairing. Raises HandshakeFailed if the other side has another code."""
        if not self._key or not hmac.compare_digest(reply, _proof(self._key, _INVITER, self._elements)):
            raise HandshakeFailed
        return _secret(self._key, self._elements)


class InvitersExchange:
    """The side that shows the code, after `knocks`. Send `answer`; `entropy` is 96 fresh random bytes.

    Raises HandshakeFailed for a knock that no holder of a code would send.
    """

    def __init__(self, shown: ShortCode, knock: bytes, entropy: bytes) -> None:
        if len(entropy) != INVITER_ENTROPY:
            raise InvalidValue("an inviter's exchange takes 96 random bytes")
        number = short.number_key(shown.number)
        element = _uncover(number, _JOINER, b"", knock)
        if element is None:
            raise HandshakeFailed
        side = Pake(shown.text.encode(), calls=False, entropy=entropy[: pake.ENTROPY])
        self._refusal = entropy[pake.ENTROPY :]
        self._key, self._elements = side.finish(element), element + side.element
        self.answer = _cover(number, _INVITER, element, side.element)

    def check(self, proof: bytes) -> tuple[PairingSecret | None, bytes]:
        """The secret of the pairing, or None for a wrong guess, which burns the code; and the reply to send."""
        if not hmac.compare_digest(proof, _proof(self._key, _JOINER, self._elements)):
            return None, self._refusal
        return _secret(self._key, self._elements), _proof(self._key, _INVITER, self._elements)


def knocks(shown: ShortCode, header: bytes) -> bool:
    """Whether a connection that begins with these 42 bytes is for the invitation with this code. Hashes only."""
    return _uncover(short.number_key(shown.number), _JOINER, b"", header) is not None


def _proof(key: bytes, role: bytes, elements: bytes) -> bytes:
    return blake2b(labels.SHORT_PROOF, role + elements, key=key)


def _secret(key: bytes, elements: bytes) -> PairingSecret:
    return PairingSecret(blake2b(labels.SHORT_SECRET, elements, key=key, size=code.SECRET_BYTES))


def _cover(number: bytes, role: bytes, context: bytes, element: bytes) -> bytes:
    hint = blake2b(labels.SHORT_HINT, role + context + element, key=number, size=HINT_BYTES)
    return hint + _masked(number, role, context, hint, element)


def _uncover(number: bytes, role: bytes, context: bytes, header: bytes) -> bytes | None:
    if len(header) != HEADER_BYTES:
        return None
    hint = header[:HINT_BYTES]
    element = _masked(number, role, context, hint, header[HINT_BYTES:])
    computed = blake2b(labels.SHORT_HINT, role + context + element, key=number, size=HINT_BYTES)
    return element if hmac.compare_digest(hint, computed) else None


def _masked(number: bytes, role: bytes, context: bytes, hint: bytes, element: bytes) -> bytes:
    mask = blake2b(labels.SHORT_MASK, role + context + hint, key=number)
    return bytes(byte ^ covering for byte, covering in zip(element, mask, strict=True))
