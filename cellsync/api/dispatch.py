"""Dispatch: the name of an operation and its parameters become an answer, in whatever process this is.

A handler's module is imported when it is first asked: a command without a daemon waits for what it needs, and not for
what tables, pairing and the doctor need. The daemon imports all of them before it opens its door (`load`), so that it
never mixes two versions of the program.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cache, partial
from importlib import import_module
from typing import Any, Final, cast

import msgspec

from cellsync.api.contract import shapes
from cellsync.api.contract.problems import Locked
from cellsync.api.contract.table import BY_NAME, EVENTS, MADE_ANEW, Needs, Operation
from cellsync.api.service import Service
from cellsync.core.errors import InvalidValue, NotFound, VaultExists
from cellsync.ledger.pause import collector_paused
from cellsync.store.files import ReadOnlyDisk

Handler = Callable[[Service, Any], Awaitable[shapes.Answer]]

HANDLERS: Final[Mapping[str, str]] = {  # by operation: the module in `cellsync.api`, and the function there
    "health": "health.health",
    "doctor": "examination.examine",
    "init": "health.init",
    "restore": "backups.restore",
    "unlock": "health.unlock",
    "lock": "health.lock",
    "passphrase.check": "passphrase.check",
    "passphrase.change": "passphrase.change",
    "rekey": "passphrase.rekey",
    "rekey.show": "passphrase.show_rekey",
    "rekey.cancel": "passphrase.cancel_rekey",
    "panic": "health.panic",
    "status": "people.status",
    "backup": "backups.back_up",
    "audit": "health.audit",
    "flags.dismiss": "people.dismiss",
    "carry_on": "people.carry_on",
    "forks": "forks.show_forks",
    "fork.proof": "forks.show_proof",
    "fork.check": "forks.check_proof",
    "circles": "circles.show_circles",
    "circle.create": "circles.create",
    "circle.unlock": "circles.unlock",
    "circle.lock": "circles.lock",
    "circle.passphrase": "circles.change_passphrase",
    "members": "people.show_members",
    "permission": "permissions.check",
    "roster": "membership.roster",
    "member.why": "membership.why",
    "removal.preview": "membership.preview",
    "removal": "membership.remove",
    "role": "membership.set_role",
    "endorsable": "membership.endorsable",
    "endorse": "membership.endorse",
    "contestable": "membership.contestable",
    "contest": "membership.contest",
    "tell": "membership.tell",
    "leave.preview": "membership.leaving",
    "leave": "membership.leave",
    "quarantine": "membership.own_writings",
    "release": "membership.release",
    "require": "membership.require",
    "recovery.keys": "recovery.keys",
    "recovery.draw": "recovery.draw",
    "recovery.replace": "recovery.replace",
    "recovery.preview": "recovery.preview",
    "recovery.use": "recovery.use",
    "settings": "choices.show",
    "settings.choose": "choices.choose",
    "devices": "devices.show_devices",
    "peers": "people.show_peers",
    "peers.add": "people.add_address",
    "peers.ping": "people.ping",
    "invites": "pairing.show_invites",
    "invite": "pairing.open_invite",
    "invite.show": "pairing.show_invite",
    "invite.confirm": "pairing.confirm_invite",
    "invite.cancel": "pairing.cancel_invite",
    "link": "pairing.open_link",
    "join": "pairing.start_join",
    "join.show": "pairing.show_join",
    "join.introduce": "pairing.introduce",
    "join.confirm": "pairing.confirm_join",
    "join.cancel": "pairing.cancel_join",
    "sync": "syncs.sync",
    "sync.show": "syncs.show_sync",
    "sync.cancel": "syncs.cancel_sync",
    "schemas": "cases.schemas",
    "case.list": "cases.list_cases",
    "case.new": "edits.new",
    "case.show": "cases.show",
    "case.edit": "edits.edit",
    "case.move.preview": "moves.preview",
    "case.move": "moves.move",
    "case.log": "cases.log",
    "case.graph": "cases.graph",
    "import": "tables.import_table",
    "import.show": "tables.show_import",
    "import.cancel": "tables.cancel_import",
    "export": "tables.export",
    "export.read": "tables.read_export",
}


@cache
def handler(name: str) -> Handler:
    """What does it."""
    module, _, function = HANDLERS[name].partition(".")
    with collector_paused():  # what is imported stays: going through it again and again finds nothing
        return cast(Handler, getattr(import_module(f"cellsync.api.operations.{module}"), function))


def load() -> None:
    """Import all of them."""
    for name in HANDLERS:
        handler(name)


def taken(operation: Operation, given: Mapping[str, Any], *, typed: bool = True) -> Any:
    """The parameters, checked. `typed=False`: numbers and booleans may be texts, as in a URL. Raises InvalidValue."""
    shape = getattr(shapes, operation.takes)
    if not _is_text(given):
        raise InvalidValue("a text is not UTF-8")
    try:
        return msgspec.convert(given, shape, strict=typed)
    except msgspec.ValidationError as error:
        raise InvalidValue(_without_values(str(error)), hint="GET /v1/openapi.json says what is expected.") from None


async def perform(service: Service, name: str, given: Any) -> shapes.Answer:
    """Do it. `given`: the operation's shape. Raises CellsyncError."""
    operation = BY_NAME[name]
    check_state(service, operation)
    with service.in_use(operation.passive or operation.needs is not Needs.OPEN):
        key: str | None = getattr(given, "key", None)
        if key is not None:
            work = partial(handler(name), service, given)
            return await service.repeats.once(key, name, given, work, anew=name in MADE_ANEW)
        try:
            return await handler(name)(service, given)
        except NotFound as error:
            raise _or_locked(service, operation, error) from error


