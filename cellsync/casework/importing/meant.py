"""Meant: how cells are read when the heading, or a rule, says more than the cell does.

A heading with "dd/mm/yyyy" decides how 03/05/2024 is read, provided that all dates of the column have this form: a
single exception shows that a program or a person wrote them in another one. Cells read this way are reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from cellsync.casework.importing import cells, fates, ranges, remarks
from cellsync.casework.importing.cells import Parser, tidy
from cellsync.casework.importing.mapping import Placed, Target
from cellsync.casework.importing.remarks import Order
from cellsync.casework.importing.sheet import Sheet
from cellsync.casework.values.partial_date import BIRTHS, EVENTS, read_by_rule

_DATES: Final = (
    cells.birth, cells.event, cells.event_day, ranges.first_day, ranges.only_first_day, ranges.last_day,
    ranges.range_end,
)  # fmt: skip
_COUNTED: Final = frozenset({"sentence"})  # fields in which a bare figure means nothing
_FIGURES: Final = re.compile(r"\d{1,4}(?:[.,]\d{1,2})?")


class _Dates:
    """A parser of dates written in the order that the heading gives."""

    def __init__(self, parser: Parser, order: Order) -> None:
        self._parser, self.order = parser, order

    def __call__(self, cell: str) -> list[Any]:
        return self._parser(self.order.settled(cell))


def as_headings_say(placed: Placed, sheet: Sheet) -> list[Target]:
    """The targets, with parsers that follow the headings of their columns."""
    ended = {target.column for target in placed.targets if target.parser in (ranges.range_end, ranges.last_day)}
    begun = [
        target._replace(parser=ranges.only_first_day)
        if target.parser is ranges.first_day and target.column not in ended
        else target
        for target in placed.targets
    ]
    return [_as_said(target, placed, sheet) for target in begun]


def _as_said(target: Target, placed: Placed, sheet: Sheet) -> Target:
    positions = placed.positions.get(target.column, ())
    if len(positions) != 1:
        return target
    [at] = positions
    if target.parser in _DATES:
        order = remarks.order(sheet.header[at])
        if order is not None and all(map(order.fits, _column(sheet, at))):
            return target._replace(parser=_Dates(target.parser, order))
    elif target.field in _COUNTED and (unit := remarks.unit(sheet.header[at])):
        return target._replace(parser=partial(_counted, target.parser, unit))
    return target


def _column(sheet: Sheet, at: int) -> Iterable[str]:
    return (tidy(record[at]) for _, record in sheet.again() if not isinstance(record, str) and at < len(record))


def _counted(parser: Parser, unit: str, cell: str) -> list[Any]:
    """ "5" below "Срок (лет)" is "5 лет"."""
    return parser(f"{cell} {unit}" if _FIGURES.fullmatch(cell) else cell)


def by_rule(target: Target, cell: str) -> str:
    """The rule by which a cell was read, as a sentence without its subject; "" if the cell needs none."""
    if isinstance(target.parser, _Dates):
        order = target.parser.order
        if order.decides(cell):
            return f"is read as its heading says: {order.shown}"
    elif target.parser is fates.entries:
        return "says more of the person than how the work on the case stands: it is kept in the timeline"
    elif target.parser not in _DATES:
        return ""
    elif target.parser is ranges.only_first_day and ranges.range_end(cell):
        return "says an end as well: only the beginning is kept"
    return read_by_rule(cell, BIRTHS if target.parser is cells.birth else EVENTS)
