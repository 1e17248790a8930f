"""SPAKE2, back to back; and everything that a peer may send in place of an element."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl import bindings
from spake2 import SPAKE2_B
from spake2.parameters.ed25519 import ParamsEd25519

from cellsync.core.crypto.pake import ENTROPY, Pake
from cellsync.core.errors import Closed, HandshakeFailed, InvalidValue

entropies = st.binary(min_size=ENTROPY, max_size=ENTROPY)


def sides(one: bytes = b"kettle", other: bytes = b"kettle") -> tuple[Pake, Pake]:
    return Pake(one, calls=True, entropy=b"\x01" * ENTROPY), Pake(other, calls=False, entropy=b"\x02" * ENTROPY)


@settings(max_examples=10, deadline=None)
@given(st.binary(), entropies, entropies)
def test_the_same_password_gives_one_key(password: bytes, one: bytes, other: bytes) -> None:
    caller, callee = Pake(password, calls=True, entropy=one), Pake(password, calls=False, entropy=other)
    key = caller.finish(callee.element)
    assert key == callee.finish(caller.element)
    assert len(key) == len(caller.element) == 32


def test_another_password_gives_another_key() -> None:
    caller, callee = sides(b"kettle", b"kiosk")
    assert caller.finish(callee.element) != callee.finish(caller.element)


def test_two_callers_agree_on_nothing() -> None:
    one, other = (Pake(b"kettle", calls=True, entropy=bytes([n]) * ENTROPY) for n in (1, 2))
    assert one.finish(other.element) != other.finish(one.element)


@pytest.mark.parametrize("calls", [True, False])
def test_an_element_sent_back_is_refused(calls: bool) -> None:
    side = sides()[not calls]
    with pytest.raises(HandshakeFailed):
        side.finish(side.element)


SMALL_ORDER = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
MIXED = bindings.crypto_core_ed25519_add(ParamsEd25519.M.to_bytes(), SMALL_ORDER)


@pytest.mark.parametrize(
    "element",
    [b"", bytes(31), bytes(32), bytes(33), b"\x01" + bytes(31), b"\xff" * 32, b"\x02" + bytes(31), SMALL_ORDER, MIXED],
    ids=bytes.hex,
)
def test_what_is_no_element_is_refused(element: bytes) -> None:
    caller, _ = sides()
    with pytest.raises(HandshakeFailed):
        caller.finish(element)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=40))
def test_junk_raises_nothing_else(element: bytes) -> None:
    caller, _ = sides()
    with suppress(HandshakeFailed):
        assert len(caller.finish(element)) == 32


def test_one_exchange_only() -> None:
    caller, callee = sides()
    caller.finish(callee.element)
    with pytest.raises(Closed):
        caller.finish(callee.element)


@pytest.mark.parametrize("size", [0, 63, 65])
def test_it_draws_no_randomness_of_its_own(size: int) -> None:
    with pytest.raises(InvalidValue):
        Pake(b"kettle", calls=True, entropy=bytes(size))
    assert sides()[0].element == sides()[0].element


def test_both_sides_are_named_as_the_specification_names_them() -> None:
    caller, _ = sides()
    names = {"idA": b"cellsync/1 short code\0\x01", "idB": b"cellsync/1 short code\0\x02"}
    other = SPAKE2_B(b"kettle", entropy_f=lambda _: b"\x02" * ENTROPY, **names)
    element = other.start()[1:]
    assert caller.finish(element) == other.finish(b"A" + caller.element)


def test_nothing_shows() -> None:
    assert "kettle" not in repr(sides()[0])
