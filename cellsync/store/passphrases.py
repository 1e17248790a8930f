"""Passphrases, as people type them (protocol/70-vault.md, Passphrases).

A key is derived from the *typing form*: the same for capitals and small letters, for a space, several and a dash, for
straight and curly apostrophes, for every Unicode form of one text. So neither a phone's capitals nor an ambiguous note
on paper keeps the vault closed, and a generated `orbit-maple-tulip` can be typed as `Orbit maple tulip`.

Vaults older than this rule used the text itself, so it is tried next. The strength of a passphrase is estimated from
the typing form (`strength`): forgiven differences add nothing.
"""

from __future__ import annotations

import re
import secrets
from typing import Final
from unicodedata import normalize

from cellsync.core.errors import InvalidValue
from cellsync.core.ids import Passphrase

MADE_OF: Final = 7  # words, of 256: 56 bits

_APARTS: Final = re.compile("[\\s\u200b\u2060\ufeff\\-\u00ad\u2010-\u2015\u2212\u2043\ufe58\ufe63\uff0d_]+")
_APOSTROPHES: Final = re.compile("[\u2018\u2019\u201a\u201b\u02bc\u02b9\u00b4`\u2032\uff07]")


def typing_form(text: str) -> str:
    """The part of a passphrase that counts; "" if it has nothing but blanks and dashes."""
    alike = normalize("NFKC", normalize("NFKC", _APOSTROPHES.sub("'", text)).casefold())
    return _APARTS.sub(" ", alike).strip()


def forms(text: str) -> tuple[Passphrase, ...]:
    """The passphrases to try: the typing form, then the text as it is. Raises InvalidValue if it is empty."""
    if not isinstance(text, str):
        raise InvalidValue(f"A passphrase is a text (str), and no {type(text).__name__}.")
    if not text:
        raise InvalidValue("The passphrase is empty.")
    try:
        encoded = [form.encode() for form in (typing_form(text), normalize("NFC", text))]
    except UnicodeEncodeError:  # its message would show the passphrase
        encoded = []
    if not encoded:
        raise InvalidValue("The passphrase cannot be encoded.")
    return tuple(Passphrase(form) for form in dict.fromkeys(encoded) if form)


def make_passphrase() -> str:
    """A passphrase that cannot be guessed: seven words, each drawn from 256. Write it down."""
    from cellsync.core.pairing.words import WORDS

    return "-".join(WORDS[byte] for byte in secrets.token_bytes(MADE_OF))
