"""Waiting for jobs."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
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


def to_its_end(
    client: Client, operation: str, given: Answer, seen: Callable[[Answer], object] = lambda job: None
) -> Answer:
    """Start a job, say how it moves, and give it as it ended. Ctrl-C cancels it: a job does not end with its client.

    A second Ctrl-C does not wait for the end. `operation` is "import"; `import.show` and `import.cancel` belong to it.
    """
    show = f"{operation}.show"
    with _held_back() as came:
        job = begun = client.call(operation, **given)
    try:
        if came():
            raise KeyboardInterrupt
        for job in steps(client, show, begun):
            seen(job)
    except KeyboardInterrupt:
        cancelled = client.call(f"{operation}.cancel", job=begun["job"])
        for job in steps(client, show, cancelled):
            seen(job)
    except BaseException:  # who reads what we say has gone
        with suppress(Exception):
            client.call(f"{operation}.cancel", job=begun["job"])
        raise
    return job


@contextmanager
def _held_back() -> Iterator[Callable[[], bool]]:
    """Ctrl-C waits for the end of the block, so that what is being started is known; a second one does not.

    Gives a function that says whether it came.
    """
    came = False

    def note(*_: object) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler or current_thread() is not main_thread():
        yield lambda: False
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: came
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def after(client: Client, show: str, job: Answer, state: str) -> Answer:
    """The job, as soon as it is not in this state any more."""
    return next(step for step in steps(client, show, job) if step["state"] != state)


def finished(job: Answer) -> Answer:
    """The job, if it went well. Raises Refusal."""
    error: dict[str, Any] | None = job["error"]
    if error is not None:
        raise Refusal(Problem(**error))
    return job
