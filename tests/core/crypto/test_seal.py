"""A sealed secret opens only with its key and in its place."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cellsync.core.crypto.primitives import SEAL_OVERHEAD
from cellsync.core.crypto.seal import seal, seal_keypair, unseal
from cellsync.core.errors import InvalidValue, Malformed
from tests.core.noise import any_bytes

SECRET, PUBLIC = seal_keypair(b"\x01" * 32)
OTHER, _ = seal_keypair(b"\x02" * 32)
SEALED = seal(PUBLIC, b"place", b"sixteen byte key")


@given(st.binary(max_size=200), st.binary(max_size=100))
def test_round_trip(plaintext: bytes, info: bytes) -> None:
    sealed = seal(PUBLIC, info, plaintext)
    assert len(sealed) == len(plaintext) + SEAL_OVERHEAD
    assert unseal(SECRET, info, sealed) == plaintext


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
@example(1_119, 0x80)  # the bit that X25519 ignores: X-Wing hashes it all the same
def test_no_changed_byte_opens(place: int, change: int) -> None:
    changed = bytearray(SEALED)
    changed[place] ^= change
    with pytest.raises(Malformed):
        unseal(SECRET, b"place", bytes(changed))


@given(any_bytes(1_300))
def test_random_bytes_do_not_open(sealed: bytes) -> None:
    with pytest.raises(Malformed):
        unseal(SECRET, b"place", sealed)


def test_another_key_or_place_does_not_open_it() -> None:
    for secret, info in ((OTHER, b"place"), (SECRET, b"elsewhere"), (SECRET, b"")):
        with pytest.raises(Malformed):
            unseal(secret, info, SEALED)


def test_sealing_twice_differs_but_the_key_comes_from_the_entropy() -> None:
    assert seal(PUBLIC, b"place", b"x") != seal(PUBLIC, b"place", b"x")
    assert seal_keypair(b"\x01" * 32) == (SECRET, PUBLIC)


def test_a_key_is_made_from_32_bytes() -> None:
    with pytest.raises(InvalidValue):
        seal_keypair(bytes(31))
