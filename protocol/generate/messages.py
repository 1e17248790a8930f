"""The part `message`: the messages of a session, one at a time (protocol/50-sync.md, Messages)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from protocol.generate.hashes import invented
from protocol.generate.packed import packed
from protocol.generate.vector import Vector, fault, shown

CIRCLE: Final = invented("circle's name", 8)
DEVICE: Final = invented("device")
OTHER: Final = invented("another device")
LIFE: Final = invented("incarnation", 8)
ENTRY: Final = invented("entry")
TAGS: Final = sorted(invented(f"tag {number}", 16) for number in range(32))
PLACE: Final = [DEVICE, LIFE, 7, ENTRY]
ADDRESS: Final = bytes([10, 0, 0, 7])
SIXTEEN: Final = bytes.fromhex("fd00000000000000000000000000002a")
SIGNATURE: Final = invented("signature", 64)
CHAIN: Final = [DEVICE, LIFE, 3, ENTRY, SIGNATURE]
CITED: Final = [OTHER, LIFE, 9, ENTRY, b""]
CASE: Final = invented("case")
SHAPE: Final = packed([[1, "name", b""]])
CONTENT: Final = invented("salt", 16) + packed(["Anna"])
ROW: Final = [0, 0, [], 1_790_000_000_000, 0, SHAPE, CONTENT]
MOST: Final = (1 << 40) - 1
LATEST: Final = (1 << 63) - 1


def frontier(heads: Any = (), equivocators: Any = (), gaps: Any = ()) -> list[Any]:
    return [3, CIRCLE, True, list(heads), list(equivocators), list(gaps)]


def path(*paths: Any) -> list[Any]:
    return [8, CIRCLE, list(paths)]


def whereabouts(*rows: Any) -> list[Any]:
    return [10, CIRCLE, list(rows)]


def batch(chains: Any = (CHAIN,), cases: Any = (CASE,), entries: Any = (ROW,)) -> list[Any]:
    return [4, CIRCLE, True, list(chains), list(cases), list(entries)]


def changed(row: list[Any], at: int, value: Any) -> list[Any]:
    return [*row[:at], value, *row[at + 1 :]]


def steps(count: int, first: int = 100) -> list[Any]:
    return [[first - number, invented(f"step {number}")] for number in range(count)]


EPOCH: Final = invented("epoch")
GIVEN: Final = [
    14,
    CIRCLE,
    EPOCH,
    20_800,
    *(invented(f"state of {name}") for name in ("session", "spool", "discovery", "bundle")),
]


GOOD: Final[list[tuple[str, list[Any]]]] = [
    ("an offer", [1, TAGS]),
    ("a digest", [2, CIRCLE, ENTRY]),
    ("an empty frontier", frontier()),
    ("a frontier", frontier([PLACE, [OTHER, LIFE, 1, CASE]], [OTHER], [[OTHER, LIFE, 2, DEVICE]])),
    ("a part of a frontier", [3, CIRCLE, False, [PLACE], [], []]),
    ("two branches in one place", frontier([PLACE, [DEVICE, LIFE, 7, CASE]])),
    ("the largest sequence", frontier([changed(PLACE, 2, MOST)])),
    ("a batch", batch()),
    ("an empty batch", batch([], [], [])),
    ("a part of a batch", [4, CIRCLE, False, [CHAIN], [], []]),
    ("a batch with a row that is only cited", batch([CHAIN, CITED], entries=[changed(ROW, 2, [1, 1])])),
    ("a parent before sequence 1, of which a part says nothing",
     batch([CHAIN, CITED], entries=[changed(ROW, 2, [1, 10])])),
    ("the largest offset of a parent", batch([CHAIN, CITED], entries=[changed(ROW, 2, [1, MOST])])),
    ("an acknowledgement that refuses the last row there can be", [5, CIRCLE, [16_383]]),
    ("a batch with a numbered shape", batch(entries=[ROW, changed(ROW, 5, 0)])),
    ("a batch of an unknown kind", batch(entries=[changed(ROW, 4, 255)])),
    ("a batch whose clock goes back", batch(entries=[ROW, changed(ROW, 3, -5)])),
    ("an acknowledgement", [5, CIRCLE, []]),
    ("an acknowledgement that refuses", [5, CIRCLE, [0, 3]]),
    ("a ping", [6]),
    ("a pong", [7]),
    ("a path", path([DEVICE, LIFE, steps(3)])),
    ("the longest path", path([DEVICE, LIFE, steps(41)])),
    ("32 paths", path(*([invented(f"device {number}"), LIFE, steps(1)] for number in range(32)))),
    ("whereabouts", whereabouts([DEVICE, [[ADDRESS, 40_001], [SIXTEEN, 65_535]]])),
    ("whereabouts of nobody", whereabouts()),
    ("whereabouts of 48 devices", whereabouts(*([invented(f"d {n}"), [[ADDRESS, n + 1]]] for n in range(48)))),
    ("eight addresses", whereabouts([DEVICE, [[ADDRESS, port] for port in range(1, 9)]])),
    ("a clock", [11, 1_790_000_000_123]),
    ("the first clock", [11, 0]),
    ("the latest clock", [11, LATEST]),
    ("an epoch that is wanted", [13, CIRCLE, EPOCH]),
    ("states of an epoch", GIVEN),
    ("states of the first day", changed(GIVEN, 3, 0)),
    ("states of the last day", changed(GIVEN, 3, (1 << 32) - 1)),
]  # fmt: skip

BAD: Final[list[tuple[str, Any, str]]] = [
    ("no array", {"1": 2}, "message"),
    ("an array without a number", [], "message"),
    ("the number 0", [0], "message"),
    ("the number 9", [9], "message"),
    ("the number 12", [12], "message"),
    ("a number that is a boolean", [True, TAGS], "message"),
    ("a number that is a float", [6.0], "message"),
    ("a ping that says more", [6, 0], "message"),
    ("a digest of 31 bytes", [2, CIRCLE, ENTRY[:31]], "message"),
    ("a digest that is a text", [2, CIRCLE, "digest"], "message"),
    ("a circle's name of seven bytes", [2, CIRCLE[:7], ENTRY], "form.circle"),
    ("a circle's name of nine bytes", [5, CIRCLE + b"\0", []], "form.circle"),
    ("a circle's name that is a text", [5, "circle's", []], "message"),
    ("an offer of 31 tags", [1, TAGS[:31]], "message"),
    ("an offer of 33 tags", [1, sorted([*TAGS, invented("one more", 16)])], "message"),
    ("an offer with a tag of 15 bytes", [1, changed(TAGS, 3, TAGS[3][:15])], "message"),
    ("an offer that descends", [1, TAGS[::-1]], "offer.order"),
    ("an offer with two tags in the wrong order", [1, [*TAGS[:30], TAGS[31], TAGS[30]]], "offer.order"),
    ("an offer with a tag twice", [1, [TAGS[0], *TAGS[:31]]], "offer.order"),
    ("a frontier whose last is a number", changed(frontier(), 2, 1), "message"),
    ("a frontier without gaps", frontier()[:5], "message"),
    ("a head of three elements", frontier([PLACE[:3]]), "frontier.row"),
    ("a head of five elements", frontier([[*PLACE, 0]]), "frontier.row"),
    ("a head that is no array", frontier([ENTRY]), "frontier.row"),
    ("a gap of another form", frontier(gaps=[[DEVICE]]), "frontier.row"),
    ("a head twice", frontier([PLACE, PLACE]), "frontier.twice"),
    ("a gap twice", frontier(gaps=[PLACE, PLACE]), "frontier.twice"),
    ("an equivocator twice", frontier(equivocators=[DEVICE, DEVICE]), "frontier.twice"),
    ("an equivocator of 31 bytes", frontier(equivocators=[DEVICE[:31]]), "form.device"),
    ("a device of 33 bytes", frontier([changed(PLACE, 0, DEVICE + b"\0")]), "form.device"),
    ("a device that is a text", path(["a device", LIFE, steps(1)]), "form.device"),
    ("an incarnation of seven bytes", frontier([changed(PLACE, 1, LIFE[:7])]), "form.incarnation"),
    ("an incarnation that is a number", path([DEVICE, 5, steps(1)]), "form.incarnation"),
    ("the sequence 0", frontier([changed(PLACE, 2, 0)]), "form.place"),
    ("a sequence below 0", frontier([changed(PLACE, 2, -1)]), "form.place"),
    ("the sequence 2 to the 40th", frontier([changed(PLACE, 2, 1 << 40)]), "form.place"),
    ("a sequence that is a boolean", frontier([changed(PLACE, 2, True)]), "form.place"),
    ("a sequence that is a float", frontier([changed(PLACE, 2, 7.0)]), "form.place"),
    ("an entry's id of 31 bytes", frontier([changed(PLACE, 3, ENTRY[:31])]), "form.place"),
    ("a step of a path with the sequence 0", path([DEVICE, LIFE, [[0, ENTRY]]]), "form.place"),
    ("no paths", path(), "message"),
    ("33 paths", path(*([invented(f"device {number}"), LIFE, steps(1)] for number in range(33))), "message"),
    ("a path without steps", path([DEVICE, LIFE, []]), "path"),
    ("a path of 42 steps", path([DEVICE, LIFE, steps(42)]), "path"),
    ("a path that ascends", path([DEVICE, LIFE, steps(3)[::-1]]), "path"),
    ("a path with a sequence twice", path([DEVICE, LIFE, [[5, ENTRY], [5, CASE]]]), "path"),
    ("a path with a step of one element", path([DEVICE, LIFE, [[5]]]), "path"),
    ("a path that is no array", path(DEVICE), "path"),
    ("an acknowledgement that refuses the row below 0", [5, CIRCLE, [-1]], "message"),
    ("an acknowledgement that refuses a row that none can be", [5, CIRCLE, [16_384]], "message"),
    ("an acknowledgement that refuses a row twice", [5, CIRCLE, [0, 3, 3]], "ack.order"),
    ("an acknowledgement that descends", [5, CIRCLE, [3, 0]], "ack.order"),
    ("an acknowledgement that descends at its end", [5, CIRCLE, [0, 2, 3, 1]], "ack.order"),
    ("an acknowledgement that refuses a boolean", [5, CIRCLE, [True]], "message"),
    ("an epoch of 31 bytes that is wanted", [13, CIRCLE, EPOCH[:31]], "message"),
    ("an epoch that is a text", [13, CIRCLE, "epoch"], "message"),
    ("an epoch that is wanted, of a circle's name of nine bytes", [13, CIRCLE + b"\0", EPOCH], "form.circle"),
    ("two epochs that are wanted", [13, CIRCLE, EPOCH, EPOCH], "message"),
    ("states of an epoch of 33 bytes", changed(GIVEN, 2, EPOCH + b"\0"), "message"),
    ("states of a day below 0", changed(GIVEN, 3, -1), "message"),
    ("states of the day 2 to the 32nd", changed(GIVEN, 3, 1 << 32), "message"),
    ("states of a day that is a boolean", changed(GIVEN, 3, True), "message"),
    ("three states", GIVEN[:-1], "message"),
    ("five states", [*GIVEN, EPOCH], "message"),
    ("a state of 31 bytes", changed(GIVEN, 5, EPOCH[:31]), "message"),
    ("a state that is nil", changed(GIVEN, 7, None), "message"),
    ("states about a circle's name of seven bytes", changed(GIVEN, 1, CIRCLE[:7]), "form.circle"),
    ("whereabouts about a circle's name of seven bytes", [10, CIRCLE[:7], []], "form.circle"),
    ("whereabouts that are no array", whereabouts(DEVICE), "whereabouts.row"),
    ("whereabouts without addresses", whereabouts([DEVICE, []]), "whereabouts.row"),
    ("whereabouts of a device of 31 bytes", whereabouts([DEVICE[:31], [[ADDRESS, 1]]]), "whereabouts.row"),
    ("an address of five bytes", whereabouts([DEVICE, [[ADDRESS + b"\0", 1]]]), "whereabouts.row"),
    ("an address that is a text", whereabouts([DEVICE, [["10.0.0.7", 1]]]), "whereabouts.row"),
    ("the port 0", whereabouts([DEVICE, [[ADDRESS, 0]]]), "whereabouts.row"),
    ("the port 65,536", whereabouts([DEVICE, [[ADDRESS, 65_536]]]), "whereabouts.row"),
    ("a port that is a boolean", whereabouts([DEVICE, [[ADDRESS, True]]]), "whereabouts.row"),
    ("whereabouts that name a device twice", whereabouts(*2 * [[DEVICE, [[ADDRESS, 1]]]]), "whereabouts.twice"),
    ("whereabouts of 49 devices", whereabouts(*([invented(f"d {n}"), [[ADDRESS, 1]]] for n in range(49))),
     "cap.whereabouts"),
    ("nine addresses", whereabouts([DEVICE, [[ADDRESS, port] for port in range(1, 10)]]), "cap.whereabouts"),
    ("a clock below 0", [11, -1], "message"),
    ("a clock too late", [11, LATEST + 1], "message"),
    ("a clock that is a float", [11, 1.0], "message"),
    ("a batch whose last is nil", changed(batch(), 2, None), "message"),
    ("a batch without entries' table", batch()[:5], "message"),
    ("a chain of four elements", batch([CHAIN[:4]]), "batch.chain"),
    ("a chain of a device of 31 bytes", batch([changed(CHAIN, 0, DEVICE[:31])]), "form.device"),
    ("a chain of an incarnation of nine bytes", batch([changed(CHAIN, 1, LIFE + b"\0")]), "form.incarnation"),
    ("a chain that begins at 0", batch([changed(CHAIN, 2, 0)]), "batch.chain"),
    ("a chain that begins at 2 to the 40th", batch([changed(CHAIN, 2, 1 << 40)]), "batch.chain"),
    ("a chain that begins at a boolean", batch([changed(CHAIN, 2, True)]), "batch.chain"),
    ("a chain whose previous has 31 bytes", batch([changed(CHAIN, 3, ENTRY[:31])]), "batch.chain"),
    ("a chain whose signature has 63 bytes", batch([changed(CHAIN, 4, SIGNATURE[:63])]), "batch.chain"),
    ("a chain of a device that is a text", batch([changed(CHAIN, 0, "device")]), "form.device"),
    ("a chain of an incarnation that is nil", batch([changed(CHAIN, 1, None)]), "form.incarnation"),
    ("a chain without a signature's bytes", batch([changed(CHAIN, 4, None)]), "batch.chain"),
    ("a case of 31 bytes", batch(cases=[CASE[:31]]), "batch.case"),
    ("a case that is a text", batch(cases=["case"]), "batch.case"),
    ("an entry of six elements", batch(entries=[ROW[:6]]), "batch.entry"),
    ("an entry of a chain that is not there", batch(entries=[changed(ROW, 0, 1)]), "batch.entry"),
    ("an entry of a chain below 0", batch(entries=[changed(ROW, 0, -1)]), "batch.entry"),
    ("an entry of a chain that is a boolean", batch(entries=[changed(ROW, 0, False)]), "batch.entry"),
    ("an entry of a case that is not there", batch(entries=[changed(ROW, 1, 1)]), "batch.entry"),
    ("an entry whose parents are nil", batch(entries=[changed(ROW, 2, None)]), "batch.entry"),
    ("an entry whose clock is a float", batch(entries=[changed(ROW, 3, 1.0)]), "batch.entry"),
    ("an entry of kind 65,536", batch(entries=[changed(ROW, 4, 65_536)]), "batch.entry"),
    ("an entry of a kind below 0", batch(entries=[changed(ROW, 4, -1)]), "batch.entry"),
    ("an entry whose shape is a text", batch(entries=[changed(ROW, 5, "shape")]), "batch.entry"),
    ("an entry whose shape has a number before there is one", batch(entries=[changed(ROW, 5, 0)]), "batch.entry"),
    ("an entry whose shape has a number of a long one",
     batch(entries=[changed(ROW, 5, packed([[1, "n" * 70, b""]])), changed(ROW, 5, 0)]), "batch.entry"),
    ("an entry whose content is nil", batch(entries=[changed(ROW, 6, None)]), "batch.entry"),
    ("a parent without an offset", batch([CHAIN, CITED], entries=[changed(ROW, 2, [1])]), "entry.parents"),
    ("a parent in its own chain", batch(entries=[changed(ROW, 2, [0, 1])]), "entry.parents"),
    ("a parent in a chain that is not there", batch(entries=[changed(ROW, 2, [1, 1])]), "entry.parents"),
    ("a parent with the offset 0", batch([CHAIN, CITED], entries=[changed(ROW, 2, [1, 0])]), "entry.parents"),
    ("a parent with the offset 2 to the 40th",
     batch([CHAIN, CITED], entries=[changed(ROW, 2, [1, 1 << 40])]), "entry.parents"),
    ("a parent with a boolean", batch([CHAIN, CITED], entries=[changed(ROW, 2, [1, True])]), "entry.parents"),
    ("a chain as a number without a parent",
     batch([CHAIN, CITED], entries=[changed(ROW, 2, [True, 1])]), "entry.parents"),
    ("65 parents", batch([CHAIN, CITED], entries=[changed(ROW, 2, [1, 1] * 65)]), "cap.parents"),
    ("an entry of 64,513 bytes",
     batch(entries=[changed(ROW, 6, CONTENT + bytes(64_513 - len(SHAPE) - len(CONTENT)))]), "cap.entry"),
]  # fmt: skip


def vectors() -> Iterator[Vector]:
    for name, message in GOOD:
        yield Vector("message", name, {"payload": packed(message)}, result={"value": shown(message)})
    for name, message, rule in BAD:
        yield Vector("message", name, {"payload": packed(message)}, fault(rule))
    yield Vector("message", "an empty payload", {"payload": b""}, fault("codec.msgpack"))
    yield Vector("message", "two messages in one", {"payload": packed([6]) + packed([7])}, fault("codec.msgpack"))
    yield Vector(
        "message", "a clock in a longer encoding", {"payload": b"\x92\x0b\xcd\x00\x05"}, fault("codec.canonical")
    )
    longer = b"\xdc\x00\x01\x06"
    yield Vector("message", "a ping in a longer array", {"payload": longer}, fault("codec.canonical"))
    # no frame brings so much, but whoever reads a message by itself does not count on that
    rest = packed(batch(cases=[CASE] * 1_900, entries=[changed(ROW, 6, bytes(256))]))
    long = packed(
        batch(cases=[CASE] * 1_900, entries=[changed(ROW, 6, CONTENT + bytes(65_536 - len(rest) + 256 - len(CONTENT)))])
    )
    yield Vector("message", "a payload of 65,536 bytes", {"payload": long}, fault("cap.frame"))
