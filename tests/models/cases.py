"""Naive oracles: the contents of a case as a plain function of the set of its operations (lists: values need no hash).

Written from protocol/35-cases.md, independently of the implementation: nothing here is incremental, nothing is
fast, and every rule is one comprehension over the whole set.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import Any, NamedTuple

from msgpack import packb

REF = 10


class Did(NamedTuple):
    """One operation with everything around it."""

    ref: bytes
    device: bytes
    clock: int
    height: int
    tag: int
    field: str
    detail: Any
    value: Any


def refs_in(detail: bytes) -> set[bytes]:
    return {detail[at : at + REF] for at in range(0, len(detail), REF)}


def plain(value: Any) -> Any:
    """A hashable that differs whenever two values differ, even 1 and True, 0.0 and -0.0, or two NaNs."""
    if isinstance(value, list):
        return ("list", *map(plain, value))
    if isinstance(value, dict):
        return ("dict", *((key, plain(held)) for key, held in value.items()))
    if isinstance(value, float):
        return ("float", struct.pack(">d", value))
    return (type(value).__name__, value)


def _live(dids: list[Did], field: str, writes: int, removes: tuple[int, ...]) -> list[Did]:
    removers = [did for did in dids if did.field == field and did.tag in removes]
    named = {ref for did in removers for ref in refs_in(did.detail)}
    return [did for did in dids if did.field == field and did.tag == writes and did.ref not in named]


def _order(did: Did) -> tuple[int, bytes]:
    return did.height, did.ref


def register(dids: list[Did], field: str) -> list[Did]:
    """Live writes, the displayed one first."""
    return sorted(_live(dids, field, 1, (1,)), key=_order, reverse=True)


def members(dids: list[Did], field: str) -> dict[Any, set[bytes]]:
    """Each element of a set, with the refs of the additions that hold it."""
    live = _live(dids, field, 2, (3,))
    return {plain(did.value): {other.ref for other in live if plain(other.value) == plain(did.value)} for did in live}


def well_typed_put(did: Did) -> bool:
    return isinstance(did.value, list) and len(did.value) == 2


def mapping(dids: list[Did], field: str) -> dict[Any, list[tuple[bytes, Any]]]:
    """Each key of a map, with (ref, value) of its live puts, the displayed one first."""
    usable = [did for did in dids if did.tag != 4 or well_typed_put(did)]
    live = sorted(_live(usable, field, 4, (4, 5)), key=_order, reverse=True)
    return {
        plain(did.value[0]): [(d.ref, plain(d.value[1])) for d in live if plain(d.value[0]) == plain(did.value[0])]
        for did in live
    }


def well_typed_count(did: Did) -> bool:
    return type(did.value) is int and abs(did.value) <= 2**53


def total(dids: list[Did], field: str) -> int:
    return sum(did.value for did in dids if did.tag == 6 and did.field == field and well_typed_count(did))


def ill_typed(dids: list[Did]) -> set[bytes]:
    puts = {did.ref for did in dids if did.tag == 4 and not well_typed_put(did)}
    return puts | {did.ref for did in dids if did.tag == 6 and not well_typed_count(did)}


class Line(NamedTuple):
    """One item of a log."""

    first: bytes
    current: list[bytes]  # displayed first in front
    versions: set[bytes]
    retractions: set[bytes]


def log(dids: list[Did], field: str) -> list[Line]:
    """The items of a log in order."""
    mine = [did for did in dids if did.field == field]
    appends = {did.ref: did for did in mine if did.tag == 7}
    corrections = {did.ref: did for did in mine if did.tag == 8}

    def root(ref: bytes) -> bytes | None:
        """The append that a version goes back to, if it is here."""
        while ref in corrections:
            ref = corrections[ref].detail
        return ref if ref in appends else None

    def item_of(ref: bytes) -> Any:
        return appends[ref].detail or ref

    lines = []
    for item in {item_of(ref) for ref in appends}:
        alike = sorted((did for did in appends.values() if item_of(did.ref) == item), key=_order)
        refs, values = {did.ref for did in alike}, [did.value for did in alike]
        corrected = [did for did in corrections.values() if root(did.ref) in refs]
        newest = [did for did in corrected if all(other.detail != did.ref for other in corrections.values())]
        different = [did for at, did in enumerate(alike) if plain(did.value) not in map(plain, values[:at])]
        versions = refs | {did.ref for did in corrected}
        lines.append(
            Line(
                alike[0].ref,
                [did.ref for did in sorted(newest or different, key=_order, reverse=True)],
                versions,
                {did.ref for did in mine if did.tag == 9 and did.detail in versions},
            )
        )
    return sorted(lines, key=lambda line: _order(appends[line.first]))


def kind(dids: list[Did]) -> str:
    creates = sorted((did for did in dids if did.tag == 0), key=_order)
    return creates[0].field if creates else ""


def version(dids: list[Did]) -> int:
    return max((did.detail for did in dids if did.tag == 0 and did.field == kind(dids)), default=0)


def conflicts(dids: list[Did]) -> set[tuple[str, str, Any]]:
    """(type, field, key) of every place where live values differ."""
    found: set[tuple[str, str, Any]] = set()
    for field in {did.field for did in dids}:
        if len({plain(did.value) for did in register(dids, field)}) > 1:
            found.add(("register", field, None))
        for key, values in mapping(dids, field).items():
            if len({value for _, value in values}) > 1:
                found.add(("map", field, key))
        said = {did.ref: plain(did.value) for did in dids}
        for line in log(dids, field):
            corrected = line.current[0] not in {did.ref for did in dids if did.tag == 7}
            if corrected and not line.retractions and len({said[ref] for ref in line.current}) > 1:
                found.add(("log", field, line.first))
    return found


def digest(dids: list[Did]) -> bytes:
    """The digest of a state, from section "Digest" of the specification."""

    def rows(held: list[Did]) -> list[list[Any]]:
        return [
            [did.value, did.device, did.clock, did.height, did.ref] for did in sorted(held, key=lambda did: did.ref)
        ]

    def said_on_log(name: str) -> list[list[Any]]:
        mine = [did for did in dids if did.field == name and did.tag in _ROLES]
        return [
            [row[4], _ROLES[did.tag], did.detail, packb(row)]
            for did, row in zip(sorted(mine, key=lambda did: did.ref), rows(mine), strict=True)
        ]

    usable = [did for did in dids if did.tag != 4 or well_typed_put(did)]
    fields = sorted({did.field for did in dids})
    parts: list[list[Any]] = [
        *(["register", name, rows(_live(dids, name, 1, (1,)))] for name in fields),
        *(["set", name, rows(_live(dids, name, 2, (3,)))] for name in fields),
        *(["map", name, rows(_live(usable, name, 4, (4, 5)))] for name in fields),
        *(
            ["counter", name, str(total(dids, name))]
            for name in fields
            if any(did.tag == 6 and did.field == name and well_typed_count(did) for did in dids)
        ),
        *(["log", name, said_on_log(name)] for name in fields),
    ]
    creates = sorted(
        [did.ref, [did.field, did.detail], did.device, did.clock, did.height] for did in dids if did.tag == 0
    )
    encoded = packb(creates) + b"".join(packb(part) for part in parts if part[2])
    return blake2b(encoded, digest_size=32, person=b"cs1 state").digest()


_ROLES = {7: "append", 8: "correct", 9: "retract"}
