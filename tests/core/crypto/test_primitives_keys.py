"""Which bytes are keys, and what is said of those that are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cellsync.core.crypto import primitives
from cellsync.core.crypto.ratchet import commitment
from cellsync.core.errors import InvalidValue, PeerError
from cellsync.core.ids import (
    EpochSecret,
    KemPublic,
    KemSecret,
    SealPublic,
    SealSecret,
    SessionPublic,
    SessionSecret,
    SigningSecret,
)
from cellsync.core.rule import Rule

SESSION = primitives.session_public(SessionSecret(b"s" * 32))
SEAL = primitives.xwing_public(SealSecret(b"x" * 32))
KEM = SEAL[: primitives.KEM_PUBLIC_BYTES]


@pytest.mark.parametrize("public", [bytes(32), b"\x01" + bytes(31), b"", bytes(31), SESSION[:31], SESSION + b"\0"])
def test_session_keys_are_those_with_which_an_exchange_succeeds(public: bytes) -> None:
    assert primitives.is_session_key(SESSION)
    assert not primitives.is_session_key(public)
    assert not primitives.is_seal_key(KEM + public)


@pytest.mark.parametrize("public", [b"", KEM[:-1] + SESSION, b"\xff" * 1_184 + SESSION, KEM, SEAL + b"\0"])
def test_seal_keys_are_those_to_which_something_can_be_sealed(public: bytes) -> None:
    assert primitives.is_seal_key(SEAL)
    assert not primitives.is_seal_key(public)


@pytest.mark.parametrize(("peers", "rule"), [
    (lambda: primitives.dh(SessionSecret(bytes(32)), SessionPublic(bytes(31))), Rule.KEY_X25519),
    (lambda: primitives.dh(SessionSecret(bytes(32)), SessionPublic(bytes(32))), Rule.KEY_X25519),
    (lambda: primitives.Aead(bytes(32)).open(bytes(12), bytes(16)), Rule.OPENS),
    (lambda: primitives.encapsulate(KemPublic(bytes(9))), Rule.KEY_ML_KEM),
    (lambda: primitives.decapsulate(KemSecret(bytes(64)), bytes(9)), Rule.KEY_ML_KEM),
    (lambda: primitives.hpke_seal(SealPublic(bytes(9)), b"", b""), Rule.KEY_X_WING),
    (lambda: primitives.hpke_seal(SealPublic(KEM + bytes(32)), b"", b""), Rule.KEY_X_WING),
    (lambda: primitives.hpke_open(SealSecret(bytes(32)), b"", bytes(2_000)), Rule.OPENS),
    (lambda: primitives.hpke_open(SealSecret(bytes(32)), b"", b""), Rule.OPENS),
])  # fmt: skip
def test_what_a_peer_sends_in_place_of_a_key_breaks_a_rule(peers: Callable[[], Any], rule: Rule) -> None:
    with pytest.raises(PeerError) as caught:
        peers()
    assert caught.value.rule is rule


def test_our_own_keys_have_32_bytes() -> None:
    with pytest.raises(InvalidValue, match=r"^a key has 32 bytes$"):
        primitives.sign(SigningSecret(bytes(31)), b"")


def test_a_hasher_has_no_key_unless_one_is_given() -> None:
    assert primitives.hasher(b"label")(b"data") == primitives.blake2b(b"label", b"data")


def test_a_commitment_is_a_hash_of_nothing_under_the_secret() -> None:
    assert commitment(EpochSecret(b"r" * 32)) == primitives.blake2b(b"cs1 commitment", b"", key=b"r" * 32)
