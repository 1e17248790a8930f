"""Removals as a later edition may write them: this one carries them, and heeds them while they are detached."""

from __future__ import annotations

from cellsync.core.history.entry import Entry
from cellsync.core.ids import CaseId
from cellsync.core.membership.control import Role
from cellsync.core.replica.planner import Intention
from cellsync.core.wire import codec
from cellsync.core.wire.detached import Detached
from cellsync.core.wire.tags import Kind
from tests.core.replicas import MemoryReplica, admitted, pass_on, three


def removal(author: MemoryReplica, *targets: bytes, kind: int = Kind.REMOVE) -> Entry:
    """A `remove` as a later version may write it."""
    shape = codec.encode([list(targets), "why"])
    content = author.random.randbytes(16) + codec.encode(["a reason"])
    plan = author.write(Intention(kind, CaseId(author.replica.circle.id), shape, content))
    return plan.commit.entries[0]


def announced(author: MemoryReplica, *targets: bytes, kind: int = Kind.REMOVE) -> Detached:
    entry = author.detached.announce(removal(author, *targets, kind=kind), author.now)
    assert entry is not None
    return entry


def four() -> tuple[MemoryReplica, MemoryReplica, MemoryReplica, MemoryReplica]:
    """Ana and Dan, who are coordinators, Bea and Eva; all hold the same."""
    ana, bea, eva = three()
    dan = admitted(ana, "dan", 4, Role.COORDINATOR)
    for other in (dan, bea, eva):
        pass_on(ana, other)
    return ana, bea, eva, dan
