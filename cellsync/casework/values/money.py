"""Money: an amount in the currency's smallest unit, which keeps sums exact."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from cellsync.core.errors import InvalidValue

# ISO 4217: currencies whose smallest unit is not a hundredth
_DIGITS: Final = {"JPY": 0, "KRW": 0, "VND": 0, "ISK": 0, "KWD": 3, "BHD": 3, "JOD": 3, "IQD": 3, "TND": 3}
_TYPED: Final = re.compile(r"([+-]?[0-9]{1,19})(?:\.([0-9]{1,3}))?\s*([A-Z]{3})", re.IGNORECASE | re.ASCII)


class Money(NamedTuple):
    """`Money(12_50, "PLN")` is 12.50 złoty."""

    amount: int  # in the smallest unit: cents, grosze, kopecks
    currency: str  # ISO 4217

    @classmethod
    def parse(cls, text: str) -> Money:
        """Read "120.50 EUR" or "120 EUR".

        A comma is refused, because 1,200 is a thousand to some and a little more than one to others.
        Raises InvalidValue.
        """
        typed = _TYPED.fullmatch(text.strip())
        whole, part, currency = typed.groups("") if typed else ("", "", "")
        digits = _digits(currency.upper())
        if not typed or len(part) > digits:
            raise InvalidValue("not an amount of money", hint="Write 120.50 EUR, with a point before the cents.")
        return cls(int(whole + part.ljust(digits, "0")), currency.upper())

    def __str__(self) -> str:
        """The form that `parse` reads back."""
        digits = _digits(self.currency)
        sign, amount = "-" if self.amount < 0 else "", f"{abs(self.amount):0{digits + 1}}"
        whole, part = (amount[:-digits], "." + amount[-digits:]) if digits else (amount, "")
        return f"{sign}{whole}{part} {self.currency}"


def _digits(currency: str) -> int:
    return _DIGITS.get(currency, 2)
