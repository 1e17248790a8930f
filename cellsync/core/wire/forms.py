"""Forms that several messages share: how they name circles, devices and places in a chain."""

from __future__ import annotations

from typing import Any, Final

from cellsync.core.errors import Malformed
from cellsync.core.ids import ID_BYTES, INCARNATION_BYTES, DeviceId, EntryId, Incarnation
from cellsync.core.rule import Rule
from cellsync.core.wire.places import Line

NAME_BYTES: Final = 8  # of a circle's name in a session
SEQUENCE_END: Final = 1 << 40
PART_OVERHEAD: Final = 64  # bytes of a part besides its rows


def circle_name(name: bytes) -> bytes:
    if len(name) != NAME_BYTES:
        raise Malformed(Rule.FORM_CIRCLE)
    return name


def device_of(row: Any) -> DeviceId:
    if type(row) is not bytes or len(row) != ID_BYTES:
        raise Malformed(Rule.FORM_DEVICE)
    return DeviceId(row)


def line_of(device: Any, incarnation: Any) -> Line:
    if type(incarnation) is not bytes or len(incarnation) != INCARNATION_BYTES:
        raise Malformed(Rule.FORM_INCARNATION)
    return device_of(device), Incarnation(incarnation)


def step_of(sequence: Any, entry: Any) -> tuple[int, EntryId]:
    if type(sequence) is int and 0 < sequence < SEQUENCE_END and type(entry) is bytes and len(entry) == ID_BYTES:
        return sequence, EntryId(entry)
    raise Malformed(Rule.FORM_PLACE)
