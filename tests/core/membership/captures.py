"""Captures: cells that live for weeks, and everything that was sealed in them, tried with what removed devices hold.

A cell in which people meet, are away, come and go, second each other and quarrel, and whose clocks go wrong; whoever
recorded all of it and then takes a device that was removed opens nothing that was begun by somebody who knew of the
removal.
"""

from __future__ import annotations

from itertools import combinations, permutations
from random import Random

from cellsync.core.membership import sealing
from tests.core.membership.cells import Cell, Device, what_opens
from tests.core.membership.entries import Admission, Removal


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
    """A cell in which people meet, are away, are admitted, seconded and removed, and whose clocks go wrong."""
    draw = Random(seed)
    cell, _ = cell_of(draw.randint(3, 5))
    cell.room = draw.choice([sealing.ROOM, sealing.ROOM, 2_800])
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
        if one.id in one.active:
            decide(one, draw)
    return cell


def decide(one: Device, draw: Random) -> None:
    """What somebody may do that need not be done."""
    fate = draw.random()
    others = [device for device in one.active if device != one.id]
    words = [entry.id for entry in one.known.entries if isinstance(entry.said, Admission | Removal)][1:]
    if fate < 0.06 and len(one.cell.devices) < 8:
        one.admit()
    elif fate < 0.1 and len(others) > 2:
        one.rotate(removing=draw.choice(others))
    elif fate < 0.13:
        one.rotate()
    elif fate < 0.2:
        one.endorse(draw.choice(words))


def captured(seed: int) -> int:
    """One cell, some weeks long, with all that holds of it; returns how many."""
    cell = live(seed, days=12 + seed % 24)
    check_removed(cell)
    check_live(cell)
    check_removed(cell)
    return 1


def check_removed(cell: Cell) -> int:
    """Whoever is not active opens nothing that was begun by somebody who knew of it; how many wraps could be tried."""
    tried = 0
    devices = {device.id: device for device in cell.devices}
    for recorded in cell.wraps:
        known = cell.written.known(recorded.entry.past)
        for inactive in known.decision.statuses.keys() - known.active.keys():
            gone = devices[inactive]
            tried += 1
            assert recorded.epoch not in gone.had
            assert (recorded.epoch, inactive) not in cell.handed
            assert not what_opens(gone.secrets, recorded)
    return tried


def check_live(cell: Cell) -> int:
    """Once clocks are right and all have called each other: whoever counts as active where they are holds the epoch
    that is chosen there, and any two who count each other as active hold the same. Returns how many such pairs.

    Not all hold the same. Who was removed is not answered, and so does not bring what would undo that; nor are those
    whom they alone admitted, once there are later epochs; nor those of whom somebody heard when they had forgotten the
    epoch that these hold.
    """
    for device in cell.devices:
        device.ahead = 0
        device.step()
    for _ in range(4):
        cell.all_meet(*cell.devices, rounds=2)
        cell.sleep(1)
    cell.all_meet(*cell.devices, rounds=2, at_work=False)
    active = [device for device in cell.devices if device.id in device.active]
    assert active
    assert all(device.is_up_to_date for device in active), [device.duties for device in active]
    known = {device.id: device.active.keys() - device.too_late for device in active}
    pairs = [
        pair for pair in combinations(active, 2) if all(one.id in known[other.id] for one, other in permutations(pair))
    ]
    for one, other in pairs:
        assert one.held == other.held
        assert one.keyring.epochs.newest == other.keyring.epochs.newest
    return len(pairs)
