"""Control pasts, against plain sets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core.membership.pasts import EMPTY, Pasts, _at_rest

BITS = st.one_of(st.integers(0, 20), st.integers(0, 20_000))


@settings(max_examples=60)
@given(st.data())
def test_pasts_are_sets_with_one_number_each(data: st.DataObject) -> None:
    """Held, staged over that, and taken in; few bits of many, or most of them."""
    held = Pasts()
    sets: list[frozenset[int]] = [frozenset()]
    for staged in range(3):
        pasts = Pasts(held)
        for _ in range(data.draw(st.integers(0, 6))):
            one, other = (data.draw(st.sampled_from(range(len(sets)))) for _ in range(2))
            bit = data.draw(BITS)
            match data.draw(st.sampled_from(["union", "including", "without", "many"])):
                case "union":
                    known = pasts.known_union(one, other)
                    number, made = pasts.union(one, other), sets[one] | sets[other]
                    assert known == (number if made in sets else None)
                case "including":
                    number, made = pasts.including(one, bit), sets[one] | {bit}
                case "without":
                    number, made = pasts.without(one, bit), sets[one] - {bit}
                case _:
                    number, made = one, sets[one]
                    for more in range(bit, bit + 600, 1 + bit % 9):
                        number, made = pasts.including(number, more), made | {more}
                        if made not in sets:
                            sets.append(made)
            if made not in sets:
                sets.append(made)
            assert sets[number] == made
            assert pasts.has(number, bit) == (bit in made)
        assert [set(pasts.each(number)) for number in range(pasts.count)] == [set(one) for one in sets]
        if staged:
            held.take(pasts)
        else:  # a step that failed leaves nothing
            del sets[held.count :]
    again = Pasts()
    for number, packed in held.after(0):
        again.restore(number, packed)
    assert list(again.after(0)) == list(held.after(0))
    assert again.count == held.count == len(sets)
    assert again.union(EMPTY, EMPTY) == EMPTY


@pytest.mark.parametrize("grants", [2_000, 20_000])
def test_few_bits_cost_the_same_however_many_grants_there_are(grants: int) -> None:
    pasts = Pasts()
    for first in range(0, grants - 40, grants // 50):
        number = EMPTY
        for bit in range(first, first + 40):
            number = pasts.including(number, bit)
    rests = [pasts._resting(number) for number in range(pasts.count)]
    assert max(len(rest) if isinstance(rest, bytes) else (rest.bit_length() + 7) // 8 for rest in rests) <= 4 * 40


def test_a_set_rests_in_the_shorter_form_and_is_stored_in_the_fewest_bytes() -> None:
    pasts = Pasts()
    pasts.including(EMPTY, 7)
    pasts.including(EMPTY, 8)
    assert list(pasts.after(1)) == [(1, b"\x80"), (2, b"\x01\x00")]
    assert _at_rest(1 << 511) == 1 << 511
    assert _at_rest(1 << 512) == (512).to_bytes(4, "little")
    few = 1 << 1_023 | (1 << 31) - 1  # as long in either form
    assert _at_rest(few) == few
    assert isinstance(_at_rest(few >> 1), bytes)
    assert _at_rest((1 << 600) - 1) == (1 << 600) - 1
