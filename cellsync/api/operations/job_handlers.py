"""Handlers that all jobs have: one is shown, or cancelled, by its id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cellsync.api.contract import shapes
from cellsync.api.jobs import A, Job
from cellsync.api.service import Service

ByRef = Callable[[Service, shapes.JobRef], Awaitable[A]]


def showing(kind: type[Job[A]]) -> ByRef[A]:
    """Shows how a job of this kind stands."""

    async def show(service: Service, ask: shapes.JobRef) -> A:
        return await service.jobs.find(kind, ask.job).show_later(ask)

    return show


def cancelling(kind: type[Job[A]]) -> ByRef[A]:
    """Cancels a job of this kind, and shows how it stands then."""

    async def cancel(service: Service, ask: shapes.JobRef) -> A:
        return await service.jobs.find(kind, ask.job).show_cancelled()

    return cancel
