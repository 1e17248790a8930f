"""Shapes: what operations take and give, as JSON. Types, checks and JSON Schema come from these declarations.

Ids are lower-case hexadecimal; a request may give the beginning of one, if no other begins like that. Times are
ISO 8601 in UTC. Seconds are numbers. What a shape takes is checked before anything is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct

from cellsync.core.case.draft import SETTLES
from cellsync.core.crdt.types import TYPES

Id = Annotated[str, Meta(pattern="^[0-9a-f]{1,64}$")]
Folder = Annotated[str, Meta(min_length=1, max_length=4096)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]
RequestKey = Annotated[str, Meta(min_length=1, max_length=256)]  # see api/repeats.py
Secret = Annotated[str, Meta(min_length=1, max_length=1024)]
Seconds = Annotated[float, Meta(ge=0, le=604800)]
Wait = Annotated[float, Meta(ge=0, le=60)]
Count = Annotated[int, Meta(ge=0)]
State = Literal["empty", "locked", "open"]
RoleName = Literal["reader", "writer", "coordinator"]
LanMode = Literal["off", "listen", "asked", "announce"]
AudienceName = Literal["internal", "partners", "un", "public"]
CompartmentName = Literal["C0", "C1", "C2", "C3", "C4", "C5", "C6"]
if TYPE_CHECKING:
    FieldTypeName = str
    ContestedTypeName = str
else:  # the table of types says which there are
    FieldTypeName = Literal[tuple(str(name) for name in TYPES)]
    ContestedTypeName = Literal[tuple(str(row.name) for row in TYPES.values() if row.holds in SETTLES)]


class Takes(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What an operation takes: path, query and body together."""


class Answer(Struct, kw_only=True, frozen=True):
    """What an operation gives."""

    v: Literal[1] = 1


class Nothing(Takes, kw_only=True, frozen=True):
    """No parameters."""


class Done(Answer, kw_only=True, frozen=True):
    """It was done."""


class Error(Struct, kw_only=True, frozen=True):
    """What went wrong, what to do, and the exit code of the command line."""

    code: str
    message: str
    hint: str
    exit: int


class Failed(Answer, kw_only=True, frozen=True):
    """Nothing was done, unless the message says so."""

    error: Error


# --- the profile -----------------------------------------------------------------------------------------


class Health(Answer, kw_only=True, frozen=True):
    """empty: no vault yet; locked; open."""

    state: State
    version: str


class Init(Takes, kw_only=True, frozen=True):
    """Found a cell."""

    cell: Name
    name: Name
    passphrase: Secret
    lan: LanMode = "asked"
    interfaces: list[str] = []
    port: Annotated[int, Meta(ge=0, le=65535)] = 0


class Founded(Answer, kw_only=True, frozen=True):
    """Write the recovery key down: it is kept nowhere."""

    cell: str
    name: str
    recovery_key: str


class Unlock(Takes, kw_only=True, frozen=True):
    """`idle`: lock after so many seconds without a command; 0: never."""

    passphrase: Secret
    idle: Seconds | None = None


class Unlocked(Answer, kw_only=True, frozen=True):
    """`copied`: this cell was put back from a backup of that time, and nothing has been written to it here since."""

    cell: str
    name: str
    locks_in: float | None
    copied: str | None


class BackUp(Takes, kw_only=True, frozen=True):
    """`to`: the absolute path of a folder that is not there yet, in one that is."""

    to: Folder


class BackedUp(Answer, kw_only=True, frozen=True):
    """`at`: the copy holds all that was here then. `size`: bytes."""

    at: str
    changes: Count
    size: Count


class Restore(Takes, kw_only=True, frozen=True):
    """`source`: the absolute path of a backup, or of a profile that was copied while it was closed."""

    source: Folder
    passphrase: Secret


class Restored(Answer, kw_only=True, frozen=True):
    """`at`: when the backup was taken."""

    cell: str
    name: str
    at: str
    changes: Count
    locks_in: float | None


# --- people ------------------------------------------------------------------------------------------------


class Member(Struct, kw_only=True, frozen=True):
    """A member's device."""

    name: str
    role: str
    device: str
    me: bool


