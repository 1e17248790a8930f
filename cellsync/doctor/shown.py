"""Shown: whether others can find this device by what it shows on its networks."""

from __future__ import annotations

from typing import Final

from cellsync.doctor.finding import Finding, good, warning
from cellsync.doctor.subject import Visit
from cellsync.node.lan import hides

CHECK: Final = "shown"
_BY_ADDRESS: Final = (
    "Who joins types the address that cellsync invite names; a known device is called where it was, or: "
    "cellsync peers add NAME ADDRESS:PORT"
)


def shown(visit: Visit) -> list[Finding]:
    if visit.subject.hidden_by_members:
        text = (
            "The members have chosen that devices are shown on no network: nobody finds this one, also if it invites."
        )
        return [warning(CHECK, text, _BY_ADDRESS)]
    if hides(visit.subject.mode):
        text = "By its own settings this device is shown on no network: nobody finds it, also if it invites."
        return [warning(CHECK, text, _BY_ADDRESS)]
    return [good(CHECK, "This device shows itself while its user invites or syncs, or always.")]
