"""Names of members: which of them could be mistaken for one another, and how they are told apart."""

from __future__ import annotations

import pytest
from confusable_homoglyphs.confusables import confusables_data
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.ids import DeviceId
from cellsync.core.membership import names as module
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
        ("Ben", "Ｂｅｎ"), ("Nina", "Νina"), ("Ben", "Ɓen"), ("Ben", "ʙᴇɴ"), ("Ben", "8en"), ("Oleg", "Օleg"),
        ("Yan", "Үan"), ("Gleb", "Ԍleb"), ("Vera", "Ѵera"), ("Ana", "Ʌna"), ("Leo", "Ɩeo"),
        ("Ana", "ɑna"), ("Кім", "Қім"),
        ("Ana", "ᗅna"), ("Ana", "ꓮꓠꓮ"), ("Ben", "ᗷen"), ("Ben", "ꓐꓰꓠ"), ("Ana", "Ꭺna"), ("Vera", "ᐯera"),
        ("Olga", "ⵔlga"), ("Tom", "𐊗om"), ("Марына", "ꓟарына"), ("Ivan", "ꓲvan"), ("Olga", "Ⲟlga"), ("Olga", "𐐄lga"),
        ("Галина", "Γалина"), ("Пётр", "Πётр"), ("Фёдор", "Φёдор"), ("Лена", "Λена"), ("Света", "Ϲвета"),
        ("Захар", "3ахар"), ("Игорь", "Ͷгорь"), ("Maria", "Ϻaria"), ("Jana", "Ϳana"), ("Клава", "ĸлава"),
    ],
)  # fmt: skip
def test_what_passes_for_one(one: str, other: str) -> None:
    assert alike(one) == alike(other)


# Each pair is of one shape at most in one case, and one of the two has a closer double, in its other case.
TOLD_APART = {
    frozenset(pair)
    for pair in ("yγ", "vν", "fſ", "oσ", "uυ", "uʋ", "ΛɅ", "ЛɅ", "ΣƩ", "ßβ", "ßϐ", "þƿ", "þϸ", "ÞϷ", "ˤˁ")
}  # fmt: skip


def test_letters_of_the_usual_alphabets_that_unicode_lists_as_confusable_are_alike() -> None:
    usual = {letter for letter in confusables_data if len(letter) == 1 and ord(letter) < 0x500 and letter.isalpha()}
    listed = [(letter, like["c"]) for letter in usual for like in confusables_data[letter]]
    pairs = {frozenset(pair) for pair in listed if len(pair[1]) == 1 and ord(pair[1]) < 0x500 and pair[1].isalnum()}
    assert len(pairs) > 150
    assert {pair for pair in pairs if len({alike(letter) for letter in pair}) > 1} <= TOLD_APART


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ben", "Bea"),
        ("ᐁᓐ", "ᐃᓐ"),
        ("李", "王"),
        ("სანდრო", "სანდრა"),
        ("ليلى", "نور"),
        ("Ana", "Anna"),
        ("Вера", "Вита"),
        ("Ana", "Ana 2"),
    ],
)
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
    other = names(*sorted(claims.items()))
    shown = [made.of(one) for one in claims]
    assert shown == [other.of(one) for one in claims]
    assert len({alike(one) for one in shown}) == len(shown) or len(set(shown)) == len(shown)


BEGINNINGS = st.binary(min_size=1, max_size=3).map(lambda end: DeviceId(end.rjust(4, b"\0").ljust(32, b"\0")))


@given(st.lists(st.tuples(BEGINNINGS, NAMES), unique_by=lambda claim: claim[0], max_size=12))
def test_who_was_named_before_others_came_is_named_like_the_rest(claims: list[tuple[DeviceId, str]]) -> None:
    """Ids of one beginning; whose name was shown before has to get longer with those that come."""
    made = Names()
    for at, claim in enumerate(claims, start=1):
        made.add(*claim)
        assert [made.of(one) for one, _ in claims[:at]] == [naive(one, claims[:at]) for one, _ in claims[:at]]


def naive(device: DeviceId, claims: list[tuple[DeviceId, str]]) -> str:
    name = dict(claims)[device]
    others = [one for one, claimed in claims if one != device and alike(claimed) == alike(name)]
    lengths = (
        length for length in range(4, 65) if not any(one.hex()[:length] == device.hex()[:length] for one in others)
    )
    return f"{name} ({device.hex()[: next(lengths)]})" if others or name.endswith(")") else name


@pytest.mark.parametrize("many", [200, 800])
def test_many_of_one_name_are_not_compared_each_with_each(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    real = module._beginning

    def counted(one: DeviceId, others: list[DeviceId]) -> str:
        compared.append(len(others))
        return real(one, others)

    monkeypatch.setattr(module, "_beginning", counted)
    same = names(*((DeviceId(number.to_bytes(32, "big")), "Ana") for number in range(many)))
    assert len({same.of(DeviceId(number.to_bytes(32, "big"))) for number in range(many)}) == many
    assert sum(compared) <= 2 * many
