"""The parts `signature`, `key`, `epoch`, `wrap` and `recovery` (protocol/10-crypto.md; 40-membership).

Libraries answer differently to signatures that no honest signer makes, so each kind of these is here.
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Iterator
from hashlib import sha256, sha512
from typing import Final

from nacl.signing import SigningKey

from protocol.generate.curve import (
    BASE,
    LOW_ORDER,
    NEUTRAL,
    NOT_REDUCED,
    OFF_THE_CURVE,
    TORSION,
    L,
    add,
    encoded,
    times,
)
from protocol.generate.encapsulation import sealed, xwing_keys
from protocol.generate.hashes import h, invented
from protocol.generate.vector import Vector, fault

BRANCHES: Final = {
    "session": "cs1 session", "spool": "cs1 spool", "discovery": "cs1 discovery", "bundle": "cs1 bundle",
}  # fmt: skip


def number(*parts: bytes) -> int:
    return int.from_bytes(sha512(b"".join(parts)).digest(), "little") % L


def signatures() -> Iterator[Vector]:
    secret, nonce = number(b"secret"), number(b"nonce")
    message = b"cellsync/1 entry signature\0" + sha256(b"id").digest()
    public, commitment = times(secret, BASE), times(nonce, BASE)
    key = encoded(public)

    def signed(r: bytes, r_number: int, beyond: int = 0) -> bytes:
        return r + ((r_number + number(r, key, message) * secret) % L + beyond).to_bytes(32, "little")

    plain = signed(encoded(commitment), nonce)
    given = {"public": key, "message": message, "signature": plain}
    yield Vector("signature", "as RFC 8032 makes it", given)
    for name, signature in (
        ("S is not reduced", signed(encoded(commitment), nonce, L)),
        ("R has a part of order 8", signed(encoded(add(commitment, TORSION)), nonce)),
        ("R has a part of order 2", signed(encoded(add(commitment, times(4, TORSION))), nonce)),
        ("R is the neutral element", signed(encoded(NEUTRAL), 0)),
        ("R is of order 8", signed(LOW_ORDER, 0)),
        ("R is the neutral element, not reduced", signed(NOT_REDUCED, 0)),
        ("another message", plain[:40] + bytes([plain[40] ^ 1]) + plain[41:]),
        ("63 bytes", plain[:63]),
        ("65 bytes", plain + b"\0"),
    ):
        yield Vector("signature", name, given | {"signature": signature}, fault("signature"))
    yield Vector("key", "of the main subgroup", {"public": key})
    for name, bad in (
        ("with a part of order 8", encoded(add(public, TORSION))),
        ("the neutral element", encoded(NEUTRAL)),
        ("of order 8", LOW_ORDER),
        ("not reduced", NOT_REDUCED),
        ("no point of the curve", OFF_THE_CURVE),
        ("31 bytes", key[:31]),
    ):
        yield Vector("key", name, {"public": bad}, fault("entry.keys"))


def states(root: bytes, first: int, day: int) -> dict[str, bytes]:
    found = {name: h(label, first.to_bytes(4, "big"), root) for name, label in BRANCHES.items()}
    for later in range(first + 1, day + 1):
        found = {name: h("cs1 ratchet", later.to_bytes(4, "big"), state) for name, state in found.items()}
    return found


def ends(root: bytes, first: int) -> bytes:
    """What a rotation after the first commits to."""
    return h("cs1 ends", b"".join(states(root, first, first + 400)[name] for name in BRANCHES))


def epochs() -> Iterator[Vector]:
    for name, first, day in (
        ("the first day of all", 0, 0),
        ("the day of the rotation", 20_000, 20_000),
        ("the day after", 20_000, 20_001),
        ("a year later", 20_454, 20_819),
        ("the furthest in one step", 20_454, 24_454),
        ("the last day of all", (1 << 32) - 1, (1 << 32) - 1),
    ):
        root, circle = invented(f"root {first} {day}"), invented(f"circle {first} {day}")
        found = states(root, first, day)
        given = {"root": root, "first_day": first, "day": day, "circle": circle}
        psk = h("cs1 psk", circle, found["session"])
        yield Vector(
            "epoch", name, given, result={"commitment": h("cs1 commitment", key=root), "states": found, "psk": psk}
        )


def wraps() -> Iterator[Vector]:
    seed, root, day = invented("seal seed"), invented("root"), 20_717
    public, commitment = xwing_keys(seed)[2], h("cs1 commitment", key=root)
    label, randomness = b"cellsync/1 epoch wrap\0", invented("randomness", 64)
    wrap = sealed(public, label + commitment, root, randomness)
    good = {"seal": seed, "commitment": commitment, "day": day, "wrap": wrap}
    yield Vector("wrap", "an epoch's secret", good, result={"states": states(root, day, day)}, steps={"root": root})

    def bad(name: str, rule: str, **changes: bytes) -> Vector:
        return Vector("wrap", name, good | changes, fault(rule))

    yield bad("sealed to another device", "opens", seal=invented("another seal seed"))
    yield bad("sealed for another commitment", "opens", commitment=h("cs1 commitment", key=invented("another root")))
    yield bad(
        "sealed for something else", "opens", wrap=sealed(public, b"cellsync/1 else\0" + commitment, root, randomness)
    )
    yield bad("a wrap with a bit flipped at its end", "opens", wrap=wrap[:-1] + bytes([wrap[-1] ^ 1]))
    yield bad("a wrap with a bit flipped at its beginning", "opens", wrap=bytes([wrap[0] ^ 1]) + wrap[1:])
    yield bad("a wrap that is cut", "opens", wrap=wrap[:-1])
    other = sealed(public, label + commitment, invented("another root"), randomness)
    yield bad("something else than was committed to", "epoch.commitment", wrap=other)


def recoveries() -> Iterator[Vector]:
    for name, secret in (
        ("a secret of zeros", bytes(32)),
        ("a secret of ones", b"\xff" * 32),
        ("a secret on paper", invented("recovery secret")),
    ):
        sign, seal = (h("cs1 recovery", use, secret) for use in (b"sign", b"seal"))
        letters = b32encode(secret).decode().rstrip("=")
        result = {
            "signing": bytes(SigningKey(sign).verify_key),
            "seal": xwing_keys(seal)[2],
            "written": "-".join(letters[at : at + 4] for at in range(0, 52, 4)),
            "device": h("cs1 recovery", b"name" + bytes(SigningKey(sign).verify_key)),
        }
        yield Vector("recovery", name, {"secret": secret}, result=result)


def vectors() -> Iterator[Vector]:
    yield from signatures()
    yield from epochs()
    yield from wraps()
    yield from recoveries()
