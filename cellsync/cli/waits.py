"""Waits: for a job to be over, and for a person's answer while the job runs.

A question blocks the program until Enter. So another thread follows the job meanwhile, and breaks the question off when
no answer is needed any more: the other side has left, say. A signal that comes just before the read begins is noticed
only after it, so the signal is repeated until it has been noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread, get_ident
from typing import Any, Final

from cellsync import system
from cellsync.api.client import Answer, Client
from cellsync.api.contract.problems import Problem, Refusal
from cellsync.cli.interrupts import held_back
from cellsync.core.errors import CellsyncError

_WAIT: Final = 20.0  # seconds that one request to the daemon may take
_AGAIN: Final = 0.1


class Overtaken(Exception):
    """The question that a person was asked is no longer open."""


def steps(client: Client, show: str, job: Answer) -> Iterator[Answer]:
    """The steps of a job as far as they are seen, from the present one to the last."""
    while True:
        yield job
        if job["state"] in ("done", "failed", "joined"):
            return
        job = client.call(show, job=job["job"], after=job["step"], wait=_WAIT)


def to_its_end(
    client: Client, operation: str, given: Answer, seen: Callable[[Answer], object] = lambda job: None
) -> Answer:
    """Start a job, report its steps to `seen`, and return it as it ended. Ctrl-C cancels the job, which would not end
    with its client; a second Ctrl-C does not wait for the end.

    `operation`: "import", say, to which `import.show` and `import.cancel` belong. `given` is emptied: a table need not
    stay in memory while the job works on it.
    """
    show = f"{operation}.show"
    with held_back() as came:
        job = begun = client.call(operation, **given)
    given.clear()
    try:
        if came():
            raise KeyboardInterrupt
        for job in steps(client, show, begun):
            seen(job)
    except KeyboardInterrupt:
        cancelled = client.call(f"{operation}.cancel", job=begun["job"])
        for job in steps(client, show, cancelled):
            seen(job)
    except BaseException:  # the reader of our output has gone away
        with suppress(Exception):
            client.call(f"{operation}.cancel", job=begun["job"])
        raise
    return job


def after(client: Client, show: str, job: Answer, state: str) -> Answer:
    """The job, as soon as it has left this state."""
    return next(step for step in steps(client, show, job) if step["state"] != state)


@contextmanager
def asking(client: Client, show: str, job: Answer) -> Iterator[None]:
    """Ask a person about a job within the block. Raises Overtaken as soon as the job leaves its present state."""
    over = Event()
    asks = get_ident()

    def follow() -> None:
        last = job
        try:
            while last["state"] == job["state"] and not over.is_set():
                last = client.call(show, job=job["job"], after=last["step"], wait=_WAIT)
        except CellsyncError:
            pass  # the daemon has gone
        while not over.wait(_AGAIN):
            system.signals.break_off(asks)

    def break_off() -> None:
        if not over.is_set():
            over.set()
            raise Overtaken

    system.signals.when_broken_off(break_off)  # it stays: a signal may still be on its way when the answer comes
    Thread(target=follow, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def finished(job: Answer) -> Answer:
    """The job, if it went well. Raises Refusal."""
    error: dict[str, Any] | None = job["error"]
    if error is not None:
        raise Refusal(Problem(**error))
    return job
