"""Vectors of protocol/30-history.md, made from its text with hashlib, struct, msgpack and PyNaCl: none of our code."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import msgpack
from nacl.signing import SigningKey

OUTPUT = Path(__file__).parents[1] / "vectors" / "history"
ZEROS = bytes(32)
LARGEST = (1 << 63) - 1


def h(label: bytes, data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32, person=label.ljust(16, b"\0")).digest()


def invented(what: str, size: int = 32) -> bytes:
    return hashlib.blake2b(what.encode(), digest_size=size).digest()


def entry(name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """One entry: all that goes into its header, the header, its id, and a signature of it."""
    fields: dict[str, Any] = {
        "circle": invented("circle"),
        "device": invented("device"),
        "incarnation": invented("incarnation", 8),
        "sequence": 7,
        "previous": invented("previous"),
        "height": 12,
        "clock": 1_790_000_000_123,
        "kind": 0,
        "case": invented("case"),
        "shape": msgpack.packb([[1, "given name", b""]]),
        "content": invented("salt", 16) + msgpack.packb(["Анна"]),
        "parents": [invented("one parent"), invented("another parent")],
    } | changes
    found = fields["kind"] == 1
    parents = sorted(fields["parents"])
    header = b"\x01" + (ZEROS + ZEROS if found else fields["circle"] + fields["device"]) + fields["incarnation"]
    header += struct.pack(">Q", fields["sequence"]) + fields["previous"]
    header += struct.pack(">QQB", fields["height"], fields["clock"], fields["kind"])
    header += h(b"cs1 shape", (ZEROS if found else fields["case"]) + fields["shape"])
    header += h(b"cs1 content", fields["content"])
    header += struct.pack(">IIB", len(fields["shape"]), len(fields["content"]), len(parents)) + b"".join(parents)
    identity = h(b"cs1 entry", header)
    key = SigningKey(invented("signing key"))
    parents_given = fields.pop("parents")
    return {
        "name": name,
        **{name: value.hex() if isinstance(value, bytes) else value for name, value in fields.items()},
        "parents": [parent.hex() for parent in parents_given],
        "header": header.hex(),
        "id": identity.hex(),
        "signing_public": key.verify_key.encode().hex(),
        "signature": key.sign(b"cellsync/1 entry signature\0" + identity).signature.hex(),
    }


def entries() -> list[dict[str, Any]]:
    return [
        entry("two parents", {}),
        entry("first of its chain", {"sequence": 1, "previous": ZEROS, "height": 1, "parents": []}),
        entry("found", {"kind": 1, "sequence": 1, "previous": ZEROS, "height": 1, "parents": []}),
        entry("admit", {"kind": 2, "case": invented("circle")}),
        entry("largest numbers", {"sequence": (1 << 40) - 1, "height": LARGEST, "clock": LARGEST, "kind": 255}),
        entry("64 parents", {"parents": [invented(f"parent {number}") for number in range(64)]}),
    ]


def fork_proofs() -> list[dict[str, Any]]:
    """Sides of one and of two entries; at a chain's beginning and behind an entry."""
    vectors = []
    for name, sequence, lengths in (("at the beginning", 1, (1, 2)), ("further on", 7, (2, 1))):
        previous = ZEROS if sequence == 1 else invented("previous")
        sides = [side(sequence, previous, number, length) for number, length in enumerate(lengths)]
        sides.sort(key=lambda one: one[0])
        proof = msgpack.packb(
            [
                1, invented("circle"), invented("device"), invented("incarnation", 8), sequence, previous,
                [[outlines, signature] for _, outlines, signature in sides],
            ]
        )  # fmt: skip
        public = SigningKey(invented("signing key")).verify_key.encode()
        ids = [one[0].hex() for one in sides]
        vectors.append({"name": name, "proof": proof.hex(), "signing_public": public.hex(), "first_ids": ids})
    return vectors


def side(sequence: int, previous: bytes, number: int, length: int) -> tuple[bytes, list[Any], bytes]:
    """The id of the first entry, all outlines, the signature of the last."""
    first, outlines = b"", []
    for at in range(length):
        parents = sorted(invented(f"parent {number} {at} {which}") for which in range(at))
        shape, content = invented(f"shape {number} {at}"), invented(f"content {number} {at}")
        outline = [sequence + at, 1_790_000_000_000 + at, 0, shape, content, 12, 34, parents]
        header = b"\x01" + invented("circle") + invented("device") + invented("incarnation", 8)
        header += struct.pack(">Q", sequence + at) + previous + struct.pack(">QQB", *outline[:3]) + shape + content
        header += struct.pack(">IIB", 12, 34, len(parents)) + b"".join(parents)
        previous = h(b"cs1 entry", header)
        first = first or previous
        outlines.append(outline)
    key = SigningKey(invented("signing key"))
    return first, outlines, key.sign(b"cellsync/1 entry signature\0" + previous).signature


def frontiers() -> list[dict[str, Any]]:
    vectors = []
    for count, equivocators, gaps in ((0, 0, 0), (1, 0, 0), (3, 0, 0), (4, 1, 0), (4, 2, 2)):
        # the third and fourth are two branches of one chain
        rows = [
            [invented(f"device {at % 2}"), invented(f"life {min(at, 2)}", 8), 10**at, invented(f"h{at}")]
            for at in (0, 1, 2, 4)[:count]
        ]
        devices = [invented(f"device {at}") for at in range(equivocators)]
        holes = [[invented("device 0"), invented("life 0", 8), 7 + at, invented(f"gap {at}")] for at in range(gaps)]
        digest = h(b"cs1 frontier", msgpack.packb([sorted(rows), sorted(devices), sorted(holes)]))
        vectors.append(
            {
                "heads": [plain(row) for row in rows],
                "equivocators": plain(devices),
                "gaps": [plain(row) for row in holes],
                "digest": digest.hex(),
            }
        )
    return vectors


def plain(row: list[Any]) -> list[Any]:
    return [value.hex() if isinstance(value, bytes) else value for value in row]


def everything() -> dict[str, Any]:
    return {
        "entries.json": {"vectors": entries()},
        "frontiers.json": {"vectors": frontiers()},
        "fork-proofs.json": {"vectors": fork_proofs()},
    }


if __name__ == "__main__":
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name, content in everything().items():
        (OUTPUT / name).write_text(json.dumps(content, indent=1) + "\n")
