"""The bytes of a Noise conversation, indistinguishable from noise to a stranger (protocol/10-crypto.md).

    opening  = header(e, length) ‖ rest of Noise message 1        caller -> callee
    reply    = header(e, length) ‖ rest of Noise message 2        callee -> caller
    frame    = masked length (2) ‖ ciphertext                     both ways, afterwards

    header   = hint (8) ‖ (e (32) ‖ length (2)) XOR mask (34)
    hint     = BLAKE2b-64(label of the purpose, role ‖ context ‖ e ‖ length, key = hint key)
    mask     = BLAKE2b-272(MASK, role ‖ context ‖ hint, key = hint key)
    hint key = BLAKE2b-256(HINT_KEY, key = psk)

Why this shape:

1. *Nothing constant, no curve points.* An X25519 key has its top bit clear and lies on the curve, as only half of
   all strings do: a few dozen keys in the clear can be told from noise. So the whole header is the output of
   keyed hashes. It is a cipher with a synthetic IV: the hint selects the key and authenticates what it hides, so
   every bit is authenticated and a header has exactly one encoding.
2. *Strangers cost only hashes.* The callee holds up to 288 psks and tries each with two hashes; no curve
   operation happens before one matches, and a header altered in transit matches none.
3. *Lengths reveal nothing.* Handshake messages carry up to 511 bytes of padding, frames are padded to one of five
   sizes, and lengths are masked by keyed hashes.
4. *The answer is a separate step.* The callee reads an opening with `receive` and answers with `accept`: in between
   it checks the caller and commits the ephemeral, so a replay gets nothing, even after a restart.
5. *Post-quantum.* Message 1 carries an ephemeral ML-KEM-768 key, message 2 a ciphertext under it; both sides
   mix the secret into both ciphers before any frame. So traffic recorded today stays closed to a quantum
   computer.
6. *Versions are in the transcript.* The two bytes after the ML-KEM key say which versions of the protocol the sender
   speaks. Older builds read them as padding, and are taken to speak version 1.

Each object here serves one conversation: after a failure, or once finished, every method refuses.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from typing import Final, Generic, NamedTuple, TypeVar

from cellsync.core import caps
from cellsync.core.crypto import labels, noise
from cellsync.core.crypto.primitives import (
    KEM_CIPHERTEXT_BYTES,
    KEM_PUBLIC_BYTES,
    KEM_SEED_BYTES,
    KEY_BYTES,
    TAG_BYTES,
    Buffer,
    blake2b,
    decapsulate,
    encapsulate,
    kem_public,
)
from cellsync.core.errors import Closed, HandshakeFailed, InvalidValue, Malformed
from cellsync.core.ids import KemPublic, KemSecret, Psk, SessionPublic, SessionSecret
from cellsync.core.rule import Rule
from cellsync.core.versions import BYTES as VERSIONS_BYTES
from cellsync.core.versions import SPOKEN, Versions
from cellsync.core.versions import decode as decode_versions

VERSION: Final = 1  # of the handshake; what is said after it has a version of its own (core/versions)
PADDING: Final = 511  # most bytes in a handshake's payload after the key: the versions, then padding
OPENING_ENTROPY: Final = KEY_BYTES + KEM_SEED_BYTES + 2
REPLY_ENTROPY: Final = KEY_BYTES + 2

HINT_BYTES: Final = 8
HEADER_BYTES: Final = HINT_BYTES + KEY_BYTES + 2

SIZES: Final = (256, 1 << 10, 4 << 10, 16 << 10, caps.FRAME - TAG_BYTES)  # of a frame's plaintext
MAX_PAYLOAD: Final = SIZES[-1] - 2

_CALLER: Final = b"\x01"
_CALLEE: Final = b"\x02"

Tag = TypeVar("Tag")


class Purpose(NamedTuple):
    """What a conversation is for: its handshake pattern and the label of its hints."""

    pattern: noise.Pattern
    hint_label: bytes

    @property
    def least_message_1(self) -> int:
        """The length of Noise message 1 after its ephemeral key, without padding."""
        static = KEY_BYTES + TAG_BYTES if "s" in self.pattern.messages[0] else 0
        return static + KEM_PUBLIC_BYTES + TAG_BYTES


SESSION: Final = Purpose(noise.IKpsk0, labels.HINT)
PAIRING: Final = Purpose(noise.NNpsk0, labels.PAIRING_HINT)


def prologue(carrier: bytes) -> bytes:
    """What both sides must agree on before they speak: protocol, version, suite, carrier of the bytes."""
    return labels.PROLOGUE + bytes([VERSION]) + noise.SUITE + b"\0" + carrier


class ChannelKey:
    """A psk with its hint key. Make it once per psk, not once per connection."""

    __slots__ = ("hint_key", "psk")

    def __init__(self, psk: Psk) -> None:
        self.psk = psk
        self.hint_key = blake2b(labels.HINT_KEY, b"", key=psk.reveal())

    def __repr__(self) -> str:
        return "ChannelKey(hidden)"


# --- the header ---------------------------------------------------------------------------------


def _cover(purpose: Purpose, key: ChannelKey, role: bytes, context: bytes, ephemeral: bytes, length: int) -> bytes:
    """The 42 bytes that hide an ephemeral key and a length from everyone without the psk."""
    plain = ephemeral + length.to_bytes(2, "big")
    hint = _hint(purpose, key, role, context, plain)
    return hint + _mask(plain, key, role, context, hint)


def _uncover(purpose: Purpose, key: ChannelKey, role: bytes, context: bytes, header: bytes) -> tuple[bytes, int] | None:
    """The ephemeral key and the length, or None if this header was not made with this key. Hashes only."""
    hint = header[:HINT_BYTES]
    plain = _mask(header[HINT_BYTES:], key, role, context, hint)
    if not hmac.compare_digest(hint, _hint(purpose, key, role, context, plain)):
        return None
    return plain[:KEY_BYTES], int.from_bytes(plain[KEY_BYTES:], "big")


def match_hint(
    purpose: Purpose, candidates: Iterable[tuple[ChannelKey, Tag]], header: bytes
) -> tuple[ChannelKey, Tag, bytes, int] | None:
    """The candidate whose psk made this header: its key and tag, the ephemeral key and the length; or None.

    Every candidate is tried, even after a match, so the time taken does not reveal which one it was.
    """
    found = None
    for key, tag in candidates:
        plain = _uncover(purpose, key, _CALLER, b"", header)
        if plain is not None:
            found = (key, tag, *plain)
    return found


def _hint(purpose: Purpose, key: ChannelKey, role: bytes, context: bytes, plain: bytes) -> bytes:
    return blake2b(purpose.hint_label, role + context + plain, key=key.hint_key, size=HINT_BYTES)


def _mask(data: bytes, key: ChannelKey, role: bytes, context: bytes, hint: bytes) -> bytes:
    """`data`, 34 bytes, XOR the mask of this hint: covers and uncovers."""
    mask = blake2b(labels.MASK, role + context + hint, key=key.hint_key, size=KEY_BYTES + 2)
    return (int.from_bytes(data, "big") ^ int.from_bytes(mask, "big")).to_bytes(KEY_BYTES + 2, "big")


# --- the two sides of a handshake ---------------------------------------------------------------


class Initiator:
    """The caller: send `opening`, then give `receive` whatever arrives.

    `entropy` is 98 fresh random bytes. A session needs our `static` key and the callee's `remote_static`.
    `versions` are those that we speak; `remote_versions` are the callee's, once the reply has come.
    """

    def __init__(
        self,
        purpose: Purpose,
        key: ChannelKey,
        entropy: bytes,
        prologue: bytes,
        *,
        static: SessionSecret | None = None,
        remote_static: SessionPublic | None = None,
        versions: Versions = SPOKEN,
    ) -> None:
        if len(entropy) != OPENING_ENTROPY:
            raise InvalidValue("an opening is made from 98 random bytes")
        ephemeral = SessionSecret(entropy[:KEY_BYTES])
        self._kem = KemSecret(entropy[KEY_BYTES : KEY_BYTES + KEM_SEED_BYTES])
        self._purpose = purpose
        self._key = key
        self._handshake = noise.HandshakeState(
            purpose.pattern, True, prologue, static=static, remote_static=remote_static, psks=[key.psk]
        )
        message = self._handshake.write_message(kem_public(self._kem) + _after_key(versions, entropy), ephemeral)
        self._ephemeral, rest = message[:KEY_BYTES], message[KEY_BYTES:]
        self._remote_ephemeral = b""
        self.remote_versions: Versions | None = None
        self._inbox = _Inbox(self._read_header)
        self.opening: Final = _cover(purpose, key, _CALLER, b"", self._ephemeral, len(rest)) + rest

    def receive(self, data: Buffer) -> tuple[Transport, bytes] | None:
        """None while the reply is incomplete; then the conversation, and the bytes after the reply for it.

        `HandshakeFailed` if the reply is not from the device that was called.
        """
        arrived = self._inbox.feed(data)
        if arrived is None:
            return None
        rest, surplus = arrived
        payload = self._handshake.read_message(self._remote_ephemeral + rest)
        self._handshake.mix_key_and_hash(decapsulate(self._kem, payload[:KEM_CIPHERTEXT_BYTES]))
        self.remote_versions = decode_versions(payload[KEM_CIPHERTEXT_BYTES:])
        first, second = self._handshake.split()
        return Transport(first, second, self._handshake.handshake_hash), surplus

    def _read_header(self, header: bytes) -> int:
        plain = _uncover(self._purpose, self._key, _CALLEE, self._ephemeral, header)
        if plain is None:
            raise HandshakeFailed
        self._remote_ephemeral, length = plain
        return _expected(length, KEM_CIPHERTEXT_BYTES + TAG_BYTES)


class Responder(Generic[Tag]):
    """The callee: feed `receive` until it returns True, decide about the caller, then `accept`.

    `candidates` are the psks that may call, each with a tag saying what it stands for; they are iterated
    once, when the header has arrived. A session needs our `static` key. `versions` are those that we speak;
    `remote_versions` are the caller's, once the opening is complete.
    """

    def __init__(
        self,
        purpose: Purpose,
        candidates: Iterable[tuple[ChannelKey, Tag]],
        prologue: bytes,
        *,
        static: SessionSecret | None = None,
        versions: Versions = SPOKEN,
    ) -> None:
        self._purpose = purpose
        self._candidates = candidates
        self._prologue = prologue
        self._versions = versions
        self.remote_versions: Versions | None = None
        self._static = static
        self._inbox = _Inbox(self._read_header)
        self._matched: tuple[ChannelKey, Tag, bytes] | None = None
        self._handshake: noise.HandshakeState | None = None
        self._kem_public = KemPublic(b"")

    def receive(self, data: Buffer) -> bool:
        """Whether a complete opening has arrived from a holder of one of the psks. No answer is sent yet.

        `HandshakeFailed` for strangers, and for a caller that sends more before it has been answered.
        """
        arrived = self._inbox.feed(data)
        if arrived is None:
            return False
        rest, surplus = arrived
        if surplus:
            raise HandshakeFailed(Rule.HANDSHAKE_EARLY)
        key, _, ephemeral = self._opened()
        handshake = noise.HandshakeState(
            self._purpose.pattern, False, self._prologue, static=self._static, psks=[key.psk]
        )
        payload = handshake.read_message(ephemeral + rest)
        self._kem_public = KemPublic(payload[:KEM_PUBLIC_BYTES])
        self.remote_versions = decode_versions(payload[KEM_PUBLIC_BYTES:])
        self._handshake = handshake
        return True

    @property
    def tag(self) -> Tag:
        """What the caller's psk stands for."""
        return self._opened()[1]

    @property
    def ephemeral(self) -> bytes:
        """The caller's 32-byte ephemeral key: commit it before `accept`, and refuse one seen before."""
        return self._opened()[2]

    @property
    def remote_static(self) -> SessionPublic | None:
        """The caller's key (None in a pairing). A thief of our static key can claim any until a frame proves it."""
        return None if self._handshake is None else self._handshake.remote_static

    def accept(self, entropy: bytes) -> tuple[bytes, Transport]:
        """The reply to send, and the conversation. `entropy` is 34 fresh random bytes. Once."""
        if len(entropy) != REPLY_ENTROPY:
            raise InvalidValue("a reply is made from 34 random bytes")
        handshake, self._handshake = self._handshake, None
        if handshake is None:
            raise Closed("there is no opening to answer", hint="Wait for the next call.")
        key, _, remote_ephemeral = self._opened()
        secret, ciphertext = encapsulate(self._kem_public)
        payload = ciphertext + _after_key(self._versions, entropy)
        message = handshake.write_message(payload, SessionSecret(entropy[:KEY_BYTES]))
        ephemeral, rest = message[:KEY_BYTES], message[KEY_BYTES:]
        handshake.mix_key_and_hash(secret)
        first, second = handshake.split()
        header = _cover(self._purpose, key, _CALLEE, remote_ephemeral, ephemeral, len(rest))
        return header + rest, Transport(second, first, handshake.handshake_hash)

    def _read_header(self, header: bytes) -> int:
        found = match_hint(self._purpose, self._candidates, header)
        if found is None:
            raise HandshakeFailed
        self._matched, length = found[:3], found[3]
        return _expected(length, self._purpose.least_message_1)

    def _opened(self) -> tuple[ChannelKey, Tag, bytes]:
        if self._matched is None:
            raise Closed("no opening has matched", hint="Wait for the next call.")
        return self._matched


