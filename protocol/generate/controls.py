"""The part `control`: what a control entry says, in the forms of edition 2 (protocol/40-membership.md)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from protocol.generate.curve import LOW_ORDER
from protocol.generate.entries import KEYS, NAMES, OPENED, OPENING, RECOVERY, ROTATION, SALT, UNUSABLE
from protocol.generate.hashes import invented
from protocol.generate.packed import packed
from protocol.generate.vector import Vector, fault, shown

FOUND, ADMIT, LINK, SET_ROLE, REMOVE, ENDORSE, ROTATE, REWRAP = range(1, 9)
REJECT, SEAL_KEY, RELEASE, LEAVE, REQUIRE, REPLACE, SETTINGS = range(9, 16)


def ids(count: int, of: str = "id") -> list[bytes]:
    return sorted(invented(f"{of} {number}") for number in range(count))


def wraps(keys: list[bytes], size: int = 1_168) -> list[list[bytes]]:
    return [[key, invented(f"wrap to {key.hex()}", size)] for key in keys]


ONE: Final = ids(1)
TWO: Final = ids(2)
ROLLED: Final = [invented("commitment"), 20_717, wraps(TWO), wraps(ids(1, "recovery"))]


def rotation(**changes: Any) -> list[Any]:
    names = ("commitment", "day", "devices", "recovery")
    return [changes.get(name, value) for name, value in zip(names, ROLLED, strict=True)]


GOOD: Final[dict[int, list[tuple[str, Any, Any]]]] = {
    FOUND: [("found", [OPENING, KEYS, OPENED], NAMES), ("found of the older form", [RECOVERY, KEYS, ROTATION], NAMES)],
    ADMIT: [(f"admit of role {role}", [role, KEYS], ["Bea"]) for role in (1, 2, 3)],
    LINK: [("link", KEYS, ["laptop"]), ("link with a name of 256 bytes", KEYS, ["a" * 256])],
    SET_ROLE: [(f"set role to {role}", [ONE[0], role], None) for role in (1, 2, 3)],
    REMOVE: [
        ("remove of one member", [ONE, [], [], None], None),
        ("remove of a device that is its member's first", [ONE, ONE, [], None], None),
        ("remove of two, of one of them a device alone", [TWO, TWO[1:], [], None], None),
        ("remove that disputes another", [ONE, [], ids(1, "disputed"), None], None),
        ("remove with a rotation", [ONE, [], [], ROLLED], None),
        ("remove of 48, with 16 disputed", [ids(48), ids(48), ids(16, "disputed"), None], None),
    ],
    ENDORSE: [("endorse of one", [ONE], None), ("endorse of 48", [ids(48)], None)],
    ROTATE: [
        ("rotate", ROLLED, None),
        ("rotate with a wrap that follows", rotation(devices=[*wraps(TWO[:1]), [TWO[1], None]]), None),
        ("rotate without a recovery key that opens", rotation(recovery=[]), None),
        ("rotate for 48", rotation(devices=[[one, None] for one in ids(48)]), None),
        ("rotate with 16 recovery keys", rotation(devices=[[ONE[0], None]], recovery=wraps(ids(16, "paper"))), None),
        ("rotate on the last day", rotation(day=(1 << 32) - 1, devices=wraps(ONE), recovery=[]), None),
    ],
    REWRAP: [("rewrap to one", [ONE[0], wraps(ONE)], None), ("rewrap to two", [ONE[0], wraps(TWO)], None)],
    REJECT: [("reject", ONE, None)],
    SEAL_KEY: [("seal key", [KEYS[2]], None)],
    RELEASE: [
        ("release of one entry", [ONE, []], None),
        ("release up to a head", [[], ONE], None),
        ("release of both", [TWO, ids(2, "head")], None),
        ("release of 1,024 entries and 48 heads", [ids(1_024), ids(48, "head")], None),
    ],
    LEAVE: [("leave", [], None)],
    REQUIRE: [("require edition 1", [1], None), ("require edition 255", [255], None)],
    REPLACE: [
        ("recovery that adds a key", [OPENING, []], None),
        ("recovery that replaces two", [OPENING, [[one, invented("signature", 64)] for one in TWO]], None),
    ],
    SETTINGS: [
        ("settings of one number", [[1, 0]], None),
        ("settings with numbers that mean nothing", [[4, 2], [5, 7], [255, (1 << 32) - 1]], None),
        ("settings of 16 numbers", [[number, 0] for number in range(1, 17)], None),
    ],
}

VOID: Final[dict[int, list[tuple[str, Any, Any]]]] = {
    LINK: [
        ("link without a name", KEYS, None),
        ("link with an empty name", KEYS, [""]),
        ("link with a name of 257 bytes", KEYS, ["a" * 257]),
        ("link with two names", KEYS, ["laptop", "phone"]),
        ("link with two keys", KEYS[:2], ["laptop"]),
        ("link with the keys inside another array", [KEYS], ["laptop"]),
        ("link with a signing key of small order", [LOW_ORDER, *KEYS[1:]], ["laptop"]),
        ("link with a session key of zeros", [KEYS[0], bytes(32), KEYS[2]], ["laptop"]),
        ("link with a seal key that is not usable", [*KEYS[:2], UNUSABLE], ["laptop"]),
    ],
    SET_ROLE: [
        ("set role to 0", [ONE[0], 0], None),
        ("set role to 4", [ONE[0], 4], None),
        ("set role to a boolean", [ONE[0], True], None),
        ("set role of 31 bytes", [ONE[0][:31], 2], None),
        ("set role with a content", [ONE[0], 2], []),
    ],
    REMOVE: [
        ("remove of nobody", [[], [], [], None], None),
        ("remove of 49", [ids(49), [], [], None], None),
        ("remove of two that descend", [TWO[::-1], [], [], None], None),
        ("remove of one twice", [ONE * 2, [], [], None], None),
        ("remove of a device alone that is no target", [TWO[:1], TWO[1:], [], None], None),
        ("remove with 17 disputed", [ONE, [], ids(17), None], None),
        ("remove with a disputed text", [ONE, [], ["x"], None], None),
        ("remove without a fourth element", [ONE, [], []], None),
        ("remove with a rotation for nobody", [ONE, [], [], rotation(devices=[])], None),
        ("remove with a rotation of another form", [ONE, [], [], False], None),
        ("remove with a content", [ONE, [], [], None], [None]),
    ],
    ENDORSE: [
        ("endorse of nothing", [[]], None),
        ("endorse of 49", [ids(49)], None),
        ("endorse of an id alone", ONE, None),
        ("endorse of two that descend", [TWO[::-1]], None),
    ],
    ROTATE: [
        ("rotate for nobody", rotation(devices=[]), None),
        ("rotate for 49", rotation(devices=[[one, None] for one in ids(49)]), None),
        ("rotate with 17 recovery keys", rotation(devices=[[ONE[0], None]], recovery=wraps(ids(17, "paper"))), None),
        ("rotate without a wrap to a recovery key", rotation(devices=wraps(ONE), recovery=[[ONE[0], None]]), None),
        ("rotate with a wrap of 1,167 bytes", rotation(devices=wraps(ONE, 1_167), recovery=[]), None),
        ("rotate with a row of three", rotation(devices=[[ONE[0], None, None]], recovery=[]), None),
        ("rotate for two that descend", rotation(devices=[[one, None] for one in TWO[::-1]], recovery=[]), None),
        ("rotate for one twice", rotation(devices=[[ONE[0], None]] * 2, recovery=[]), None),
        ("rotate on a day below 0", rotation(day=-1, devices=wraps(ONE), recovery=[]), None),
        ("rotate on a day too late", rotation(day=1 << 32, devices=wraps(ONE), recovery=[]), None),
        ("rotate with a commitment of 31 bytes", rotation(commitment=bytes(31), devices=wraps(ONE), recovery=[]), None),
    ],
    REWRAP: [
        ("rewrap to nobody", [ONE[0], []], None),
        ("rewrap without a wrap", [ONE[0], [[ONE[0], None]]], None),
        ("rewrap to two that descend", [ONE[0], wraps(TWO)[::-1]], None),
        ("rewrap of no entry", [None, wraps(ONE)], None),
    ],
    REJECT: [
        ("reject of nothing", [], None),
        ("reject of two", TWO, None),
        ("reject of an id inside another array", [ONE], None),
        ("reject of 33 bytes", [ONE[0] + b"\0"], None),
        ("reject with a content", ONE, "why"),
    ],
    SEAL_KEY: [
        ("seal key of 1,215 bytes", [KEYS[2][:-1]], None),
        ("seal key that is not usable", [UNUSABLE], None),
        ("seal key without an array", KEYS[2], None),
        ("seal key and another", [KEYS[2]] * 2, None),
    ],
    RELEASE: [
        ("release of nothing", [[], []], None),
        ("release of 1,025 entries", [ids(1_025), []], None),
        ("release up to 49 heads", [[], ids(49)], None),
        ("release of entries alone", [ONE], None),
        ("release of two entries that descend", [TWO[::-1], []], None),
    ],
    LEAVE: [
        ("leave with an element", [None], None),
        ("leave that is nil", None, None),
        ("leave that is a map", {}, None),
        ("leave with a content", [], []),
    ],
    REQUIRE: [
        ("require edition 0", [0], None),
        ("require edition 256", [256], None),
        ("require with a content", [2], []),
    ],
    REPLACE: [
        ("recovery of a key that only signs", [RECOVERY, []], None),
        ("recovery with a key that nobody can seal to", [[RECOVERY, UNUSABLE], []], None),
        ("recovery with a signature of 63 bytes", [OPENING, [[ONE[0], bytes(63)]]], None),
        ("recovery that replaces 17", [OPENING, [[one, bytes(64)] for one in ids(17)]], None),
        ("recovery that replaces one twice", [OPENING, [[ONE[0], bytes(64)]] * 2], None),
    ],
    SETTINGS: [
        ("settings of nothing", [], None),
        ("settings of 17 numbers", [[number, 0] for number in range(1, 18)], None),
        ("settings of number 0", [[0, 0]], None),
        ("settings of number 256", [[256, 0]], None),
        ("settings of two numbers that descend", [[2, 5], [1, 0]], None),
        ("settings of one number twice", [[1, 0], [1, 1]], None),
        ("settings with a value below 0", [[1, -1]], None),
        ("settings with a value too large", [[1, 1 << 32]], None),
        ("settings with a value that is a boolean", [[1, True]], None),
    ],
    16: [("the first kind without a name", [], None)],
    255: [("the last kind", ONE, None)],
}

FAULTS: Final[dict[int, list[tuple[str, Any, Any, str]]]] = {
    FOUND: [
        ("found without a rotation", [OPENING, KEYS], NAMES, "entry.control"),
        ("found with a recovery key that opens and one wrap", [OPENING, KEYS, ROTATION], NAMES, "entry.control"),
        ("found with two keys", [OPENING, KEYS[:2], OPENED], NAMES, "entry.keys"),
        ("found with an empty name", [OPENING, KEYS, OPENED], ["", "Ana"], "entry.name"),
    ],
    ADMIT: [
        ("admit of role 4", [4, KEYS], ["Bea"], "entry.role"),
        ("admit with a seal key that is not usable", [2, [*KEYS[:2], UNUSABLE]], ["Bea"], "entry.keys"),
        ("admit with a name that is nil", [2, KEYS], [None], "entry.name"),
        ("admit with a content that is nil", [2, KEYS], None, "entry.control"),
    ],
}

RAW: Final[list[tuple[str, int, bytes, bytes, str]]] = [
    ("a shape that breaks off", SETTINGS, b"\x91", SALT + b"\xc0", "codec.msgpack"),
    ("a shape with a longer encoding", REQUIRE, b"\x91\xcc\x01", SALT + b"\xc0", "codec.canonical"),
    ("a shape too deep", REMOVE, b"\x91" * 9 + b"\xc0", SALT + b"\xc0", "cap.nesting"),
    ("a content without a salt", LEAVE, b"\x90", b"\xc0", "entry.content"),
    ("a content of nothing but a salt", LEAVE, b"\x90", SALT, "codec.msgpack"),
    ("64,513 bytes", SEAL_KEY, b"\x91\xc5\xfb\xec" + bytes(64_492), SALT + b"\xc0", "cap.entry"),
]


def given(kind: int, shape: Any, content: Any) -> dict[str, Any]:
    return {"kind": kind, "shape": packed(shape), "content": SALT + packed(content)}


def vectors() -> Iterator[Vector]:
    for kind, cases in GOOD.items():
        for name, shape, content in cases:
            said = shown([*shape, *(content or [])])
            yield Vector("control", name, given(kind, shape, content), result={"operation": said})
    for kind, cases in VOID.items():
        for name, shape, content in cases:
            yield Vector("control", name, given(kind, shape, content), "void")
    for kind, misformed in FAULTS.items():
        for name, shape, content, rule in misformed:
            yield Vector("control", name, given(kind, shape, content), fault(rule))
    for name, kind, raw, salted, rule in RAW:
        assert rule != "cap.entry" or len(raw) + len(salted) == 64_513
        yield Vector("control", name, {"kind": kind, "shape": raw, "content": salted}, fault(rule))
    opaque = {"kind": LEAVE, "shape": b"\x90", "content": SALT + packed([[None] * 1_024])}
    yield Vector("control", "an opaque leave", opaque, "void")
    opaque = {"kind": ADMIT, "shape": packed([2, KEYS]), "content": SALT + packed([[None] * 1_024])}
    yield Vector("control", "an opaque admit", opaque, fault("entry.control"))
