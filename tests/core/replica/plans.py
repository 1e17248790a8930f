"""What planning a batch does to a replica: everything, nothing, or all but some rows."""

from __future__ import annotations

from typing import Any

import pytest

from cellsync.core.errors import PeerError
from cellsync.core.ids import CaseId
from cellsync.core.wire.batches import Batch
from tests.core.attacks import Draft, content, forge, of, pointer
from tests.core.replicas import MemoryReplica

CASE = CaseId(b"c" * 32)


def snapshot(device: MemoryReplica) -> Any:
    circle, held = device.replica.circle, device.replica.held
    return (
        device.replica.digest(), device.replica.state_digest(), dict(held.chains), dict(held.cases), dict(held.heads),
        held.arrival, list(circle.pasts.after(0)), set(circle.grants), device.store.chains(),
        list(device.store.cases()), list(device.store.pasts()), device.store.last_arrival(),
    )  # fmt: skip


def refused_whole(device: MemoryReplica, batch: Batch, error: type[PeerError]) -> None:
    before = snapshot(device)
    with pytest.raises(error):
        device.replica.plan(batch)
    assert snapshot(device) == before


def refused_chains(device: MemoryReplica, batch: Batch, rows: list[int]) -> None:
    """These rows do not attach; nothing else is wrong."""
    plan = device.receive(batch)
    assert plan.refused == rows
    assert [gap.line for gap in plan.gaps] == [batch.chains[row][:2] for row in rows]
    reload_is_same(device)


def reload_is_same(device: MemoryReplica) -> None:
    before = snapshot(device)
    device.replica = type(device.replica)(device.id, device.store)
    assert snapshot(device) == before


def branches(device: MemoryReplica, ana: MemoryReplica, count: int) -> list[Batch]:
    """Ways in which a device goes on from one place."""
    row, head, height = pointer(ana, ana)
    return [
        forge(of(device), [Draft([(1, 1, head, height)], content=content(number))], [row])[0] for number in range(count)
    ]
