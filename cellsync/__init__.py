"""cellsync keeps encrypted case logs in step between devices that trust each other, with no server.

    found_cell, open_cell, join        a vault in a folder, and the cell in it
    restore                            a vault that was lost, out of a backup
    Schema, Register, Set, Map, …      what a case is made of
    Cell, Invite, Member, Flag, …      what those give
    Home, open_lan                     where a vault lives, and how much of it a network gets to see
    errors                             what they raise, split by fault

The test kit is `cellsync.testing`, the schemas for casework are `cellsync.casework`.
"""

from __future__ import annotations

# Nothing is loaded before somebody asks for it: not even `typing`, which takes longer than Ctrl-C (`__main__`).
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from cellsync.cell.backup import restore
    from cellsync.cell.cell import Cell, Peer
    from cellsync.cell.confirmation import Asked, Confirm
    from cellsync.cell.flag import Flag, Reason
    from cellsync.cell.founding import RecoveryKey, found_cell
    from cellsync.cell.home import Home
    from cellsync.cell.invites import Invite
    from cellsync.cell.member import Member
    from cellsync.cell.newcomers import join
    from cellsync.cell.opening import open_cell
    from cellsync.cell.passphrase import change_passphrase, rekey
    from cellsync.cell.standing import OwnStanding
    from cellsync.core import errors
    from cellsync.core.errors import CellsyncError
    from cellsync.core.ids import CaseId
    from cellsync.core.schema.fields import Counter, Log, Map, Register, Sensitivity, Set, empty, field
    from cellsync.core.schema.generic import GenericCase
    from cellsync.core.schema.host import Change
    from cellsync.core.schema.schema import Conflict, Schema
    from cellsync.core.schema.views import Item, Value
    from cellsync.node.lan import open_lan
    from cellsync.store.passphrases import make_passphrase

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
    "Flag",
    "GenericCase",
    "Home",
    "Invite",
    "Item",
    "Log",
    "Map",
    "Member",
    "OwnStanding",
    "Peer",
    "Reason",
    "RecoveryKey",
    "Register",
    "Schema",
    "Sensitivity",
    "Set",
    "Value",
    "change_passphrase",
    "empty",
    "errors",
    "field",
    "found_cell",
    "join",
    "make_passphrase",
    "open_cell",
    "open_lan",
    "rekey",
    "restore",
]

_HOMES: Final = {
    "errors": "cellsync.core",
    "restore": "cellsync.cell.backup",
    "Cell": "cellsync.cell.cell",
    "Peer": "cellsync.cell.cell",
    "Asked": "cellsync.cell.confirmation",
    "Confirm": "cellsync.cell.confirmation",
    "Flag": "cellsync.cell.flag",
    "Reason": "cellsync.cell.flag",
    "RecoveryKey": "cellsync.cell.founding",
    "found_cell": "cellsync.cell.founding",
    "Home": "cellsync.cell.home",
    "Invite": "cellsync.cell.invites",
    "join": "cellsync.cell.newcomers",
    "Member": "cellsync.cell.member",
    "open_cell": "cellsync.cell.opening",
    "OwnStanding": "cellsync.cell.standing",
    "change_passphrase": "cellsync.cell.passphrase",
    "rekey": "cellsync.cell.passphrase",
    "Counter": "cellsync.core.schema.fields",
    "Log": "cellsync.core.schema.fields",
    "Map": "cellsync.core.schema.fields",
    "Register": "cellsync.core.schema.fields",
    "Sensitivity": "cellsync.core.schema.fields",
    "Set": "cellsync.core.schema.fields",
    "empty": "cellsync.core.schema.fields",
    "field": "cellsync.core.schema.fields",
    "GenericCase": "cellsync.core.schema.generic",
    "Change": "cellsync.core.schema.host",
    "Conflict": "cellsync.core.schema.schema",
    "Schema": "cellsync.core.schema.schema",
    "Item": "cellsync.core.schema.views",
    "Value": "cellsync.core.schema.views",
    "CellsyncError": "cellsync.core.errors",
    "CaseId": "cellsync.core.ids",
    "open_lan": "cellsync.node.lan",
    "make_passphrase": "cellsync.store.passphrases",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for (PEP 562), so that `cellsync --help` does not wait for all of it."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    if name == "errors":
        value: Any = import_module("cellsync.core.errors")
    else:
        value = getattr(import_module(home), name)
    globals()[name] = value
    return value
