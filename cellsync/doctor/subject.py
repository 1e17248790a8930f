"""The subject of an examination, and the names of its folders in the doctor's texts."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_data_path

from cellsync.cell.clocks import OtherClock
from cellsync.core.versions import SPOKEN, Versions
from cellsync.doctor.machine import REAL, Machine
from cellsync.node.interfaces import Choice
from cellsync.node.lan import SERVICE_TYPE, Mode
from cellsync.node.network import Address


class OtherDevice(NamedTuple):
    """The caller's knowledge of another device of the cell."""

    label: str  # for the texts, if they are not redacted
    connected: bool
    addresses: Sequence[Address] = ()
    clock: OtherClock | None = None  # compared with this machine's
    versions: Versions | None = None  # of the protocol, spoken by its cellsync when it was last met


class Subject(NamedTuple):
    """A profile, and its settings for showing itself."""

    profile: Path
    vault: Path
    daemon: bool | None = None  # whether one runs; None if not asked
    interfaces: Choice = "all"
    mode: Mode = "asked"
    service_type: str = SERVICE_TYPE
    others: Sequence[OtherDevice] = ()
    others_ahead: float | None = None  # seconds, if two members agree
    versions: Versions = SPOKEN  # of the protocol, spoken by this cellsync
    hidden_by_members: bool = False  # they have chosen together that devices are shown on no network


class Visit(NamedTuple):
    """The input of each check."""

    subject: Subject
    machine: Machine = REAL
    redact: bool = True
    seconds: float = 5.0  # to listen

    def named(self, folder: Path) -> str:
        """One of the subject's folders, for a shell. A path reveals the user's name, and may reveal the cell's."""
        if not self.redact:
            return shlex.quote(str(folder))
        profile = self.subject.profile
        if not folder.is_relative_to(profile):
            return "VAULT"
        below, home = folder.relative_to(profile), Path.home()
        usual = user_data_path("cellsync", appauthor=False)
        if profile == usual and usual.is_relative_to(home):
            return f"~/{shlex.quote(str(usual.relative_to(home) / below))}"
        return str(Path("PROFILE") / below)
