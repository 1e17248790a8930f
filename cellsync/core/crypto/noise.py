"""The Noise Protocol Framework, revision 34, for 25519_ChaChaPoly with any of its four hashes; BLAKE2b is ours.

Classes and methods carry the specification's names (sections 5 and 9), so the two can be read side by side. A
handshake is one row of a table: what each side knows beforehand, then the tokens of each message. The rules:

1. Tokens are processed in the order of the message; the last part of every message is its payload.
2. In a psk pattern, an `e` token also mixes the ephemeral into the key (section 9.2), so no two handshakes under
   one psk share a key.
3. A message that fails leaves a half-updated state, and every method of it refuses from then on. The same holds
   after `split`.
4. A message has at most 65,535 bytes, and a nonce is never used twice: the last one is refused.

Sans-IO: the ephemeral key is an argument of the message that sends it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

from cellsync.core import caps
from cellsync.core.crypto.primitives import KEY_BYTES, TAG_BYTES, Aead, Buffer, blake2b, dh, session_public
from cellsync.core.errors import CapExceeded, Closed, HandshakeFailed, InvalidValue, Malformed
from cellsync.core.ids import Psk, SessionPublic, SessionSecret
from cellsync.core.rule import Rule

_T = TypeVar("_T")

MAX_NONCE: Final = (1 << 64) - 1  # reserved by the specification, hence never used


class Hash(NamedTuple):
    """A hash function of section 12. Ours is BLAKE2b; the others run what others have published (cellsync.testing)."""

    name: bytes
    new: Callable[[], hashlib._Hash | hashlib.blake2b | hashlib.blake2s]

    @property
    def suite(self) -> bytes:
        """The part of a protocol's name after its pattern."""
        return b"25519_ChaChaPoly_" + self.name

    @property
    def size(self) -> int:
        return self.new().digest_size

    def of(self, *parts: Buffer) -> bytes:
        state = self.new()
        for part in parts:
            state.update(part)
        return state.digest()

    def hkdf(self, chaining_key: bytes, material: bytes, outputs: int) -> list[bytes]:
        """HKDF of section 4.3: two or three outputs, each as long as the hash."""
        key = hmac.digest(chaining_key, material, self.new)
        results = [b""]
        for counter in range(1, outputs + 1):
            results.append(hmac.digest(key, results[-1] + bytes([counter]), self.new))
        return results[1:]


BLAKE2B: Final = Hash(b"BLAKE2b", hashlib.blake2b)
SUITE: Final = BLAKE2B.suite


class Pattern(NamedTuple):
    """A handshake pattern: the pre-messages (`s` or nothing), then the tokens of each message."""

    name: bytes
    pre_initiator: tuple[str, ...]
    pre_responder: tuple[str, ...]
    messages: tuple[tuple[str, ...], ...]

    @property
    def psks(self) -> int:
        """How many `psk` tokens it has."""
        return sum(message.count("psk") for message in self.messages)


IKpsk0: Final = Pattern(b"IKpsk0", (), ("s",), (("psk", "e", "es", "s", "ss"), ("e", "ee", "se")))
NNpsk0: Final = Pattern(b"NNpsk0", (), (), (("psk", "e"), ("e", "ee")))


class CipherState:
    """A key, or none, and `nonce`: how many messages it has processed."""

    __slots__ = ("_aead", "_key", "nonce")

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key
        self._aead = None if key is None else Aead(key)
        self.nonce = 0

    @property
    def has_key(self) -> bool:
        return self._aead is not None

    def encrypt_with_ad(self, associated: bytes, plaintext: Buffer) -> bytes:
        """Seal and count; without a key the plaintext is returned as it is."""
        if self._aead is None:
            return bytes(plaintext)
        sealed = self._aead.seal(self._next_nonce(), plaintext, associated)
        self.nonce += 1
        return sealed

    def decrypt_with_ad(self, associated: bytes, ciphertext: Buffer) -> bytes:
        """Open and count. `Malformed` if it does not open; the count then stays as it was."""
        if self._aead is None:
            return bytes(ciphertext)
        opened = self._aead.open(self._next_nonce(), ciphertext, associated)
        self.nonce += 1
        return opened

    def derive(self, label: bytes) -> bytes:
        """Another 32-byte key, as secret as the cipher's, for a use beside it."""
        if self._key is None:
            raise InvalidValue("there is no key yet")
        return blake2b(label, b"", key=self._key)

    def _next_nonce(self) -> bytes:
        if self.nonce >= MAX_NONCE:
            raise CapExceeded(Rule.CAP_MESSAGES)
        return b"\0\0\0\0" + self.nonce.to_bytes(8, "little")


