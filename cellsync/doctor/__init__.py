"""The doctor: what is wrong with this machine, this profile's folders and this network, and what to do about it.

    finding                   one thing found: a code, a grade, a sentence, a hint
    subject, machine          what is examined; what the checks ask of the operating system
    examination               the table of checks; run concurrently, in eight seconds, whatever fails
    files, vault, mounts,     this profile's folders
    copies, disk
    clock, swap, memory,      this machine
    daemons
    versions                  whether the other devices' cellsync can follow this one's
    network                   whether there is a network, and a VPN on it
    lan                       whether this network lets devices reach each other, from two kinds of evidence:
    multicast, calls            what is heard, which devices can be called, and whose hardware answers

It never opens a vault and changes nothing. Its texts hold no name and no address, unless the caller turns redaction
off; then they name this device's folders and addresses, and the other devices by the caller's labels.
"""

from __future__ import annotations

from cellsync.doctor.examination import examine
from cellsync.doctor.finding import Finding, Grade
from cellsync.doctor.subject import OtherDevice, Subject

__all__ = ["Finding", "Grade", "OtherDevice", "Subject", "examine"]
