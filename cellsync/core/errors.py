"""Every error cellsync raises, split by whose fault it is.

    CellsyncError
    ├── CallerError      you asked for something that cannot be done; ask differently
    ├── PeerError        the other device broke the protocol; its connection is closed
    └── ExternalError    the world failed: disk, network, another process

`code` is stable and machine-readable, the same in the library, the local API and the command line.
`hint` says what to do next. Messages never contain case content, names of people, keys or a peer's bytes.
"""

from __future__ import annotations

from typing import ClassVar

from cellsync.core.rule import Rule


class CellsyncError(Exception):
    """Something cellsync could not do. `code` names it, `hint` says what helps."""

    code: ClassVar[str] = "internal"
    default_hint: ClassVar[str] = "This should not happen. Please report it."

    def __init__(self, message: str = "", *, hint: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").split("\n")[0])
        self.hint = self.default_hint if hint is None else hint


class CallerError(CellsyncError):
    """The request cannot be carried out as it was made."""

    code = "invalid"
    default_hint = "Nothing was changed. Ask for something else."


class PeerError(CellsyncError):
    """The other device broke the protocol; the connection to it was closed."""

    code = "peer_misbehaved"
    default_hint = "Nothing was stored. If it happens again with the same device, ask its owner."
    default_rule: ClassVar[Rule]

    def __init__(self, rule: Rule | None = None, *, message: str = "", hint: str | None = None) -> None:
        super().__init__(message or (rule.says if rule else ""), hint=hint)
        self.rule = rule or self.default_rule


class ExternalError(CellsyncError):
    """Something outside cellsync failed."""

    code = "external"
    default_hint = "Try again; what was confirmed earlier is stored."


# --- the caller ---------------------------------------------------------------------------------


class InvalidValue(CallerError):
    """This value does not fit the field it was meant for."""

    code = "invalid_value"
    default_hint = "It was not stored. Correct it, then try again."


class TooLarge(InvalidValue):
    """This is more than fits. Nothing was stored."""

    code = "too_large"
    default_hint = "Split it up."


class NotInTrio(CallerError):
    """This was called from another event loop, probably asyncio. What cellsync does runs on trio."""

    code = "not_in_trio"
    default_hint = (
        "Call it inside `trio.run(main)`. An asyncio program lets trio run as a guest of its loop: "
        "examples/asyncio_guest.py shows how. Or it asks a daemon through its socket (docs/reference/openapi.json)."
    )


class ReadOnly(CallerError):
    """A case is changed only inside `async with case.edit() as draft`."""

    code = "read_only"
    default_hint = "Change the draft, not the case."


class NotFound(CallerError):
    """There is nothing with this id here."""

    code = "not_found"
    default_hint = "It may not have arrived yet: sync with a device that has it."


class WhichCircle(InvalidValue):
    """This device is in several circles, and it was not said which one is meant."""

    code = "which_circle"
    default_hint = "Name one: --circle NAME. cellsync circle list shows them. Nothing was written."


class CircleLocked(CallerError):
    """A circle of this device is locked with its own passphrase."""

    code = "circle_locked"
    default_hint = "cellsync circle unlock"


class LinkLeaks(CallerError):
    """This would tell people of a case that is in a circle of which they are no members."""

    code = "link_leaks"
    default_hint = (
        "Nothing was written. Put the link into the other case: what fewer people know points at what more do."
    )


class NotPermitted(CallerError):
    """Your role in this circle does not allow that."""

    code = "not_permitted"
    default_hint = "Ask a coordinator."


class FloorTooLow(CallerError):
    """A coordinator has to require this edition first: older builds do not understand such an entry."""

    code = "floor_too_low"
    default_hint = (
        "An earlier cellsync founded this circle. A coordinator writes (cellsync members require), and a second one "
        "whose cellsync is as new syncs with them; then do it again. Whose word is missing: cellsync members. Without "
        "them the recovery key decides: cellsync recovery use"
    )


class Removed(CallerError):
    """This device does not belong to the circle any more: it writes nothing to its cases."""

    code = "removed"
    default_hint = "What is here can still be read and exported. Why, and what to do: cellsync members"


class CircleFull(CallerError):
    """This cell has as many devices as a cell can have: nobody else can be admitted."""

    code = "circle_full"
    default_hint = "A cell takes 48 devices. Remove those that nobody uses any more: cellsync members remove"


class TooManyDevices(CallerError):
    """You have as many devices in this circle as a member can have."""

    code = "too_many_devices"
    default_hint = (
        "A member has at most 4. cellsync device list shows them. Remove one first: cellsync device remove NAME"
    )


class AlreadyIn(CallerError):
    """The device is in this circle already. Nobody was added."""

    code = "already_in"
    default_hint = "Bring it in step instead: cellsync sync"


class NeverBack(CallerError):
    """The device was removed from this circle, and a removed device never comes back. Nobody was added."""

    code = "never_back"
    default_hint = (
        "Whoever uses it joins with new keys: a new vault there (cellsync --profile FOLDER join), a new code."
    )


class OutOfBranches(CallerError):
    """This device has taken so many incarnations that it may take no more."""

    code = "out_of_branches"
    default_hint = "What it wrote is kept. Join with a fresh vault: ask a coordinator for an invitation."


class ProvesNothing(CallerError):
    """This is no proof of a fork, or not of a device of this cell."""

    code = "proves_nothing"
    default_hint = "Blame nobody for it. Ask who gave it to you to write it anew: cellsync fork proof"


class WrongPassphrase(CallerError):
    """The passphrase is wrong."""

    code = "wrong_passphrase"
    default_hint = "Check the keyboard layout and Caps Lock. Nobody can recover a lost passphrase."


class WrongPaper(CallerError):
    """No recovery key that counts here reads like this: a character is mistyped, or it is another paper."""

    code = "wrong_paper"
    default_hint = (
        "Compare it with the paper, group by group. If all is right: each circle has its own, and the newest counts."
    )


class VaultExists(CallerError):
    """There is already a vault in this folder; nothing was changed."""

    code = "vault_exists"
    default_hint = "Open it, or choose an empty folder."


class CheapVault(CallerError):
    """This vault was made for tests: its passphrase protects nothing."""

    code = "cheap_vault"
    default_hint = "Found a cell in another folder; never keep real cases in this one."


class VaultMissing(CallerError):
    """There is no vault in this folder."""

    code = "vault_missing"
    default_hint = "Found a cell there, or join one."


class Closed(CallerError):
    """This cell has been closed."""

    code = "closed"
    default_hint = "Open it again."


class MalformedCode(CallerError):
    """This is not an invitation code. Nothing was sent."""

    code = "malformed_code"
    default_hint = "Compare it with the other screen; a code has 32 letters and digits."


class UnknownWord(MalformedCode):
    """A word of this short code is not in the list. Nothing was sent."""

    code = "unknown_word"
    default_hint = "Compare it with the other screen, word by word."


class WrongCode(CallerError):
    """That code did not match and is now used up. Nobody was added."""

    code = "wrong_code"
    default_hint = "Ask for a new one, and compare each word before you send it."


class CodeBurnt(CallerError):
    """A guess at the short code was wrong or broke off, so this invitation is used up. Nobody was added."""

    code = "code_burnt"
    default_hint = "Make a new one. If it happens again, someone may be guessing: invite without a short code."


class InviteExpired(CallerError):
    """This invitation has been used or has expired."""

    code = "invite_expired"
    default_hint = "Ask for a new one."


class WordsDiffer(CallerError):
    """The other person said that the words differ. Nobody was added."""

    code = "words_differ"
    default_hint = (
        "Ask them what they saw. If the words do differ, someone may be between the two devices: meet and scan the "
        "code from the screen, or use another way to send it."
    )


class Declined(CallerError):
    """The pairing was declined. Nobody was added."""

    code = "declined"
    default_hint = "Ask the other person why, then try again with a new code."


# --- the peer -----------------------------------------------------------------------------------


class Malformed(PeerError):
    """The other device sent bytes that are not in the agreed form."""

    code = "malformed"


class CapExceeded(PeerError):
    """The other device sent more than a cap allows."""

    code = "cap_exceeded"


class BadSignature(PeerError):
    """The other device sent entries whose signature does not verify."""

    code = "bad_signature"
    default_rule = Rule.SIGNATURE


class WrongLink(PeerError):
    """The other device sent an entry that does not link to what it names."""

    code = "wrong_link"


class HandshakeFailed(PeerError):
    """The other side did not prove that it is the device we called."""

    code = "handshake_failed"
    default_rule = Rule.HANDSHAKE


class NoCommonVersion(PeerError):
    """This cellsync and the other device's speak no version of the protocol in common. Nothing was exchanged."""

    code = "no_common_version"
    default_rule = Rule.VERSION
    default_hint = "Update the older of the two. Nothing is lost meanwhile."


class PeerOlder(NoCommonVersion):
    """The other device's cellsync is older: update it there."""

    code = "peer_older"
    default_hint = "Nothing was exchanged, and nothing is lost: it comes across after the update."


class PeerNewer(NoCommonVersion):
    """This cellsync is older than the other device's: update it here."""

    code = "peer_newer"
    default_hint = "Nothing was exchanged, and nothing is lost: it comes across after the update."


# --- the world ----------------------------------------------------------------------------------


class Timeout(ExternalError):
    """It did not happen in time."""

    code = "timeout"
    default_hint = "Is the other device on, unlocked and on the same network?"


class Interrupted(ExternalError):
    """The connection broke off."""

    code = "interrupted"
    default_hint = "Try again."


class NoPeer(ExternalError):
    """No other device could be reached."""

    code = "no_peer"
    default_hint = (
        "Check that both devices are on the same network and open there, or give an address: "
        "cellsync peers add NAME ADDRESS:PORT"
    )


class ClocksDiffer(ExternalError):
    """A device is there, and its clock and this one's are too far apart."""

    code = "clocks_differ"
    default_hint = "Set date and time right on both devices, then try again."


class VaultInUse(ExternalError):
    """Another program has this vault open."""

    code = "vault_in_use"
    default_hint = "Close the other cellsync, then try again."


class VaultDamaged(ExternalError):
    """This vault is damaged and cannot be read."""

    code = "vault_damaged"
    default_hint = (
        "Move the folder away, then put a backup back (cellsync restore FROM), or join again with new keys: "
        "other devices have the entries."
    )


class NotAVault(ExternalError):
    """This file was not written by cellsync."""

    code = "not_a_vault"
    default_hint = "Check the path. Nothing was changed."


class NewerVersion(ExternalError):
    """This was written by a newer cellsync."""

    code = "newer_version"
    default_hint = "Install the newer version. Nothing was changed."


class Outdated(ExternalError):
    """The coordinators of this cell require a newer cellsync than this one: nothing can be written here until then."""

    code = "outdated"
    default_hint = (
        "Update cellsync on this device. Until then it shows what it holds, and takes what others bring. "
        "If there is no newer one, and the coordinators never asked for it: cellsync status --carry-on"
    )


class DiskFull(ExternalError):
    """The disk is full; the last change was not stored, everything before it was."""

    code = "disk_full"
    default_hint = "Free some space, then try again."


class StorageFailed(ExternalError):
    """The disk could not be read or written."""

    code = "storage_failed"
    default_hint = "Check the disk. Everything that was confirmed earlier is stored."
