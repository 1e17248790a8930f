"""The part `settings`: what is in force when members have said this and that (protocol/40-membership.md, Edition 2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from protocol.generate.vector import Vector

Entry = dict[str, Any]
LARGEST: Final = (1 << 32) - 1
SCALES: Final = {1: (0, 1), 2: (1_440, 1), 3: (LARGEST, 1), 4: (0, 2)}  # the gentlest value and the harshest


def says(number: int, value: int) -> bool:
    return number in SCALES and min(SCALES[number]) <= value <= max(SCALES[number])


def harshness(number: int, value: int) -> int:
    return abs(value - SCALES[number][0])


def word(number: int, written: list[Entry]) -> int | None:
    rows = [(at, row, value) for at, one in enumerate(written) for row, value in one["values"]]
    said = [(at, value) for at, row, value in rows if row == number and says(row, value)]
    newest = [value for at, value in said if not any(at in written[later]["sees"] for later, _ in said)]
    return min(newest, key=lambda value: harshness(number, value), default=None)


def in_force(coordinators: list[list[Entry]], papers: list[list[Entry]]) -> list[list[int]]:
    found = []
    for number in SCALES:
        words = [value for one in coordinators if (value := word(number, one)) is not None]
        needed = 1 if len(coordinators) == 1 else 2
        alone = [value for one in papers if (value := word(number, one)) is not None]
        reached = alone + [
            value
            for value in words
            if sum(harshness(number, other) >= harshness(number, value) for other in words) >= needed
        ]
        if reached:
            found.append([number, max(reached, key=lambda value: harshness(number, value))])
    return found


def said(*values: list[int], sees: tuple[int, ...] = ()) -> Entry:
    return {"values": list(values), "sees": list(sees)}


CASES: Final[list[tuple[str, list[list[Entry]], list[list[Entry]]]]] = [
    ("nobody has said anything", [[], []], []),
    ("no coordinator is active", [], []),
    ("the only coordinator", [[said([1, 1], [2, 10])]], []),
    ("the only coordinator has said nothing", [[]], []),
    ("one of two", [[said([1, 1])], []], []),
    ("two say the same", [[said([2, 30])], [said([2, 30])]], []),
    ("two, and one of them is gentler", [[said([1, 1], [2, 5])], [said([1, 0], [2, 60])]], []),
    ("two of three are harsher", [[said([2, 5])], [said([2, 60])], [said([2, 10])]], []),
    ("fewer days are harsher", [[said([3, 30])], [said([3, LARGEST])], [said([3, 90])]], []),
    ("showing oneself more is harsher", [[said([4, 2])], [said([4, 1])], [said([4, 1])]], []),
    ("one takes it back", [[said([1, 1]), said([1, 0], sees=(0,))], [said([1, 1])]], []),
    ("a later one about another number", [[said([1, 1]), said([2, 5], sees=(0,))], [said([1, 1])]], []),
    ("two that do not see each other", [[said([2, 5]), said([2, 60])], [said([2, 1])]], []),
    (
        "one that has seen both",
        [[said([2, 5]), said([2, 60]), said([2, 7], sees=(0, 1))], [said([2, 1])]],
        [],
    ),
    (
        "a later one whose value means nothing",
        [[said([1, 1]), said([1, 2], sees=(0,))], [said([1, 1])]],
        [],
    ),
    ("values that mean nothing", [[said([1, 2], [2, 0], [3, 0], [4, 3])], [said([1, 2], [2, 1_441], [3, 0])]], []),
    ("numbers that mean nothing", [[said([5, 1], [255, 0])], [said([5, 1])]], []),
    ("the harshest and the gentlest", [[said([1, 1], [2, 1], [3, 1], [4, 2])], [said([1, 0], [2, 1_440], [4, 0])]], []),
    ("a recovery key alone", [[], [said([1, 0])]], [[said([1, 1])]]),
    ("a recovery key that is gentler than two", [[said([1, 1])], [said([1, 1])]], [[said([1, 0])]]),
    ("a recovery key beside the only coordinator", [[said([2, 5])]], [[said([2, 60])]]),
    ("a recovery key without a coordinator", [], [[said([2, 60]), said([2, 90], sees=(0,))]]),
    ("two recovery keys", [[]], [[said([2, 60])], [said([2, 10])]]),
]


def vectors() -> Iterator[Vector]:
    for name, coordinators, papers in CASES:
        given = {"coordinators": coordinators, "papers": papers}
        yield Vector("settings", name, given, result={"in_force": in_force(coordinators, papers)})
