"""Clock: devices find each other quickly only while their clocks agree (protocol/60-lan.md).

What matters is that they agree with one another. So this clock is compared with those of the other devices, as of when
each was last connected. Which of two clocks is wrong cannot be known; two other members who agree are believed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from cellsync.core.plain import apart
from cellsync.doctor.finding import Finding, bad, good, unknown, warning
from cellsync.doctor.subject import Visit

CHECK: Final = "clock"
OTHERS: Final = "other_clocks"
RELEASED: Final = datetime(2026, 11, 1, tzinfo=UTC)  # this version: no correct clock shows an earlier day
SYNCHRONISED: Final = "run/systemd/timesync/synchronized"
AGREE: Final = "Devices find each other at once only while their clocks agree within five minutes"
ALONE: Final = "There was no other device to measure this machine's clock against."
COMPARE: Final = "Compare both with a third clock, and set the one that is wrong."
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


def other_clocks(visit: Visit) -> list[Finding]:
    """This clock against those of the other devices."""
    subject = visit.subject
    known = [
        (number, device, device.clock) for number, device in enumerate(subject.others, 1) if device.clock is not None
    ]
    measured = [clock for _, _, clock in known if clock.measured]
    ahead = subject.others_ahead
    if ahead is not None and apart(ahead):
        text = f"This machine's clock is {apart(-ahead)} the clocks of the others ({len(measured)} measured)."
        return [bad(OTHERS, text, SET)]
    found = []
    for number, device, clock in known:
        if clock.notable:
            who = f"Known device {number}" if visit.redact else device.label
            verb = "is" if device.connected else "was, when last met," if clock.measured else "seems to be"
            text = f"The clock of {who} {verb} {apart(clock.ahead)} this machine's."
            found.append(warning(OTHERS, text, COMPARE))
    if found:
        return found
    if not measured:
        return [unknown(OTHERS, ALONE, "cellsync unlock, then cellsync sync, then cellsync doctor")]
    most = max(1, round(max(abs(clock.ahead) for clock in measured)))
    others = "the other device measured" if len(measured) == 1 else f"the {len(measured)} other devices measured"
    return [good(OTHERS, f"This machine's clock agrees with {others}, within {most} s.")]
