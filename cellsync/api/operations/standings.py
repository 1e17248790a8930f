"""Standings: how this device itself stands in a circle, and what becomes of what it writes there."""

from __future__ import annotations

from cellsync.api.contract import shapes
from cellsync.api.times import time_text
from cellsync.cell.circle import CellCircle
from cellsync.cell.standing import OwnStanding
from cellsync.core.schema.values import moment


async def waiting(circle: CellCircle) -> shapes.OwnStanding | None:
    """What to say of what was just written there: it waits, since this device is suspended; None: it is shown."""
    own = await circle.waiting()
    return None if own is None else own_shape(circle, own)


def own_shape(circle: CellCircle, own: OwnStanding) -> shapes.OwnStanding:
    removal, settles = own.removal, own.settles
    return shapes.OwnStanding(
        circle=circle.id.hex(), called=circle.name, status=own.status, role=own.role,
        by="" if removal is None else removal.by, left=removal is not None and removal.kind == "leave",
        at=None if removal is None or removal.at is None else time_text(moment(removal.at)),
        settles=[] if settles is None else list(settles.of), paper=own.paper,
        listed=own.listed,
    )  # fmt: skip
