"""The table: every operation of the local API. Routes, the OpenAPI document and the command line are made from it.

Light on purpose: shapes stand here by name, and handlers find their row by its name (`dispatch`), so that the command
line can look a path up without importing either.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, NamedTuple

Method = Literal["GET", "POST", "PATCH", "DELETE"]


class Needs(Enum):
    """What the profile's state must be."""

    NOTHING = "any state"
    NO_VAULT = "no vault yet"
    OPEN = "an unlocked cell"


class Operation(NamedTuple):
    """One row."""

    name: str
    method: Method
    path: str
    takes: str  # shapes, by name
    gives: str
    summary: str
    needs: Needs = Needs.OPEN
    passive: bool = False  # does not count as use when it is asked whether the cell is idle
    long: bool = False  # may take minutes on a slow disk: a client waits for its answer

    @property
    def reads(self) -> bool:
        """Whether it neither writes to the cell nor meets anybody: what can be asked of one on a read-only disk."""
        return self.method == "GET" or self.name in READING


READING: Final = frozenset({"unlock", "lock", "audit", "fork.check", "export"})  # beside all that is asked with GET
_ANY: Final = Needs.NOTHING
_NEW: Final = Needs.NO_VAULT
_OPEN: Final = Needs.OPEN

OPERATIONS: Final = (
    Operation("health", "GET", "/v1/health", "Nothing", "Health", "Whether it runs, and is open", _ANY, True),
    Operation("doctor", "GET", "/v1/doctor", "Nothing", "Findings", "What is wrong with this machine or network", _ANY),
    Operation("init", "POST", "/v1/cell", "Init", "Founded", "Found a cell; it is open then", _NEW),
    Operation("restore", "POST", "/v1/restore", "Restore", "Restored", "Put a backup back; open then", _NEW, long=True),
    Operation("unlock", "POST", "/v1/unlock", "Unlock", "Unlocked", "Open the vault", _ANY),
    Operation("lock", "POST", "/v1/lock", "Nothing", "Done", "Close the vault", _ANY),
    Operation("passphrase.check", "POST", "/v1/passphrase/check", "Passphrase", "Opens", "Whether it opens it", _ANY),
    Operation("passphrase.change", "POST", "/v1/passphrase", "ChangePassphrase", "Done", "Another passphrase", _ANY),
    Operation("rekey", "POST", "/v1/rekeys", "Rekey", "Rekeying", "New keys for all that is here", _ANY),
    Operation("rekey.show", "GET", "/v1/rekeys/{job}", "JobRef", "Rekeying", "How a re-key stands", _ANY, True),
    Operation("rekey.cancel", "DELETE", "/v1/rekeys/{job}", "JobRef", "Rekeying", "End it; nothing has changed", _ANY),
    Operation("panic", "POST", "/v1/panic", "Nothing", "Done", "Drop keys and connections, now", _ANY),
    Operation("status", "GET", "/v1/status", "Nothing", "Status", "The cell at a glance"),
    Operation("backup", "POST", "/v1/backups", "BackUp", "BackedUp", "Copy it into a folder, encrypted", long=True),
    Operation("audit", "POST", "/v1/audits", "Nothing", "Audited", "Read all that is here, and verify it", long=True),
    Operation("flags.dismiss", "POST", "/v1/flags/dismissal", "Nothing", "Done", "A person has seen what has happened"),
    Operation("carry_on", "POST", "/v1/carrying-on", "CarryOn", "Done", "Carry on in spite of coordinators"),
    Operation("forks", "GET", "/v1/forks", "Nothing", "Forks", "Where devices signed two entries in one place"),
    Operation("fork.proof", "GET", "/v1/forks/{fork}", "ForkRef", "ForkProof", "The proof of a fork, to be shown"),
    Operation("fork.check", "POST", "/v1/forks/checks", "CheckFork", "CheckedFork", "Whether a proof shows a fork"),
    Operation("circles", "GET", "/v1/circles", "Nothing", "CircleRows", "The circles that this device is in"),
    Operation("circle.create", "POST", "/v1/circles", "NewCircle", "FoundedCircle", "Found one more circle"),
    Operation("circle.unlock", "POST", "/v1/circles/unlock", "UnlockCircle", "UnlockedCircle", "Unlock a circle"),
    Operation("circle.lock", "POST", "/v1/circles/lock", "LockCircle", "Done", "Lock a circle, and nothing else"),
    Operation("circle.passphrase", "POST", "/v1/circles/passphrase", "CirclePassphrase", "Done", "Its own passphrase"),
    Operation("members", "GET", "/v1/members", "OfCircle", "Members", "Who is in this cell"),
    Operation("permission", "GET", "/v1/permissions/{deed}", "Intended", "Done", "Whether this device may do that"),
    Operation("roster", "GET", "/v1/roster", "OfCircle", "Roster", "How members and removals stand"),
    Operation("member.why", "GET", "/v1/members/{member}/reasons", "OneMember", "Why", "Why a member stands so"),
    Operation("removal.preview", "GET", "/v1/members/{member}/removal", "Removal", "RemovalPreview", "What it does"),
    Operation("removal", "POST", "/v1/members/{member}/removal", "Remove", "Removals", "Remove a member"),
    Operation("role", "POST", "/v1/members/{member}/role", "NewRole", "WrittenOfMembers", "Give another role"),
    Operation("endorsable", "GET", "/v1/members/{member}/endorsement", "OneMember", "ToEndorse", "What lacks a word"),
    Operation("endorse", "POST", "/v1/members/{member}/endorsement", "Endorse", "WrittenOfMembers", "Agree to it"),
    Operation("contestable", "GET", "/v1/contests", "OneCircle", "Contestable", "Removals that can be contested"),
    Operation("contest", "POST", "/v1/contests", "Contest", "WrittenOfMembers", "Answer a removal with another"),
    Operation("tell", "POST", "/v1/members/{member}/telling", "Telling", "Told", "Whether a removed one hears of it"),
    Operation("leave.preview", "GET", "/v1/leaving", "OneCircle", "LeavingPreview", "What leaving does"),
    Operation("leave", "POST", "/v1/leaving", "Leave", "WrittenOfMembers", "Leave with all devices"),
    Operation("quarantine", "GET", "/v1/quarantine", "ReadOwn", "OwnWritings", "What this device wrote, and waits"),
    Operation("release", "POST", "/v1/releases", "Release", "WrittenOfMembers", "Show what is in quarantine"),
    Operation("require", "POST", "/v1/requirement", "OneCircle", "Required", "Require what removals need"),
    Operation("recovery.keys", "GET", "/v1/recovery", "OfCircle", "KeptKeys", "Which recovery keys count, since when"),
    Operation("recovery.draw", "POST", "/v1/recovery/draft", "Nothing", "DrawnPaper", "A key to write down; none yet"),
    Operation("recovery.replace", "POST", "/v1/recovery/replacement", "ReplacePaper", "ReplacedPaper", "A new key"),
    Operation("recovery.preview", "POST", "/v1/recovery/preview", "PaperOrders", "PaperPreview", "What the paper does"),
    Operation("recovery.use", "POST", "/v1/recovery", "GivePaperOrders", "PaperUsed", "Let the paper decide, at once"),
    Operation("settings", "GET", "/v1/settings", "OfCircle", "CircleSettings", "What members have chosen together"),
    Operation("settings.choose", "POST", "/v1/settings", "Choose", "ChosenSetting", "Say what they are to choose"),
    Operation("devices", "GET", "/v1/devices", "Nothing", "OwnDevices", "One's own devices"),
    Operation("peers", "GET", "/v1/peers", "Nothing", "Peers", "The other devices, and what has reached them"),
    Operation("peers.add", "POST", "/v1/peers/{peer}/addresses", "AddAddress", "Done", "Where another device listens"),
    Operation("peers.ping", "POST", "/v1/peers/{peer}/ping", "Ping", "Pinged", "How long a round trip takes"),
    Operation("invites", "GET", "/v1/invites", "Nothing", "Invites", "Invitations, the newest first"),
    Operation("invite", "POST", "/v1/invites", "OpenInvite", "Invite", "Invite one device, for ten minutes"),
    Operation("invite.show", "GET", "/v1/invites/{job}", "JobRef", "Invite", "How an invitation stands", _OPEN, True),
    Operation("invite.confirm", "POST", "/v1/invites/{job}/confirmation", "Confirm", "Invite", "Compare the words"),
    Operation("invite.cancel", "DELETE", "/v1/invites/{job}", "JobRef", "Invite", "Take an invitation back"),
    Operation("link", "POST", "/v1/links", "OpenLink", "Invite", "Invite a further device of one's own"),
    Operation("join", "POST", "/v1/joins", "Join", "Joining", "Join a circle with a code; open then", _ANY),
    Operation("join.show", "GET", "/v1/joins/{job}", "JobRef", "Joining", "How a join stands", _ANY, True),
    Operation("join.introduce", "POST", "/v1/joins/{job}/introduction", "Introduce", "Joining", "Say who joins", _ANY),
    Operation("join.confirm", "POST", "/v1/joins/{job}/confirmation", "Confirm", "Joining", "Compare the words", _ANY),
    Operation("join.cancel", "DELETE", "/v1/joins/{job}", "JobRef", "Joining", "Break a join off", _ANY),
    Operation("sync", "POST", "/v1/syncs", "Sync", "Syncing", "Look for the others, and exchange"),
    Operation("sync.show", "GET", "/v1/syncs/{job}", "JobRef", "Syncing", "How a sync stands", _OPEN, True),
    Operation("sync.cancel", "DELETE", "/v1/syncs/{job}", "JobRef", "Syncing", "End a sync; what has come stays"),
    Operation("schemas", "GET", "/v1/schemas", "Nothing", "Schemas", "The kinds of cases, and their fields", _ANY),
    Operation("case.list", "GET", "/v1/cases", "ListCases", "Cases", "Cases, in the order in which they arrived"),
    Operation("case.new", "POST", "/v1/cases", "NewCase", "Written", "A new case"),
    Operation("case.show", "GET", "/v1/cases/{case}", "ShowCase", "Case", "A case, with every contradicting value"),
    Operation("case.edit", "PATCH", "/v1/cases/{case}", "EditCase", "Written", "Write to a case, as one change"),
    Operation("case.move.preview", "GET", "/v1/cases/{case}/move", "MovePreviewed", "MovePreview", "What a move does"),
    Operation("case.move", "POST", "/v1/cases/{case}/move", "MoveCase", "Moved", "Write it anew in another circle"),
    Operation("case.log", "GET", "/v1/cases/{case}/log", "CaseLog", "Log", "What the logs of a case say"),
    Operation("case.graph", "GET", "/v1/cases/{case}/graph", "DrawGraph", "Graph", "Who wrote what, having seen what"),
    Operation("import", "POST", "/v1/imports", "ImportTable", "Importing", "Import a table of cases"),
    Operation("import.show", "GET", "/v1/imports/{job}", "JobRef", "Importing", "How an import stands", _OPEN, True),
    Operation("import.cancel", "DELETE", "/v1/imports/{job}", "JobRef", "Importing", "End it; written rows stay"),
    Operation("export", "POST", "/v1/exports", "ExportCases", "Exported", "Cases as a table, as JSON, or to print"),
    Operation("export.read", "GET", "/v1/exports/{export}", "ReadExport", "ExportPiece", "The next piece of an export"),
    Operation("events", "GET", "/v1/events", "Follow", "Event", "What happens from now on", _ANY, True),
)  # fmt: skip

HEADERS: Final[dict[str, dict[str, str]]] = {  # what may stand in a header as well, by operation
    "case.new": {"Idempotency-Key": "key"},
    "case.edit": {"If-Match": "heads", "Idempotency-Key": "key"},
    "import": {"Idempotency-Key": "key"},
    "export": {"Idempotency-Key": "key"},
    "invite": {"Idempotency-Key": "key"},
    "link": {"Idempotency-Key": "key"},
    "sync": {"Idempotency-Key": "key"},
    "events": {"Last-Event-ID": "since"},
}
MADE_ANEW: Final = frozenset({"export"})
"""What is made once more for a request that comes again with its key: it changes nothing the second time, and an
answer that is content is not kept."""
BY_NAME: Final = {operation.name: operation for operation in OPERATIONS}
EVENTS: Final = "events"  # the one that gives a stream
