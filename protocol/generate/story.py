"""The history that protocol/transcript.md tells: four entries of Ana's, two of Ben's, one more of Ana's.

From 10-crypto, 30-history, 35-cases, 40-membership and 50-sync, with nothing of cellsync. All bytes that a device
would draw are `drawn`, so whoever reads the transcript can compute them.
"""

from __future__ import annotations

import hashlib
from itertools import chain
from typing import NamedTuple

from nacl.signing import SigningKey

from protocol.generate.conversation import Pieces, h, joined, x25519
from protocol.generate.encapsulation import sealed, xwing_keys
from protocol.generate.packing import array, binary, integer, nil, numbers, text

ZEROS = bytes(32)
NOON = 1_790_000_000_000
DAY = NOON // 86_400_000
KINDS = {0: "case", 1: "found", 2: "admit", 13: "require"}


def drawn(name: str, size: int = 32) -> bytes:
    return hashlib.shake_256(name.encode()).digest(size)


class Device:
    """Three secret keys, their public keys, and the chain that the device writes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.signing, self.session = SigningKey(drawn(f"{name} signing")), drawn(f"{name} session")
        self.seal = xwing_keys(drawn(f"{name} seal"))[2]
        self.keys = [bytes(self.signing.verify_key), x25519(self.session), self.seal]
        self.incarnation = drawn(f"{name} incarnation", 8)
        self.id = ZEROS
        self.entries: list[Entry] = []

    def keys_packed(self) -> Pieces:
        notes = ("Ed25519", "X25519", "X-Wing")
        packed = [binary(key, f"    {note}") for key, note in zip(self.keys, notes, strict=True)]
        return [array(3, f"{self.name.title()}'s keys"), *packed]


class Entry(NamedTuple):
    kind: int
    case: bytes
    clock: int
    shape: Pieces
    content: Pieces
    parents: list[bytes]
    header: Pieces
    height: int
    id: bytes
    signature: bytes


CIRCLE = ZEROS  # until there is one


def write(device: Device, kind: int, case: bytes, shape: Pieces, content: Pieces, parents: list[Entry]) -> Entry:
    """The next entry of a device's chain, written 1,000 ms after whatever it cites."""
    before = device.entries[-1:]
    cited = [*before, *parents]
    height = 1 + max((entry.height for entry in cited), default=0)
    clock = max((entry.clock for entry in cited), default=NOON - 1_000) + 1_000
    found = kind == 1
    raw_shape, raw_content = joined(shape), joined(content)
    ids = sorted(parent.id for parent in parents)
    header: Pieces = [
        (b"\x01", "version of entries"),
        (ZEROS if found else CIRCLE, "circle"),
        (ZEROS if found else device.id, "device"),
        (device.incarnation, "incarnation"),
        ((len(device.entries) + 1).to_bytes(8, "big"), "sequence"),
        (before[0].id if before else ZEROS, "previous"),
        (height.to_bytes(8, "big"), "height"),
        (clock.to_bytes(8, "big"), f"clock: {clock:,}"),
        (bytes([kind]), f"kind: {KINDS[kind]}"),
        (h(b"cs1 shape", (ZEROS if found else case) + raw_shape), 'H("cs1 shape", case ‖ shape)'),
        (h(b"cs1 content", raw_content), 'H("cs1 content", content)'),
        (len(raw_shape).to_bytes(4, "big"), f"length of shape: {len(raw_shape):,}"),
        (len(raw_content).to_bytes(4, "big"), f"length of content: {len(raw_content):,}"),
        (bytes([len(ids)]), "number of parents"),
        *((parent, "parent") for parent in ids),
    ]
    identity = h(b"cs1 entry", joined(header))
    signature = device.signing.sign(b"cellsync/1 entry signature\0" + identity).signature
    entry = Entry(kind, case, clock, shape, content, ids, header, height, identity, signature)
    device.entries.append(entry)
    return entry


# --- who they are, and what they write ------------------------------------------------------------

ANA, BEN = Device("ana"), Device("ben")
ROOT = drawn("root")
SIGNS = SigningKey(h(b"cs1 recovery", b"sign", drawn("recovery")))
OPENS = xwing_keys(h(b"cs1 recovery", b"seal", drawn("recovery")))[2]
COMMITMENT = h(b"cs1 commitment", b"", ROOT)


INFO = b"cellsync/1 epoch wrap\0" + COMMITMENT
WRAPS = sealed(ANA.seal, INFO, ROOT, drawn("wrap", 64)), sealed(OPENS, INFO, ROOT, drawn("recovery wrap", 64))


def salted(name: str, *values: tuple[bytes, str]) -> Pieces:
    return [(drawn(f"{name} salt", 16), "salt"), array(len(values), "one value per operation"), *values]


def founded() -> Entry:
    shape: Pieces = [
        array(3, "shape of a found"),
        array(2, "recovery key"),
        binary(bytes(SIGNS.verify_key), "    Ed25519"),
        binary(OPENS, "    X-Wing"),
        *ANA.keys_packed(),
        array(4, "rotation"),
        binary(COMMITMENT, "    commitment"),
        integer(DAY, f"    day {DAY:,}"),
        binary(WRAPS[0], "    the root, sealed to Ana"),
        binary(WRAPS[1], "    the root, sealed to the recovery key"),
    ]
    names = array(2, "names"), text("Mill Street", "    of the circle"), text("ana", "    of its founder")
    return write(ANA, 1, ZEROS, shape, [(drawn("found salt", 16), "salt"), *names], [])


FOUND = founded()
CIRCLE = ANA.id = FOUND.id

