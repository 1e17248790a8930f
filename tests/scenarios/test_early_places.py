"""A writer begins a chain with a place early in the history, to come before what others have written since.

Whoever begins a chain has only seen their own admission, they say; nobody can tell them from one who was offline.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from cellsync import Cell
from cellsync.casework import CaseFile
from cellsync.core.ids import CaseId, Incarnation
from cellsync.core.wire import operations
from cellsync.core.wire.batches import BatchChain
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from cellsync.testing import MemoryNetwork
from tests.api.services import Asking, cell
from tests.cell.equivocators import Equivocator, joined, show
from tests.core.attacks import Draft, forge


async def says(mo: Equivocator, victim: Cell, case: CaseId, *done: Operation) -> None:
    """Mo says this right after being admitted, as it seems."""
    circle = victim.first.circle
    slot = circle.replica.introduction_of(mo.device)
    assert slot is not None
    admission = circle.store.entry_at(slot)
    assert admission is not None
    row = BatchChain(*next(iter(circle.own_branches())).line, (slot & (1 << 40) - 1) + 1, admission.id, None)
    draft = Draft(
        parents=[(1, 1, admission.id, admission.height)], clock=admission.clock, case=case,
        shape=operations.encode_shape(done), content=operations.encode_content(bytes(16), done),
    )  # fmt: skip
    writer = mo.writer(victim)._replace(incarnation=Incarnation(b"a second"))
    await show(victim, [forge(writer, [draft], [row])[0]])


async def filled(ana: Asking) -> None:
    for number in range(3):
        await ana("case.new", kind="case", set={"title": f"another {number}"})


async def test_a_case_that_is_said_to_be_of_another_kind_is_still_found_and_it_is_known_who_said_it(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """It leaves the lists of its kind (protocol/90-threats.md, A8): the kind is that of the first create."""
    net = MemoryNetwork()
    async with cell(tmp_path, "ana", net=net) as [ana]:
        assert ana.service.cell is not None
        mo = await joined(net, ana.service.cell, "mo")
        await filled(ana)
        case = (await ana("case.new", kind="case", set={"title": "Vera Tikhaya"}))["id"]
        other = Operation(Op.CREATE, "org.example.other", 1, None)
        await says(mo, ana.service.cell, CaseId(bytes.fromhex(case)), other)

        assert case not in [one["id"] for one in (await ana("case.list", kind="case"))["cases"]]
        asked: list[dict[str, Any]] = [{}, {"find": "tikhaya"}]
        for given in asked:
            assert (await ana("case.list", **given))["cases"][-1]["id"] == case
        shown = await ana("case.show", case="Vera Tikhaya")
        assert (shown["id"], shown["kind"]) == (case, "org.example.other")
        assert shown["fields"][0]["values"][0]["value"] == "Vera Tikhaya"
        creations = [row for row in (await ana("case.graph", case=case))["rows"] if "created" in row["did"]]
        assert {row["author"] for row in creations} == {"ana", "mo"}


@pytest.mark.parametrize("fits", [True, False], ids=["another text", "what is no line of such a log"])
async def test_nobody_puts_their_words_in_the_place_of_a_line_that_was_imported(
    tmp_path: Path, autojump_clock: MockClock, fits: bool
) -> None:
    """Its source key is no secret. Of what was appended under it the first was shown, or nothing if that fits not."""
    net = MemoryNetwork()
    async with cell(tmp_path, "ana", net=net) as [ana]:
        held = ana.service.cell
        assert held is not None
        mo = await joined(net, held, "mo")
        await filled(ana)
        table = b"external_id,name,note\nVR-1,Vera,held in Minsk\n"
        job = await ana("import", table=base64.b64encode(table).decode())
        await ana.until("import.show", job, "done")
        case = CaseId(bytes.fromhex((await ana("case.list", find="VR-1"))["cases"][0]["id"]))
        replica = held.first.circle.replica
        [log] = replica.states.read(replica.held.cases[case]).logs.values()
        [append] = log.appended.values()
        source = log.source(append.ref)
        assert source is not None
        kind, _, *rest = append.value
        instead = Operation(Op.APPEND, "timeline", source, [kind, "released", *rest] if fits else 7)
        await says(mo, held, case, instead)

        shown = await ana("case.show", case=case.hex())
        [item] = [item for field in shown["fields"] for item in field["items"]]
        said = [(value["author"], value["text"]) for value in item["values"]]
        assert said == [("ana", "note: held in Minsk"), ("mo", "note: released")][: 1 + fits]
        [line] = (await held.get(CaseFile, case)).timeline.items
        assert (line.author, line.value.text, line.corrected) == ("ana", "held in Minsk", False)
