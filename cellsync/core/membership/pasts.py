"""Control pasts: sets of grants, each known by a small number.

The control past of an entry is the set of grants that count in its past, including itself if it is one. Grants get bits
in order of arrival; a past is a bit set. Sets are interned: an entry stores the number of its set, and most entries
share the number of the entry before them.

A hostile coordinator can have thousands of concurrent grants made. Each of their pasts has few bits set, far apart, so
it is stored as the list of set bits: as dense bit sets, 10,000 grants would cost 10⁸ bits.

A layer `over` another one keeps additions to itself until the lower one takes them in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

EMPTY: Final = 0
_PLAIN: Final = 1 << 512  # smaller sets are stored as they are

_Resting = int | bytes


class Pasts:
    """Sets of bits by number, and their numbers."""

    def __init__(self, over: Pasts | None = None) -> None:
        self._below = over
        self._first = 0 if over is None else over.count
        self._sets: list[_Resting] = [] if over else [0]
        self._numbers: dict[_Resting, int] = {} if over else {0: EMPTY}

    @property
    def count(self) -> int:
        return self._first + len(self._sets)

    def bits(self, number: int) -> int:
        resting = self._resting(number)
        return resting if isinstance(resting, int) else _awake(resting)

    def union(self, one: int, other: int) -> int:
        """The number of the union of two pasts."""
        return self._intern(self.bits(one) | self.bits(other))

    def known_union(self, one: int, other: int) -> int | None:
        """The same if that union is interned already, else None."""
        return self._number(_at_rest(self.bits(one) | self.bits(other)))

    def including(self, number: int, bit: int) -> int:
        """The number of a past with this bit."""
        return self._intern(self.bits(number) | 1 << bit)

    def without(self, number: int, bit: int) -> int:
        """The number of a past without this bit."""
        return self._intern(self.bits(number) & ~(1 << bit))

    def newest(self, number: int) -> int:
        """The greatest bit of a past, -1 if it is empty."""
        return self.bits(number).bit_length() - 1

    def has(self, number: int, bit: int) -> bool:
        return bool(self.bits(number) >> bit & 1)

    def each(self, number: int) -> Iterator[int]:
        """The bits of a past, ascending."""
        return _each(self.bits(number))

    def take(self, above: Pasts) -> None:
        """Merge the additions of a layer made over this one."""
        for resting in above._sets:
            self._add(resting)

    # --- at rest in the store -------------------------------------------------------------------------

    def after(self, known: int) -> Iterator[tuple[int, bytes]]:
        """The sets with numbers from `known` on, as (number, bit set)."""
        for number in range(known, self.count):
            bits = self.bits(number)
            yield number, bits.to_bytes((bits.bit_length() + 7) // 8, "big")

    def restore(self, number: int, packed: bytes) -> None:
        """Ascending."""
        if number == self.count:
            self._intern(int.from_bytes(packed, "big"))

    def _intern(self, bits: int) -> int:
        resting = _at_rest(bits)
        number = self._number(resting)
        return self._add(resting) if number is None else number

    def _add(self, resting: _Resting) -> int:
        number = self._numbers[resting] = self.count
        self._sets.append(resting)
        return number

    def _number(self, resting: _Resting) -> int | None:
        number = self._numbers.get(resting)
        return self._below._number(resting) if number is None and self._below is not None else number

    def _resting(self, number: int) -> _Resting:
        if number < self._first and self._below is not None:
            return self._below._resting(number)
        return self._sets[number - self._first]


def _each(bits: int) -> Iterator[int]:
    """The lowest first. In pieces: taking the lowest bit off a long number costs time in proportion to its length."""
    pieces = (bits.bit_length() + 63) // 64
    for at, piece in enumerate(struct.unpack(f"<{pieces}Q", bits.to_bytes(pieces * 8, "little"))):
        while piece:
            low = piece & -piece
            yield at * 64 + low.bit_length() - 1
            piece ^= low


def _at_rest(bits: int) -> _Resting:
    """The canonical stored form of a set: the bits themselves or the list of set bits, whichever is shorter."""
    if bits < _PLAIN or bits.bit_count() * 32 >= bits.bit_length():
        return bits
    found = tuple(_each(bits))
    return struct.pack(f"<{len(found)}I", *found)


def _awake(resting: bytes) -> int:
    found = struct.unpack(f"<{len(resting) // 4}I", resting)
    dense = bytearray(found[-1] // 8 + 1)
    for bit in found:
        dense[bit >> 3] |= 1 << (bit & 7)
    return int.from_bytes(dense, "little")
