"""Epochs: the generations of a circle's secret, as one device holds them.

A root is opened once: four branches are derived from it, then it is dropped (crypto/ratchet.py). Each epoch keeps its
branch states on the oldest day still needed; every later day can be derived from them, no earlier one.

One epoch is *in use*: the chosen one (rule 14), as soon as its states are held. It and the two next in the order of
choice are *recent*: any active device may call under them. Older ones are kept for devices that are not known to hold
newer ones, are accepted from these alone, and have nothing left but the session branch.

Our clock selects the day in use, and known differences of other clocks add days that are accepted
(membership/clocks.py); neither decides what is deleted. A past state is deleted only when two other
members' entries (or the only other's) are dated later, so a forged clock destroys nothing.
(protocol/40-membership.md, Epochs)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from cellsync.core import caps
from cellsync.core.crypto import labels, ratchet, seal
from cellsync.core.crypto.channel import ChannelKey
from cellsync.core.crypto.ratchet import Branches
from cellsync.core.errors import InvalidValue, Malformed
from cellsync.core.ids import (
    ID_BYTES,
    BranchState,
    CircleId,
    Day,
    EpochId,
    EpochSecret,
    MemberId,
    Millis,
    SealPublic,
    SealSecret,
    Wrap,
    day_of,
)
from cellsync.core.membership.control import FirstRotation, is_day
from cellsync.core.rule import Rule
from cellsync.core.wire import codec

NEWEST: Final = 3  # epochs whose session keys are accepted
GRACE: Final = 1  # days a state is kept behind the day in use: clocks differ
OTHER_DAYS: Final = 8  # other devices' days accepted besides our own
SPAN: Final = 400  # the furthest accepted distance from our day: beyond it, each day costs too many hashes
MOST_OLDER: Final = 64  # epochs that are kept for absent devices: more than there are in 400 days, one a week
_MADE: Final = 512  # derived keys that are cached


class SessionKey(NamedTuple):
    """A key that may open a session, with its epoch and day."""

    key: ChannelKey
    epoch: EpochId
    day: Day


class WantedEpoch(NamedTuple):
    """The chosen epoch, whose rotation is held and whose states are not: they may be handed over."""

    epoch: EpochId
    commitment: bytes
    begins: Day
    latest: Day  # states of a later day are of no use yet

    def fits(self, states: Branches) -> bool:
        """Whether these are states of that epoch, whoever says so."""
        return ratchet.lead_to(states, self.commitment, self.begins)


Rank = tuple[int, bytes]
"""The place of an epoch in the order of choice: the height and the id of the entry that began it."""


class OlderEpoch(NamedTuple):
    """What is left of an epoch that is kept for absent devices: how they call, and how they show themselves."""

    height: int  # of the entry that began it
    day: Day
    session: BranchState
    discovery: BranchState | None  # None: an earlier build did not keep it

    def at(self, day: Day) -> OlderEpoch:
        """The states of a later day."""
        session = ratchet.ratchet(self.session, self.day, day)
        discovery = None if self.discovery is None else ratchet.ratchet(self.discovery, self.day, day)
        return OlderEpoch(self.height, day, session, discovery)


class Epochs:
    """The epochs of one circle of which this device has states, in the order of choice, but the one in use last."""

    def __init__(
        self,
        circle: CircleId,
        held: Mapping[EpochId, Branches] | None = None,
        older: Mapping[EpochId, OlderEpoch] | None = None,
    ) -> None:
        self.circle = circle
        self._held = dict(held or {})
        self._older = dict(older or {})  # kept for devices that are not known to hold a newer one
        self._made: dict[tuple[EpochId, Day], SessionKey] = {}
        self._discovery: dict[tuple[EpochId, Day], BranchState] = {}  # made anew, one may cost 4,000 hashes

    def add(self, epoch: EpochId, states: Branches) -> None:
        """Hold these states, in use until something else is decided."""
        self._held.pop(epoch, None)
        self._held[epoch] = states
        self._forget_made()

    def take(self, epoch: EpochId, states: Branches) -> None:
        """Hold these states, of a rotation that was opened or handed over; in use once that is decided."""
        rest = {of: held for of, held in self._held.items() if of != epoch}
        self._held = {epoch: states, **rest}
        self._older.pop(epoch, None)
        self._forget_made()

    def decide(self, chosen: EpochId | None, rank: Callable[[EpochId], Rank | None], least: Rank | None) -> bool:
        """Use the chosen epoch, if its states are held, else the one that was in use; and forget what nobody needs.

        `rank`: None for an epoch whose entry has not come yet, as after a pairing; it is newer than all others.
        `least`: the oldest of the newest epochs that active devices are known to hold, if any is known. Whoever has
        been apart from them may use it, or any that came after. Returns whether anything has changed.
        """
        before = self._held, self._older
        in_use = chosen if chosen in self._held else self.newest if self._held else None

        def order(epoch: EpochId) -> tuple[bool, bool, Rank]:
            ranked = rank(epoch)
            return epoch == in_use, ranked is None, ranked or (0, b"")

        recent = dict(sorted(self._held.items(), key=lambda item: order(item[0]))[-NEWEST:])
        left = dict(self._older)
        for epoch, states in self._held.items():
            ranked = rank(epoch)
            if epoch not in recent and ranked is not None:
                left[epoch] = OlderEpoch(ranked[0], states.day, states.session, states.discovery)
        needed = [epoch for epoch, one in left.items() if least is not None and (one.height, epoch) >= least]
        newest_first = sorted(needed, key=lambda epoch: (left[epoch].height, epoch), reverse=True)
        older = {epoch: left[epoch] for epoch in newest_first[:MOST_OLDER] if epoch not in recent}
        self._held, self._older = recent, older
        changed = before != (recent, older) or list(before[0]) != list(recent)
        if changed:
            self._forget_made()
        return changed

    @property
    def newest(self) -> EpochId:
        """The epoch in use: calls, beacons and welcomes are under it."""
        return next(reversed(self._held))

    @property
    def recent(self) -> list[EpochId]:
        """The epoch in use, and the two next in the order of choice."""
        return list(reversed(self._held))[:NEWEST]

    @property
    def older(self) -> Collection[EpochId]:
        """The epochs that are kept for absent devices."""
        return self._older.keys()

    def holds(self, epoch: EpochId) -> bool:
        """Whether all branches of an epoch are held."""
        return epoch in self._held

    def keeps(self, epoch: EpochId) -> bool:
        """Whether at least what absent devices use of an epoch is held."""
        return epoch in self._held or epoch in self._older

    def accepts(self, epoch: EpochId, known: Collection[Rank | None]) -> bool:
        """Whether a caller may open a session under an epoch that is held. `known`: for each active device that the
        caller is, the newest epoch that this device is known to hold, if any. A caller that is none must hold the epoch
        in use; an older epoch is accepted only from whoever is not known to hold a newer one."""
        if not known:
            return epoch == self.newest
        older = self._older.get(epoch)
        return older is None or any(newest is not None and newest <= (older.height, epoch) for newest in known)

    def since(self, known: Rank | None) -> list[EpochId]:
        """The epochs in which a device may be that is known to hold one: the recent ones, the one in use first, and of
        the older ones that one and those that came after it."""
        older = self._older.items()
        return [*self.recent, *(epoch for epoch, one in older if known is not None and known <= (one.height, epoch))]

    @property
    def oldest(self) -> Day:
        """The first day for which any epoch's states are held: no key of an earlier day can open anything."""
        return min([*(states.day for states in self._held.values()), *(one.day for one in self._older.values())])

    @property
    def first_day(self) -> Day:
        """The first day for which states of the epoch in use are held."""
        return self._held[self.newest].day

    def states(self, epoch: EpochId, now: Millis) -> Branches | None:
        """An epoch's states on the day in use, to hand over; None if they are not held, or begin later."""
        held = self._held.get(epoch)
        day = day_of(now)
        return held.at(day) if held is not None and held.day <= day <= held.day + caps.RATCHET_DAYS else None

    def today(self, now: Millis) -> Branches:
        """The newest epoch's states on the day in use."""
        return self._held[self.newest].at(self.day(now))

    def day(self, now: Millis) -> Day:
        """The day in use: the clock's, clamped to the newest epoch's states, so a wrong clock leaves them usable."""
        oldest = self._held[self.newest].day
        return Day(min(max(day_of(now), oldest), oldest + caps.RATCHET_DAYS))

    def days(self, now: Millis) -> list[Day]:
        """The day in use, and our clock's if that is another: the epoch in use may begin ahead of it, if somebody's
        clock was set forward; others who wait with that one are in an earlier epoch, and in today."""
        return list(dict.fromkeys([self.day(now), day_of(now)]))

    def session_keys(self, now: Millis, others: Iterable[Day] = ()) -> list[SessionKey]:
        """The keys under which a session may open: three newest epochs, our day and a day either side.

        Of the days that other devices' clocks show, the eight nearest are accepted too, with a day either side.
        Today's key of the newest epoch comes first: call with it unless the other device's day is known.
        """
        today = self.day(now)
        days = own = dict.fromkeys(each for day in self.days(now) for each in around(day))
        further = {day for day in others if 1 < abs(day - today) <= SPAN}
        for day in sorted(further, key=lambda day: (abs(day - today), day))[:OTHER_DAYS]:
            days = days | dict.fromkeys(around(day))
        pairs = [(epoch, day) for epoch in self.recent for day in days]
        pairs += [(epoch, day) for epoch in self._older for day in own]
        return [key for epoch, day in pairs if (key := self._key(epoch, day)) is not None]

    def keys_on(self, day: Day) -> list[SessionKey]:
        """The keys of one day in every epoch that is accepted, newest first, as far as their states are held."""
        return [key for epoch in (*self.recent, *self._older) if (key := self._key(epoch, day)) is not None]

    def calling_keys(self, days: Iterable[Day], known: Iterable[EpochId | None] = ()) -> list[SessionKey]:
        """The keys for these days, in this order, without repeats, as far as states are held: of the epochs that the
        device to be called is known to hold first, then of the recent ones, the one in use first."""
        held = [epoch for epoch in known if epoch is not None and (epoch in self._held or epoch in self._older)]
        epochs = dict.fromkeys([*held, *self.recent])
        pairs = [(epoch, day) for day in dict.fromkeys(days) for epoch in epochs]
        return [key for epoch, day in pairs if (key := self._key(epoch, day)) is not None]

    def older_keys(self, day: Day) -> list[SessionKey]:
        """The keys of one day in the epochs that are kept for absent devices, the newest epoch's first."""
        newest_first = sorted(self._older, key=lambda epoch: (self._older[epoch].height, epoch), reverse=True)
        return [key for epoch in newest_first if (key := self._key(epoch, day)) is not None]

    def offer_key(self, day: Day, known: Iterable[EpochId | None], now: Millis) -> SessionKey:
        """The key under which to offer the circle to a device that is known to hold these epochs."""
        return next(iter(self.calling_keys([day, *self.days(now)], known)))

    def _key(self, epoch: EpochId, day: Day) -> SessionKey | None:
        """From held states only: what was deleted stays deleted, whatever any clock says."""
        made = self._made.get((epoch, day))
        states = self._held.get(epoch) or self._older[epoch]
        if made is None and states.day <= day <= states.day + caps.RATCHET_DAYS:
            if len(self._made) >= _MADE:
                self._made.clear()
            state = ratchet.ratchet(states.session, states.day, day)
            made = SessionKey(ChannelKey(ratchet.session_psk(state, self.circle)), epoch, day)
            self._made[epoch, day] = made
        return made

    def discovery_key(self, epoch: EpochId, day: Day) -> BranchState | None:
        """The state under which a device whose clock shows this day makes its beacons in an epoch that is kept: the
        day's, or that of the first day held if that is later, since the other device may hold no earlier one either.
        None if too far ahead, or if it is not kept."""
        states = self._held.get(epoch) or self._older[epoch]
        if states.discovery is None or day > states.day + caps.RATCHET_DAYS:
            return None
        used = Day(max(day, states.day))
        made = self._discovery.get((epoch, used))
        if made is None:
            if len(self._discovery) >= _MADE:
                self._discovery.clear()
            made = self._discovery[epoch, used] = ratchet.ratchet(states.discovery, states.day, used)
        return made

    def forget_before(self, day: Day) -> bool:
        """Delete every state older than `day`; returns whether there was one. Irreversible."""
        old = {epoch: states for epoch, states in self._held.items() if states.day < day}
        for epoch, states in old.items():
            self._held[epoch] = states.at(day)
        left = {epoch: older for epoch, older in self._older.items() if older.day < day}
        for epoch, older in left.items():
            self._older[epoch] = older.at(day)
        if old or left:
            self._forget_made()
        return bool(old or left)

    def _forget_made(self) -> None:
        self._made.clear()
        self._discovery.clear()

    def encode(self) -> bytes:
        """For the circle's own database only; without what `encode_older` has."""
        return codec.encode([[epoch, list(states.encode())] for epoch, states in self._held.items()])

    def encode_older(self) -> bytes:
        """The same: the epochs that are kept for absent devices."""
        return codec.encode(
            [
                [epoch, one.height, one.day, one.session.reveal(), one.discovery and one.discovery.reveal()]
                for epoch, one in self._older.items()
            ]
        )

    @classmethod
    def decode(cls, circle: CircleId, raw: bytes, raw_older: bytes = b"\x90") -> Epochs:
        """Raises Malformed or CapExceeded for what `encode` and `encode_older` do not make."""
        held: dict[EpochId, Branches] = {}
        rows = codec.decode(raw, caps.ENTRY, Rule.CAP_KEPT)
        if type(rows) is not list:
            raise Malformed(Rule.KEPT)
        for row in rows:
            match row:
                case [bytes(epoch), states] if len(epoch) == ID_BYTES:
                    held[EpochId(epoch)] = Branches.decode(states)
                case _:
                    raise Malformed(Rule.KEPT)
        return cls(circle, held, _decode_older(raw_older))