class _Inbox:
    """Reassembles one handshake message from chunks of any size: its header, then as many bytes as that says.

    Buffers less than one message; unusable after a failure or the end of the message.
    """

    def __init__(self, read_header: Callable[[bytes], int]) -> None:
        self._read_header = read_header
        self._bytes = bytearray()
        self._size: int | None = None
        self._over = False

    def feed(self, data: Buffer) -> tuple[bytes, bytes] | None:
        """What follows the header, and what follows the message; None while it is incomplete."""
        if self._over:
            raise Closed("this handshake is over", hint="Start a new one.")
        self._over = True  # stays so if anything below raises
        self._bytes += data
        if self._size is None and len(self._bytes) >= HEADER_BYTES:
            self._size = HEADER_BYTES + self._read_header(bytes(self._bytes[:HEADER_BYTES]))
        if self._size is None or len(self._bytes) < self._size:
            self._over = False
            return None
        everything = bytes(self._bytes)
        self._bytes.clear()
        return everything[HEADER_BYTES : self._size], everything[self._size :]


def _after_key(versions: Versions, entropy: bytes) -> bytes:
    """The versions that we speak, then 0 to 509 zeros, chosen by the last two bytes of the entropy."""
    return versions.encode() + bytes(int.from_bytes(entropy[-2:], "big") % (PADDING + 1 - VERSIONS_BYTES))


