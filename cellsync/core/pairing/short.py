"""Short codes: a number and three words, for saying aloud (protocol/55-pairing.md, The short code).

    code = "7-orbit-maple-tulip"      number 1 to 99, then 24 bits in words of the list

The number is not secret: the rendezvous depends on it alone, so words cannot be tested against a beacon. The words
are secret and few: they allow one guess only, made online (see `exchange`). So that a typing error does not spend it,
every word is looked up here before anything is sent.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from difflib import get_close_matches
from typing import Final, NamedTuple

from cellsync.core.crypto import labels
from cellsync.core.crypto.primitives import blake2b
from cellsync.core.errors import InvalidValue, MalformedCode, UnknownWord
from cellsync.core.ids import PairingSecret
from cellsync.core.pairing import code
from cellsync.core.pairing.words import WORDS

NUMBERS: Final = range(1, 100)
ENTROPY: Final = 16  # bytes

_COUNT: Final = 3
_FORM: Final = "A short code is a number from 1 to 99 and three words, as in 7-orbit-maple-tulip."
_PLACES: Final = ("first", "second", "third")
_LONGEST: Final = 256  # characters
_NUMBER: Final = re.compile("[0-9]{1,2}")
_GLUED: Final = re.compile("([0-9]{1,2})([a-z]+)")
_BETWEEN: Final = re.compile("[^0-9a-z]+")


class ShortCode(NamedTuple):
    """The short code of one invitation. The words are secret."""

    number: int
    words: tuple[str, ...]

    def __repr__(self) -> str:
        return "<short code>"

    @property
    def text(self) -> str:
        """`7-orbit-maple-tulip`. Secret."""
        return "-".join([str(self.number), *self.words])


def draw(entropy: bytes, taken: Collection[int] = ()) -> ShortCode | None:
    """A new code from 16 random bytes, under a number that is not `taken`; None if all are."""
    if len(entropy) != ENTROPY:
        raise InvalidValue("a short code is made from 16 random bytes")
    free = [number for number in NUMBERS if number not in taken]
    if not free:
        return None
    number = free[int.from_bytes(entropy[_COUNT:], "big") % len(free)]
    return ShortCode(number, tuple(WORDS[byte] for byte in entropy[:_COUNT]))


def parse(text: str) -> PairingSecret | ShortCode:
    """Parse either form of a code, typed or scanned. Raises MalformedCode or UnknownWord; neither shows the input."""
    if not isinstance(text, str):
        raise InvalidValue(f"a code is a text (str), and no {type(text).__name__}")
    if len(text) <= _LONGEST:
        plain = "".join(character for character in text if unicodedata.category(character) != "Cf")  # invisible ones
        parts = [part for part in _BETWEEN.split(unicodedata.normalize("NFKC", plain).lower()) if part]
        if len(parts) == _COUNT and (glued := _GLUED.fullmatch(parts[0])):
            parts[:1] = glued.groups()
        # The long form is recognised by its length: it may begin with a digit, and be typed with spaces anywhere.
        if parts and len("".join(parts)) < code.CHARACTERS and parts[0].isdecimal():
            return _checked(parts[0], parts[1:])
    return code.parse(text)


def number_key(number: int) -> bytes:
    """The key that covers the first bytes of an exchange, 32 bytes: not secret, there are only 99."""
    return blake2b(labels.SHORT_NUMBER, bytes([number]))


def beacon_key(number: int) -> bytes:
    """The key of the beacon tag by which the joiner finds the inviter on a LAN, 32 bytes (60-lan): not secret."""
    return blake2b(labels.SHORT_TAG, b"", key=number_key(number))


def _checked(number: str, words: list[str]) -> ShortCode:
    if not _NUMBER.fullmatch(number) or int(number) not in NUMBERS:
        raise MalformedCode(hint=_FORM)
    for place, word in zip(_PLACES, words, strict=False):
        if word not in WORDS:
            near = get_close_matches(word, WORDS, n=1)
            ask = f'did you mean "{near[0]}"?' if near else "compare it with the other screen."
            raise UnknownWord(hint=f"Look at the {place} word: {ask}")
    if len(words) != _COUNT:
        raise MalformedCode(hint=_FORM)
    return ShortCode(int(number), tuple(words))
