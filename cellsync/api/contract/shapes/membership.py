"""How members, removals and what is in quarantine stand; why; and what is done about it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from cellsync.api.contract.shapes.base import Answer, EntryPlace, Error, Id, Name, Page, Takes, Words


class MissingWords(Struct, kw_only=True, frozen=True):
    """So many words of these members are missing, or that of the recovery key. Without any member only that is left."""

    words: int
    of: list[str]


class OwnedDevice(Struct, kw_only=True, frozen=True):
    """Of a member. `status`: active, suspended (it receives what is said of members, and votes) or removed."""

    device: str
    name: str
    status: Literal["active", "suspended", "removed"]
    me: bool


class MemberStanding(Struct, kw_only=True, frozen=True):
    """A member, past or present. `counts`: their word weighs in a dispute; `lacks`: what it takes before that of a
    coordinator does. `silent`: for how many days a coordinator has given no sign, if it is more than a week.
    `requires`: whether a coordinator has required the edition that understands removals, or need not any more. `role`:
    null for one who is removed, who had the `last_role`."""

    member: str
    name: str
    role: str | None
    last_role: str | None
    status: Literal["active", "suspended", "removed"]
    devices: list[OwnedDevice]
    me: bool
    admitted_by: str | None
    counts: bool
    lacks: MissingWords | None
    silent: int | None
    requires: bool
    circle: str


class StrikeStanding(Struct, kw_only=True, frozen=True):
    """Somebody removed others, left, or took a role. `by`: "" with the recovery key. `lacks`: of a removal that stands
    on one word: whose second it takes. `final`: two members have agreed, and others have seen it. `confirmed`: how many
    other devices are known to hold it. `at`: when, as its author's clock says; null: it was only told."""

    entry: str
    kind: Literal["remove", "leave", "demote"]
    state: Literal["stands", "undecided", "void"]
    by: str
    by_me: bool
    hits_me: bool
    whom: list[str]
    voters: list[str]
    at: str | None
    lacks: MissingWords | None
    final: bool
    confirmed: int
    others: int
    circle: str


class CaseEntries(Struct, kw_only=True, frozen=True):
    case: str
    entries: int


class OwnWriting(Struct, kw_only=True, frozen=True):
    """A change that this device wrote, and that waits. `lines`: what it says, a field in each."""

    entry: str
    case: str
    at: str
    lines: list[str]


class ReadOwn(Takes, kw_only=True, frozen=True):
    """`entry`: only this change, or the beginning of its id. Else pages: `limit`: of changes, at most; `after`: the
    `next` of the page before. `circle`: needed if there are several."""

    circle: Words = ""
    entry: Words = ""
    after: EntryPlace = ""
    limit: Page = 100


class OwnWritings(Answer, kw_only=True, frozen=True):
    """What this device wrote and waits, in the order in which it was written. The first page has the newest. `next`:
    where the next one begins, with what was written before; "" on the last. `older`: how many changes that has."""

    changes: list[OwnWriting]
    older: int = 0
    next: str = ""


class Quarantined(Struct, kw_only=True, frozen=True):
    """What is held of a device, and shown nowhere: entries that it wrote while suspended, or that whoever removed
    it had not seen. `own`: what they say, if it is this device: its user may read their own text; the newest 100."""

    device: str
    name: str
    entries: list[str]
    cases: list[CaseEntries]
    circle: str
    own: list[OwnWriting] | None


class OwnStanding(Struct, kw_only=True, frozen=True):
    """How this device itself stands in a circle. waiting: its admission has not arrived. suspended: what it writes is
    shown to nobody, itself included, until a dispute is decided: by the words of these (`settles`), or by the recovery
    key (`paper`); a device that was only told of the dispute has it `listed` itself until it holds all of that.
    removed: by somebody (`by`; "": with the recovery key, or since its admission does not count), or it has `left`,
    `at` that time by its author's clock; where it is suspended, that counts only once the recovery key has made another
    coordinator. `called`: what the circle is called."""

    circle: str
    called: str
    status: Literal["waiting", "active", "suspended", "removed"]
    role: str | None
    by: str
    left: bool
    at: str | None
    settles: list[str]
    paper: bool
    listed: bool = False


class Roster(Answer, kw_only=True, frozen=True):
    """`removed`: what removed this device, if it was removed; its cell can be read, and is not kept in step. `own`: how
    it stands in each circle."""

    members: list[MemberStanding]
    strikes: list[StrikeStanding]
    quarantine: list[Quarantined]
    removed: StrikeStanding | None
    own: list[OwnStanding]


class Intended(Takes, kw_only=True, frozen=True):
    """`deed`: what somebody is about to do. `circle`: in which; needed if there are several."""

    deed: Literal[
        "leave", "endorse", "contest", "link", "recovery.replace", "circle.passphrase", "circle.own_passphrase"
    ]
    circle: Words = ""


class OneMember(Takes, kw_only=True, frozen=True):
    """`member`: a name, or the beginning of an id. `circle`: needed if there are several in which somebody is called
    so."""

    member: Name
    circle: Words = ""


class Cause(Struct, kw_only=True, frozen=True):
    """One reason. `rule`: in protocol/40-membership.md. `entries`: on what it rests. `settles`: what would settle it,
    in words; "": nothing is open."""

    rule: str
    label: Literal["IN", "OUT", "UNDECIDED"]
    entries: list[str]
    text: str
    lacks: MissingWords | None
    paper: bool
    settles: str


class Decided(Struct, kw_only=True, frozen=True):
    """What is decided of an entry. `lines`: all of it in plain words."""

    entry: str
    what: str
    label: Literal["IN", "OUT", "UNDECIDED"]
    causes: list[Cause]
    lines: list[str]


