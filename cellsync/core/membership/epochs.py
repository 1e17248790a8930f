"""Epochs: the generations of a circle's secret, as one device holds them.

A root is opened once: four branches are derived from it, then it is dropped (crypto/ratchet.py). Each epoch keeps its
branch states on the oldest day still needed; every later day can be derived from them, no earlier one.

Our clock selects the day in use, and known differences of other clocks add days that are accepted
(membership/clocks.py); neither decides what is deleted. A past state is deleted only when two other
members' entries (or the only other's) are dated later, so a forged clock destroys nothing.
(protocol/40-membership.md, Epochs)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
from cellsync.core.membership.control import FirstRotation
from cellsync.core.rule import Rule
from cellsync.core.wire import codec

NEWEST: Final = 3  # epochs whose session keys are accepted
GRACE: Final = 1  # days a state is kept behind the day in use: clocks differ
OTHER_DAYS: Final = 8  # other devices' days accepted besides our own
SPAN: Final = 400  # the furthest accepted distance from our day: beyond it, each day costs too many hashes
_MADE: Final = 256  # derived keys that are cached


class SessionKey(NamedTuple):
    """A key that may open a session, with its epoch and day."""

    key: ChannelKey
    epoch: EpochId
    day: Day


class Epochs:
    """The epochs of one circle, oldest first."""

    def __init__(self, circle: CircleId, held: Mapping[EpochId, Branches] | None = None) -> None:
        self.circle = circle
        self._held = dict(held or {})
        self._made: dict[tuple[EpochId, Day], SessionKey] = {}
        self._discovery: dict[Day, BranchState] = {}  # of the newest epoch; made anew, one may cost 4,000 hashes

    def add(self, epoch: EpochId, states: Branches) -> None:
        self._held[epoch] = states
        self._forget_made()

    @property
    def newest(self) -> EpochId:
        return next(reversed(self._held))

    @property
    def oldest(self) -> Day:
        """The first day for which any epoch's states are held: no key of an earlier day can open anything."""
        return min(states.day for states in self._held.values())

    def today(self, now: Millis) -> Branches:
        """The newest epoch's states on the day in use."""
        return self._held[self.newest].at(self.day(now))

    def day(self, now: Millis) -> Day:
        """The day in use: the clock's, clamped to the newest epoch's states, so a wrong clock leaves them usable."""
        oldest = self._held[self.newest].day
        return Day(min(max(day_of(now), oldest), oldest + caps.RATCHET_DAYS))

    def session_keys(self, now: Millis, others: Iterable[Day] = ()) -> list[SessionKey]:
        """The keys under which a session may open: three newest epochs, our day and a day either side.

        Of the days that other devices' clocks show, the eight nearest are accepted too, with a day either side.
        Today's key of the newest epoch comes first: call with it unless the other device's day is known.
        """
        today = self.day(now)
        days = dict.fromkeys(_around(today))
        further = {day for day in others if 1 < abs(day - today) <= SPAN}
        for day in sorted(further, key=lambda day: (abs(day - today), day))[:OTHER_DAYS]:
            days.update(dict.fromkeys(_around(day)))
        newest = list(reversed(self._held))[:NEWEST]
        return [key for epoch in newest for day in days if (key := self._key(epoch, day)) is not None]

    def keys_on(self, day: Day) -> list[SessionKey]:
        """The keys of one day in the three newest epochs, newest first, as far as their states are held."""
        newest = list(reversed(self._held))[:NEWEST]
        return [key for epoch in newest if (key := self._key(epoch, day)) is not None]

    def calling_keys(self, days: Iterable[Day]) -> list[SessionKey]:
        """The newest epoch's keys for these days, in this order, without repeats, as far as its states are held."""
        return [key for day in dict.fromkeys(days) if (key := self._key(self.newest, day)) is not None]

    def _key(self, epoch: EpochId, day: Day) -> SessionKey | None:
        """From held states only: what was deleted stays deleted, whatever any clock says."""
        made = self._made.get((epoch, day))
        states = self._held[epoch]
        if made is None and states.day <= day <= states.day + caps.RATCHET_DAYS:
            if len(self._made) >= _MADE:
                self._made.clear()
            state = ratchet.ratchet(states.session, states.day, day)
            made = SessionKey(ChannelKey(ratchet.session_psk(state, self.circle)), epoch, day)
            self._made[epoch, day] = made
        return made

    def discovery_keys(self, now: Millis) -> list[BranchState]:
        """The newest epoch's discovery states today and a day either side, today first, as far as they are held."""
        states = self._held[self.newest]
        days = [day for day in _around(self.day(now)) if day >= states.day]
        return [key for day in days if (key := self.discovery_key(day)) is not None]

    def discovery_key(self, day: Day) -> BranchState | None:
        """The state under which a device whose clock shows this day makes its beacons: the day's, or that of the first
        day held if that is later, since the other device may hold no earlier one either. None if too far ahead."""
        states = self._held[self.newest]
        if day > states.day + caps.RATCHET_DAYS:
            return None
        used = Day(max(day, states.day))
        made = self._discovery.get(used)
        if made is None:
            if len(self._discovery) >= _MADE:
                self._discovery.clear()
            made = self._discovery[used] = ratchet.ratchet(states.discovery, states.day, used)
        return made

    def forget_before(self, day: Day) -> bool:
        """Delete every state older than `day`; returns whether there was one. Irreversible."""
        old = {epoch: states for epoch, states in self._held.items() if states.day < day}
        for epoch, states in old.items():
            self._held[epoch] = states.at(day)
        if old:
            self._forget_made()
        return bool(old)

    def _forget_made(self) -> None:
        self._made.clear()
        self._discovery.clear()

    def encode(self) -> bytes:
        """For the circle's own database only."""
        return codec.encode([[epoch, list(states.encode())] for epoch, states in self._held.items()])

    @classmethod
    def decode(cls, circle: CircleId, raw: bytes) -> Epochs:
        """Raises Malformed or CapExceeded for what `encode` does not make."""
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
        return cls(circle, held)


def _around(day: Day) -> Iterator[Day]:
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
    if day > day_of(now) + 1:
        raise InvalidValue("this epoch is dated more than a day ahead")
    return ratchet.branches(root, day)


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
