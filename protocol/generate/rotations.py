"""The part `rotation`: which wrap of a rotation is whose, and what it opens to (protocol/40-membership.md).

The part `states`: which states may be handed over in a rotation's name (protocol/10-crypto.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from protocol.generate.encapsulation import sealed, xwing_keys
from protocol.generate.hashes import invented
from protocol.generate.keys import ends, states
from protocol.generate.packed import packed
from protocol.generate.vector import Vector, fault

ROOT: Final = invented("root of a rotation")
DAY: Final = 20_800
COMMITMENT: Final = ends(ROOT, DAY)
EPOCH: Final = invented("entry of a rotation")
NAMES: Final = ("ana", "bea", "eva", "paper")
IDS: Final = {name: invented(f"id of {name}") for name in NAMES}
SEEDS: Final = {name: invented(f"seal seed of {name}") for name in NAMES}


def wrap(name: str, root: bytes = ROOT, commitment: bytes = COMMITMENT) -> bytes:
    randomness = invented(f"randomness for {name} of {root.hex()}", 64)
    return sealed(xwing_keys(SEEDS[name])[2], b"cellsync/1 epoch wrap\0" + commitment, root, randomness)


def rows(**wraps: bytes | None) -> list[list[Any]]:
    return sorted([IDS[name], one] for name, one in wraps.items())


def rotation(devices: list[list[Any]], recovery: list[list[Any]]) -> bytes:
    return packed([COMMITMENT, DAY, devices, recovery])


def rewrap(wraps: list[list[Any]], epoch: bytes = EPOCH) -> bytes:
    return packed([epoch, wraps])


def handed(name: str, day: int, given: dict[str, bytes], expect: str = "ok") -> Vector:
    return Vector("states", name, {"commitment": COMMITMENT, "first_day": DAY, "day": day, **given}, expect)


def vectors() -> Iterator[Vector]:
    good = {name: wrap(name) for name in NAMES}
    false = wrap("eva", invented("another root"))
    plain = rotation(rows(ana=good["ana"], bea=good["bea"], eva=None), rows(paper=good["paper"]))
    found = {"states": states(ROOT, DAY, DAY)}
    nothing = {"states": None}

    def asked(
        name: str, who: str, begun: bytes, *rewraps: bytes, expect: str = "ok", result: Any = None, paper: bool = False
    ) -> Vector:
        whose = {"recovery": IDS[who]} if paper else {"device": IDS[who]}
        given = {"epoch": EPOCH, "rotation": begun, "rewraps": list(rewraps), **whose, "seal": SEEDS[who]}
        return Vector("rotation", name, given, expect, result, {"root": ROOT})

    yield asked("sealed to a device", "bea", plain, result=found)
    yield asked("sealed to a recovery key", "paper", plain, paper=True, result=found)
    yield asked("a device by the id of a recovery key", "paper", plain, result=nothing)
    yield asked("a wrap that has not followed yet", "eva", plain, result=nothing)
    yield asked("a wrap that followed", "eva", plain, rewrap(rows(eva=good["eva"])), result=found)
    several = rewrap(rows(bea=good["bea"], eva=good["eva"]))
    yield asked("a wrap that followed among others", "eva", plain, several, result=found)
    yield asked("a wrap of another rotation", "eva", plain, rewrap(rows(eva=false), invented("other")), result=nothing)
    yield asked("a rewrap of another form", "eva", plain, packed([EPOCH, rows(eva=None)]), result=nothing)
    yield asked("a rewrap of another root", "eva", plain, rewrap(rows(eva=false)), expect=fault("epoch.commitment"))
    other = rewrap(rows(eva=good["bea"]))
    yield asked("a rewrap sealed to another device", "eva", plain, other, expect=fault("opens"))
    yield asked("a false rewrap and a good one", "eva", plain, rewrap(rows(eva=false)), several, result=found)
    mended = rotation(rows(ana=good["ana"], eva=false), [])
    yield asked("a false wrap in the rotation", "eva", mended, expect=fault("epoch.commitment"))
    yield asked("a false wrap in the rotation and a good rewrap", "eva", mended, several, result=found)
    for days in (0, 1, 300, 400):
        yield handed(f"states of day {days}", DAY + days, states(ROOT, DAY, DAY + days))
    good_states = states(ROOT, DAY, DAY + 3)
    for name, day in (("the day before theirs", 2), ("the day after theirs", 4), ("a day before the epoch", -1)):
        yield handed(f"states said to be of {name}", DAY + day, good_states, fault("epoch.commitment"))
    late = states(ROOT, DAY, DAY + 401)
    yield handed("states of the day after the last that is committed to", DAY + 401, late, fault("epoch.commitment"))
    yield handed("states of another root", DAY + 3, states(invented("o"), DAY, DAY + 3), fault("epoch.commitment"))
    for branch in good_states:
        one = {**good_states, branch: invented("another state")}
        yield handed(f"another state of the branch {branch}", DAY + 3, one, fault("epoch.commitment"))
    swapped = {**good_states, "spool": good_states["bundle"], "bundle": good_states["spool"]}
    yield handed("states of two branches in each other's place", DAY + 3, swapped, fault("epoch.commitment"))
    end = (1 << 32) - 1
    edge = {"commitment": ends(ROOT, end - 400), "first_day": end - 400, "day": end, **states(ROOT, end - 400, end)}
    yield Vector("states", "states of the last day of all", edge)
    yield Vector(
        "states",
        "states of an epoch that would end after it",
        {**edge, "first_day": end - 399},
        fault("epoch.commitment"),
    )
    yield asked("a rotation of another form", "bea", packed([COMMITMENT, DAY, rows(bea=good["bea"])]), expect="void")
