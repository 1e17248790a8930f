"""Versions: whether this cellsync and those of the other devices speak a common version of the protocol.

Each device's versions date from its last authenticated session, so it may have been updated since.
"""

from __future__ import annotations

from typing import Final

from cellsync.core.errors import PeerOlder
from cellsync.doctor.finding import Finding, bad, good, unknown
from cellsync.doctor.subject import Visit

CHECK: Final = "versions"
LOST: Final = "Nothing is lost: what was written comes across after the update."
ALONE: Final = "No other device was met that said which versions of the protocol its cellsync speaks."


def versions(visit: Visit) -> list[Finding]:
    own = visit.subject.versions
    known = [
        (number, device.label, device.versions)
        for number, device in enumerate(visit.subject.others, 1)
        if device.versions
    ]
    found = []
    for number, label, theirs in known:
        apart = own.apart(theirs)
        if apart is not None:
            who = f"Known device {number}" if visit.redact else label
            how, where = ("older", "there") if isinstance(apart, PeerOlder) else ("newer", "here")
            spoken = f"it speaks {theirs.said} of the protocol, and this one {own.said}"
            found.append(bad(CHECK, f"The cellsync of {who} is {how}: {spoken}.", f"Update the one {where}. {LOST}"))
    if found:
        return found
    if not known:
        return [unknown(CHECK, ALONE)]
    others = "the other device that was met" if len(known) == 1 else f"the {len(known)} other devices that were met"
    return [good(CHECK, f"This cellsync has a version of the protocol in common with {others} ({own.said} here).")]
