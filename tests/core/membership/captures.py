"""Captures: cells that live for weeks, and everything that was sealed in them, tried with what removed devices hold.

A cell in which people meet, are away, come and go, and whose clocks go wrong; whoever recorded all of it and then takes
a device that was removed opens nothing that was begun by somebody who knew of the removal.
"""

from __future__ import annotations

from random import Random

from cellsync.core.ids import EntryId
from tests.core.membership.cells import Cell, Device, Removal, what_opens


def cell_of(count: int) -> tuple[Cell, list[Device]]:
    """A cell whose devices know each other, and are up to date."""
    cell = Cell()
    founder = cell.found()
    for _ in range(count - 1):
        joined = founder.admit()
        assert joined.meet(founder)
    devices = list(cell.devices)
    cell.all_meet(*devices)
    return cell, devices


def live(seed: int, days: int = 40) -> Cell:
    """A cell in which people meet, are away, are admitted and removed, and whose clocks go wrong."""
    draw = Random(seed)
    cell, _ = cell_of(draw.randint(3, 5))
    for _ in range(days):
        cell.sleep(draw.choice([0, 1, 1, 2, 9]))
        here = draw.sample(cell.devices, min(len(cell.devices), draw.randint(1, 3)))
        for device in here:
            device.ahead = draw.choice([0] * 8 + [1, -1])
            device.step()
            for other in here:
                if other is not device:
                    device.meet(other)
            device.work()
        one = here[0]
        if one.id not in one.active:
            continue
        fate = draw.random()
        others = [device for device in one.active if device != one.id]
        if fate < 0.06 and len(cell.devices) < 8:
            one.admit()
        elif fate < 0.1 and len(others) > 2:
            one.rotate(removing=draw.choice(others))
        elif fate < 0.13:
            one.rotate()
    return cell


def captured(seed: int) -> int:
    """One cell, some weeks long, with all that holds of it; returns how many."""
    cell = live(seed, days=12 + seed % 24)
    check_removed(cell)
    check_live(cell)
    check_removed(cell)
    return 1


def check_removed(cell: Cell) -> int:
    """Whoever was removed opens nothing that was begun by somebody who knew of it; how many could be tried."""
    tried = 0
    everything = {one: entry for device in cell.devices for one, entry in device.held.items()}
    removals = {one: entry.said.device for one, entry in everything.items() if isinstance(entry.said, Removal)}
    for removal, device in removals.items():
        [gone] = [each for each in cell.devices if each.id == device]
        for wrap in cell.wraps:
            entry = everything.get(EntryId(wrap[0]))
            if entry is not None and removal in entry.past:
                tried += 1
                assert wrap[0] not in gone.had
                assert (wrap[0], device) not in cell.handed
                assert not what_opens(gone.secrets, wrap)
    return tried


def check_live(cell: Cell) -> None:
    """Once clocks are right and everybody meets, whoever is active holds the chosen epoch."""
    for device in cell.devices:
        device.ahead = 0
        device.step()
    for _ in range(4):
        cell.all_meet(*cell.devices, rounds=2)
        cell.sleep(1)
    knows_all = max(cell.devices, key=lambda device: len(device.held))
    active = [device for device in cell.devices if device.id in knows_all.active]
    assert active
    assert len({device.keyring.epochs.newest for device in active}) == 1
    assert all(device.is_up_to_date for device in active), [device.duties for device in active]
