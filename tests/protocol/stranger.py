"""A device made from the text of protocol/ alone: it joins a circle by its code, calls, takes a batch, and writes.

Nothing here is of cellsync. What it leaves out is what 00-conventions says that a first implementation can.
"""

from __future__ import annotations

import re
from base64 import b32decode
from dataclasses import dataclass
from typing import Any

import msgpack
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from nacl.signing import SigningKey, VerifyKey

from protocol.generate.conversation import CALLEE, CALLER, CLASSES, HINTS, PATTERNS, Symmetric, h, x25519, xor
from protocol.generate.encapsulation import xwing_keys
from protocol.generate.header import ZEROS, Entry
from protocol.generate.story import drawn

Row = list[Any]


def packed(value: Any) -> bytes:
    raw: bytes = msgpack.packb(value)
    return raw


# --- 10-crypto: a conversation, as its caller -------------------------------------------------------


class Call:
    """The caller's side: `opening`, then `answered` with the reply, then frames."""

    versions = b"\3\3"

    def __init__(self, kind: str, psk: bytes, own: bytes = b"", theirs: bytes = b"") -> None:
        """`own`: our X25519 secret; `theirs`: the callee's public key; none in a pairing."""
        self.kind, self.psk, self.own = kind, psk, own
        self.secret, self.kem = drawn(f"{kind} ephemeral"), MLKEM768PrivateKey.from_seed_bytes(drawn(f"{kind} kem", 64))
        self.public = x25519(self.secret)
        self.state = Symmetric(b"Noise_" + PATTERNS[kind] + b"_25519_ChaChaPoly_BLAKE2b")
        self.state.mix_hash(b"cellsync/1 noise\0\x0125519_ChaChaPoly_BLAKE2b\0lan")
        if own:
            self.state.mix_hash(theirs)
        self.state.mix_key_and_hash(psk)
        self.state.ephemeral(self.public)
        rest = b""
        if own:
            self.state.mix_key(x25519(self.secret, theirs))
            rest += self.state.sealed(x25519(own))
            self.state.mix_key(x25519(own, theirs))
        rest += self.state.sealed(self.kem.public_key().public_bytes_raw() + self.versions + bytes(9))
        plain = self.public + len(rest).to_bytes(2, "big")
        hint = self._hint(CALLER, b"", plain)
        self.opening = hint + xor(plain, self._mask(CALLER, b"", hint)) + rest
        self.buffer = b""
        self.keys: tuple[bytes, bytes] = b"", b""
        self.sent = self.heard = 0

    def answered(self, data: bytes) -> None:
        hint, covered = data[:8], data[8:42]
        plain = xor(covered, self._mask(CALLEE, self.public, hint))
        assert hint == self._hint(CALLEE, self.public, plain)
        theirs, length = plain[:32], int.from_bytes(plain[32:], "big")
        self.state.ephemeral(theirs)
        self.state.mix_key(x25519(self.secret, theirs))
        if self.own:
            self.state.mix_key(x25519(self.own, theirs))
        payload = self._opened(data[42 : 42 + length])
        self.state.mix_key_and_hash(self.kem.decapsulate(payload[:1_088]))
        assert payload[1_088] <= self.versions[1] <= payload[1_089]
        self.keys = self.state.split()
        self.buffer = data[42 + length :]

    def say(self, message: Any) -> bytes:
        payload = packed(message)
        size = next(size for size in CLASSES if len(payload) + 2 <= size)
        plaintext = (len(payload).to_bytes(2, "big") + payload).ljust(size, b"\0")
        nonce = bytes(4) + self.sent.to_bytes(8, "little")
        length = (size + 16).to_bytes(2, "big")
        masked = xor(length, self._frame_mask(0, self.sent))
        self.sent += 1
        return masked + ChaCha20Poly1305(self.keys[0]).encrypt(nonce, plaintext, b"")

    def hear(self, data: bytes) -> list[Row]:
        self.buffer += data
        messages: list[Row] = []
        while len(self.buffer) >= 2:
            length = int.from_bytes(xor(self.buffer[:2], self._frame_mask(1, self.heard)), "big")
            if len(self.buffer) < 2 + length:
                break
            nonce = bytes(4) + self.heard.to_bytes(8, "little")
            plaintext = ChaCha20Poly1305(self.keys[1]).decrypt(nonce, self.buffer[2 : 2 + length], b"")
            messages.append(msgpack.unpackb(plaintext[2 : 2 + int.from_bytes(plaintext[:2], "big")]))
            self.buffer, self.heard = self.buffer[2 + length :], self.heard + 1
        return messages

    def _opened(self, ciphertext: bytes) -> bytes:
        nonce = bytes(4) + self.state.nonce.to_bytes(8, "little")
        return ChaCha20Poly1305(self.state.key).decrypt(nonce, ciphertext, self._absorb(ciphertext))

    def _absorb(self, ciphertext: bytes) -> bytes:
        """The associated data of a ciphertext, which becomes part of the hash."""
        before = self.state.hash
        self.state.mix_hash(ciphertext)
        return before

    def _hint(self, role: bytes, context: bytes, plain: bytes) -> bytes:
        return h(HINTS[self.kind], role + context + plain, h(b"cs1 hint key", b"", self.psk), 8)

    def _mask(self, role: bytes, context: bytes, hint: bytes) -> bytes:
        return h(b"cs1 mask", role + context + hint, h(b"cs1 hint key", b"", self.psk), 34)

    def _frame_mask(self, way: int, number: int) -> bytes:
        return h(b"cs1 frame mask", number.to_bytes(8, "big"), h(b"cs1 frame key", b"", self.keys[way]), 2)


