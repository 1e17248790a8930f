"""The hand-over of the chosen epoch's states, from a member who has them to one who lacks them, in one circle.

    WANTED  ->      the rotation is held here, and its states are not
    <-  STATES      of the present day, once this epoch is the chosen one there, and its states are held

Who asks proves to hold the rotation by naming it. States are asked for once in a session and given once, are taken from
nobody who was not asked, and are checked against what the rotation commits to. (protocol/50-sync.md, Handing over)
"""

from __future__ import annotations

from typing import Final

from cellsync.core.crypto.ratchet import Branches
from cellsync.core.errors import Malformed, PeerError
from cellsync.core.ids import EpochId
from cellsync.core.membership.epochs import WantedEpoch
from cellsync.core.rule import Rule
from cellsync.core.session.view import CircleView
from cellsync.core.wire import messages
from cellsync.core.wire.messages import HandedStates

MOST: Final = 32  # epochs of a circle that one side may ask for in a session


class Unwanted(PeerError):
    """The other device asked for more epochs than there can be, or gave what nobody had asked for."""

    code = "unwanted"


class Handover:
    """What was asked for and given, each way, in one circle of one session."""

    def __init__(self, view: CircleView, name: bytes) -> None:
        self._view = view
        self._name = name
        self._asked: dict[EpochId, WantedEpoch] = {}  # by us, and not given yet
        self._asked_once: set[EpochId] = set()
        self._heard = 0  # how often the peer has asked
        self._wanted: EpochId | None = None  # by the peer, and not given yet: the last that it asked for
        self._given: set[EpochId] = set()

    # --- what we say -----------------------------------------------------------------------------------

    def ask(self) -> bytes | None:
        """The message with which to ask for the epoch that is lacking here; None if there is nothing to ask for."""
        wanted = self._view.wanted_epoch()
        if wanted is None or wanted.epoch in self._asked_once or len(self._asked_once) >= MOST:
            return None
        self.expect(wanted)
        return messages.encode_wanted(self._name, wanted.epoch)

    def expect(self, wanted: WantedEpoch) -> None:
        """We ask for this one."""
        self._asked_once.add(wanted.epoch)
        self._asked[wanted.epoch] = wanted

    def give(self) -> tuple[EpochId, bytes] | None:
        """The message with the states that the peer has asked for; None as long as they cannot be given."""
        epoch = self._wanted
        states = None if epoch is None else self._view.handed_over(epoch)
        if epoch is None or states is None:
            return None
        self._wanted = None
        self._given.add(epoch)
        return epoch, messages.encode_states(HandedStates(self._name, epoch, *states))

    # --- what the peer says ------------------------------------------------------------------------------

    def on_wanted(self, epoch: EpochId) -> None:
        """Raises Unwanted."""
        self._heard += 1
        if self._heard > MOST:
            raise Unwanted(Rule.EPOCH_OFTEN)
        if epoch not in self._given:
            self._wanted = epoch

    def on_states(self, said: HandedStates) -> Branches | None:
        """The states that were given; None if they are of a day that is too far ahead of ours. Raises Unwanted, or
        Malformed if they are none of this epoch."""
        wanted = self._asked.pop(said.epoch, None)
        if wanted is None:
            raise Unwanted(Rule.EPOCH_UNASKED)
        states = Branches(*said[2:])
        if not wanted.fits(states):
            raise Malformed(Rule.EPOCH_COMMITMENT)
        return None if states.day > wanted.latest else states
