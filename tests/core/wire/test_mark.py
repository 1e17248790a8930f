"""Marks: the formula of the specification, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.wire.mark import KINDS, EntryForm, Hashed, form_of, kind_of, marked, version_of


@given(st.integers(0, 255), st.integers(0, 3), st.integers(1, 64))
def test_a_marked_kind_says_kind_form_and_version(kind: int, form: int, version: int) -> None:
    number = marked(kind, form, version)
    assert number == kind + 256 * (form + 4 * (version - 1))
    assert (kind_of(number), form_of(number), version_of(number)) == (kind, form, version)
    assert (number < KINDS) is ((form, version) == (0, 1)), "so a full entry of version 1 has its kind"


@pytest.mark.parametrize(
    ("form", "mark"),
    [(EntryForm.FULL, 0), (EntryForm.ERASED, 1), (EntryForm.SKELETON, 2), (EntryForm.DETACHED, 3)],
)
def test_the_forms_have_their_numbers(form: int, mark: int) -> None:
    assert marked(5, form) == 5 + 256 * mark


@given(st.binary(min_size=32, max_size=32), st.integers(0, (1 << 32) - 1))
def test_a_digest_is_a_hash_and_a_length(hashed: bytes, length: int) -> None:
    raw = Hashed(hashed, length).pack()
    assert raw == hashed + length.to_bytes(4, "big")
    assert Hashed.read(raw) == (hashed, length)
