"""Planning: what is spelt out for speed plans as the plain version does."""

from __future__ import annotations

import contextlib
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsync.core.errors import Malformed, PeerError
from cellsync.core.history.serving import PeerHoldings
from cellsync.core.ids import CaseId, DeviceId
from cellsync.core.membership.control import Admit, Role, encode_admit
from cellsync.core.replica import planner
from cellsync.core.replica.founding import device_secrets
from cellsync.core.replica.planner import Intention
from cellsync.core.replica.stage import Plan
from cellsync.core.wire.batches import Batch
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Kind, Op
from tests.core.attacks import SHAPE, content
from tests.core.replicas import MemoryReplica, admitted, pass_on, three
from tests.models import planning
from tests.scenarios import forks

CASE = CaseId(b"c" * 32)


REF = b"somebody's"


def outcome(device: MemoryReplica, batch: Batch) -> object:
    """What a plan says, or what is wrong with the batch."""
    try:
        plan = device.replica.plan(batch)
    except PeerError as error:
        return type(error), str(error)
    return comparable(plan)


def comparable(plan: Plan) -> object:
    changes = [(entry.slot, author, done) for entry, author, done in plan.changes]
    assert len(plan.changes) == len(changes)
    return plan._replace(circle=sorted(plan.circle.grants.items()), changes=changes)  # type: ignore[arg-type]


def both_ways(device: MemoryReplica, batch: Batch) -> object:
    """The same, and that it is the same with the plain version."""
    spelt_out = outcome(device, batch)
    with mock.patch.object(planner, "_stage_entries", planning.stage_entries):
        assert outcome(device, batch) == spelt_out
    return spelt_out


@st.composite
def _changed(draw: st.DrawFn, batch: Batch) -> Batch:
    """The batch with a few things in it otherwise."""
    chains, entries, cases = list(batch.chains), list(batch.entries), list(batch.cases)
    for row in draw(st.lists(st.integers(0, len(chains) - 1), max_size=1)):  # a chain comes twice, side by side
        chains.append(chains[row])
        twice = [[one, one._replace(chain=len(chains) - 1, clock=0)][: 1 + (one.chain == row)] for one in entries]
        entries = [one for pair in twice for one in pair]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(entries) - 1))
        rows = st.integers(0, len(chains) - 1)
        parents = st.lists(st.tuples(rows, st.integers(1, 3)), max_size=2)
        change: dict[str, Any] = draw(
            st.sampled_from([{"clock": clock} for clock in (-(10**13), 5, 1 << 62)])
            | st.fixed_dictionaries({"kind": st.sampled_from([0, 10])})
            | st.fixed_dictionaries({"chain": rows})
            | st.fixed_dictionaries({"case": st.integers(0, len(cases) - 1)})
            | st.fixed_dictionaries({"parents": parents.map(lambda named: [part for pair in named for part in pair])})
            | st.sampled_from([{"content": said} for said in (content([1]), b"", content("y" * 300))])
            | st.sampled_from([{"shape": shape} for shape in (b"", SHAPE * 2, b"\x91\x93\x63\xa1f\xc0")])
        )
        entries[at] = entries[at]._replace(**change)
    for _ in range(draw(st.integers(0, 1))):
        at = draw(st.integers(0, len(chains) - 1))
        chains[at] = draw(
            st.sampled_from(
                [
                    chains[at]._replace(first=chains[at].first + 1),
                    chains[at]._replace(signature=None),
                    chains[at]._replace(device=chains[0].device),
                ]
            )
        )
    return Batch(chains, cases, entries)


def test_an_entry_that_cites_its_own_slice_is_malformed_wherever_it_stands() -> None:
    ana, bea, _ = three()
    for _ in range(4):
        bea.edit(CASE, Operation(1, "f", b"", "said"))
    peer = PeerHoldings(bea.known_of(ana), (), ())
    batch = bea.serve(bea.cursor_for(peer), peer, bea.last_arrival()).batch
    assert batch is not None
    [row] = {one.chain for one in batch.entries}
    for at in (1, 2, 3):
        entries = list(batch.entries)
        entries[at] = entries[at]._replace(parents=[row, 1])
        assert both_ways(ana, Batch(batch.chains, batch.cases, entries)) == (
            Malformed,
            "an entry cites its own chain",
        )