class Members(Answer, kw_only=True, frozen=True):
    members: list[Member]


class OtherClock(Struct, kw_only=True, frozen=True):
    """Another device's clock: `ahead` of this one's by so many seconds, behind if negative. `measured`: when the two
    last spoke; else it only seems so from what it shows on the network."""

    ahead: float
    measured: bool


class Peer(Struct, kw_only=True, frozen=True):
    """Another device, as this one knows it. `clock`: null while nothing is known of it.

    `lacks`: how many changes made here it is not known to hold; `lacks_of_others`: how many of other devices. `owes`:
    how many it holds that are not here. `in_step_now`: it is connected and answers, and both hold the same. `in_step`:
    whether both held the same at `last_seen`, which is now while it is connected and answers; true only if nothing has
    come here since that it is not known to hold. Null: that is not known. `version`: whether its cellsync is older or
    newer, so that nothing can be exchanged until the older of the two is updated; null if it is not.
    """

    name: str
    device: str
    connected: bool
    last_seen: str | None
    lacks: int
    lacks_of_others: int | None
    owes: int | None
    in_step_now: bool
    in_step: bool | None
    version: Literal["older", "newer"] | None
    clock: OtherClock | None


class Peers(Answer, kw_only=True, frozen=True):
    """`port`: where this device listens."""

    port: int
    peers: list[Peer]


class AddAddress(Takes, kw_only=True, frozen=True):
    """Where a device listens. `peer`: the name of its member, or the beginning of its id."""

    peer: Name
    host: Annotated[str, Meta(max_length=64)]
    port: Annotated[int, Meta(ge=1, le=65535)]


class Ping(Takes, kw_only=True, frozen=True):
    peer: Name
    timeout: Annotated[float, Meta(gt=0, le=60)] = 5.0


class Pinged(Answer, kw_only=True, frozen=True):
    """`seconds`: for a round trip."""

    name: str
    device: str
    seconds: float


class Flag(Struct, kw_only=True, frozen=True):
    """What needs a person's eye. `lasting`: it is still so; it cannot be dismissed, and goes by itself when it is
    over. Else it has happened, and is shown until somebody dismisses it."""

    reason: str
    text: str
    author: str
    device: str
    case: str | None
    lasting: bool


class CaseChanges(Struct, kw_only=True, frozen=True):
    case: str
    title: str
    changes: int


class Status(Answer, kw_only=True, frozen=True):
    """`beside`: documents of casework beside case files. `only_here`: how many changes made here no other device is
    known to hold, and in which cases. `others_ahead`: by how many seconds the others' clocks are ahead of this one;
    null unless two other members agree on it. `key_memory`: MiB that each guess at the passphrase takes: 256, or less
    where this device had less when it made the vault. `copied`: this cell was put back from a backup of that time, and
    nothing has been written to it here since."""

    cell: str
    state: State
    name: str
    role: str | None
    device: str
    locks_in: float | None
    key_memory: int
    copied: str | None
    cases: int
    beside: int
    changes: int
    only_here: int
    only_here_cases: list[CaseChanges]
    conflicts: int
    others_ahead: float | None
    peers: list[Peer]
    flags: list[Flag]


class Fork(Struct, kw_only=True, frozen=True):
    """Two entries of one device in one place, both signed and both kept. It blames nobody: a vault that was put back or
    copied makes one. `fork`: an id. `equivocator`: the device has so many that only what others cite of it counts."""

    fork: str
    device: str
    author: str
    sequence: int
    equivocator: bool


class Forks(Answer, kw_only=True, frozen=True):
    """The oldest first."""

    forks: list[Fork]


class ForkRef(Takes, kw_only=True, frozen=True):
    fork: Id


class ForkProof(Answer, kw_only=True, frozen=True):
    """`proof`: base64. It shows to whoever is in this cell that the device signed both, and not what."""

    fork: Fork
    proof: str


class CheckFork(Takes, kw_only=True, frozen=True):
    """`proof`: base64."""

    proof: Annotated[str, Meta(max_length=11_184_812)]


