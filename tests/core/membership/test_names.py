"""Names of members: which pass for one another, and how they are told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.ids import DeviceId
from cellsync.core.membership.names import Names, alike


def device(beginning: str) -> DeviceId:
    return DeviceId(bytes.fromhex(beginning.ljust(64, "0")))


ANA, BEN, GUEST = device("3f2a11"), device("8c01"), device("3f2a99")


def names(*claims: tuple[DeviceId, str]) -> Names:
    made = Names()
    for claim in claims:
        made.add(*claim)
    return made


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ben", "ben"), ("Ben", "BEN "), ("Ben", "Вen"), ("Ben", "Веn"), ("Ben", "Be n"), ("Ben", "Ben."),
        ("Ben", "B\u200aen"), ("Ben", "Bén"), ("Ana", "Аnа"), ("Ana", "Αna"), ("Ivan", "lvan"), ("Ivan", "1van"),
        ("Olga", "0lga"), ("Марына", "Мaрына"), ("Зм'іцер", "Зміцер"), ("Нина", "Hина"), ("Marna", "Mama"),
        ("Ben", "Ｂｅｎ"), ("Nina", "Νina"),
    ],
)  # fmt: skip
def test_what_passes_for_one(one: str, other: str) -> None:
    assert alike(one) == alike(other)


@pytest.mark.parametrize(("one", "other"), [("Ben", "Bea"), ("Ana", "Anna"), ("Вера", "Вита"), ("Ana", "Ana 2")])
def test_what_does_not(one: str, other: str) -> None:
    assert alike(one) != alike(other)


def test_a_guest_with_a_members_name_is_told_from_them() -> None:
    two = names((ANA, "Ana"), (BEN, "Ben"))
    assert (two.of(ANA), two.of(BEN)) == ("Ana", "Ben")
    two.add(GUEST, "Аna")  # Cyrillic
    assert (two.of(ANA), two.of(BEN), two.of(GUEST)) == ("Ana (3f2a1)", "Ben", "Аna (3f2a9)")
    assert two.like("ANA") == [ANA, GUEST]
    assert two.claimed(ANA) == "Ana"


def test_nobody_can_claim_the_mark() -> None:
    """A guest who is called what a told-apart member is shown as."""
    told = names((ANA, "Ana"), (device("3f2b"), "Ana"), (BEN, "Ana (3f2a)"))
    assert told.of(ANA) == "Ana (3f2a)"
    assert told.of(BEN) == "Ana (3f2a) (8c01)"
    assert len({told.of(one) for one in (ANA, BEN, device("3f2b"))}) == 3


def test_one_who_is_not_known_is_called_by_the_id() -> None:
    assert names().of(ANA) == "3f2a1100"
    assert names().claimed(ANA) == ""


NAMES = st.sampled_from(["Ana", "ana", "Аna", "Ben", "Ana (3f2a)", "Ana (3f2a1)", "...", "Ana (0000)"])


@given(st.dictionaries(st.binary(min_size=32, max_size=32).map(DeviceId), NAMES, max_size=8))
def test_all_are_told_apart_and_alike_on_every_device(claims: dict[DeviceId, str]) -> None:
    made = names(*claims.items())
    other = names(*sorted(claims.items())).copy()
    shown = [made.of(one) for one in claims]
    assert shown == [other.of(one) for one in claims]
    assert len({alike(one) for one in shown}) == len(shown) or len(set(shown)) == len(shown)


def test_a_copy_is_its_own() -> None:
    first = names((ANA, "Ana"))
    second = first.copy()
    second.add(GUEST, "Ana")
    assert (first.of(ANA), second.of(ANA)) == ("Ana", "Ana (3f2a1)")
