"""Two machines of a pairing, back to back in memory."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import strategies as st

from cellsync.core.crypto import ratchet
from cellsync.core.errors import CellsyncError
from cellsync.core.ids import CircleId, Day, DeviceId, EpochId, EpochSecret, Millis, Signature
from cellsync.core.pairing import code, inviter, joiner
from cellsync.core.pairing.code import Invitation
from cellsync.core.pairing.inviter import Inviter
from cellsync.core.pairing.joiner import Joiner
from cellsync.core.pairing.messages import Hello, Reveal, Welcome
from cellsync.core.replica.founding import DeviceSecrets, device_secrets
from cellsync.core.session.connection import HANG_UP_ENTROPY, hang_up_at

INVITATION = code.invite(bytes(range(16)), 0.0)
CLOCK = Millis(1_790_000_000_000)
KEYS = device_secrets(bytes(range(96)))
SPONSOR = device_secrets(bytes(range(1, 97)))
WELCOME = Welcome(
    CircleId(b"c" * 32),
    DeviceId(b"d" * 32),
    EpochId(b"e" * 32),
    ratchet.branches(EpochSecret(b"r" * 32), Day(20_000)),
    DeviceId(b"s" * 32),
    SPONSOR.public.session,
)
HELLO = Hello(KEYS.public, "ben-laptop", bytes(32), CLOCK)
REVEAL = Reveal(b"n" * 32, Signature(bytes(64)))
cuts = st.lists(st.integers(0, 1 << 16), max_size=12).map(tuple)


def new_inviter(seed: int = 0, invitation: Invitation = INVITATION, now: float = 0.0) -> Inviter:
    drawn = random.Random(f"inviter {seed}")
    hang_up = hang_up_at(drawn.randbytes(HANG_UP_ENTROPY), now)
    return Inviter(invitation, drawn.randbytes(inviter.ENTROPY), now, b"test", hang_up, clock=CLOCK)


def new_joiner(
    seed: int = 0,
    keys: DeviceSecrets = KEYS,
    name: str = "ben-laptop",
    invitation: Invitation = INVITATION,
    clock: Millis = CLOCK,
) -> Joiner:
    entropy = random.Random(f"joiner {seed}").randbytes(joiner.ENTROPY)
    return Joiner(invitation.secret, keys, name, entropy, 0.0, b"test", clock=clock)


class Pair:
    """An inviter, a joiner and the wire between them; `cuts` says where the wire cuts what is sent."""

    def __init__(self, seed: int = 0, cuts: tuple[int, ...] = ()) -> None:
        self.inviter, self.joiner = new_inviter(seed), new_joiner(seed)
        self.cuts = cuts
        self.now = 0.0
        self.invited: list[inviter.Event] = []
        self.joined: list[joiner.Event] = []
        self.sent = [b"", b""]  # by the inviter, by the joiner

    def pump(self) -> None:
        """Carry bytes until both are quiet."""
        while True:
            theirs, ours = self.inviter.outgoing(), self.joiner.outgoing()
            self.sent[0] += theirs
            self.sent[1] += ours
            if not theirs and not ours:
                return
            for chunk in self._chunks(ours):
                self.invited += self.inviter.receive(chunk, self.now)
            for chunk in self._chunks(theirs):
                self.joined += self.joiner.receive(chunk, self.now)

    def ask(self) -> tuple[inviter.Introduced, joiner.WordsReady]:
        """Up to the words."""
        self.pump()
        (_, asked), (asked_too,) = self.invited, self.joined
        assert isinstance(asked, inviter.Introduced)
        assert isinstance(asked_too, joiner.WordsReady)
        self.invited.clear()
        self.joined.clear()
        return asked, asked_too

    def confirm(self, inviters: bool = True, joiners: bool = True) -> None:
        """Both humans answer at once."""
        self.invited += self.inviter.confirm(inviters, self.now)
        self.joined += self.joiner.confirm(joiners, self.now)
        self.pump()

    def _chunks(self, data: bytes) -> list[bytes]:
        places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in self.cuts)})
        return [data[start:end] for start, end in pairwise(places)]


def failure(events: list[inviter.Event]) -> tuple[type[CellsyncError], bool]:
    (failed,) = events
    assert isinstance(failed, inviter.InvitingFailed)
    return type(failed.error), failed.burnt


def joiners_failure(events: list[joiner.Event]) -> type[CellsyncError]:
    (failed,) = events
    assert isinstance(failed, joiner.JoiningFailed)
    return type(failed.error)
