"""A writer says, with an early place in the history, that somebody's case is of another kind."""

from __future__ import annotations

from pathlib import Path

from trio.testing import MockClock

from cellsync.core.ids import CaseId, Incarnation
from cellsync.core.wire import operations
from cellsync.core.wire.batches import BatchChain
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from cellsync.testing import MemoryNetwork
from tests.api.services import cell
from tests.cell.equivocators import joined, show
from tests.core.attacks import Draft, forge


async def test_such_a_case_is_still_found_and_its_history_says_who_it_was(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """It leaves the lists of its kind (protocol/90-threats.md, A8): the kind is that of the first create, and whoever
    begins a chain with one has only seen their own admission."""
    net = MemoryNetwork()
    async with cell(tmp_path, "ana", net=net) as [ana]:
        held = ana.service.cell
        mo = await joined(net, held, "mo")
        for number in range(3):
            await ana("case.new", kind="case", set={"title": f"another {number}"})
        case = (await ana("case.new", kind="case", set={"title": "Vera Tikhaya"}))["id"]
        circle = held.circle
        slot = circle.replica._introduced[mo.device]
        admission = circle.store.entry_at(slot)
        assert admission is not None
        row = BatchChain(*next(iter(circle.own_branches())).line, (slot & (1 << 40) - 1) + 1, admission.id, None)
        done = [Operation(Op.CREATE, "org.example.other", 1, None)]
        draft = Draft(
            parents=[(1, 1, admission.id, admission.height)], clock=admission.clock, case=CaseId(bytes.fromhex(case)),
            shape=operations.encode_shape(done), content=operations.encode_content(bytes(16), done),
        )  # fmt: skip
        await show(held, [forge(mo.writer(held)._replace(incarnation=Incarnation(b"a second")), [draft], [row])[0]])

        assert case not in [one["id"] for one in (await ana("case.list", kind="case"))["cases"]]
        for given in ({}, {"find": "tikhaya"}):
            assert (await ana("case.list", **given))["cases"][-1]["id"] == case
        shown = await ana("case.show", case="Vera Tikhaya")
        assert (shown["id"], shown["kind"]) == (case, "org.example.other")
        assert shown["fields"][0]["values"][0]["value"] == "Vera Tikhaya"
        creations = [row for row in (await ana("case.graph", case=case))["rows"] if "created" in row["did"]]
        assert {row["author"] for row in creations} == {"ana", "mo"}
