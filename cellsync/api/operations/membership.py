"""Membership: how members stand and why; removals, roles, endorsements, contests and releases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from cellsync.api.contract import shapes
from cellsync.api.contract.problems import Ambiguous, NotTyped, problem_of
from cellsync.api.operations.standings import own_shape
from cellsync.api.service import Service
from cellsync.api.times import time_text
from cellsync.casework.values.words import as_text
from cellsync.cell.circle import CellCircle
from cellsync.cell.membership import KeptThere, Roster
from cellsync.cell.quarantine import OwnWriting, Quarantined
from cellsync.cell.reasons import Cause, Decided, sentences
from cellsync.cell.removal import Presence, presences
from cellsync.cell.standing import MemberStanding, MissingWords, OwnedDevice, StrikeStanding
from cellsync.core.errors import CellsyncError, NotFound, WhichCircle
from cellsync.core.folded import folded
from cellsync.core.ids import DeviceId, EntryId
from cellsync.core.membership.control import Role
from cellsync.core.membership.label import IN, OUT, UNDECIDED, Label
from cellsync.core.membership.link import own_name
from cellsync.core.schema.values import moment
from cellsync.core.wire.tags import Op

_LABELS: Final[dict[Label, Literal["IN", "OUT", "UNDECIDED"]]] = {IN: "IN", OUT: "OUT", UNDECIDED: "UNDECIDED"}


async def roster(service: Service, ask: shapes.OfCircle) -> shapes.Roster:
    cell = service.cell
    found = [
        (one, await one.membership.roster()) for one in ([cell.circle(ask.circle)] if ask.circle else cell.circles)
    ]
    removed = [await strike_shape(circle, held.own.removal) for circle, held in found if held.own.removal is not None]
    return shapes.Roster(
        members=[_member(circle, member) for circle, held in found for member in held.members],
        strikes=[await strike_shape(circle, strike) for circle, held in found for strike in held.strikes],
        quarantine=[_quarantined(circle, held_of) for circle, held in found for held_of in held.quarantine],
        removed=removed[0] if removed else None,
        own=[own_shape(circle, held.own) for circle, held in found],
    )


async def why(service: Service, ask: shapes.OneMember) -> shapes.Why:
    circle = await _circle_with(service, ask.circle, ask.member)
    member = member_named(await circle.membership.roster(), ask.member)
    decided = await circle.membership.why(member.member)
    return shapes.Why(name=member.name, status=member.status, decided=[_decided(one) for one in decided])


async def preview(service: Service, ask: shapes.Removal) -> shapes.RemovalPreview:
    found = await _presences(service, ask)
    at, member = found[0].circle, found[0].member
    if member.status == "removed":
        strikes = (await at.membership.roster()).strikes
        gone = [
            one for one in strikes if member.member in one.members and one.state == "stands" and one.kind != "demote"
        ]
        by = await strike_shape(at, gone[-1]) if gone else None
        return shapes.RemovalPreview(name=member.name, circles=[], gone=by)
    return shapes.RemovalPreview(name=found[0].member.name, circles=[await _preview(one) for one in found])


async def _preview(one: Presence) -> shapes.RemovalThere:
    seen = await one.circle.membership.preview([] if one.devices else [one.member.member], one.devices)
    return shapes.RemovalThere(
        circle=one.circle.id.hex(), called=one.circle.name, name=one.member.name, alike=one.alike, covered=one.covered,
        coordinators=list(one.coordinators), tell=list(one.tell),
        devices=[kept_there(kept) for kept in seen.devices],
        cases=seen.cases, changes=seen.changes, unaware=list(seen.unaware),
        admitted=[member.name for member in seen.admitted], seconds=words_shape(seen.seconds),
        last_coordinator=seen.last_coordinator, planted=seen.planted,
    )  # fmt: skip


async def remove(service: Service, ask: shapes.Remove) -> shapes.Removals:
    found = await _presences(service, ask)
    first = found[0]
    named = [first.member.name, *(one.name for one in first.member.devices if one.device in first.devices)]
    if folded(ask.confirm) not in map(folded, named):
        raise NotTyped
    done, refused = [], []
    for one in [one for one in found if one.covered] or found[:1]:
        try:
            done.append(await _removed(one, await one.remove(with_admitted=ask.with_admitted, tell=ask.tell)))
        except CellsyncError as error:  # in the others it can be written all the same
            done.append(await _removed(one, error))
            refused.append(error)
    if len(refused) == len(done):
        raise refused[0]
    return shapes.Removals(circles=done)


async def _removed(one: Presence, outcome: EntryId | CellsyncError) -> shapes.RemovedThere:
    entry = None if isinstance(outcome, CellsyncError) else outcome
    confirmed = 0 if entry is None else len(await one.circle.membership.confirmed(entry))
    return shapes.RemovedThere(
        circle=one.circle.id.hex(), called=one.circle.name, entry=None if entry is None else entry.hex(),
        confirmed=confirmed, others=len(one.circle.circle.others()),
        error=shapes.Error(**problem_of(outcome)._asdict()) if isinstance(outcome, CellsyncError) else None,
    )  # fmt: skip


async def set_role(service: Service, ask: shapes.NewRole) -> shapes.WrittenOfMembers:
    circle = _circle(service, ask.circle)
    member = member_named(await circle.membership.roster(), ask.member)
    written = await _written(circle, await circle.membership.set_role(member.member, Role[ask.role.upper()]))
    return msgspec.structs.replace(written, lacks=words_shape(await circle.membership.lacks(member.member)))


async def endorsable(service: Service, ask: shapes.OneMember) -> shapes.ToEndorse:
    circle = await _circle_with(service, ask.circle, ask.member)
    member = member_named(await circle.membership.roster(), ask.member)
    found = await circle.membership.to_endorse(member.member)
    said = circle.membership.said
    wanting = [shapes.Endorsable(entry=entry.hex(), what=said(entry)) for entry in found]
    return shapes.ToEndorse(name=member.name, circle=circle.id.hex(), open=wanting)


async def endorse(service: Service, ask: shapes.Endorse) -> shapes.WrittenOfMembers:
    circle = await _circle_with(service, ask.circle, ask.member)
    member = member_named(await circle.membership.roster(), ask.member)
    wanted = [_beginning(await circle.membership.to_endorse(member.member), entry) for entry in ask.entries]
    return await _written(circle, await circle.membership.endorse(wanted))


async def contestable(service: Service, ask: shapes.OneCircle) -> shapes.Contestable:
    circle = _circle(service, ask.circle)
    return shapes.Contestable(
        removals=[await strike_shape(circle, one) for one in await circle.membership.to_contest()]
    )


async def contest(service: Service, ask: shapes.Contest) -> shapes.WrittenOfMembers:
    circle = _circle(service, ask.circle)
    found = [one.entry for one in await circle.membership.to_contest()]
    if not found:
        raise NotFound("There is no removal here that could be contested.", hint="cellsync members")
    hearers = circle.membership.hearers()
    entry = await circle.membership.contest(_beginning(found, ask.removal) if ask.removal else found[0])
    return msgspec.structs.replace(await _written(circle, entry), hearers=hearers)


async def tell(service: Service, ask: shapes.Telling) -> shapes.Told:
    circle = await _circle_with(service, ask.circle, ask.member)
    member = member_named(await circle.membership.roster(), ask.member)
    await circle.membership.tell(member.member, told=ask.told)
    return shapes.Told(name=member.name, told=ask.told)


async def leaving(service: Service, ask: shapes.OneCircle) -> shapes.LeavingPreview:
    circle = _circle(service, ask.circle)
    seen = await circle.membership.leaving()
    return shapes.LeavingPreview(
        name=circle.name, devices=list(seen.devices), only_here=circle.only_here(),
        last_coordinator=seen.last_coordinator,
    )  # fmt: skip


async def leave(service: Service, ask: shapes.Leave) -> shapes.WrittenOfMembers:
    circle = _circle(service, ask.circle)
    if folded(ask.confirm) != folded(circle.name):
        raise NotTyped
    return await _written(circle, await circle.membership.leave())


async def own_writings(service: Service, ask: shapes.ReadOwn) -> shapes.OwnWritings:
    circle = _circle(service, ask.circle)
    if ask.entry:
        entry = _beginning(await circle.membership.own_waiting(), ask.entry)
        found = await circle.membership.own_writing(entry)
        return shapes.OwnWritings(changes=[_own_writing(found)])
    before = EntryId(bytes.fromhex(ask.after)) if ask.after else None
    page = await circle.membership.own_writings(ask.limit, before=before)
    following = page.writings[0].entry.hex() if page.older else ""
    return shapes.OwnWritings(changes=[_own_writing(one) for one in page.writings], older=page.older, next=following)


async def release(service: Service, ask: shapes.Release) -> shapes.WrittenOfMembers:
    circle = _circle(service, ask.circle)
    held = (await circle.membership.roster()).quarantine
    if ask.entries:
        there = [entry for one in held for entry in one.entries]
        entries = [_beginning(there, entry) for entry in ask.entries]
        return await _written(circle, await circle.membership.release(entries=entries))
    wanted = folded(ask.device)
    found = [
        one for one in held if folded(one.name) == wanted or one.device.hex().startswith(ask.device.lower() or "-")
    ]
    return await _written(circle, await circle.membership.release(_only([one.device for one in found])))


async def require(service: Service, ask: shapes.OneCircle) -> shapes.Required:
    return shapes.Required(in_force=await _circle(service, ask.circle).membership.require())


# --- who is meant ----------------------------------------------------------------------------------------


def _circle(service: Service, which: str) -> CellCircle:
    return service.cell.circle(which or None)


async def _circle_with(service: Service, which: str, name: str) -> CellCircle:
    """The circle that is named; if none is, the only one that somebody is in who is called so.

    What the program prints, `cellsync members why Ben`, is meant so. Raises NotFound, WhichCircle.
    """
    circles = service.cell.circles
    if which or len(circles) < 2:
        return _circle(service, which)
    found = [circle for circle in circles if _may_be_in(await circle.membership.roster(), name)]
    if not found:
        raise NotFound("There is no member of that name.", hint="cellsync members")
    if len(found) > 1:
        raise WhichCircle
    return found[0]


def _may_be_in(roster: Roster, name: str) -> bool:
    try:
        return _called(roster, name) is not None
    except Ambiguous:
        return True


def member_named(roster: Roster, name: str) -> MemberStanding:
    """By a name, or by the beginning of the id of a member or a device. Raises NotFound, Ambiguous."""
    wanted, digits = folded(name), name.lower()
    found = [one for one in roster.members if folded(one.name) == wanted]
    found = found or [one for one in roster.members if folded(one.name).startswith(f"{wanted} (")]  # namesakes
    found = found or [
        one for one in roster.members if any(owned.device.hex().startswith(digits) for owned in one.devices)
    ]
    if not found:
        raise NotFound("There is no member of that name.", hint="cellsync members")
    if len(found) > 1:
        raise Ambiguous(hint="Give the beginning of the id: " + ", ".join(one.member.hex()[:8] for one in found))
    return found[0]


def removed_member(roster: Roster, name: str) -> MemberStanding:
    """The same among those who were removed; if there is none, among all. Raises NotFound, Ambiguous."""
    gone = [one for one in roster.members if one.status == "removed"]
    try:
        return member_named(roster._replace(members=gone), name)
    except NotFound:
        return member_named(roster, name)


async def _presences(service: Service, ask: shapes.Removal) -> list[Presence]:
    """Where somebody is who is to be removed, or one of their devices. Raises NotFound, Ambiguous."""
    circles = [_circle(service, ask.circle)] if ask.circle else service.cell.circles
    found = [(circle, one) for circle in circles if (one := _called(await circle.membership.roster(), ask.member))]
    found = [(circle, one) for circle, one in found if one.status != "removed"] or found
    if ask.device:
        found = [(circle, one) for circle, one in found if _devices(one, ask.device)]
        if not found:
            raise NotFound("There is no such device.", hint="cellsync members")
    if not found:
        raise NotFound("There is no member of that name.", hint="cellsync members")
    at, member = found[0]
    if member.is_me and not ask.device and len(found) > 1:
        raise WhichCircle
    there = await presences(circles, at, member, [_only(_devices(member, ask.device))] if ask.device else [])
    same = {(one.circle.id, one.member.member) for one in there}
    others = [circle for circle, one in found if (circle.id, one.member) not in same and one.status != "removed"]
    if others:
        names = ", ".join(circle.name for circle in [at, *others])
        raise Ambiguous("Several people are called so, as their keys say.", hint=f"Add --circle NAME: {names}")
    return there


def _called(roster: Roster, name: str) -> MemberStanding | None:
    try:
        return member_named(roster, name)
    except NotFound:
        return None


def _devices(member: MemberStanding, name: str) -> list[DeviceId]:
    """Those of their devices that are called so: `Phone` is enough for `Ben / Phone`."""
    wanted = folded(name)
    return [
        one.device
        for one in member.devices
        if wanted in (folded(one.name), folded(own_name(one.name))) or one.device.hex().startswith(name.lower())
    ]


def _only(devices: Sequence[DeviceId]) -> DeviceId:
    if not devices:
        raise NotFound("There is no such device.", hint="cellsync members")
    if len(devices) > 1:
        raise Ambiguous(hint="Give the beginning of its id: " + ", ".join(device.hex()[:8] for device in devices))
    return devices[0]


def _beginning(entries: Sequence[EntryId], digits: str) -> EntryId:
    """The entry whose id begins so. Raises NotFound, Ambiguous."""
    found = [entry for entry in entries if entry.hex().startswith(digits)]
    if not found:
        raise NotFound("Nothing of that id is open here.", hint="cellsync members")
    if len(found) > 1:
        raise Ambiguous
    return found[0]


# --- shapes ------------------------------------------------------------------------------------------------


def words_shape(words: MissingWords | None) -> shapes.MissingWords | None:
    return None if words is None else shapes.MissingWords(words=words.words, of=list(words.of))


def _device(owned: OwnedDevice) -> shapes.OwnedDevice:
    return shapes.OwnedDevice(device=owned.device.hex(), name=owned.name, status=owned.status, me=owned.is_me)


def kept_there(kept: KeptThere) -> shapes.KeptThere:
    return shapes.KeptThere(
        device=kept.device.hex(), name=kept.name, connected=kept.connected, seen=kept.seen, in_step=kept.in_step
    )


def _member(circle: CellCircle, one: MemberStanding) -> shapes.MemberStanding:
    return shapes.MemberStanding(
        member=one.member.hex(), name=one.name, role=one.role, last_role=one.last_role, status=one.status, me=one.is_me,
        devices=[_device(owned) for owned in one.devices], admitted_by=one.admitted_by, counts=one.counts,
        lacks=words_shape(one.lacks), silent=one.silent, requires=one.requires, circle=circle.id.hex(),
    )  # fmt: skip


async def strike_shape(circle: CellCircle, one: StrikeStanding) -> shapes.StrikeStanding:
    return shapes.StrikeStanding(
        entry=one.entry.hex(), kind=one.kind, state=one.state, by=one.by, by_me=one.by_me,
        hits_me=one.hits_me, whom=list(one.whom),
        voters=list(one.voters), at=_at(one), lacks=words_shape(one.lacks), final=one.final,
        confirmed=len(await circle.membership.confirmed(one.entry)), others=len(circle.circle.others()),
        circle=circle.id.hex(),
    )  # fmt: skip


def _at(one: StrikeStanding) -> str | None:
    return None if one.at is None else time_text(moment(one.at))


def _quarantined(circle: CellCircle, one: Quarantined) -> shapes.Quarantined:
    return shapes.Quarantined(
        device=one.device.hex(), name=one.name, entries=[entry.hex() for entry in one.entries],
        cases=[shapes.CaseEntries(case=case.hex(), entries=count) for case, count in one.cases],
        circle=circle.id.hex(),
        own=[_own_writing(each) for each in one.own] if one.device == circle.device else None,
    )  # fmt: skip


def _own_writing(one: OwnWriting) -> shapes.OwnWriting:
    return shapes.OwnWriting(
        entry=one.entry.hex(), case=one.case.hex(), at=time_text(moment(one.at)) or "",
        lines=[f"{said.field}: {as_text(said.plain)}" for said in one.operations if said.tag != Op.CREATE],
    )  # fmt: skip


def _decided(one: Decided) -> shapes.Decided:
    return shapes.Decided(
        entry=one.entry.hex(), what=one.what, label=_LABELS[one.label], causes=[_cause(cause) for cause in one.causes],
        lines=sentences(one),
    )  # fmt: skip


def _cause(cause: Cause) -> shapes.Cause:
    return shapes.Cause(
        rule=cause.rule, label=_LABELS[cause.label], entries=[entry.hex() for entry in cause.entries],
        text=cause.text, lacks=words_shape(cause.lacks), paper=cause.paper, settles=cause.settles,
    )  # fmt: skip


async def _written(circle: CellCircle, entry: EntryId) -> shapes.WrittenOfMembers:
    return shapes.WrittenOfMembers(
        entry=entry.hex(), confirmed=len(await circle.membership.confirmed(entry)), others=len(circle.circle.others())
    )
