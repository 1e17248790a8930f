"""Waiting for jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cellsync.api.client import Answer, Client
from cellsync.api.problems import Problem, Refusal

_WAIT: Final = 20.0  # seconds that one question may take


def steps(client: Client, show: str, job: Answer) -> Iterator[Answer]:
    """Every step of a job that this sees, the present one first; it ends with the last."""
    while True:
        yield job
        if job["state"] in ("done", "failed", "joined"):
            return
        job = client.call(show, job=job["job"], after=job["step"], wait=_WAIT)


def after(client: Client, show: str, job: Answer, state: str) -> Answer:
    """The job, as soon as it is not in this state any more."""
    return next(step for step in steps(client, show, job) if step["state"] != state)


def finished(job: Answer) -> Answer:
    """The job, if it went well. Raises Refusal."""
    error: dict[str, Any] | None = job["error"]
    if error is not None:
        raise Refusal(Problem(**error))
    return job
