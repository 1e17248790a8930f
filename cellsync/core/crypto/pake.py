"""SPAKE2: two devices that share a few words agree on a strong key (protocol/55-pairing.md, The short code).

The only module that imports spake2. Rules:

1. *Once.* The library is pure Python and not constant-time. So a `Pake` serves one exchange over one password,
   which that exchange uses up: there is no second run to time.
2. *A wrong password raises nothing*: the keys differ. The caller confirms the key before relying on it.
3. *A peer's element is checked by libsodium first*, and whatever the library raises becomes `HandshakeFailed`.
   Its side byte is not sent: it is always the same.

Source: python-spake2 0.9 over Ed25519 (older than RFC 9382, and not the same bytes).
"""

from __future__ import annotations

from typing import Final

from cellsync.core.crypto import labels
from cellsync.core.crypto.primitives import KEY_BYTES, is_signing_key
from cellsync.core.errors import Closed, HandshakeFailed, InvalidValue
from cellsync.core.rule import Rule

ELEMENT_BYTES: Final = KEY_BYTES
ENTROPY: Final = 64

_CALLER: Final = labels.SHORT_CODE + b"\x01"
_CALLEE: Final = labels.SHORT_CODE + b"\x02"


class Pake:
    """One side of one exchange. `entropy` is 64 fresh random bytes; send `element`, 32 bytes."""

    def __init__(self, password: bytes, *, calls: bool, entropy: bytes) -> None:
        if len(entropy) != ENTROPY:
            raise InvalidValue("an exchange takes 64 random bytes")
        from spake2 import SPAKE2_A, SPAKE2_B  # computes its groups on import, and only pairing needs them

        side, self._peer = (SPAKE2_A, b"B") if calls else (SPAKE2_B, b"A")
        self._side = side(password, idA=_CALLER, idB=_CALLEE, entropy_f=lambda _: entropy)
        self.element = bytes(self._side.start()[1:])
        self._over = False

    def __repr__(self) -> str:
        return "<pake>"

    def finish(self, element: bytes) -> bytes:
        """The key, 32 bytes, equal on both sides if the passwords are. HandshakeFailed for an invalid element."""
        if self._over:
            raise Closed("this exchange is over", hint="Start a new one, with a new password.")
        self._over = True
        if not is_signing_key(element):
            raise HandshakeFailed(Rule.SHORT_ELEMENT)
        try:
            return bytes(self._side.finish(self._peer + element))
        except Exception:  # spake2's errors have no common base; one of them is our own element reflected
            raise HandshakeFailed(Rule.SHORT_ELEMENT) from None