@settings(max_examples=150)
@given(st.data())
def test_what_is_spelt_out_for_speed_plans_as_the_plain_version(data: st.DataObject) -> None:
    people = three()
    ana, *_ = people
    kim = admitted(ana, "kim", 4)
    says = st.sampled_from([(1, b"", "said"), (1, b"", ["a", "list"]), (7, None, "said"), (7, None, 5), (9, REF, None)])
    moves = st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 3), says)
    for at, (who, seen, case, (tag, detail, said)) in enumerate(data.draw(st.lists(moves, min_size=1, max_size=12))):
        if who != seen:
            pass_on(people[seen], people[who])
        if case < 3:
            people[who].edit(CaseId(bytes([case]) * 32), Operation(tag, "f", detail, said))
        else:
            admitted(people[who], "somebody", 10 + at)  # counts if it is ana who does it
        if at == 3 and data.draw(st.booleans()):
            pass_on(ana, kim)
    giver = people[data.draw(st.integers(0, 2))]
    for other in people:
        if other is not giver:
            pass_on(other, giver)
    peer = PeerHoldings(giver.known_of(kim), (), ())
    batch = giver.serve(giver.cursor_for(peer), peer, giver.last_arrival()).batch
    if batch is None:
        return
    changed = data.draw(_changed(batch))
    both_ways(kim, changed)
    with mock.patch.object(planner, "verify", return_value=True):  # else nothing would be told of what was changed
        both_ways(kim, changed)
        with contextlib.suppress(PeerError):
            kim.receive(changed)  # and some of it is held when the rest comes
        both_ways(kim, batch)


def test_an_equivocator_closes_no_head_in_the_common_case() -> None:
    ana, bea, _ = three()
    kim = admitted(ana, "kim", 4)
    pass_on(ana, kim)
    pass_on(ana, bea)
    bea.edit(CASE, Operation(1, "f", b"", "first"))
    ana.edit(CASE, Operation(1, "f", b"", "of Ana"))
    pass_on(ana, bea)
    bea.edit(CASE, Operation(1, "f", b"", "cites what Ana wrote"))
    peer = PeerHoldings(bea.known_of(kim), (), ())
    batch = bea.serve(bea.cursor_for(peer), peer, bea.last_arrival()).batch
    assert batch is not None
    for equivocators in (frozenset[DeviceId](), frozenset({bea.device})):
        kim.replica.held._equivocators = equivocators
        both_ways(kim, batch)
        [of_ana] = [one for one in kim.replica.plan(batch).commit.chains if one.device == ana.device]
        assert of_ana.cited is not bool(equivocators)


def test_histories_with_forks_are_planned_as_by_the_plain_version(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = MemoryReplica.receive
    batches = 0

    def receive(device: MemoryReplica, batch: Batch, peer: DeviceId | None = None) -> Any:
        nonlocal batches
        both_ways(device, batch)
        batches += 1
        return plan(device, batch, peer)

    monkeypatch.setattr(MemoryReplica, "receive", receive)
    for seed in range(4):
        forks.history(seed)
    assert batches > 100


WRITES = st.lists(st.tuples(st.integers(0, 6), st.sampled_from([b"", b"x", b"x" * 300])), min_size=1, max_size=9)


@settings(max_examples=40)
@given(
    WRITES, st.permutations(["ana", "bea", "eva", "dan"]), st.integers(0, 3), st.booleans(), st.sampled_from([1, 400])
)
def test_many_of_our_own_are_planned_as_each_by_itself(
    writes: list[tuple[int, bytes]], order: list[str], heard: int, begun: bool, run: int
) -> None:
    """Whatever heads there are to cite, also of one who may not write; `0` is no case entry but an admission.

    `run`: bytes after which there is a signature.
    """
    ana, bea, eva = three()
    devices = {"ana": ana, "bea": bea, "eva": eva, "dan": admitted(ana, "dan", 4, Role.READER)}
    pass_on(ana, devices["dan"])
    writer, *others = [devices[name] for name in order]
    for other in others[:heard]:
        other.edit(CASE, Operation(int(Op.APPEND), "notes", None, other.device.hex()))
        pass_on(other, writer)
    if begun:
        writer.edit(CASE, Operation(int(Op.APPEND), "notes", None, "begun"))
    keys = [device_secrets(bytes([number]) * 96).public for number in range(len(writes))]
    admits = [encode_admit(Admit(Role.WRITER, one, f"new {at}"), bytes(16)) for at, one in enumerate(keys)]
    intentions = [
        Intention(Kind.CASE, CaseId(bytes([number]) * 32), SHAPE, content(text))
        if number
        else Intention(Kind.ADMIT, CaseId(writer.replica.circle.id), *admits[at])
        for at, (number, text) in enumerate(writes)
    ]

    def planned() -> object:
        return comparable(writer.replica.plan_writes(writer.line, writer.secrets.signing, intentions, writer.now))

    with mock.patch.object(planner, "RUN", run):
        spelt_out = planned()
        with mock.patch.object(planner, "_stage_cases", planning.stage_cases):
            assert planned() == spelt_out
