"""cellsync keeps encrypted case logs in step between devices that trust each other, with no server.

    found_cell, open_cell, join        a vault in a folder, and the cell in it
    Schema, Register, Set, Map, …      what a case is made of
    Cell, Invite, Member, Peer, …      what those give
    errors                             what they raise, split by fault

The test kit is `cellsync.testing`, the schemas for casework are `cellsync.casework`.
"""

from __future__ import annotations

from cellsync.cell.cell import Cell, Peer
from cellsync.cell.confirming import Asked, Confirm
from cellsync.cell.founding import RecoveryKey, found_cell
from cellsync.cell.home import Home
from cellsync.cell.inviting import Invite
from cellsync.cell.joining import join
from cellsync.cell.member import Member
from cellsync.cell.opening import open_cell
from cellsync.core import errors
from cellsync.core.case.fields import Counter, Log, Map, Register, Sensitivity, Set, empty, field
from cellsync.core.case.generic import GenericCase
from cellsync.core.case.host import Change
from cellsync.core.case.schema import Conflict, Schema
from cellsync.core.errors import CellsyncError
from cellsync.core.ids import CaseId

__version__ = "0.1.0"

__all__ = [
    "Asked",
    "CaseId",
    "Cell",
    "CellsyncError",
    "Change",
    "Confirm",
    "Conflict",
    "Counter",
    "GenericCase",
    "Home",
    "Invite",
    "Log",
    "Map",
    "Member",
    "Peer",
    "RecoveryKey",
    "Register",
    "Schema",
    "Sensitivity",
    "Set",
    "empty",
    "errors",
    "field",
    "found_cell",
    "join",
    "open_cell",
]
