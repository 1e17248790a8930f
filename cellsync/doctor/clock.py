"""Clock: devices recognise each other's announcements only while their clocks agree (protocol/60-lan.md)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from cellsync.doctor.finding import Finding, bad, good, unknown, warning
from cellsync.doctor.subject import Visit

CHECK: Final = "clock"
RELEASED: Final = datetime(2026, 11, 1, tzinfo=UTC)  # this version: no clock that is right shows an earlier day
SYNCHRONISED: Final = "run/systemd/timesync/synchronized"
AGREE: Final = "Devices find each other only while their clocks agree within five minutes"
SET: Final = f"Set date and time. {AGREE}."


def clock(visit: Visit) -> list[Finding]:
    machine = visit.machine
    linux = machine.system == "linux"
    if machine.now() < RELEASED.timestamp():
        hint = f"sudo date --set 'YYYY-MM-DD HH:MM'. {AGREE}." if linux else SET
        return [bad(CHECK, "This machine's clock is wrong: it shows a day before this version was made.", hint)]
    if not linux:
        return [unknown(CHECK, "On this system cellsync cannot tell whether the clock is right.")]
    synchronised = machine.is_synchronised()
    if synchronised or (machine.root / SYNCHRONISED).exists():
        return [good(CHECK, "The clock is kept right by the network.")]
    if synchronised is None:
        return [unknown(CHECK, "This system does not say whether its clock is right.", SET)]
    return [warning(CHECK, "The clock is not kept right by the network.", f"sudo timedatectl set-ntp true. {AGREE}.")]