class Why(Answer, kw_only=True, frozen=True):
    name: str
    status: Literal["active", "suspended", "removed"]
    decided: list[Decided]


class Removal(Takes, kw_only=True, frozen=True):
    """`device`: only that one of the member's devices, by its name, by what stands there behind its member's, or by the
    beginning of its id; "": all of them.
    `with_admitted`: also whom they have admitted. `circle`: only from this one; "": from all that this device's member
    coordinates."""

    member: Name
    device: Words = ""
    with_admitted: bool = False
    circle: Words = ""


class Remove(Removal, kw_only=True, frozen=True):
    """`confirm`: the member's name once more, as the preview shows it, or that of the one device: a removal cannot be
    taken back. `tell`: whether this device tells theirs of it when they call, as `tell` does."""

    confirm: Name
    tell: bool = False


class KeptThere(Struct, kw_only=True, frozen=True):
    device: str
    name: str
    connected: bool
    seen: str | None
    in_step: bool


class RemovalThere(Struct, kw_only=True, frozen=True):
    """One circle in which they are. `name`: what they are called there. `covered`: whether they are removed there as
    well; if not, they have another name there (not `alike`: somebody may have entered their keys), or this member
    cannot. `coordinators`: the others who can, and of them `tell`: those whom no device of theirs will tell.

    `cases` and `changes`: the most that the removed devices keep; nobody can take it back. `unaware`: devices that are
    not connected: they may send to the removed ones until they hear of it. `admitted`: who is there through them.
    `seconds`: whose second word makes it final; null: nobody whose word counts could contest it. `planted`: they made
    coordinators where nobody else had a word, in two histories at once; what those write can leave even a final removal
    undecided, and the recovery key settles it."""

    circle: str
    called: str
    name: str
    alike: bool
    covered: bool
    coordinators: list[str]
    tell: list[str]
    devices: list[KeptThere]
    cases: int
    changes: int
    unaware: list[str]
    admitted: list[str]
    seconds: MissingWords | None
    last_coordinator: bool
    planted: bool


class RemovalPreview(Answer, kw_only=True, frozen=True):
    """`circles`: where they are, as their keys say; the one where the name was found first. `name`: what to type.
    `gone`: they are removed already, or have left, by this; nothing else is said then."""

    name: str
    circles: list[RemovalThere]
    gone: StrikeStanding | None = None


class RemovedThere(Struct, kw_only=True, frozen=True):
    """`entry`: the removal, or null, and then the `error`: they are in this circle as before. `confirmed`: how many of
    the `others` are known to hold it by now."""

    circle: str
    called: str
    entry: str | None
    confirmed: int
    others: int
    error: Error | None


class Removals(Answer, kw_only=True, frozen=True):
    """What was done in each of the circles that the removal covers; at least in one of them it was written."""

    circles: list[RemovedThere]


class WrittenOfMembers(Answer, kw_only=True, frozen=True):
    """`confirmed`: how many of the `others` are known to hold it by now. `entry`: null if nothing was written.
    `hearers`: of an answer by somebody who was removed, who hears it: those whose devices told this one. `lacks`: of a
    role, what it takes before the new coordinator's word counts; null if it does, or needs none."""

    entry: str | None
    confirmed: int
    others: int
    hearers: list[str] | None = None
    lacks: MissingWords | None = None


class NewRole(Takes, kw_only=True, frozen=True):
    member: Name
    role: Literal["reader", "writer", "coordinator"]
    circle: Words = ""


class Endorse(Takes, kw_only=True, frozen=True):
    """`entries`: what `endorsable` has shown, and a person agrees to."""

    member: Name
    entries: Annotated[list[Id], Meta(min_length=1, max_length=48)]
    circle: Words = ""


class Endorsable(Struct, kw_only=True, frozen=True):
    entry: str
    what: str


class ToEndorse(Answer, kw_only=True, frozen=True):
    """What lacks a word that this device's member can give, and in which circle."""

    name: str
    circle: str
    open: list[Endorsable]


class Telling(OneMember, kw_only=True, frozen=True):
    """`told`: whether this device tells theirs, when they call, that they were removed. Whoever has such a device then
    learns that this one is here. False: it meets silence."""

    told: bool = True


class Told(Answer, kw_only=True, frozen=True):
    name: str
    told: bool


class Contest(Takes, kw_only=True, frozen=True):
    """`removal`: the beginning of its id; "": the newest one that stands and is not this member's own."""

    removal: Annotated[str, Meta(pattern="^[0-9a-f]{0,64}$")] = ""
    circle: Words = ""


class Contestable(Answer, kw_only=True, frozen=True):
    removals: list[StrikeStanding]


class LeavingPreview(Answer, kw_only=True, frozen=True):
    """`name`: of the circle, to be typed. `devices`: one's own, which all leave. `only_here`: changes on no other
    device. `last_coordinator`: nobody else coordinates, so it counts only once the recovery key has made somebody."""

    name: str
    devices: list[str]
    only_here: int
    last_coordinator: bool


class Leave(Takes, kw_only=True, frozen=True):
    """`confirm`: the name of the circle: it cannot be taken back."""

    confirm: Name
    circle: Words = ""


class Release(Takes, kw_only=True, frozen=True):
    """`device`: all that is here of it, by its name or the beginning of its id; or these `entries`."""

    device: Words = ""
    entries: Annotated[list[Id], Meta(max_length=1024)] = []
    circle: Words = ""


class OneCircle(Takes, kw_only=True, frozen=True):
    """`circle`: needed if there are several."""

    circle: Words = ""


class Required(Answer, kw_only=True, frozen=True):
    """`in_force`: whether removals can be written now."""

    in_force: bool
