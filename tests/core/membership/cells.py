"""Cells for tests of epochs: devices with keyrings, what each of them holds, and who meets whom, in virtual time.

What the rules say of entries is in `entries`. Sessions are what the keyrings say of them: a call comes through if the
callee accepts one of the caller's epochs on a day that both have; then each has what the other had, and lacking states
are handed over. Everything that is ever sealed or held is recorded.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cellsync.core.crypto import ratchet, seal
from cellsync.core.crypto.ratchet import Branches
from cellsync.core.errors import PeerError
from cellsync.core.ids import (
    CircleId,
    Day,
    DeviceId,
    EntryId,
    EpochId,
    EpochSecret,
    MemberId,
    Millis,
    SealSecret,
    Wrap,
    day_of,
)
from cellsync.core.membership import epochs, sealing
from cellsync.core.membership.epochs import Epochs
from cellsync.core.membership.holders import HeldRotation, Holders
from cellsync.core.membership.keyring import ActiveDevice, Duties, Keyring, StepFacts, left_out
from cellsync.core.membership.rotation import Reject, Rewrap, Rotation
from cellsync.core.membership.seal_key import SealKey
from cellsync.core.membership.seal_secrets import KeptSecret, SealSecrets
from tests.core.membership.entries import Admission, Endorsement, Entry, Known, Removal, Said, Written

ONE_DAY: Final = 86_400_000
FIRST_DAY: Final = Day(20_000)


NO_DUTIES: Final = Duties([], False, None)


@dataclass
class Device:
    """One device: its keyring, the entries that it holds, and everything that it has ever had in its hands."""

    cell: Cell
    id: DeviceId
    keyring: Keyring
    held: int = 0  # entries
    ahead: int = 0  # days of its clock
    duties: Duties = NO_DUTIES
    had: dict[EpochId, Branches] = field(default_factory=dict)
    secrets: list[SealSecret] = field(default_factory=list)
    heard_of: set[DeviceId] = field(default_factory=set)  # as active or suspended, at present
    too_late: set[DeviceId] = field(default_factory=set)  # of these, whose epoch was forgotten by then

    @property
    def now(self) -> Millis:
        return Millis((self.cell.day + self.ahead) * ONE_DAY + 7)

    @property
    def today(self) -> Day:
        return day_of(self.now)

    # --- what it knows -----------------------------------------------------------------------------------

    @property
    def known(self) -> Known:
        return self.cell.written.known(self.held)

    @property
    def active(self) -> dict[DeviceId, ActiveDevice]:
        return self.known.active

    @property
    def rotations(self) -> dict[EpochId, HeldRotation]:
        return self.known.rotations

    def facts(self) -> StepFacts:
        known = self.known
        return StepFacts(
            known.chosen,
            known.usable,
            known.rotations,
            known.ranks,
            known.followed,
            known.rejected,
            known.active,
            known.suspended,
            known.seal_keys(self.id),
            known.heard - known.active.keys(),
            self.cell.written.saw,
            self.cell.written.given,
        )

    @property
    def attested(self) -> Day | None:
        newest = [(MemberId(device), Millis(day * ONE_DAY)) for device, day in self.known.latest.items()]
        return epochs.attested_day(newest, MemberId(self.id))

    # --- what it does --------------------------------------------------------------------------------------

    def step(self) -> None:
        """What follows from what it holds; everything that it ever held is recorded."""
        self.duties = self.keyring.step(self.facts(), self.now, self.attested)
        self._note_whom_it_hears_of()
        for epoch, states in self.keyring.epochs._held.items():
            before = self.had.get(epoch)
            if before is None or states.day < before.day:
                self.had[epoch] = states
        needed = epochs.oldest_needed(self.now, self.attested)
        if needed is not None:
            self.keyring.epochs.forget_before(needed)

    def _note_whom_it_hears_of(self) -> None:
        """Nobody keeps an epoch for a device that they have not heard of, or that is removed."""
        self.heard_of &= self.known.heard
        for device in self.known.heard - self.heard_of - {self.id}:
            epoch = self.keyring.holders.of(device)
            is_forgotten = epoch is None or not self.keyring.epochs.keeps(epoch)
            (set.add if is_forgotten else set.discard)(self.too_late, device)
        self.heard_of |= self.known.heard

    def write(self, said: Said) -> Entry:
        written = self.cell.written
        height = 1 + max((entry.height for entry in written.within(self.held)), default=0)
        identity, bit = EntryId(self.cell.draw(b"entry")), len(written.entries)
        past = self.held | 1 << bit
        entry = Entry(identity, self.id or DeviceId(identity), bit, height, self.today, past, said)
        written.add(entry)
        self.held = past
        self.cell.capture(entry)
        return entry

    def renew(self) -> None:
        secret, public = seal.seal_keypair(self.cell.draw(b"seal"))
        entry = self.write(SealKey(public))
        self.keyring.secrets.add(entry.id, secret, self.today)
        self.secrets.append(secret)
        self.step()

    def rotate(self, removing: DeviceId | None = None) -> EpochId:
        """Begin an epoch; with a removal, for those who remain."""
        root = EpochSecret(self.cell.draw(b"root"))
        facts = self.facts()
        active = {device: each for device, each in facts.active.items() if device != removing}
        begun, states = self.keyring.rotation(
            root, facts._replace(active=active), {}, self.now, self.attested, self.cell.room
        )
        entry = self.write(begun if removing is None else Removal(removing, begun))
        left = {device: active[device].seal for device in left_out(begun)}
        if left:
            self.write(sealing.rewrap(EpochId(entry.id), begun.commitment, root, left))
        self.keyring.entrust(EpochId(entry.id), states)
        self.step()
        return EpochId(entry.id)

    def admit(self) -> Device:
        """A new device, which was handed today's states of the chosen epoch, and has heard nothing else yet."""
        if not self.is_up_to_date:
            self.rotate()
        secret, public = seal.seal_keypair(self.cell.draw(b"seal"))
        entry = self.write(Admission(public))
        identity = DeviceId(entry.id)
        given = Epochs(CircleId(bytes(32)))
        given.add(self.keyring.epochs.newest, self.keyring.epochs.today(self.now))
        ring = SealSecrets([KeptSecret(entry.id, secret, self.today)])
        joined = Device(self.cell, identity, Keyring(identity, given, Holders(), ring), secrets=[secret])
        joined.held = entry.past
        self.cell.devices.append(joined)
        for device in (self, joined):
            device.step()
        return joined

    def endorse(self, entry: EntryId) -> None:
        self.write(Endorsement(entry))
        self.step()

    def work(self) -> None:
        """Do what is due."""
        for epoch in self.duties.rejects:
            self.write(Reject(epoch))
        if self.duties.renews:
            self.renew()
        turn = self.duties.turn
        if turn is not None and turn.due <= self.today:
            self.rotate()
        self.step()

    # --- meeting -------------------------------------------------------------------------------------------

    def reaches(self, other: Device) -> EpochId | None:
        """The epoch under which a call of this device to another comes through."""
        if other.id not in self.known.heard or self.id in other.known.gone:
            return None
        known = [other.keyring.holders.rank(self.id)] if self.id in other.known.heard else []
        answers = {
            (key.epoch, key.key.psk.reveal())
            for key in other.keyring.epochs.session_keys(other.now)
            if other.keyring.epochs.accepts(key.epoch, known)
        }
        known_there = [self.keyring.holders.of(other.id)]
        likely = self.keyring.epochs.calling_keys([other.today, self.today], known_there)
        for key in [*likely, *self.keyring.epochs.older_keys(other.today)]:
            if (key.epoch, key.key.psk.reveal()) in answers:
                return key.epoch
        return None

    def meet(self, other: Device) -> bool:
        """Call another device; whether it answered. A caller whom it does not know brings what introduces it first."""
        under = self.reaches(other)
        if under is None:
            return False
        other.hear(self)
        if self.id in other.known.heard:
            self.hear(other)
            self.asks(other)
            other.asks(self)
            for one, peer in ((self, other), (other, self)):
                one.keyring.holders.note(peer.id, under, one.today, one.facts().rank)
                one.step()
        return True

    def hear(self, other: Device) -> None:
        self.held |= other.held
        self.step()

    def asks(self, other: Device) -> None:
        """Ask for the chosen epoch if it is lacking, and take what is given."""
        wanted = self.keyring.wanted
        if wanted is None or self.id not in other.active or other.facts().chosen != wanted.epoch:
            return
        states = other.keyring.epochs.states(wanted.epoch, other.now)
        if states is not None:
            assert wanted.fits(states)
            self.cell.handed.append((wanted.epoch, self.id))
            if states.day <= wanted.latest:
                self.keyring.entrust(wanted.epoch, states)
                other.keyring.holders.note(self.id, wanted.epoch, other.today, other.facts().rank)
        self.step()

    @property
    def is_up_to_date(self) -> bool:
        chosen = self.facts().chosen
        return chosen is not None and self.keyring.epochs.newest == chosen


