"""Seal secrets against a naive model: which are here after any course of weeks, citations and wrong clocks."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.errors import Malformed
from cellsync.core.ids import Day, EntryId, SealSecret
from cellsync.core.membership.seal_secrets import DELETED_AFTER, RENEWED_AFTER, Citing, KeptSecret, SealSecrets
from cellsync.core.wire import codec

TODAY = Day(20_000)
NOBODY, ANOTHER, ALL = Citing(False, False), Citing(False, True), Citing(True, True)


def entry(number: int) -> EntryId:
    return EntryId(bytes([number]) * 32)


def secret(number: int) -> SealSecret:
    return SealSecret(bytes([100 + number]) * 32)


def ring(count: int) -> SealSecrets:
    return SealSecrets(KeptSecret(entry(number), secret(number), TODAY) for number in range(count))


def held(kept: SealSecrets) -> list[int]:
    return [one.entry[0] for one in reversed(list(kept))]


def cites(**by: Citing) -> dict[EntryId, Citing]:
    return {entry(int(name[1:])): citing for name, citing in by.items()}


def forget(kept: SealSecrets, cited: dict[EntryId, Citing], own: int, attested: int | None) -> bool:
    return kept.forget(
        lambda one: cited.get(one, NOBODY), Day(TODAY + own), None if attested is None else Day(TODAY + attested)
    )


def test_it_is_renewed_after_use_and_weekly_whatever_the_clock_shows() -> None:
    kept = ring(1)
    assert not kept.is_renewal_due(Day(TODAY + RENEWED_AFTER - 1))
    assert kept.is_renewal_due(Day(TODAY + RENEWED_AFTER))
    assert kept.is_renewal_due(Day(TODAY - RENEWED_AFTER))
    kept.note_use(entry(0))
    assert kept.is_renewal_due(TODAY)
    kept.add(entry(1), secret(1), TODAY)
    assert not kept.is_renewal_due(TODAY)
    assert held(kept) == [0, 1]
    assert [one.entry for one in kept] == [entry(1), entry(0)]


def test_an_old_one_goes_when_everybody_has_cited_the_newer() -> None:
    kept = ring(3)
    assert not forget(kept, cites(_1=ANOTHER, _2=ANOTHER), 0, 0)
    assert forget(kept, cites(_1=ALL), 0, 0)
    assert held(kept) == [1, 2]
    assert kept.holds(entry(1))
    assert not kept.holds(entry(0))
    assert not kept.holds(None)


def test_an_old_one_goes_14_attested_days_after_another_member_has_cited_the_newer() -> None:
    kept = ring(2)
    assert not forget(kept, cites(_1=ANOTHER), 0, 0)
    assert not forget(kept, cites(_1=ANOTHER), DELETED_AFTER - 1, DELETED_AFTER - 1)
    assert forget(kept, cites(_1=ANOTHER), DELETED_AFTER, DELETED_AFTER)
    assert held(kept) == [1]


@pytest.mark.parametrize(("own", "attested"), [(10_000, 0), (0, 10_000), (10_000, None)])
def test_no_clock_alone_deletes(own: int, attested: int | None) -> None:
    kept = ring(2)
    forget(kept, cites(_1=ANOTHER), 0, 0)
    assert not forget(kept, cites(_1=ANOTHER), own, attested)


def test_nothing_goes_while_nobody_has_seen_the_newer() -> None:
    kept = ring(3)
    assert not forget(kept, {}, 10_000, 10_000)
    assert not forget(kept, cites(_0=ALL), 10_000, 10_000)
    assert held(kept) == [0, 1, 2]


def test_a_mark_of_a_wrong_clock_is_put_right() -> None:
    kept = ring(2)
    assert not forget(kept, cites(_1=ANOTHER), 9_000, 0)
    assert not forget(kept, cites(_1=ANOTHER), 1, 1)
    assert forget(kept, cites(_1=ANOTHER), 1 + DELETED_AFTER, 1 + DELETED_AFTER)


@dataclass
class Naive:
    """Of one secret: the day from which the two weeks run."""

    since: int | None = None
    gone: bool = False


clocks = st.integers(-30, 30)
steps = st.lists(
    st.tuples(clocks, st.none() | clocks, st.lists(st.sampled_from([NOBODY, ANOTHER, ALL]), min_size=4, max_size=4)),
    max_size=12,
)


@given(steps)
def test_what_is_here_is_what_the_rule_says(course: list[tuple[int, int | None, list[Citing]]]) -> None:
    kept, naive = ring(4), [Naive() for _ in range(4)]
    for own, attested, citing in course:
        forget(kept, {entry(number): by for number, by in enumerate(citing)}, own, attested)
        for number, one in enumerate(naive):
            newer = [citing[later] for later in range(number + 1, 4) if not naive[later].gone]
            if any(by.by_another for by in newer) and attested is not None:
                one.since = max(own, attested) if one.since is None else min(one.since, max(own, attested))
            passed = one.since is not None and attested is not None and min(own, attested) - one.since >= 14
            if any(by.by_all for by in newer) or (passed and any(by.by_another for by in newer)):
                one.gone = True
        assert held(kept) == [number for number, one in enumerate(naive) if not one.gone]
        assert not naive[3].gone


def test_storage_gives_them_back() -> None:
    kept = ring(3)
    kept.note_use(entry(1))
    forget(kept, cites(_2=ANOTHER), 3, 4)
    again = SealSecrets.decode(kept.encode())
    assert list(again) == list(kept)
    assert again.oldest.cited == TODAY + 4


@pytest.mark.parametrize(
    "stored",
    [
        5,
        [],
        [[]],
        [[bytes(32), bytes(31), 1, False, None]],
        [[bytes(32), bytes(32), -1, False, None]],
        [[bytes(32), bytes(32), 1, 0, None]],
        [[bytes(32), bytes(32), 1, False, "x"]],
    ],
)
def test_other_records_are_refused(stored: object) -> None:
    with pytest.raises(Malformed):
        SealSecrets.decode(codec.encode(stored))