def _or_locked(service: Service, operation: Operation, error: NotFound) -> NotFound:
    """What is not found may be in a circle that is locked: of these nothing is known here, not even a name."""
    many = len(service.cell.locked_circles) if service.state == "open" else 0
    if many and operation.needs is Needs.OPEN and "{job}" not in operation.path:
        error.hint = f"{error.hint.rstrip('.')}. {_LOCKED_TOO.format(many=many)}"
    return error


_LOCKED_TOO: Final = "Or in a locked circle ({many} here): cellsync circle unlock"


def check_state(service: Service, operation: Operation) -> None:
    """Raises Locked, VaultMissing, VaultExists, ReadOnlyDisk."""
    if service.as_of is not None and not operation.reads:
        raise ReadOnlyDisk
    if operation.needs is Needs.OPEN and service.state != "open":
        raise Locked if service.state == "locked" else service.profile.missing()
    if operation.needs is Needs.NO_VAULT and service.state != "empty":
        raise VaultExists


def plain(answer: shapes.Answer) -> dict[str, Any]:
    """As the JSON object that a client gets."""
    made: dict[str, Any] = msgspec.to_builtins(answer)
    return made


def _is_text(given: Any) -> bool:
    """Whether every text in it can be written down: arguments of a command may hold bytes that are no characters."""
    match given:
        case str():
            return given.isascii() or not any("\ud800" <= character <= "\udfff" for character in given)
        case Mapping():
            return all(_is_text(name) and _is_text(inner) for name, inner in given.items())
        case list() | tuple():
            return all(map(_is_text, given))
    return True


def _without_values(message: str) -> str:
    """msgspec quotes a value only where an enumeration does not have it; what stands after the last quote is a path."""
    if message.startswith("Invalid enum value"):
        return (
            "Not one of the allowed values" + message[message.rfind(" - at") :] if " - at" in message else "Not allowed"
        )
    return message


assert HANDLERS.keys() == BY_NAME.keys() - {EVENTS}  # noqa: S101 (incomplete, nothing starts)
