"""The part `entry`: one entry by itself, its form and its id (30-history; control entries: 40-membership)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, Final

from nacl.signing import SigningKey

from protocol.generate.conversation import x25519
from protocol.generate.curve import LOW_ORDER, NOT_REDUCED, OFF_THE_CURVE, WITH_TORSION
from protocol.generate.encapsulation import xwing_keys
from protocol.generate.hashes import invented
from protocol.generate.header import ZEROS, Entry
from protocol.generate.packed import packed
from protocol.generate.vector import Vector, fault

SALT: Final = invented("salt", 16)
KEY: Final = SigningKey(invented("signing key"))
PUBLIC: Final = KEY.verify_key.encode()
REF: Final = invented("ref", 10)
LATEST: Final = (1 << 63) - 1
LOW_CURVE: Final = bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")  # RFC 7748

PLAIN: Final = Entry(
    circle=invented("circle"), device=invented("device"), incarnation=invented("incarnation", 8), sequence=7,
    previous=invented("previous"), height=12, clock=1_790_000_000_123, kind=0, case=invented("case"),
    shape=packed([[1, "given name", b""]]), content=SALT + packed(["Анна"]),
)  # fmt: skip


def of(*operations: tuple[int, Any, Any], values: Any = None) -> Entry:
    """An entry with these operations (tag, field, detail), and a value for each."""
    given = ["a value"] * len(operations) if values is None else values
    return replace(PLAIN, shape=packed([list(one) for one in operations]), content=SALT + packed(given))


def control(kind: int, shape: Any, content: Any) -> Entry:
    return replace(PLAIN, kind=kind, case=PLAIN.circle, shape=packed(shape), content=SALT + packed(content))


# --- what entries say ---------------------------------------------------------------------------

FORMS: Final[list[tuple[str, Entry]]] = [
    ("create", of((0, "person", 1), values=[None])),
    ("create with the largest version", of((0, "person", (1 << 32) - 1))),
    ("create without a kind", of((0, "", 0))),
    ("set", of((1, "name", b""))),
    ("set that replaces two", of((1, "name", REF + invented("another ref", 10)))),
    ("add", of((2, "tags", None))),
    ("discard", of((3, "tags", REF))),
    ("put", of((4, "phones", b""), values=[["home", "none"]])),
    ("put of no pair", of((4, "phones", REF), values=["no pair"])),
    ("delete", of((5, "phones", REF))),
    ("delete of nothing", of((5, "phones", b""))),
    ("count", of((6, "visits", None), values=[-3])),
    ("count of no integer", of((6, "visits", None), values=["three"])),
    ("append", of((7, "log", None))),
    ("append with a source", of((7, "log", invented("source", 16)))),
    ("correct", of((8, "log", REF))),
    ("retract", of((9, "log", REF), values=[None])),
    ("an unknown tag", of((10, "name", None))),
    ("an unknown tag with a binary", of((1_000, "name", b"anything"))),
    ("an unknown tag with an integer", of(((1 << 64) - 1, "name", -1))),
    ("many operations", of((0, "person", 1), (1, "name", b""), (2, "tags", None), (7, "log", None))),
    ("a value that is as deep as may be", replace(PLAIN, content=SALT + b"\x91" * 7 + b"\x90")),
    ("any value", of((1, "x", b""), values=[{"b": [1.5, None, b"\0"], "a": True}])),
    ("an empty name of a field", of((1, "", b""))),
    ("an unknown kind", control(255, None, None)),
    ("an unknown kind with any values", control(200, {"any": [1, 2.5]}, ["thing", b""])),
]

MISFORMED: Final[list[tuple[str, Entry, str]]] = [
    ("a shape that is a map", replace(PLAIN, shape=packed({})), "entry.operations"),
    ("a shape that is nil", replace(PLAIN, shape=packed(None)), "entry.operations"),
    ("no operations", of(), "entry.operations"),
    ("an operation that is a number", replace(PLAIN, shape=packed([1])), "entry.operation"),
    ("an operation of two elements", replace(PLAIN, shape=packed([[1, "name"]])), "entry.operation"),
    ("an operation of four elements", replace(PLAIN, shape=packed([[1, "name", b"", None]])), "entry.operation"),
    ("a tag below 0", of((-1, "name", None)), "entry.operation"),
    ("a tag that is a boolean", of((True, "name", b"")), "entry.operation"),
    ("a tag that is a float", replace(PLAIN, shape=packed([[1.0, "name", b""]])), "entry.operation"),
    ("a field that is a binary", of((1, b"name", b"")), "entry.operation"),
    ("a field that is nil", of((1, None, b"")), "entry.operation"),
    ("create without a version", of((0, "person", None)), "entry.operation"),
    ("create with a version below 0", of((0, "person", -1)), "entry.operation"),
    ("create with a version too large", of((0, "person", 1 << 32)), "entry.operation"),
    ("create with a version that is a boolean", of((0, "person", True)), "entry.operation"),
    ("set without refs", of((1, "name", None)), "entry.operation"),
    ("set with a ref of nine bytes", of((1, "name", REF[:9])), "entry.operation"),
    ("set with a text in place of refs", of((1, "name", "")), "entry.operation"),
    ("add with a detail", of((2, "tags", b"")), "entry.operation"),
    ("discard without refs", of((3, "tags", None)), "entry.operation"),
    ("put with eleven bytes", of((4, "phones", REF + b"\0")), "entry.operation"),
    ("delete with a number", of((5, "phones", 0)), "entry.operation"),
    ("count with a detail", of((6, "visits", 1)), "entry.operation"),
    ("append with a source of fifteen bytes", of((7, "log", invented("source", 15))), "entry.operation"),
    ("append with an empty source", of((7, "log", b"")), "entry.operation"),
    ("correct without a ref", of((8, "log", b"")), "entry.operation"),
    ("correct with two refs", of((8, "log", REF + REF)), "entry.operation"),
    ("retract with nil", of((9, "log", None)), "entry.operation"),
    ("an unknown tag with a text", of((10, "name", "text")), "entry.operation"),
    ("an unknown tag with a float", of((10, "name", 1.0)), "entry.operation"),
    ("an unknown tag with a boolean", of((10, "name", False)), "entry.operation"),
    ("an unknown tag with an array", of((10, "name", [])), "entry.operation"),
    ("the second operation is none", of((1, "name", b""), (2, "tags", b"")), "entry.operation"),
    ("fewer values than operations", of((1, "a", b""), (1, "b", b""), values=["one"]), "entry.content"),
    ("more values than operations", of((1, "a", b""), values=["one", "two"]), "entry.content"),
    ("a content that is no array", of((1, "a", b""), values="one"), "entry.content"),
    ("an empty content", replace(PLAIN, content=b""), "entry.content"),
    ("a content that breaks off in its salt", replace(PLAIN, content=SALT[:15]), "entry.content"),
    ("a salt and nothing else", replace(PLAIN, content=SALT), "codec.msgpack"),
    ("an empty shape", replace(PLAIN, shape=b""), "codec.msgpack"),
    ("a shape that is no msgpack", replace(PLAIN, shape=PLAIN.shape[:-1]), "codec.msgpack"),
    ("a shape and a byte", replace(PLAIN, shape=PLAIN.shape + b"\0"), "codec.msgpack"),
    ("a shape with a longer encoding", replace(PLAIN, shape=b"\x91\x93\xcc\x01\xa1a\xc4\x00"), "codec.canonical"),
    ("a content that is no msgpack", replace(PLAIN, content=SALT + b"\x91\xa5Anna"), "codec.msgpack"),
    ("a content and a byte", replace(PLAIN, content=PLAIN.content + b"\0"), "codec.msgpack"),
    ("a content with a longer encoding", replace(PLAIN, content=SALT + b"\x91\xd9\x01a"), "codec.canonical"),
    ("a content with a timestamp", replace(PLAIN, content=SALT + b"\x91\xd6\xff" + bytes(4)), "codec.msgpack"),
    ("a shape too deep", replace(PLAIN, shape=b"\x91" * 8 + b"\x90"), "cap.nesting"),
    ("a content too deep", replace(PLAIN, content=SALT + b"\x91" * 8 + b"\x90"), "cap.nesting"),
    ("a map too deep", replace(PLAIN, content=SALT + b"\x91" * 8 + b"\x80"), "cap.nesting"),
    ("an unknown kind without a content", replace(control(255, 1, 1), content=SALT), "codec.msgpack"),
    ("an unknown kind without a salt", replace(control(255, 1, 1), content=SALT[:3]), "entry.content"),
    ("an unknown kind of two values", replace(control(255, 1, 1), shape=b"\x01\x01"), "codec.msgpack"),
    ("a control entry in another case", replace(control(255, 1, 1), case=PLAIN.case), "entry.case"),
    ("a clock below 0", replace(PLAIN, clock=-1), "entry.clock"),
    ("a clock too late", replace(PLAIN, clock=LATEST + 1), "entry.clock"),
    ("a parent twice", replace(PLAIN, parents=(invented("parent"),) * 2), "entry.twice"),
    ("65 parents", replace(PLAIN, parents=tuple(invented(f"parent {n}") for n in range(65))), "cap.parents"),
]


# --- numbers and places -------------------------------------------------------------------------

PLACES: Final[list[tuple[str, Entry]]] = [
    ("in the middle of a chain", PLAIN),
    ("first of its chain", replace(PLAIN, sequence=1, previous=ZEROS, height=1)),
    ("two parents", replace(PLAIN, parents=(invented("one parent"), invented("another parent")))),
    ("64 parents", replace(PLAIN, parents=tuple(invented(f"parent {number}") for number in range(64)))),
    ("the largest numbers", replace(PLAIN, sequence=(1 << 40) - 1, height=LATEST, clock=LATEST)),
    ("the first moment", replace(PLAIN, clock=0)),
]


# --- opaque entries -----------------------------------------------------------------------------


def array(items: int, of_them: bytes = b"\xc0") -> bytes:
    return b"\xdc" + items.to_bytes(2, "big") + of_them * items


def sized(*parts: bytes) -> bytes:
    """An array of these encodings."""
    assert len(parts) < 16
    return bytes([0x90 + len(parts)]) + b"".join(parts)


ONE: Final = packed([[1, "list", b""]])
FOUR: Final = packed([[1, f"list {number}", b""] for number in range(4)])
_FULL: Final = array(1_023)  # 1,024 elements, with the array itself

# A shape of four operations has 17 elements, the array of values one more.
OPAQUE: Final[list[tuple[str, bytes, bytes, bool]]] = [
    ("a value of 1,024 elements", ONE, sized(_FULL), False),
    ("a value of 1,025 elements", ONE, sized(array(1_024)), True),
    ("a value of 1,025 elements, with keys", ONE,
     sized(b"\xde\x02\x00" + b"".join(b"\xa3%03d\xc0" % key for key in range(512))), True),
    ("4,096 elements", FOUR, sized(_FULL, _FULL, _FULL, array(4_096 - 18 - 3 * 1_024 - 1)), False),
    ("4,097 elements", FOUR, sized(_FULL, _FULL, _FULL, array(4_096 - 18 - 3 * 1_024)), True),
    ("a shape of more than 4,096 elements", packed([[1, "", b""]] * 1_100), sized(b"\xc0"), True),
    ("opaque, with a longer encoding", ONE, sized(array(1_024, b"\xcc\x00")), True),
    ("opaque, and then no msgpack", ONE, sized(array(1_024)) + b"\xc1", True),
    ("opaque, with fewer values than operations", FOUR, sized(array(1_024)), True),
    ("a shape that breaks off, and a value of 1,025 elements", b"\xd0", sized(array(1_024)), True),
    ("an empty shape, and a value of 1,025 elements", b"", sized(array(1_024)), True),
    ("a shape of 3,000 elements that is broken, and 2,000 more", array(2_999)[:-1] + b"\xc1",
     sized(array(999), array(999)), True),
    ("a shape that is broken at its 3,000th element, and 1,097 more", array(2_999)[:-1] + b"\xc1",
     sized(array(547), array(547)), True),
    ("a value, and 4,100 more behind the shape", ONE + b"\xc0" * 4_100, sized(b"\xc0"), True),
    ("a value of 1,025 elements behind the content", ONE, sized(b"\xc0") + sized(array(1_024)), True),
    ("a value, and 4,100 more behind the content", ONE, sized(b"\xc0") + b"\xc0" * 4_100, True),
]  # fmt: skip


def opaque() -> Iterator[Vector]:
    for name, shape, values, is_opaque in OPAQUE:
        yield vector(name, replace(PLAIN, shape=shape, content=SALT + values), opaque=is_opaque)
    breaks_off = replace(PLAIN, content=SALT + b"\x91\xdd\x00\x00\xff\xff\xc0")
    behind = replace(PLAIN, content=SALT + sized(b"\xc0") + sized(array(1_023)))
    yield at_fault("a value of 1,024 elements behind the content", behind, "codec.msgpack")
    broken = replace(PLAIN, shape=array(2_999)[:-1] + b"\xc1", content=SALT + sized(array(547), array(546)))
    yield at_fault("a shape that is broken at its 3,000th element, and 1,096 more", broken, "codec.msgpack")
    pairs = b"\xde\x04\x00" + b"".join(b"\xa4%04d\xc0" % key for key in range(1_024))
    yield vector("an unknown kind with a map of 1,024 values", replace(control(255, 1, 1), content=SALT + pairs))
    large = b"\x81\xa1a" + array(1_024)
    yield vector(
        "an unknown kind with a map of a value of 1,025 elements",
        replace(control(255, 1, 1), content=SALT + large),
        opaque=True,
    )
    yield at_fault("an array that claims more than 1,024, and has not", breaks_off, "codec.msgpack")


# --- found and admit ----------------------------------------------------------------------------

KEYS: Final = [PUBLIC, x25519(invented("session key")), xwing_keys(invented("seal key"))[2]]
RECOVERY: Final = SigningKey(invented("recovery")).verify_key.encode()
ROTATION: Final = [invented("commitment"), 20_717, invented("wrap", 1_168)]
NAMES: Final = ["Mill Street", "Ana"]
OPENING: Final = [RECOVERY, xwing_keys(invented("recovery"))[2]]
OPENED: Final = [*ROTATION, invented("another wrap", 1_168)]
UNUSABLE: Final = KEYS[2][:1_184] + bytes(32)  # an X-Wing key whose X25519 half is of low order


def founding(shape: Any, content: Any = NAMES) -> Entry:
    """A `found`: what it is called cannot be in it."""
    return replace(
        control(1, shape, content), circle=ZEROS, device=ZEROS, case=ZEROS, sequence=1, previous=ZEROS, height=1
    )


CONTROL: Final[list[tuple[str, Entry]]] = [
    ("found", founding([OPENING, KEYS, OPENED])),
    ("found of the older form", founding([RECOVERY, KEYS, ROTATION])),
    ("require", control(13, [1], None)),
    ("require of another form", control(13, ["1"], [])),
    ("recovery", control(14, [OPENING, [[invented("id"), invented("signature", 64)]]], None)),
    ("recovery of another form", control(14, [RECOVERY], None)),
    ("found on the first day", founding([RECOVERY, KEYS, [ROTATION[0], 0, ROTATION[2]]])),
    (
        "found on the last day that can be written",
        founding([RECOVERY, KEYS, [ROTATION[0], (1 << 32) - 1, ROTATION[2]]]),
    ),
    ("admit of a reader", control(2, [1, KEYS], ["Bea"])),
    ("admit of a writer", control(2, [2, KEYS], ["Bea"])),
    ("admit of a coordinator", control(2, [3, KEYS], ["Bea"])),
    ("a name of 256 bytes", control(2, [2, KEYS], ["a" * 256])),
    ("a name of one byte", control(2, [2, KEYS], ["a"])),
    ("a name that is not harmless", control(2, [2, KEYS], ["\u202ea\n\0 "])),
    ("a name of no assigned character", control(2, [2, KEYS], ["\U000e0fff\u0378"])),
]

MISFORMED_CONTROL: Final[list[tuple[str, Entry, str]]] = [
    ("found without a rotation", founding([RECOVERY, KEYS]), "entry.control"),
    ("found with a recovery key of small order", founding([LOW_ORDER, KEYS, ROTATION]), "entry.control"),
    ("found with a recovery key that is nil", founding([None, KEYS, ROTATION]), "entry.control"),
    ("found with a wrap of 1,167 bytes", founding([RECOVERY, KEYS, [*ROTATION[:2], bytes(1_167)]]), "entry.control"),
    ("found with a commitment of 31 bytes", founding([RECOVERY, KEYS, [bytes(31), *ROTATION[1:]]]), "entry.control"),
    ("found on a day below 0", founding([RECOVERY, KEYS, [ROTATION[0], -1, ROTATION[2]]]), "entry.control"),
    (
        "found on a day that has no states",
        founding([RECOVERY, KEYS, [ROTATION[0], 1 << 32, ROTATION[2]]]),
        "entry.control",
    ),
    ("found on a day that is a boolean", founding([RECOVERY, KEYS, [ROTATION[0], True, ROTATION[2]]]), "entry.control"),
    ("found with one name", founding([RECOVERY, KEYS, ROTATION], ["Mill Street"]), "entry.control"),
    ("found with an empty name of the circle", founding([RECOVERY, KEYS, ROTATION], ["", "Ana"]), "entry.name"),
    ("found with a name that is a binary", founding([RECOVERY, KEYS, ROTATION], ["Mill Street", b"Ana"]), "entry.name"),
    ("found with two keys", founding([RECOVERY, KEYS[:2], ROTATION]), "entry.keys"),
    ("found with keys that are no array", founding([RECOVERY, PUBLIC, ROTATION]), "entry.keys"),
    ("found with a recovery key that opens, and one wrap", founding([OPENING, KEYS, ROTATION]), "entry.control"),
    ("found with a recovery key that does not, and two wraps", founding([RECOVERY, KEYS, OPENED]), "entry.control"),
    ("found with half a recovery key", founding([[RECOVERY], KEYS, OPENED]), "entry.control"),
    ("found with a recovery key that nobody can seal to",
     founding([[RECOVERY, UNUSABLE], KEYS, OPENED]), "entry.control"),
    ("found with a session key of zeros", founding([OPENING, [PUBLIC, bytes(32), KEYS[2]], OPENED]), "entry.keys"),
    ("admit with a session key of zeros", control(2, [2, [PUBLIC, bytes(32), KEYS[2]]], ["Bea"]), "entry.keys"),
    ("admit with a session key of order 8",
     control(2, [2, [PUBLIC, LOW_CURVE, KEYS[2]]], ["Bea"]), "entry.keys"),
    ("admit with a seal key that fails its check",
     control(2, [2, [*KEYS[:2], b"\xff" * 1_184 + KEYS[2][1_184:]]], ["Bea"]), "entry.keys"),
    ("admit with half a seal key of low order", control(2, [2, [*KEYS[:2], UNUSABLE]], ["Bea"]), "entry.keys"),
    ("admit with nothing but a role", control(2, [2], ["Bea"]), "entry.control"),
    ("admit with more than a role and keys", control(2, [2, KEYS, None], ["Bea"]), "entry.control"),
    ("admit with two names", control(2, [2, KEYS], ["Bea", "Eva"]), "entry.control"),
    ("admit whose content is a text", control(2, [2, KEYS], "Bea"), "entry.control"),
    ("admit whose shape is a map", control(2, {}, ["Bea"]), "entry.control"),
    ("admit of the role 0", control(2, [0, KEYS], ["Bea"]), "entry.role"),
    ("admit of the role 4", control(2, [4, KEYS], ["Bea"]), "entry.role"),
    ("admit of a role that is a boolean", control(2, [True, KEYS], ["Bea"]), "entry.role"),
    ("admit of a role that is a text", control(2, ["2", KEYS], ["Bea"]), "entry.role"),
    ("admit with keys that are no array", control(2, [2, PUBLIC], ["Bea"]), "entry.keys"),
    ("admit without keys", control(2, [2, []], ["Bea"]), "entry.keys"),
    ("admit with four keys", control(2, [2, [*KEYS, b""]], ["Bea"]), "entry.keys"),
    ("admit with a session key of 31 bytes", control(2, [2, [PUBLIC, bytes(31), KEYS[2]]], ["Bea"]), "entry.keys"),
    ("admit with a seal key of 1,215 bytes", control(2, [2, [*KEYS[:2], bytes(1_215)]], ["Bea"]), "entry.keys"),
    ("admit with a signing key that is a text", control(2, [2, ["key", *KEYS[1:]]], ["Bea"]), "entry.keys"),
    ("admit with a signing key of small order", control(2, [2, [LOW_ORDER, *KEYS[1:]]], ["Bea"]), "entry.keys"),
    ("admit with a signing key outside the main subgroup",
     control(2, [2, [WITH_TORSION, *KEYS[1:]]], ["Bea"]), "entry.keys"),
    ("admit with a signing key that is not reduced", control(2, [2, [NOT_REDUCED, *KEYS[1:]]], ["Bea"]), "entry.keys"),
    ("admit with a signing key off the curve", control(2, [2, [OFF_THE_CURVE, *KEYS[1:]]], ["Bea"]), "entry.keys"),
    ("admit with an empty name", control(2, [2, KEYS], [""]), "entry.name"),
    ("admit with a name of 257 bytes", control(2, [2, KEYS], ["a" * 257]), "entry.name"),
    ("admit with a name of 257 bytes in 129 characters", control(2, [2, KEYS], ["é" * 128 + "a"]), "entry.name"),
    ("admit with a name that is nil", control(2, [2, KEYS], [None]), "entry.name"),
    ("admit in another case", replace(control(2, [2, KEYS], ["Bea"]), case=PLAIN.case), "entry.case"),
    ("an opaque admit", control(2, [2, KEYS], [[None] * 1_024]), "entry.control"),
]  # fmt: skip


# --- all of them --------------------------------------------------------------------------------


def given(entry: Entry) -> dict[str, Any]:
    return {field.name: getattr(entry, field.name) for field in fields(entry)}


def vector(name: str, entry: Entry, *, opaque: bool = False) -> Vector:
    return Vector(
        "entry", name, given(entry), result={"id": entry.id, "opaque": opaque}, steps={"header": entry.header}
    )


def at_fault(name: str, entry: Entry, rule: str) -> Vector:
    return Vector("entry", name, given(entry), fault(rule))


def signed() -> Iterator[Vector]:
    signature = PLAIN.signed(KEY)
    good = given(PLAIN) | {"signing": PUBLIC, "signature": signature}
    yield Vector("entry", "signed", good, result={"id": PLAIN.id, "opaque": False})
    other = SigningKey(invented("another signing key")).verify_key.encode()
    yield Vector("entry", "signed by another", good | {"signing": other}, fault("signature"))
    later = good | {"clock": PLAIN.clock + 1}
    yield Vector("entry", "signed with another clock", later, fault("signature"))
    flipped = signature[:-1] + bytes([signature[-1] ^ 0x20])
    yield Vector("entry", "signed with a bit flipped", good | {"signature": flipped}, fault("signature"))


def vectors() -> Iterator[Vector]:
    for name, entry in (*PLACES, *FORMS, *CONTROL):
        yield vector(name, entry)
    for name, entry, rule in (*MISFORMED, *MISFORMED_CONTROL):
        yield at_fault(name, entry, rule)
    yield from opaque()
    yield from signed()
    longest = replace(PLAIN, content=SALT + b"\x91\xc5" + (64_512 - 36).to_bytes(2, "big") + bytes(64_512 - 36))
    assert len(longest.shape) + len(longest.content) == 64_512, len(longest.shape) + len(longest.content) - 64_512
    yield vector("64,512 bytes", longest)
    yield at_fault("64,513 bytes", replace(longest, content=longest.content + b"\0"), "cap.entry")