def _decode_older(raw: bytes) -> dict[EpochId, OlderEpoch]:
    older: dict[EpochId, OlderEpoch] = {}
    rows = codec.decode(raw, caps.ENTRY, Rule.CAP_KEPT)
    for row in rows if type(rows) is list else [None]:
        match row:
            case [bytes(epoch), int(height), int(day), bytes(session), *shown] if (
                len(epoch) == len(session) == ID_BYTES and is_day(day) and type(height) is int and _is_state(shown)
            ):
                discovery = BranchState(shown[0]) if shown and shown[0] is not None else None
                older[EpochId(epoch)] = OlderEpoch(height, Day(day), BranchState(session), discovery)
            case _:
                raise Malformed(Rule.KEPT)
    return older


def _is_state(shown: Sequence[object]) -> bool:
    """Whether this is a discovery branch, none, or nothing, as an earlier build left it."""
    match shown:
        case [] | [None]:
            return True
        case [bytes(state)]:
            return len(state) == ID_BYTES
    return False


def around(day: Day) -> Iterator[Day]:
    """A day, the one before and the one after."""
    yield from (day, Day(day - 1), Day(day + 1))


def rotation(secret: EpochSecret, day: Day, recipient: SealPublic, recovery: SealPublic) -> FirstRotation:
    """A new epoch, sealed to its author and to the recovery key. Draws the randomness of HPKE."""
    commitment = ratchet.commitment(secret)
    wraps = (Wrap(seal.seal(key, labels.WRAP + commitment, secret.reveal())) for key in (recipient, recovery))
    return FirstRotation(commitment, day, *wraps)


