"""Passphrases: which typing differences are forgiven, which forms open an old vault, which are too easy to guess."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync import make_passphrase
from cellsync.core.errors import ExternalError, InvalidValue, WrongPassphrase
from cellsync.core.ids import Passphrase, SessionSecret, SigningSecret
from cellsync.core.pairing.words import WORDS
from cellsync.store import header, seals
from cellsync.store.passphrases import forms, typing_form
from cellsync.store.phrases import known_phrases
from cellsync.store.strength import FLOOR, WeakPassphrase, check, strength
from cellsync.store.vault import Identity, Kdf, Vault

IDENTITY = Identity(SigningSecret(b"S" * 32), SessionSecret(b"X" * 32), "Ana")
PROTOCOL = Path(__file__).parents[2] / "protocol" / "70-vault.md"


@pytest.mark.parametrize(
    ("typed", "form"),
    [
        ("orbit-maple-tulip", "orbit maple tulip"),
        ("Orbit  MAPLE\ttulip\n", "orbit maple tulip"),
        (" orbit\u2011maple\u2013tulip ", "orbit maple tulip"),
        ("Ｏｒｂｉｔ", "orbit"),
        ("it\u2019s Zoe\u0308", "it's zoë"),
        ("IT'S ZOË", "it's zoë"),
        ("Straße", "strasse"),
        ("Ціхая вуліца", "ціхая вуліца"),
        ("ЦІХАЯ_ВУЛІЦА", "ціхая вуліца"),
        ("a\u200bb", "a b"),
    ],
)
def test_the_typing_form(typed: str, form: str) -> None:
    assert typing_form(typed) == form


def test_the_protocol_shows_the_same() -> None:
    text = PROTOCOL.read_text("utf-8").split("### Passphrases")[1].split("### Body")[0]
    rows = re.findall(r"^\| (`.*`) \| `(.*)` \|$", text, re.MULTILINE)
    assert len(rows) == 4
    for typed, form in rows:
        for one in re.findall("`([^`]*)`", typed):
            assert typing_form(one.encode("utf-8").decode("utf-8").replace("\\u0308", "\u0308")) == form


@pytest.mark.parametrize(("one", "other"), [("й", "и"), ("ó", "o"), ("ё", "е"), ("ab", "a b"), ("a,b", "a b")])
def test_what_is_not_forgiven(one: str, other: str) -> None:
    assert typing_form(one) != typing_form(other)


@given(st.text())
def test_the_typing_form_of_a_typing_form_is_itself(text: str) -> None:
    form = typing_form(text)
    assert typing_form(form) == form
    assert typing_form(f"  {text} -") == form


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_every_way_to_type_it_has_the_form_and_the_old_way_is_tried(text: str) -> None:
    found = [one.reveal().decode() for one in forms(text)]
    assert found[-1] == normalize("NFC", text)
    assert found[0] == (typing_form(text) or found[-1])
    assert len(found) == len(set(found)) <= 2


@pytest.mark.parametrize("text", ["", "\ud800", 3, None])
def test_what_is_no_passphrase(text: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        forms(text)
    assert caught.value.__context__ is None  # which would show it


def test_an_old_vault_opens_with_what_was_typed_then(tmp_path: Path) -> None:
    old = Passphrase("Zoë HAS a  long sentence".encode())  # as builds before the typing form made them
    Vault.create(tmp_path / "old", old, IDENTITY, kdf=Kdf.CHEAP).close()
    Vault.open(tmp_path / "old", forms("Zoe\u0308 HAS a  long sentence"), allow_cheap=True).close()
    with pytest.raises(WrongPassphrase):
        Vault.open(tmp_path / "old", forms("zoë has a long sentence"), allow_cheap=True)

    Vault.create(tmp_path / "new", forms("Zoë HAS a  long sentence")[0], IDENTITY, kdf=Kdf.CHEAP).close()
    for typed in ("zoë has a long sentence", "Zoë Has-a-long-sentence ", "ZOE\u0308 HAS A LONG SENTENCE"):
        with Vault.open(tmp_path / "new", forms(typed), allow_cheap=True) as opened:
            opened.check_passphrase(forms(typed))
            with pytest.raises(WrongPassphrase):
                opened.check_passphrase(forms("zoe has a long sentence"))


# --- how hard ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "a", " ", "---", "Passw0rd!", "aaaaaaaaaaaaaaaaaaaaaaaa", "abcabcabcabcabcabc", "12345678901234567890",
        "qwertyuiop asdfghjkl", "a long sentence", "four random words", "three common words",
        # in the languages of those who use this, and typed without changing the keyboard
        "пароль", "ПАРОЛЬ 12345", "привет привет", "йцукенгшщзхъ", "мама мыла раму", "ghbdtn ghbdtn",
    ],
)  # fmt: skip
def test_what_is_too_easy_to_guess(text: str) -> None:
    with pytest.raises(WeakPassphrase) as caught:
        check(text)
    assert caught.value.code == "weak_passphrase"
    assert "too easy to guess. " in str(caught.value)
    assert len(text) < 6 or text not in f"{caught.value} {caught.value.hint}"
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "text",
    [
        "harbour pickle staircase moth", "words five random tuba violet",
        "ненавижу этот режим навсегда", "ана хавае ключы пад камень", "xK4$wq9Lm2#pTz",
        "harbour pickle staircase moth " * 200,
        "correct horse battery staple velvet magnet orchard",  # and as much again of one's own
    ],
)  # fmt: skip
def test_what_is_not(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "text",
    [
        "correct horse battery staple", "Correct-Horse battery, staple!", "correct horse battery staple 7",
        "kettle orbit lantern maple", "to be, or not to be: that is the question", "or not to be that is",
        "two roads diverged in a yellow wood", "рукописи не горят", "Мороз и солнце; день чудесный!",
        "я помню чудное мгновенье", "Съешь же ещё этих мягких французских булок", "Тише едешь — дальше будешь",
        "Жыве Беларусь! Жыве вечна!", "реве та стогне дніпр широкий", "bez pracy nie ma kołaczy",
        "herjgbcb yt ujhzn", "ещ иу щк тще ещ иу",  # on the other keyboard
    ],
)  # fmt: skip
def test_phrases_that_people_know_are_one_guess(text: str) -> None:
    with pytest.raises(WeakPassphrase, match="It is a phrase that is known, or part of one"):
        check(text)


def test_no_page_shows_a_passphrase_that_a_vault_takes() -> None:
    root = Path(__file__).parents[2]
    pages = [root / "README.md", *root.glob("docs/**/*.md"), *root.glob("protocol/*.md"), *root.glob("examples/*.py")]
    passphrase = re.compile(r"""(?:assphrase[^=\n]*=> |passphrase=["']|<<<")([^"'\n]+?)(?: -->|["'])""")
    shown = [found for page in pages for found in passphrase.findall(page.read_text("utf-8"))]
    assert set(shown) <= {"{passphrase}", "$PASSPHRASE"}
    assert len(shown) > 10


def test_a_part_of_a_phrase_is_one_of_three_words_and_no_word_that_people_use() -> None:
    phrases = known_phrases()
    assert {"correcthorsebattery", "tobeornottobe", "рукописинегорят", "морозисолнце"} <= phrases
    assert not phrases & {*WORDS, "correct", "рукописи", "horse"}
    assert min(map(len, phrases)) >= 9


def test_names_that_others_know_count_for_nothing() -> None:
    alone, known = strength("Zmitser Kuradymlin 7"), strength("Zmitser Kuradymlin 7", ["Zmitser", "Kuradymlin"])
    assert known.guesses < alone.guesses
    assert not known.enough


def test_what_is_made_up_is_hard_to_guess_and_easy_to_type() -> None:
    made = make_passphrase()
    words = made.split("-")
    assert len(words) == 7
    assert set(words) <= set(WORDS)
    assert len(WORDS) ** len(words) == 1 << 56
    assert strength(made).guesses > FLOOR
    assert forms(made)[0] == forms(" ".join(words).upper())[0]


# --- what a guess costs ----------------------------------------------------------------------------


class Machine:
    """One that takes so long for a pass over a MiB, and has so much memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, per_pass: float, memory: int = 1 << 40) -> None:
        self.asked: list[Kdf] = []
        self._per_pass, self._memory, self._clock = per_pass, memory, 0.0
        monkeypatch.setattr(seals, "derive", self._derive)
        monkeypatch.setattr(seals, "thread_time", lambda: self._clock)

    def _derive(self, words: Passphrase, salt: bytes, kdf: Kdf) -> bytes:
        self.asked.append(kdf)
        if kdf.memory > self._memory:
            raise ExternalError("There is not enough memory to derive the key.")
        self._clock += kdf.ops * (kdf.memory >> 20) * self._per_pass
        return bytes(32)


REAL = Kdf(3, 256 << 20)


@pytest.mark.parametrize(
    ("per_pass", "memory", "passes", "mib", "tries"),
    [
        (0.5 / 3 / 256, 1 << 40, 3, 256, 1),  # just as fast as expected: nothing is derived twice
        (0.001, 1 << 40, 3, 256, 1),
        (0.1 / 3 / 256, 1 << 40, 15, 256, 2),  # five times as fast
        (0.001 / 256, 1 << 40, 20, 256, 2),  # at the ceiling
        (0.25 / 3 / 256, 200 << 20, 12, 128, 3),  # without the memory: passes make up for it
        (0.25 / 3 / 256, 100 << 20, 20, 64, 4),
    ],
)
def test_a_guess_costs_half_a_second_and_256_mib(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, per_pass: float, memory: int, passes: int, mib: int, tries: int
) -> None:
    machine = Machine(monkeypatch, per_pass, memory)
    with Vault.create(tmp_path / "v", forms("words")[0], IDENTITY, kdf=REAL, at_least=0.5, publish=False) as made:
        assert made.derivation == Kdf(passes, mib << 20)
        assert made.derivation.allowed(header.KdfProfile.REAL)
    assert len(machine.asked) == tries


def test_a_machine_without_64_mib_founds_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine(monkeypatch, 0.001, 60 << 20)
    with pytest.raises(ExternalError, match="not enough memory"):
        Vault.create(tmp_path / "v", forms("words")[0], IDENTITY, kdf=REAL, at_least=0.5, publish=False)
    assert [one.memory >> 20 for one in machine.asked] == [256, 128, 64]


def test_vaults_for_tests_stay_cheap(tmp_path: Path) -> None:
    with Vault.create(tmp_path / "v", forms("words")[0], IDENTITY, kdf=Kdf.CHEAP) as made:
        assert made.derivation == Kdf.CHEAP
