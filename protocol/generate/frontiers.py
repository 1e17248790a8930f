"""The parts `frontier` and `proof`: what is held, and that a device wrote two entries in one place (30-history)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from nacl.signing import SigningKey

from protocol.generate.hashes import h, invented
from protocol.generate.header import ZEROS
from protocol.generate.packed import packed
from protocol.generate.vector import Vector, fault

KEY: Final = SigningKey(invented("signing key"))
PUBLIC: Final = KEY.verify_key.encode()


# --- frontiers ----------------------------------------------------------------------------------


def frontiers() -> Iterator[Vector]:
    # the third and fourth are two branches of one chain
    heads = [
        [invented(f"device {at % 2}"), invented(f"life {min(at, 2)}", 8), 10**at, invented(f"h{at}")]
        for at in (0, 1, 2, 4)
    ]
    devices = [invented(f"device {at}") for at in range(2)]
    gaps = [[invented("device 0"), invented("life 0", 8), 7 + at, invented(f"gap {at}")] for at in range(2)]
    last = [[invented("device 0"), invented("life 0", 8), (1 << 40) - 1, invented("last")]]
    rows: list[tuple[str, list[Any], list[Any], list[Any]]] = [
        ("nothing held", [], [], []),
        ("one head", heads[:1], [], []),
        ("three heads", heads[:3], [], []),
        ("heads in another order", heads[2::-1], [], []),
        ("two branches of a chain, and an equivocator", heads, devices[:1], []),
        ("two equivocators, and gaps", heads, devices, gaps),
        ("the last sequence", last, [], []),
        ("gaps and nothing else", [], [], gaps),
        ("gaps in another order", heads, devices, gaps[::-1]),
        ("an equivocator and nothing else", [], devices[:1], []),
        ("a head that is a gap", heads[:1], [], heads[:1]),
        (
            "sequences that would be in another order as bytes",
            [[*heads[0][:2], at, invented("h")] for at in (128, 127, 65_536, 255, 256)],
            [],
            [],
        ),
        ("two branches that end in one place", [[*heads[0][:3], invented(f"end {at}")] for at in range(3)], [], []),
    ]
    for name, held, known, missing in rows:
        given = {"heads": held, "equivocators": known, "gaps": missing}
        digest = h("cs1 frontier", packed([sorted(held), sorted(known), sorted(missing)]))
        yield Vector("frontier", name, given, result={"digest": digest})


# --- proofs -------------------------------------------------------------------------------------


@dataclass
class Fork:
    """What a proof says, before it is packed."""

    sequence: int
    previous: bytes
    circle: bytes = invented("circle")
    device: bytes = invented("device")
    incarnation: bytes = invented("incarnation", 8)

    def side(self, number: int, length: int, kind: int = 0) -> Side:
        previous, outlines, first = self.previous, list[list[Any]](), b""
        for at in range(length):
            parents = sorted(invented(f"parent {number} {at} {which}") for which in range(at))
            hashes = [invented(f"shape {number} {at}"), invented(f"content {number} {at}")]
            outline = [self.sequence + at, 1_790_000_000_000 + at, kind, *hashes, 12, 34, parents]
            names = ZEROS + ZEROS if kind == 1 else self.circle + self.device
            header = b"\x01" + names + self.incarnation + struct.pack(">Q", self.sequence + at) + previous
            header += struct.pack(">QQB", *outline[:3]) + b"".join(hashes)
            header += struct.pack(">IIB", 12, 34, len(parents)) + b"".join(parents)
            previous = h("cs1 entry", header)
            first = first or previous
            outlines.append(outline)
        signature = KEY.sign(b"cellsync/1 entry signature\0" + previous).signature
        return Side(first, outlines, signature)

    def written(self, *sides: Side) -> list[Any]:
        place = [self.circle, self.device, self.incarnation, self.sequence, self.previous]
        return [1, *place, [[side.outlines, side.signature] for side in sides]]


class Side(NamedTuple):
    first: bytes
    outlines: list[list[Any]]
    signature: bytes


def proofs() -> Iterator[Vector]:
    for name, fork, lengths in (
        ("at the beginning", Fork(1, ZEROS), (1, 2)),
        ("further on", Fork(7, invented("previous")), (2, 1)),
        ("with many entries", Fork(7, invented("previous")), (20, 1)),
    ):
        sides = sorted(fork.side(number, length) for number, length in enumerate(lengths))
        given = {"proof": packed(fork.written(*sides)), "signing": PUBLIC}
        yield Vector("proof", name, given, result={"ids": [side.first for side in sides]})
    fork = Fork(7, invented("previous"))
    one, other = sorted(fork.side(number, 1) for number in range(2))
    good = fork.written(one, other)

    def bad(name: str, value: Any, rule: str, key: bytes = PUBLIC) -> Vector:
        return Vector("proof", name, {"proof": packed(value), "signing": key}, fault(rule))

    outline = one.outlines[0]

    def with_outline(at: int, value: Any) -> list[Any]:
        changed = [*outline[:at], value, *outline[at + 1 :]]
        return fork.written(Side(one.first, [changed], one.signature), other)

    yield bad("sides in the wrong order", fork.written(other, one), "proof.sides")
    yield bad("the same side twice", fork.written(one, one), "proof.sides")
    yield bad("another form", [2, *good[1:]], "proof.form")
    yield bad("a form that is true", [True, *good[1:]], "proof.form")
    yield bad("one side", fork.written(one), "proof.form")
    yield bad("three sides", fork.written(one, other, other), "proof.form")
    yield bad("a side without entries", fork.written(Side(b"", [], one.signature), other), "proof.form")
    yield bad("a circle of 31 bytes", [1, bytes(31), *good[2:]], "proof.form")
    yield bad("a signature of 63 bytes", fork.written(one._replace(signature=bytes(63)), other), "proof.form")
    yield bad("the sequence 0", [*good[:4], 0, *good[5:]], "proof.form")
    yield bad("an outline of kind 256", with_outline(2, 256), "proof.form")
    nine = Side(one.first, [[*outline, 0]], one.signature)
    yield bad("an outline of nine elements", fork.written(nine, other), "proof.form")
    yield bad("an outline over the cap of an entry", with_outline(5, 64_512), "proof.form")
    yield bad("an outline of 65 parents", with_outline(7, [bytes(32)] * 65), "proof.form")
    yield bad("an outline with a clock that is a float", with_outline(1, 1.0), "proof.form")
    yield bad("no array", {}, "proof.form")
    forged = one.signature[:-1] + bytes([one.signature[-1] ^ 0x20])
    yield bad("a signature that does not verify", fork.written(one._replace(signature=forged), other), "signature")
    another = SigningKey(invented("another signing key")).verify_key.encode()
    yield bad("the key of another device", good, "signature", another)
    given = {"proof": packed(good) + b"\0", "signing": PUBLIC}
    yield Vector("proof", "a byte after it", given, fault("codec.msgpack"))


def vectors() -> Iterator[Vector]:
    yield from frontiers()
    yield from proofs()
