"""What one coordinator signs takes nothing from anybody, in any kind of control entry."""

from __future__ import annotations

import pytest

from cellsync.core.ids import CaseId
from cellsync.core.membership.control import Role
from cellsync.core.replica.replica import Replica
from cellsync.core.wire import codec
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind
from tests.core.attacks import Draft, forge, of
from tests.core.replicas import MemoryReplica, admitted, founded, pass_on

CASE = CaseId(b"c" * 32)
SALTED = bytes(16) + codec.encode(None)
KINDS = [kind for kind in range(1, 256) if kind not in (Kind.FOUND, Kind.ADMIT)]


def coordinated() -> tuple[MemoryReplica, MemoryReplica, MemoryReplica]:
    """Ana and Mo coordinate, Bea writes; all hold what Bea has written."""
    ana = founded()
    bea, mo = admitted(ana, "bea", 2), admitted(ana, "mo", 3, Role.COORDINATOR)
    pass_on(ana, bea)
    bea.edit(CASE, Operation(1, "f", b"", "by Bea"))
    pass_on(bea, ana)
    pass_on(ana, mo)
    return ana, bea, mo


@pytest.mark.parametrize("at", range(6))
def test_no_control_entry_takes_a_right_or_an_entry_from_anybody(at: int) -> None:
    """One stolen laptop of a coordinator would otherwise be enough to disarm the cell."""
    ana, bea, mo = coordinated()
    targets = sorted([ana.device, bea.device])
    shapes = [targets, [], None, 1, 0, [[device, 1] for device in targets], targets[0]]
    active, shown = ana.replica.circle.active(), ana.replica.state_digest()
    drafts = [
        Draft(kind=kind, case=CaseId(ana.id), shape=codec.encode([shape]), content=SALTED)
        for kind in KINDS[at::6]
        for shape in shapes
    ]
    plan = ana.receive(forge(of(mo), drafts)[0], mo.device)
    assert len(plan.commit.entries) == len(drafts)
    for circle in (ana.replica.circle, Replica(ana.id, ana.store).circle):
        assert circle.active() == active
        assert circle.is_active(bea.device)
    assert ana.replica.state_digest() == shown
    pass_on(ana, bea)
    for device in (ana, bea):
        device.edit(CASE, Operation(7, "log", None, "and on"))
    pass_on(bea, ana)
    pass_on(ana, bea)
    assert ana.replica.digest() == bea.replica.digest()
    state = bea.replica.read(CASE)
    assert state is not None
    assert [cell.value for cell in state.registers["f"].live.values()] == ["by Bea"]
    assert len(state.logs["log"].appended) == 2
