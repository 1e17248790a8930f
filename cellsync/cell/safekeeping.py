"""Safekeeping: the recovery keys of a circle, since when each counts, and who of those that are gone may hold one.

Whoever coordinated while a key was in force may have it on paper, or a copy. So when one of them is removed it has to
be replaced: nothing shows who holds a paper. (protocol/40-membership.md, rule 12 and trade-off T8)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from cellsync.cell.standing import CircleStanding, MissingWords
from cellsync.core.ids import EntryId, MemberId
from cellsync.core.membership.ballots import WORDS
from cellsync.core.membership.control import Role
from cellsync.core.membership.deeds import REMOVALS, Deed
from cellsync.core.membership.label import IN, UNDECIDED
from cellsync.core.schema.values import moment
from cellsync.core.wire.tags import Kind
from cellsync.ledger.circle import OpenCircle


class KeptKey(NamedTuple):
    """A recovery key, by the entry that brought it in."""

    entry: EntryId
    state: Literal["in_force", "undecided", "waits"]  # it speaks; neither it nor its rival does; words are missing
    by: str  # who brought it in
    since: str
    exposed: tuple[MemberId, ...]  # who was removed, or has left, and may hold it
    lacks: MissingWords | None  # of one that waits for words

    def __repr__(self) -> str:
        return f"<recovery key {self.entry.hex()[:8]}, {self.state}>"  # no names


def kept_keys(circle: OpenCircle, standing: CircleStanding) -> list[KeptKey]:
    """The recovery keys that speak for a circle, or would with more words, in order of arrival; without their dates."""
    return list(_Drawer(circle, standing).keys())


def dated(circle: OpenCircle, key: KeptKey) -> KeptKey:
    """The same with its date. Reads the store: hold the lock."""
    bit = circle.replica.circle.bit(key.entry)
    entry = None if bit is None else circle.store.entry_at(circle.replica.court.slots[bit])
    return key if entry is None else key._replace(since=moment(entry.clock).isoformat(timespec="seconds"))


def replacements_by(circle: OpenCircle, standing: CircleStanding, author: MemberId) -> list[EntryId]:
    """The recovery keys with which a member would replace another, which do not speak yet, and to which this device's
    member has not agreed."""
    drawer = _Drawer(circle, standing)
    lacking = [key.entry for key in kept_keys(circle, standing) if key.lacks is not None]
    return [one for one in lacking if drawer.author(one) == author and standing.me not in drawer.voters(one)]


class _Drawer:
    def __init__(self, circle: OpenCircle, standing: CircleStanding) -> None:
        self._circle, self._standing = circle, standing
        self._decision = standing.decision
        self._deeds = {deed.id: deed for deed in circle.replica.court.deeds()}

    def keys(self) -> Iterator[KeptKey]:
        spoken_for = self._decision.papers
        rivals = {old for deed in self._replacements() if self._label(deed) == UNDECIDED for old in deed.names}
        for entry in self._circle.replica.charter.brought():
            deed = self._deeds.get(entry)
            if deed is None:
                continue
            if entry in spoken_for:
                yield self._key(deed, "in_force")
            elif entry in rivals or (deed.kind == Kind.RECOVERY and self._label(deed) == UNDECIDED):
                yield self._key(deed, "undecided")
            elif deed.kind == Kind.RECOVERY and self._label(deed) != IN and set(deed.names) & spoken_for:
                yield self._key(deed, "waits")

    def author(self, entry: EntryId) -> MemberId | None:
        deed = self._deeds[entry]
        return MemberId(entry) if deed.kind == Kind.FOUND else self._owner(deed)

    def _key(self, deed: Deed, state: Literal["in_force", "undecided", "waits"]) -> KeptKey:
        author = self.author(deed.id)
        return KeptKey(
            deed.id,
            state,
            "" if author is None else self._standing.name(author),
            "",
            tuple(sorted(self._exposed(deed))),
            None if state == "in_force" or deed.kind == Kind.FOUND else self._lacks(deed),
        )

    def _exposed(self, brought: Deed) -> set[MemberId]:
        """Who coordinated at some time, and was removed without the author of the key knowing of it."""
        known = self._circle.replica.circle
        saw = {strike for strike in self._decision.strikes if (bit := known.bit(strike.entry)) is not None
               and brought.past >> bit & 1}  # fmt: skip
        gone = {
            member
            for strike in self._decision.strikes
            if strike.kind in REMOVALS and strike.label == IN and strike not in saw
            for member in self._standing.parties(strike)
            if not self._standing.is_present(member)
        }
        return gone & set(self._coordinated())

    def _coordinated(self) -> Iterator[MemberId]:
        for deed in self._deeds.values():
            if deed.kind == Kind.FOUND or (deed.kind == Kind.ADMIT and deed.role is Role.COORDINATOR):
                yield MemberId(deed.id)
            elif deed.kind == Kind.SET_ROLE and deed.role is Role.COORDINATOR:
                yield from deed.members

    def _lacks(self, deed: Deed) -> MissingWords:
        """Whose words would let it speak: two electors'; against a rival, more than it has."""
        said = self.voters(deed.id)
        able = [one for one in self._decision.electors - said if self._standing.is_present(one)]
        return MissingWords(max(1, WORDS - len(said & self._decision.electors)), self._standing.names(able))

    def voters(self, entry: EntryId) -> set[MemberId | None]:
        """Who brought it in, and who agreed to it."""
        agreed = (deed for deed in self._deeds.values() if deed.kind == Kind.ENDORSE and entry in deed.names)
        return {self._owner(self._deeds[entry]), *map(self._owner, agreed)}

    def _replacements(self) -> Iterator[Deed]:
        return (deed for deed in self._deeds.values() if deed.kind == Kind.RECOVERY and deed.names)

    def _label(self, deed: Deed) -> int:
        return self._decision.label(deed.id)

    def _owner(self, deed: Deed) -> MemberId | None:
        return None if deed.device is None else self._standing.owner(deed.device)
