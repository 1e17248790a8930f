"""What follows from what a device was told and does not hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.errors import PeerError
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.history.withholding import Withheld
from cellsync.core.ids import CaseId, DeviceId, Signature
from cellsync.core.membership.control import Role
from cellsync.core.membership.editions import OURS
from cellsync.core.membership.removal import Remove
from cellsync.core.membership.standing import DeviceStatus
from cellsync.core.replica.hearing import Conclusion, hear, is_withholding, joined
from cellsync.core.replica.planner import Intention
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind
from tests.core.replicas import MemoryReplica, admitted, pass_on, three

CASE = CaseId(b"c" * 32)


def remove(author: MemoryReplica, other: DeviceId) -> None:
    shape, content = OURS.kinds[Kind.REMOVE].encode(Remove((other,)), bytes(16))
    author.write(Intention(Kind.REMOVE, CaseId(author.replica.circle.id), shape, content))


def told(giver: MemoryReplica, taker: MemoryReplica, withheld: Withheld = Withheld.CASES_AND_NAMES) -> list[Batch]:
    """What the taker is told, in one batch for each of the giver's steps."""
    known = giver.known_of(taker)
    peer = PeerHoldings(known, (), ())
    batches, cursor = [], giver.cursor_for(peer)
    while cursor < giver.last_arrival():
        served = giver.serve(cursor, peer, cursor + 1, withheld)
        cursor = served.cursor
        known.update(served.reaches)
        if served.batch is not None:
            batches.append(served.batch)
    return batches


def heard(taker: MemoryReplica, batches: list[Batch]) -> Conclusion:
    return hear(taker.replica.circle.id, taker.store, OURS, batches)


def apart() -> tuple[MemoryReplica, MemoryReplica, MemoryReplica]:
    """Ana, who has removed Bea; Bea, who has not heard; and Eva, who has. The removal cites cases that Bea lacks."""
    ana, bea, eva = three()
    eva.edit(CASE, Operation(1, "title", b"", "what Bea must not read"))
    pass_on(eva, ana)
    ana.edit(CASE, Operation(1, "title", b"", "and this"))
    admitted(ana, "kim", 4)
    remove(ana, bea.device)
    pass_on(ana, eva)
    return ana, bea, eva


def test_who_was_removed_finds_out_without_a_case_or_a_name() -> None:
    ana, bea, _ = apart()
    batches, before = told(ana, bea), bea.replica.digest()
    assert any(map(is_withholding, batches))
    found = heard(bea, batches)
    assert found.refused == []
    assert len(found.new) == sum(len(batch.entries) for batch in batches)
    statuses = found.replica.court.ruling.decision.statuses
    assert statuses[bea.device] is DeviceStatus.REMOVED
    assert statuses == ana.replica.court.ruling.decision.statuses, "as those who hold it see it"
    assert {found.replica.name(device) for device in statuses} >= {"ana", "bea", "eva"}
    assert "kim" not in {found.replica.name(device) for device in statuses}
    assert bea.replica.circle.is_active(bea.device), "what is told is not held"
    assert bea.replica.digest() == before


def test_nothing_follows_as_long_as_something_is_missing() -> None:
    ana, bea, _ = apart()
    first, *rest = told(ana, bea)
    found = heard(bea, rest)
    assert not found.new
    assert len(found.refused) == sum(len([row for row in batch.chains if row.signature]) for batch in rest)
    assert not heard(bea, [first]).refused


@given(st.data())
def test_a_signature_that_is_wrong_is_a_fault(data: st.DataObject) -> None:
    ana, bea, _ = apart()
    batches = told(ana, bea)
    at = data.draw(st.integers(0, len(batches) - 1))
    rows = batches[at].chains
    signed = [number for number, row in enumerate(rows) if row.signature is not None]
    number = data.draw(st.sampled_from(signed))
    rows[number] = rows[number]._replace(signature=Signature(bytes(64)))
    with pytest.raises(PeerError):
        heard(bea, batches)


def test_a_skeleton_of_a_control_entry_says_nothing() -> None:
    """Whom it strikes is in its shape: so nobody can be told of a removal without that."""
    ana, bea, _ = apart()
    batches = told(ana, bea)
    for batch in batches:
        for at, row in enumerate(batch.entries):
            if row.kind % 256 == Kind.REMOVE:
                skeleton = next(one for each in batches for one in each.entries if one.kind % 256 == Kind.CASE)
                batch.entries[at] = row._replace(
                    case=-1, kind=Kind.REMOVE + skeleton.kind, shape=skeleton.shape, content=skeleton.content
                )
    statuses = heard(bea, batches).replica.court.ruling.decision.statuses
    assert statuses[bea.device] is DeviceStatus.ACTIVE


def test_an_answer_is_weighed_against_what_was_told() -> None:
    ana, bea, eva = three()
    dan = admitted(ana, "dan", 4, Role.COORDINATOR)
    for other in (bea, eva, dan):
        pass_on(ana, other)
    ana.edit(CASE, Operation(1, "title", b"", "apart"))
    remove(ana, dan.device)
    assert heard(dan, told(ana, dan)).replica.court.ruling.decision.statuses[dan.device] is DeviceStatus.REMOVED
    remove(dan, ana.device)
    statuses = heard(dan, told(ana, dan)).replica.court.ruling.decision.statuses
    assert statuses[dan.device] is statuses[ana.device] is DeviceStatus.SUSPENDED


def test_several_batches_are_one() -> None:
    ana, bea, _ = apart()
    batches = told(ana, bea)
    assert len(batches) > 2
    whole, again = joined(batches), joined([joined(batches[:2]), joined(batches[2:])])
    assert (whole.chains, whole.cases, whole.entries) == (again.chains, again.cases, again.entries)
    assert joined([]) == Batch()
