"""A member gone bad: it signs more histories than one device can have, and each goes on from the same place."""

from __future__ import annotations

from cellsync import Cell
from cellsync.core import caps
from cellsync.core.ids import CaseId, DeviceId, Incarnation
from cellsync.core.replica.founding import DeviceSecrets
from cellsync.core.wire import operations
from cellsync.core.wire.batches import Batch, BatchChain
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from cellsync.ledger.source import FromSession
from tests.core.attacks import Draft, Writer, forge


def sides(
    cell: Cell, device: DeviceId, secrets: DeviceSecrets, case: CaseId, count: int = caps.BRANCHES + 1,
    *, at: int | None = None, onto: Cell | None = None,
) -> list[Batch]:  # fmt: skip
    """So many ways in which `device`, all of whose entries `cell` holds, goes on: in each another title of a case.

    Each has seen all that `cell` holds of its own. `onto`: they go on from what this cell holds of the device instead.
    """
    circle = cell.circle
    chain = next((one for one in (onto or cell).circle.replica.held.chains.values() if one.device == device), None)
    writer = Writer(circle.id, device, Incarnation(b"one life"), secrets.signing)
    if chain is not None:
        writer = writer._replace(
            incarnation=chain.incarnation, first=chain.length + 1, previous=chain.head, height=chain.height
        )
    own = next(one for one in circle.own_branches())
    seen = BatchChain(*own.line, own.length + 1, own.head, None)
    clock = int(circle.surroundings.now()) if at is None else at
    batches: list[Batch] = []
    for number in range(count):
        draft = title(case, f"side {number}", clock)._replace(parents=[(1, 1, own.head, own.height)])
        batches.append(forge(writer, [draft], [seen])[0])
    return batches


def title(case: CaseId, text: str, at: int) -> Draft:
    done = [Operation(Op.SET, "title", b"", text)]
    shape, content = operations.encode_shape(done), operations.encode_content(bytes(16), done)
    return Draft(clock=at, case=case, shape=shape, content=content)


async def show(cell: Cell, batches: list[Batch]) -> None:
    """As if another device had brought them."""
    for batch in batches:
        await cell.circle.ingest(batch, FromSession(None, 0))
