"""Jobs: lengthy tasks. Each has a step that grows with every change, so clients can wait for the next one.

The client that started it need not stay: a job runs in the service, and ends with the cell, or when it is cancelled. It
has then failed, with the code `cancelled`, unless it was already done.
"""

from __future__ import annotations

import logging
import secrets
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, Final, Generic, Literal, TypeVar, final

import trio

from cellsync.api.contract import shapes
from cellsync.api.contract.problems import FAULT, Cancelled, problem_of
from cellsync.cell.lone_error import the_only
from cellsync.core.errors import CellsyncError, Closed, NotFound

KEPT: Final = 64  # the newest
ENDS_WITHIN: Final = 5.0  # seconds that cancelling a job waits for its end

log = logging.getLogger(__name__)

A = TypeVar("A", bound=shapes.Answer)


class Job(ABC, Generic[A]):
    """A lengthy task."""

    def __init__(self) -> None:
        self.id: Final = secrets.token_hex(8)
        self.step = 1
        self.over = False
        self.error: CellsyncError | None = None
        self.cancelled = False
        self.scope: Final = trio.CancelScope()
        self._moved = trio.Event()

    @abstractmethod
    def show(self) -> A:
        """Its state."""

    async def show_later(self, ask: shapes.JobRef) -> A:
        """Its state, once that is news to the client, or the client has waited as long as it wants."""
        await self.moved(ask.after, ask.wait)
        return self.show()

    def cancel(self) -> None:
        """End it, if it has not ended."""
        if not self.over:
            self.cancelled = True
            self.end()

    async def show_cancelled(self) -> A:
        """End it; returns its final state."""
        self.cancel()
        await self.ended(ENDS_WITHIN)
        return self.show()

    def end(self) -> None:
        """End the work. Overridden where the work must not be cut short at any point."""
        self.scope.cancel()

    def cancellation(self) -> Cancelled:
        """The error of a cancelled job."""
        return Cancelled()

    def move(self) -> None:
        """Count a change, and wake all waiting tasks."""
        self.step += 1
        self._moved.set()
        self._moved = trio.Event()

    async def moved(self, after: int, wait: float) -> None:
        """Wait until its step is greater than `after`, at most so many seconds."""
        with trio.move_on_after(wait):
            while self.step <= after and not self.over:
                await self._moved.wait()

    async def ended(self, wait: float) -> None:
        """Wait until it is over, at most so many seconds."""
        with trio.move_on_after(wait):
            while not self.over:
                await self._moved.wait()

    async def watch(self, work: Callable[[], Awaitable[object]]) -> None:
        """See the work through; its error becomes the job's."""
        try:
            with self.scope:
                await work()
            if self.scope.cancelled_caught:
                self.error = self.cancellation()
        except Exception as raised:
            error = the_only(raised)
            if not isinstance(error, CellsyncError):
                # A bug in one job must not end the others; no content, so no text of it.
                log.error("a job failed: %s", type(error).__name__)
                error = CellsyncError(FAULT)
            self.error = error
        except trio.Cancelled:  # the cell was locked
            self.error = Closed()
            raise
        finally:
            self.over = True
            self.move()

    @property
    def outcome(self) -> Literal["running", "done", "failed"]:
        """The state of a job that asks no questions."""
        return "failed" if self.error else "done" if self.over else "running"

    def shown_error(self) -> shapes.Error | None:
        return None if self.error is None else shapes.Error(**problem_of(self.error)._asdict())


J = TypeVar("J", bound=Job[Any])


@final
class Jobs:
    """The jobs of a service, including the newest finished ones."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job[Any]] = {}

    def begin(self, job: Job[A], work: Callable[[], Awaitable[object]], nursery: trio.Nursery) -> A:
        """Add a job, and see its work through in a nursery; returns its state."""
        self.add(job)
        nursery.start_soon(job.watch, work)
        return job.show()

    def add(self, job: Job[Any]) -> None:
        self._jobs[job.id] = job
        over = [job.id for job in self._jobs.values() if job.over]
        for old in over[: max(0, len(over) - KEPT)]:
            del self._jobs[old]

    @property
    def at_work(self) -> bool:
        """Whether one has not ended."""
        return any(not job.over for job in self._jobs.values())

    def find(self, kind: type[J], begins: str) -> J:
        """Raises NotFound."""
        found = [job for job in self.all(kind) if job.id.startswith(begins)]
        if len(found) != 1:
            raise NotFound(hint="It may have ended long ago. Start a new one.")
        return found[0]

    def all(self, kind: type[J]) -> list[J]:
        """The newest first."""
        return [job for job in reversed(self._jobs.values()) if isinstance(job, kind)]
