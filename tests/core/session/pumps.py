"""Two sessions back to back over devices in memory: virtual time, seeded entropy, faults on the wire."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from cellsync.core.crypto.channel import Transport
from cellsync.core.crypto.noise import CipherState
from cellsync.core.errors import PeerError
from cellsync.core.membership.clocks import Difference
from cellsync.core.membership.epochs import SessionKey
from cellsync.core.replica.stage import Plan
from cellsync.core.session.connection import ENTROPY, HANDSHAKE_WITHIN, HANG_UP_ENTROPY, Connection, hang_up_at
from cellsync.core.session.events import Called, Ended, Event, Forewarned, Located, Measured, Opened, Received
from cellsync.core.session.session import Session
from cellsync.core.session.talking import Talking
from cellsync.core.versions import SPOKEN
from cellsync.core.wire.detached import Detached
from tests.core.replicas import MemoryReplica

CARRIER = b"test"


class End:
    """One side: a session, its device, in one circle or in `more` as well, and what happened to it."""

    def __init__(self, session: Session, device: MemoryReplica, *more: MemoryReplica) -> None:
        self.session = session
        self.device = device
        self._circles = {each.id: each for each in (device, *more)}
        self.opened = False
        self.error: PeerError | None = None
        self._ended = False
        self.located: list[Located] = []
        self.forewarned: list[Detached] = []
        self.measured: Difference | None = None
        self.plans: list[Plan] = []
        self.sent = bytearray()
        self.received = 0
        self.commits = True

    @property
    def ended(self) -> bool:
        return self._ended

    def handle(self, events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case Received(of, batch):
                    self.received += 1
                    if not self.commits:
                        continue
                    try:
                        plan = self._circles[of].receive(batch, self.session.device)
                    except PeerError as error:
                        self.error, self._ended = error, True
                        return
                    self.plans.append(plan)
                    news = bool(plan.commit.arrivals)
                    self.handle(self.session.committed(of, plan.reached, plan.refused, plan.gaps, news=news))
                case Called(device, ephemeral, day):
                    hinted = self._circles[self.session.hinted or self.device.id]
                    if hinted.store.accept_ephemeral(day, device or b"", ephemeral):
                        hinted.store.flush()
                        self.session.accept()
                    else:
                        self.session.ignore()
                case Opened():
                    self.opened = True
                case Ended(error):
                    self.error, self._ended = error, True
                case Forewarned(of, entry):
                    self.forewarned.append(entry)
                    try:
                        self._circles[of].detached.take(entry, self.device.now)
                    except PeerError as error:
                        self.error, self._ended = error, True
                        return
                case Located():
                    self.located.append(event)
                case Measured(difference):
                    self.measured = difference
                case _:
                    pass

    def take(self, data: bytes, now: float) -> None:
        if not self.ended:
            self.handle(self.session.receive(data, now))

    def give(self) -> bytes:
        """Everything it wants to say now."""
        said = b""
        while not self.ended:
            self.handle(self.session.pull())
            data = self.session.outgoing()
            if not data and not self.session.restless:
                break
            said += data
        self.sent += said
        return said


def entropy(seed: int) -> bytes:
    return random.Random(seed).randbytes(ENTROPY)


def caller(
    device: MemoryReplica, callee: MemoryReplica, seed: int = 1, now: float = 0.0, key: SessionKey | None = None
) -> End:
    peer = callee.device, callee.public.session
    session = Session.call(
        [device], device.id, peer, device.secrets.session, CARRIER, entropy(seed), now, clock=device.now, key=key
    )
    return End(session, device)


def answerer(device: MemoryReplica, seed: int = 2, now: float = 0.0) -> End:
    hang_up = hang_up_at(random.Random(seed).randbytes(HANG_UP_ENTROPY), now)
    secret = device.secrets.session
    return End(Session.answer([device], secret, CARRIER, entropy(seed), now, hang_up, clock=device.now), device)


def run(one: End, other: End, now: float = 0.0, rounds: int = 10_000) -> None:
    """Carry bytes back and forth until neither has anything to say."""
    for _ in range(rounds):
        forth = one.give()
        other.take(forth, now) if forth else None
        back = other.give()
        one.take(back, now) if back else None
        if not forth and not back:
            return
    raise AssertionError("they never stop talking")


def met(one: MemoryReplica, other: MemoryReplica, seed: int = 1) -> tuple[End, End]:
    """One whole session but for its handshake, which takes longer than most of them: as if both had opened it."""
    keys = [random.Random(f"{seed} {end}").randbytes(32) for end in range(2)]
    ends: list[End] = []
    for device, peer, (sends, hears) in ((one, other, keys), (other, one, keys[::-1])):
        hang_up = HANDSHAKE_WITHIN if device is other else None
        connection = Connection([device], entropy(seed + len(ends)), 0.0, device.now, SPOKEN, hang_up)
        connection.hinted, connection.remote = device.id, peer.public.session
        connection.device = device.device_with(connection.remote) or (peer.device if device is one else None)
        connection.day = one.session_keys()[0].day
        connection.transport = Transport(CipherState(sends), CipherState(hears), bytes(64))
        assert connection.agree(SPOKEN) is None
        talking = Talking(connection)
        if device is one:
            talking.introduce_ourselves()
        ends.append(End(Session(talking), device))
    calling, callee = ends
    run(calling, callee)
    return calling, callee


def sync(one: MemoryReplica, other: MemoryReplica, seed: int = 1) -> tuple[End, End]:
    """One whole session."""
    ends = caller(one, other, seed), answerer(other, seed + 1)
    run(*ends)
    return ends


@contextmanager
def recorded() -> Iterator[list[bytes]]:
    """What is said in frames in this block, by whichever side."""
    said: list[bytes] = []
    original = Transport.encrypt_frame

    def record(self: Transport, payload: bytes) -> bytes:
        said.append(payload)
        return original(self, payload)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transport, "encrypt_frame", record)
        yield said
