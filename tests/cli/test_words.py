"""Statements about another device: only what is known, and as of when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cellsync.cli.words import has_wiped, hides_wiped, locks_sooner, presence, secrecy, wipe_ahead
from tests.cli.conftest import NOW
from tests.scenarios.versions.test_commands import Canned, peer, run

pytestmark = pytest.mark.usefixtures("noon")

HERE: dict[str, Any] = {"connected": True, "in_step_now": True, "in_step": True}
GONE: dict[str, Any] = {"connected": False, "in_step_now": False, "owes": None, "lacks_of_others": None}


def known(**given: Any) -> dict[str, Any]:
    seen = NOW - timedelta(seconds=56)
    return peer("Ben", None) | {"last_seen": seen.isoformat()} | given


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (HERE, "LAN, connected · in step"),
        (HERE | {"in_step_now": False}, "LAN, connected · in step when last seen, 56 s ago"),  # it answers no more
        (HERE | {"in_step_now": False, "in_step": False}, "LAN, connected · not in step"),
        (HERE | {"in_step_now": False, "suspended": True}, "LAN, connected · suspended: told nothing of cases"),
        (HERE | {"in_step_now": False, "in_step": None}, "LAN, connected · not known to be in step"),
        (
            HERE | {"in_step_now": False, "in_step": False, "lacks": 1, "lacks_of_others": 2, "owes": 3},
            "LAN, connected · lacks 1 change of yours, lacks 2 changes of others, has 3 that you lack",
        ),
        (GONE | {"in_step": True}, "in step when last seen, 56 s ago"),
        (GONE | {"in_step": None}, "seen 56 s ago · not known to be in step"),
        (GONE | {"in_step": None, "lacks": 2}, "seen 56 s ago · is not known to have 2 changes of yours"),
        (GONE | {"in_step": None, "last_seen": None}, "never seen · not known to be in step"),
        (GONE | {"in_step": None, "version": "older"}, "seen 56 s ago · nothing exchanged"),
    ],
)
def test_presence(given: dict[str, Any], said: str) -> None:
    assert presence(known(**given)) == said


@pytest.mark.parametrize("command", ["status", "peers"])
def test_both_commands_say_it(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    done = run(monkeypatch, Canned([known(**GONE, in_step=True)]), command)
    assert any(" in step when last seen, 56 s ago" in row for row in done.stdout.splitlines())


@pytest.mark.parametrize("lasting", [True, False])
def test_only_what_has_happened_can_be_dismissed(monkeypatch: pytest.MonkeyPatch, lasting: bool) -> None:
    flag = {
        "reason": "older", "text": "has an older one. Why?", "author": "Ben", "device": "ab", "case": None,
        "lasting": lasting, "circle": "",
    }  # fmt: skip
    canned = Canned([known(**GONE, in_step=True)])
    canned._status["flags"] = [flag]
    done = run(monkeypatch, canned, "status")
    assert "⚠ Ben has an older one. Why?" in done.stdout.splitlines()
    assert ("--seen" in done.output) is not lasting


@pytest.mark.parametrize("days", [0, 9])
def test_forward_secrecy_is_said_with_the_backup_that_keeps_older_keys(days: int) -> None:
    window = {"days": days, "bound": "absent", "name": "ben", "backup": None}
    assert "(but for backups)" in secrecy(window)
    made = secrecy(window | {"backup": "2026-11-03T12:00:00+00:00"})
    assert "(but for backups: this device made one on 2026-11-0" in made


def test_what_was_wiped_is_told_from_what_a_read_only_disk_still_has() -> None:
    assert has_wiped(1) == ("⚠ 1 circle wiped just now: this device was removed from it, and it had chosen that.")
    assert "removed from them, and they had chosen that" in has_wiped(2)
    assert hides_wiped(1).startswith("⚠ 1 circle not shown: this device was removed from it, and is to wipe it")
    assert "They are still on this disk, which is read-only." in hides_wiped(2)


def test_what_stops_a_wipe_is_said_as_it_is() -> None:
    said = wipe_ahead("Mill Street", 3 * 3_600)
    assert "wipes Mill Street when it has been on for 3 h more" in said
    assert "stops once as many coordinators speak against the removal as spoke for it, unless the recovery key" in said


@pytest.mark.parametrize(
    ("asked", "locks_in", "sooner"),
    [
        (None, 300, False), (0, None, False), (0, 300, True), (28_800, 300, True), (300, 299.99, False),
        (60, 60, False), (28_800, None, False),
    ],
)  # fmt: skip
def test_who_asked_for_longer_than_a_circle_has_chosen_is_told(
    asked: float | None, locks_in: float | None, sooner: bool
) -> None:
    assert bool(locks_sooner(asked, locks_in)) == sooner
