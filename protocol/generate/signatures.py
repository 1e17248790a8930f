"""Makes protocol/vectors/crypto/signatures.json from protocol/10-crypto.md and RFC 8032 alone.

    python protocol/generate/signatures.py

Libraries answer differently to signatures that no honest signer makes, so each kind of these is here once. To make
them, the group of RFC 8032, section 5.1, is written out: slowly, not in constant time, and for nothing else.
"""

from __future__ import annotations

import json
from hashlib import sha256, sha512
from pathlib import Path
from typing import Any, Final

OUTPUT = Path(__file__).parent.parent / "vectors" / "crypto" / "signatures.json"

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


def base_point() -> Point:
    found = point(4 * pow(5, -1, P) % P)
    assert found is not None
    return found


def of_order_8() -> Point:
    """The first point, by y, whose multiple by the group's order has order 8."""
    for y in range(2, P):
        found = point(y)
        if found is not None:
            torsion = times(L, found)
            if times(4, torsion) != NEUTRAL:
                return torsion
    raise AssertionError


def number(*parts: bytes) -> int:
    return int.from_bytes(sha512(b"".join(parts)).digest(), "little") % L


def vectors() -> list[dict[str, Any]]:
    base, torsion = base_point(), of_order_8()
    secret, nonce, message = (
        number(b"secret"),
        number(b"nonce"),
        b"cellsync/1 entry signature\0" + sha256(b"id").digest(),
    )
    public, commitment = times(secret, base), times(nonce, base)

    def signed(r: bytes, key: bytes, r_number: int, beyond: int = 0) -> bytes:
        return r + ((r_number + number(r, key, message) * secret) % L + beyond).to_bytes(32, "little")

    key = encoded(public)
    mixed = encoded(add(public, torsion))
    plain = signed(encoded(commitment), key, nonce)
    rows: list[tuple[str, bytes, bytes, bool]] = [
        ("as RFC 8032 makes it", key, plain, True),
        ("S is not reduced", key, signed(encoded(commitment), key, nonce, L), False),
        ("R has a part of order 8", key, signed(encoded(add(commitment, torsion)), key, nonce), False),
        ("R has a part of order 2", key, signed(encoded(add(commitment, times(4, torsion))), key, nonce), False),
        ("R is the neutral element", key, signed(encoded(NEUTRAL), key, 0), False),
        ("R is of order 8", key, signed(encoded(torsion), key, 0), False),
        ("R is the neutral element, not reduced", key, signed((P + 1).to_bytes(32, "little"), key, 0), False),
        ("another message", key, plain[:40] + bytes([plain[40] ^ 1]) + plain[41:], False),
    ]
    found: list[dict[str, Any]] = [
        {"name": name, "public": public.hex(), "message": message.hex(), "signature": sig.hex(), "verifies": verifies}
        for name, public, sig, verifies in rows
    ]
    keys = [
        ("of the main subgroup", key, True),
        ("with a part of order 8", mixed, False),
        ("the neutral element", encoded(NEUTRAL), False),
        ("of order 8", encoded(torsion), False),
        ("not reduced", (P + 1).to_bytes(32, "little"), False),
        ("no point of the curve", next(y for y in range(2, P) if point(y) is None).to_bytes(32, "little"), False),
    ]
    return found + [{"name": name, "public": one.hex(), "introduces": introduces} for name, one, introduces in keys]


if __name__ == "__main__":
    OUTPUT.write_text(json.dumps({"vectors": vectors()}, indent=1) + "\n")
