"""A member gone bad: it signs more histories than one device can have, all continuing from the same place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from cellsync import Cell
from cellsync.core import caps
from cellsync.core.ids import CaseId, DeviceId, Incarnation
from cellsync.core.replica.founding import DeviceSecrets
from cellsync.core.wire import operations
from cellsync.core.wire.batches import Batch, BatchChain
from cellsync.core.wire.operations import Operation
from cellsync.core.wire.tags import Op
from cellsync.ledger.source import FromSession
from cellsync.testing import MemoryNetwork, SimulatedDevice
from tests.core.attacks import Draft, Writer, forge


class Equivocator(NamedTuple):
    """Whoever has the keys of a device, and writes with them what they like."""

    device: DeviceId
    secrets: DeviceSecrets

    def sides(
        self, cell: Cell, case: CaseId, count: int = caps.BRANCHES + 1, *, at: int | None = None,
        onto: Cell | None = None,
    ) -> list[Batch]:  # fmt: skip
        """So many ways in which the device, all of whose entries `cell` holds, goes on: in each another title of
        a case.

        Each has seen all that `cell` holds of its own. `onto`: they go on from what this cell holds of the device.
        """
        circle = cell.first.circle
        chains = (onto or cell).first.circle.replica.held.chains.values()
        chain = next((one for one in chains if one.device == self.device), None)
        writer = self.writer(cell)
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

    def writer(self, cell: Cell) -> Writer:
        """It begins a chain in the circle of `cell`."""
        return Writer(cell.first.circle.id, self.device, Incarnation(b"one life"), self.secrets.signing)


def turned(cell: Cell) -> Equivocator:
    """From now on this device may write what its person likes."""
    return Equivocator(cell.device, cell.secrets)


async def joined(net: MemoryNetwork, inviter: Cell, name: str = "ben", role: str = "writer") -> Equivocator:
    """A member who has joined and is gone again, but for what is forged."""
    async with (await net.device(name).join(inviter, role)).opened() as cell:
        return turned(cell)


def title(case: CaseId, text: str, at: int) -> Draft:
    done = [Operation(Op.SET, "title", b"", text)]
    shape, content = operations.encode_shape(done), operations.encode_content(bytes(16), done)
    return Draft(clock=at, case=case, shape=shape, content=content)


@asynccontextmanager
async def beside_one(net: MemoryNetwork) -> AsyncIterator[tuple[SimulatedDevice, Cell, Equivocator]]:
    """Ana's device, her cell, and Ben, whom she has admitted."""
    laptop = await net.device("ana").found()
    async with laptop.opened() as ana:
        yield laptop, ana, await joined(net, ana)


async def show(cell: Cell, batches: list[Batch]) -> None:
    """As if another device had brought them."""
    for batch in batches:
        await cell.first.circle.ingest(batch, FromSession(None, 0))
