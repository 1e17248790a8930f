"""SPAKE2: two devices that share a few words agree on a strong key (protocol/55-pairing.md, The short code).

The only module that imports spake2. Rules:

1. *Once.* The library is pure Python and its time depends on secrets. So a `Pake` serves one exchange over one
   password, which is used up by it: nobody can measure twice.
2. *A wrong password raises nothing*: the keys differ. Whoever uses this confirms the key before relying on it.
3. *The element of a peer is checked by libsodium first*, and whatever the library raises leaves as `HandshakeFailed`.
   Its byte for the side is not sent: it is always the same.

Source: python-spake2 0.9 over Ed25519 (older than RFC 9382, and not the same bytes).
"""

from __future__ import annotations

from typing import Final

from cellsync.core.crypto import labels
from cellsync.core.crypto.primitives import KEY_BYTES, is_signing_key
from cellsync.core.errors import Closed, HandshakeFailed, InvalidValue

ELEMENT_BYTES: Final = KEY_BYTES
ENTROPY: Final = 64

_CALLER: Final = labels.SHORT_CODE + b"\x01"
_CALLEE: Final = labels.SHORT_CODE + b"\x02"


class Pake:
    """One side of one exchange. `entropy` is 64 fresh random bytes; send `element`, 32 bytes."""

    def __init__(self, password: bytes, *, calls: bool, entropy: bytes) -> None:
        if len(entropy) != ENTROPY:
            raise InvalidValue("an exchange takes 64 random bytes")
        from spake2 import SPAKE2_A, SPAKE2_B  # computes its groups when it is imported, and only pairing needs them

        side, self._peer = (SPAKE2_A, b"B") if calls else (SPAKE2_B, b"A")
        self._side = side(password, idA=_CALLER, idB=_CALLEE, entropy_f=lambda _: entropy)
        self.element = bytes(self._side.start()[1:])
        self._over = False

    def __repr__(self) -> str:
        return "<pake>"

    def finish(self, element: bytes) -> bytes:
        """The key, 32 bytes: the same on both sides if the passwords are. Raises HandshakeFailed for no fit element."""
        if self._over:
            raise Closed("this exchange is over", hint="Start a new one, with a new password.")
        self._over = True
        if not is_signing_key(element):
            raise HandshakeFailed("not an element of the group")
        try:
            return bytes(self._side.finish(self._peer + element))
        except Exception:  # it has no common class for them; one is our own element sent back
            raise HandshakeFailed("an element that does not fit") from None
