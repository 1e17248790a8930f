"""Failures: with which codes each operation may fail, for clients whose languages check that all are dealt with.

What an operation needs, what its path names and whether it has a body say most of it; the rest stands here by name. A
job's failures come in the `error` of the job. tests/api/services.py holds every refusal against this.
"""

from __future__ import annotations

import re
from typing import Final

from cellsync.api.contract.problems import status_of_code
from cellsync.api.contract.table import HEADERS, Needs, Operation

_ALWAYS: Final = ("invalid_value", "internal")
_OPEN: Final = (
    "locked",
    "circle_locked",
    "vault_missing",
    "closed",
    "vault_damaged",
    "storage_failed",
    "read_only_disk",
)
_NEEDS: Final = {
    Needs.NOTHING: (),
    Needs.NO_VAULT: ("vault_exists", "disk_full", "storage_failed", "read_only_disk"),
    Needs.OPEN: _OPEN,
}
_IN_PATH: Final = {  # what a path names
    "case": ("not_found", "ambiguous", "which_circle"),
    "member": ("not_found", "ambiguous", "which_circle"),
    "peer": ("not_found", "ambiguous"),
    "deed": ("not_found", "which_circle"),
    "fork": ("not_found", "ambiguous"),
    "job": ("not_found",),
    "export": ("not_found",),
}
_WRITES: Final = ("not_permitted", "removed", "outdated", "out_of_branches", "disk_full")
_DECIDES: Final = (*_WRITES, "floor_too_low")
_OPENS: Final = (
    "wrong_passphrase", "too_soon", "vault_missing", "vault_in_use", "vault_damaged", "not_a_vault", "newer_version",
    "cheap_vault", "storage_failed", "read_only_disk", "disk_full",
)  # fmt: skip
_COPIES: Final = ("place_taken", "no_such_place", "inside_vault", "not_writable", "copy_differs", "disk_full")
_PAPER: Final = ("wrong_paper", "not_found", "ambiguous", "which_circle", "outdated", "not_permitted")
_CIRCLE: Final = ("not_found", "which_circle")  # it says which one, or there is only one
_OWN: Final[dict[str, tuple[str, ...]]] = {
    "init": (*_OPENS, "weak_passphrase"),
    "join": ("weak_passphrase", "vault_exists", "locked", "disk_full", "storage_failed", "read_only_disk"),
    "join.introduce": ("weak_passphrase",),
    "restore": (*_OPENS, *_COPIES, "unreadable_settings"),
    "unlock": _OPENS,
    "passphrase.check": _OPENS,
    "passphrase.change": (*_OPENS, "weak_passphrase"),
    "backup": _COPIES,
    "audit": ("disk_full",),
    "flags.dismiss": ("disk_full",),
    "carry_on": ("disk_full", *_CIRCLE),
    "circle.create": ("disk_full",),
    "circle.unlock": ("wrong_passphrase", "too_soon", "not_found", "disk_full", "newer_version", "vault_in_use"),
    "circle.lock": _CIRCLE,
    "circle.passphrase": ("wrong_passphrase", "too_soon", "weak_passphrase", "disk_full", *_CIRCLE),
    "members": _CIRCLE,
    "permission": (*_DECIDES, "circle_full", "too_many_devices"),
    "roster": _CIRCLE,
    "removal": (*_DECIDES, "not_typed"),
    "role": _DECIDES,
    "endorse": _DECIDES,
    "contestable": _CIRCLE,
    "contest": (*_DECIDES, "ambiguous", *_CIRCLE),
    "tell": ("disk_full",),
    "leave.preview": (*_DECIDES, *_CIRCLE),
    "leave": (*_DECIDES, "not_typed", *_CIRCLE),
    "quarantine": ("ambiguous", *_CIRCLE),
    "release": (*_DECIDES, "ambiguous", *_CIRCLE),
    "require": (*_DECIDES, *_CIRCLE),
    "recovery.keys": _CIRCLE,
    "recovery.replace": (*_DECIDES, *_PAPER),
    "recovery.preview": _PAPER,
    "recovery.use": (*_PAPER, "not_typed", "disk_full"),
    "settings": _CIRCLE,
    "settings.choose": (*_DECIDES, *_CIRCLE),
    "fork.check": ("proves_nothing",),
    "peers.add": ("disk_full",),
    "peers.ping": ("no_peer", "timeout", "interrupted", "no_common_version", "peer_older", "peer_newer"),
    "invite": (*_WRITES, "circle_full", "ambiguous", *_CIRCLE),
    "link": (*_DECIDES, "circle_full", "too_many_devices", *_CIRCLE),
    "invite.confirm": _WRITES,
    "case.new": (*_WRITES, "ambiguous", "link_leaks", *_CIRCLE),  # a link names another case
    "case.edit": (*_WRITES, "changed_meanwhile", "link_leaks"),
    "case.move": (*_WRITES, "link_leaks"),
    "case.list": ("ambiguous", *_CIRCLE),  # the case behind which it goes on
    "export": (*_WRITES, "ambiguous", "no_consent", "nothing_leaves", *_CIRCLE),
    "import": _CIRCLE,
}


def codes_of(operation: Operation) -> frozenset[str]:
    """With which codes it may fail."""
    codes = {*_ALWAYS, *_NEEDS[operation.needs], *_OWN.get(operation.name, ())}
    for name in re.findall(r"\{(\w+)\}", operation.path):
        codes.update(_IN_PATH[name])
    if operation.method in ("POST", "PATCH"):
        codes.add("too_large")
    if "Idempotency-Key" in HEADERS.get(operation.name, {}):
        codes.add("key_reused")
    return frozenset(codes)


def by_status(operation: Operation) -> dict[int, list[str]]:
    """The codes by HTTP status, both in order."""
    found: dict[int, list[str]] = {}
    for code in sorted(codes_of(operation)):
        found.setdefault(status_of_code(code), []).append(code)
    return dict(sorted(found.items()))
