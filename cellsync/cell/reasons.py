"""Reasons: why somebody or something stands as it does, as data and in plain words.

The words for all rules are here, and nowhere else. They name who said what, and what would settle it; the rule's number
is for whoever wants to look it up in protocol/40-membership.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from cellsync.cell.standing import CircleStanding, MissingWords
from cellsync.core.ids import EntryId, MemberId
from cellsync.core.membership.ballots import Weight
from cellsync.core.membership.control import Role
from cellsync.core.membership.deeds import Bit, Deed
from cellsync.core.membership.grounds import Clause, Ground
from cellsync.core.membership.label import IN, OUT, UNDECIDED, Label
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import OpenCircle


class Cause(NamedTuple):
    """One reason for what is decided of an entry."""

    rule: str  # its number
    label: Label  # what it makes of the entry
    entries: tuple[EntryId, ...]
    text: str
    lacks: MissingWords | None  # whose words would settle it
    paper: bool  # whether the recovery key would
    settles: str  # the same in words; "": nothing is open

    def __repr__(self) -> str:
        return f"<rule {self.rule}: {self.label.name}>"  # no names


class Decided(NamedTuple):
    """What is decided of one entry, and why."""

    entry: EntryId
    what: str  # `Ana removed Ben`
    label: Label
    causes: tuple[Cause, ...]

    def __repr__(self) -> str:
        return f"<{self.entry.hex()[:8]}: {self.label.name}>"  # no names


LABELS: Final = {IN: "It stands.", UNDECIDED: "It is undecided.", OUT: "It does not count."}
_ROLES: Final = {Role.COORDINATOR: "a coordinator", Role.WRITER: "a writer", Role.READER: "a reader"}
_REVIVED: Final = frozenset({Clause.LATE, Clause.FORK})  # it does not count, and could again
_UNOPPOSED: Final = "Nobody has spoken against it."


class Reasons:
    """Of one circle, at this moment."""

    def __init__(self, circle: OpenCircle, standing: CircleStanding) -> None:
        self._circle, self._standing = circle, standing
        self._known = circle.shown.circle
        self._decision = standing.decision

    def of_member(self, member: MemberId) -> list[Decided]:
        """On what it rests how a member and their devices stand, in order of arrival."""
        return [self.of_entry(entry) for entry in self._about(member)]

    def of_entry(self, entry: EntryId) -> Decided:
        """Raises KeyError if the entry is no deed."""
        label, found = self._decision.label(entry), self._decision.grounds(entry)
        causes = [self._cause(ground) for ground in found]
        causes += [self._cause(ground) for ground in self._wanting(entry)]
        return Decided(entry, self.said(entry), label, tuple(causes))

    def _about(self, member: MemberId) -> Iterator[EntryId]:
        """What introduces their devices, gives and takes their role, strikes them; and their own strikes."""
        devices = set(map(EntryId, self._standing.devices_of(member)))
        struck = {s.entry for s in self._standing.strikes() if member in s.members}
        for strike in self._decision.strikes:
            if strike.author == member:
                struck.add(strike.entry)
        for entry in self._decision.labels:
            deed = self._deed(entry)
            grants = deed.kind == Kind.SET_ROLE and member in deed.members
            replaces = deed.kind == Kind.RECOVERY and self._owns(deed, member)
            if entry in devices or grants or entry in struck or replaces:
                yield entry

    def _owns(self, deed: Deed, member: MemberId) -> bool:
        return deed.device is not None and self._standing.owner(deed.device) == member

    def _wanting(self, entry: EntryId) -> Iterator[Ground]:
        """Words that are missing although the entry stands."""
        deed = self._deed(entry)
        if deed.kind == Kind.REMOVE and (second := self._decision.seconds(entry)) is not None:
            yield second
        for member in [*deed.members, MemberId(entry)] if deed.kind in (Kind.ADMIT, Kind.SET_ROLE) else ():
            lacking = self._decision.promotion(member) if member in self._decision.roles else None
            if lacking is not None and entry in lacking.entries:
                yield lacking

    # --- in words --------------------------------------------------------------------------------------

    def said(self, entry: EntryId) -> str:
        """What somebody did."""
        deed = self._deed(entry)
        who, name = self._author(deed), self._standing.name
        match deed.kind:
            case Kind.FOUND:
                return f"{name(MemberId(entry))} founded the circle"
            case Kind.ADMIT:
                return f"{who} admitted {name(MemberId(entry))} as {_ROLES[deed.role or Role.READER]}"
            case Kind.LINK:
                return f"{who} linked the device {name(MemberId(entry))}"
            case Kind.SET_ROLE:
                return f"{who} made {self._standing.names(deed.members)[0]} {_ROLES[deed.role or Role.READER]}"
            case Kind.REMOVE:
                whole = [name(member) for member in deed.members]
                single = [f"the device {name(device)}" for device in deed.devices]
                return f"{who} removed {_list([*whole, *single]) or 'nobody who is known here'}"
            case Kind.LEAVE:
                return f"{who} left"
            case Kind.ENDORSE:
                return f"{who} agreed to: {_list([self.said(named) for named in deed.names if self._is_known(named)])}"
            case Kind.RECOVERY:
                return f"{who} replaced the recovery key"
            case Kind.SEAL_KEY:
                return f"{who} renewed a key"
        return f"{who} wrote a control entry"

    def _cause(self, ground: Ground) -> Cause:
        lacks = self._standing.lacking(ground) if ground.missing or ground.words else None
        text, settles = self._text(ground), ""
        is_open = (
            ground.label == UNDECIDED or ground.clause in (Clause.ELECTORS, Clause.LATE, Clause.FORK) or ground.words
        )
        if is_open:
            settles = _settling(lacks, ground.paper)
        return Cause(ground.clause.value, ground.label, ground.entries, text, lacks, ground.paper, settles)

    def _text(self, ground: Ground) -> str:
        acts = _list([self.said(entry) for entry in ground.entries])
        match ground.clause:
            case Clause.VOID:
                return "It broke the rules when it was written."
            case Clause.CAUSE:
                return f"Its author had the right only through what does not stand, or had lost it: {acts}."
            case Clause.STRIKE:
                return f"Its author was removed, and who removed them had not seen it: {acts}."
            case Clause.ANY_CUT:
                return f"Somebody who removed its author had seen it, so it stands: {acts}."
            case Clause.ADOPT:
                return f"A coordinator has agreed to it: {acts}."
            case Clause.DISPUTE if ground.words:
                return "It rests on one word. If somebody contests it, it may become undecided."
            case Clause.DISPUTE:
                return f"It is contested: {acts}. {_weights(ground.weights)}"
            case Clause.ELECTORS:
                return "Their word does not count in a dispute yet: too few have agreed that they are a coordinator."
            case Clause.FORK:
                return f"The same device wrote something else at the same time, and nobody vouches for this: {acts}."
            case Clause.LATE:
                return "It came late: coordinators had gone on without it. Whoever meant it says it again."
            case Clause.ZERO:
                return "If it stood, no coordinator would be left. So it is held back."
            case Clause.RECOVERY_KEY:
                return f"It was signed with the recovery key, which outweighs everybody{self._key_since(ground)}."

    def _key_since(self, ground: Ground) -> str:
        """What brought in the key, if it is not the one that the circle was founded with."""
        since = [entry for entry in ground.entries if self._deed(entry).kind != Kind.FOUND]
        return f" (since {_list([self.said(entry) for entry in since])})" if since else ""

    def _author(self, deed: Deed) -> str:
        if deed.kind == Kind.FOUND:
            return self._standing.name(MemberId(deed.id))
        owner = None if deed.device is None else self._standing.owner(deed.device)
        return "Somebody with the recovery key" if owner is None else self._standing.name(owner)

    def _deed(self, entry: EntryId) -> Deed:
        bit = self._known.bit(entry)
        if bit is None:
            raise KeyError(entry)
        return self._known.deed(Bit(bit))

    def _is_known(self, entry: EntryId) -> bool:
        return self._known.bit(entry) is not None


def _weights(weights: tuple[Weight, Weight] | None) -> str:
    if weights is None:
        return ""
    against, for_it = (f"{one.members} of members" + (" and the recovery key" if one.paper else "") for one in weights)
    return f"Words that count against it: {against}; for it: {for_it}."


def _settling(lacks: MissingWords | None, paper: bool) -> str:
    words = f"the word of {_list(list(lacks.of), 'or')}" if lacks is not None and lacks.of else ""
    said = [way for way in (words, "the recovery key" if paper else "") if way]
    return f"What would settle it: {' or '.join(said)}." if said else "Nobody is left whose word would settle it."


def _list(items: list[str], last: str = "and") -> str:
    """`Ana, Ben and Cara`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}" if items else ""


def sentences(decided: Decided) -> list[str]:
    """A decision in plain words, one thought a line."""
    lines = [f"{decided.what}. {LABELS[decided.label]}"]
    for cause in decided.causes:
        lines.append(f"  {cause.text} (rule {cause.rule})")
        if cause.settles:
            lines.append(f"  {cause.settles}")
    if not decided.causes:
        lines.append(f"  {_UNOPPOSED}")
    return lines
