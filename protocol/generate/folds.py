"""The part `fold`: what the operations of a case's entries make of it (protocol/35-cases.md)."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from protocol.generate.hashes import invented
from protocol.generate.packed import packed
from protocol.generate.state import (
    ADD,
    APPEND,
    CORRECT,
    COUNT,
    CREATE,
    DELETE,
    DISCARD,
    PUT,
    RETRACT,
    SET,
    Shown,
    State,
    Written,
)
from protocol.generate.vector import Vector, shown

NOON: Final = 1_790_000_000_000
NAMED: Final = {"bea": 2, "eva": 3}
Said = tuple[int, str, Any, Any]
"""Tag, field, detail, value."""


@dataclass(frozen=True)
class Line:
    """One entry of the case: what was said, by whom, and how high. Its id is drawn from its name."""

    name: str
    said: Sequence[Said]
    by: str = "ana"
    height: int = 1
    clock: int = NOON
    sequence: int = 1

    @property
    def id(self) -> bytes:
        return invented(f"entry {self.name}")

    @property
    def shape(self) -> bytes:
        return packed([[tag, field, detail] for tag, field, detail, _ in self.said])

    @property
    def content(self) -> bytes:
        return invented(f"salt {self.name}", 16) + packed([value for _, _, _, value in self.said])

    @property
    def written(self) -> Written:
        return Written(self.id, self.device, self.height, self.clock, self.shape, self.content)

    @property
    def device(self) -> bytes:
        return invented(f"device {self.by}")

    @property
    def given(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "device": self.device,
            "incarnation": invented(f"life of {self.by}", 8),
            "sequence": self.sequence,
            "height": self.height,
            "clock": self.clock,
            "shape": self.shape,
            "content": self.content,
        }


def ref(line: str, index: int = 0) -> bytes:
    return invented(f"entry {line}")[:8] + index.to_bytes(2, "big")


def one(name: str, tag: int, field: str, detail: Any, value: Any, **more: Any) -> Line:
    return Line(name, [(tag, field, detail, value)], **more)


A_SET: Final = one("a", SET, "name", b"", "Anna")
ODD: Final = struct.unpack(">d", b"\x7f\xf8" + bytes(5) + b"\x2a")[0]

CASES: Final[list[tuple[str, list[Line]]]] = [
    ("nothing", []),
    ("create", [one("a", CREATE, "person", 3, None)]),
    ("created twice", [one("a", CREATE, "person", 1, None, height=5), one("b", CREATE, "place", 9, None, height=4),
                       one("c", CREATE, "place", 7, None, height=9)]),
    ("created at one height", [one("a", CREATE, "person", 1, None), one("b", CREATE, "place", 2, None, by="bea")]),
    ("a newer version", [one("a", CREATE, "person", 1, None), one("b", CREATE, "person", 4, None, height=7)]),
    ("never created", [A_SET]),
    ("set", [A_SET]),
    ("set again", [A_SET, one("b", SET, "name", ref("a"), "Anne", height=2)]),
    ("set twice at a time", [A_SET, one("b", SET, "name", b"", "Anne", by="bea"),
                             one("c", SET, "name", b"", "Ann", by="eva", height=2)]),
    ("a conflict that is settled", [A_SET, one("b", SET, "name", b"", "Anne", by="bea"),
                                    one("c", SET, "name", ref("a") + ref("b"), "Ann", by="eva", height=2)]),
    ("the same value twice at a time", [A_SET, one("b", SET, "name", b"", "Anna", by="bea")]),
    ("the clock orders nothing", [one("a", SET, "name", b"", "old", clock=NOON + 9, height=1),
                                  one("b", SET, "name", b"", "new", clock=0, height=2, by="bea")]),
    ("set to nil", [one("a", SET, "name", b"", None)]),
    ("a value that names its future", [one("b", SET, "name", ref("a"), "Anne", height=2)]),
    ("a ref of another field", [A_SET, one("b", SET, "title", ref("a"), "Dr", height=2)]),
    ("add", [one("a", ADD, "tags", None, "x"), one("b", ADD, "tags", None, "w", height=2)]),
    ("the same element twice", [one("a", ADD, "tags", None, "x"), one("b", ADD, "tags", None, "x", by="bea")]),
    ("elements that are alike", [Line("a", [(ADD, "tags", None, value) for value in
                                            (1, 1.0, True, "1", b"1", 0.0, -0.0, [1], {"a": 1, "b": 2},
                                             {"b": 2, "a": 1}, None)])]),
    ("discard", [one("a", ADD, "tags", None, "x"), one("b", DISCARD, "tags", ref("a"), None, height=2)]),
    ("discard and add at a time", [one("a", ADD, "tags", None, "x"),
                                   one("b", DISCARD, "tags", ref("a"), None, height=2),
                                   one("c", ADD, "tags", None, "x", height=2, by="bea")]),
    ("a discard with a value", [one("a", ADD, "tags", None, "x"),
                                one("b", DISCARD, "tags", ref("a"), ["ignored"], height=2)]),
    ("put", [one("a", PUT, "phones", b"", ["home", "none"]), one("b", PUT, "phones", b"", [7, None])]),
    ("put again", [one("a", PUT, "phones", b"", ["home", "none"]),
                   one("b", PUT, "phones", ref("a"), ["home", "some"], height=2)]),
    ("put twice at a time", [one("a", PUT, "phones", b"", ["home", 1]),
                             one("b", PUT, "phones", b"", ["home", 2], by="bea")]),
    ("put that replaces another key", [one("a", PUT, "phones", b"", ["home", 1]),
                                       one("b", PUT, "phones", ref("a"), ["work", 2], height=2)]),
    ("delete", [one("a", PUT, "phones", b"", ["home", 1]), one("b", DELETE, "phones", ref("a"), None, height=2)]),
    ("put of no pair", [one("a", PUT, "phones", b"", ["home", 1]),
                        one("b", PUT, "phones", ref("a"), ["home"], height=2),
                        one("c", PUT, "phones", ref("a"), "home", height=2)]),
    ("count", [one("a", COUNT, "visits", None, 3), one("b", COUNT, "visits", None, -5, by="bea")]),
    ("count to nothing", [one("a", COUNT, "visits", None, 3), one("b", COUNT, "visits", None, -3)]),
    ("count beyond 64 bits", [Line(f"{n}", [(COUNT, "visits", None, 1 << 53)] * 1_100) for n in range(2)]),
    ("count of what is no integer", [Line("a", [(COUNT, "visits", None, value) for value in
                                               (1, True, 2.0, "3", None, (1 << 53) + 1, -(1 << 53) - 1, -(1 << 53))])]),
    ("a counter that nobody counted", [one("a", COUNT, "visits", None, "three")]),
    ("append", [one("a", APPEND, "log", None, "one"), one("b", APPEND, "log", None, "two", height=2)]),
    ("appends with one source", [one("a", APPEND, "log", invented("source", 16), "row", height=2),
                                 one("b", APPEND, "log", invented("source", 16), "row", by="bea"),
                                 one("c", APPEND, "log", invented("other", 16), "row", by="bea")]),
    ("appends with one source that differ", [one("a", APPEND, "log", invented("source", 16), "row", height=2),
                                             one("b", APPEND, "log", invented("source", 16), "other", by="bea"),
                                             one("c", APPEND, "log", invented("source", 16), "other", height=3)]),
    ("correct", [one("a", APPEND, "log", None, "one"), one("b", CORRECT, "log", ref("a"), "One", height=2)]),
    ("a correction of a correction", [one("a", APPEND, "log", None, "one"),
                                      one("b", CORRECT, "log", ref("a"), "One", height=2),
                                      one("c", CORRECT, "log", ref("b"), "ONE", height=3)]),
    ("two corrections at a time", [one("a", APPEND, "log", None, "one"),
                                   one("b", CORRECT, "log", ref("a"), "One", height=3),
                                   one("c", CORRECT, "log", ref("a"), "ONE", height=2, by="bea")]),
    ("corrections that are settled", [one("a", APPEND, "log", None, "one"),
                                      one("b", CORRECT, "log", ref("a"), "One", height=3),
                                      one("c", CORRECT, "log", ref("a"), "ONE", height=2, by="bea"),
                                      Line("d", [(CORRECT, "log", ref("b"), "one!"),
                                                 (CORRECT, "log", ref("c"), "one!")], height=4)]),
    ("a correction of the second append of one source",
     [one("a", APPEND, "log", invented("source", 16), "row"),
      one("b", APPEND, "log", invented("source", 16), "row", by="bea"),
      one("c", CORRECT, "log", ref("b"), "Row", height=2)]),
    ("retract", [one("a", APPEND, "log", None, "one"), one("b", APPEND, "log", None, "two"),
                 one("c", RETRACT, "log", ref("a"), "a mistake", height=2)]),
    ("retract all that there is", [one("a", APPEND, "log", None, "one"),
                                   one("b", RETRACT, "log", ref("a"), "a mistake", height=2)]),
    ("retract what is corrected at a time", [one("a", APPEND, "log", None, "one"),
                                             one("b", CORRECT, "log", ref("a"), "One", height=2),
                                             one("c", RETRACT, "log", ref("a"), None, height=2, by="bea")]),
    ("retract a correction", [one("a", APPEND, "log", None, "one"), one("b", CORRECT, "log", ref("a"), "One", height=2),
                              one("c", RETRACT, "log", ref("b"), None, height=3)]),
    ("a correction that waits", [one("b", CORRECT, "log", ref("a"), "One", height=2)]),
    ("a retraction that waits", [one("b", RETRACT, "log", ref("a"), None, height=2)]),
    ("items in order of height", [one("a", APPEND, "log", None, "third", height=9),
                                  one("b", APPEND, "log", None, "first"),
                                  one("c", APPEND, "log", None, "second", height=4, by="bea")]),
    ("one name with two types", [one("a", SET, "x", b"", "text"), one("b", ADD, "x", None, "text"),
                                 one("c", COUNT, "x", None, 1), one("d", APPEND, "x", None, "text"),
                                 one("e", PUT, "x", b"", ["key", "text"])]),
    ("an unknown tag", [A_SET, one("b", 10, "name", ref("a"), "Anne", height=2), one("c", 4_000, "new", None, 5)]),
    ("only an unknown tag", [one("a", 77, "name", None, "Anne")]),
    ("many operations in one entry", [Line("a", [(CREATE, "person", 1, None), (SET, "name", b"", "Anna"),
                                                 (ADD, "tags", None, "x"), (APPEND, "log", None, "one"),
                                                 (SET, "name", b"", "Anne")])]),
    ("more than 256 operations in one entry", [Line("a", [(APPEND, "log", None, number) for number in range(300)])]),
    ("values of every type", [Line("a", [(SET, f"{number}", b"", value) for number, value in enumerate(
        (None, True, -1, (1 << 64) - 1, -(1 << 63), 1.5, math.inf, ODD, "é", b"\0", [], {"b": [1], "a": {}}))])]),
    ("fields in order of their names", [Line("a", [(SET, name, b"", 1)
                                                for name in ("б", "z", "a", "", "ab", "\U0001f33b")])]),
    ("an opaque entry", [A_SET, one("b", SET, "name", ref("a"), [0] * 1_024, height=2)]),
    ("large numbers", [one("a", SET, "name", b"", 1, height=(1 << 62), clock=(1 << 63) - 1),
                       one("b", SET, "name", b"", 2, height=(1 << 62) + 1, clock=0, by="bea")]),
]  # fmt: skip


def seen(value: Any) -> Any:
    return shown(value.value if isinstance(value, Shown) else value)


def vectors() -> Iterator[Vector]:
    for name, lines in CASES:
        state = State(line.written for line in lines)
        visible = [[field, kind, seen(value)] for field, kind, value in state.shown()]
        result = {"digest": state.digest(), "kind": state.kind, "version": state.version, "shown": visible}
        yield Vector("fold", name, {"entries": [line.given for line in lines]}, result=result)
