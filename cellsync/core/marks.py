"""Marks: a set of numbers as bits.

Cases are numbered as they come, and a member may begin a hundred thousand: in a set of the language each number takes
seventy bytes, here a bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Marks:
    """A set of numbers above 0. Number 0 stands for what is not here, and is in no set."""

    __slots__ = ("_bits", "_count", "_first")

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._bits = bytearray()
        self._count = 0
        self._first = 0  # no number stands in a byte before this one
        self.update(numbers)

    def add(self, number: int) -> None:
        self.update((number,))

    def update(self, numbers: Iterable[int]) -> None:
        """Add several: a batch brings ten thousand at once."""
        new = [number for number in numbers if number > 0]
        if not new:
            return
        bits, first = self._bits, min(new) >> 3
        bits += bytes(max(0, (max(new) >> 3) + 1 - len(bits)))
        for number in new:
            at, bit = number >> 3, 1 << (number & 7)
            if not bits[at] & bit:
                bits[at] |= bit
                self._count += 1
        self._first = min(self._first, first)

    def discard(self, number: int) -> None:
        if number in self:
            self._bits[number >> 3] ^= 1 << (number & 7)
            self._count -= 1

    def clear(self) -> None:
        self._bits.clear()
        self._count = self._first = 0

    def __contains__(self, number: int) -> bool:
        at = number >> 3
        return number > 0 and at < len(self._bits) and bool(self._bits[at] >> (number & 7) & 1)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        """In order. What is added or discarded meanwhile may be met or not."""
        while self._first < len(self._bits) and not self._bits[self._first]:  # so that the first ones are soon found
            self._first += 1
        for at in range(self._first, len(self._bits)):
            bits = self._bits[at]
            for bit in range(8) if bits else ():
                if bits >> bit & 1:
                    yield 8 * at + bit
