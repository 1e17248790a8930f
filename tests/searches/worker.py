"""A process that tries seeds one after another."""

from __future__ import annotations

import faulthandler
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Final, NamedTuple

from hypothesis import settings

from tests import profiles

LIMIT: Final = 600.0  # seconds, on any machine: a seed that takes longer hangs, and its process ends


class Tried(NamedTuple):
    histories: int
    counterexample: str = ""  # a traceback


def start() -> None:
    """Prepare a process that will try seeds."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the run as a whole
    settings.load_profile(profiles.SEARCH)


def attempt(name: str, seed: int) -> Tried:
    """Try a seed of a search in the registry."""
    from tests.searches.registry import SEARCHES  # after the profile: tests take their settings when imported

    return bounded(SEARCHES[name].attempt, seed)


def bounded(function: Callable[[int], int], seed: int) -> Tried:
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    try:
        with redirect_stdout(sys.stderr):
            return Tried(function(seed))
    except BaseException:  # including pytest's exceptions, and those that would end the process
        return Tried(0, traceback.format_exc())
    finally:
        faulthandler.cancel_dump_traceback_later()
