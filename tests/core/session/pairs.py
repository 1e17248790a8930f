"""Replicas that are about to talk: what they have written, and whether they hold the same afterwards."""

from __future__ import annotations

from cellsync.core.ids import CaseId, DeviceId, Millis
from cellsync.core.session.balance import Balance
from cellsync.core.session.circles import SharedCircles
from cellsync.core.session.session import Session
from cellsync.core.session.talking import (
    Talking,
)
from cellsync.core.wire.operations import Operation
from tests.core.replicas import START, MemoryReplica, admitted, pair, pass_on
from tests.core.session.pumps import End

CASE = CaseId(b"c" * 32)
PLACES = {DeviceId(b"d" * 32): [(bytes([10, 0, 0, 7]), 51_234)]}


def write(device: MemoryReplica, count: int, size: int = 10) -> None:
    for number in range(count):
        device.edit(CASE, Operation(7, "log", None, device.random.randbytes(size)))
        device.now = Millis(START + number)


def circles_of(session: Session) -> SharedCircles:
    assert isinstance(session._phase, Talking)
    return session._phase.circles


def agree(*devices: MemoryReplica) -> bool:
    return len({device.replica.digest() + device.replica.state_digest() for device in devices}) == 1


def newcomer() -> tuple[MemoryReplica, MemoryReplica, MemoryReplica]:
    """`bea` has not heard that `ana` admitted `eva`."""
    ana, bea = pair()
    write(bea, 10)
    eva = admitted(ana, "eva", 3)
    pass_on(ana, eva)
    return ana, bea, eva


def balances(one: End, other: End) -> tuple[Balance | None, Balance | None]:
    return one.session.balance(one.device.id), other.session.balance(other.device.id)


def balance(lacks: int, owes: int, *, moving: bool = False, declined: bool = False) -> Balance:
    return Balance(lacks, owes, moving, declined, 0)


LEVEL = balance(0, 0)
