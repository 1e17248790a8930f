"""An opaque entry, in a replica: held and served, the same on all devices, shown nowhere."""

from __future__ import annotations

import pytest

from cellsync.core.case.snapshot import FORMAT
from cellsync.core.errors import Malformed
from cellsync.core.ids import CaseId
from cellsync.core.replica.replica import Replica
from cellsync.core.rule import Rule
from cellsync.core.wire import codec, operations
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind
from tests.core.attacks import Draft, forge, of
from tests.core.replicas import admitted, founded, pass_on

CASE = CaseId(b"c" * 32)
SALT = bytes(16)
SHAPE = codec.encode([[1, "f", b""]])
OPAQUE = SALT + b"\x91" + codec.array_header(60_000) + b"\x90" * 60_000


def test_it_is_held_and_served_and_says_nothing() -> None:
    ana = founded()
    bea = admitted(ana, "bea", 2)
    pass_on(ana, bea)
    bea.edit(CASE, Operation(1, "f", b"", "honest"))
    pass_on(bea, ana)
    before = ana.replica.state_digest()
    plan = ana.receive(forge(of(bea), [Draft(case=CASE, shape=SHAPE, content=OPAQUE)])[0])
    assert (len(plan.commit.entries), plan.void, plan.refused) == (1, [], [])
    assert ana.replica.state_digest() == before
    cara = admitted(ana, "cara", 3)
    pass_on(ana, cara)
    assert cara.replica.digest() == ana.replica.digest() == Replica(ana.id, ana.store).digest()
    assert cara.replica.state_digest() == before
    after = ana.edit(CASE, Operation(1, "f", b"", "after"))  # what cites it goes on
    (plan,) = pass_on(ana, cara)
    assert plan.commit.entries[-1].id == after


@pytest.mark.parametrize("kind", [Kind.REQUIRE, Kind.RECOVERY, 99, Kind.SEAL_KEY])
def test_control_entries_of_unknown_kinds(kind: int) -> None:
    ana = founded()
    bea = admitted(ana, "bea", 2)
    pass_on(ana, bea)
    shape = codec.array_header(60_000) + b"\x90" * 60_000
    draft = Draft(kind=kind, case=CaseId(ana.id), shape=shape, content=SALT + b"\x90")
    assert len(ana.receive(forge(of(bea), [draft])[0]).commit.entries) == 1
    assert Replica(ana.id, ana.store).digest() == ana.replica.digest()


@pytest.mark.parametrize("kind", [Kind.FOUND, Kind.ADMIT])
def test_no_introduction_is_opaque(kind: int) -> None:
    ana = founded()
    bea = admitted(ana, "bea", 2)
    pass_on(ana, bea)
    shape = codec.array_header(60_000) + b"\x90" * 60_000
    draft = Draft(kind=kind, case=CaseId(ana.id), shape=shape, content=SALT + b"\x91\xa1x")
    with pytest.raises(Malformed):
        ana.replica.plan(forge(of(bea), [draft])[0])


def test_a_snapshot_from_before_the_cap_is_folded_anew() -> None:
    ana = founded()
    ana.edit(CASE, Operation(1, "f", b"", [[]]))
    number = ana.replica.held.cases[CASE]
    [(_, folded, snapshot)] = ana.replica.states.snapshots(worth=1)
    values = codec.decode(snapshot, len(snapshot), Rule.CAP_KEPT)
    assert values[0] == FORMAT
    ana.store.save_snapshots([(number, folded, codec.encode([1, *values[1:]]))])
    again = Replica(ana.id, ana.store)
    assert [cell.value for cell in again.states.get(number).registers["f"].live.values()] == [[[]]]
    assert operations.is_opaque(SHAPE, OPAQUE)
