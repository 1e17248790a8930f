"""The safe: what a circle's store keeps of its secrets, and what this device owes the circle for them.

After each step with control entries the keyring says what follows (core/membership/keyring.py). What it then holds is
kept here, in the circle's store; what it says that this device has to write is written by whoever has the key to sign.
A crash between the step and that loses nothing: the same follows from the entries when the circle is opened again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from cellsync.core import drawers
from cellsync.core.crypto.ratchet import Branches
from cellsync.core.history.entry import Entry
from cellsync.core.history.store import Store
from cellsync.core.ids import (
    Day,
    DeviceId,
    EntryId,
    EpochId,
    EpochSecret,
    Millis,
    SealPublic,
    SealSecret,
)
from cellsync.core.membership.epochs import Epochs
from cellsync.core.membership.holders import Holders
from cellsync.core.membership.keyring import Duties, Keyring, StepFacts
from cellsync.core.membership.rotation import Rotation
from cellsync.core.membership.seal_secrets import KeptSecret, SealSecrets
from cellsync.core.replica.evidence import KeyEvidence
from cellsync.core.replica.replica import Replica


class Safe:
    """The secrets of one circle."""

    def __init__(
        self, replica: Replica, store: Store, device: DeviceId, epochs: Epochs, holders: Holders,
        told: Callable[[], Collection[DeviceId]],
    ) -> None:  # fmt: skip
        """`told`: the removed devices that are told so, and call under what they held."""
        self._told = told
        self._replica, self._store = replica, store
        self._evidence = KeyEvidence(replica, store, device)
        self.keyring = Keyring(device, epochs, holders, _secrets(store, device))
        self.duties = Duties([], False, None)

    def follow(self, controls: Iterable[Entry], now: Millis, attested: Day | None) -> bool:
        """Follow a step that is durable. Returns whether something is staged in the store that has to be flushed."""
        self._evidence.take(controls)
        self.look(now, attested)
        return self._stage()

    def look(self, now: Millis, attested: Day | None) -> None:
        """Find out what follows from all that is held, as at opening, and when a day has passed."""
        self.duties = self.keyring.step(self.facts, now, attested)

    @property
    def facts(self) -> StepFacts:
        facts = self._evidence.facts()
        return facts._replace(heard=facts.heard.union(self._told()))

    def _stage(self) -> bool:
        ring = self.keyring
        kept = {
            drawers.EPOCHS: ring.epochs.encode(),
            drawers.OLDER_EPOCHS: ring.epochs.encode_older(),
            drawers.HOLDERS: ring.holders.encode(),
            drawers.SEAL_SECRETS: ring.secrets.encode(),
        }
        changed = {name: value for name, value in kept.items() if self._store.kept(name) != value}
        for name, value in changed.items():
            self._store.keep(name, value)
        if self._store.kept(drawers.SEAL_SECRET) is not None:  # it is among the others from now on, and deleted in time
            self._store.forget(drawers.SEAL_SECRET)
            return True
        return bool(changed)

    # --- handing over ------------------------------------------------------------------------------------

    def handed_over(self, epoch: EpochId, now: Millis) -> Branches | None:
        """Today's states of the chosen epoch, for a member who lacks them; None of any other."""
        chosen = self._replica.court.ruling.decision.epoch
        return self.keyring.epochs.states(epoch, now) if chosen is not None and EpochId(chosen) == epoch else None

    def note_holder(self, device: DeviceId, epoch: EpochId, day: Day) -> None:
        """A device has shown that it holds an epoch."""
        self.keyring.holders.note(device, epoch, day, self.facts.rank)

    # --- rotating ----------------------------------------------------------------------------------------

    def rotation(
        self, root: EpochSecret, now: Millis, attested: Day | None, without: Collection[DeviceId] = ()
    ) -> tuple[Rotation, Branches]:
        """A new epoch for all active devices but some, and the recovery keys in force; and its states.

        Keep these with `keyring.entrust` once the entry is durable. Draws the randomness of HPKE.
        """
        facts = self.facts
        active = {device: one for device, one in facts.active.items() if device not in without}
        return self.keyring.rotation(root, facts._replace(active=active), self._papers(), now, attested)

    def _papers(self) -> dict[EntryId, SealPublic]:
        """The recovery keys in force to which something can be sealed, by the entries that brought them in."""
        return {entry: keys.seal for entry, keys in self._replica.papers().items() if keys.seal is not None}


def _secrets(store: Store, device: DeviceId) -> SealSecrets:
    raw = store.kept(drawers.SEAL_SECRETS)
    if raw is not None:
        return SealSecrets.decode(raw)
    first = SealSecret(store.kept(drawers.SEAL_SECRET) or b"")
    return SealSecrets([KeptSecret(EntryId(device), first, Day(0))])