class SymmetricState:
    """The chaining key, the transcript hash and the cipher of a handshake."""

    __slots__ = ("_chaining_key", "_cipher", "_function", "hash")

    def __init__(self, protocol_name: bytes, function: Hash = BLAKE2B) -> None:
        self._function = function
        if len(protocol_name) <= function.size:
            self.hash = protocol_name.ljust(function.size, b"\0")
        else:
            self.hash = function.of(protocol_name)
        self._chaining_key = self.hash
        self._cipher = CipherState()

    @property
    def has_key(self) -> bool:
        return self._cipher.has_key

    def mix_key(self, secret: bytes) -> None:
        self._chaining_key, key = self._function.hkdf(self._chaining_key, secret, 2)
        self._cipher = CipherState(key[:KEY_BYTES])

    def mix_hash(self, data: Buffer) -> None:
        self.hash = self._function.of(self.hash, data)

    def mix_key_and_hash(self, secret: bytes) -> None:
        self._chaining_key, mixed, key = self._function.hkdf(self._chaining_key, secret, 3)
        self.mix_hash(mixed)
        self._cipher = CipherState(key[:KEY_BYTES])

    def encrypt_and_hash(self, plaintext: Buffer) -> bytes:
        ciphertext = self._cipher.encrypt_with_ad(self.hash, plaintext)
        self.mix_hash(ciphertext)
        return ciphertext

    def decrypt_and_hash(self, ciphertext: Buffer) -> bytes:
        plaintext = self._cipher.decrypt_with_ad(self.hash, ciphertext)
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> tuple[CipherState, CipherState]:
        first, second = self._function.hkdf(self._chaining_key, b"", 2)
        return CipherState(first[:KEY_BYTES]), CipherState(second[:KEY_BYTES])


# Each Diffie-Hellman token: the initiator's key, then the responder's.
_DH: Final = {"ee": ("e", "e"), "es": ("e", "s"), "se": ("s", "e"), "ss": ("s", "s")}


