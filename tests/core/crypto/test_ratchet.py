"""The branches of an epoch against a second, naive implementation: one hash per line, from the specification."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.crypto.ratchet import Branches, branches, commitment, ends, lead_to, ratchet, session_psk
from cellsync.core.errors import InvalidValue, Malformed
from cellsync.core.ids import BranchState, CircleId, Day, EpochSecret

ROOT = EpochSecret(bytes(range(32)))
roots = st.binary(min_size=32, max_size=32).map(EpochSecret)
days = st.integers(0, 60_000).map(Day)


def naive(root: bytes, label: bytes, first: int, day: int) -> bytes:
    state = hashlib.blake2b(first.to_bytes(4, "big"), digest_size=32, key=root, person=label).digest()
    while first < day:
        first += 1
        data = first.to_bytes(4, "big")
        state = hashlib.blake2b(data, digest_size=32, key=state, person=b"cs1 ratchet").digest()
    return state


@given(roots, days, st.integers(0, 40), st.integers(0, 40))
def test_any_path_to_a_day_gives_the_states_of_that_day(root: EpochSecret, first: Day, steps: int, more: int) -> None:
    last = Day(first + steps + more)
    held = branches(root, first).at(Day(first + steps)).at(last)
    assert held.day == last
    assert held.encode()[1:] == tuple(
        naive(root.reveal(), label, first, last)
        for label in (b"cs1 session", b"cs1 spool", b"cs1 discovery", b"cs1 bundle")
    )
    assert ratchet(branches(root, first).spool, first, last) == held.spool
    assert len(set(held.encode()[1:])) == 4


@given(roots, days, st.integers(0, 5))
def test_storage_gives_it_back(root: EpochSecret, day: Day, steps: int) -> None:
    held = branches(root, day).at(Day(day + steps))
    assert Branches.decode(held.encode()) == held
    assert Branches.decode(list(held.encode())) == held


@pytest.mark.parametrize(
    "stored",
    [
        None,
        (),
        b"bytes",
        (1, b"", b"", b"", b""),
        (-1, *[bytes(32)] * 4),
        (1 << 32, *[bytes(32)] * 4),
        (True, *[bytes(32)] * 4),
        ("1", *[bytes(32)] * 4),
        (1, *[bytes(32)] * 3),
        (1, *[bytes(32)] * 5),
        (1, *[bytes(32)] * 3, bytes(33)),
        (1, *[bytes(32)] * 3, "x" * 32),
    ],
)
def test_what_is_not_stored_states(stored: object) -> None:
    with pytest.raises(Malformed):
        Branches.decode(stored)


def test_there_is_no_way_back_and_no_way_too_far() -> None:
    held = branches(ROOT, Day(20_000))
    with pytest.raises(InvalidValue):
        held.at(Day(19_999))
    with pytest.raises(InvalidValue):
        held.at(Day(24_001))
    assert held.at(Day(24_000)).day == 24_000
    for day in (-1, 1 << 32):
        with pytest.raises(InvalidValue):
            branches(ROOT, Day(day))


def test_the_same_root_on_another_day_is_another_state() -> None:
    assert branches(ROOT, Day(5)).at(Day(6)) != branches(ROOT, Day(6))


def test_commitment_and_psk_depend_on_all_they_are_made_of() -> None:
    assert commitment(ROOT) != commitment(EpochSecret(bytes(32)))
    circle, other = CircleId(b"\x01" * 32), CircleId(b"\x02" * 32)
    state = branches(ROOT, Day(1)).session
    assert session_psk(state, circle) != session_psk(state, other)
    assert session_psk(state, circle) != session_psk(BranchState(bytes(32)), circle)


def test_states_do_not_show_in_repr() -> None:
    held = branches(ROOT, Day(7))
    shown = repr(held)
    assert "hidden" in shown
    assert all(repr(secret)[2:-1] not in shown for secret in held.encode()[1:])


def test_a_later_rotation_commits_to_the_states_after_400_days() -> None:
    begun = branches(ROOT, Day(20_000))
    states = b"".join(
        naive(ROOT.reveal(), label, 20_000, 20_400)
        for label in (b"cs1 session", b"cs1 spool", b"cs1 discovery", b"cs1 bundle")
    )
    assert ends(begun) == hashlib.blake2b(states, digest_size=32, person=b"cs1 ends").digest()
    with pytest.raises(InvalidValue):
        ends(begun._replace(day=Day((1 << 32) - 400)))


@given(st.integers(-3, 405), st.sampled_from(["", "session", "spool", "discovery", "bundle"]))
def test_states_of_these_days_are_known_from_others(days: int, changed: str) -> None:
    begun = branches(ROOT, Day(20_000))
    handed = begun.at(Day(20_000 + days)) if days >= 0 else begun._replace(day=Day(20_000 + days))
    if changed:
        other = BranchState(b"another state".ljust(32))
        states = (other if name == changed else getattr(handed, name) for name in Branches._fields[1:])
        handed = Branches(handed.day, *states)
    assert lead_to(handed, ends(begun), Day(20_000)) == (not changed and 0 <= days <= 400)
    assert not lead_to(handed, ends(begun), Day(20_001))
