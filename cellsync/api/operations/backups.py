"""Backups: a folder that the cell is backed up to, and the cell put back out of one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cellsync.api.contract import shapes
from cellsync.api.service import Service
from cellsync.api.times import time_text
from cellsync.core.errors import InvalidValue
from cellsync.core.ids import Millis
from cellsync.profile.profile import SETTINGS, Profile


async def back_up(service: Service, ask: shapes.BackUp) -> shapes.BackedUp:
    settings = service.profile.settings_as_written()
    beside = {} if settings is None else {SETTINGS: settings}
    made = await service.cell.backup(_absolute(ask.to), below=service.profile.vault.name, beside=beside)
    locked = len(service.cell.locked_circles)
    return shapes.BackedUp(at=_time(made.at), changes=made.entries, size=made.size, locked=locked)


async def restore(service: Service, ask: shapes.Restore) -> shapes.Restored:
    cell, found = await service.restore(Profile(_absolute(ask.source)), ask.passphrase)
    return shapes.Restored(
        cell=cell.name,
        name=cell.own_name,
        at=_time(found.at),
        changes=found.entries,
        locks_in=service.locks_in,
    )


def _absolute(folder: str) -> Path:
    """Whose working directory would a relative one be in?"""
    path = Path(folder)
    if not path.is_absolute():
        raise InvalidValue("the folder has to be given from the root on", hint="Give an absolute path.")
    return path


def _time(at: Millis) -> str:
    return str(time_text(datetime.fromtimestamp(at / 1000, UTC)))