class CheckedFork(Answer, kw_only=True, frozen=True):
    """It holds. `held`: both sides are here, too."""

    fork: Fork
    held: bool


# --- jobs --------------------------------------------------------------------------------------------------


class JobRef(Takes, kw_only=True, frozen=True):
    """A job. With `wait`, the answer comes when its step is greater than `after`, at most so many seconds later."""

    job: Id
    after: Count = 0
    wait: Wait = 0.0


class Confirm(Takes, kw_only=True, frozen=True):
    """Whether the words are the same on both devices. A person has to say so."""

    job: Id
    same: bool


class OpenInvite(Takes, kw_only=True, frozen=True):
    role: RoleName = "writer"
    short_code: bool = True
    key: RequestKey | None = None


class Invite(Answer, kw_only=True, frozen=True):
    """An invitation. `code`, `short_code` and `qr` (drawn for a terminal) are secret. When it has failed: `error`.
    With the words comes `clock_ahead`: by how many seconds the other clock is ahead of this one; and `namesakes`:
    members whose name could be taken for the guest's."""

    job: str
    step: int
    state: Literal["waiting", "verify_words", "joined", "failed"]
    role: str
    code: str
    short_code: str | None
    qr: str
    expires_in: float
    name: str
    words: list[str]
    clock_ahead: float | None
    namesakes: list[Member]
    device: str | None
    error: Error | None


class Invites(Answer, kw_only=True, frozen=True):
    invites: list[Invite]


class Join(Takes, kw_only=True, frozen=True):
    """Join a cell. `host` and `to_port`: where the inviting device listens, for networks without multicast. Without
    `name` and `passphrase` the state `matched` comes once the code has turned out to be right: then introduce."""

    code: Secret
    name: Name | None = None
    passphrase: Secret | None = None
    host: Annotated[str, Meta(max_length=64)] | None = None
    to_port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    timeout: Annotated[float, Meta(gt=0, le=600)] = 60.0
    lan: LanMode = "asked"
    interfaces: list[str] = []
    port: Annotated[int, Meta(ge=0, le=65535)] = 0


class Introduce(Takes, kw_only=True, frozen=True):
    """Who joins: what the others will call them, and the passphrase of the new vault. Within five minutes."""

    job: Id
    name: Name
    passphrase: Secret


class Joining(Answer, kw_only=True, frozen=True):
    """A join. When it has failed: `error`. With the words comes `clock_ahead`, as in an invitation. `matched`: the code
    is right, and the join waits for who it is that joins."""

    job: str
    step: int
    state: Literal["connecting", "matched", "verify_words", "joined", "failed"]
    words: list[str]
    clock_ahead: float | None
    error: Error | None


class Sync(Takes, kw_only=True, frozen=True):
    """Look for the others and exchange. `everyone`: until all other devices are in step."""

    everyone: bool = False
    timeout: Annotated[float, Meta(gt=0, le=86400)] = 30.0
    key: RequestKey | None = None


class Syncing(Answer, kw_only=True, frozen=True):
    """When it has failed: `error`; it may have reached some."""

    job: str
    step: int
    state: Literal["running", "done", "failed"]
    changes: int
    peers: list[Peer]
    error: Error | None


class ImportTable(Takes, kw_only=True, frozen=True):
    """A CSV file, in base64. `columns`: where its columns go, but for those whose headings say so:
    {"Nr": "external_id", "Note": ["note", "case.legal_notes"], "X": []}. `dry_run`: say what it would do, and write
    nothing."""

    table: Annotated[str, Meta(max_length=96 << 20)]
    encoding: str | None = None
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] | None = None
    columns: dict[str, str | list[str]] | None = None
    dry_run: bool = False
    key: RequestKey | None = None


class TableProblem(Struct, kw_only=True, frozen=True):
    """What is wrong with some cells of a column, or with some rows. `lines`: all that have it; the message names the
    first. `examples`: what stands in the cells, which the message does not say. `left_out`: whether the rows were left
    out; else only these cells were, and the rest of their rows arrived. `fits`: columns that take words like these."""

    column: str
    lines: list[int]
    message: str
    examples: list[str]
    left_out: bool
    fits: list[str]