def _expected(length: int, least: int) -> int:
    """The length of a handshake message, which its padding bounds."""
    if not least <= length <= least + PADDING:
        raise HandshakeFailed(Rule.HANDSHAKE_LENGTH)
    return length


# --- after the handshake ------------------------------------------------------------------------


class Transport:
    """The conversation: `encrypt_frame` to send, `receive` for incoming bytes.

    `handshake_hash` is 64 bytes, the same at both ends and unique to this conversation.
    """

    def __init__(self, sending: noise.CipherState, receiving: noise.CipherState, handshake_hash: bytes) -> None:
        self.handshake_hash: Final = handshake_hash
        self._sending = sending
        self._receiving = receiving
        self._sending_mask = sending.derive(labels.FRAME_KEY)
        self._receiving_mask = receiving.derive(labels.FRAME_KEY)
        self._buffer = bytearray()
        self._expected: int | None = None  # bytes of the ciphertext that is arriving
        self._broken = False

    def encrypt_frame(self, payload: bytes) -> bytes:
        """One frame with these bytes (at most `MAX_PAYLOAD`), padded to a size class."""
        self._refuse_broken()
        if len(payload) > MAX_PAYLOAD:
            raise InvalidValue("the payload is too long for a frame")
        size = _class_of(2 + len(payload))
        plaintext = (len(payload).to_bytes(2, "big") + payload).ljust(size, b"\0")
        length = _mask_length(size + TAG_BYTES, self._sending_mask, self._sending.nonce)
        return length.to_bytes(2, "big") + self._sending.encrypt_with_ad(b"", plaintext)

    def receive(self, data: Buffer) -> list[bytes]:
        """The payloads of the frames that these bytes complete; chunks may be cut anywhere.

        Buffers less than one frame. `Malformed` if a frame was not sent by the other end of this conversation,
        in this order; after that nothing more is received or sent.
        """
        self._refuse_broken()
        self._broken = True  # stays so if anything below raises
        self._buffer += data
        payloads = []
        start = 0
        with memoryview(self._buffer) as view:
            while True:
                if self._expected is None:
                    if len(view) < start + 2:
                        break
                    self._expected = self._read_length(view[start : start + 2])
                    start += 2
                end = start + self._expected
                if len(view) < end:
                    break
                payloads.append(self._read_frame(view[start:end]))
                self._expected = None
                start = end
        del self._buffer[:start]
        self._broken = False
        return payloads

    def _read_length(self, masked: Buffer) -> int:
        length = _mask_length(int.from_bytes(masked, "big"), self._receiving_mask, self._receiving.nonce)
        if length - TAG_BYTES not in SIZES:
            raise Malformed(Rule.FRAME_LENGTH)
        return length

    def _read_frame(self, ciphertext: Buffer) -> bytes:
        plaintext = self._receiving.decrypt_with_ad(b"", ciphertext)
        end = 2 + int.from_bytes(plaintext[:2], "big")
        if end > len(plaintext):
            raise Malformed(Rule.FRAME_PAYLOAD)
        if len(plaintext) != _class_of(end):
            raise Malformed(Rule.FRAME_CLASS)
        if plaintext.count(0, end) != len(plaintext) - end:
            raise Malformed(Rule.FRAME_PADDING)
        return plaintext[2:end]

    def _refuse_broken(self) -> None:
        if self._broken:
            raise Closed("this conversation has failed", hint="Connect again.")


def _class_of(size: int) -> int:
    """The size of the smallest plaintext of a frame that has room for so many bytes."""
    return next(one for one in SIZES if size <= one)


def _mask_length(length: int, key: bytes, frame: int) -> int:
    """Mask the length of a frame, or unmask it."""
    mask = blake2b(labels.FRAME_MASK, frame.to_bytes(8, "big"), key=key, size=2)
    return length ^ int.from_bytes(mask, "big")
