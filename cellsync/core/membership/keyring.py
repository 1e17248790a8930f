"""The keyring: what one device holds of a circle's secrets, and what follows from each step with control entries.

The rules say which epochs are usable, which one is chosen, and who is active (`StepFacts`). From that follows here, by
the sentences of protocol/40-membership.md (Several epochs): what is opened, which epochs are in use, accepted and
forgotten, which seal secrets are deleted, and what this device has to write (`Duties`). It is all decided here, and
written and stored elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple

from cellsync.core.crypto import ratchet
from cellsync.core.crypto.ratchet import Branches
from cellsync.core.ids import Day, DeviceId, EntryId, EpochId, EpochSecret, MemberId, Millis, SealPublic, day_of
from cellsync.core.membership import holders, outcome, sealing
from cellsync.core.membership.epochs import MOST_OLDER, NEWEST, Epochs, Rank, WantedEpoch, is_ahead
from cellsync.core.membership.holders import HeldRotation, Holders
from cellsync.core.membership.outcome import DoesNotOpen, Followed, IntroducedSealKey, OpenedEpoch, Outcome, WaitsUntil
from cellsync.core.membership.rotation import Rotation
from cellsync.core.membership.seal_secrets import Citing, SealSecrets
from cellsync.core.membership.sealing import ROOM
from cellsync.core.membership.turn import Begun, Turn, date, turn


class ActiveDevice(NamedTuple):
    """A device that is active, or suspended."""

    member: MemberId
    seal: SealPublic  # the newest of its seal keys
    newest: Sequence[EntryId]  # the newest entry of each of its branches
    heard: Day  # the day of its newest entry, by its own clock


class StepFacts(NamedTuple):
    """What the rules, and what is held, say after a step."""

    chosen: EpochId | None  # rule 14
    usable: Collection[EpochId]  # rule 14
    rotations: Mapping[EpochId, HeldRotation]  # that count
    ranks: Mapping[EpochId, Rank]  # of these, and of those that count no more
    followed: Sequence[Followed]
    rejected: Mapping[DeviceId, Collection[EpochId]]  # by whom
    active: Mapping[DeviceId, ActiveDevice]  # this device, too, if it is
    suspended: Mapping[DeviceId, ActiveDevice]  # of which a key is IN
    introduced: Sequence[IntroducedSealKey]  # this device's seal keys
    heard: frozenset[DeviceId]  # not active, and still spoken to: what they hold stays accepted
    saw: Callable[[EntryId, EntryId], bool]  # whether the first has the second in its past, or is it
    given: Callable[[DeviceId], EpochId | None]  # the epoch that was chosen by the past of a device's introduction

    def rank(self, epoch: EpochId) -> Rank | None:
        """The place of an epoch in the order of choice; None if its entry has not come."""
        return self.ranks.get(epoch)

    def has_cited(self, device: DeviceId, entry: EntryId) -> bool:
        """Whether a device that is active or suspended has an entry with another in its past, or which is it."""
        return any(self.saw(newest, entry) for newest in self.known(device).newest)

    def known(self, device: DeviceId) -> ActiveDevice:
        """A device that is active or suspended."""
        return self.active.get(device) or self.suspended[device]


class Duties(NamedTuple):
    """What a device has to write."""

    rejects: list[EpochId]
    renews: bool  # its seal key
    turn: Turn | None  # when it has to rotate; None if it is not active


class Keyring:
    """What one device holds of a circle's secrets."""

    def __init__(self, device: DeviceId, epochs: Epochs, holding: Holders, secrets: SealSecrets) -> None:
        self.device: Final = device
        self.epochs: Final = epochs
        self.holders: Final = holding
        self.secrets: Final = secrets
        self.wanted: WantedEpoch | None = None  # the chosen epoch, if its states are lacking and may be handed over
        self.waits_until: Day | None = None  # for the chosen epoch, which is dated ahead
        self._unopened: dict[EpochId, tuple[object, Outcome]] = {}

    def step(self, facts: StepFacts, now: Millis, attested: Day | None) -> Duties:
        """Follow a step. `attested`: the day that the entries of others have reached (Epochs, Deletion)."""
        self._note_holders(facts, now, attested)
        least = self._least(facts)
        rejects = self._open(facts, now, least)
        self.epochs.decide(facts.chosen, facts.rank, least)
        self.secrets.forget(lambda entry: self._citing(facts, entry), day_of(now), attested)
        self.wanted, self.waits_until = self._wanted(facts, now, attested), self._waits(facts, now)
        if self.device not in facts.active:
            return Duties([], False, None)
        return Duties(rejects, self.secrets.is_renewal_due(day_of(now)), self._turn(facts, now))

    def chosen(self, facts: StepFacts) -> EpochId | None:
        """The epoch under which this device may seal: the chosen one, if it is held. Else it waits, or rotates."""
        return facts.chosen if facts.chosen is not None and self.epochs.holds(facts.chosen) else None

    # --- opening ---------------------------------------------------------------------------------------

    def _least(self, facts: StepFacts) -> Rank | None:
        """The oldest epoch that is kept for others, or in use here: they take this device for a holder of what came
        after that and is for it, whether it is usable or not."""
        in_use = facts.rank(self.epochs.newest) if self.epochs.recent else None
        return min((one for one in (self.holders.least, in_use) if one is not None), default=None)

    def _open(self, facts: StepFacts, now: Millis, least: Rank | None) -> list[EpochId]:
        """Open what would be accepted; the epochs to reject."""
        ranked = sorted(facts.rotations.values(), key=lambda held: held.rank)
        usable = [held for held in ranked if held.epoch in facts.usable][-NEWEST:]
        apart = [held for held in ranked[-MOST_OLDER:] if least is not None and held.rank >= least]
        rejects: list[EpochId] = []
        for held in dict.fromkeys(one.epoch for one in [*usable, *apart]):
            came = None if self.epochs.keeps(held) else self._outcome(facts, facts.rotations[held], now)
            match came:
                case OpenedEpoch(states, used):
                    self.epochs.take(held, states)
                    self.secrets.note_use(used)
                case DoesNotOpen() if held in facts.usable and held not in facts.rejected.get(self.device, ()):
                    rejects.append(held)
        return rejects

    def _outcome(self, facts: StepFacts, held: HeldRotation, now: Millis) -> Outcome:
        """What comes of a rotation; what did not open is tried again only with something new."""
        known = (len(facts.followed), self.secrets.newest.entry)
        before = self._unopened.get(held.epoch)
        if before is not None and before[0] == known:
            return before[1]
        came = outcome.opened(
            held,
            self.device,
            facts.followed,
            facts.introduced,
            lambda entry: facts.saw(EntryId(held.epoch), entry),
            self.secrets,
            now,
        )
        if not isinstance(came, OpenedEpoch | WaitsUntil):
            self._unopened[held.epoch] = known, came
        return came

    def entrust(self, epoch: EpochId, states: Branches) -> None:
        """Keep states that were handed over, or of an epoch that this device has begun; in use with the next step."""
        self.epochs.take(epoch, states)

    def _wanted(self, facts: StepFacts, now: Millis, attested: Day | None) -> WantedEpoch | None:
        held = None if facts.chosen is None else facts.rotations[facts.chosen]
        if held is None or self.epochs.holds(held.epoch) or not isinstance(held.rotation, Rotation):
            return None
        if self.device not in facts.active or is_ahead(held.rotation.day, now):
            return None
        latest = day_of(now) if attested is None else max(day_of(now), attested)
        return WantedEpoch(held.epoch, held.rotation.commitment, held.rotation.day, Day(latest + 1))

    def _waits(self, facts: StepFacts, now: Millis) -> Day | None:
        held = None if facts.chosen is None else facts.rotations[facts.chosen]
        return Day(held.rotation.day - 1) if held is not None and is_ahead(held.rotation.day, now) else None

    # --- who holds what ---------------------------------------------------------------------------------

    def _note_holders(self, facts: StepFacts, now: Millis, attested: Day | None) -> None:
        for device in (*facts.active, *facts.suspended):
            shown = None if device == self.device else self._shown(facts, device)
            if shown is not None:
                self.holders.note(device, shown, facts.known(device).heard, facts.rank)
        today = day_of(now)
        self.holders.forget({*facts.active, *facts.heard}, today if attested is None else min(today, attested))

    def _shown(self, facts: StepFacts, device: DeviceId) -> EpochId | None:
        shown = holders.newest_shown(
            device,
            facts.rotations.values(),
            lambda entry: facts.has_cited(device, entry),
            facts.rejected.get(device, ()),
            facts.known(device).heard,
        )
        return facts.given(device) if shown is None else shown

    def _citing(self, facts: StepFacts, entry: EntryId) -> Citing:
        """Who has cited the entry that introduced one of our seal keys."""
        own = facts.active.get(self.device)
        others = [device for device in facts.active if device != self.device]
        cited = [device for device in others if facts.has_cited(device, entry)]
        by_another = any(own is None or facts.active[device].member != own.member for device in cited)
        return Citing(len(cited) == len(others), by_another)

    # --- rotating ----------------------------------------------------------------------------------------

    def _turn(self, facts: StepFacts, now: Millis) -> Turn:
        newest = self.epochs.newest
        in_use = facts.rotations.get(newest)
        begun = Begun(newest, self.epochs.first_day if in_use is None else in_use.rotation.day)
        held = None if facts.chosen is None else facts.rotations[facts.chosen]
        if held is not None and not isinstance(held.rotation, Rotation) and not self.epochs.holds(held.epoch):
            held = None  # the states of the first epoch are not handed over
        chosen = None if held is None else Begun(held.epoch, held.rotation.day)
        return turn(chosen, begun, self.device, facts.active, now, stands=newest in facts.usable)

    def rotation(
        self, root: EpochSecret, facts: StepFacts, recovery: Mapping[EntryId, SealPublic], now: Millis,
        attested: Day | None, room: int = ROOM,
    ) -> tuple[Rotation, Branches]:  # fmt: skip
        """A new epoch for all active devices and the recovery keys in force, and its states, which this device keeps
        (`entrust`) once the entry is durable. Draws the randomness of HPKE.

        If `left_out` names devices, their wraps follow in a `rewrap` (`sealing.rewrap`) before the root is dropped.
        """
        day = date(day_of(now), attested, self.epochs.first_day)
        devices = {device: active.seal for device, active in sorted(facts.active.items())}
        return sealing.sealed(root, day, devices, recovery, room), ratchet.branches(root, day)


def left_out(begun: Rotation) -> list[DeviceId]:
    """The devices for whose wraps a rotation has no room."""
    return [device for device, wrap in begun.devices.items() if wrap is None]