class Alike(Struct, kw_only=True, frozen=True):
    """A row with the name of somebody who is here already under another id, in that case or person; or with the name of
    an earlier row, on that line. It was imported all the same."""

    line: int
    case: str | None
    earlier: int | None


class Nameless(Struct, kw_only=True, frozen=True):
    """A row that says no name, and nothing instead of one; what its case is called then. It was imported."""

    line: int
    called: str


class Importing(Answer, kw_only=True, frozen=True):
    """Whole groups of rows are durable as they are done; the same table again does the rest. `created`, `updated` and
    `unchanged` count when it is over, also if it was cancelled: of all rows that it had come to by then, `done`.
    `left_out` counts rows, `unread` cells of rows that arrived. `columns`: headings of the table that were taken for
    ours. `id_column`: "" if the table has none; then rows are known by the name and the date of birth."""

    job: str
    step: int
    state: Literal["running", "done", "failed"]
    done: int
    total: int
    created: int
    updated: int
    unchanged: int
    left_out: int
    unread: int
    problems: list[TableProblem]
    columns: dict[str, str]
    ignored: list[str]
    header_line: int
    id_column: str
    alike: list[Alike]
    nameless: list[Nameless]
    error: Error | None


# --- cases -------------------------------------------------------------------------------------------------


class ListCases(Takes, kw_only=True, frozen=True):
    """`find`: in titles, names and external ids, folded. `conflicts`: only cases where people contradict
    each other. `beside`: also the persons, episodes and other documents of casework that stand beside case files;
    without effect if a kind is named. `of`: only what stands beside this case: the documents that point at it, and
    those that it points at. `archived`: also cases whose status is "archived", which are left out unless
    people contradict each other there; with `find`, `conflicts`, `beside` or `of` they are there anyway. `limit`: of a
    page, at most; `after`: the `next` of the page before."""

    kind: Annotated[str, Meta(max_length=256)] = ""
    find: Annotated[str, Meta(max_length=256)] = ""
    conflicts: bool = False
    beside: bool = False
    of: Annotated[str, Meta(max_length=256)] = ""
    archived: bool = False
    after: Annotated[str, Meta(max_length=64)] = ""
    limit: Annotated[int, Meta(ge=1, le=20_000)] = 1_000


class CaseRow(Struct, kw_only=True, frozen=True):
    """A case in a list. `title`: its name; of what has none, what tells it from others of its kind. `about`: of a
    document that stands beside others, what the first that it points at are called."""

    id: str
    short: str
    kind: str
    title: str
    status: str
    conflicts: int
    about: list[str]


class Cases(Answer, kw_only=True, frozen=True):
    """One page. `more`: how many documents beside case files were left out, on all pages; `archived`: how many cases
    because they are archived. `next`: the id of the last case, if there are more; "" on the last page."""

    cases: list[CaseRow]
    more: int
    archived: int = 0
    next: str = ""


class CaseRef(Takes, kw_only=True, frozen=True):
    """A case: its id, the beginning of it, or its title or external id if no other has the same."""

    case: Name


class ShowCase(Takes, kw_only=True, frozen=True):
    """A case, named as in CaseRef. `limit`: of items of its logs, the newest, at most."""

    case: Name
    limit: Annotated[int, Meta(ge=1, le=20_000)] = 100


class Said(Struct, kw_only=True, frozen=True):
    """A value that somebody wrote: as it is stored, and for people."""

    value: Any
    text: str
    author: str
    at: str | None


class Key(Struct, kw_only=True, frozen=True):
    """A key of a map."""

    key: Any
    text: str
    values: list[Said]


class Item(Struct, kw_only=True, frozen=True):
    """An item of a log. `id`: which entry wrote it, and its place there. `values`: what it says now; several, if people
    corrected it differently.
    """

    id: str
    values: list[Said]
    before: list[Said]


class Field(Struct, kw_only=True, frozen=True):
    """A field: `values` of a register (the displayed one first), set or counter; `keys` of a map; `items` of a log."""

    name: str
    type: FieldTypeName
    sensitivity: str
    values: list[Said]
    keys: list[Key]
    items: list[Item]


