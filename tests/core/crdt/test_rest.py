"""How cells and refs rest in a snapshot, and what is none."""

from __future__ import annotations

from typing import Any

import pytest

from cellsync.core import caps
from cellsync.core.crdt import rest
from cellsync.core.errors import CapExceeded, PeerError
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from tests.core.crdt.drafts import ANA, BEA, cell, name

CELLS = {one.ref: one for one in (cell(2, [2], 5, BEA, 8), cell(1, "one", 4, ANA, 7))}
FLAT = [name(1), 0, 7, 4, b"\xa3one", name(2), 1, 8, 5, b"\x91\x02"]


def test_cells_rest_in_the_order_of_refs() -> None:
    assert rest.pack_cells(CELLS, {ANA: 0, BEA: 1}) == FLAT
    assert rest.unpack_cells(FLAT, [ANA, BEA]) == CELLS
    assert rest.pack_cells({}, {}) == []
    assert rest.unpack_cells([], []) == {}


@pytest.mark.parametrize(("at", "wrong"), [
    (0, "x" * 10), (0, bytes(9)), (0, None), (1, -1), (1, True), (1, 2), (1, None), (2, True), (2, b""), (3, 1.0),
    (4, "text"), (4, b""), (4, b"\xc1"), (4, b"\xcc\x01"), (4, None), (5, bytes(11)), (6, -1), (9, b"\x92\x02"),
])  # fmt: skip
def test_other_forms_are_none(at: int, wrong: Any) -> None:
    with pytest.raises((ValueError, TypeError, IndexError, PeerError)):
        rest.unpack_cells([*FLAT[:at], wrong, *FLAT[at + 1 :]], [ANA, BEA])


@pytest.mark.parametrize("flat", [FLAT[:4], FLAT[:6], FLAT[1:], None, b"", {}, (*FLAT,)])
def test_what_is_no_list_of_five_each_is_none(flat: Any) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        rest.unpack_cells(flat, [ANA, BEA])


def test_a_value_that_is_too_long_is_refused_by_the_name_of_its_cap() -> None:
    with pytest.raises(CapExceeded) as caught:
        rest.unpack_cells([*FLAT[:4], codec.encode(bytes(caps.ENTRY))], [ANA])
    assert caught.value.rule is Rule.CAP_ENTRY


def test_refs_rest_sorted() -> None:
    assert rest.pack_refs({name(2), name(1)}) == name(1) + name(2)
    assert rest.unpack_refs(name(1) + name(2)) == {name(1), name(2)}
    assert rest.unpack_refs(b"") == set()
    for wrong in (bytes(9), bytes(11), None, "x" * 10, bytearray(10)):
        with pytest.raises(ValueError, match=r"^$"):
            rest.unpack_refs(wrong)


def test_bytes_are_split_into_equal_parts() -> None:
    assert rest.split(b"aabbcc", 2) == [b"aa", b"bb", b"cc"]
    with pytest.raises(ValueError, match=r"^$"):
        rest.split(b"aab", 2)


@pytest.mark.parametrize(("total", "packed"), [(0, "00"), (-1, "ff"), (127, "7f"), (128, "0080"), (-129, "ff7f")])
def test_sums_rest_in_the_fewest_bytes(total: int, packed: str) -> None:
    assert rest.pack_total(total).hex() == packed
    assert rest.unpack_total(bytes.fromhex(packed)) == total
    with pytest.raises(ValueError, match=r"^$"):
        rest.unpack_total(packed)


def test_what_does_not_hold_is_refused() -> None:
    rest.require(True)
    with pytest.raises(ValueError, match=r"^$"):
        rest.require(False)
