"""Drawing a case's history: with box characters for a terminal, and as SVG.

Both draw the same lanes. A lane is a column that waits for an entry: it begins below a child and ends at its parent.
Going down, a row takes the leftmost lane that waits for it (a head takes a free one); other lanes that wait for it end
there, its first parent continues in its lane, and every further parent gets a free lane to the right.
"""

from __future__ import annotations

from html import escape
from typing import Final, NamedTuple

from cellsync.cell.graph import Graph, Row
from cellsync.core.plain import plain_line

_LABEL: Final = 60  # characters of an entry's summary
_NAME: Final = 20
_STEP_X, _STEP_Y, _EDGE, _RADIUS = 18, 26, 16, 5
_COLOURS: Final = ("#1b6ca8", "#b4541a", "#3c7d3c", "#8a4a9e", "#8a6d1b", "#4a5a6a")


class RowPlace(NamedTuple):
    """The position of one row."""

    lane: int
    ends: tuple[int, ...]  # lanes to the right that end here
    begins: tuple[int, ...]  # lanes to the right that begin here
    passing: tuple[bool, ...]  # by lane: whether a line goes through or past this row, or ends here
    below: tuple[bool, ...]  # by lane: whether a line continues below it


class Line(NamedTuple):
    """From a child to a parent, in a lane."""

    child: int
    parent: int
    lane: int


def lay_out(rows: list[Row]) -> tuple[list[RowPlace], list[Line]]:
    """The lanes of a graph; the same for the same graph."""
    lanes: list[Line | None] = []
    places: list[RowPlace] = []
    lines: list[Line] = []
    for number, row in enumerate(rows):
        waiting = [at for at, line in enumerate(lanes) if line is not None and line.parent == number]
        lane = waiting[0] if waiting else _free(lanes, 0)
        passing = tuple(line is not None for line in lanes)
        for at in waiting:
            lanes[at] = None
        begins: list[int] = []
        for parent in row.parents:
            at = lane if lanes[lane] is None else _free(lanes, lane + 1)
            lanes[at] = line = Line(number, parent, at)
            lines.append(line)
            begins += [at] if at != lane else []
        places.append(
            RowPlace(lane, tuple(waiting[1:]), tuple(begins), passing, tuple(line is not None for line in lanes))
        )
        while lanes and lanes[-1] is None:
            lanes.pop()
    return places, lines


def _free(lanes: list[Line | None], first: int) -> int:
    """The first free lane from here on."""
    for at in range(first, len(lanes)):
        if lanes[at] is None:
            return at
    lanes.append(None)
    return len(lanes) - 1


# --- text --------------------------------------------------------------------------------------------------


def as_text(graph: Graph) -> str:
    """The graph with box characters, one line per entry and one per fork or merge; ends with a line feed."""
    places, _ = lay_out(graph.rows)
    width = max((len(place.below) for place in places), default=0)
    ids = max((len(row.short) for row in graph.rows), default=0)
    summaries = [_said(graph, row) for row in graph.rows]
    column = max(map(len, summaries), default=0)
    names = [plain_line(row.author, _NAME) for row in graph.rows]
    longest = max(map(len, names), default=0)
    lines: list[str] = []
    for row, place, words, name in zip(graph.rows, places, summaries, names, strict=True):
        if place.ends:
            lines.append(_branches(place.lane, place.ends, place.passing, "┴╯"))
        kept = [passes and at not in place.ends for at, passes in enumerate(place.passing)]
        marks = ["│" if passes else " " for passes in kept] + [" "] * (width - len(kept))
        marks[place.lane] = "●" if row.counts else "○"
        lines.append(f"{' '.join(marks)} {row.short:{ids}} {words:{column}}  {name:{longest}}  {row.at:%Y-%m-%d %H:%M}")
        if place.begins:
            lines.append(_branches(place.lane, place.begins, place.below, "┬╮"))
    return "".join(line.rstrip() + "\n" for line in lines)


def _branches(lane: int, others: tuple[int, ...], lines: tuple[bool, ...], corners: str) -> str:
    """The text line on which lanes to the right branch off a lane, or join it."""
    last = max(others)
    drawn = ""
    for at, goes in enumerate(lines):
        if at == lane:
            drawn += "├─"
        elif lane < at <= last:
            drawn += corners[at == last] if at in others else "┼" if goes else "─"
            drawn += "─" if at < last else " "
        else:
            drawn += "│ " if goes else "  "
    return drawn


def _said(graph: Graph, row: Row) -> str:
    words = ", ".join(row.did) or "nothing shown"
    if len(row.parents) > 1:
        authors = dict.fromkeys(plain_line(graph.rows[parent].author, _NAME) for parent in row.parents)
        words = f"merge {'+'.join(authors)}: {words}"
    return plain_line(words if row.counts else f"does not count: {words}", _LABEL)


# --- SVG ---------------------------------------------------------------------------------------------------


def as_svg(graph: Graph) -> str:
    """The graph as an SVG document: no scripts, no links, no fonts from elsewhere; the same for the same graph."""
    places, lines = lay_out(graph.rows)
    lanes = max((len(place.below) for place in places), default=0)
    left = 2 * _EDGE + max(lanes - 1, 0) * _STEP_X
    height = 2 * _EDGE + max(len(places) - 1, 0) * _STEP_Y
    width = left + 8 * (_LABEL + _NAME + 40)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<title>History of case {graph.case.hex()[:8]}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    parts += [_path(line, places) for line in lines]
    for number, (row, place) in enumerate(zip(graph.rows, places, strict=True)):
        x, y = _at(place.lane, number)
        colour = _COLOURS[place.lane % len(_COLOURS)]
        parts.append(
            f'<circle cx="{x}" cy="{y}" r="{_RADIUS}" stroke="{colour}" stroke-width="2" fill="{_fill(row, colour)}"/>'
        )
        name = plain_line(row.author, _NAME)
        label = f"{row.short}  {_said(graph, row)}  {name}  {row.at:%Y-%m-%d %H:%M}"
        parts.append(
            f'<text x="{left}" y="{y + 4}" font-family="monospace" font-size="13" fill="#222222">{escape(label)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _fill(row: Row, colour: str) -> str:
    return colour if row.counts else "#ffffff"


def _at(lane: int, number: int) -> tuple[int, int]:
    return _EDGE + lane * _STEP_X, _EDGE + number * _STEP_Y


def _path(line: Line, places: list[RowPlace]) -> str:
    """Down from the child into the lane, along it, and into the parent."""
    (x, y), (to_x, to_y) = _at(places[line.child].lane, line.child), _at(places[line.parent].lane, line.parent)
    lane, half = _at(line.lane, 0)[0], _STEP_Y // 2
    steps = [f"M{x} {y}"]
    if lane != x:
        steps.append(f"C{x} {y + half} {lane} {y + half} {lane} {y + _STEP_Y}")
    if lane != to_x:
        steps += [f"L{lane} {to_y - _STEP_Y}"] if to_y - _STEP_Y > y else []
        steps.append(f"C{lane} {to_y - half} {to_x} {to_y - half} {to_x} {to_y}")
    else:
        steps.append(f"L{to_x} {to_y}")
    colour = _COLOURS[line.lane % len(_COLOURS)]
    return f'<path d="{" ".join(steps)}" fill="none" stroke="{colour}" stroke-width="2"/>'
