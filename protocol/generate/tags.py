"""The parts `case` and `offer`: ids and tags that both sides compute (protocol/35-cases.md; 50-sync, Offers)."""

from __future__ import annotations

from collections.abc import Iterator

from protocol.generate.hashes import h, invented
from protocol.generate.packed import packed
from protocol.generate.vector import Vector


def cases() -> Iterator[Vector]:
    for name, circle, kind, external in (
        ("a row of a table", "one", "person", "register:1042"),
        ("the same row in another circle", "another", "person", "register:1042"),
        ("the same row of another kind", "one", "place", "register:1042"),
        ("a Cyrillic row", "one", "человек", "дело № 7"),
        ("nothing at all", "one", "", ""),
        ("a long one", "one", "person", "x" * 300),
    ):
        key = invented(f"circle {circle}")
        given = {"circle": key, "kind": kind, "external": external}
        yield Vector("case", name, given, result={"case": h("cs1 case", packed([kind, external]), key)})


def offers() -> Iterator[Vector]:
    for role in ("caller", "callee"):
        for name, circle, conversation in (
            ("a circle", "one", "one"),
            ("another circle", "another", "one"),
            ("a circle in another conversation", "one", "another"),
        ):
            hashed, key, psk = (
                invented(f"conversation {conversation}", 64),
                invented(f"circle {circle}"),
                invented(circle),
            )
            given = {"role": role, "hash": hashed, "circle": key, "psk": psk}
            tag = h("cs1 offer", role.encode() + hashed + key, psk, 16)
            yield Vector("offer", f"{name}, offered by the {role}", given, result={"tag": tag})


def vectors() -> Iterator[Vector]:
    yield from cases()
    yield from offers()