class Settling(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One of the three, with one value: what to send as an edit."""

    set: dict[str, Any] = {}
    put: dict[str, dict[str, Any]] = {}
    correct: dict[str, Any] = {}


class Conflict(Struct, kw_only=True, frozen=True):
    """Where people wrote different things at the same time. `key`: of a map its key, as it is stored; of a log the id
    of the item, or of another line that is the same item; else null. `values`: the displayed one first. `settle`: the
    edit that decides for it; with the `value` of another in its place it decides for that one."""

    field: str
    type: ContestedTypeName
    key: Any
    values: list[Said]
    settle: Settling


class Linked(Struct, kw_only=True, frozen=True):
    """A case that a link leads to. `short`, `kind` and `title` are "" if it is not here."""

    id: str
    short: str
    kind: str
    title: str


class Case(Answer, kw_only=True, frozen=True):
    """`heads` changes with every entry of the case. `links`: what it points at, the first 100. `beside`: the first
    documents that point at it; if there are more, `more_beside`, and a list `of` it has them all. Of logs the newest
    items are here; `next`: where `log` goes on with what arrived before, "" if this is all.
    `cut`: it has more than an answer holds, or a place with more than 64 values at once.
    """

    id: str
    short: str
    kind: str
    version: int
    title: str
    heads: str
    fields: list[Field]
    conflicts: list[Conflict]
    links: list[Linked]
    beside: list[CaseRow]
    more_beside: bool
    next: str = ""
    cut: bool = False


class Writing(Takes, kw_only=True, frozen=True):
    """What to write. A text is read as people type it, anything else is taken as the field stores it."""

    set: dict[str, Any] = {}
    add: dict[str, list[Any]] = {}
    discard: dict[str, list[Any]] = {}
    append: dict[str, list[Any]] = {}
    put: dict[str, dict[str, Any]] = {}
    delete: dict[str, list[Any]] = {}
    count: dict[str, int] = {}


class NewCase(Writing, kw_only=True, frozen=True):
    """`kind` is a kind of a schema, or its short name. With a `key` this device makes one case, however often it is
    asked, and whatever ends the daemon meanwhile."""

    kind: Annotated[str, Meta(max_length=256)] = "case"
    key: RequestKey | None = None


class EditCase(Writing, kw_only=True, frozen=True):
    """`correct` and `retract`: items of logs by the beginnings of their ids. `heads`: as they were read, or several,
    with commas; if the case has changed since, nothing is written. "*": whatever they are."""

    case: Name
    correct: dict[str, Any] = {}
    retract: dict[str, str] = {}
    heads: Annotated[str, Meta(max_length=4096)] | None = None
    key: RequestKey | None = None


class Doubt(Struct, kw_only=True, frozen=True):
    """What in a consent does not say what it seems to say: a field that is withheld and that there is not, say."""

    field: str
    text: str


class Written(Answer, kw_only=True, frozen=True):
    """`written` is false if nothing changed. `heads`: of the case with what was written, and nothing after it. `alike`:
    short ids of other cases and persons that are called like a new one, which may be the same. `doubts`: about a
    consent, as it stands now."""

    id: str
    short: str
    title: str
    heads: str
    written: bool
    alike: list[str] = []
    doubts: list[Doubt] = []


class CaseLog(Takes, kw_only=True, frozen=True):
    """`since`: a day, or a time. `field`: one log; "" is all. `limit`: of lines, at most, unless one entry has more;
    `after`: the `next` of the page before, or of `Case`."""

    case: Name
    since: Annotated[str, Meta(max_length=64)] = ""
    field: Annotated[str, Meta(max_length=256)] = ""
    after: Annotated[str, Meta(max_length=64)] = ""
    limit: Annotated[int, Meta(ge=1, le=20_000)] = 100


class LogLine(Struct, kw_only=True, frozen=True):
    field: str
    item: Item


class Log(Answer, kw_only=True, frozen=True):
    """One page, in the order in which it was recorded. The first page has what arrived here last. `next`: where the
    next one begins, with what arrived before; "" on the last: others may be short, or empty. `cut`: one entry has more
    than an answer holds; exports have all."""

    id: str
    title: str
    lines: list[LogLine]
    next: str = ""
    cut: bool = False


class DrawGraph(Takes, kw_only=True, frozen=True):
    case: Name
    format: Literal["text", "svg"] = "text"
    after: Annotated[str, Meta(max_length=64)] = ""
    limit: Annotated[int, Meta(ge=1, le=2_000)] = 100


class GraphRow(Struct, kw_only=True, frozen=True):
    """One change. `parents`: rows further down whose authors this one's author had read. `counts`: false if the case
    does not show it: its author lacked the right, or writes more histories than one device can."""

    id: str
    short: str
    author: str
    at: str
    did: list[str]
    parents: list[int]
    counts: bool


class Graph(Answer, kw_only=True, frozen=True):
    """One page, newest first. `next`: where the next one begins, with what arrived before; "" on the last."""

    id: str
    title: str
    rows: list[GraphRow]
    drawing: str
    next: str = ""


class ExportCases(Takes, kw_only=True, frozen=True):
    """`cases`: of which; none: all."""

    format: Literal["csv", "json", "html"] = "csv"
    audience: AudienceName = "internal"
    compartments: list[CompartmentName] | None = None
    cases: list[Name] = []
    language: Annotated[str, Meta(max_length=16)] = ""


class LeftOut(Struct, kw_only=True, frozen=True):
    """What stayed for one reason, in how many cases (`count`), and the first 1,000 of them. `what`: fields such as
    `person.health`, or kinds of documents; empty: the cases.
    """

    reason: Literal["no_consent", "too_narrow", "withdrawn", "not_covered", "withheld", "unclear", "others", "nothing"]
    text: str
    count: Count
    cases: list[str]
    what: list[str]


class Exported(Answer, kw_only=True, frozen=True):
    """`content`: the first piece, in base64. If there is a `next`, there is more (`GET /v1/exports/{export}`).

    `leaving`, `staying`: how many cases. `cases`, `refused`: the first 1,000 of those that leave, and of those of which
    nothing does; `left_out` says why. `record`: the document that notes this export.
    """

    content: str
    export: str
    next: str
    leaving: Count
    staying: Count
    cases: list[str]
    refused: list[str]
    left_out: list[LeftOut]
    compartments: list[str]
    record: str | None


class ReadExport(Takes, kw_only=True, frozen=True):
    """`after`: the `next` of the piece before. Left out, it is the first piece once more."""

    export: Id
    after: Annotated[str, Meta(pattern="^[0-9]{0,9}$")] = ""


class ExportPiece(Answer, kw_only=True, frozen=True):
    """In base64, to be put behind the pieces before. `next` is "" with the last, after which the export is gone."""

    content: str
    next: str


class Schemas(Answer, kw_only=True, frozen=True):
    schemas: list[dict[str, Any]]


# --- the machine, events -------------------------------------------------------------------------------------


class Audited(Answer, kw_only=True, frozen=True):
    """Every page was read, and all of these entries are what their authors signed. Else it fails: `vault_damaged`."""

    entries: Count


class Finding(Struct, kw_only=True, frozen=True):
    check: str
    grade: Literal["good", "warning", "bad", "unknown"]
    text: str
    hint: str


class Findings(Answer, kw_only=True, frozen=True):
    findings: list[Finding]


class Follow(Takes, kw_only=True, frozen=True):
    """`since`: the id of the last event that was seen; the header Last-Event-ID does the same."""

    since: Annotated[str, Meta(max_length=64)] = ""


class Event(Struct, kw_only=True, frozen=True):
    """One event. `cursor` is "" for what is not kept: ask for the present state after a reset. The first is `open`, or
    `locked` until the cell is opened."""

    event: Literal[
        "case.changed", "case.conflict", "sync.progress", "peer.up", "peer.down", "peer.version",
        "invite.state", "join.state", "import.progress", "member.added", "flag", "open", "locked", "reset",
    ]  # fmt: skip
    cursor: str
    data: dict[str, Any]