def open_rotation(opened: FirstRotation, secret: SealSecret, now: Millis) -> Branches:
    """The branches of a rotation sealed to us. Raises Malformed if the wrap does not match the commitment,
    InvalidValue if it is dated more than a day ahead and so cannot be used yet."""
    return open_wrap(opened.commitment, opened.day, opened.wrap, secret, now)


def recover_rotation(opened: FirstRotation, secret: SealSecret, now: Millis) -> Branches:
    """The same with the recovery key. Raises as well InvalidValue if nothing was sealed to one."""
    if opened.recovery_wrap is None:
        raise InvalidValue("this circle's recovery key opens nothing")
    return open_wrap(opened.commitment, opened.day, opened.recovery_wrap, secret, now)


def open_wrap(commitment: bytes, day: Day, wrap: Wrap, secret: SealSecret, now: Millis) -> Branches:
    """The branches of an epoch that begins on `day`, from a wrap of its root. Raises as `open_rotation` does."""
    root = EpochSecret(seal.unseal(secret, labels.WRAP + commitment, wrap))
    if ratchet.commitment(root) != commitment:
        raise Malformed(Rule.EPOCH_COMMITMENT)
    if is_ahead(day, now):
        raise InvalidValue("this epoch is dated more than a day ahead")
    return ratchet.branches(root, day)


def is_ahead(day: Day, now: Millis) -> bool:
    """Whether a rotation of this day is not opened yet: it is dated more than a day ahead of our clock."""
    return day > day_of(now) + 1


def attested_day(newest: Iterable[tuple[MemberId, Millis]], own: MemberId) -> Day | None:
    """The day that the entries of two other members (or the only other) have reached, by each one's newest clock."""
    latest: dict[MemberId, Millis] = {}
    for member, clock in newest:
        if member != own:
            latest[member] = max(clock, latest.get(member, clock))
    clocks = sorted(latest.values(), reverse=True)[:2]
    return day_of(clocks[-1]) if clocks else None


def oldest_needed(now: Millis, attested: Day | None) -> Day | None:
    """States before this day may be deleted; None while no other member attests that time has passed."""
    return None if attested is None else Day(min(attested, day_of(now)) - GRACE)