REQUIRED = write(
    ANA, 13, CIRCLE,
    [array(1, "shape of a require"), integer(2, "edition")],
    [(drawn("required salt", 16), "salt"), nil("a require has no content")],
    [],
)  # fmt: skip

ADMIT = write(
    ANA, 2, CIRCLE,
    [array(2, "shape of an admit"), integer(2, "role: writer"), *BEN.keys_packed()],
    [(drawn("admit salt", 16), "salt"), array(1, "names"), text("ben", "    of the member")],
    [],
)  # fmt: skip
BEN.id = ADMIT.id

CASE = drawn("case")
CREATED = write(
    ANA, 0, CASE,
    [
        array(2, "shape: 2 operations"),
        array(3, "operation 0"), integer(0, "    create"), text("note", "    kind"), integer(1, "    version"),
        array(3, "operation 1"), integer(1, "    set"), text("title", "    field"), binary(b"", "    replaces none"),
    ],
    salted("created", nil("    create has none"), text("Bakery", "    the title")),
    [],
)  # fmt: skip


def append() -> Pieces:
    operation = integer(7, "    append"), text("log", "    field"), nil("    no source key")
    return [array(1, "shape: 1 operation"), array(3, "operation 0"), *operation]


FIRST = write(BEN, 0, CASE, append(), salted("first", text("Called at noon.", "    the item")), [CREATED])
SECOND = write(BEN, 0, CASE, append(), salted("second", text("No answer.", "    the item")), [])
THIRD = write(ANA, 0, CASE, append(), salted("third", text("Trying again soon.", "    the item")), [SECOND])


# --- batches --------------------------------------------------------------------------------------


def chain_row(device: Device, first: int, previous: bytes, signed: Entry | None) -> Pieces:
    cited = "    none: the row is only cited"
    signature = binary(signed.signature if signed else b"", "    signature of the last entry" if signed else cited)
    return [
        array(5, f"a chain: {device.name.title()}'s"),
        binary(device.id, "    device"),
        binary(device.incarnation, "    incarnation"),
        integer(first, "    first"),
        binary(previous, "    previous" if any(previous) else "    previous: none"),
        signature,
    ]


def entry_row(entry: Entry, rows: tuple[int, int], parents: list[int], before: int, number: int | None) -> Pieces:
    """`rows`: of the tables of chains and of cases; `number`: of the shape, if it was sent before."""
    shape = integer(number, f"    shape number {number}") if number is not None else None
    offset = f"    cites chain {parents[0]}, {parents[1]} before its next" if parents else "    cites nothing"
    return [
        array(7, "an entry"),
        integer(rows[0], f"    chain {rows[0]}"),
        integer(rows[1], f"    case {rows[1]}"),
        *numbers(parents, offset),
        integer(entry.clock - before, f"    clock: {entry.clock - before:,} after {before:,}"),
        integer(entry.kind, f"    kind: {KINDS[entry.kind]}"),
        shape or binary(joined(entry.shape), "    shape"),
        binary(joined(entry.content), "    content"),
    ]


def batch(circle: bytes, chains: list[Pieces], cases: list[bytes], entries: list[Pieces]) -> Pieces:
    return [
        array(6, "message"), integer(4, "BATCH"), binary(circle, "the circle's name in this session"),
        (b"\xc3", "last part: true"),
        array(len(chains), "table of chains"), *chain.from_iterable(chains),
        array(len(cases), "table of cases"), *(binary(case, "    a case") for case in cases),
        array(len(entries), "table of entries"), *chain.from_iterable(entries),
    ]  # fmt: skip


def to_ben(circle: bytes) -> Pieces:
    """All that Ana holds before Ben has written."""
    return batch(
        circle,
        [chain_row(ANA, 1, ZEROS, CREATED)],
        [CIRCLE, CASE],
        [
            entry_row(FOUND, (0, 0), [], 0, None),
            entry_row(REQUIRED, (0, 0), [], FOUND.clock, None),
            entry_row(ADMIT, (0, 0), [], REQUIRED.clock, None),
            entry_row(CREATED, (0, 1), [], ADMIT.clock, None),
        ],
    )


def to_ana(circle: bytes) -> Pieces:
    """What Ben has written since: his chain, and a row of Ana's that he cites."""
    return batch(
        circle,
        [chain_row(BEN, 1, ZEROS, SECOND), chain_row(ANA, 5, CREATED.id, None)],
        [CASE],
        [
            entry_row(FIRST, (0, 0), [1, 1], 0, None),
            entry_row(SECOND, (0, 0), [], FIRST.clock, 0),
        ],
    )


def worked(circle: bytes) -> Pieces:
    """All of this but `found`, `require` and `admit`, for whoever holds those."""
    return batch(
        circle,
        [chain_row(ANA, 4, ADMIT.id, THIRD), chain_row(BEN, 1, ZEROS, SECOND)],
        [CASE],
        [
            entry_row(CREATED, (0, 0), [], 0, None),
            entry_row(FIRST, (1, 0), [0, 1], CREATED.clock, None),
            entry_row(SECOND, (1, 0), [], FIRST.clock, 1),
            entry_row(THIRD, (0, 0), [1, 1], SECOND.clock, 1),
        ],
    )


def held_before(circle: bytes) -> Pieces:
    """What the receiver of the worked batch holds: `found`, `require` and `admit`."""
    return batch(
        circle,
        [chain_row(ANA, 1, ZEROS, ADMIT)],
        [CIRCLE],
        [
            entry_row(FOUND, (0, 0), [], 0, None),
            entry_row(REQUIRED, (0, 0), [], FOUND.clock, None),
            entry_row(ADMIT, (0, 0), [], REQUIRED.clock, None),
        ],
    )
