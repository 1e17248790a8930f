"""Money: an amount in the currency's smallest unit, so that sums are exact."""

from __future__ import annotations

from typing import NamedTuple


class Money(NamedTuple):
    """`Money(12_50, "PLN")` is 12.50 złoty."""

    amount: int  # in the smallest unit: cents, grosze, kopecks
    currency: str  # ISO 4217
