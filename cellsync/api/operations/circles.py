"""The circles of this device: shown, one more of them founded; locked and unlocked with a passphrase of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Literal

from cellsync.api.contract import shapes
from cellsync.api.lookup import BESIDE
from cellsync.api.operations.standings import own_shape
from cellsync.api.service import Service
from cellsync.api.times import time_text
from cellsync.cell.cell import Cell
from cellsync.cell.circle import CellCircle
from cellsync.cell.which import SHORTEST
from cellsync.core.history.store import Listings
from cellsync.core.membership.window import WindowBound
from cellsync.core.replica.replica import Replica

_BOUNDS: Final[dict[WindowBound, Literal["seal_secret", "unattested", "absent"]]] = {
    WindowBound.SEAL_SECRET: "seal_secret", WindowBound.UNATTESTED: "unattested", WindowBound.ABSENT: "absent",
}  # fmt: skip


async def rows(cell: Cell) -> list[shapes.CircleRow]:
    return [await row(cell, circle) for circle in cell.circles]


async def row(cell: Cell, circle: CellCircle) -> shapes.CircleRow:
    counts = await circle.catalogue.look(_counts)
    beside = sum(count for kind, count, _ in counts if kind in BESIDE)
    return shapes.CircleRow(
        id=circle.id.hex(),
        short=_short(cell, circle),
        name=circle.name,
        role=None if circle.role is None else circle.role.name.lower(),
        device=circle.device.hex(),
        devices=len(circle.members()),
        cases=sum(count for _, count, _ in counts) - beside,
        beside=beside,
        changes=circle.entries(),
        only_here=circle.only_here(),
        conflicts=sum(conflicting for _, _, conflicting in counts),
        own_passphrase=cell.ledger.vault.has_own_passphrase(circle.id),
        wipes_in=circle.wipes_in,
        window=await _window(circle) if circle.circle.others() else None,
        standing=own_shape(circle, await circle.membership.own()),
    )


async def _window(circle: CellCircle) -> shapes.SecrecyWindow:
    async with circle.circle.lock:
        longest = (await circle.circle.apart(circle.circle.window))[0]
        backup = await circle.circle.apart(lambda: circle.circle.backed_up)
    device, made = longest.device, None if backup is None else datetime.fromtimestamp(backup / 1000, UTC)
    return shapes.SecrecyWindow(
        days=longest.days, bound=_BOUNDS[longest.bound], device=None if device is None else device.hex(),
        name=None if device is None else circle.name_of(device), backup=time_text(made),
    )  # fmt: skip


def _counts(_: Replica, listings: Listings) -> list[tuple[str, int, int]]:
    return listings.counts()


def _short(cell: Cell, circle: CellCircle) -> str:
    own, others = circle.id.hex(), [other.id.hex() for other in cell.circles if other is not circle]
    sizes = range(2 * SHORTEST, len(own))
    return next((own[:size] for size in sizes if not any(other.startswith(own[:size]) for other in others)), own)


async def show_circles(service: Service, _: shapes.Nothing) -> shapes.CircleRows:
    return shapes.CircleRows(circles=await rows(service.cell), locked=locked(service.cell))


def locked(cell: Cell) -> list[str]:
    """The beginnings of the ids of locked circles."""
    return [circle.hex()[: 2 * SHORTEST] for circle in cell.locked_circles]


async def create(service: Service, ask: shapes.NewCircle) -> shapes.FoundedCircle:
    circle, key = await service.cell.create_circle(ask.name)
    service.tell("circle.added", circle=circle.id.hex())
    return shapes.FoundedCircle(circle=await row(service.cell, circle), recovery_key=key.text)


async def unlock(service: Service, ask: shapes.UnlockCircle) -> shapes.UnlockedCircle:
    circle = await service.unlock_circle(ask.passphrase, ask.circle)
    service.tell("circle.added", circle=circle.id.hex())
    return shapes.UnlockedCircle(circle=await row(service.cell, circle))


async def lock(service: Service, ask: shapes.LockCircle) -> shapes.Done:
    await service.lock_circle(ask.circle)
    return shapes.Done()


async def change_passphrase(service: Service, ask: shapes.CirclePassphrase) -> shapes.Done:
    await service.change_circle_passphrase(ask.circle, ask.old, ask.new)
    return shapes.Done()
