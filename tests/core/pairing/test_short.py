"""Short codes: the changes that people may make to them, and that typing errors are found before anything is sent."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cellsync.core.errors import InvalidValue, MalformedCode, UnknownWord
from cellsync.core.ids import PairingSecret
from cellsync.core.pairing import code, short
from cellsync.core.pairing.short import ENTROPY, NUMBERS, ShortCode
from cellsync.core.pairing.words import WORDS

words = st.sampled_from(WORDS)
codes = st.builds(ShortCode, st.sampled_from(NUMBERS), st.tuples(words, words, words))
CODE = ShortCode(7, ("orbit", "maple", "tulip"))


@given(st.binary(min_size=ENTROPY, max_size=ENTROPY), st.sets(st.sampled_from(NUMBERS)))
def test_a_code_is_drawn_from_what_is_free(entropy: bytes, taken: set[int]) -> None:
    drawn = short.draw(entropy, taken)
    if len(taken) == len(NUMBERS):
        assert drawn is None
    else:
        assert drawn is not None
        assert drawn.number in set(NUMBERS) - taken
        assert [WORDS.index(word) for word in drawn.words] == list(entropy[:3])
        assert short.parse(drawn.text) == drawn


def test_every_number_is_drawn() -> None:
    drawn = [short.draw(bytes(13) + number.to_bytes(3, "big")) for number in range(99)]
    assert {one.number for one in drawn if one is not None} == set(NUMBERS)
    assert short.draw(bytes(16), NUMBERS) is None
    with pytest.raises(InvalidValue):
        short.draw(bytes(15))


FILLER = ["-", " ", "--", " - ", "\t", "\u2013", "\u2212", "\u00a0", "_", ", ", "-\u200b"]


@given(codes, st.lists(st.sampled_from(FILLER), min_size=5, max_size=5), st.sampled_from([str.upper, str.title]))
@example(CODE, [""] + ["-"] * 4, str.upper)
def test_a_code_is_read_however_it_was_typed(shown: ShortCode, filler: list[str], case: object) -> None:
    assert callable(case)
    parts = [case(part) for part in shown.text.split("-")]
    text = filler[0] + "".join(part + between for part, between in zip(parts, filler[1:], strict=True))
    assert short.parse(text) == shown


@pytest.mark.parametrize(
    "text",
    ["07-orbit-maple-tulip", "7orbit maple tulip", "\uff17-orbit-maple-tulip", "7-or\u00adbit-maple-tulip"],
)
def test_other_ways_to_write_one(text: str) -> None:
    assert short.parse(text) == CODE


@given(codes, st.integers(0, 2), st.data())
def test_a_word_with_another_letter_is_found_and_the_right_one_named(
    shown: ShortCode, place: int, data: st.DataObject
) -> None:
    right = shown.words[place]
    at = data.draw(st.integers(0, len(right) - 1))
    wrong = right[:at] + data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz")) + right[at + 1 :]
    if wrong == right:
        return
    typed = list(shown.words)
    typed[place] = wrong
    with pytest.raises(UnknownWord) as caught:
        short.parse("-".join([str(shown.number), *typed]))
    assert ("first", "second", "third")[place] in caught.value.hint
    assert wrong not in "".join(traceback.format_exception_only(caught.value))
    assert wrong not in caught.value.hint


def test_did_you_mean() -> None:
    with pytest.raises(UnknownWord) as caught:
        short.parse("7-orbit-mapel-tulip")
    assert caught.value.hint == 'Look at the second word: did you mean "maple"?'
    with pytest.raises(UnknownWord) as caught:
        short.parse("7-orbit-maple-qqqq")
    assert "did you mean" not in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "", "7", "7-", "7-orbit-maple", "7-orbit-maple-tulip-tulip", "0-orbit-maple-tulip", "100-orbit-maple-tulip",
        "-7", "orbit-maple-tulip", "\u0667-orbit-maple-tulip", "7" * 300, "7-" * 100,
    ],
)  # fmt: skip
def test_what_is_no_code(text: str) -> None:
    with pytest.raises(MalformedCode):
        short.parse(text)


ALMOST = st.lists(
    st.integers(0, 101).map(str) | st.sampled_from(WORDS) | st.sampled_from(["orbit", "Maple", "tulipp", "\u0667", ""]),
    max_size=6,
).flatmap(lambda parts: st.sampled_from(["-", " ", "", "--"]).map(lambda between: between.join(parts)))  # fmt: skip


@given(st.text() | ALMOST)
@example("7-orbit-maple")
@example("7-orbit-maple-tulip-tulip")
@example("0-orbit-maple-tulip")
@example("100-orbit-maple-tulip")
@example("7-orbit-maple-tulip")
def test_anything_is_a_whole_code_or_malformed(text: str) -> None:
    try:
        found = short.parse(text)
    except MalformedCode:
        return
    if isinstance(found, ShortCode):
        assert found.number in NUMBERS
        assert len(found.words) == 3
        assert set(found.words) <= set(WORDS)
        assert short.parse(found.text) == found
    else:
        assert len(found.reveal()) == 16


@given(st.binary(min_size=16, max_size=16), st.sampled_from(["-", " ", ""]))
def test_the_long_form_is_read_too(secret: bytes, between: str) -> None:
    invitation = code.invite(secret, 0.0)
    assert short.parse(invitation.code.replace("-", between)) == PairingSecret(secret)
    assert short.parse(invitation.qr_payload) == PairingSecret(secret)
    characters = invitation.code.replace("-", "").replace("O", "0").replace("I", "1")
    assert short.parse(" ".join(characters)) == PairingSecret(secret)


def test_nothing_shows() -> None:
    assert "orbit" not in repr(CODE)
    assert "orbit" not in str(CODE)


def test_the_rendezvous_is_made_of_the_number_alone() -> None:
    assert len({short.beacon_key(number) for number in NUMBERS}) == 99
    assert {short.number_key(number) for number in NUMBERS}.isdisjoint(map(short.beacon_key, NUMBERS))
