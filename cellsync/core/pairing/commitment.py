"""Four words that are equal on both screens only if there is no man in the middle.

An attacker who photographs the code knows the psk and can hold two conversations at the same time, posing as the
inviter to the joiner and as the joiner to the inviter. Their handshake hashes differ, so the words differ, unless the
attacker can choose one of their inputs. With 32 bits of words and free choice, 2³² attempts on a laptop would find a
match within minutes. Hence, as in ZRTP (RFC 6189, section 4.4.1.1) and Vaudenay's SAS protocols (CRYPTO 2005):

1. The joiner commits to its nonce before it sees the inviter's: HELLO carries the commitment.
2. The inviter sends its nonce before it sees the joiner's.
3. Only then is the joiner's nonce revealed, and checked against the commitment.

However the two conversations are interleaved, each honest side adds a fresh nonce after everything that the attacker
chose is fixed: towards the joiner, the attacker's NONCE is spent while the joiner's nonce is hidden; towards the
inviter, HELLO, keys and commitment are spent before the inviter's nonce exists. That leaves one attempt, with one
chance in 2³², and it uses up the code.

The commitment covers the handshake hash, so it cannot be relayed from one conversation into the other. The words
cover HELLO, so the inviter's human admits exactly the keys and the name that the joiner sent.
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
    """The joiner's commitment to its nonce, sent before it sees the inviter's, 32 bytes."""
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
    """The message that the joiner signs to prove that the signing key in HELLO is its own."""
    return labels.PAIRING_PROOF + handshake_hash + hello
