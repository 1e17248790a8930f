"""What two devices say of what they hold: a frontier in parts, and paths (protocol/50-sync.md, One shared circle).

    FRONTIER  [3, circle, last, heads, equivocators, gaps]       heads, gaps: [[device, incarnation, sequence, id], …]
    PATH      [8, circle, [[device, incarnation, [[sequence, id], …]], …]]

The parts of a frontier take a frame each; its tables grow from part to part.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Final, NamedTuple

from cellsync.core.errors import Malformed
from cellsync.core.ids import EntryId
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.core.wire.forms import PART_OVERHEAD, device_of, line_of, step_of
from cellsync.core.wire.places import Frontier, Head, Line
from cellsync.core.wire.tags import Message

PATH_STEPS: Final = 41  # the newest, then 1, 2, 4, … before it
PATHS: Final = 32  # of one message: together they fit into a frame
_HEAD_ROW: Final = 1 + 34 + 10 + 9 + 34  # bytes of a frontier's row at most
_FRONTIER_BEGINS: Final = codec.array_header(6) + codec.encode(int(Message.FRONTIER))


class FrontierPart(NamedTuple):
    circle: bytes
    last: bool
    frontier: Frontier


class Path(NamedTuple):
    """Entries on the way to a branch's newest one, the newest first."""

    line: Line
    steps: list[tuple[int, EntryId]]  # sequence, id


class Paths(NamedTuple):
    circle: bytes
    paths: list[Path]


def encode_frontier(circle: bytes, frontier: Frontier, limit: int) -> list[bytes]:
    """The parts of a frontier, each at most `limit` bytes."""
    return addressed(circle, encode_rows(frontier, limit))


def encode_rows(frontier: Frontier, limit: int) -> list[bytes]:
    """The same but for the circle's name, which each session has its own of: one frontier is told to many peers."""
    everything: tuple[list[Any], ...] = tuple(map(sorted, frontier))
    rows = [(table, row) for table, rows in enumerate(everything) for row in rows]
    at_once = max(1, (limit - PART_OVERHEAD) // _HEAD_ROW)
    parts: list[bytes] = []
    for start in range(0, max(1, len(rows)), at_once):
        tables: list[list[object]] = [[], [], []]
        for table, row in rows[start : start + at_once]:
            tables[table].append(row)
        parts.append(b"".join(map(codec.encode, (start + at_once >= len(rows), *tables))))
    return parts


def addressed(circle: bytes, parts: Iterable[bytes]) -> list[bytes]:
    """The parts of a frontier whose rows are encoded, under a circle's name in one session."""
    beginning = _FRONTIER_BEGINS + codec.encode(circle)
    return [beginning + part for part in parts]


def is_frontier(message: bytes) -> bool:
    """Whether a message that we have encoded is a part of a frontier."""
    return message.startswith(_FRONTIER_BEGINS)


def encode_paths(circle: bytes, paths: list[Path]) -> list[bytes]:
    """Paths, as many to a message as it may hold."""
    rows = [[*path.line, path.steps] for path in paths]
    return [codec.encode([Message.PATH, circle, rows[start : start + PATHS]]) for start in range(0, len(rows), PATHS)]


def frontier_of(heads: list[Any], equivocators: list[Any], gaps: list[Any]) -> Frontier:
    found = Frontier(_heads(heads), frozenset(map(device_of, equivocators)), _heads(gaps))
    if len(found.equivocators) < len(equivocators):
        raise Malformed(Rule.FRONTIER_TWICE)
    return found


def _heads(rows: list[Any]) -> frozenset[Head]:
    heads: set[Head] = set()
    for row in rows:
        match row:
            case [device, incarnation, sequence, entry]:
                heads.add(Head(*line_of(device, incarnation), *step_of(sequence, entry)))
            case _:
                raise Malformed(Rule.FRONTIER_ROW)
    if len(heads) < len(rows):
        raise Malformed(Rule.FRONTIER_TWICE)
    return frozenset(heads)


def path_of(row: Any) -> Path:
    match row:
        case [device, incarnation, [_, *_] as steps] if len(steps) <= PATH_STEPS:
            found = [step_of(*step) for step in steps if isinstance(step, list) and len(step) == 2]
            descending = all(path[0] > after[0] for path, after in pairwise(found))
            if len(found) == len(steps) and descending:
                return Path(line_of(device, incarnation), found)
    raise Malformed(Rule.PATH)
