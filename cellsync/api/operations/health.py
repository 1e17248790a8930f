"""The profile itself: founding, opening, closing, and whether all that is in it can be read."""

from __future__ import annotations

from cellsync import __version__
from cellsync.api.contract import shapes
from cellsync.api.operations.circles import locked
from cellsync.api.service import Service
from cellsync.api.times import time_text
from cellsync.profile.profile import Settings, checked


async def health(service: Service, _: shapes.Nothing) -> shapes.Health:
    is_open = service.state == "open"
    circles = [one.circle for one in service.cell.circles] if is_open else []
    removed, suspended = any(one.is_removed for one in circles), any(one.is_suspended for one in circles)
    return shapes.Health(
        state=service.state, version=__version__, removed=removed, suspended=suspended,
        locked=locked(service.cell) if is_open else [], bare=is_open and not circles,
    )  # fmt: skip


async def init(service: Service, ask: shapes.Init) -> shapes.Founded:
    settings = checked(Settings(ask.lan, tuple(ask.interfaces) or "all", ask.port, service.settings.service_type))
    key = await service.found(ask.cell, ask.name, ask.passphrase, settings)
    return shapes.Founded(cell=ask.cell, name=ask.name, recovery_key=key.text)


async def unlock(service: Service, ask: shapes.Unlock) -> shapes.Unlocked:
    cell = await service.unlock(ask.passphrase, ask.idle)
    name, copied = cell.own_name, time_text(cell.copied_at)
    wipes = [
        shapes.WipeAhead(circle=circle.id.hex(), name=circle.name, seconds=seconds)
        for circle in cell.circles
        if (seconds := circle.wipes_in) is not None
    ]
    return shapes.Unlocked(
        cell=cell.name, name=name, locks_in=service.locks_in, copied=copied, wipes=wipes, wiped=cell.wiped
    )


async def lock(service: Service, _: shapes.Nothing) -> shapes.Done:
    await service.lock()
    return shapes.Done()


async def panic(service: Service, _: shapes.Nothing) -> shapes.Done:
    service.panic()
    return shapes.Done()


async def audit(service: Service, _: shapes.Nothing) -> shapes.Audited:
    return shapes.Audited(entries=await service.cell.audit(), locked=len(service.cell.locked_circles))
