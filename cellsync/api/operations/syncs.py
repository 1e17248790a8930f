"""Syncs: looking for the others, and exchanging what each lacks."""

from __future__ import annotations

from functools import partial
from typing import final

from cellsync.api.contract import shapes
from cellsync.api.jobs import Job
from cellsync.api.operations.job_handlers import cancelling, showing
from cellsync.api.operations.people import shape_in_sync
from cellsync.api.service import Service
from cellsync.cell.cell import Peer


@final
class SyncJob(Job[shapes.Syncing]):
    """One sync."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service
        self._cell = service.cell
        self._peers = self._cell.peers()

    async def run(self, ask: shapes.Sync) -> None:
        self._peers = await self._cell.sync(everyone=ask.everyone, timeout=ask.timeout, progress=self._progress)

    def _progress(self, peers: list[Peer]) -> None:
        self._peers = peers
        self.move()
        told = [
            {"device": peer.device.hex(), "lacks": peer.lacks, "owes": peer.owes, "circle": peer.circle.hex()}
            for peer in peers
        ]
        self._service.tell("sync.progress", job=self.id, peers=told)

    def show(self) -> shapes.Syncing:
        return shapes.Syncing(
            job=self.id,
            step=self.step,
            state=self.outcome,
            changes=self._cell.entries(),
            peers=[shape_in_sync(peer) for peer in self._peers],
            error=self.shown_error(),
        )


async def sync(service: Service, ask: shapes.Sync) -> shapes.Syncing:
    job = SyncJob(service)
    return service.jobs.begin(job, partial(job.run, ask), service.inside)


show_sync, cancel_sync = showing(SyncJob), cancelling(SyncJob)
