"""Entries with a mark: rows of a batch that are not full, and detached entries (30-history, Forms; 50-sync).

Of the part `message` their forms, and all of the part `detached`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from nacl.signing import SigningKey

from protocol.generate.hashes import h, invented
from protocol.generate.header import Entry
from protocol.generate.messages import (
    CASE,
    CHAIN,
    CIRCLE,
    CITED,
    CONTENT,
    DEVICE,
    ENTRY,
    LATEST,
    LIFE,
    MOST,
    ROW,
    SHAPE,
    SIGNATURE,
    batch,
    changed,
)
from protocol.generate.packed import packed
from protocol.generate.vector import Vector, fault, shown

ERASED, SKELETON, DETACHED = 1, 2, 3
CAP: Final = 64_512


def marked(kind: int, form: int, version: int = 1) -> int:
    return kind + 256 * (form + 4 * (version - 1))


def hashed(label: str, data: bytes, length: int | None = None) -> bytes:
    return h(label, data) + struct.pack(">I", len(data) if length is None else length)


CONTENT_HASHED: Final = hashed("cs1 content", CONTENT)
SHAPE_HASHED: Final = hashed("cs1 shape", CASE + SHAPE, len(SHAPE))
LONG: Final = hashed("cs1 content", b"", CAP)
ERASED_ROW: Final = changed(changed(ROW, 4, marked(0, ERASED)), 6, CONTENT_HASHED)
SKELETON_ROW: Final = [0, None, [], ROW[3], marked(0, SKELETON), SHAPE_HASHED, CONTENT_HASHED]
NEWER_ROW: Final = [0, 0, [], ROW[3], marked(0, 0, 2), b"", b""]
NEWER_SKELETON: Final = [0, None, [], ROW[3], marked(1, SKELETON, 64), b"", b""]
NUMBERED: Final = changed(ROW, 5, 0)

TARGETS: Final = packed([[invented("removed device")]])
ALONE: Final[list[Any]] = [
    12, CIRCLE, DEVICE, LIFE, 3, ENTRY, 9, 1_790_000_000_000, marked(5, DETACHED), TARGETS, h("cs1 content", CONTENT),
    len(CONTENT), sorted([CASE, invented("parent")]), SIGNATURE,
]  # fmt: skip
SEQUENCE, PREVIOUS, HEIGHT, CLOCK, KIND, TOLD, HASH, LENGTH, PARENTS, SIGNED = range(4, 14)


def alone(changes: dict[int, Any]) -> list[Any]:
    return [changes.get(at, field) for at, field in enumerate(ALONE)]


def rows(*entries: Any) -> list[Any]:
    return batch([CHAIN, CITED], entries=entries)


GOOD: Final[list[tuple[str, list[Any]]]] = [
    ("an erased entry", rows(ERASED_ROW)),
    ("a skeleton", rows(SKELETON_ROW)),
    ("an erased founding", rows(changed(ERASED_ROW, 4, marked(1, ERASED)))),
    ("a skeleton with a parent", rows(changed(SKELETON_ROW, 2, [1, 1]))),
    ("an erased entry with a numbered shape", rows(ROW, changed(ERASED_ROW, 5, 0))),
    ("the shape of an erased entry gets a number", rows(ERASED_ROW, NUMBERED)),
    ("a skeleton gets no number", rows(SKELETON_ROW, ROW, NUMBERED)),
    ("an entry of version 2", rows(NEWER_ROW)),
    ("the shape of an entry of version 2 gets a number", rows(NEWER_ROW, NUMBERED)),
    ("a skeleton of version 64 of a founding", rows(NEWER_SKELETON)),
    ("an erased entry as long as an entry may be",
     rows(changed(ERASED_ROW, 6, hashed("cs1 content", b"", CAP - len(SHAPE))))),
    ("a detached entry", ALONE),
    ("a detached entry without parents", alone({PARENTS: []})),
    ("a detached entry with 64 parents", alone({PARENTS: [bytes([at]) * 32 for at in range(64)]})),
    ("a detached entry that is the first of its chain", alone({SEQUENCE: 1, PREVIOUS: bytes(32)})),
    ("a detached entry at the last sequence", alone({SEQUENCE: MOST, HEIGHT: LATEST, CLOCK: LATEST})),
    ("a detached entry of an unknown kind", alone({KIND: marked(255, DETACHED), TOLD: packed(None)})),
    ("a detached entry as long as an entry may be", alone({LENGTH: CAP - len(TARGETS)})),
    ("a detached entry of version 2", alone({KIND: marked(0, DETACHED, 2), SEQUENCE: 0, TOLD: b""})),
]  # fmt: skip

BAD: Final[list[tuple[str, Any, str]]] = [
    ("the mark of a detached entry in a batch", rows(changed(ROW, 4, marked(5, DETACHED))), "entry.mark"),
    ("the mark of a detached entry of version 2 in a batch",
     rows(changed(NEWER_ROW, 4, marked(5, DETACHED, 2))), "entry.mark"),
    ("a full entry without a case", rows(changed(ROW, 1, None)), "entry.form"),
    ("an erased entry without a case", rows(changed(ERASED_ROW, 1, None)), "entry.form"),
    ("an erased entry with a content", rows(changed(ERASED_ROW, 6, CONTENT)), "entry.form"),
    ("an erased entry with a hash and no length", rows(changed(ERASED_ROW, 6, CONTENT_HASHED[:32])), "entry.form"),
    ("an erased entry that claims too much", rows(changed(ERASED_ROW, 6, LONG)), "cap.entry"),
    ("a skeleton with a case", rows(changed(SKELETON_ROW, 1, 0)), "entry.form"),
    ("a skeleton with a shape", rows(changed(SKELETON_ROW, 5, SHAPE)), "entry.form"),
    ("a skeleton with the number of a shape", rows(ROW, changed(SKELETON_ROW, 5, 0)), "entry.form"),
    ("a skeleton of a founding", rows(changed(SKELETON_ROW, 4, marked(1, SKELETON))), "entry.form"),
    ("a skeleton of an admission", rows(changed(SKELETON_ROW, 4, marked(2, SKELETON))), "entry.form"),
    ("a skeleton that claims too much", rows(changed(SKELETON_ROW, 5, LONG)), "cap.entry"),
    ("a skeleton gives no number to a shape", rows(SKELETON_ROW, NUMBERED), "batch.entry"),
    ("an entry of version 2 with a case", rows(changed(NEWER_SKELETON, 1, 0)), "entry.form"),
    ("an entry of version 2 in a chain that is not there", rows(changed(NEWER_ROW, 0, 2)), "batch.entry"),
    ("an entry of version 2 that is too long", rows(changed(NEWER_ROW, 6, bytes(CAP + 1))), "cap.entry"),
    ("a detached entry of thirteen elements", ALONE[:13], "message"),
    ("a detached entry of fifteen elements", [*ALONE, 0], "message"),
    ("a detached entry without a mark", alone({KIND: 5}), "entry.mark"),
    ("a detached entry with the mark of an erased one", alone({KIND: marked(5, ERASED)}), "entry.mark"),
    ("a detached case entry", alone({KIND: marked(0, DETACHED)}), "detached"),
    ("a detached founding", alone({KIND: marked(1, DETACHED)}), "detached"),
    ("a detached entry at sequence 0", alone({SEQUENCE: 0, PREVIOUS: bytes(32)}), "form.place"),
    ("a detached first entry with a previous", alone({SEQUENCE: 1}), "detached"),
    ("a detached later entry without a previous", alone({PREVIOUS: bytes(32)}), "detached"),
    ("a detached entry at height 0", alone({HEIGHT: 0}), "detached"),
    ("a detached entry with a clock below 0", alone({CLOCK: -1}), "detached"),
    ("a detached entry whose hash has 31 bytes", alone({HASH: bytes(31)}), "detached"),
    ("a detached entry whose parents descend", alone({PARENTS: ALONE[PARENTS][::-1]}), "detached"),
    ("a detached entry with a parent twice", alone({PARENTS: [CASE, CASE]}), "detached"),
    ("a detached entry with 65 parents", alone({PARENTS: [bytes([at]) * 32 for at in range(65)]}), "cap.parents"),
    ("a detached entry that claims too much", alone({LENGTH: CAP - len(TARGETS) + 1}), "cap.entry"),
    ("a detached entry whose shape is no value", alone({TOLD: b""}), "codec.msgpack"),
    ("a detached entry whose shape is nested too deep", alone({TOLD: b"\x91" * 9 + b"\xc0"}), "cap.nesting"),
    ("a detached entry with a signature of 63 bytes", alone({SIGNED: SIGNATURE[:63]}), "detached"),
]  # fmt: skip


# --- authentic ones -----------------------------------------------------------------------------

AUTHOR: Final = SigningKey(invented("author's signing key"))
WROTE: Final = Entry(
    circle=invented("circle"), device=DEVICE, incarnation=LIFE, sequence=3, previous=ENTRY, height=9,
    clock=1_790_000_000_000, kind=5, case=invented("circle"), shape=TARGETS, content=CONTENT,
    parents=(invented("parent"), CASE),
)  # fmt: skip
ONE, TWO = sorted([invented("removed device"), invented("another removed device")])


def sent(entry: Entry, signature: bytes | None = None, version: int = 1) -> bytes:
    """The payload of an entry, detached."""
    signed = entry.signed(AUTHOR) if signature is None else signature
    return packed(
        [12, CIRCLE, entry.device, entry.incarnation, entry.sequence, entry.previous, entry.height, entry.clock,
         marked(entry.kind, DETACHED, version), entry.shape, h("cs1 content", entry.content), len(entry.content),
         sorted(entry.parents), signed]
    )  # fmt: skip


AUTHENTIC: Final[list[tuple[str, Entry, list[bytes]]]] = [
    ("the removal of one", replace(WROTE, shape=packed([[ONE]])), [ONE]),
    ("the removal of two", replace(WROTE, shape=packed([[TWO, ONE]])), [ONE, TWO]),
    ("a removal that says more", replace(WROTE, shape=packed([[ONE], "more", None])), [ONE]),
    ("a removal of 48", replace(WROTE, shape=packed([[bytes([at]) * 32 for at in range(48)]])),
     [bytes([at]) * 32 for at in range(48)]),
    ("a removal of 49 has no targets", replace(WROTE, shape=packed([[bytes([at]) * 32 for at in range(49)]])), []),
    ("a removal of nobody has none", replace(WROTE, shape=packed([[]])), []),
    ("a removal of an id of 31 bytes has none", replace(WROTE, shape=packed([[ONE, TWO[:31]]])), []),
    ("a removal of a text has none", replace(WROTE, shape=packed([["a" * 32]])), []),
    ("a removal without an array has none", replace(WROTE, shape=packed([ONE])), []),
    ("a removal that is nil has none", replace(WROTE, shape=packed(None)), []),
    ("another kind has none", replace(WROTE, shape=packed([[ONE]]), kind=12), []),
    ("an admission has none", replace(WROTE, shape=packed([[ONE]]), kind=2), []),
    ("the first of its chain",
     replace(WROTE, sequence=1, previous=bytes(32), height=1, parents=(), shape=packed([[ONE]])), [ONE]),
]  # fmt: skip
OTHERS: Final[dict[str, Any]] = {
    "circle": invented("another circle"), "device": CASE, "incarnation": bytes(8), "sequence": 4, "previous": CASE,
    "height": 10, "clock": 5, "kind": 6, "shape": packed([[ONE, TWO]]), "content": CONTENT + b"\xc0",
    "parents": (CASE,),
}  # fmt: skip


def detached() -> Iterator[Vector]:
    given = {"circle": WROTE.circle, "signing": AUTHOR.verify_key.encode()}
    for name, entry, targets in AUTHENTIC:
        yield Vector("detached", name, {**given, "payload": sent(entry)}, result={"id": entry.id, "targets": targets})
    for field, value in OTHERS.items():
        other = replace(WROTE, **{field: value}).signed(AUTHOR)
        name = f"a signature of another {field}"
        yield Vector("detached", name, {**given, "payload": sent(WROTE, other)}, fault("signature"))
    yield Vector("detached", "a signature of zeros", {**given, "payload": sent(WROTE, bytes(64))}, fault("signature"))
    newer = sent(WROTE, bytes(64), version=2)
    yield Vector(
        "detached", "a version that is not known", {**given, "payload": newer}, result={"id": None, "targets": []}
    )


def vectors() -> Iterator[Vector]:
    yield from detached()
    for name, message in GOOD:
        yield Vector("message", name, {"payload": packed(message)}, result={"value": shown(message)})
    for name, message, rule in BAD:
        yield Vector("message", name, {"payload": packed(message)}, fault(rule))
