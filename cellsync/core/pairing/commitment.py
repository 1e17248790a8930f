"""Four words that are equal on both screens only if nobody is between the two devices.

Who photographs the code knows the psk and can hold two conversations at once, as the inviter with the joiner and as the
joiner with the inviter. The handshake hashes of the two differ, so the words differ, unless that person can choose
something of which the words are made. With 32 bits of words and free choice, 2³² attempts on a laptop would find equal
ones within minutes. Hence, as in ZRTP (RFC 6189, section 4.4.1.1) and Vaudenay's SAS protocols (CRYPTO 2005):

1. The joiner commits to its nonce before it sees the inviter's: HELLO carries the commitment.
2. The inviter's nonce goes out before it sees the joiner's.
3. Only then is the joiner's nonce revealed, and checked against the commitment.

Whatever order the two conversations are steered in, each honest side adds a fresh nonce after everything that the
other chose is fixed: towards the joiner the nonce of NONCE is spent while the joiner's is hidden; towards the inviter
HELLO, keys and commitment are spent before the inviter's nonce exists. One attempt, one chance in 2³², and it uses up
the code.

The commitment covers the handshake hash, so it cannot be carried from one conversation into the other. The words
cover HELLO, so the keys and the name that the inviter's human admits are those that the joiner sent.
"""

from __future__ import annotations

import hmac
from typing import Final

from cellsync.core.crypto import labels
from cellsync.core.crypto.primitives import blake2b
from cellsync.core.pairing.words import WORDS

NONCE_BYTES: Final = 32

Words = tuple[str, str, str, str]


def commit(handshake_hash: bytes, nonce: bytes) -> bytes:
    """What the joiner sends of its nonce before it sees the other's, 32 bytes."""
    return blake2b(labels.PAIRING_COMMIT, handshake_hash + nonce)


def opens(commitment: bytes, handshake_hash: bytes, nonce: bytes) -> bool:
    """Whether this nonce was committed to, in this conversation."""
    return hmac.compare_digest(commitment, commit(handshake_hash, nonce))


def matching_words(handshake_hash: bytes, inviters_nonce: bytes, joiners_nonce: bytes, hello: bytes) -> Words:
    """The words that both humans compare; `hello` is the message as it was sent."""
    digest = blake2b(labels.WORDS, handshake_hash + inviters_nonce + joiners_nonce + hello)
    first, second, third, fourth = (WORDS[byte] for byte in digest[:4])
    return first, second, third, fourth


def claim(handshake_hash: bytes, hello: bytes) -> bytes:
    """What the joiner signs to prove that the signing key in HELLO is its own."""
    return labels.PAIRING_PROOF + handshake_hash + hello