# --- the device -------------------------------------------------------------------------------------


@dataclass
class Chain:
    """What is known of one branch: the next sequence, and the entry before it."""

    row: Row
    next: int
    previous: bytes
    entries: dict[int, Entry]


class Stranger:
    """One device of one circle, whose history has no forks."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.signing, self.session = SigningKey(drawn(f"{name} signing")), drawn(f"{name} session")
        self.keys = [bytes(self.signing.verify_key), x25519(self.session), xwing_keys(drawn(f"{name} seal"))[2]]
        self.incarnation, self.nonce = drawn(f"{name} incarnation", 8), drawn(f"{name} nonce")
        self.entries: dict[bytes, Entry] = {}
        self.signing_keys: dict[bytes, bytes] = {}  # of devices, by id
        self.circle = self.id = self.psk = self.sponsor_key = ZEROS
        self.hello = b""

    # --- 55-pairing -----------------------------------------------------------------------------

    def dial(self, code: str) -> Call:
        secret = b32decode(re.sub("[^A-Z2-7]", "", code))[:16]
        self.call = Call("pairing", h(b"cs1 pair psk", b"", secret))
        return self.call

    def introduction(self, clock: int) -> bytes:
        commitment = h(b"cs1 pair commit", self.call.state.hash + self.nonce)
        message = [1, 1, self.keys, self.name, commitment, clock]
        self.hello = packed(message)
        return self.call.say(message)

    def reveal(self, nonce: Row) -> tuple[bytes, list[int]]:
        """The message, and the numbers of the four words."""
        claim = b"cellsync/1 pairing proof\0" + self.call.state.hash + self.hello
        digest = h(b"cs1 words", self.call.state.hash + nonce[1] + self.nonce + self.hello)
        return self.call.say([3, self.nonce, self.signing.sign(claim).signature]), list(digest[:4])

    def welcomed(self, welcome: Row) -> bytes:
        _, self.circle, self.id, _, states, _, self.sponsor_key = welcome
        self.psk = h(b"cs1 psk", self.circle, states[1])
        return self.call.say([6])

    # --- 50-sync --------------------------------------------------------------------------------

    def ring(self) -> Call:
        self.call = Call("session", self.psk, self.session, self.sponsor_key)
        return self.call

    def tag(self, role: bytes) -> bytes:
        return h(b"cs1 offer", role + self.call.state.hash + self.circle, self.psk, 16)

    def greeting(self, clock: int) -> bytes:
        """OFFER, CLOCK, and what follows once the circle is shared: DIGEST."""
        tags = sorted([self.tag(b"caller"), *(drawn(f"tag {number}", 16) for number in range(31))])
        said = [[1, tags], [11, clock], [2, self.tag(b"caller")[:8], self.digest()], self.frontier()]
        return b"".join(self.call.say(message) for message in said)

    def heads(self) -> list[Row]:
        newest: dict[bytes, Entry] = {}
        for entry in self.entries.values():
            if entry.device not in newest or newest[entry.device].sequence < entry.sequence:
                newest[entry.device] = entry
        return sorted([one.device, one.incarnation, one.sequence, one.id] for one in newest.values())

    def digest(self) -> bytes:
        return h(b"cs1 frontier", packed([self.heads(), [], []]))

    def frontier(self) -> Row:
        return [3, self.tag(b"caller")[:8], True, self.heads(), [], []]

    def take(self, batch: Row) -> bytes:
        """Read a batch, entry by entry; verify it whole; acknowledge it."""
        _, name, last, chains, cases, rows = batch
        assert last
        known = [Chain(row, row[2], row[3], {}) for row in chains]
        shapes: list[bytes] = []
        clock = 0
        taken: list[Entry] = []
        for chain_row, case_row, cited, difference, kind, shape, content in rows:
            chain, clock = known[chain_row], clock + difference
            if isinstance(shape, int):
                shape = shapes[shape]
            elif len(shape) <= 64:
                shapes.append(shape)
            parents = [self._cited(known[cited[at]], cited[at + 1], taken) for at in range(0, len(cited), 2)]
            before = [self._found(chain.previous, taken)] if any(chain.previous) else []
            height = 1 + max([entry.height for entry in (*before, *parents)], default=0)
            entry = Entry(
                self.circle, chain.row[0], chain.row[1], chain.next, chain.previous, height, clock, kind,
                cases[case_row], shape, content, tuple(parent.id for parent in parents),
            )  # fmt: skip
            chain.entries[chain.next] = entry
            chain.next, chain.previous = chain.next + 1, entry.id
            taken.append(entry)
            self._introduces(entry)
        for chain in known:
            if chain.entries:
                key = VerifyKey(self.signing_keys[chain.row[0]])
                key.verify(b"cellsync/1 entry signature\0" + chain.previous, chain.row[4])
        self.entries |= {entry.id: entry for entry in taken}
        return self.call.say([5, name, []])

    def _found(self, identity: bytes, taken: list[Entry]) -> Entry:
        return next(entry for entry in (*taken, *self.entries.values()) if entry.id == identity)

    def _cited(self, chain: Chain, offset: int, taken: list[Entry]) -> Entry:
        entry = self._found(chain.previous, taken)
        for _ in range(offset - 1):
            entry = self._found(entry.previous, taken)
        return entry

    def _introduces(self, entry: Entry) -> None:
        shape = msgpack.unpackb(entry.shape)
        if entry.kind == 1:
            assert entry.id == self.circle
            self.signing_keys[entry.id] = shape[1][0]
        elif entry.kind == 2:
            self.signing_keys[entry.id] = shape[1][0]

    # --- 30-history: what it writes -------------------------------------------------------------

    def write(self, case: bytes, operations: list[Row], values: list[Any], clock: int) -> bytes:
        """One entry that cites all heads of others, as a batch."""
        own = [entry for entry in self.entries.values() if entry.device == self.id]
        before = max(own, key=lambda entry: entry.sequence, default=None)
        cited = [self.entries[head[3]] for head in self.heads() if head[0] != self.id]
        content = drawn(f"{self.name} salt {len(own)}", 16) + packed(values)
        entry = Entry(
            self.circle, self.id, self.incarnation, len(own) + 1, before.id if before else ZEROS,
            1 + max(one.height for one in (*own, *cited)), clock, 0, case, packed(operations), content,
            tuple(one.id for one in cited),
        )  # fmt: skip
        self.entries[entry.id] = entry
        row = [self.id, self.incarnation, entry.sequence, entry.previous, entry.signed(self.signing)]
        others = [[one.device, one.incarnation, one.sequence + 1, one.id, b""] for one in cited]
        parents = [number for at in range(len(cited)) for number in (at + 1, 1)]
        entries = [[0, 0, parents, clock, 0, entry.shape, content]]
        return self.call.say([4, self.tag(b"caller")[:8], True, [row, *others], [case], entries])