class Recorded(NamedTuple):
    """A wrap that was sent."""

    entry: Entry  # which began the epoch
    rotation: Rotation
    wrap: Wrap

    @property
    def epoch(self) -> EpochId:
        return EpochId(self.entry.id)


@dataclass
class Cell:
    """Devices of one circle, and everything that was ever sealed in it."""

    day: Day = FIRST_DAY
    room: int = sealing.ROOM
    devices: list[Device] = field(default_factory=list)
    written: Written = field(default_factory=Written)
    wraps: list[Recorded] = field(default_factory=list)
    handed: list[tuple[EpochId, DeviceId]] = field(default_factory=list)
    _drawn: int = 0

    def draw(self, what: bytes) -> bytes:
        self._drawn += 1
        return hashlib.blake2b(what + self._drawn.to_bytes(8, "big"), digest_size=32).digest()

    def capture(self, entry: Entry) -> None:
        """Whoever records everything has these wraps."""
        begun, followed = entry.rotation, entry.said
        if isinstance(begun, Rotation):
            self.wraps += [Recorded(entry, begun, wrap) for wrap in begun.devices.values() if wrap is not None]
        if isinstance(followed, Rewrap):
            first = self.written[followed.epoch]
            assert isinstance(first.rotation, Rotation)
            self.wraps += [Recorded(first, first.rotation, wrap) for wrap in followed.wraps.values()]

    def found(self) -> Device:
        secret, public = seal.seal_keypair(self.draw(b"seal"))
        root = EpochSecret(self.draw(b"root"))
        founder = Device(
            self, DeviceId(b""), Keyring(DeviceId(b""), Epochs(CircleId(bytes(32))), Holders(), SealSecrets([]))
        )
        entry = founder.write(Admission(public, epochs.rotation(root, self.day, public, public)))
        identity = DeviceId(entry.id)
        states = Epochs(CircleId(bytes(32)))
        states.add(EpochId(entry.id), ratchet.branches(root, self.day))
        ring = SealSecrets([KeptSecret(entry.id, secret, self.day)])
        founder = Device(self, identity, Keyring(identity, states, Holders(), ring), founder.held, secrets=[secret])
        self.devices.append(founder)
        founder.step()
        return founder

    def sleep(self, days: int) -> None:
        self.day = Day(self.day + days)

    def all_meet(self, *devices: Device, rounds: int = 3, at_work: bool = True) -> None:
        """Everybody calls everybody, and does what is due, `at_work`."""
        for _ in range(rounds):
            for one in devices:
                for other in devices:
                    if one is not other:
                        one.meet(other)
                if at_work:
                    one.work()


def what_opens(secrets: list[SealSecret], recorded: Recorded) -> bool:
    """Whether one of these opens a wrap that was recorded."""
    try:
        return sealing.opened(recorded.rotation, [recorded.wrap], secrets, Millis(1 << 60)) is not None
    except PeerError:
        return False
