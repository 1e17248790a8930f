"""The passphrase of the vault, changed; and a re-key, which gives the vault new keys behind it."""

from __future__ import annotations

from functools import partial
from typing import Final, final

import trio

from cellsync.api.contract import shapes
from cellsync.api.contract.problems import Cancelled
from cellsync.api.jobs import Job
from cellsync.api.operations.job_handlers import cancelling, showing
from cellsync.api.service import Service
from cellsync.store.edge import GivenUp

_EVERY: Final = 0.2  # seconds between two looks at how far it is


async def check(service: Service, ask: shapes.Passphrase) -> shapes.Opens:
    cell, name = await service.names_behind(ask.passphrase)
    return shapes.Opens(cell=cell, name=name)


async def change(service: Service, ask: shapes.ChangePassphrase) -> shapes.Done:
    await service.change_passphrase(ask.old, ask.new)
    return shapes.Done()


@final
class RekeyJob(Job[shapes.Rekeying]):
    """One re-key. It works in a thread, which looks from time to time whether it was cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self._done = self._total = 0

    async def run(self, service: Service, passphrase: str) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._move)
            try:
                await service.rekey(passphrase, self._seen)
            except GivenUp:
                raise self.cancellation() from None
            self._done = self._total
            nursery.cancel_scope.cancel()

    def cancellation(self) -> Cancelled:
        return Cancelled("It was cancelled; everything is as it was.")

    def end(self) -> None:
        """`_seen` says so in the thread: what was made there so far is deleted."""

    def _seen(self, done: int, total: int) -> bool:
        self._done, self._total = done, total
        return not self.cancelled

    async def _move(self) -> None:
        seen = 0
        while True:
            await trio.sleep(_EVERY)
            if self._done != seen:
                seen = self._done
                self.move()

    def show(self) -> shapes.Rekeying:
        return shapes.Rekeying(
            job=self.id,
            step=self.step,
            state=self.outcome,
            done=self._done,
            total=self._total,
            error=self.shown_error(),
        )


async def rekey(service: Service, ask: shapes.Rekey) -> shapes.Rekeying:
    job = RekeyJob()
    return service.jobs.begin(job, partial(job.run, service, ask.passphrase), service.nursery)


show_rekey, cancel_rekey = showing(RekeyJob), cancelling(RekeyJob)
