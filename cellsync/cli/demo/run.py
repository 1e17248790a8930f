"""A run of the demo: in every case the processes end, the folder is deleted, and the exit code tells the outcome."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Final

import trio
from rich.console import Console

from cellsync import CellsyncError, system
from cellsync.cli.demo.narration import Narrator
from cellsync.cli.demo.outcome import Outcome
from cellsync.cli.demo.story import play

FAILED: Final = 1
INTERRUPTED: Final = 130
TERMINATED: Final = 143


def run(as_json: bool) -> int:
    """Play the demo. Returns the exit code."""
    # With --json a person at the terminal may watch on standard error; a program gets an object and nothing else.
    console = Console(stderr=True, quiet=not sys.stderr.isatty()) if as_json else Console(highlight=False)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Cyrillic is no reason to stop
    try:
        outcome = trio.run(_until_terminated, Narrator(console))
    except (Exception, BaseExceptionGroup, KeyboardInterrupt) as raised:
        return _report(raised, as_json)
    if outcome is None:
        return TERMINATED
    if as_json:
        print(json.dumps(outcome.as_json()))
    if not outcome.good:
        print("error: the devices do not agree, or something was lost or left readable", file=sys.stderr)
    return 0 if outcome.good else FAILED


def _report(raised: BaseException, as_json: bool) -> int:
    """Say what went wrong in one line and a hint. Returns the exit code. Our own mistakes are raised again."""
    reasons = list(_leaves(raised))
    for error in sorted(reasons, key=lambda error: not isinstance(error, KeyboardInterrupt)):
        match error:
            case KeyboardInterrupt():
                code, message, hint, exit_code = "interrupted", "interrupted; nothing was left behind", "", INTERRUPTED
            case CellsyncError():
                code, message, hint, exit_code = error.code, str(error), error.hint, FAILED
            case OSError() if not isinstance(error, BrokenPipeError):
                code, message, hint, exit_code = "external", error.strerror or "the system refused", "", FAILED
            case _:
                continue
        if as_json:
            print(json.dumps({"error": {"code": code, "message": message, "hint": hint, "exit": exit_code}}))
        print(f"error: {message}" + (f"\n  hint: {hint}" if hint else ""), file=sys.stderr)
        return exit_code
    raise reasons[0] if len(reasons) == 1 else raised


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The exceptions in a group, at any depth."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


async def _until_terminated(teller: Narrator) -> Outcome | None:
    """Play, and clean up. Returns None if a signal stops us, or the terminal is closed."""
    outcome: Outcome | None = None
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def stop() -> None:
            with trio.open_signal_receiver(*system.signals.that_end(at_keyboard=False)) as signals:
                async for _ in signals:
                    nursery.cancel_scope.cancel()

        with tempfile.TemporaryDirectory(prefix="cellsync-demo-", ignore_cleanup_errors=True) as folder:
            outcome = await play(teller, Path(folder))
        nursery.cancel_scope.cancel()
    return outcome
