"""Strength: about how many guesses a passphrase takes, and whether that suffices for a vault in other hands.

The estimate is zxcvbn's: it knows common passwords, names, words, keyboards, dates and repeats. It knows English best,
so it is asked three times, and the lowest counts: the passphrase as it is; without its blanks, which it takes for
random characters; and as if it was typed on a keyboard that stands to Latin letters, where the lists know the common
words of Russian as well. Of long ones the beginning is looked at: what follows can only add.

A phrase that everybody knows counts as one word (`phrases`), also three words of it. What has one is looked at once
more, as bare letters and digits: commas and marks make no phrase less known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from cellsync.core.errors import InvalidValue
from cellsync.store.passphrases import typing_form
from cellsync.store.phrases import bare, known_phrases

FLOOR: Final = 13.0
"""Guesses, as a power of ten. At half a second and 256 MiB a guess, ten thousand machines take about sixteen years."""

_LOOKED_AT: Final = 64  # characters; the estimate takes the square of them
_KEYS: Final = str.maketrans("йцукенгшщзхъфывапролджэячсмитьбюёўіїє", "qwertyuiop[]asdfghjkl;'zxcvbnm,.`os]'")
_LETTERS: Final = {key: letter for letter, key in reversed(_KEYS.items())}  # what was meant on the other keyboard


class WeakPassphrase(InvalidValue):
    """That passphrase is too easy to guess."""

    code = "weak_passphrase"


class Strength(NamedTuple):
    """The strength of a passphrase."""

    guesses: float  # as a power of ten
    reason: str  # why it is not greater, as a sentence without anything of the passphrase

    @property
    def enough(self) -> bool:
        return self.guesses >= FLOOR


def strength(text: str, known: Iterable[str] = ()) -> Strength:
    """The estimate. `known`: texts that others know anyway, such as names."""
    import zxcvbn  # 60 ms, and only those who found, join or change need it

    form = typing_form(text)[:_LOOKED_AT]
    if not form:
        return Strength(0.0, "It is nothing but blanks.")
    words = [part for text in known for part in (typing_form(text), *typing_form(text).split()) if part]
    ways = [form, form.replace(" ", ""), form.translate(_KEYS).replace(" ", "")]
    bared = [bare(way) for way in (form, form.translate(_KEYS), form.translate(_LETTERS))]
    phrases = sorted(phrase for phrase in known_phrases() if any(phrase in way for way in bared))
    ways += [way for way in bared if any(phrase in way for phrase in phrases)]
    guessed = [zxcvbn.zxcvbn(way, user_inputs=[*words, *phrases], max_length=_LOOKED_AT) for way in dict.fromkeys(ways)]
    least = min(guessed, key=lambda estimate: estimate["guesses_log10"])
    if any(part.get("matched_word") in phrases for part in least["sequence"]):
        reason = "It is a phrase that is known, or part of one."
    else:
        reason = least["feedback"]["warning"] or "Its words are few or common, or it is short."
    return Strength(float(least["guesses_log10"]), reason)


def check(text: str, known: Iterable[str] = ()) -> None:
    """Raises WeakPassphrase, with the reason."""
    found = strength(text, known)
    if not found.enough:
        raise WeakPassphrase(
            f"That passphrase is too easy to guess. {found.reason}",
            hint="Take four or more words that do not belong together, or one that is made at random.",
        )
