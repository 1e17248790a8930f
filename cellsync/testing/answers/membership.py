"""`control`: what a control entry says. `rotation`: an epoch's secret in it. `states`: what is handed over of it.
`settings`: which of them are in force.

All of them are of edition 2, whose kinds are not in force yet.
"""

from __future__ import annotations

from typing import Any

from cellsync.core import caps
from cellsync.core.crypto import ratchet
from cellsync.core.crypto.ratchet import Branches
from cellsync.core.errors import CapExceeded, Malformed
from cellsync.core.ids import BranchState, Day, DeviceId, EntryId, EpochId, MemberId, SealSecret, Wrap
from cellsync.core.membership import rotation, sealing, settings
from cellsync.core.membership.editions import SECOND
from cellsync.core.membership.rotation import Rotation
from cellsync.core.membership.settings import CircleSettings
from cellsync.core.rule import Rule
from cellsync.core.wire import codec
from cellsync.core.wire.operations import after_salt
from cellsync.testing.answers import json_form
from cellsync.testing.answers.keys import LATE, states_of
from cellsync.testing.answers.question import Answer, BadQuestion, Given, ok


def control(given: Given) -> Answer:
    kind, shape, content = given.number("kind"), given.raw("shape"), given.raw("content")
    if not 0 < kind < 256:
        raise BadQuestion("kind is none of a control entry")
    if len(shape) + len(content) > caps.ENTRY:
        raise CapExceeded(Rule.CAP_ENTRY)
    if SECOND.decode(kind, shape, content) is None:
        return Answer("void")
    names = _value(after_salt(content))
    return ok(operation=json_form.value([*_value(shape), *(names or [])]))


def rotate(given: Given) -> Answer:
    begun = rotation.read(_value(given.raw("rotation")), None)
    added = [rotation.read_rewrap(_value(shape), None) for shape in given.raws("rewraps")]
    if begun is None:
        return Answer("void")
    epoch, secret = EpochId(given.raw("epoch", 32)), SealSecret(given.raw("seal", 32))
    rewraps = [one for one in added if one is not None and one.epoch == epoch]
    states = sealing.opened(begun, _wraps(given, begun, rewraps), [secret], LATE)
    return ok(states=None if states is None else states_of(states))


def states(given: Given) -> Answer:
    found = (BranchState(given.raw(name, 32)) for name in ("session", "spool", "discovery", "bundle"))
    handed = Branches(Day(given.number("day")), *found)
    if not ratchet.lead_to(handed, given.raw("commitment", 32), Day(given.number("first_day"))):
        raise Malformed(Rule.EPOCH_COMMITMENT)
    return ok()


def _wraps(given: Given, begun: Rotation, rewraps: list[rotation.Rewrap]) -> list[Wrap]:
    if given.has("recovery"):
        found = [begun.recovery.get(EntryId(given.raw("recovery", 32)))]
    else:
        device = DeviceId(given.raw("device", 32))
        found = [begun.devices.get(device), *(one.wraps.get(device) for one in rewraps)]
    return [wrap for wrap in found if wrap is not None]


def in_force(given: Given) -> Answer:
    sees: set[tuple[EntryId, EntryId]] = set()
    said = {
        MemberId(bytes([at])): _said(f"member {at}", written, sees)
        for at, written in enumerate(given.values("coordinators"))
    }
    papers = [_said(f"paper {at}", written, sees) for at, written in enumerate(given.values("papers"))]
    found = settings.in_force(said, lambda later, earlier: (later, earlier) in sees, papers)
    return ok(in_force=[[int(setting), value] for setting, value in sorted(found.items())])


def _said(author: str, written: Any, sees: set[tuple[EntryId, EntryId]]) -> dict[EntryId, CircleSettings]:
    """One author's entries, in place of whose ids are names; what each has in its past is added to `sees`."""
    found: dict[EntryId, CircleSettings] = {}
    for at, one in enumerate(Given({"entries": written}).each("entries")):
        operation = settings.read(one.values("values"), None)
        if operation is None:
            raise BadQuestion("values are none of a `settings`")
        found[_named(author, at)] = operation
        sees.update((_named(author, at), _named(author, earlier)) for earlier in one.values("sees"))
    return found


def _named(author: str, at: int) -> EntryId:
    return EntryId(f"{author}, {at}".encode())


def _value(raw: bytes) -> Any:
    return codec.decode(raw, caps.ENTRY, Rule.CAP_ENTRY)
