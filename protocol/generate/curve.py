"""The group of Ed25519, RFC 8032, section 5.1, and keys in it that nobody may have.

Written out: slowly, not in constant time, and for nothing but vectors.
"""

from __future__ import annotations

from typing import Final

P: Final = 2**255 - 19
L: Final = 2**252 + 27742317777372353535851937790883648493
D: Final = -121665 * pow(121666, -1, P) % P
ROOT: Final = pow(2, (P - 1) // 4, P)  # of −1
NEUTRAL: Final = (0, 1)

Point = tuple[int, int]


def point(y: int, sign: int = 0) -> Point | None:
    """The point with this y whose x has this lowest bit, if there is one (section 5.1.3)."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P:
        return None
    return (P - x if x & 1 != sign else x), y


def decoded(key: bytes) -> Point:
    number = int.from_bytes(key, "little")
    found = point(number % 2**255, number >> 255)
    assert found is not None
    return found


def add(one: Point, other: Point) -> Point:
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P)
    return x % P, (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P


def times(factor: int, base: Point) -> Point:
    result = NEUTRAL
    while factor:
        if factor & 1:
            result = add(result, base)
        base, factor = add(base, base), factor >> 1
    return result


def encoded(given: Point) -> bytes:
    return (given[1] | (given[0] & 1) << 255).to_bytes(32, "little")


def _base() -> Point:
    found = point(4 * pow(5, -1, P) % P)
    assert found is not None
    return found


def _of_order_8() -> Point:
    """The first point, by y, whose multiple by the group's order has order 8."""
    for y in range(2, P):
        found = point(y)
        if found is not None:
            torsion = times(L, found)
            if times(4, torsion) != NEUTRAL:
                return torsion
    raise AssertionError


BASE: Final = _base()
TORSION: Final = _of_order_8()

LOW_ORDER: Final = encoded(TORSION)
WITH_TORSION: Final = encoded(add(times(0x5EED, BASE), TORSION))
NOT_REDUCED: Final = (P + 1).to_bytes(32, "little")  # of the neutral element
OFF_THE_CURVE: Final = next(y for y in range(2, P) if point(y) is None).to_bytes(32, "little")