class HandshakeState:
    """One side of one handshake: `write_message` and `read_message` in turns, then `split`, once.

    `static` is our X25519 key, `remote_static` the peer's where the pattern has it known beforehand, `psks` one
    key for each `psk` token, in their order. `InvalidValue` if the pattern needs another number of them.
    """

    def __init__(
        self,
        pattern: Pattern,
        initiator: bool,
        prologue: bytes,
        *,
        static: SessionSecret | None = None,
        remote_static: SessionPublic | None = None,
        psks: Sequence[Psk] = (),
        function: Hash = BLAKE2B,
    ) -> None:
        if pattern.psks != len(psks):
            raise InvalidValue("a pattern needs one psk for each of its psk tokens")
        self._psks = list(psks)
        self._has_psk = bool(psks)
        self._initiator = initiator
        self._static = static
        self._ephemeral: SessionSecret | None = None
        self._remote_static = remote_static
        self._remote_ephemeral: SessionPublic | None = None
        self._messages = list(pattern.messages)
        self._writing = initiator
        self._usable = True

        self._symmetric = SymmetricState(b"Noise_" + pattern.name + b"_" + function.suite, function)
        self._symmetric.mix_hash(prologue)
        self._mix_known(pattern.pre_initiator, mine=initiator)
        self._mix_known(pattern.pre_responder, mine=not initiator)

    @property
    def handshake_hash(self) -> bytes:
        """The 64-byte hash of everything so far; after the handshake it names this conversation."""
        return self._symmetric.hash

    @property
    def remote_static(self) -> SessionPublic | None:
        """The peer's static key, as known beforehand or read; proven only once a message after it opened."""
        return self._remote_static

    def write_message(self, payload: bytes, ephemeral: SessionSecret | None = None) -> bytes:
        """The next message. `ephemeral` is a fresh X25519 key, if the message sends one."""
        tokens = self._begin(writing=True)
        parts: list[bytes] = []
        for token in tokens:
            if token == "e":
                self._ephemeral = _present(ephemeral)
                public = session_public(self._ephemeral)
                self._mix_ephemeral(public)
                parts.append(public)
            elif token == "s":
                parts.append(self._symmetric.encrypt_and_hash(session_public(_present(self._static))))
            else:
                self._mix_secret(token)
        parts.append(self._symmetric.encrypt_and_hash(payload))
        message = b"".join(parts)
        if len(message) > caps.FRAME:
            raise InvalidValue("the payload is too long for a Noise message")
        self._usable = True
        return message

    def read_message(self, message: Buffer) -> bytes:
        """The payload of the peer's next message. `HandshakeFailed` if it is not what the pattern expects."""
        tokens = self._begin(writing=False)
        if len(message) > caps.FRAME:
            raise CapExceeded(Rule.CAP_FRAME)
        rest = memoryview(message)
        try:
            for token in tokens:
                if token == "e":
                    public, rest = _take(rest, KEY_BYTES)
                    self._remote_ephemeral = SessionPublic(bytes(public))
                    self._mix_ephemeral(self._remote_ephemeral)
                elif token == "s":
                    sealed, rest = _take(rest, KEY_BYTES + TAG_BYTES * self._symmetric.has_key)
                    self._remote_static = SessionPublic(self._symmetric.decrypt_and_hash(sealed))
                else:
                    self._mix_secret(token)
            payload = self._symmetric.decrypt_and_hash(rest)
        except Malformed:
            raise HandshakeFailed from None
        self._usable = True
        return payload

    def mix_key_and_hash(self, secret: bytes) -> None:
        """Mix a further secret into both ciphers, after the last message and before `split`."""
        self._finish()
        self._symmetric.mix_key_and_hash(secret)

    def split(self) -> tuple[CipherState, CipherState]:
        """The ciphers of the conversation: initiator to responder, then responder to initiator. Once."""
        self._finish()
        self._usable = False
        return self._symmetric.split()

    # -- the parts of the above ------------------------------------------------------------------

    def _begin(self, *, writing: bool) -> tuple[str, ...]:
        """The tokens of the next message. The state is unusable until the message has succeeded."""
        if not self._usable or not self._messages or self._writing != writing:
            raise Closed("this handshake is over, or it is the other side's turn", hint="Start a new one.")
        self._usable = False
        self._writing = not writing
        return self._messages.pop(0)

    def _finish(self) -> None:
        if not self._usable or self._messages:
            raise Closed("this handshake has failed, is not finished, or was split", hint="Start a new one.")

    def _mix_known(self, tokens: tuple[str, ...], *, mine: bool) -> None:
        if "s" in tokens:
            known = session_public(_present(self._static)) if mine else _present(self._remote_static)
            self._symmetric.mix_hash(known)

    def _mix_ephemeral(self, public: SessionPublic) -> None:
        self._symmetric.mix_hash(public)
        if self._has_psk:
            self._symmetric.mix_key(public)

    def _mix_secret(self, token: str) -> None:
        """`psk`, or the Diffie-Hellman tokens `ee`, `es`, `se`, `ss`."""
        if token == "psk":
            self._symmetric.mix_key_and_hash(self._psks.pop(0).reveal())
            return
        ours, theirs = _DH[token] if self._initiator else reversed(_DH[token])
        secret = _present(self._ephemeral if ours == "e" else self._static)
        public = _present(self._remote_ephemeral if theirs == "e" else self._remote_static)
        self._symmetric.mix_key(dh(secret, public))


def _present(value: _T | None) -> _T:
    if value is None:
        raise InvalidValue("this pattern needs a key that was not given")
    return value


def _take(view: memoryview, size: int) -> tuple[memoryview, memoryview]:
    if len(view) < size:
        raise HandshakeFailed(Rule.HANDSHAKE_LENGTH)
    return view[:size], view[size:]
