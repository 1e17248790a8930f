"""sync: its report on each device that stayed, left, or never came, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations_with_replacement
from typing import Any

import pytest

from cellsync.core.errors import NoPeer, Timeout
from tests.cli.conftest import NOW
from tests.scenarios.versions.test_commands import Canned, run
from tests.scenarios.versions.test_commands import peer as plain_peer

pytestmark = pytest.mark.usefixtures("noon")

IN_STEP_AT = "2026-03-01T10:15:59+00:00"
LEFT = {"connected": False, "in_step_now": False, "owes": None, "lacks_of_others": None}

# name: (what a sync found, what is said of it)
FOUND: dict[str, tuple[dict[str, Any], str]] = {
    "here": ({"reached": True, "came_in_step": IN_STEP_AT}, "✓ in step at 10:15"),
    "left": (
        {"reached": True, "came_in_step": IN_STEP_AT, "in_step": True} | LEFT,
        "✓ in step when last seen, 56 s ago",
    ),
    "left, and something was written": (
        {"reached": True, "came_in_step": IN_STEP_AT, "in_step": False, "lacks": 2} | LEFT,
        "✓ in step at 10:15 · seen 56 s ago · is not known to have 2 changes of yours",
    ),
    "left, and others have written": (
        {"reached": True, "came_in_step": IN_STEP_AT, "in_step": None} | LEFT,
        "✓ in step at 10:15 · seen 56 s ago",
    ),
    "partly": (
        {"reached": True, "connected": True, "in_step_now": False, "in_step": False, "owes": 3},
        "not in step: has 3 that you lack",
    ),
    "suspended": (
        {"reached": True, "connected": True, "in_step_now": False, "in_step": False, "suspended": True, "lacks": 3},
        "not in step: it is suspended, and told nothing of cases until that is decided",
    ),
    "not finished": (
        {"reached": True, "connected": True, "in_step_now": False, "in_step": None, "owes": None},
        "not in step: not finished",
    ),
    "partly, and left": (
        {"reached": True, "in_step": False, "lacks": 1} | LEFT,
        "left before it was in step · seen 56 s ago · is not known to have 1 change of yours",
    ),
    "not finished, and left": ({"reached": True, "in_step": None} | LEFT, "left before it was in step · seen 56 s ago"),
    "gone before": ({"reached": False, "in_step": True} | LEFT, "not reached · in step when last seen, 56 s ago"),
    "gone before, and lacks": (
        {"reached": False, "in_step": None, "lacks": 4} | LEFT,
        "not reached · seen 56 s ago · is not known to have 4 changes of yours",
    ),
    "never seen": (
        {"reached": False, "in_step": None, "last_seen": None} | LEFT,
        "not reached · never seen",
    ),
    "older": ({"reached": True, "in_step": None, "version": "older"} | LEFT, "nothing exchanged (seen 56 s ago)"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def peer(found: str, name: str = "Ben") -> dict[str, Any]:
    seen = NOW - timedelta(seconds=56)
    fields, _ = FOUND[found]
    return plain_peer(name, None, in_step=True) | {"came_in_step": None, "last_seen": seen.isoformat()} | fields


@pytest.mark.parametrize(("one", "other"), list(combinations_with_replacement(FOUND, 2)))
def test_what_is_said_of_each_and_how_it_ends(monkeypatch: pytest.MonkeyPatch, one: str, other: str) -> None:
    peers = [peer(one), peer(other, "Cara")]
    in_step = [bool(each["came_in_step"]) for each in peers]
    partly = any(each["reached"] and not each["came_in_step"] for each in peers)
    for wait in (False, True):
        done = run(monkeypatch, Canned(peers), "sync", *["--wait"] * wait)
        said = [row for row in done.stdout.splitlines() if not row.startswith("⚠")]
        assert said == [f"Ben   {FOUND[one][1]}", f"Cara  {FOUND[other][1]}"]
        assert done.exit_code == (9 if partly else 5 if wait and not all(in_step) else 0)
        missing = not all(each["reached"] for each in peers)
        assert ("Not everybody was reached in time." in done.stderr) is (wait and missing)
        as_json = run(monkeypatch, Canned(peers), "sync", "--json", *["--wait"] * wait)
        assert as_json.exit_code == done.exit_code
        told = json.loads(as_json.stdout)["peers"]
        assert [bool(each["came_in_step"]) for each in told] == in_step
        assert [each["reached"] for each in told] == [each["reached"] for each in peers]


def test_where_nobody_was_in_step_in_time_it_is_said_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    canned = Canned([peer("partly"), peer("gone before", "Cara"), peer("older", "Dina")], Timeout("not in time"))
    done = run(monkeypatch, canned, "sync")
    assert (done.exit_code, done.stdout) == (5, "Ben  not in step: has 3 that you lack\n")
    assert "error: not in time" in done.stderr
    (line,) = run(monkeypatch, canned, "sync", "--json").stdout.splitlines()
    assert json.loads(line)["error"]["code"] == "timeout"
    assert run(monkeypatch, Canned([peer("gone before")], NoPeer()), "sync").stdout == ""


def test_ctrl_c_says_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(Canned):
        asked = 0

        def call(self, operation: str, **given: Any) -> dict[str, Any]:
            if operation == "sync.show":
                self.asked += 1
                if self.asked > 1:
                    os.kill(os.getpid(), signal.SIGINT)
            return super().call("sync" if operation == "sync.cancel" else operation, **given) | {"state": "running"}

    canned = Endless([peer("here"), peer("gone before", "Cara")])
    done = run(monkeypatch, canned, "sync", "--wait", "--timeout", "80000")
    assert (done.exit_code, done.stdout) == (130, "Ben  ✓ in step at 10:15\n")
    assert "error: interrupted" in done.stderr
