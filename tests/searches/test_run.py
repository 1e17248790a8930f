from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from tests.searches import attempts, run
from tests.searches.run import Reached, search

pytestmark = pytest.mark.e2e


def test_seeds_in_order_and_as_many_as_were_wanted() -> None:
    assert search(attempts.two_histories, 3, seeds=7) == Reached(3, 7, 14)


def test_until_a_moment_and_at_least_one() -> None:
    reached = search(attempts.two_histories, 40, until=time.monotonic() - 1)
    assert reached == Reached(40, reached.seeds, 2 * reached.seeds)
    assert 1 <= reached.seeds <= 2 * run.cores() + 1


def test_up_to_the_first_counterexample() -> None:
    """Seeds after it do not count, whether they passed or not: the next run begins with the counterexample."""
    reached = search(attempts.fails_at_five_and_seven, 2, seeds=100)
    assert reached[:3] == (2, 3, 6)
    assert reached.next == attempts.BAD
    assert "what seed 5 found" in reached.counterexample


def test_a_process_that_dies_is_a_counterexample() -> None:
    reached = search(attempts.dies_at_five, attempts.BAD, seeds=3)
    assert reached[:3] == (5, 0, 0)
    assert "died or hung" in reached.counterexample


def test_ctrl_c_keeps_what_was_reached() -> None:
    threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        reached = search(attempts.two_histories, 0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert reached.interrupted
    assert reached == Reached(0, reached.seeds, 2 * reached.seeds, "", True)
