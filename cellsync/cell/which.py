"""Which: the circle that somebody means, among those of a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cellsync.cell.circle import CellCircle
from cellsync.core.errors import NotFound, WhichCircle
from cellsync.core.ids import CaseId, CircleId

SHORTEST: Final = 4  # digits of an id that are taken for its beginning

Which = CellCircle | CircleId | str | None
"""A circle: itself, its id, the beginning of that as text, or its name. None: the only one."""


def the_circle(circles: Sequence[CellCircle], which: Which) -> CellCircle:
    """As `Cell.circle`."""
    match which:
        case CellCircle():
            return which
        case None:
            found = list(circles)
        case bytes():
            found = [circle for circle in circles if circle.id == which]
        case _:
            found = _called(circles, which)
    if not found:
        raise NotFound("This device is in no circle that is called so.", hint="cellsync circle list")
    if len(found) > 1:
        if which is None:
            raise WhichCircle
        some = ", ".join(circle.id.hex()[:8] for circle in found)
        raise WhichCircle("Several circles are called so.", hint=f"Give the beginning of its id: {some}")
    return found[0]


def said_of_locked(locked: Sequence[CircleId]) -> str:
    """That none is open, and which are locked, by the beginnings of their ids: their names are inside them."""
    some = ", ".join(circle.hex()[: 2 * SHORTEST] for circle in locked)
    one = len(locked) == 1
    return f"The {'circle' if one else 'circles'} of this device, {some}, {'is' if one else 'are'} locked."


def _called(circles: Sequence[CellCircle], text: str) -> list[CellCircle]:
    """A name can be that of another circle's id: whole ids come first, beginnings last."""
    folded = text.strip().casefold()
    return (
        [circle for circle in circles if circle.id.hex() == folded]
        or [circle for circle in circles if circle.name == text]
        or [circle for circle in circles if circle.name and circle.name.casefold() == folded]
        or [circle for circle in circles if len(folded) >= SHORTEST and circle.id.hex().startswith(folded)]
    )


def circle_with(circles: Sequence[CellCircle], case: CaseId) -> CellCircle:
    """As `Cell.circle_with`."""
    found = [circle for circle in circles if circle.holds(case)]
    if len(found) > 1:  # authors choose the ids of their cases, and one may choose that of another case
        raise WhichCircle("Cases in several circles have this id.")
    if not found:
        raise NotFound
    return found[0]
